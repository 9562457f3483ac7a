//! A batch of callbacks of one client: each is called, no lock held, and what changes meanwhile is looked up in between.

use super::dispatch::{Callback, Handlers};
use super::inner::Inner;
use super::scope::{self, Kind};
use super::shared::lock;
use super::state::Tag;
use super::sync::atomic::Ordering;
use super::{Completed, Delivery, MessageHandler};
use crate::log::Level;
use crate::session::{Messages, OperationId, OperationKind, Published};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Inner {
    pub(super) fn run_batch(
        self: &Arc<Self>,
        batch: VecDeque<Callback>,
        handlers: Handlers,
        noticed: u32,
    ) {
        let mut run = Run {
            inner: self,
            handlers,
            noticed,
            freed: self.is_freed(),
            delivered: 0,
        };
        for callback in batch {
            match callback {
                Callback::Messages(messages) => run.messages(messages),
                Callback::Published(published) => run.published(published),
                other => {
                    run.look_up();
                    run.guarded(|run| self.call(other, &run.handlers));
                }
            }
        }
        let Run {
            handlers,
            delivered,
            ..
        } = run;
        scope::enter(self.key, Kind::Ordered, || drop(handlers));
        self.guarded(|_, state, now| {
            state.undelivered -= delivered;
            state.acknowledge_by = None;
            if state.settle_pause(now) {
                state.read_again = true;
            }
        });
    }

    fn call(&self, callback: Callback, handlers: &Handlers) {
        match callback {
            Callback::Online { session_present } => {
                if let Some(handler) = &handlers.online {
                    handler(session_present);
                }
            }
            Callback::Offline(why) => {
                if let Some(handler) = &handlers.offline {
                    handler(&why);
                }
            }
            Callback::ConnectFailed(why, next_attempt) => {
                if let Some(handler) = &handlers.connect_failed {
                    let milliseconds = next_attempt
                        .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                    handler(&why, milliseconds);
                }
            }
            Callback::Messages(_) | Callback::Published(_) => {}
            Callback::Completed(completion, completed) => completion.call(&completed),
            Callback::Outcome(kind, topic, completed) => {
                if let Some(handler) = &handlers.outcome {
                    handler(completed.operation, kind, &topic, &completed.result);
                }
            }
            Callback::SubscriptionRefused(filter, why) => {
                if let Some(handler) = &handlers.outcome {
                    handler(OperationId(0), OperationKind::Subscribe, &filter, &Err(why));
                }
            }
            Callback::Released(handler) => drop(handler),
            Callback::KeyReleased(key) => key.release(),
        }
    }
}

/// A batch of callbacks that is being run.
struct Run<'a> {
    inner: &'a Arc<Inner>,
    handlers: Handlers,
    /// What `handlers` and `freed` are up to date with.
    noticed: u32,
    /// A freed client delivers nothing more; the broker has no acknowledgement and will send it again to whoever comes next.
    freed: bool,
    /// Bytes of messages whose callbacks have run.
    delivered: usize,
}

impl Run<'_> {
    /// Whether [`look_up`](Run::look_up) has something to do. Asked before each callback.
    #[inline(always)]
    fn is_outdated(&self) -> bool {
        self.inner.notices.load(Ordering::Acquire) != self.noticed
    }

    /// Takes over handlers that were replaced in mid-batch, and acknowledges in time.
    fn look_up(&mut self) {
        if !self.is_outdated() {
            return;
        }
        let inner = self.inner;
        self.noticed = inner.notices.load(Ordering::Acquire);
        self.freed = inner.is_freed();
        let newer = lock(&inner.state).handlers.clone();
        let older = std::mem::replace(&mut self.handlers, newer);
        // Perhaps the last reference: dropping it runs code of the application, so not under the lock.
        scope::enter(inner.key, Kind::Ordered, || drop(older));
        if inner.late.load(Ordering::Acquire) {
            inner.acknowledge_soon(&mut lock(&inner.state));
        }
    }

    /// Application code, on behalf of the client.
    fn guarded(&mut self, code: impl FnOnce(&mut Self)) {
        let inner = self.inner;
        let call = || scope::enter(inner.key, Kind::Ordered, || code(self));
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            // A bug of ours; the application's code cannot unwind into here. The others must go on.
            let log = lock(&inner.state).log.clone();
            log.write(Level::Error, || "internal error in a callback".to_owned());
        }
    }

    fn messages(&mut self, mut messages: Messages<MessageHandler>) {
        let mut next = 0;
        while next < messages.len() {
            self.look_up();
            if self.freed {
                break;
            }
            self.guarded(|run| run.deliver(&messages, &mut next));
        }
        self.delivered += messages.size();
        // It may hold the last reference to a handler.
        self.guarded(|run| {
            messages.clear();
            run.inner.engine.core.spare_messages.keep(messages);
        });
    }

    /// From the one with the index `next` on, until there is something to look up.
    fn deliver(&self, messages: &Messages<MessageHandler>, next: &mut usize) {
        for delivery in messages.iter_from(*next).map(Delivery) {
            *next += 1;
            for handler in &delivery.0.matched().handlers {
                handler(&delivery);
            }
            if let Some(handler) = &self.handlers.message {
                handler(&delivery);
            }
            let receipt = delivery.0.receipt();
            if receipt != 0 {
                self.inner.handled.store(receipt, Ordering::Release);
            }
            if self.is_outdated() {
                return;
            }
        }
    }

    fn published(&mut self, published: Vec<Published<Tag>>) {
        let mut published = published.into_iter();
        while published.len() > 0 {
            self.look_up();
            self.guarded(|run| {
                for outcome in published.by_ref() {
                    if let Tag::Completion(completion) = outcome.tag {
                        let completed = Completed::published(outcome.operation, outcome.packet_id);
                        completion.call(&completed);
                    }
                    if run.is_outdated() {
                        return;
                    }
                }
            });
        }
    }
}
