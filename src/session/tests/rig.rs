//! Drives one session through a scenario. Time is a number of milliseconds; what the client sends and what the application is
//! told are lists of short texts.

use super::describe::one_by_one;
use super::given;
pub(super) use super::given::{config, kept, lost, ms};
use super::packets::{self, Sent};
use crate::config::SessionConfig;
use crate::error::{Code, Error};
use crate::session::{Accepted, Event, Login, OperationId, Output, Session, State, Wait};
use crate::time::Instant;
use std::collections::HashMap;

pub(super) const MS: u64 = 1_000_000;

pub(super) struct Rig {
    pub(super) session: Session<&'static str, &'static str>,
    pub(super) now: Instant,
    /// The link takes no bytes.
    pub(super) stuck: bool,
    pub(super) link: Link,
    /// How often the session asked for a link.
    pub(super) opens: usize,
    pub(super) ids: HashMap<&'static str, OperationId>,
    /// Of QoS 1 messages, by payload.
    pub(super) receipts: HashMap<String, u64>,
    events: Vec<String>,
    stream: Vec<u8>,
    sent: Vec<Sent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    None,
    Wanted,
    Open,
}

impl Rig {
    pub(super) fn new(config: SessionConfig) -> Self {
        Rig {
            session: Session::new(config, 1),
            now: Instant::ZERO,
            stuck: false,
            link: Link::None,
            opens: 0,
            ids: HashMap::new(),
            receipts: HashMap::new(),
            events: Vec::new(),
            stream: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Connected without keep alive, and what led there is forgotten.
    pub(super) fn connected(config: SessionConfig) -> Self {
        let mut rig = Rig::new(config);
        rig.connect("connect", 0);
        rig.greet(false);
        rig.forget();
        rig
    }

    // What the application asks for.

    pub(super) fn connect(&mut self, tag: &'static str, keep_alive_secs: u16) {
        self.try_connect(tag, keep_alive_secs)
            .expect("connect is accepted");
    }

    pub(super) fn try_connect(
        &mut self,
        tag: &'static str,
        keep_alive_secs: u16,
    ) -> Result<(), Error> {
        let id = self
            .session
            .connect(self.now, keep_alive_secs, Wait::Bounded, |_| Some(tag))?;
        self.ids.insert(tag, id);
        self.settle();
        Ok(())
    }

    pub(super) fn disconnect(&mut self, tag: &'static str) {
        let id = self
            .session
            .disconnect(self.now, |_| Some(tag))
            .expect("disconnect is accepted");
        self.ids.insert(tag, id);
        self.settle();
    }

    /// Publishes with the tag as payload.
    pub(super) fn try_publish(
        &mut self,
        tag: &'static str,
        topic: &str,
        qos: u8,
        wait: Wait,
    ) -> Result<Accepted, Error> {
        self.try_publish_bytes(tag, topic, tag.as_bytes(), qos, wait)
    }

    pub(super) fn try_publish_bytes(
        &mut self,
        tag: &'static str,
        topic: &str,
        payload: &[u8],
        qos: u8,
        wait: Wait,
    ) -> Result<Accepted, Error> {
        let qos = given::qos(qos);
        let (id, accepted) = self.session.publish(
            self.now,
            topic.as_bytes(),
            payload,
            qos,
            false,
            wait,
            |_, _| Some(tag),
        )?;
        self.ids.insert(tag, id);
        self.settle();
        Ok(accepted)
    }

    /// On the topic "t", for as long as it takes.
    pub(super) fn publish(&mut self, tag: &'static str, qos: u8) -> Accepted {
        self.try_publish(tag, "t", qos, Wait::Forever)
            .expect("publish is accepted")
    }

    /// The same with a synchronous call's time-out.
    pub(super) fn publish_bounded(&mut self, tag: &'static str, qos: u8) -> Accepted {
        self.try_publish(tag, "t", qos, Wait::Bounded)
            .expect("publish is accepted")
    }

    /// The tag is the name of the handler too.
    pub(super) fn subscribe(&mut self, tag: &'static str, filter: &str, qos: u8) -> Accepted {
        self.try_subscribe(tag, filter, qos, false, Wait::Forever)
            .expect("subscribe is accepted")
    }

    pub(super) fn try_subscribe(
        &mut self,
        tag: &'static str,
        filter: &str,
        qos: u8,
        manual: bool,
        wait: Wait,
    ) -> Result<Accepted, Error> {
        let qos = given::qos(qos);
        let (id, accepted) =
            self.session
                .subscribe(self.now, filter, qos, manual, wait, |_, _| {
                    (Some(tag), Some(tag))
                })?;
        self.ids.insert(tag, id);
        self.settle();
        Ok(accepted)
    }

    /// Subscribes, and the broker grants it.
    pub(super) fn subscribed(&mut self, tag: &'static str, filter: &str) {
        self.subscribe(tag, filter, 1);
        let Some(Sent::Subscribe { packet_id, .. }) = self.sent.pop() else {
            panic!("no SUBSCRIBE was sent last");
        };
        self.suback(packet_id, &[1]);
        assert_eq!(self.events.pop(), Some(format!("done {tag} Ok granted 1")));
    }

    pub(super) fn unsubscribe(&mut self, tag: &'static str, filter: &str) -> Accepted {
        let (id, accepted) = self
            .session
            .unsubscribe(self.now, filter, Wait::Forever, |_, _| Some(tag))
            .expect("unsubscribe is accepted");
        self.ids.insert(tag, id);
        self.settle();
        accepted
    }

    pub(super) fn cancel(&mut self, tag: &str) -> Result<(), Code> {
        let result = self.session.cancel(self.now, self.ids[tag]);
        self.settle();
        result.map_err(|error| error.code)
    }

    pub(super) fn acknowledge(&mut self, payload: &str) -> Result<(), Code> {
        let result = self.session.acknowledge(self.now, self.receipts[payload]);
        self.settle();
        result.map_err(|error| error.code)
    }

    /// The callbacks of the message with this payload, and of all before it, have run.
    pub(super) fn handled(&mut self, payload: &str) {
        self.session.handled(self.now, self.receipts[payload]);
        self.settle();
    }

    pub(super) fn pause(&mut self, paused: bool) {
        self.session.set_paused(self.now, paused);
        self.settle();
    }

    pub(super) fn reconnect(&mut self) {
        self.session.reconnect(self.now).expect("legal");
        self.settle();
    }

    pub(super) fn shut_down(&mut self) {
        self.session.shut_down(self.now);
        self.settle();
    }

    // What the network does.

    /// The link is there.
    pub(super) fn open(&mut self) {
        assert_eq!(self.link, Link::Wanted, "no link is wanted");
        self.link = Link::Open;
        self.stream.clear();
        self.session.opened(self.now, &Login::default());
        self.settle();
    }

    /// The link is there, and the broker accepts.
    pub(super) fn greet(&mut self, session_present: bool) {
        self.open();
        self.receive(&packets::connack(session_present, 0));
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        assert_eq!(self.link, Link::Open, "there is no link to receive from");
        self.session.received(self.now, bytes);
        self.settle();
    }

    pub(super) fn puback(&mut self, packet_id: u16) {
        self.receive(&packets::puback(packet_id));
    }

    pub(super) fn suback(&mut self, packet_id: u16, codes: &[u8]) {
        self.receive(&packets::suback(packet_id, codes));
    }

    pub(super) fn unsuback(&mut self, packet_id: u16) {
        self.receive(&packets::unsuback(packet_id));
    }

    pub(super) fn message(&mut self, topic: &str, payload: &str, packet_id: u16) {
        self.receive(&packets::publish(topic, payload.as_bytes(), packet_id));
    }

    /// The peer closes the connection.
    pub(super) fn lose(&mut self) {
        self.fail(lost());
    }

    pub(super) fn fail(&mut self, why: Error) {
        assert_ne!(self.link, Link::None, "there is no link to lose");
        self.link = Link::None;
        self.session.closed(self.now, why);
        self.settle();
    }

    /// The connection is lost; the next attempt begins when its time has come.
    pub(super) fn lose_and_wait(&mut self) {
        self.lose();
        self.until_wanted();
    }

    pub(super) fn until_wanted(&mut self) {
        while self.link != Link::Wanted {
            let deadline = self.session.deadline().expect("an attempt will come");
            self.go_to(deadline);
        }
    }

    /// A link that was stuck takes `count` bytes.
    pub(super) fn take(&mut self, count: usize) {
        let count = count.min(self.session.outgoing().len());
        self.stream
            .extend_from_slice(&self.session.outgoing()[..count]);
        self.session.sent(self.now, count);
        self.settle();
    }

    pub(super) fn unstick(&mut self) {
        self.stuck = false;
        self.settle();
    }

    // Time.

    pub(super) fn advance(&mut self, by_ms: u64) {
        self.go_to(self.now + ms(by_ms));
    }

    /// Goes to `then`, calling `timeout` at each deadline on the way.
    pub(super) fn go_to(&mut self, then: Instant) {
        let mut calls_at_once = 0;
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= then) {
            calls_at_once = if deadline > self.now {
                0
            } else {
                calls_at_once + 1
            };
            assert!(calls_at_once < 5, "the deadline stays in the past");
            self.now = self.now.max(deadline);
            self.session.timeout(self.now);
            self.settle();
        }
        self.now = then;
    }

    /// Asserts that nothing is sent and nothing happens up to one millisecond before `after_ms` from now, and goes there.
    pub(super) fn quiet_for(&mut self, after_ms: u64) {
        assert_eq!((self.packets(), self.events()), (vec![], vec![]));
        self.advance(after_ms - 1);
        assert_eq!(
            (self.packets(), self.events()),
            (vec![], vec![]),
            "too early"
        );
        self.advance(1);
    }

    // What came of it.

    /// Packets sent since the last time.
    pub(super) fn packets(&mut self) -> Vec<String> {
        let sent = std::mem::take(&mut self.sent);
        sent.iter().map(Sent::to_string).collect()
    }

    /// Events since the last time.
    pub(super) fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn forget(&mut self) {
        self.sent.clear();
        self.events.clear();
    }

    pub(super) fn state(&self) -> State {
        self.session.state()
    }

    fn settle(&mut self) {
        loop {
            while let Some(output) = self.session.poll() {
                match output {
                    Output::Open => {
                        assert_eq!(self.link, Link::None, "two links at once");
                        self.link = Link::Wanted;
                        self.opens += 1;
                    }
                    Output::Close => {
                        assert_ne!(self.link, Link::None, "no link to close");
                        self.link = Link::None;
                    }
                    Output::Event(event) => {
                        if let Event::Messages(messages) = &event {
                            for inbound in messages.iter_from(0) {
                                let payload = String::from_utf8_lossy(inbound.payload());
                                self.receipts
                                    .insert(payload.into_owned(), inbound.receipt());
                            }
                        }
                        self.events.extend(one_by_one(event));
                    }
                }
            }
            let pending = self.session.outgoing().len();
            if self.stuck || self.link != Link::Open || pending == 0 {
                break;
            }
            self.stream.extend_from_slice(self.session.outgoing());
            self.session.sent(self.now, pending);
        }
        while let Some((sent, length)) = packets::read(&self.stream) {
            self.stream.drain(..length);
            self.sent.push(sent);
        }
    }
}
