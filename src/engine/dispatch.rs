//! Who runs the application's callbacks: one at a time and in order for one client, on whatever worker has come for it.

use super::clock;
use super::inner::{Attention, Inner};
use super::scope::{self, Kind};
use super::shared::lock;
use super::state::{State, Tag};
use super::sync::MutexGuard;
use super::sync::atomic::Ordering;
use super::{
    Completed, Completion, ConnectFailedHandler, MessageHandler, OfflineHandler, OnlineHandler,
    OutcomeHandler,
};
use crate::config::Sign;
use crate::error::Error;
use crate::log::Log;
use crate::session::{Messages, OperationKind, Published};
use crate::time::Instant;
use std::collections::VecDeque;
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
        if self.is_forked() {
            return;
        }
        while let Some(next) = self.engine.core.leave_callbacks() {
            next.run_batches();
        }
    }

    fn run_batches(self: &Arc<Self>) {
        while let Some((batch, handlers, noticed)) = self.next_batch() {
            self.run_batch(batch, handlers, noticed);
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
                self.engine.core.in_callbacks(|| self.run_batches());
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
        if self.is_forked() {
            return None;
        }
        let mut state = lock(&self.state);
        if state.callbacks.is_empty() {
            if state.freed && !state.retired && !state.outside {
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

    pub(super) fn acknowledge_soon(&self, state: &mut State) {
        self.late.store(false, Ordering::Release);
        state.acknowledge_by = Some(clock::now() + ACKNOWLEDGE_WITHIN);
        state.set_timer(self);
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
        !self.callbacks.is_empty() || (self.freed && !self.retired && !self.outside)
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
