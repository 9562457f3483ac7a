//! Memory for packets. There may be too little of it for a large one, and then whoever asks must be able to go on.

use crate::error::{Code, Error};
use std::collections::TryReserveError;

/// There is none. It is small, as most of what passes it on is there once a message.
#[derive(Debug)]
pub(super) struct NoMemory;

impl From<TryReserveError> for NoMemory {
    fn from(_: TryReserveError) -> Self {
        NoMemory
    }
}

/// For a packet that the broker has sent.
impl From<NoMemory> for Error {
    #[cold]
    #[inline(never)]
    fn from(_: NoMemory) -> Self {
        Error::new(Code::NoMemory, "no memory for a packet of the broker")
    }
}

/// Room for so many bytes more behind those that are there.
#[inline(never)] // A small library: what is done once a message looks first whether it has room.
pub(super) fn reserve(bytes: &mut Vec<u8>, size: usize) -> Result<(), NoMemory> {
    #[cfg(test)]
    if size > shortage::most() {
        return Err(NoMemory);
    }
    Ok(bytes.try_reserve(size)?)
}

/// For one of ours.
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
