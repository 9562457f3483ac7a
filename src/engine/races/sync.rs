//! What `engine/sync.rs` is, of shuttle.

use super::clock::{self, Alarm};
pub(super) use shuttle::sync::{Mutex, MutexGuard, atomic};
pub(super) use shuttle::thread_local;
use std::sync::{Arc, LockResult, PoisonError};
use std::time::Duration;

/// shuttle's never times out; this one does, by `clock`.
#[derive(Default)]
pub(super) struct Condvar(Arc<shuttle::sync::Condvar>);

impl Condvar {
    pub(super) fn new() -> Self {
        Condvar::default()
    }

    pub(super) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(super) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(super) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    pub(super) fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        patience: Duration,
        mut waits: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        let until = clock::now() + patience;
        let _alarm = Alarm::new(until, &self.0);
        while waits(&mut guard) {
            if clock::is_past(until) {
                return Ok((guard, true));
            }
            guard = self.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        Ok((guard, false))
    }
}
