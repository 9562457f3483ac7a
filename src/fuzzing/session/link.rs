//! The link, which moves any number of bytes at any time, and what the peer says over it.

use super::{Link, World};
use crate::error::{Code, Error};
use crate::session::Login;
use crate::session::tests::packets;

impl World<'_> {
    pub(super) fn link_moves(&mut self) {
        match (self.link, self.input.below(16)) {
            (Link::Wanted, 0..14) => {
                self.link = Link::Open;
                self.sent.clear();
                (self.packets, self.said_disconnect) = (0, false);
                (self.pubacks, self.owed_pubacks) = (0, Vec::new());
                self.session.opened(self.now, &Login::default());
            }
            (Link::Wanted | Link::Open, 14 | 15) => {
                self.gone();
                let code = self
                    .input
                    .pick(&[Code::ConnectionLost, Code::Io, Code::Timeout]);
                self.session
                    .closed(self.now, Error::new(code, "it is gone"));
            }
            (Link::Open, kind) => {
                let pending = self.session.outgoing().len();
                let count = if kind < 8 {
                    pending
                } else {
                    usize::from(self.input.byte()).min(pending)
                };
                let bytes = self.session.outgoing()[..count].to_vec();
                self.took(&bytes);
                self.session.sent(self.now, count);
            }
            // Reports that come when there is no link do no harm.
            (Link::None, 0) => self.session.received(self.now, &[0x20, 2, 0, 0]),
            _ => {}
        }
    }

    pub(super) fn gone(&mut self) {
        self.link = Link::None;
        self.paused = false;
    }

    /// The bytes are those that a client may send, in the order in which it may.
    fn took(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
        while let Some((packet, length)) = packets::read(&self.sent) {
            self.sent.drain(..length);
            assert!(!self.said_disconnect, "{packet} behind DISCONNECT");
            let is_connect = matches!(packet, packets::Sent::Connect { .. });
            assert_eq!(is_connect, self.packets == 0, "{packet} [MQTT-3.1.0-1]");
            self.packets += 1;
            match packet {
                packets::Sent::Disconnect => self.said_disconnect = true,
                packets::Sent::Puback(packet_id) => {
                    let owed = self.owed_pubacks.get(self.pubacks);
                    assert_eq!(owed, Some(&packet_id), "[MQTT-4.6.0-2]");
                    self.pubacks += 1;
                }
                packets::Sent::Publish { payload, .. } => {
                    assert!(payload.len() <= self.config.memory_limit);
                }
                _ => {}
            }
        }
    }

    pub(super) fn received(&mut self, bytes: &[u8]) {
        if self.link == Link::Open && !self.paused {
            self.session.received(self.now, bytes);
        }
    }

    /// An acknowledgement of something that may be in flight.
    pub(super) fn honest_answer(&mut self) {
        let (kind, packet_id) = (self.input.below(6), self.input.u16() % 8 + 1);
        let packet = match kind {
            0 => packets::puback(packet_id),
            1 => packets::suback(packet_id, &[self.input.pick(&[0, 1, 0x80])]),
            2 => packets::unsuback(packet_id),
            // What has all filters of a resubscription refused, and the broker's close.
            3 => packets::suback(packet_id, &[0x80; 8][..1 + self.input.below(8)]),
            4 => vec![0xE0, 0],
            _ => {
                let (topic, id) = (self.input.pick(&["t", "a/b", "x"]), self.input.u16() % 4);
                packets::publish(topic, self.input.bytes(), id)
            }
        };
        self.received(&packet);
    }
}
