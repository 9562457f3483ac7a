//! Memory in which bytes stand one behind the other that are to leave.

use super::super::memory::{self, NoMemory};
use std::ops::Range;
use zeroize::Zeroize;

/// What an idle client keeps.
const KEPT_WHEN_IDLE: usize = 4 << 10;
/// More than this is given back as soon as it has been sent: a client that is never idle would keep what one large packet took.
const KEPT_UNDER_LOAD: usize = 640 << 10;
/// So much must have been sent before the rest is moved to its place.
const WORTH_MOVING: usize = 4 << 10;

#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Those from `start` to `filled` are to leave. What is behind them was sent before, or nothing yet: a packet is written over it, so
    /// that room is asked for once a packet and not for each of its parts.
    bytes: Vec<u8>,
    start: usize,
    filled: usize,
    /// There is a password in it.
    secret: bool,
}

impl Piece {
    #[inline]
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.start..self.filled]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.filled - self.start
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.filled
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    #[inline(always)] // Once a message.
    pub(super) fn has_room(&self, size: usize) -> bool {
        self.bytes.len() - self.filled >= size
    }

    /// So many bytes more, for which there is room.
    #[inline(always)] // Once a message.
    pub(super) fn append(&mut self, size: usize) -> &mut [u8] {
        let packet = &mut self.bytes[self.filled..][..size];
        self.filled += size;
        packet
    }

    /// Makes room for `size` bytes more.
    #[cold]
    pub(super) fn grow(&mut self, size: usize) -> Result<(), NoMemory> {
        // First what has left: memory that is never empty would grow and grow.
        if self.start >= WORTH_MOVING && self.start >= self.filled / 2 {
            self.move_to_front();
            if self.has_room(size) {
                return Ok(());
            }
        }
        self.bytes.truncate(self.filled);
        if self.secret {
            // Growing in its place would leave a copy of the password in memory that nobody wipes.
            let mut larger = Vec::new();
            memory::reserve(&mut larger, self.filled + size)?;
            larger.extend_from_slice(&self.bytes);
            std::mem::replace(&mut self.bytes, larger).zeroize();
        } else {
            memory::reserve(&mut self.bytes, size)?;
        }
        self.bytes.resize(self.bytes.capacity(), 0);
        Ok(())
    }

    fn move_to_front(&mut self) {
        self.bytes.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
    }

    /// There is a password in what was written.
    pub(super) fn holds_secret(&mut self) {
        self.secret = true;
    }

    /// The first `count` bytes have left.
    pub(super) fn take(&mut self, count: usize) {
        self.start += count;
        self.begin_anew_if_empty();
    }

    /// Takes out those at these places, counted from the first that has not left. The rest must not hold memory for all that was cut out of
    /// it, of which the memory limit knows nothing.
    pub(super) fn cut(&mut self, range: Range<usize>) {
        self.bytes.copy_within(
            self.start + range.end..self.filled,
            self.start + range.start,
        );
        self.filled -= range.len();
        if self.len() < self.bytes.len() / 4 && !self.secret {
            self.move_to_front();
            self.keep(self.filled);
        }
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

    /// Gives memory back. Not done whenever it is empty: under load that would be after each write.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
            self.keep(KEPT_WHEN_IDLE);
        }
    }

    fn keep(&mut self, size: usize) {
        self.bytes.truncate(size);
        self.bytes.shrink_to(size);
    }

    pub(super) fn wipe(&mut self) {
        if std::mem::take(&mut self.secret) {
            self.bytes.zeroize();
        }
    }
}
