//! One empty buffer for messages a thread: what a worker reads, it mostly delivers itself. Idle clients keep none.

use super::MessageHandler;
use super::sync::thread_local;
use crate::session::Messages;
use std::cell::RefCell;

/// A larger one is given back to the system.
const LARGEST: usize = 1 << 20;

thread_local! {
    static SPARE: RefCell<Messages<MessageHandler>> = RefCell::default();
}

pub(super) fn take() -> Messages<MessageHandler> {
    SPARE.try_with(RefCell::take).unwrap_or_default()
}

/// They are empty: a handler in them would be dropped at an odd place.
pub(super) fn keep(messages: Messages<MessageHandler>) {
    debug_assert!(messages.is_empty());
    if messages.capacity() <= LARGEST {
        let _ = SPARE.try_with(|spare| {
            if spare.borrow().capacity() < messages.capacity() {
                spare.replace(messages);
            }
        });
    }
}
