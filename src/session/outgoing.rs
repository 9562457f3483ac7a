//! Bytes on their way to the link, and where in the stream of this connection they stand.

mod piece;

use super::memory::NoMemory;
use piece::Piece;
use std::ops::Range;

/// A piece that has so much to send does not grow: the next packet begins another one. An application that is faster than its network may
/// have the memory limit's megabytes here; in one piece they would be copied each time that it grows or that what has left makes room.
#[cfg(not(any(test, fuzzing)))]
const ENOUGH: usize = 256 << 10;
/// So that the packets of the simulation and of the fuzzers fill many.
#[cfg(any(test, fuzzing))]
const ENOUGH: usize = 256;
/// So much is asked for at least for a piece behind another one, and in whole packets of its first one's size: else most of a piece might be
/// no use to packets of which the second does not fit.
const PIECE: usize = 2 * ENOUGH;
/// So many spare pieces are kept as long as the client is not idle. What a burst took above that is given back one by one, whenever everything
/// has been sent; all at once it would be asked for again in the next burst.
const SPARE: usize = 8;

/// A connection's outgoing stream. Positions count from the connection's first byte.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// The one that is written to.
    last: Piece,
    /// First those before it, in their order and none of them empty; then spare ones, first the one that was sent last: it is still in the
    /// processor's cache.
    others: Vec<Piece>,
    /// How many of the others are before the last one.
    full: usize,
    bytes_in_full: usize,
    /// How many bytes of the stream the link has taken.
    taken: u64,
    /// The link has taken bytes that the socket has not (TLS records, WebSocket frames).
    pub(super) held_by_link: bool,
}

impl Outgoing {
    /// What leaves next: all there is, or as much of it as lies in one piece.
    #[inline]
    pub(super) fn pending(&self) -> &[u8] {
        match self.others.first() {
            Some(first) if self.full > 0 => first.pending(),
            _ => self.last.pending(),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes_in_full + self.last.len()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        let pieces = self.others.iter().chain([&self.last]);
        pieces.map(Piece::capacity).sum()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.full == 0 && self.last.is_empty()
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
    pub(super) fn try_reserve(&mut self, size: usize) -> Result<(), NoMemory> {
        if !self.last.has_room(size) {
            return self.make_room(size);
        }
        Ok(())
    }

    /// So many bytes more, in which a packet is to be encoded now. A large one should not come here before
    /// [`try_reserve`](Outgoing::try_reserve): without memory this panics, which ends the client.
    #[inline(always)] // Once a message.
    pub(super) fn append(&mut self, size: usize) -> &mut [u8] {
        if !self.last.has_room(size) {
            self.make_room_or_panic(size);
        }
        self.last.append(size)
    }

    /// A packet that was encoded elsewhere.
    #[inline(never)] // A small library: what is sent once a message calls `append` itself.
    pub(super) fn write(&mut self, packet: &[u8]) {
        self.append(packet.len()).copy_from_slice(packet);
    }

    #[cold]
    fn make_room(&mut self, size: usize) -> Result<(), NoMemory> {
        if self.last.len() < ENOUGH {
            return self.last.grow(size);
        }
        if self.others.len() == self.full {
            self.others.try_reserve(1)?;
            self.others.push(Piece::default());
        }
        let next = &mut self.others[self.full];
        if !next.has_room(size) {
            *next = Piece::default();
            next.grow(size * (PIECE / size).max(1))?;
        }
        self.bytes_in_full += self.last.len();
        std::mem::swap(&mut self.last, next);
        self.full += 1;
        Ok(())
    }

    #[cold]
    fn make_room_or_panic(&mut self, size: usize) {
        if self.make_room(size).is_err() {
            panic!("no memory for a packet");
        }
    }

    /// The link took the next `count` bytes of [`pending`](Outgoing::pending).
    pub(super) fn take(&mut self, count: usize) {
        debug_assert!(count <= self.pending().len(), "more than was shown");
        let count = count.min(self.pending().len());
        self.taken += count as u64;
        let first = match self.others.first_mut() {
            Some(first) if self.full > 0 => first,
            _ => &mut self.last,
        };
        first.take(count);
        self.shortened(0, count);
    }

    /// Cuts a packet out that has not begun to leave. False, and nothing done, if it has.
    pub(super) fn cut(&mut self, range: Range<u64>) -> bool {
        if range.start < self.taken || range.end > self.end() {
            return false;
        }
        let mut from = (range.start - self.taken) as usize;
        let length = (range.end - range.start) as usize;
        let mut index = 0;
        while index < self.full && from >= self.others[index].len() {
            from -= self.others[index].len();
            index += 1;
        }
        let piece = match self.others.get_mut(index) {
            Some(piece) if index < self.full => piece,
            _ => &mut self.last,
        };
        piece.cut(from..from + length);
        self.shortened(index, length);
        true
    }

    /// The piece with this number has `count` bytes less.
    fn shortened(&mut self, index: usize, count: usize) {
        if index < self.full {
            self.bytes_in_full -= count;
            if self.others[index].is_empty() {
                for place in index + 1..self.full {
                    self.others.swap(place - 1, place);
                }
                self.full -= 1;
            }
        }
        if self.is_empty() && self.others.len() > SPARE {
            self.others.pop();
        }
    }

    /// Gives memory back.
    pub(super) fn shrink(&mut self) {
        self.last.shrink();
        if self.full == 0 {
            self.others = Vec::new();
        }
    }

    /// There is a password in what was written: it is wiped when it has left or the connection ends.
    pub(super) fn holds_secret(&mut self) {
        self.last.holds_secret();
    }

    /// A new connection begins.
    pub(super) fn reset(&mut self) {
        self.last.wipe();
        self.others.iter_mut().for_each(Piece::wipe);
        *self = Outgoing::default();
    }
}

#[cfg(test)]
mod tests;
