//! Bytes on their way to the link, and where in the stream of this connection they stand.

use std::collections::TryReserveError;
use std::ops::Range;
use zeroize::Zeroize;

/// What is kept of the buffer when it has been sent.
const KEPT_WHEN_EMPTY: usize = 4 << 10;
/// More than this is given back as soon as the buffer is empty: a client that is never idle would keep what one burst took. It holds a window of
/// 100 with 16 KiB each, which else would be allocated again and again.
const KEPT_UNDER_LOAD: usize = 4 << 20;

/// A connection's outgoing stream. Positions count from the connection's first byte.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Those from `start` to `end` are to leave. What is behind them was sent before, or nothing yet: a packet is written over it, so that
    /// room is asked for once a packet and not for each of its parts.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
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
        &self.bytes[self.start..self.end]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
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

    /// The [`room`](Outgoing::room) for a packet of this size will not need memory.
    #[inline(always)] // Once a message.
    pub(super) fn try_reserve(&mut self, size: usize) -> Result<(), TryReserveError> {
        if self.bytes.len() - self.end < size {
            return self.make_room(size);
        }
        Ok(())
    }

    /// Where a packet is to be encoded that has this size; it counts as written. Where there may be no memory for it,
    /// [`try_reserve`](Outgoing::try_reserve) comes first.
    #[inline(always)] // Once a message.
    pub(super) fn room(&mut self, size: usize) -> &mut [u8] {
        if let Err(error) = self.try_reserve(size) {
            panic!("no memory for a packet of {size} bytes: {error}");
        }
        let packet = &mut self.bytes[self.end..][..size];
        self.end += size;
        packet
    }

    /// A packet that was encoded elsewhere.
    #[inline(never)] // What is sent once a message goes into its room itself.
    pub(super) fn write(&mut self, packet: &[u8]) {
        self.room(packet.len()).copy_from_slice(packet);
    }

    #[cold]
    fn make_room(&mut self, size: usize) -> Result<(), TryReserveError> {
        // First what has left: a buffer that is never empty would grow and grow.
        if self.start >= KEPT_WHEN_EMPTY && self.start >= self.end / 2 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.bytes.truncate(self.end);
        self.bytes.try_reserve(size)?;
        self.bytes.resize(self.bytes.capacity(), 0);
        Ok(())
    }

    /// The link took the next `count` bytes.
    pub(super) fn take(&mut self, count: usize) {
        let count = count.min(self.len());
        self.start += count;
        self.taken += count as u64;
        if self.is_empty() {
            self.wipe();
            (self.start, self.end) = (0, 0);
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
        self.bytes.copy_within(to..self.end, from);
        self.end -= to - from;
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
            outgoing.room(10_007).fill(0);
            if outgoing.len() >= 64 << 10 {
                outgoing.take(10_001);
            }
        }
        assert!(outgoing.bytes.capacity() <= 512 << 10);
    }

    #[test]
    fn what_a_burst_took_is_given_back_when_it_has_left() {
        let mut outgoing = Outgoing::default();
        outgoing.room(8 << 20).fill(0);
        outgoing.take(8 << 20);
        assert!(outgoing.bytes.capacity() <= KEPT_UNDER_LOAD);
    }
}
