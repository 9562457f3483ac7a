//! Time as the scenarios want it. All threads of one execution are on one thread of the system, so a cell is enough.

use crate::time::Instant;
use std::cell::Cell;

std::thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
    static PASSES: Cell<bool> = const { Cell::new(false) };
}

/// Each look at the clock takes a microsecond, so that publishes in a row are a burst.
pub(super) fn now() -> Instant {
    NOW.set(NOW.get() + 1000);
    Instant(NOW.get())
}

/// `passes`: whenever nothing else is to be done, the next timer comes. Else none ever comes, and what only a timer would have
/// saved is seen as a deadlock.
pub(super) fn start(passes: bool) {
    NOW.set(1_000_000_000);
    PASSES.set(passes);
}

pub(super) fn passes() -> bool {
    PASSES.get()
}

pub(super) fn advance(to: Instant) {
    NOW.set(NOW.get().max(to.0));
}
