//! A thread that waits for the outcome of its synchronous call.

use super::Completed;
use super::sync::{Condvar, Mutex};
use crate::time::Instant;
use std::sync::PoisonError;
use std::time::Duration;

/// Filled by whoever learns the outcome. A condition variable, not a channel: those of std and crossbeam spin before they sleep,
/// which on one core keeps the thread that has the answer from running.
#[derive(Default)]
pub(super) struct Waiter {
    outcome: Mutex<Option<Completed>>,
    filled: Condvar,
}

impl Waiter {
    pub(super) fn fill(&self, outcome: Completed) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.filled.notify_one();
    }

    /// The outcome, or `None` when `until` has passed without one.
    pub(super) fn wait(&self, now: Instant, until: Instant) -> Option<Completed> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        // At most a minute at a time, so that a suspend in between is noticed.
        let patience = until.since(now).min(Duration::from_secs(60));
        let (mut outcome, _) = self
            .filled
            .wait_timeout_while(outcome, patience, |outcome| outcome.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        outcome.take()
    }
}
