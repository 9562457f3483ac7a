//! What comes from the broker: packets, messages, and the order in which messages are acknowledged.

use super::event::{Event, Inbound, Message, Output};
use super::operation::Body;
use super::{Phase, Session};
use crate::codec::{self, Packet, topic};
use crate::config::QoS;
use crate::error::{Code, Error};
use crate::time::Instant;
use std::collections::VecDeque;

/// Messages are held back for a SUBACK up to this many bytes; then they are delivered without waiting for it.
const HELD_LIMIT: usize = 256 << 10;
/// A broker cannot have more QoS 1 messages under way than there are packet identifiers.
const RECEIPTS_LIMIT: usize = u16::MAX as usize;

/// QoS 1 messages that we have to acknowledge, in the order of receipt. Receipts are numbered through the life of the session,
/// so that a number from a lost connection is known as such.
#[derive(Debug)]
pub(super) struct Receipts {
    /// The number of the first in `pending`.
    first: u64,
    pending: VecDeque<(u16, bool)>,
}

impl Default for Receipts {
    fn default() -> Self {
        // Zero stands for "nothing to acknowledge".
        Receipts {
            first: 1,
            pending: VecDeque::new(),
        }
    }
}

impl Receipts {
    fn push(&mut self, packet_id: u16) -> u64 {
        self.pending.push_back((packet_id, false));
        self.first + self.pending.len() as u64 - 1
    }

    pub(super) fn acknowledge(&mut self, receipt: u64) -> Result<(), Error> {
        if receipt < self.first {
            return Err(Error::new(
                Code::Stale,
                "acknowledged already, or received on a connection that was lost since: the broker will send the message again",
            ));
        }
        let index = usize::try_from(receipt - self.first).unwrap_or(usize::MAX);
        match self.pending.get_mut(index) {
            Some((_, acknowledged)) if !*acknowledged => {
                *acknowledged = true;
                Ok(())
            }
            Some(_) => Err(Error::new(
                Code::Stale,
                "this message was acknowledged already",
            )),
            None => Err(Error::new(
                Code::InvalidArgument,
                format!("{receipt} is not the acknowledgement token of a message"),
            )),
        }
    }

    /// The packet identifier of the oldest message, if it is acknowledged.
    pub(super) fn next_acknowledged(&mut self) -> Option<u16> {
        let (packet_id, _) = *self
            .pending
            .front()
            .filter(|(_, acknowledged)| *acknowledged)?;
        self.pending.pop_front();
        self.first += 1;
        Some(packet_id)
    }

    /// The connection has ended.
    pub(super) fn forget(&mut self) {
        self.first += self.pending.len() as u64;
        self.pending = VecDeque::new();
    }
}

/// Messages that came before the SUBACK of a subscription that they match, and all that came behind them.
#[derive(Debug, Default)]
pub(super) struct Held {
    messages: VecDeque<(Message, u64)>,
    pub(super) bytes: usize,
}

impl Held {
    pub(super) fn clear(&mut self) {
        *self = Held::default();
    }
}

impl<T, H: Clone> Session<T, H> {
    /// Bytes came in, in whatever pieces. Malformed ones end the connection.
    pub fn received(&mut self, now: Instant, bytes: &[u8]) {
        if !matches!(self.phase, Phase::Greeting { .. } | Phase::Connected { .. })
            || bytes.is_empty()
        {
            return;
        }
        self.counters.bytes_received += bytes.len() as u64;
        self.keep_alive.received(now);
        let consumed = if self.partial.is_empty() {
            let consumed = self.packets(now, bytes);
            if let Ok(consumed) = consumed {
                self.partial.extend_from_slice(&bytes[consumed..]);
            }
            consumed
        } else {
            let mut partial = std::mem::take(&mut self.partial);
            partial.extend_from_slice(bytes);
            let consumed = self.packets(now, &partial);
            if let Ok(consumed) = consumed {
                partial.drain(..consumed);
                partial.shrink_to(4 << 10);
                self.partial = partial;
            }
            consumed
        };
        match consumed {
            Ok(_) => self.progress(now),
            // The broker's DISCONNECT is its way to close.
            Err(why) if why.code == Code::ConnectionLost => {
                self.outputs.push_back(Output::Close);
                self.closed(now, why);
            }
            Err(why) => self.hang_up(now, why),
        }
    }

    /// Handles all whole packets; gives how many bytes they took. If the connection ends meanwhile, all of them.
    fn packets(&mut self, now: Instant, bytes: &[u8]) -> Result<usize, Error> {
        let mut at = 0;
        while let Some((packet, length)) = codec::decode(
            &bytes[at..],
            self.config.protocol,
            self.config.max_packet_size,
        )? {
            at += length;
            self.packet(now, packet)?;
            if !matches!(self.phase, Phase::Greeting { .. } | Phase::Connected { .. }) {
                return Ok(bytes.len());
            }
        }
        Ok(at)
    }

    fn packet(&mut self, now: Instant, packet: Packet<'_>) -> Result<(), Error> {
        if let Phase::Greeting { .. } = self.phase {
            // [MQTT-3.2.0-1]
            let Packet::Connack {
                session_present,
                return_code,
            } = packet
            else {
                return Err(Error::new(
                    Code::Protocol,
                    "the broker's first packet is not CONNACK [MQTT-3.2.0-1]",
                ));
            };
            self.connack(now, session_present, return_code);
            return Ok(());
        }
        match packet {
            Packet::Publish(publish) => return self.message(&publish),
            Packet::Puback { packet_id } => self.puback(now, packet_id),
            Packet::Suback {
                packet_id,
                return_codes,
            } => return self.suback(packet_id, return_codes),
            Packet::Unsuback { packet_id } => self.unsuback(packet_id),
            Packet::Pingresp => {}
            Packet::Disconnect => {
                return Err(Error::new(
                    Code::ConnectionLost,
                    "the broker said DISCONNECT",
                ));
            }
            Packet::Connack { .. } => {
                return Err(Error::new(
                    Code::Protocol,
                    "a second CONNACK on one connection",
                ));
            }
        }
        Ok(())
    }

    fn message(&mut self, publish: &codec::Publish<'_>) -> Result<(), Error> {
        self.counters.messages_received += 1;
        let mut receipt = 0;
        if publish.qos == QoS::AtLeastOnce {
            if self.receipts.pending.len() >= RECEIPTS_LIMIT {
                return Err(Error::new(
                    Code::Protocol,
                    "the broker has more unacknowledged messages under way than there are packet identifiers",
                ));
            }
            receipt = self.receipts.push(publish.packet_id);
        }
        let message = Message::new(publish);
        if self.held.messages.is_empty() && !self.awaits_suback_of(publish.topic) {
            self.deliver(message, receipt);
        } else {
            self.held.bytes += message.size();
            self.held.messages.push_back((message, receipt));
            if self.held.bytes > HELD_LIMIT {
                self.release_held(true);
            }
        }
        Ok(())
    }

    fn deliver(&mut self, message: Message, receipt: u64) {
        let matched = self.subscriptions.matching(message.topic());
        self.emit(Event::Message(Inbound {
            message,
            receipt,
            matched,
        }));
    }

    /// A SUBSCRIBE for a filter that matches `name` is under way, and it is not one that we have already.
    fn awaits_suback_of(&self, name: &str) -> bool {
        self.requests.iter().any(
            |slot| match slot.operation().map(|operation| &operation.body) {
                Some(Body::Subscribe { filter, .. }) => {
                    topic::matches(filter, name) && !self.subscriptions.contains(filter)
                }
                _ => false,
            },
        )
    }

    /// Delivers the messages that need not wait any more, or `all`.
    pub(super) fn release_held(&mut self, all: bool) {
        while let Some((message, _)) = self.held.messages.front() {
            if !all && self.awaits_suback_of(message.topic()) {
                return;
            }
            if let Some((message, receipt)) = self.held.messages.pop_front() {
                self.held.bytes -= message.size();
                self.deliver(message, receipt);
            }
        }
    }

    /// The driver reads, or has stopped reading because the application does not take its messages.
    pub fn set_paused(&mut self, now: Instant, paused: bool) {
        self.paused = paused;
        self.keep_alive.pause(now, paused);
        self.settle_clock(now);
    }
}
