//! The model application: what it asked for, and what it was told.

use super::super::given;
use super::broker::Broker;
use super::wire::Wire;
use crate::codec::topic;
use crate::config::{DropBehavior, SessionConfig};
use crate::error::Code;
use crate::session::{Accepted, Done, Event, Inbound, OperationId, OperationKind};
use crate::time::Instant;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// Attached to an operation; it must be handed back.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) number: usize,
    pub(super) handed_back: bool,
    pub(super) dropped: Rc<Cell<u32>>,
}

impl Drop for Tag {
    fn drop(&mut self) {
        if !self.handed_back {
            self.dropped.set(self.dropped.get() + 1);
        }
    }
}

pub(super) type Handler = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Connect,
    Disconnect,
    Publish,
    Subscribe,
    Unsubscribe,
}

#[derive(Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) id: OperationId,
    pub(super) qos: u8,
    pub(super) filter: String,
    pub(super) handler: Option<Handler>,
    pub(super) accepted: Accepted,
    /// Somebody waits for the outcome.
    pub(super) tagged: bool,
    pub(super) deadline: Option<Instant>,
    pub(super) cancelled: bool,
    pub(super) outcome: Option<Result<(), Code>>,
    // On the wire:
    pub(super) transmissions: u32,
    /// The next transmission is a re-delivery.
    pub(super) dup: bool,
    pub(super) packet_id: u16,
    /// The last connection on which it was sent, how often there, and when last.
    pub(super) connection: u64,
    pub(super) copies: u32,
    pub(super) sent_at: Instant,
}

pub(super) struct Application {
    config: SessionConfig,
    /// By number; the first is nobody's.
    pub(super) operations: Vec<Operation>,
    pub(super) numbers: HashMap<OperationId, usize>,
    pub(super) handlers: usize,
    released: Vec<Handler>,
    /// In the order of subscribing; and whether the broker has confirmed it in its present session.
    pub(super) granted: Vec<(String, Option<Handler>, bool)>,
    /// Filters for which an unsubscribe ended without an answer: nobody knows what the broker has.
    pub(super) unsure: Vec<String>,
    online: bool,
    pub(super) shut_down: bool,
    /// Counts connections.
    pub(super) connection: u64,
    /// Not acknowledged messages: receipt, connection, place among the receipts of the connection.
    pub(super) receipts: Vec<(u64, u64, usize)>,
    last_message: u32,
    pub(super) delivered: usize,
    pub(super) dropped: Rc<Cell<u32>>,
}

impl Application {
    pub(super) fn new(config: &SessionConfig) -> Self {
        let mut app = Application {
            config: config.clone(),
            operations: Vec::new(),
            numbers: HashMap::new(),
            handlers: 0,
            released: Vec::new(),
            granted: Vec::new(),
            unsure: Vec::new(),
            online: false,
            shut_down: false,
            connection: 0,
            receipts: Vec::new(),
            last_message: 0,
            delivered: 0,
            dropped: Rc::default(),
        };
        app.begin(Kind::Connect);
        app.operations[0].outcome = Some(Ok(()));
        app
    }

    /// An operation that may or may not be accepted; gives its number.
    pub(super) fn begin(&mut self, kind: Kind) -> usize {
        self.operations.push(Operation {
            kind,
            id: OperationId(0),
            qos: 0,
            filter: String::new(),
            handler: None,
            accepted: Accepted::Now,
            tagged: true,
            deadline: None,
            cancelled: false,
            outcome: None,
            transmissions: 0,
            dup: false,
            packet_id: 0,
            connection: 0,
            copies: 0,
            sent_at: Instant::ZERO,
        });
        self.operations.len() - 1
    }

    pub(super) fn tag(&self, number: usize) -> Option<Tag> {
        self.operations[number].tagged.then(|| Tag {
            number,
            handed_back: false,
            dropped: Rc::clone(&self.dropped),
        })
    }

    pub(super) fn accepted(&mut self, number: usize, id: OperationId, accepted: Accepted) {
        self.numbers.insert(id, number);
        let operation = &mut self.operations[number];
        (operation.id, operation.accepted) = (id, accepted);
        if accepted == Accepted::Queued {
            operation.deadline = None;
        }
    }

    pub(super) fn not_accepted(&mut self, number: usize) {
        assert_eq!(number, self.operations.len() - 1);
        self.operations.pop();
    }

    pub(super) fn wants(&self, filter: &str) -> bool {
        self.granted.iter().any(|(granted, ..)| granted == filter)
    }

    /// Such an operation has no outcome yet.
    pub(super) fn asks(&self, kind: Kind, filter: &str) -> bool {
        self.operations.iter().any(|operation| {
            operation.kind == kind && operation.filter == filter && operation.outcome.is_none()
        })
    }

    pub(super) fn event(
        &mut self,
        event: Event<Tag, Handler>,
        wire: &mut Wire,
        broker: &Broker,
        now: Instant,
    ) {
        match event {
            Event::Online { session_present } => self.online(session_present, wire, now),
            Event::Offline { .. } => {
                assert!(std::mem::take(&mut self.online), "offline twice");
                if !self.shut_down {
                    assert_eq!(self.delivered, wire.received_messages, "a message was lost");
                }
            }
            Event::ConnectFailed { .. } => assert!(!self.online, "an attempt while online"),
            Event::Messages(messages) => {
                for inbound in messages.iter_from(0) {
                    self.message(&inbound, wire);
                }
            }
            Event::Published(published) => {
                for published in published {
                    self.done(given::done(published), broker, now);
                }
            }
            Event::Done(done) => self.done(done, broker, now),
            Event::SubscriptionRefused { filter, .. } => {
                assert!(self.wants(&filter), "reported once");
                self.granted.retain(|(granted, ..)| *granted != *filter);
            }
            Event::Released(handler) => {
                assert!(!self.released.contains(&handler), "released twice");
                let in_use = |(_, granted, _): &(_, Option<Handler>, _)| *granted == Some(handler);
                assert!(
                    self.shut_down || !self.granted.iter().any(in_use),
                    "still in use"
                );
                self.released.push(handler);
            }
        }
    }

    fn online(&mut self, session_present: bool, wire: &mut Wire, now: Instant) {
        assert!(!std::mem::replace(&mut self.online, true), "online twice");
        let is_3_1 = self.config.protocol == crate::config::Protocol::V3_1;
        let kept = session_present || (is_3_1 && !self.config.clean_session);
        if !kept {
            for operation in &mut self.operations {
                operation.dup = false;
            }
        }
        if !session_present {
            for (.., confirmed) in &mut self.granted {
                *confirmed = false;
            }
        }
        // What nobody knew is asked for now, or as soon as that ends which asks for something else.
        self.unsure.clear();
        let owed = self.granted.iter().filter(|(.., confirmed)| !confirmed);
        let owed = owed.map(|(filter, ..)| filter.clone());
        let owed = owed.filter(|filter| !self.asks(Kind::Unsubscribe, filter));
        wire.greeted(owed.collect(), now);
        self.delivered = 0;
    }

    fn message(&mut self, inbound: &Inbound<'_, Handler>, wire: &mut Wire) {
        let matching = self
            .granted
            .iter()
            .filter(|(filter, ..)| topic::matches(filter, inbound.topic()));
        let expected: Vec<Handler> = matching.filter_map(|(_, handler, _)| *handler).collect();
        assert_eq!(
            inbound.matched().handlers,
            expected,
            "in the order of subscribing"
        );
        let number: u32 = std::str::from_utf8(inbound.payload())
            .ok()
            .and_then(|digits| digits.parse().ok())
            .expect("a number");
        assert!(number > self.last_message, "messages in order, once");
        self.last_message = number;
        self.delivered += 1;
        if inbound.receipt() != 0 {
            let place = wire.receipts.len();
            wire.receipts.push((inbound.packet_id(), false));
            self.receipts
                .push((inbound.receipt(), self.connection, place));
        }
    }

    fn done(&mut self, done: Done<Tag>, broker: &Broker, now: Instant) {
        let number = self.numbers[&done.operation];
        let operation = &mut self.operations[number];
        assert!(operation.outcome.is_none(), "{number} ends twice");
        let tag = done.tag.map(|mut tag| {
            tag.handed_back = true;
            tag.number
        });
        assert_eq!(tag, operation.tagged.then_some(number), "the wrong tag");
        let kind = match done.kind {
            OperationKind::Connect => Kind::Connect,
            OperationKind::Disconnect => Kind::Disconnect,
            OperationKind::Publish => Kind::Publish,
            OperationKind::Subscribe => Kind::Subscribe,
            OperationKind::Unsubscribe => Kind::Unsubscribe,
        };
        assert_eq!(kind, operation.kind);
        let result = done.result.map_err(|why| why.code);
        let plausible = match result {
            Ok(()) => match kind {
                Kind::Publish if operation.qos == 1 => broker.received.contains(&number),
                Kind::Publish => operation.transmissions == 1,
                _ => true,
            },
            Err(_) if kind == Kind::Connect => true,
            Err(Code::Cancelled) => operation.cancelled || self.shut_down,
            Err(Code::Timeout) => operation.deadline.is_some_and(|deadline| deadline <= now),
            Err(Code::ConnectionLost) => kind == Kind::Publish && operation.qos == 0,
            Err(Code::Dropped) => {
                kind == Kind::Publish
                    && operation.accepted == Accepted::Queued
                    && operation.transmissions == 0
                    && self.config.drop_behavior == DropBehavior::Oldest
            }
            Err(Code::SubscribeRefused) => kind == Kind::Subscribe,
            Err(Code::RefusedByClose) => {
                self.config.refused_by_close_limit > 0
                    && (kind != Kind::Publish || operation.transmissions > 0)
            }
            Err(_) => false,
        };
        assert!(plausible, "{number} {operation:?} ends with {result:?}");
        operation.outcome = Some(result);
        let (filter, handler) = (operation.filter.clone(), operation.handler);
        match (kind, result) {
            (Kind::Subscribe, Ok(())) => {
                assert!(done.granted_qos.is_some());
                let known = self.granted.iter_mut().find(|(known, ..)| *known == filter);
                match known {
                    Some(known) => *known = (filter, handler, true),
                    None => self.granted.push((filter, handler, true)),
                }
            }
            (Kind::Unsubscribe, Ok(())) => self.granted.retain(|(known, ..)| *known != filter),
            (Kind::Unsubscribe, Err(_)) => self.unsure.push(filter),
            _ => {}
        }
    }

    /// The client has read an acknowledgement.
    pub(super) fn acknowledged(&mut self, what: &str, filters: &[String], codes: &[u8]) {
        if let Some(number) = what
            .strip_prefix("P ")
            .and_then(|number| number.parse::<usize>().ok())
        {
            let operation = &mut self.operations[number];
            let silent = !operation.tagged && operation.accepted == Accepted::Now;
            if silent && operation.outcome.is_none() {
                operation.outcome = Some(Ok(()));
            }
        }
        for (filter, code) in filters.iter().zip(codes) {
            for (granted, _, confirmed) in &mut self.granted {
                *confirmed |= granted == filter && *code != 0x80;
            }
        }
    }

    /// When everything has gone well for long enough.
    pub(super) fn check_rest(&self, broker: &Broker) {
        for (number, operation) in self.operations.iter().enumerate() {
            let reported = operation.tagged || operation.accepted == Accepted::Queued;
            assert!(
                !reported || operation.outcome.is_some(),
                "{number} has no outcome"
            );
            if operation.kind == Kind::Publish && operation.qos == 1 {
                let ended = operation.outcome.is_some_and(|outcome| outcome.is_err());
                assert!(
                    ended || broker.received.contains(&number),
                    "{number} was lost"
                );
            }
        }
        let session = broker.session.as_ref().expect("a session");
        for (filter, ..) in &self.granted {
            let known = session.contains_key(filter) || self.unsure.contains(filter);
            assert!(known, "the subscription to {filter} was lost");
        }
    }

    /// Whether all that is due has happened.
    pub(super) fn check(&self, now: Instant) {
        assert_eq!(
            self.dropped.get(),
            0,
            "a tag was dropped inside the session"
        );
        for (number, operation) in self.operations.iter().enumerate() {
            let overdue = operation.outcome.is_none()
                && operation.deadline.is_some_and(|deadline| deadline < now);
            assert!(!overdue, "{number} has not timed out");
        }
    }

    /// After `shut_down`.
    pub(super) fn check_end(&self) {
        assert!(!self.online, "offline comes last");
        for (number, operation) in self.operations.iter().enumerate() {
            let reported = operation.tagged || operation.accepted == Accepted::Queued;
            assert!(
                !reported || operation.outcome.is_some(),
                "{number}: {operation:?}"
            );
        }
        assert_eq!(self.released.len(), self.handlers, "handlers are released");
    }
}
