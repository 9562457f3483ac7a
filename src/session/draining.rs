//! The offline queue on its way to the broker.

use super::Session;
use super::in_flight::What;
use super::operation::Body;
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
            if self.queue.is_empty() {
                self.draining = None;
                break;
            }
            let window_is_full = !self.waiting_publishes.is_empty() || self.is_far_ahead();
            if next > now || (interval.is_zero() && window_is_full) {
                break;
            }
            if !self.has_memory(now, self.queue.first_size()) {
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
