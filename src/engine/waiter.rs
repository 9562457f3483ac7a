//! A thread that waits for the outcome of its synchronous call.

use super::Completed;
use super::shared::Core;
use super::sync::{Condvar, Mutex};
use super::threads::{self, ThreadId};
use crate::time::Instant;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

/// Filled by whoever learns the outcome. A condition variable, not a channel: those of std and crossbeam spin before they sleep,
/// which on one core keeps the thread that has the answer from running.
#[derive(Default)]
pub(super) struct Waiter {
    /// The thread that waits drives this loop meanwhile, and must notice what other threads fill.
    driver: Option<(Weak<Core>, ThreadId)>,
    outcome: Mutex<Option<Completed>>,
    filled: Condvar,
}

impl Waiter {
    /// For a thread that drives the loop of `core` while it waits.
    pub(super) fn driving(core: &Arc<Core>) -> Self {
        Waiter {
            driver: Some((Arc::downgrade(core), threads::current().id())),
            ..Waiter::default()
        }
    }

    pub(super) fn drives(&self) -> bool {
        self.driver.is_some()
    }

    /// To be followed by [`wake`](Waiter::wake), when no lock is held that the woken thread may want.
    pub(super) fn fill(&self, outcome: Completed) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    pub(super) fn wake(&self) {
        self.filled.notify_one();
        let Some((core, driver)) = &self.driver else {
            return;
        };
        let core = core
            .upgrade()
            .filter(|_| *driver != threads::current().id());
        if let Some(core) = core {
            core.poller.wake();
        }
    }

    /// The outcome, if it is there.
    pub(super) fn take(&self) -> Option<Completed> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.take()
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
