//! What comes from the broker: packets, messages, and the order in which messages are acknowledged.

use super::event::Output;
use super::memory::{self, NoMemory};
use super::messages::{HeldMessage, Messages};
use super::operation::Body;
use super::{Phase, Session, count};
use crate::codec::{self, Packet, topic};
use crate::config::QoS;
use crate::error::{Code, Error};
use crate::time::Instant;
use std::collections::VecDeque;

/// Messages are held back for a SUBACK up to this many bytes; then they are delivered without waiting for it.
const HELD_LIMIT: usize = 256 << 10;
/// Of the memory for packets that come in pieces, this much is kept between turns.
const KEPT_FOR_PIECES: usize = 4 << 10;
/// Messages that came before the SUBACK of a subscription that they match, and all that came behind them.
#[derive(Debug, Default)]
pub(super) struct Held {
    messages: VecDeque<HeldMessage>,
    pub(super) bytes: usize,
}

impl Held {
    pub(super) fn clear(&mut self) {
        *self = Held::default();
    }
}

impl<T, H: Clone> Session<T, H> {
    /// The driver begins to read and lends memory for the messages that come.
    pub fn begin_turn(&mut self, spare: Messages<H>) {
        self.outputs.lend(spare);
    }

    /// It has read enough for now. Gives back what was lent, if it was not used; a client that is idle keeps no memory for what comes.
    pub fn end_turn(&mut self) -> Messages<H> {
        if self.partial.is_empty() {
            self.partial.shrink_to(KEPT_FOR_PIECES);
        }
        self.outputs.take_spare()
    }

    /// Bytes came in, in whatever pieces. Malformed ones end the connection.
    pub fn received(&mut self, now: Instant, bytes: &[u8]) {
        if !matches!(self.phase, Phase::Greeting { .. } | Phase::Connected { .. })
            || bytes.is_empty()
        {
            return;
        }
        self.counters.bytes_received += bytes.len() as u64;
        self.keep_alive.received(now);
        match self.packets_in_pieces(now, bytes) {
            Ok(()) => self.progress(now),
            // The broker's DISCONNECT is its way to close.
            Err(why) if why.code == Code::ConnectionLost => {
                self.outputs.push(Output::Close);
                self.closed(now, why);
            }
            Err(why) => self.hang_up(now, why),
        }
    }

    /// Completes the packet that has begun to come, handles what follows where it lies, and keeps the beginning of the next.
    fn packets_in_pieces(&mut self, now: Instant, mut bytes: &[u8]) -> Result<(), Error> {
        while !self.partial.is_empty() && !bytes.is_empty() {
            let size = codec::packet_size(&self.partial)?;
            // The length is in the second to fifth byte: one at a time until it is known.
            let missing = size.map_or(1, |size| size - self.partial.len());
            let (piece, rest) = bytes.split_at(missing.min(bytes.len()));
            bytes = rest;
            self.keep_beginning(piece)?;
            // Decoded even if incomplete, so that a wrong header is an error at once.
            let mut partial = std::mem::take(&mut self.partial);
            let consumed = self.packets(now, &partial)?;
            if !self.is_receiving() {
                return Ok(());
            }
            if consumed == 0 {
                self.partial = partial;
            } else {
                partial.clear();
                self.partial = partial;
            }
        }
        let consumed = self.packets(now, bytes)?;
        Ok(self.keep_beginning(&bytes[consumed..])?)
    }

    /// Of a packet whose rest has not come.
    fn keep_beginning(&mut self, bytes: &[u8]) -> Result<(), NoMemory> {
        memory::reserve(&mut self.partial, bytes.len())?;
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether this connection is still ours to read from.
    fn is_receiving(&self) -> bool {
        matches!(self.phase, Phase::Greeting { .. } | Phase::Connected { .. })
    }

    /// Handles all whole packets; gives how many bytes they took. If the connection ends meanwhile, all of them.
    fn packets(&mut self, now: Instant, bytes: &[u8]) -> Result<usize, Error> {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            // What comes with each message takes the short way.
            if self.is_connected() {
                if let Some(packet_id) = codec::whole_puback(rest) {
                    at += 4;
                    self.puback(now, packet_id);
                    continue;
                }
                let most = self.config.max_packet_size;
                let known = self.subscriptions.last_name();
                if let Some((publish, length)) = codec::whole_publish(rest, most, known) {
                    at += length;
                    self.message(&publish, true)?;
                    continue;
                }
            }
            let (protocol, most) = (self.config.protocol, self.config.max_packet_size);
            let Some((packet, length)) = codec::decode(rest, protocol, most)? else {
                return Ok(at);
            };
            at += length;
            self.packet(now, packet)?;
            if !self.is_receiving() {
                return Ok(bytes.len());
            }
        }
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
            Packet::Publish(publish) => return self.message(&publish, false),
            Packet::Puback { packet_id } => self.puback_out_of_turn(now, packet_id),
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

    /// `known`: its topic is that of the last message.
    #[inline(always)] // Once a message, as what it calls; a call would be a tenth of all that it costs.
    fn message(&mut self, publish: &codec::Publish<'_>, known: bool) -> Result<(), Error> {
        count(&mut self.counters.messages_received);
        let mut receipt = 0;
        if publish.qos == QoS::AtLeastOnce {
            receipt = self.receipts.push(publish.packet_id);
            if receipt >= self.receipts.many {
                self.receipts.settle(receipt, &self.outgoing)?;
            }
        }
        if self.held.messages.is_empty()
            && (self.requests.is_empty() || !self.awaits_suback_of(publish.topic_name()))
        {
            match self.subscriptions.last_matched() {
                Some(matched) if known => {
                    if matched.manual && receipt != 0 {
                        self.receipts.set_manual(receipt);
                    }
                    self.outputs.message(publish, receipt, matched, true)?;
                }
                _ => self.deliver(*publish, receipt)?,
            }
        } else {
            self.hold(*publish, receipt)?;
        }
        Ok(())
    }

    #[cold]
    fn hold(&mut self, publish: codec::Publish<'_>, receipt: u64) -> Result<(), NoMemory> {
        let message = HeldMessage::new(publish, receipt)?;
        self.held.bytes += message.size();
        self.held.messages.push_back(message);
        if self.held.bytes > HELD_LIMIT {
            return self.release_held(true);
        }
        Ok(())
    }

    /// To another topic than the message before, perhaps.
    #[inline(never)]
    fn deliver(&mut self, publish: codec::Publish<'_>, receipt: u64) -> Result<(), NoMemory> {
        let matched = self.subscriptions.matching(publish.topic);
        if matched.manual && receipt != 0 {
            self.receipts.set_manual(receipt);
        }
        self.outputs.message(&publish, receipt, matched, false)
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

    /// Delivers the messages that need not wait any more, or `all`. Without memory for one, those behind it must not overtake it: all are
    /// dropped, and as they are not acknowledged, the broker sends them again.
    pub(super) fn release_held(&mut self, all: bool) -> Result<(), NoMemory> {
        while let Some(message) = self.held.messages.front() {
            if !all && self.awaits_suback_of(message.publish().topic_name()) {
                break;
            }
            if let Some(message) = self.held.messages.pop_front() {
                self.held.bytes -= message.size();
                let delivered = self.deliver(message.publish(), message.receipt);
                delivered.inspect_err(|_| self.held.clear())?;
            }
        }
        Ok(())
    }

    /// The driver reads, or has stopped reading because the application does not take its messages.
    pub fn set_paused(&mut self, now: Instant, paused: bool) {
        self.paused = paused;
        self.keep_alive.pause(now, paused);
        self.settle_clock(now);
    }
}
