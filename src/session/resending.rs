//! What was in flight when the last connection ended, on its way to the broker again, in the order in which it was sent [MQTT-4.6.0-1].
//!
//! It goes in steps, as the queue does when it drains: a copy of everything at once could be as large as the memory limit, in a device
//! that may be short of memory for the same reason for which it lost the connection. The in-flight window holds as well; only an
//! application that has lowered it meanwhile sees that. Nothing that is accepted meanwhile overtakes what waits for the *link*; what
//! waits for the *window* holds back QoS 1 publishes and the queue, as a full window always does, and nothing else.

use super::Session;
use super::event::OperationId;
use super::in_flight::{InFlight, Slot};
use super::operation::Operation;
use super::poison::take_operation;
use crate::error::Error;
use crate::time::Instant;
use std::collections::VecDeque;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Resending<T, H> {
    /// Not sent on this connection yet. None of them has ended: their identifiers may be taken again when that happens, as those of
    /// all that was sent on a connection that is gone.
    pub(super) slots: InFlight<T, H>,
    /// QoS 0 publishes that were accepted while the first of them waits for the link.
    pub(super) held_back: VecDeque<Box<Operation<T, H>>>,
    /// It does so.
    holds_back: bool,
}

impl<T, H> Default for Resending<T, H> {
    fn default() -> Self {
        Resending {
            slots: InFlight::default(),
            held_back: VecDeque::new(),
            holds_back: false,
        }
    }
}

impl<T, H> Resending<T, H> {
    pub(super) fn begin(&mut self, publishes: InFlight<T, H>) {
        self.slots = publishes;
    }

    /// Nothing waits, and nothing waits behind it: the last may have been acknowledged, or have ended, before its turn.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty() && !self.holds_back
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Something waits for the link that must not be overtaken.
    pub(super) fn holds_back(&self) -> bool {
        self.holds_back
    }

    /// A QoS 0 publish; its bytes are among the live ones.
    pub(super) fn hold_back(&mut self, operation: Box<Operation<T, H>>) {
        self.held_back.push_back(operation);
    }

    /// The slot of a publish that the broker acknowledges although it has not come again on this connection: it has it from the last.
    /// Of what never left, or what a new session cannot know, there is nothing to acknowledge.
    pub(super) fn acknowledged(&mut self, packet_id: u16) -> Option<Slot<T, H>> {
        let slot = self.slots.get_mut(packet_id)?;
        slot.left.then(|| self.slots.remove(packet_id)).flatten()
    }

    pub(super) fn remove(&mut self, id: OperationId) -> Option<(Box<Operation<T, H>>, u16)> {
        take_operation(&mut self.slots, id).map(|(packet_id, operation)| (operation, packet_id))
    }
}

impl<T, H: Clone> Session<T, H> {
    /// So much waits for the link that what can be sent later is.
    pub(super) fn is_far_ahead(&self) -> bool {
        self.outgoing.len() >= self.config.send_ahead
    }

    /// Sends on, as far as there is room. False: it is the link that has none, and nothing may overtake what waits for it.
    pub(super) fn resend(&mut self, now: Instant) -> bool {
        self.resending.holds_back = false;
        while let Some(slot) = self.resending.slots.first() {
            if !self.has_room() {
                break;
            }
            if self.is_far_ahead() {
                self.resending.holds_back = true;
                return false;
            }
            let size = slot.size();
            if !self.has_memory(now, size) {
                self.resending.holds_back = self.is_connected();
                return false;
            }
            if let Some(slot) = self.resending.slots.pop() {
                self.resend_publish(now, slot);
            }
        }
        if self.resending.is_empty() {
            // What a large window took is given back.
            self.resending.slots = InFlight::default();
        }
        while let Some(size) = self.resending.held_back.front().map(|next| next.size()) {
            if !self.has_memory(now, size) {
                self.resending.holds_back = self.is_connected();
                return false;
            }
            if let Some(operation) = self.resending.held_back.pop_front() {
                self.live_bytes = self.live_bytes.saturating_sub(size);
                self.go_live_later(now, operation);
            }
        }
        true
    }

    /// A QoS 0 publish behind what is sent again is cancelled.
    pub(super) fn call_back_held_back(&mut self, id: OperationId, why: Error) -> bool {
        let held_back = &mut self.resending.held_back;
        let found = held_back.iter().position(|operation| operation.id == id);
        let Some(operation) = found.and_then(|index| held_back.remove(index)) else {
            return false;
        };
        self.live_bytes = self.live_bytes.saturating_sub(operation.size());
        self.end(operation, Err(why), 0);
        true
    }
}
