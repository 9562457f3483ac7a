//! What was sent and has not been acknowledged.

use super::keep_alive::Reading;
use super::operation::{Body, Operation};
use crate::time::Instant;
use std::collections::VecDeque;
use std::sync::Arc;

/// A packet that waits for its acknowledgement.
#[derive(Debug)]
pub(super) struct Slot<T, H> {
    pub(super) packet_id: u16,
    pub(super) what: What<T, H>,
    /// Where its (last) copy stands in this connection's outgoing stream ([`NOT_SENT`]: nowhere yet), and how long it is.
    pub(super) position: u64,
    pub(super) length: u32,
    /// A byte of it has left on some connection: sending it again is a re-delivery [MQTT-3.3.1-1].
    pub(super) left: bool,
    pub(super) sent_at: Instant,
    /// What the connection's active clock shows when it is to be sent again, if at all.
    pub(super) resend_at: Reading,
    pub(super) resends: u32,
}

/// Behind everything that could leave, and not so far that adding a length overflows.
pub(super) const NOT_SENT: u64 = u64::MAX / 2;

#[derive(Debug)]
pub(super) enum What<T, H> {
    Operation(Box<Operation<T, H>>),
    /// Subscriptions that had been granted, asked for again on a new connection.
    Restore(Box<[Arc<str>]>),
    /// The operation ended (timed out, was cancelled) after its packet had begun to leave. Its identifier stays taken until the
    /// acknowledgement comes or the connection ends, so that nothing else is taken for it.
    Ended,
}

impl<T, H> Slot<T, H> {
    pub(super) fn operation(&self) -> Option<&Operation<T, H>> {
        match &self.what {
            What::Operation(operation) => Some(operation),
            _ => None,
        }
    }

    /// At least what its packet needs, if that may be large.
    pub(super) fn size(&self) -> usize {
        self.operation().map_or(0, Operation::size)
    }

    pub(super) fn body_mut(&mut self) -> Option<&mut Body<H>> {
        match &mut self.what {
            What::Operation(operation) => Some(&mut operation.body),
            _ => None,
        }
    }
}

/// Slots in the order in which they were sent; the first place is never an empty one.
#[derive(Debug)]
pub(super) struct InFlight<T, H> {
    slots: VecDeque<Option<Slot<T, H>>>,
    len: usize,
    /// Where the last one was found: the next one is mostly behind it.
    cursor: usize,
}

/// So many places may be empty before the table is made dense: one packet that is never acknowledged must not make it grow.
const EMPTY_PLACES: usize = 64;

impl<T, H> Default for InFlight<T, H> {
    fn default() -> Self {
        InFlight {
            slots: VecDeque::new(),
            len: 0,
            cursor: 0,
        }
    }
}

impl<T, H> InFlight<T, H> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    #[inline(always)] // Once a message.
    pub(super) fn push(&mut self, slot: Slot<T, H>) {
        self.slots.push_back(Some(slot));
        self.len += 1;
    }

    /// The first one, if it is this: brokers mostly acknowledge in the order of sending.
    #[inline(always)] // Once a message.
    pub(super) fn remove_first(&mut self, packet_id: u16) -> Option<Slot<T, H>> {
        match self.slots.front() {
            Some(Some(first)) if first.packet_id == packet_id => {}
            _ => return None,
        }
        self.len -= 1;
        let slot = self.slots.pop_front()?;
        if let Some(None) = self.slots.front() {
            self.begin_with_a_slot();
        }
        slot
    }

    #[inline(never)]
    fn begin_with_a_slot(&mut self) {
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.cursor = self.cursor.saturating_sub(1);
        }
    }

    pub(super) fn remove(&mut self, packet_id: u16) -> Option<Slot<T, H>> {
        let index = self.index(packet_id)?;
        if index == 0 {
            return self.remove_first(packet_id);
        }
        self.len -= 1;
        self.cursor = index;
        let slot = self.slots[index].take();
        if self.slots.len() > 2 * self.len + EMPTY_PLACES {
            self.slots.retain(Option::is_some);
            self.cursor = 0;
        }
        slot
    }

    pub(super) fn get_mut(&mut self, packet_id: u16) -> Option<&mut Slot<T, H>> {
        let index = self.index(packet_id)?;
        self.slots[index].as_mut()
    }

    fn index(&self, packet_id: u16) -> Option<usize> {
        let is = |slot: &Option<Slot<T, H>>| {
            slot.as_ref()
                .is_some_and(|slot| slot.packet_id == packet_id)
        };
        let first = self.slots.front()?.as_ref()?;
        // Identifiers are given in turn, so the distance of two is most often the distance of their slots.
        let guess = usize::from(packet_id.wrapping_sub(first.packet_id));
        if self.slots.get(guess).is_some_and(is) {
            return Some(guess);
        }
        let from_cursor = self.slots.iter().skip(self.cursor).position(is);
        from_cursor
            .map(|distance| self.cursor + distance)
            .or_else(|| self.slots.iter().position(is))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot<T, H>> {
        self.slots.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot<T, H>> {
        self.slots.iter_mut().flatten()
    }

    pub(super) fn first(&self) -> Option<&Slot<T, H>> {
        self.iter().next()
    }

    /// Takes the first one out.
    pub(super) fn pop(&mut self) -> Option<Slot<T, H>> {
        let packet_id = self.first()?.packet_id;
        self.remove(packet_id)
    }

    /// Puts those of `other` behind its own.
    pub(super) fn append(&mut self, mut other: InFlight<T, H>) {
        self.slots.append(&mut other.slots);
        self.len += other.len;
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut Slot<T, H>) -> bool) {
        self.slots
            .retain_mut(|place| place.as_mut().is_some_and(&mut keep));
        self.len = self.slots.len();
        self.cursor = 0;
    }

    /// Takes all slots out, in order.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Slot<T, H>> + use<T, H> {
        self.len = 0;
        self.cursor = 0;
        std::mem::take(&mut self.slots).into_iter().flatten()
    }
}
