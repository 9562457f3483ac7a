//! Bytes on their way to the link, and where in the stream of this connection they stand.

use std::collections::TryReserveError;
use std::ops::Range;
use zeroize::Zeroize;

/// What is kept of the buffer when it has been sent, and how much must have been sent before the rest is moved to its place.
const KEPT_WHEN_EMPTY: usize = 4 << 10;
/// More than this is given back as soon as the buffer is empty: a client that is never idle would keep what one burst took. It holds a window of
/// 100 with 16 KiB each, which else would be allocated again and again.
const KEPT_UNDER_LOAD: usize = 4 << 20;

/// A connection's outgoing stream. Positions count from the connection's first byte.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Those from `start` to `filled` are to leave. What is behind them was sent before, or nothing yet: a packet is written over it, so
    /// that room is asked for once a packet and not for each of its parts.
    bytes: Vec<u8>,
    start: usize,
    filled: usize,
    /// How many bytes of the stream the link has taken.
    taken: u64,
    /// `bytes` holds a password.
    secret: bool,
    /// The link has taken bytes that the socket has not (TLS records, WebSocket frames).
    pub(super) held_by_link: bool,
}

impl Outgoing {
    #[inline]
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.start..self.filled]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.filled - self.start
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.filled
    }

    /// The socket has taken everything.
    #[inline]
    pub(super) fn has_left(&self) -> bool {
        self.is_empty() && !self.held_by_link
    }

    /// The position of the next byte that the link will take.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// The position that the next byte written here will have.
    #[inline]
    pub(super) fn end(&self) -> u64 {
        self.taken + self.len() as u64
    }

    /// After this, [`append`](Outgoing::append) has the memory for so many bytes.
    #[inline(always)] // Once a message.
    pub(super) fn try_reserve(&mut self, size: usize) -> Result<(), TryReserveError> {
        if self.bytes.len() - self.filled < size {
            return self.grow(size);
        }
        Ok(())
    }

    /// So many bytes more, in which a packet is to be encoded now. A large one should not come here before
    /// [`try_reserve`](Outgoing::try_reserve): without memory this panics, which ends the client.
    #[inline(always)] // Once a message.
    pub(super) fn append(&mut self, size: usize) -> &mut [u8] {
        if let Err(error) = self.try_reserve(size) {
            panic!("no memory for a packet of {size} bytes: {error}");
        }
        let packet = &mut self.bytes[self.filled..][..size];
        self.filled += size;
        packet
    }

    /// A packet that was encoded elsewhere.
    #[inline(never)] // A small library: what is sent once a message calls `append` itself.
    pub(super) fn write(&mut self, packet: &[u8]) {
        self.append(packet.len()).copy_from_slice(packet);
    }

    #[cold]
    fn grow(&mut self, size: usize) -> Result<(), TryReserveError> {
        // First what has left: a buffer that is never empty would grow and grow.
        if self.start >= KEPT_WHEN_EMPTY && self.start >= self.filled / 2 {
            self.bytes.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
            if self.bytes.len() - self.filled >= size {
                return Ok(());
            }
        }
        self.bytes.truncate(self.filled);
        if self.secret {
            // Growing in its place would leave a copy of the password in memory that nobody wipes.
            let mut larger = Vec::new();
            larger.try_reserve(self.filled + size)?;
            larger.extend_from_slice(&self.bytes);
            std::mem::replace(&mut self.bytes, larger).zeroize();
        } else {
            self.bytes.try_reserve(size)?;
        }
        self.bytes.resize(self.bytes.capacity(), 0);
        Ok(())
    }

    /// The link took the next `count` bytes.
    pub(super) fn take(&mut self, count: usize) {
        let count = count.min(self.len());
        self.start += count;
        self.taken += count as u64;
        self.begin_anew_if_empty();
    }

    fn begin_anew_if_empty(&mut self) {
        if self.is_empty() {
            self.wipe();
            (self.start, self.filled) = (0, 0);
            if self.bytes.capacity() > KEPT_UNDER_LOAD {
                self.shrink();
            }
        }
    }

    /// Gives memory back. Not done whenever the buffer is empty: under load that would be after each write.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
            self.bytes.truncate(KEPT_WHEN_EMPTY);
            self.bytes.shrink_to(KEPT_WHEN_EMPTY);
        }
    }

    /// Cuts a packet out that has not begun to leave. False, and nothing done, if it has.
    pub(super) fn cut(&mut self, range: Range<u64>) -> bool {
        if range.start < self.taken || range.end > self.end() {
            return false;
        }
        let from = self.start + (range.start - self.taken) as usize;
        let to = self.start + (range.end - self.taken) as usize;
        self.bytes.copy_within(to..self.filled, from);
        self.filled -= to - from;
        self.begin_anew_if_empty();
        true
    }

    /// There is a password in what was written: it is wiped when it has left or the connection ends.
    pub(super) fn holds_secret(&mut self) {
        self.secret = true;
    }

    fn wipe(&mut self) {
        if std::mem::take(&mut self.secret) {
            self.bytes.zeroize();
        }
    }

    /// A new connection begins.
    pub(super) fn reset(&mut self) {
        self.wipe();
        *self = Outgoing::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_on_while_bytes_leave() {
        let mut outgoing = Outgoing::default();
        outgoing.write(b"abcdef");
        outgoing.take(2);
        assert_eq!(
            (outgoing.taken(), outgoing.end(), outgoing.pending()),
            (2, 6, &b"cdef"[..])
        );
        outgoing.write(b"gh");
        assert!(!outgoing.cut(1..4), "its first byte has left");
        assert!(outgoing.cut(4..6));
        assert_eq!(outgoing.pending(), b"cdgh");
        outgoing.take(4);
        assert_eq!(
            (outgoing.taken(), outgoing.end(), outgoing.is_empty()),
            (6, 6, true)
        );
    }

    #[test]
    fn what_has_left_gives_room_to_what_comes_though_it_is_never_empty() {
        let mut outgoing = Outgoing::default();
        for _ in 0..1_000 {
            outgoing.try_reserve(10_007).expect("memory");
            outgoing.append(10_007).fill(0);
            if outgoing.len() >= 64 << 10 {
                outgoing.take(10_001);
            }
        }
        assert!(outgoing.bytes.capacity() <= 512 << 10);
    }

    #[test]
    fn what_is_left_keeps_its_order_when_it_moves_to_make_room() {
        let mut outgoing = Outgoing::default();
        let mut expected = Vec::new();
        for round in 0..5_000u32 {
            let size = 1 + (round as usize * 7_919) % 3_000;
            let packet: Vec<u8> = (0..size)
                .map(|index| (index as u32 ^ round) as u8)
                .collect();
            outgoing.write(&packet);
            expected.extend_from_slice(&packet);
            let count = (round as usize * 104_729) % 3_500;
            outgoing.take(count);
            expected.drain(..count.min(expected.len()));
            assert_eq!(outgoing.pending(), expected);
        }
    }

    #[test]
    fn a_buffer_that_a_cut_has_emptied_begins_anew() {
        let mut outgoing = Outgoing::default();
        outgoing.write(&[7; 10_000]);
        outgoing.write(b"cut");
        outgoing.take(10_000);
        assert!(outgoing.cut(10_000..10_003));
        outgoing.shrink();
        assert!(outgoing.pending().is_empty());
        outgoing.write(b"next");
        assert_eq!(outgoing.pending(), b"next");
        assert_eq!((outgoing.taken(), outgoing.end()), (10_000, 10_004));
    }

    #[test]
    fn a_password_does_not_stay_when_it_has_left_nor_where_the_buffer_was() {
        let mut outgoing = Outgoing::default();
        outgoing.write(b"secret");
        outgoing.holds_secret();
        outgoing.take(3);
        outgoing.write(&[7; 10_000]);
        assert_eq!(outgoing.pending()[..5], *b"ret\x07\x07");
        outgoing.take(10_003);
        assert!(outgoing.bytes.is_empty(), "wiped");
        outgoing.write(b"next");
        assert_eq!(outgoing.pending(), b"next");
    }

    #[test]
    fn what_a_burst_took_is_given_back_when_it_has_left() {
        let mut outgoing = Outgoing::default();
        outgoing.append(8 << 20).fill(0);
        outgoing.take(8 << 20);
        assert!(outgoing.bytes.capacity() <= KEPT_UNDER_LOAD);
    }
}
