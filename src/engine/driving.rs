//! A loop of the application in the place of the workers: whose thread it is, and what that thread does in `process` and while it waits in a
//! synchronous call.

use super::inner::Inner;
use super::shared::{Core, lock};
use super::sync::Mutex;
use super::threads::{self, ThreadId};
use super::waiter::Waiter;
use super::{Completed, clock, process};
use crate::error::{Code, Error};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// `process` returns after this time although more is ready: the application has other descriptors.
const SHARE: Duration = Duration::from_millis(10);
/// The longest uninterrupted wait, so that a suspend is noticed by those deadlines for which no timer is set.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) struct Driving {
    state: Mutex<State>,
}

struct State {
    /// The loop's thread: who made it, or has called `process` last. A synchronous call on it would wait for itself, so it drives. One
    /// on another thread waits for this one, because callbacks run nowhere else.
    thread: ThreadId,
    /// How often this thread is in here: a synchronous call in a callback comes again.
    depth: usize,
    /// The application has freed the loop, so nobody will call `process` again.
    closed: bool,
}

impl Driving {
    pub(super) fn new() -> Self {
        Driving {
            state: Mutex::new(State {
                thread: threads::current().id(),
                depth: 0,
                closed: false,
            }),
        }
    }

    fn is_mine(&self) -> bool {
        lock(&self.state).thread == threads::current().id()
    }
}

/// This thread drives the loop until this is dropped.
struct Drive<'a> {
    core: &'a Core,
    driving: &'a Driving,
}

impl Drop for Drive<'_> {
    fn drop(&mut self) {
        let last = {
            let mut state = lock(&self.driving.state);
            state.depth -= 1;
            state.depth == 0 && state.closed
        };
        if last {
            self.core.end_freed_clients();
        }
    }
}

impl Core {
    /// What a worker does, until nothing is ready or this turn has taken its share.
    pub(super) fn process(&self) -> Result<(), Error> {
        let _drive = self.begin()?;
        let generation = process::generation();
        let until = clock::now() + SHARE;
        while let Some(ready) = self.poller.wait_at_most(Some(Duration::ZERO)) {
            self.look_after(ready);
            if clock::now() >= until || process::generation() != generation {
                break;
            }
        }
        Ok(())
    }

    fn begin(&self) -> Result<Drive<'_>, Error> {
        let Some(driving) = &self.driving else {
            return Err(Error::new(Code::Internal, "this engine has workers"));
        };
        let mut state = lock(&driving.state);
        let me = threads::current().id();
        if state.depth > 0 {
            let why = if state.thread == me {
                "the loop is being processed: process was called inside one of its callbacks"
            } else {
                "another thread is processing this loop, or waits in a synchronous call that does"
            };
            return Err(Error::new(Code::InvalidState, why));
        }
        state.thread = me;
        state.depth = 1;
        drop(state);
        Ok(Drive {
            core: self,
            driving,
        })
    }

    /// For an outcome that this thread will wait for.
    pub(super) fn waiter(self: &Arc<Self>) -> Waiter {
        match &self.driving {
            Some(driving) if driving.is_mine() => Waiter::driving(self),
            _ => Waiter::default(),
        }
    }

    /// Waits for it; `None` when `until` has passed, or a little earlier. The loop's own thread drives the loop meanwhile.
    pub(super) fn wait_for(
        &self,
        waiter: &Waiter,
        now: Instant,
        until: Instant,
    ) -> Option<Completed> {
        let Some(_drive) = self.drive_while_waiting(waiter) else {
            return waiter.wait(now, until);
        };
        let mut now = now;
        loop {
            let completed = waiter.take();
            if completed.is_some() || now >= until {
                return completed;
            }
            let patience = until.since(now).min(LONGEST_WAIT);
            if let Some(ready) = self.poller.wait_at_most(Some(patience)) {
                self.look_after(ready);
            }
            now = clock::now();
        }
    }

    fn drive_while_waiting(&self, waiter: &Waiter) -> Option<Drive<'_>> {
        // Whoever fills it wakes the loop only if that was the plan.
        let driving = self.driving.as_ref().filter(|_| waiter.drives())?;
        let mut state = lock(&driving.state);
        // Another thread may have taken the loop over meanwhile.
        if state.thread != threads::current().id() {
            return None;
        }
        state.depth += 1;
        drop(state);
        Some(Drive {
            core: self,
            driving,
        })
    }

    /// The application has freed the loop. Clients that were freed in a callback have still to end, and nobody else will see to it: here,
    /// or where the thread leaves that is in a callback now.
    pub(super) fn close(&self, in_callback: bool) {
        let Some(driving) = &self.driving else {
            return;
        };
        let busy = {
            let mut state = lock(&driving.state);
            state.closed = true;
            state.depth > 0
        };
        if !busy && !in_callback {
            self.end_freed_clients();
        }
    }

    /// A client has ended outside of callbacks; perhaps it was in one of its last ones that the loop was freed.
    pub(super) fn after_free(&self) {
        let left = self.driving.as_ref().is_some_and(|driving| {
            let state = lock(&driving.state);
            state.closed && state.depth == 0
        });
        if left {
            self.end_freed_clients();
        }
    }

    fn end_freed_clients(&self) {
        let freed: Vec<Arc<Inner>> = self.freed_clients();
        freed.iter().for_each(Inner::wait_for_end);
    }
}
