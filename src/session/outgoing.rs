//! Bytes on their way to the link, and where in the stream of this connection they stand.

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
    bytes: Vec<u8>,
    /// How many of `bytes` the link has taken.
    start: usize,
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
        &self.bytes[self.start..]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
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

    /// Where packets are encoded.
    #[inline]
    pub(super) fn writer(&mut self) -> &mut Vec<u8> {
        // Whatever room is left behind: a buffer that is never empty would grow and grow.
        if self.start >= KEPT_WHEN_EMPTY && self.start >= self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        &mut self.bytes
    }

    /// The link took the next `count` bytes.
    pub(super) fn take(&mut self, count: usize) {
        let count = count.min(self.len());
        self.start += count;
        self.taken += count as u64;
        if self.is_empty() {
            self.wipe();
            self.bytes.clear();
            self.start = 0;
            if self.bytes.capacity() > KEPT_UNDER_LOAD {
                self.bytes.shrink_to(KEPT_WHEN_EMPTY);
            }
        }
    }

    /// Gives memory back. Not done whenever the buffer is empty: under load that would be after each write.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
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
        self.bytes.drain(from..to);
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
        outgoing.writer().extend_from_slice(b"abcdef");
        outgoing.take(2);
        assert_eq!(
            (outgoing.taken(), outgoing.end(), outgoing.pending()),
            (2, 6, &b"cdef"[..])
        );
        outgoing.writer().extend_from_slice(b"gh");
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
            let writer = outgoing.writer();
            writer.try_reserve(10_007).expect("memory");
            writer.resize(writer.len() + 10_007, 0);
            if outgoing.len() >= 64 << 10 {
                outgoing.take(10_001);
            }
        }
        assert!(outgoing.bytes.capacity() <= 512 << 10);
    }

    #[test]
    fn what_a_burst_took_is_given_back_when_it_has_left() {
        let mut outgoing = Outgoing::default();
        outgoing.writer().resize(8 << 20, 0);
        outgoing.take(8 << 20);
        assert!(outgoing.bytes.capacity() <= KEPT_UNDER_LOAD);
    }
}
