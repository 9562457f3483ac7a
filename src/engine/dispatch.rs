//! Running the application's callbacks: one at a time and in order for one client, on whatever worker has come for it, no lock held.

use super::clock;
use super::inner::{Attention, Inner};
use super::scope::{self, Kind};
use super::shared::lock;
use super::state::{State, Tag};
use super::sync::MutexGuard;
use super::sync::atomic::Ordering;
use super::{
    Completed, Completion, ConnectFailedHandler, Delivery, MessageHandler, OfflineHandler,
    OnlineHandler, OutcomeHandler,
};
use crate::config::Sign;
use crate::error::Error;
use crate::log::{Level, Log};
use crate::session::{Messages, OperationId, OperationKind, Published};
use crate::time::Instant;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// What is to be told to the application.
pub(super) enum Callback {
    Online {
        session_present: bool,
    },
    Offline(Error),
    ConnectFailed(Error, Option<Duration>),
    Messages(Messages<MessageHandler>),
    /// Whose tags are completions.
    Published(Vec<Published<Tag>>),
    Completed(Completion, Completed),
    /// An operation without completion whose call had returned `Queued`.
    Outcome(OperationKind, Arc<str>, Completed),
    SubscriptionRefused(Arc<str>, Error),
    /// To be dropped, which runs the application's code that frees its userdata.
    Released(MessageHandler),
    /// The same of a private key that only the application can use.
    KeyReleased(Arc<dyn Sign>),
}

/// The application's handlers of a client.
#[derive(Clone, Default)]
pub(super) struct Handlers {
    pub(super) online: Option<OnlineHandler>,
    pub(super) offline: Option<OfflineHandler>,
    pub(super) message: Option<MessageHandler>,
    pub(super) connect_failed: Option<ConnectFailedHandler>,
    pub(super) outcome: Option<OutcomeHandler>,
}

/// If a callback blocks, the messages before it in the same batch are acknowledged after this time.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(5);

impl Inner {
    /// Runs the callbacks that wait, unless another thread is at it.
    pub(super) fn dispatch(self: &Arc<Self>) {
        {
            let mut state = lock(&self.state);
            state.attended = false;
            if state.dispatching || !state.has_callbacks() {
                return;
            }
            state.dispatching = true;
        }
        self.run_callbacks();
    }

    /// The same for the thread that has the role. Where too many other callbacks block, the client stands in line with the role
    /// taken, so that it stands there once, and goes on here when its turn has come.
    pub(super) fn run_callbacks(self: &Arc<Self>) {
        if !self.engine.core.enter_callbacks(self) {
            return;
        }
        self.run_batches();
        while let Some(next) = self.engine.core.leave_callbacks() {
            next.run_batches();
        }
    }

    fn run_batches(self: &Arc<Self>) {
        while let Some((batch, handlers, noticed)) = self.next_batch() {
            self.run(batch, handlers, noticed);
        }
    }

    /// Waits until a freed client has ended. In a loop of the application this thread runs what callbacks are left, because the loop may
    /// never be driven again.
    pub(super) fn wait_for_end(self: &Arc<Self>) {
        let driven = self.engine.core.driving.is_some();
        let mut state = lock(&self.state);
        while !state.retired {
            if driven && !state.dispatching && state.has_callbacks() {
                state.dispatching = true;
                drop(state);
                self.run_batches();
                state = lock(&self.state);
                continue;
            }
            state = self
                .retired
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn next_batch(self: &Arc<Self>) -> Option<(VecDeque<Callback>, Handlers, u32)> {
        let mut state = lock(&self.state);
        if state.callbacks.is_empty() {
            if state.freed && !state.retired && state.outside == 0 {
                drop(state);
                self.retire();
                state = lock(&self.state);
            }
            state.dispatching = false;
            return None;
        }
        let batch = std::mem::take(&mut state.callbacks);
        let acknowledges = |callback: &Callback| matches!(callback, Callback::Messages(messages) if messages.any_receipt());
        // One alone is acknowledged when its callback returns.
        let several = batch.len() > 1
            || matches!(batch.front(), Some(Callback::Messages(it)) if it.len() > 1);
        if several && batch.iter().any(acknowledges) {
            self.acknowledge_soon(&mut state);
        }
        let noticed = self.notices.load(Ordering::Acquire);
        Some((batch, state.handlers.clone(), noticed))
    }

    fn acknowledge_soon(&self, state: &mut State) {
        self.late.store(false, Ordering::Release);
        state.acknowledge_by = Some(clock::now() + ACKNOWLEDGE_WITHIN);
        state.set_timer(self);
    }

    fn run(self: &Arc<Self>, batch: VecDeque<Callback>, handlers: Handlers, noticed: u32) {
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

    /// The last step of a freed client: drops what the application registered, which frees its userdata.
    fn retire(self: &Arc<Self>) {
        let (handlers, callbacks, log, keys, credentials, tls) = {
            let mut state = lock(&self.state);
            let log = state.session.set_log(Log::none());
            (
                std::mem::take(&mut state.handlers),
                (
                    state.socket_factory.take(),
                    state.credentials_provider.take(),
                ),
                (log, std::mem::replace(&mut state.log, Log::none())),
                std::mem::take(&mut state.keys),
                state.config.credentials.take(),
                state.tls.take(),
            )
        };
        scope::enter(self.key, Kind::Ordered, move || {
            // A dialer that is still in name resolution has a copy, which says nothing from here on.
            log.0.revoke();
            log.1.revoke();
            drop((handlers, callbacks, log));
            // A name resolution that nobody waits for may hold the key, but will not use it.
            keys.iter().for_each(|key| key.release());
            drop((keys, credentials, self.engine.keep_tls(tls)));
        });
        self.engine.core.unregister(self.key);
        self.engine.look_back();
        lock(&self.state).retired = true;
        self.retired.notify_all();
    }

    /// Unlocks, wakes whom it has an outcome for, and asks a worker to run the callbacks, if there are any and nobody is at it.
    #[inline(always)] // Once a message.
    pub(super) fn hand_over(self: &Arc<Self>, state: MutexGuard<'_, State>) {
        if state.read_again
            || state.has_callbacks()
            || !state.filled.is_empty()
            || !state.keys.is_empty()
        {
            self.hand_over_something(state);
        }
    }

    #[inline(never)]
    fn hand_over_something(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        state.release_unused_keys();
        let core = &self.engine.core;
        let freed = state.freed;
        let attention = if std::mem::take(&mut state.read_again) {
            Some(Attention::Read)
        } else if state.has_callbacks() && !state.dispatching && !state.attended {
            state.attended = true;
            Some(Attention::Callbacks)
        } else {
            None
        };
        if let Some(attention) = attention {
            // Under the lock: whoever waits for the end of this client may take it out of the queue as soon as that is free.
            core.line_up(Arc::clone(self), attention);
        }
        let filled = std::mem::take(&mut state.filled);
        drop(state);
        filled.iter().for_each(|waiter| waiter.wake());
        if freed {
            // Whoever waits in `wait_for_end` may have to run these.
            self.retired.notify_all();
        }
        if attention.is_some() {
            core.poller.wake();
        }
    }
}

impl State {
    #[inline(always)]
    fn has_callbacks(&self) -> bool {
        !self.callbacks.is_empty() || (self.freed && !self.retired && self.outside == 0)
    }

    /// PUBACKs for the messages whose callbacks have run.
    #[inline(always)]
    pub(super) fn acknowledge_handled(&mut self, inner: &Inner, now: Instant) {
        let handled = inner.handled.load(Ordering::Acquire);
        if handled > self.handled {
            self.handled = handled;
            self.session.handled(now, handled);
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
