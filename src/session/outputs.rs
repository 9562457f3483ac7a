//! What the driver is to do, in order. Messages in a row, and publishes in a row that went well, are one event.

use super::event::{Event, Output, Published};
use super::memory::NoMemory;
use super::messages::{Matched, Messages};
use crate::codec;
use std::collections::VecDeque;
use std::sync::Arc;

/// See the [module](self).
pub(super) struct Outputs<T, H> {
    queue: VecDeque<Output<T, H>>,
    // The batch that grows, behind everything in the queue: at most one of the two has anything in it.
    messages: Messages<H>,
    published: Vec<Published<T>>,
}

impl<T, H> Default for Outputs<T, H> {
    fn default() -> Self {
        Outputs {
            queue: VecDeque::new(),
            messages: Messages::default(),
            published: Vec::new(),
        }
    }
}

impl<T, H> Outputs<T, H> {
    pub(super) fn push(&mut self, output: Output<T, H>) {
        self.close_batch();
        self.queue.push_back(output);
    }

    #[inline(always)] // Once a message, as what it calls.
    pub(super) fn message(
        &mut self,
        publish: &codec::Publish<'_>,
        receipt: u64,
        matched: &Arc<Matched<H>>,
        known: bool,
    ) -> Result<(), NoMemory> {
        if !self.published.is_empty() {
            self.close_batch();
        }
        self.messages.push(publish, receipt, matched, known)
    }

    #[inline(always)]
    pub(super) fn published(&mut self, published: Published<T>) {
        if !self.messages.is_empty() {
            self.close_batch();
        }
        self.published.push(published);
    }

    #[inline(never)]
    fn close_batch(&mut self) {
        if !self.messages.is_empty() {
            let messages = std::mem::take(&mut self.messages);
            self.queue
                .push_back(Output::Event(Event::Messages(messages)));
        }
        if !self.published.is_empty() {
            let published = std::mem::take(&mut self.published);
            self.queue
                .push_back(Output::Event(Event::Published(published)));
        }
    }

    pub(super) fn pop(&mut self) -> Option<Output<T, H>> {
        if self.queue.is_empty() {
            self.close_batch();
        }
        self.queue.pop_front()
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.messages.is_empty() && self.published.is_empty()
    }

    /// There is something else than messages, and outcomes of publishes that went well.
    pub(super) fn is_pressing(&self) -> bool {
        let patient = |output: &Output<T, H>| {
            matches!(
                output,
                Output::Event(Event::Messages(_) | Event::Published(_))
            )
        };
        !self.queue.iter().all(patient)
    }

    /// Memory for the next messages.
    pub(super) fn lend(&mut self, spare: Messages<H>) {
        if self.messages.is_empty() {
            self.messages = spare;
        }
    }

    /// What was lent, if it was not used.
    pub(super) fn take_spare(&mut self) -> Messages<H> {
        if self.messages.is_empty() {
            std::mem::take(&mut self.messages)
        } else {
            Messages::default()
        }
    }
}
