//! Tells the engine about fork(): its threads exist in the parent only, so the parent's clients are dead in the child.

use crate::error::{Code, Error};
use std::sync::atomic::{AtomicBool, Ordering};

/// Registers with the C library, once a process; a child inherits it. It cannot be undone, which is one reason why the
/// library stays in memory after dlclose() (`build.rs`).
pub(super) fn watch() -> Result<(), Error> {
    // No cell that is made once: a fork in the middle of that would leave the child waiting for ever.
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if REGISTERED.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    // SAFETY: the function stays loaded for the rest of the process.
    match unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) } {
        0 => Ok(()),
        _ => {
            REGISTERED.store(false, Ordering::Release);
            Err(Error::new(
                Code::NoMemory,
                "no memory to register for fork()",
            ))
        }
    }
}

/// Runs in the child before fork() returns there, where other threads' locks may be held for ever: it must not wait or allocate.
unsafe extern "C" fn in_the_child() {
    crate::engine::forked();
}
