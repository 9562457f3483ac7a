//! Which application code this thread is in, if any.

use super::sync::thread_local;
use std::cell::Cell;

/// What the application's code was called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A callback in the order of its client.
    Ordered,
    /// Outside that order: socket factory, credentials provider, private key. While it runs, its client cannot get on.
    Outside,
}

thread_local! {
    static CURRENT: Cell<Option<(u64, Kind)>> = const { Cell::new(None) };
}

/// Runs `code` as application code of the client with this key.
pub(super) fn enter<R>(client: u64, kind: Kind, code: impl FnOnce() -> R) -> R {
    struct Restore(Option<(u64, Kind)>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.set(self.0));
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.replace(Some((client, kind)))));
    code()
}

/// Whether this thread is in any callback of any client.
pub(super) fn in_callback() -> bool {
    CURRENT.with(Cell::get).is_some()
}

/// Whether a call that waits for this client, made here, would wait for itself.
pub(super) fn would_deadlock(client: u64) -> bool {
    CURRENT.with(Cell::get) == Some((client, Kind::Outside))
}
