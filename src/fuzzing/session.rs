//! A session between an application that does anything, a link that moves any number of bytes at any time, and a peer that says
//! anything at all. What holds even then is the oracle; an honest broker's promises are `session_model`'s.

mod link;
mod oracle;

use super::input::Input;
use crate::config::{Backoff, DropBehavior, Protocol, QoS, SessionConfig, Will};
use crate::session::{OperationId, Output, Session, Wait};
use crate::time::Instant;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

const TOPICS: &[&str] = &["t", "a/b", "", "+", "$SYS/x", "a\0b", "é/ü"];
const FILTERS: &[&str] = &["t", "a/+", "#", "+/#", "$share/g/t", "", "a#", "t/é"];
const STEPS: usize = 4_000;

/// What belongs to the application and must come back: operations and handlers.
#[derive(Default)]
struct Ledger {
    /// Accepted and without outcome, and whether somebody waits.
    open: BTreeMap<u64, bool>,
    handlers: BTreeSet<u64>,
}

/// Dropped anywhere but in the application it is a broken promise.
struct Tag {
    operation: u64,
    handed_back: bool,
}

impl Drop for Tag {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.handed_back, "a tag was dropped inside the session");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    None,
    Wanted,
    Open,
}

struct World<'a> {
    input: Input<'a>,
    config: SessionConfig,
    session: Session<Tag, u64>,
    ledger: Rc<RefCell<Ledger>>,
    handlers: u64,
    now: Instant,
    link: Link,
    paused: bool,
    online: bool,
    last_operation: u64,
    /// Bytes that the link took and that are not yet a whole packet.
    sent: Vec<u8>,
    packets: usize,
    said_disconnect: bool,
    /// In the order of receipt: packet identifiers of messages on this connection, of which the first were acknowledged.
    owed_pubacks: Vec<u16>,
    pubacks: usize,
    receipts: Vec<u64>,
}

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let config = configuration(&mut input);
    let seed = input.u16();
    let mut world = World {
        session: Session::new(config.clone(), u64::from(seed)),
        config,
        ledger: Rc::default(),
        handlers: 0,
        now: Instant(input.u64() >> 16),
        link: Link::None,
        paused: false,
        online: false,
        last_operation: 0,
        sent: Vec::new(),
        packets: 0,
        said_disconnect: false,
        owed_pubacks: Vec::new(),
        pubacks: 0,
        receipts: Vec::new(),
        input,
    };
    for _ in 0..STEPS {
        if world.input.is_empty() {
            break;
        }
        world.step();
        world.settle();
        world.check();
    }
    world.end();
}

fn configuration(input: &mut Input<'_>) -> SessionConfig {
    let ms = Duration::from_millis;
    let mut config = SessionConfig {
        client_id: "fuzzed".to_owned(),
        protocol: input.pick(&[Protocol::V3_1_1, Protocol::V3_1]),
        clean_session: input.flag(),
        will: input.flag().then(|| Will {
            topic: "will".to_owned(),
            payload: b"gone".to_vec(),
            qos: QoS::AtLeastOnce,
            retain: true,
        }),
        connect_disconnect_timeout: ms(input.pick(&[30_000, 1])),
        operation_timeout: ms(input.pick(&[5_000, 1, 4_294_967_295])),
        ping_timeout: ms(input.pick(&[10_000, 1])),
        retransmit: ms(input.pick(&[10_000, 0, 1, 4_294_967_295])),
        backoff: Backoff {
            base: ms(input.pick(&[1_000, 0, 4_294_967_295])),
            max: ms(input.pick(&[32_000, 0, 4_294_967_295])),
            stable: ms(input.pick(&[20_000, 0])),
        },
        retry_first_connect: input.flag(),
        queue_size: input.pick(&[None, Some(0), Some(1), Some(3)]),
        drop_behavior: input.pick(&[DropBehavior::Newest, DropBehavior::Oldest]),
        draining_interval: ms(input.pick(&[20, 0, 1_000])),
        in_flight_window: input.pick(&[100, 1, 2, 65_535]),
        send_ahead: 64 << 10,
        memory_limit: input.pick(&[1 << 20, 200, 1_000]),
        max_packet_size: input.pick(&[1 << 20, 128, 300]),
        refused_by_close_limit: input.pick(&[5, 0, 1]),
    };
    if config.in_flight_window == u16::MAX {
        // What is sent again goes in steps of one packet. Not drawn, so that the committed inputs keep their meaning.
        config.send_ahead = 1;
    }
    config
}

impl World<'_> {
    fn step(&mut self) {
        match self.input.below(20) {
            0..3 => self.publish(),
            3 => self.subscribe(),
            4 => self.unsubscribe(),
            5 => self.connect(),
            6 => self.control(),
            7 => self.acknowledge(),
            8..11 => self.link_moves(),
            11 => self.honest_answer(),
            12..14 => self.time_passes(),
            14 => {
                let (flag, code) = (
                    self.input.pick(&[0, 0, 1, 2]),
                    self.input.pick(&[0, 0, 0, 5]),
                );
                self.received(&[0x20, 2, flag, code]);
            }
            _ => {
                let bytes = self.input.bytes();
                self.received(bytes);
            }
        }
    }

    fn tag(&self) -> impl FnOnce(u64) -> Option<Tag> + use<> {
        let ledger = Rc::clone(&self.ledger);
        move |operation| {
            ledger.borrow_mut().open.insert(operation, true);
            Some(Tag {
                operation,
                handed_back: false,
            })
        }
    }

    fn wait(&mut self) -> Wait {
        self.input.pick(&[Wait::Forever, Wait::Bounded])
    }

    /// Identifiers are never used again.
    fn accepted(&mut self, id: OperationId) {
        assert!(id.0 > self.last_operation);
        self.last_operation = id.0;
    }

    fn publish(&mut self) {
        let (topic, payload) = (self.input.pick(TOPICS), self.input.bytes());
        let qos = self.input.pick(&[QoS::AtLeastOnce, QoS::AtMostOnce]);
        let (waits, retain) = (self.input.below(4) > 0, self.input.flag());
        let (wait, tag) = (if waits { self.wait() } else { Wait::Forever }, self.tag());
        let before = self.session.accepted_bytes();
        let result = self.session.publish(
            self.now,
            topic.as_bytes(),
            payload,
            qos,
            retain,
            wait,
            |id, _| waits.then(|| tag(id.0)).flatten(),
        );
        match result {
            Ok((id, _)) => self.accepted(id),
            Err(why) => {
                assert!(!why.detail.is_empty());
                assert_eq!(before, self.session.accepted_bytes(), "{why}");
            }
        }
    }

    fn subscribe(&mut self) {
        let filter = self.input.pick(FILTERS);
        let qos = self.input.pick(&[QoS::AtLeastOnce, QoS::AtMostOnce]);
        let (waits, manual, wait) = (self.input.flag(), self.input.flag(), self.wait());
        let (tag, ledger, handler) = (self.tag(), Rc::clone(&self.ledger), self.handlers + 1);
        let result = self
            .session
            .subscribe(self.now, filter, qos, manual, wait, |id, _| {
                ledger.borrow_mut().handlers.insert(handler);
                (waits.then(|| tag(id.0)).flatten(), Some(handler))
            });
        if let Ok((id, _)) = result {
            self.accepted(id);
            self.handlers = handler;
        }
    }

    fn unsubscribe(&mut self) {
        let (filter, wait, tag) = (self.input.pick(FILTERS), self.wait(), self.tag());
        let result = self
            .session
            .unsubscribe(self.now, filter, wait, |id, _| tag(id.0));
        if let Ok((id, _)) = result {
            self.accepted(id);
        }
    }

    fn connect(&mut self) {
        let keep_alive_secs = self.input.pick(&[0, 1, 600, 65_535]);
        let (wait, tag) = (self.wait(), self.tag());
        let result = self
            .session
            .connect(self.now, keep_alive_secs, wait, |id| tag(id.0));
        if let Ok(id) = result {
            self.accepted(id);
        }
    }

    fn control(&mut self) {
        match self.input.below(5) {
            0 => {
                let tag = self.tag();
                if let Ok(id) = self.session.disconnect(self.now, |id| tag(id.0)) {
                    self.accepted(id);
                }
            }
            1 => {
                let _ = self.session.reconnect(self.now);
            }
            2 => {
                self.paused = !self.paused;
                self.session.set_paused(self.now, self.paused);
            }
            _ => {
                let id = self.last_operation.saturating_sub(self.input.byte().into());
                let waited = self.ledger.borrow().open.contains_key(&id);
                let result = self.session.cancel(self.now, OperationId(id));
                assert!(waited || result.is_err() || id > 0, "nothing to cancel");
            }
        }
    }

    fn acknowledge(&mut self) {
        let known = self.receipts.len();
        let receipt = match self.input.below(3) {
            0 => self.input.u64(),
            _ if known == 0 => return,
            1 => self.receipts[self.input.below(known.min(256))],
            _ => self.receipts[known - 1],
        };
        if self.input.flag() {
            // Only what was delivered can have been handled.
            if self.receipts.contains(&receipt) {
                self.session.handled(self.now, receipt);
            }
        } else {
            let _ = self.session.acknowledge(self.now, receipt);
        }
    }

    fn time_passes(&mut self) {
        let to_deadline = self.session.deadline().unwrap_or(self.now).max(self.now);
        self.now = match self.input.below(4) {
            0 | 1 => to_deadline,
            2 => self.now + Duration::from_millis(self.input.u16().into()),
            // As after a long sleep of the machine.
            _ => self.now + Duration::from_secs(u64::from(self.input.u16()) * 60),
        };
        self.session.timeout(self.now);
        self.settle();
        // It goes on at the next deadline, not at once again and again.
        for turn in 0.. {
            if self
                .session
                .deadline()
                .is_none_or(|deadline| deadline > self.now)
            {
                break;
            }
            assert!(turn < 5, "the deadline stays in the past");
            self.session.timeout(self.now);
            self.settle();
        }
    }

    /// Does what the session says.
    fn settle(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Open => {
                    assert_eq!(self.link, Link::None, "two links");
                    self.link = Link::Wanted;
                }
                Output::Close => {
                    assert_ne!(self.link, Link::None, "no link to close");
                    self.gone();
                }
                Output::Event(event) => self.event(event),
            }
        }
    }
}
