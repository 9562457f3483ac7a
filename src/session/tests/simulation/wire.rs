//! What the client puts on the wire, packet by packet at the moment when the first byte leaves.

use super::super::packets::{self, Sent};
use super::application::{Application, Kind};
use crate::config::SessionConfig;
use crate::time::Instant;
use std::collections::{HashMap, HashSet};

/// One connection, but for `last_first`.
pub(super) struct Wire {
    config: SessionConfig,
    /// Of a packet that has begun to leave.
    partial: Vec<u8>,
    packets: usize,
    said_disconnect: bool,
    /// CONNACK has come.
    pub(super) greeted: bool,
    /// What each packet identifier stands for until it is acknowledged.
    taken: HashMap<u16, (String, Vec<String>)>,
    /// Everything with a packet identifier that was sent on this connection.
    seen: HashSet<(u16, String)>,
    unacknowledged: HashSet<u16>,
    /// The last publish of each QoS on this connection, and ever for the first time.
    last_here: [usize; 2],
    last_first: [usize; 2],
    /// Filters that have to be asked for again before the first PUBLISH.
    owed: Vec<String>,
    /// Packet identifiers of messages in the order of receipt, and whether the application has acknowledged them.
    pub(super) receipts: Vec<(u16, bool)>,
    pubacks: usize,
    pub(super) last_taken: Instant,
    unread: Vec<u8>,
    /// Messages that the client has read.
    pub(super) received_messages: usize,
}

/// The payload of a publish begins with the number of its operation.
pub(super) fn number_of(payload: &[u8]) -> usize {
    let digits = std::str::from_utf8(&payload[..6]).expect("digits");
    digits.parse().expect("a number")
}

impl Wire {
    pub(super) fn new(config: &SessionConfig) -> Self {
        Wire {
            config: config.clone(),
            partial: Vec::new(),
            packets: 0,
            said_disconnect: false,
            greeted: false,
            taken: HashMap::new(),
            seen: HashSet::new(),
            unacknowledged: HashSet::new(),
            last_here: [0; 2],
            last_first: [0; 2],
            owed: Vec::new(),
            receipts: Vec::new(),
            pubacks: 0,
            last_taken: Instant::ZERO,
            unread: Vec::new(),
            received_messages: 0,
        }
    }

    pub(super) fn configure(&mut self, config: &SessionConfig) {
        self.config = config.clone();
    }

    /// A new connection.
    pub(super) fn reset(&mut self) {
        let last_first = self.last_first;
        *self = Wire::new(&self.config);
        self.last_first = last_first;
    }

    /// The broker has accepted; it holds no session, or may hold a new one.
    pub(super) fn greeted(&mut self, owed: Vec<String>, now: Instant) {
        self.greeted = true;
        self.owed = owed;
        self.last_taken = now;
    }

    /// The link takes `count` of the outgoing bytes.
    pub(super) fn take(
        &mut self,
        outgoing: &[u8],
        count: usize,
        app: &mut Application,
        now: Instant,
    ) {
        self.last_taken = now;
        let begun = self.partial.len();
        let end = begun + count;
        self.partial.extend_from_slice(outgoing);
        let mut at = 0;
        while at < end {
            let (packet, length) = packets::read(&self.partial[at..]).expect("whole packets");
            if at >= begun {
                self.begins(&packet, app, now);
            }
            if at + length > end {
                break;
            }
            at += length;
        }
        self.partial.truncate(end);
        self.partial.drain(..at);
    }

    fn begins(&mut self, packet: &Sent, app: &mut Application, now: Instant) {
        assert!(!self.said_disconnect, "{packet} after DISCONNECT");
        let is_connect = matches!(packet, Sent::Connect { .. });
        assert_eq!(is_connect, self.packets == 0, "{packet} [MQTT-3.1.0-1]");
        assert!(is_connect || self.greeted, "{packet} before CONNACK");
        self.packets += 1;
        match packet {
            Sent::Connect { .. } | Sent::Pingreq => {}
            Sent::Disconnect => self.said_disconnect = true,
            Sent::Puback(packet_id) => {
                let expected = self.receipts.get(self.pubacks);
                assert_eq!(expected, Some(&(*packet_id, true)), "[MQTT-4.6.0-2]");
                self.pubacks += 1;
            }
            Sent::Publish {
                payload,
                qos,
                dup,
                packet_id,
                ..
            } => self.publish(number_of(payload), *qos, *dup, *packet_id, app, now),
            Sent::Subscribe { packet_id, filters } => {
                let names: Vec<&str> = filters.iter().map(|(filter, _)| &**filter).collect();
                self.owed.retain(|filter| !names.contains(&&**filter));
                let again = self.take_id(*packet_id, format!("S {names:?}"), &names);
                for name in names {
                    assert!(
                        again || app.wants(name) || app.asks(Kind::Subscribe, name),
                        "{packet}: nobody wants {name}"
                    );
                }
            }
            Sent::Unsubscribe { packet_id, filters } => {
                let again = self.take_id(*packet_id, format!("U {filters:?}"), &[]);
                assert!(
                    again || app.asks(Kind::Unsubscribe, &filters[0]),
                    "{packet}"
                );
            }
        }
    }

    fn publish(
        &mut self,
        number: usize,
        qos: u8,
        dup: bool,
        packet_id: u16,
        app: &mut Application,
        now: Instant,
    ) {
        assert!(
            self.owed.is_empty(),
            "SUBSCRIBE comes first: {:?}",
            self.owed
        );
        let first_here = app.operations[number].connection != app.connection;
        let operation = &mut app.operations[number];
        assert_eq!(operation.dup, dup, "DUP of {number} [MQTT-3.3.1-1]");
        assert!(
            matches!(operation.outcome, None | Some(Ok(()))),
            "{number} is sent after its outcome {:?}",
            operation.outcome
        );
        let kind = usize::from(qos);
        if operation.transmissions == 0 {
            assert!(
                number > self.last_first[kind],
                "first transmissions in order"
            );
            self.last_first[kind] = number;
        }
        if first_here {
            assert!(number > self.last_here[kind], "{number} out of order");
            self.last_here[kind] = number;
            operation.copies = 0;
        } else {
            let wait = self.config.retransmit * (1 << operation.copies.saturating_sub(1));
            assert!(qos == 1 && !wait.is_zero(), "{number} again");
            assert!(
                now.since(operation.sent_at) >= wait,
                "{number} again too soon"
            );
        }
        assert!(qos == 1 || operation.transmissions == 0, "QoS 0 again");
        assert!(
            !dup || operation.packet_id == packet_id,
            "another identifier"
        );
        operation.packet_id = packet_id;
        operation.transmissions += 1;
        operation.copies += 1;
        operation.sent_at = now;
        operation.dup = qos == 1;
        operation.connection = app.connection;
        if qos == 1 && operation.outcome.is_none() {
            self.take_id(packet_id, format!("P {number}"), &[]);
            self.unacknowledged.insert(packet_id);
            let window = usize::from(self.config.in_flight_window);
            assert!(self.unacknowledged.len() <= window, "past the window");
        }
    }

    /// True if it was sent on this connection before.
    fn take_id(&mut self, packet_id: u16, what: String, filters: &[&str]) -> bool {
        let again = !self.seen.insert((packet_id, what.clone()));
        let filters = filters.iter().map(|filter| (*filter).to_owned()).collect();
        if let Some((other, _)) = self.taken.insert(packet_id, (what.clone(), filters)) {
            assert_eq!(other, what, "#{packet_id} is taken [MQTT-2.3.1-2]");
        }
        again
    }

    /// Bytes that the client is about to read.
    pub(super) fn answered(&mut self, bytes: &[u8], app: &mut Application) {
        self.unread.extend_from_slice(bytes);
        while let [first, length, rest @ ..] = &self.unread[..] {
            // All that the model broker sends is short.
            let length = usize::from(*length);
            let Some(body) = rest.get(..length) else {
                return;
            };
            if matches!(first >> 4, 4 | 9 | 11) {
                let packet_id = u16::from_be_bytes([body[0], body[1]]);
                let taken = self.taken.remove(&packet_id);
                self.unacknowledged.remove(&packet_id);
                if let Some((what, filters)) = taken {
                    app.acknowledged(&what, &filters, &body[2..]);
                }
            }
            self.received_messages += usize::from(first >> 4 == 3);
            self.unread.drain(..2 + length);
        }
    }

    /// All that was in flight before is on this connection, once everything has left; but for what waits for a window that is
    /// smaller than the last.
    pub(super) fn check_resent(&self, app: &Application, window_is_full: bool) {
        if self.said_disconnect {
            return;
        }
        assert!(self.owed.is_empty(), "not asked for again: {:?}", self.owed);
        if window_is_full {
            return;
        }
        for (number, operation) in app.operations.iter().enumerate() {
            let lost = operation.qos == 1
                && operation.outcome.is_none()
                && operation.transmissions > 0
                && operation.connection != app.connection;
            assert!(!lost, "{number} is not sent again");
        }
    }

    /// No packet has left in part.
    pub(super) fn is_whole(&self) -> bool {
        self.partial.is_empty()
    }
}
