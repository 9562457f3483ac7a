//! Many messages, as fast as the socket and the window take them.

use crate::packets::{next_id, publish};

/// About as much as is given to the socket in one piece.
const PIECE: usize = 128 * 1024;

pub struct Blast {
    qos: u8,
    left: u64,
    window: u64,
    unacknowledged: u64,
    id: u16,
    id_at: usize,
    packet: Vec<u8>,
    /// Many packets behind each other (QoS 0).
    many: Vec<u8>,
}

impl Blast {
    /// From the payload of `ctl/blast`.
    pub fn parse(payload: &[u8]) -> Option<Blast> {
        let text = std::str::from_utf8(payload).ok()?;
        let mut fields = text.split_whitespace();
        let mut number = || fields.next()?.parse::<u64>().ok();
        let (qos, left, size, window) = (number()?.min(1) as u8, number()?, number()?.min(1 << 20), number()?.clamp(1, 60_000));
        let (packet, id_at) = publish(fields.next()?.as_bytes(), qos, &vec![b'x'; size as usize]);
        let many = if qos == 0 { packet.repeat((PIECE / packet.len()).max(1)) } else { Vec::new() };
        Some(Blast { qos, left, window, unacknowledged: 0, id: 0, id_at, packet, many })
    }

    pub fn acknowledged(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
    }

    /// Adds what may be sent now. Called only when all before it is out.
    pub fn next(&mut self, out: &mut Vec<u8>) {
        if self.qos == 0 {
            let count = self.left.min((self.many.len() / self.packet.len()) as u64);
            out.extend_from_slice(&self.many[..self.packet.len() * count as usize]);
            self.left -= count;
            return;
        }
        while self.left > 0 && self.unacknowledged < self.window && out.len() < 2 * PIECE {
            self.id = next_id(self.id);
            self.packet[self.id_at..self.id_at + 2].copy_from_slice(&self.id.to_be_bytes());
            out.extend_from_slice(&self.packet);
            self.left -= 1;
            self.unacknowledged += 1;
        }
    }
}
