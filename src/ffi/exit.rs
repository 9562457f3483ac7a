//! Ends the library's threads when the process ends in the moment for which they stay without a client: a checker of memory that looks then
//! would take what belongs to a thread for lost.

use once_cell::sync::OnceCell;
use std::panic::catch_unwind;

static REGISTERED: OnceCell<()> = OnceCell::new();

/// Registers with the C library, once a process. Where it has no room for that, nothing but that moment is lost.
pub(super) fn watch() {
    REGISTERED.get_or_init(|| {
        // SAFETY: the function stays loaded for the rest of the process.
        unsafe { libc::atexit(at_exit) };
    });
}

extern "C" fn at_exit() {
    let _ = catch_unwind(crate::engine::exiting);
}
