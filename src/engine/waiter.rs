//! A thread that waits for the outcome of its synchronous call.

use super::inner::Inner;
use super::shared::Core;
use super::state::{State, Tag};
use super::sync::atomic::Ordering;
use super::sync::{Condvar, Mutex, MutexGuard};
use super::threads::{self, ThreadId};
use super::{Accepted, Completed, clock, scope};
use crate::config::QoS;
use crate::error::{Code, Error};
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

impl Inner {
    /// An operation of the application that waits for its outcome; `None` if it was queued instead.
    pub(super) fn wait_for(
        self: &Arc<Self>,
        operation: impl FnOnce(&mut State, Instant, Tag) -> Result<(Accepted, Instant), Error>,
    ) -> Result<Option<Completed>, Error> {
        let (mut state, waiter, now) = self.enter_to_wait()?;
        let (accepted, until) = operation(&mut state, now, Tag::Waiter(Arc::clone(&waiter)))?;
        Ok(self.wait(state, &waiter, now, (accepted, until)))
    }

    fn enter_to_wait(&self) -> Result<(MutexGuard<'_, State>, Arc<Waiter>, Instant), Error> {
        if scope::would_deadlock(self.key) {
            return Err(Error::new(
                Code::WouldDeadlock,
                "a call that waits for this client inside its own socket factory, credentials provider or private key callback would wait for itself",
            ));
        }
        let mut state = self.enter()?;
        let waiter = Arc::new(self.engine.core.waiter());
        let now = clock::now();
        state.acknowledge_handled(self, now);
        Ok((state, waiter, now))
    }

    #[inline(never)] // Else once for each call that waits.
    fn wait(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        waiter: &Waiter,
        mut now: Instant,
        (accepted, until): (Accepted, Instant),
    ) -> Option<Completed> {
        let waiting_calls = Arc::clone(&state.waiting_calls);
        if accepted == Accepted::Now {
            waiting_calls.fetch_add(1, Ordering::AcqRel);
        }
        state.settle(self, now);
        self.hand_over(state);
        if accepted == Accepted::Queued {
            return None;
        }
        let completed = loop {
            let until = until.max(now + Duration::from_millis(1));
            if let Some(completed) = self.engine.core.wait_for(waiter, now, until) {
                break completed;
            }
            // The time is up, or nearly: see to it here, not trusting that a worker is in time.
            now = clock::now();
            self.guarded(|_, state, now| state.timeout(now));
        };
        waiting_calls.fetch_sub(1, Ordering::AcqRel);
        Some(completed)
    }
}

pub(super) fn outcome(completed: Option<Completed>) -> Result<(Accepted, Option<QoS>), Error> {
    match completed {
        None => Ok((Accepted::Queued, None)),
        Some(completed) => completed
            .result
            .map(|()| (Accepted::Now, completed.granted_qos)),
    }
}
