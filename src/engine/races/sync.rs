//! What `engine/sync.rs` is, of shuttle.

use super::clock;
pub(super) use shuttle::sync::{Mutex, MutexGuard, atomic};
pub(super) use shuttle::thread_local;
use std::sync::LockResult;
use std::time::Duration;

/// shuttle's never times out. This one may at any moment in a scenario in which time passes.
#[derive(Default)]
pub(super) struct Condvar(shuttle::sync::Condvar);

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
        _: Duration,
        mut waits: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        while waits(&mut guard) {
            if clock::passes()
                && shuttle::rand::Rng::gen_bool(&mut shuttle::rand::thread_rng(), 0.5)
            {
                return Ok((guard, true));
            }
            guard = self.0.wait(guard).expect("no poison");
        }
        Ok((guard, false))
    }
}
