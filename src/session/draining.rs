//! The offline queue on its way to the broker.

use super::Session;
use super::in_flight::What;
use super::operation::{Body, Operation};
use crate::time::Instant;

impl<T, H: Clone> Session<T, H> {
    pub(super) fn drain(&mut self, now: Instant) {
        if self.draining.is_none() {
            return;
        }
        if self.restoring.is_some() && !self.awaits_suback() {
            self.restoring = None;
        }
        if self.leaving.is_some() || self.restoring.is_some() || !self.resending.is_empty() {
            return;
        }
        let interval = self.config.draining_interval;
        while let Some(next) = self.draining {
            let Some(size) = self.queue.first().map(Operation::size) else {
                self.draining = None;
                break;
            };
            if next > now || self.queue_waits() {
                break;
            }
            if !self.has_memory(now, size) {
                self.draining = self.draining.map(|_| now + interval);
                break;
            }
            if let Some(operation) = self.queue.pop() {
                self.go_live_later(now, operation);
            }
            // The pace is kept from one operation to the next, but what was missed is not made up for in a burst.
            let following = next + interval;
            self.draining = Some(if following > now {
                following
            } else {
                now + interval
            });
        }
    }

    /// The next of the queue is not due before something has happened: an acknowledgement that makes room in the window, or bytes that leave.
    /// It is counted in the queue until then, and its packet is not there twice in a client that is at its memory limit.
    pub(super) fn queue_waits(&self) -> bool {
        let window_is_full = !self.waiting_publishes.is_empty() || !self.has_room();
        self.is_far_ahead()
            || (!self.outgoing.is_empty() && self.accepted_bytes() > self.config.memory_limit)
            || (window_is_full && self.queue.first().is_some_and(Operation::awaits_puback))
    }

    /// A SUBSCRIBE of the beginning of this connection has no answer yet.
    fn awaits_suback(&self) -> bool {
        let waits = !self.waiting_restores.is_empty();
        waits
            || self.requests.iter().any(|slot| match &slot.what {
                What::Restore(_) => true,
                What::Operation(operation) => matches!(operation.body, Body::Subscribe { .. }),
                What::Ended => false,
            })
    }
}
