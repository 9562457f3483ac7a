//! The engine of an application that has a loop of its own and no threads to spare.

use super::clock;
use super::driving::Driving;
use super::process;
use super::scope;
use super::shared::Engine;
use crate::error::{Code, Error};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

/// Drives the clients that are made in it, on the thread that calls [`process`](EventLoop::process). Clients keep the engine, so they may
/// outlive the loop.
pub struct EventLoop {
    /// `None` only while it is dropped.
    engine: Option<Arc<Engine>>,
    generation: u32,
}

impl EventLoop {
    pub fn new() -> Result<Arc<EventLoop>, Error> {
        let engine = Engine::new(Some(Driving::new()))?;
        Ok(Arc::new(EventLoop {
            engine: Some(Arc::new(engine)),
            generation: process::generation(),
        }))
    }

    pub(super) fn engine(&self) -> Result<Arc<Engine>, Error> {
        self.alive().cloned()
    }

    fn alive(&self) -> Result<&Arc<Engine>, Error> {
        if self.generation != process::generation() {
            return Err(Error::new(
                Code::Forked,
                "this loop was made before fork and belongs to the parent process: make a new one in the child",
            ));
        }
        let gone = || Error::new(Code::InvalidState, "the loop is being freed");
        self.engine.as_ref().ok_or_else(gone)
    }

    /// The same descriptor as long as the loop is there: readable when there is something to do.
    pub fn descriptor(&self) -> Result<RawFd, Error> {
        Ok(self.alive()?.core.poller.fd().as_raw_fd())
    }

    /// Milliseconds until something is to be done although nothing comes in; `None`: nothing is to come. Rounded up, because who wakes too
    /// early would spin until it is time.
    pub fn milliseconds_left(&self) -> Result<Option<u64>, Error> {
        let next = self.alive()?.core.next_time();
        let left = next.map(|next| next.since(clock::now()).as_nanos().div_ceil(1_000_000));
        Ok(left.map(|left| u64::try_from(left).unwrap_or(u64::MAX)))
    }

    /// Does what is ready, callbacks included, and never waits.
    pub fn process(&self) -> Result<(), Error> {
        let engine = self.engine()?;
        engine.core.process()
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        let Some(engine) = self.engine.take() else {
            return;
        };
        if self.generation != process::generation() {
            // The parent's: its locks may be held for ever here.
            std::mem::forget(engine);
            return;
        }
        engine.core.close(scope::in_callback());
    }
}
