//! What the application does: random commands, and whether they are answered as promised.

use super::application::Kind;
use super::world::{Link, World};
use crate::config::QoS;
use crate::error::{Code, Error};
use crate::session::{Accepted, OperationId, State, Wait};

const FILTERS: [&str; 13] = [
    "f0",
    "f1",
    "f2",
    "f3",
    "f4",
    "f5",
    "f6",
    "f7",
    "a",
    "a/+",
    "a/#",
    "b",
    "$share/g/b",
];

impl World {
    pub(super) fn command(&mut self) {
        if self.session.is_idle() && self.random.chance(30) {
            return self.connect();
        }
        match self.random.below(100) {
            0..50 => self.publish(),
            50..65 => self.subscribe(),
            65..71 => self.unsubscribe(),
            71..77 => self.cancel(),
            77..91 => self.acknowledge(),
            91..94 => self.pause(),
            94..95 => self.disconnect(),
            95..96 => self.reconnect(),
            96 => self.connect(),
            _ => self.publish(),
        }
    }

    fn wait(&mut self) -> Wait {
        match self.random.chance(40) {
            true => Wait::Bounded,
            false => Wait::Forever,
        }
    }

    /// Notes how a publish, subscribe or unsubscribe was answered.
    fn answered(
        &mut self,
        number: usize,
        state: State,
        result: Result<(OperationId, Accepted), Error>,
    ) {
        self.say(|| format!("{number}: {result:?}"));
        match result {
            Ok((id, accepted)) => {
                let queued = state != State::Connected;
                assert_eq!(accepted == Accepted::Queued, queued, "{state:?}");
                self.app.accepted(number, id, accepted);
            }
            Err(why) => {
                let expected = match why.code {
                    Code::QueueDisabled => state != State::Connected,
                    Code::QueueFull => true,
                    Code::InvalidState => state == State::Disconnecting,
                    _ => false,
                };
                assert!(expected, "{state:?}: {why}");
                self.app.not_accepted(number);
            }
        }
        self.settle();
    }

    fn publish(&mut self) {
        let (state, number) = (self.session.state(), self.app.begin(Kind::Publish));
        // Nobody can follow how one ends for which nobody waits, if it may be given up.
        let tagged = self.random.chance(80) || self.config.refused_by_close_limit > 0;
        let qos = self.random.pick(&[0, 1, 1]);
        let wait = if tagged { self.wait() } else { Wait::Forever };
        let operation = &mut self.app.operations[number];
        (operation.qos, operation.tagged) = (qos, tagged);
        if wait == Wait::Bounded && qos == 1 {
            operation.deadline = Some(self.now + self.config.operation_timeout);
        }
        let poison = self.config.refused_by_close_limit > 0 && self.random.chance(4);
        let topic = if poison { "poison" } else { "t" };
        let mut payload = format!("{number:06}").into_bytes();
        // A few are larger than what the buffers keep when nothing is in them.
        let most = self
            .random
            .pick(&[200, 200, 200, 200, 200, 200, 200, 6_000]);
        payload.resize(6 + self.random.piece(most) - 1, b'.');
        let kind = [QoS::AtMostOnce, QoS::AtLeastOnce][usize::from(qos)];
        let tag = self.app.tag(number);
        self.say(|| format!("publish {number} QoS {qos} {topic} {wait:?}"));
        let mut tag = Tagged(tag);
        let result = self.session.publish(
            self.now,
            topic.as_bytes(),
            &payload,
            kind,
            false,
            wait,
            |_, _| tag.take(),
        );
        tag.forget();
        self.answered(number, state, result);
    }

    fn subscribe(&mut self) {
        let (state, number) = (self.session.state(), self.app.begin(Kind::Subscribe));
        let (filter, wait) = (self.random.pick(&FILTERS), self.wait());
        let handler = self.random.chance(80).then_some(self.app.handlers + 1);
        let operation = &mut self.app.operations[number];
        (operation.filter, operation.handler) = (filter.to_owned(), handler);
        if wait == Wait::Bounded {
            operation.deadline = Some(self.now + self.config.operation_timeout);
        }
        let mut tag = Tagged(self.app.tag(number));
        self.say(|| format!("subscribe {number} {filter} {wait:?}"));
        let qos = self.random.pick(&[QoS::AtMostOnce, QoS::AtLeastOnce]);
        let result = self
            .session
            .subscribe(self.now, filter, qos, false, wait, |_, _| {
                (tag.take(), handler)
            });
        tag.forget();
        if result.is_ok() {
            self.app.handlers += usize::from(handler.is_some());
        }
        self.answered(number, state, result);
    }

    fn unsubscribe(&mut self) {
        let (state, number) = (self.session.state(), self.app.begin(Kind::Unsubscribe));
        let (filter, wait) = (self.random.pick(&FILTERS), self.wait());
        let operation = &mut self.app.operations[number];
        operation.filter = filter.to_owned();
        if wait == Wait::Bounded {
            operation.deadline = Some(self.now + self.config.operation_timeout);
        }
        let mut tag = Tagged(self.app.tag(number));
        self.say(|| format!("unsubscribe {number} {filter} {wait:?}"));
        let result = self
            .session
            .unsubscribe(self.now, filter, wait, |_, _| tag.take());
        tag.forget();
        self.answered(number, state, result);
    }

    fn cancel(&mut self) {
        let number = self.random.below(self.app.operations.len());
        let operation = &mut self.app.operations[number];
        let (id, pending) = (operation.id, operation.outcome.is_none());
        let known = operation.tagged && operation.kind != Kind::Disconnect;
        operation.cancelled = true;
        self.say(|| format!("cancel {number}"));
        let result = self.session.cancel(self.now, id);
        if known {
            assert_eq!(result.is_ok(), pending, "{number} {result:?}");
        }
        let operation = &mut self.app.operations[number];
        if result.is_ok() && !operation.tagged && operation.accepted == Accepted::Now {
            operation.outcome = Some(Err(Code::Cancelled));
        }
        self.settle();
    }

    pub(super) fn acknowledge(&mut self) {
        if self.app.receipts.is_empty() {
            return;
        }
        let any = self.random.below(self.app.receipts.len());
        self.acknowledge_one(any);
    }

    pub(super) fn acknowledge_all(&mut self) -> bool {
        let any = !self.app.receipts.is_empty();
        if any && self.random.below(2) == 0 {
            self.handled();
        }
        while !self.app.receipts.is_empty() {
            self.acknowledge_one(0);
        }
        any
    }

    /// The callbacks of all messages have run.
    fn handled(&mut self) {
        let receipts = std::mem::take(&mut self.app.receipts);
        let last = receipts.iter().map(|(receipt, ..)| *receipt).max();
        self.say(|| format!("handled up to {last:?}"));
        self.session.handled(self.now, last.unwrap_or(0));
        for (_, connection, place) in receipts {
            if connection == self.app.connection && self.link == Link::Open {
                self.wire.receipts[place].1 = true;
            }
        }
        self.settle();
    }

    fn acknowledge_one(&mut self, index: usize) {
        let (receipt, connection, place) = self.app.receipts.remove(index);
        self.say(|| format!("acknowledge {receipt}"));
        let fresh = connection == self.app.connection && self.link == Link::Open;
        match self.session.acknowledge(self.now, receipt) {
            Ok(()) => {
                assert!(fresh, "stale");
                self.wire.receipts[place].1 = true;
            }
            Err(why) => {
                assert_eq!(why.code, Code::Stale);
                let leaving = self.session.state() == State::Disconnecting;
                assert!(!fresh || leaving, "it is not");
            }
        }
        self.settle();
    }

    fn pause(&mut self) {
        if self.session.is_connected() {
            self.paused = !self.paused;
            self.say(|| "pause, or go on".to_owned());
            self.session.set_paused(self.now, self.paused);
            self.settle();
        }
    }

    pub(super) fn unpause(&mut self) {
        if std::mem::take(&mut self.paused) {
            self.session.set_paused(self.now, false);
            self.settle();
        }
    }

    /// Between two connections the application may change its mind about the window.
    fn configure(&mut self) {
        self.config.in_flight_window = self.random.pick(&[1, 2, 3, 100]);
        self.say(|| "another window".to_owned());
        self.wire.configure(&self.config);
        self.session.configure(self.config.clone());
    }

    pub(super) fn connect(&mut self) {
        if self.session.is_idle() && self.random.chance(20) {
            self.configure();
        }
        let number = self.app.begin(Kind::Connect);
        let (wait, keep_alive_secs) = (self.wait(), self.random.pick(&[0, 0, 5, 60]));
        if wait == Wait::Bounded {
            let deadline = self.now + self.config.connect_disconnect_timeout;
            self.app.operations[number].deadline = Some(deadline);
        }
        let mut tag = Tagged(self.app.tag(number));
        self.say(|| format!("connect {number} {wait:?}"));
        let connected = self.session.is_connected();
        let result = self
            .session
            .connect(self.now, keep_alive_secs, wait, |_| tag.take());
        tag.forget();
        match result {
            Ok(id) => {
                assert!(!connected);
                self.app.accepted(number, id, Accepted::Now);
                (self.failures, self.waiting) = (0, None);
                self.wanted_keep_alive_secs = keep_alive_secs;
            }
            Err(why) => {
                assert_eq!(why.code, Code::InvalidState);
                self.app.not_accepted(number);
            }
        }
        self.settle();
    }

    fn disconnect(&mut self) {
        let number = self.app.begin(Kind::Disconnect);
        let deadline = self.now + self.config.connect_disconnect_timeout;
        self.app.operations[number].deadline = Some(deadline);
        for operation in &mut self.app.operations {
            operation.cancelled |= operation.kind == Kind::Connect;
        }
        let mut tag = Tagged(self.app.tag(number));
        self.say(|| format!("disconnect {number}"));
        let result = self.session.disconnect(self.now, |_| tag.take());
        tag.forget();
        match result {
            Ok(id) => self.app.accepted(number, id, Accepted::Now),
            Err(why) => {
                assert_eq!(why.code, Code::InvalidState);
                self.app.not_accepted(number);
            }
        }
        self.settle();
    }

    fn reconnect(&mut self) {
        self.say(|| "reconnect".to_owned());
        let (connected, failures) = (self.session.is_connected(), self.failures);
        self.waiting = None;
        self.allow_open = true;
        let result = self.session.reconnect(self.now);
        if let Err(why) = result {
            assert_eq!(why.code, Code::InvalidState);
        }
        self.settle();
        self.allow_open = false;
        if connected {
            // A wish is no failure. If the connection was stable the count began anew.
            self.failures = failures.min(self.failures.saturating_sub(1));
        }
    }
}

/// A tag that may not be taken, when the call is refused.
struct Tagged(Option<super::application::Tag>);

impl Tagged {
    fn take(&mut self) -> Option<super::application::Tag> {
        self.0.take()
    }

    fn forget(self) {
        if let Some(mut tag) = self.0 {
            tag.handed_back = true;
        }
    }
}
