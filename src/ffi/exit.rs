//! Ends the library's threads when the process ends in the moment for which they stay without a client: a checker of memory that looks then
//! would take what belongs to a thread for lost.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};

/// Registers with the C library, once a process. Where it has no room for that, nothing but that moment is lost.
pub(super) fn watch() {
    // No cell that is made once: a fork in the middle of that would leave the child waiting for ever.
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.swap(true, Ordering::AcqRel) {
        // SAFETY: the function stays loaded for the rest of the process.
        unsafe { libc::atexit(at_exit) };
    }
}

extern "C" fn at_exit() {
    let _ = catch_unwind(crate::engine::exiting);
}
