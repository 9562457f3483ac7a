//! Memory for packets. There may be too little of it for a large one, and then whoever asks must be able to go on.

use crate::error::{Code, Error};
use std::collections::TryReserveError;

/// Room for so many bytes more behind those that are there.
pub(super) fn reserve(bytes: &mut Vec<u8>, size: usize) -> Result<(), TryReserveError> {
    #[cfg(test)]
    if size > shortage::most() {
        return bytes.try_reserve(usize::MAX);
    }
    bytes.try_reserve(size)
}

#[cold]
pub(super) fn none_for(size: usize) -> Error {
    Error::new(
        Code::NoMemory,
        format!("no memory for a packet of {size} bytes"),
    )
}

#[cfg(test)]
pub(super) mod shortage {
    use std::cell::Cell;

    thread_local! {
        static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    pub(super) fn most() -> usize {
        MOST.get()
    }

    /// As long as it lives, nothing on this thread is given more than so many bytes at once.
    pub(in crate::session) struct Shortage;

    impl Shortage {
        pub(in crate::session) fn of_more_than(most: usize) -> Self {
            MOST.set(most);
            Shortage
        }
    }

    impl Drop for Shortage {
        fn drop(&mut self) {
            MOST.set(usize::MAX);
        }
    }
}
