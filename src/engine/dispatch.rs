//! Running the application's callbacks: one at a time and in order for one client, on whatever worker has come for it, no lock held.

use super::clock;
use super::inner::{Attention, Inner};
use super::scope::{self, Kind};
use super::shared::lock;
use super::state::State;
use super::{
    Completed, Completion, ConnectFailedHandler, Delivery, MessageHandler, OfflineHandler,
    OnlineHandler, OutcomeHandler,
};
use crate::config::Sign;
use crate::error::Error;
use crate::log::{Level, Log};
use crate::session::{Inbound, OperationId, OperationKind};
use crate::time::Instant;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What is to be told to the application.
pub(super) enum Callback {
    Online {
        session_present: bool,
    },
    Offline(Error),
    ConnectFailed(Error, Option<Duration>),
    Message(Inbound<MessageHandler>),
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
        while let Some((batch, handlers, version)) = self.next_batch() {
            self.run(batch, handlers, version);
        }
        self.engine.core.leave_callbacks();
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
        let unacknowledged = batch.iter().filter(
            |callback| matches!(callback, Callback::Message(inbound) if inbound.receipt != 0),
        );
        if batch.len() > 1 && unacknowledged.count() > 0 {
            self.acknowledge_soon(&mut state);
        }
        let version = self.handlers_version.load(Ordering::Acquire);
        Some((batch, state.handlers.clone(), version))
    }

    fn acknowledge_soon(&self, state: &mut State) {
        self.late.store(false, Ordering::Release);
        state.acknowledge_by = Some(clock::now() + ACKNOWLEDGE_WITHIN);
        state.set_timer(self);
    }

    fn run(self: &Arc<Self>, batch: VecDeque<Callback>, mut handlers: Handlers, mut version: u32) {
        let mut delivered = 0;
        for callback in batch {
            let current = self.handlers_version.load(Ordering::Acquire);
            if current != version {
                version = current;
                let newer = lock(&self.state).handlers.clone();
                let older = std::mem::replace(&mut handlers, newer);
                // Perhaps the last reference: dropping it runs code of the application, so not under the lock.
                scope::enter(self.key, Kind::Ordered, || drop(older));
            }
            if self.late.load(Ordering::Acquire) && self.has_handled.load(Ordering::Acquire) {
                self.acknowledge_soon(&mut lock(&self.state));
            }
            if let Callback::Message(inbound) = &callback {
                delivered += inbound.message.size();
            }
            let call = || scope::enter(self.key, Kind::Ordered, || self.call(callback, &handlers));
            if catch_unwind(AssertUnwindSafe(call)).is_err() {
                // A bug of ours; the application's code cannot unwind into here. The others must go on.
                let log = lock(&self.state).log.clone();
                log.write(Level::Error, || "internal error in a callback".to_owned());
            }
        }
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
            Callback::Message(inbound) => self.deliver(&inbound, handlers),
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

    fn deliver(&self, inbound: &Inbound<MessageHandler>, handlers: &Handlers) {
        // A freed client delivers nothing more; the broker has no acknowledgement and will send it again to whoever comes next.
        if self.freed.load(Ordering::Acquire) {
            return;
        }
        let delivery = Delivery { inbound };
        for handler in &inbound.matched.handlers {
            handler(&delivery);
        }
        if let Some(handler) = &handlers.message {
            handler(&delivery);
        }
        if inbound.receipt != 0 && !inbound.matched.manual {
            let mut handled = lock(&self.handled);
            handled.push(inbound.receipt);
            self.has_handled.store(true, Ordering::Release);
        }
    }

    /// The last step of a freed client: drops what the application registered, which frees its userdata.
    fn retire(self: &Arc<Self>) {
        let (handlers, callbacks, log, keys, credentials) = {
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
                (state.config.credentials.take(), state.tls.take()),
            )
        };
        scope::enter(self.key, Kind::Ordered, move || {
            // A dialer that is still in name resolution has a copy, which says nothing from here on.
            log.0.revoke();
            log.1.revoke();
            drop((handlers, callbacks, log));
            // A name resolution that nobody waits for may hold the key, but will not use it.
            keys.iter().for_each(|key| key.release());
            drop((keys, credentials));
        });
        self.engine.core.unregister(self.key);
        lock(&self.state).retired = true;
        self.retired.notify_all();
    }

    /// Asks a worker to run the callbacks, if there are any and nobody is at it.
    pub(super) fn hand_over(self: &Arc<Self>, state: &mut State) {
        state.release_unused_keys();
        if state.read_again {
            state.read_again = false;
            return self.engine.core.attend(Arc::clone(self), Attention::Read);
        }
        if state.has_callbacks() && !state.dispatching && !state.attended {
            state.attended = true;
            self.engine
                .core
                .attend(Arc::clone(self), Attention::Callbacks);
        }
    }
}

impl State {
    fn has_callbacks(&self) -> bool {
        !self.callbacks.is_empty() || (self.freed && !self.retired && self.outside == 0)
    }

    /// PUBACKs for the messages whose callbacks have run.
    pub(super) fn acknowledge_handled(&mut self, inner: &Inner, now: Instant) {
        if !inner.has_handled.load(Ordering::Acquire) {
            return;
        }
        let mut handled = lock(&inner.handled);
        inner.has_handled.store(false, Ordering::Release);
        for receipt in handled.drain(..) {
            // An error means that the connection on which it came is gone: then the broker sends the message again.
            let _ = self.session.acknowledge(now, receipt);
        }
    }
}
