//! The one engine of a process: it comes with the first client and goes with the last.
//!
//! Most applications make their clients once. One that frees its last client and soon makes another will do so again, and to start and end
//! threads for each would be a seventh of what a connect costs it (with aws-lc-rs, where each thread seeds a random generator of its own,
//! a fifth). Its engine is therefore kept a moment longer, with the TLS configuration of the client that was last.

use super::clock;
use super::shared::{Core, Engine, lock};
use super::sync::atomic::Ordering;
use super::threads::KEPT_FOR;
use crate::error::Error;
use crate::time::Instant;
use crate::transport::tls::TlsConfig;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Counts forks: in a child the threads of the engine are gone, so it needs another one, and old handles are dead.
static GENERATION: AtomicU32 = AtomicU32::new(0);
/// One place for each generation (nobody forks that deep), because the lock of an earlier one may have been held at the moment of
/// the fork and then stays locked for ever.
static ENGINES: [Mutex<Place>; 64] = [const { Mutex::new(Place::new()) }; 64];

/// Where a timer's client would be: it is that of the engine itself, to end if it is not used.
pub(super) const NOBODY: u64 = 0;

/// Tells that this process is a forked child. Safe to call from a fork handler.
pub fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// The process ends, and with it an engine that is kept for a client that will not come, or about to end.
pub fn exiting() {
    // Forgotten: a client that is made now, by code that runs at the very end, has an engine of its own.
    let (engine, _kept) = {
        let mut place = place();
        (std::mem::take(&mut place.engine), place.kept.take())
    };
    let engine = engine.upgrade();
    if let Some(engine) = engine.filter(|engine| engine.core.close_if_unused()) {
        engine.stop();
    }
}

pub(super) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

struct Place {
    engine: Weak<Engine>,
    /// The same, where it outlives its last client.
    kept: Option<Arc<Engine>>,
    /// When the last one ended.
    ended: Option<Instant>,
}

impl Place {
    const fn new() -> Self {
        Place {
            engine: Weak::new(),
            kept: None,
            ended: None,
        }
    }
}

/// Under this lock nothing is dropped and no other lock is taken.
fn place() -> MutexGuard<'static, Place> {
    let place = &ENGINES[generation() as usize % ENGINES.len()];
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// The engine of this process, made now if there is none.
    pub(super) fn get() -> Result<Arc<Engine>, Error> {
        let mut place = place();
        if let Some(engine) = place.engine.upgrade() {
            if engine.is_kept && place.kept.is_none() {
                // It was just let go.
                place.kept = Some(Arc::clone(&engine));
            }
            return Ok(engine);
        }
        let mut made = Engine::new(None)?;
        let soon = |ended| clock::now().since(ended) < 2 * KEPT_FOR;
        made.is_kept = place.ended.is_some_and(soon);
        let made = Arc::new(made);
        place.engine = Arc::downgrade(&made);
        place.kept = made.is_kept.then(|| Arc::clone(&made));
        Ok(made)
    }

    /// A client could not be made in it, so none will end in it.
    pub(super) fn let_go(self: Arc<Self>) {
        if self.core.has_no_clients() {
            let kept = place().kept.take_if(|it| Arc::ptr_eq(it, &self));
            drop(kept);
        }
    }

    /// A client has ended whose TLS configuration this was. What it gives is to be dropped outside of all locks.
    pub(super) fn keep_tls(&self, tls: Option<TlsConfig>) -> Option<TlsConfig> {
        match tls {
            // A key of the application's is given back when its last client ends.
            Some(tls) if self.is_kept && !tls.asks_application() => {
                lock(&self.kept_tls).replace(tls)
            }
            other => other,
        }
    }

    /// A client has ended. What is kept for the next one is kept for a moment only.
    pub(super) fn look_back(&self) {
        if self.is_kept {
            self.core.look_back();
        }
    }

    /// Its last owner has gone.
    pub(super) fn has_ended(&self) {
        if self.core.driving.is_none() {
            place().ended = Some(clock::now());
        }
    }
}

impl Core {
    fn look_back(&self) {
        if !self.looks_back.swap(true, Ordering::AcqRel) {
            self.schedule(clock::now() + KEPT_FOR, NOBODY);
        }
    }

    /// The moment has passed. On a worker, which ends behind this if nobody uses the engine.
    pub(super) fn end_if_unused(&self) {
        self.looks_back.store(false, Ordering::Release);
        let engine = {
            let mut place = place();
            let is_ours = |it: &mut Arc<Engine>| std::ptr::eq(&*it.core, self);
            let Some(engine) = place.kept.take_if(is_ours) else {
                return;
            };
            if Arc::strong_count(&engine) > 1 {
                place.kept = Some(Arc::clone(&engine));
            }
            engine
        };
        drop(lock(&engine.kept_tls).take());
        // The last owner is this, or somebody who makes a client, or has not let go of one that has ended.
        if Arc::strong_count(&engine) > 1 && self.has_no_clients() {
            self.look_back();
        }
    }
}
