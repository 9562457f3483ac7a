//! Empty buffers for messages, from whoever has delivered theirs to whoever reads next: often another thread, and another client. So none
//! is allocated anew for each read, and idle clients keep none.

use super::MessageHandler;
use super::shared::lock;
use super::sync::Mutex;
use crate::session::Messages;

/// So many are kept, one or two for each thread that is likely to be at it.
const MOST: usize = 4;
/// A larger one is given back to the system.
const LARGEST: usize = 1 << 20;

#[derive(Default)]
pub(super) struct SpareMessages(Mutex<Vec<Messages<MessageHandler>>>);

impl SpareMessages {
    pub(super) fn take(&self) -> Messages<MessageHandler> {
        lock(&self.0).pop().unwrap_or_default()
    }

    /// They are empty: a handler in them would be dropped at an odd place.
    pub(super) fn keep(&self, messages: Messages<MessageHandler>) {
        debug_assert!(messages.is_empty());
        if messages.capacity() == 0 || messages.capacity() > LARGEST {
            return;
        }
        let mut spare = lock(&self.0);
        if spare.len() < MOST {
            spare.push(messages);
        }
    }
}
