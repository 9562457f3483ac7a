//! The client: what the application calls.

use super::dispatch::Handlers;
use super::shared::{self, Engine, lock};
use super::state::{BURST, BURST_BYTES, Connection, State, Tag};
use super::waiter::Waiter;
use super::{
    Accepted, Completed, Completion, ConnectFailedHandler, CredentialsProvider, MessageHandler,
    OfflineHandler, OnlineHandler, OperationId, OutcomeHandler, SocketFactory, Stats, clock,
};
use super::{credentials, scope};
use crate::aws::endpoint;
use crate::config::{Config, QoS};
use crate::error::{Code, Error};
use crate::log::{Level, Log};
use crate::session::{Session, State as SessionState, Wait};
use crate::time::Instant;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// What a worker reads into at once; one for each worker, none for each client.
const READ_BUFFER: usize = 128 << 10;

/// One MQTT client. All methods may be called on any thread, callbacks included.
pub struct Client {
    inner: Arc<Inner>,
}

/// What the client's threads share.
pub(super) struct Inner {
    pub(super) engine: Arc<Engine>,
    /// Names the client to the poller and the timers.
    pub(super) key: u64,
    generation: u32,
    pub(super) state: Mutex<State>,
    /// Signalled when `State::retired` has become true.
    pub(super) retired: Condvar,
    /// Grows when a handler is replaced, so that a batch of callbacks in mid-run takes the new one.
    pub(super) handlers_version: AtomicU32,
    /// The same as `State::freed`, to be read without the lock.
    pub(super) freed: AtomicBool,
    /// Receipts of messages whose callbacks have run, for whoever holds the lock next.
    pub(super) handled: Mutex<Vec<u64>>,
    pub(super) has_handled: AtomicBool,
}

impl Client {
    pub fn new(config: Config) -> Result<Arc<Client>, Error> {
        let engine = Engine::get()?;
        let key = engine.core.new_key();
        let state = State {
            session: Session::new(config.session.clone(), seed(key)),
            config,
            connection: Connection::None,
            attempt: 0,
            armed: None,
            timer: None,
            callbacks: VecDeque::new(),
            undelivered: 0,
            paused: false,
            dispatching: false,
            acknowledge_by: None,
            waiting_calls: 0,
            handlers: Handlers::default(),
            socket_factory: None,
            credentials_provider: None,
            signing: Arc::default(),
            keys: Vec::new(),
            tls: None,
            asking: false,
            outside: 0,
            attended: false,
            read_again: false,
            log: Log::none(),
            last_publish: Instant::ZERO,
            freed: false,
            retired: false,
        };
        let inner = Arc::new(Inner {
            engine,
            key,
            generation: shared::generation(),
            state: Mutex::new(state),
            retired: Condvar::new(),
            handlers_version: AtomicU32::new(0),
            freed: AtomicBool::new(false),
            handled: Mutex::default(),
            has_handled: AtomicBool::new(false),
        });
        inner.engine.core.register(key, &inner);
        Ok(Arc::new(Client { inner }))
    }

    /// Changes the configuration while no connection is wanted; `InvalidState` otherwise. On an error nothing has changed.
    pub fn configure(
        &self,
        change: impl FnOnce(&mut Config) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut state = self.inner.enter()?;
        if !state.session.is_idle() {
            return Err(Error::new(
                Code::InvalidState,
                "this can only be configured while no connection is wanted: before connect, or after disconnect",
            ));
        }
        state.change_config(change)
    }

    /// The same at any time; used from the next attempt on.
    pub fn configure_any_time(
        &self,
        change: impl FnOnce(&mut Config) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut state = self.inner.enter()?;
        let before = state.config.credentials.clone();
        state.change_config(change)?;
        // Keys of the application are given back when nothing of ours holds them any more.
        let replaced = match (&before, &state.config.credentials) {
            (Some(before), Some(now)) if Arc::ptr_eq(before, now) => None,
            _ => state.tls.take(),
        };
        state.keep_key();
        drop((before, replaced));
        self.inner.hand_over(&mut state);
        Ok(())
    }

    /// The passphrase for keys that are configured now.
    pub fn private_key_passphrase(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        Ok(self.inner.enter()?.config.private_key_passphrase.clone())
    }

    pub fn configure_socket_factory(
        &self,
        make: impl FnOnce() -> Option<SocketFactory>,
    ) -> Result<(), Error> {
        let mut state = self.inner.enter()?;
        if !state.session.is_idle() {
            return Err(Error::new(
                Code::InvalidState,
                "the socket factory can only be configured while no connection is wanted",
            ));
        }
        let replaced = std::mem::replace(&mut state.socket_factory, make());
        drop(state);
        drop(replaced);
        Ok(())
    }

    /// At any time; asked from the next attempt on.
    pub fn configure_credentials_provider(
        &self,
        make: impl FnOnce() -> Option<CredentialsProvider>,
    ) -> Result<(), Error> {
        let mut state = self.inner.enter()?;
        let replaced = std::mem::replace(&mut state.credentials_provider, make());
        drop(state);
        drop(replaced);
        Ok(())
    }

    // Handlers: `make` is called only if the call succeeds, so on an error nothing was taken. What is replaced is dropped outside
    // of all locks, because that runs code of the application.

    pub fn on_online(&self, make: impl FnOnce() -> Option<OnlineHandler>) -> Result<(), Error> {
        self.inner.replace(|handlers| &mut handlers.online, make)
    }

    pub fn on_offline(&self, make: impl FnOnce() -> Option<OfflineHandler>) -> Result<(), Error> {
        self.inner.replace(|handlers| &mut handlers.offline, make)
    }

    pub fn on_message(&self, make: impl FnOnce() -> Option<MessageHandler>) -> Result<(), Error> {
        self.inner.replace(|handlers| &mut handlers.message, make)
    }

    pub fn on_connect_failed(
        &self,
        make: impl FnOnce() -> Option<ConnectFailedHandler>,
    ) -> Result<(), Error> {
        self.inner
            .replace(|handlers| &mut handlers.connect_failed, make)
    }

    pub fn on_outcome(&self, make: impl FnOnce() -> Option<OutcomeHandler>) -> Result<(), Error> {
        self.inner.replace(|handlers| &mut handlers.outcome, make)
    }

    pub fn on_log(&self, make: impl FnOnce() -> Log) -> Result<(), Error> {
        let mut state = self.inner.enter()?;
        let log = make();
        let replaced = (
            state.session.set_log(log.clone()),
            std::mem::replace(&mut state.log, log),
        );
        drop(state);
        drop(replaced);
        Ok(())
    }

    /// Waits for CONNACK or the failure. Keep alive in seconds, 0 = none.
    pub fn connect(&self, keep_alive_secs: u16) -> Result<(), Error> {
        let completed = self.inner.wait_for(|state, now, waiter| {
            state.check_connectable()?;
            let timeout = state.config.session.connect_disconnect_timeout;
            state
                .session
                .connect(now, keep_alive_secs, Wait::Bounded, |_| Some(waiter))
                .map(|_| (Accepted::Now, now + timeout))
        })?;
        completed.map_or(Ok(()), |completed| completed.result)
    }

    /// `make` is called only if the operation is accepted, before any callback of it can run: the place to hand out the id and to
    /// take the userdata.
    pub fn connect_async(
        &self,
        keep_alive_secs: u16,
        make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        self.inner.start(|state, now| {
            state.check_connectable()?;
            let tag = |id| make(id).map(Tag::Completion);
            state
                .session
                .connect(now, keep_alive_secs, Wait::Forever, tag)?;
            Ok(Accepted::Now)
        })
    }

    /// Gives how many operations are kept for the next connection.
    pub fn disconnect(&self) -> Result<usize, Error> {
        let completed = self.inner.wait_for(|state, now, waiter| {
            let timeout = state.config.session.connect_disconnect_timeout;
            let started = state.session.disconnect(now, |_| Some(waiter));
            started.map(|_| (Accepted::Now, now + timeout))
        })?;
        completed.map_or(Ok(0), |completed| completed.result.map(|()| completed.left))
    }

    pub fn disconnect_async(
        &self,
        make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        self.inner.start(|state, now| {
            state
                .session
                .disconnect(now, |id| make(id).map(Tag::Completion))?;
            Ok(Accepted::Now)
        })
    }

    pub fn publish(
        &self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        retain: bool,
    ) -> Result<Accepted, Error> {
        if qos == QoS::AtMostOnce {
            return self.inner.start_publish(|state, now| {
                let nobody = |_, _| None;
                let published = state.session.publish(
                    now,
                    topic,
                    payload,
                    qos,
                    retain,
                    Wait::Bounded,
                    nobody,
                )?;
                Ok(published.1)
            });
        }
        let completed = self.inner.wait_for(|state, now, waiter| {
            let tag = |_, accepted| (accepted == Accepted::Now).then_some(waiter);
            let (_, accepted) =
                state
                    .session
                    .publish(now, topic, payload, qos, retain, Wait::Bounded, tag)?;
            Ok((accepted, now + state.config.session.operation_timeout))
        })?;
        outcome(completed).map(|completed| completed.0)
    }

    pub fn publish_async(
        &self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        retain: bool,
        make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        self.inner.start_publish(|state, now| {
            let tag = |id, _| make(id).map(Tag::Completion);
            let published =
                state
                    .session
                    .publish(now, topic, payload, qos, retain, Wait::Forever, tag)?;
            Ok(published.1)
        })
    }

    /// `make` gives the message handler (`None`: only `on_message` sees the messages). `manual`: QoS 1 messages of this subscription
    /// are acknowledged by `acknowledge`. Gives the granted QoS where the outcome is known.
    pub fn subscribe(
        &self,
        filter: &str,
        qos: QoS,
        manual: bool,
        make: impl FnOnce() -> Option<MessageHandler>,
    ) -> Result<(Accepted, Option<QoS>), Error> {
        let completed = self.inner.wait_for(|state, now, waiter| {
            let prepare = |_, accepted| ((accepted == Accepted::Now).then_some(waiter), make());
            let (_, accepted) =
                state
                    .session
                    .subscribe(now, filter, qos, manual, Wait::Bounded, prepare)?;
            Ok((accepted, now + state.config.session.operation_timeout))
        })?;
        outcome(completed)
    }

    pub fn subscribe_async(
        &self,
        filter: &str,
        qos: QoS,
        manual: bool,
        make: impl FnOnce(OperationId) -> (Option<Completion>, Option<MessageHandler>),
    ) -> Result<Accepted, Error> {
        self.inner.start(|state, now| {
            let prepare = |id, _| {
                let (completion, handler) = make(id);
                (completion.map(Tag::Completion), handler)
            };
            let (_, accepted) =
                state
                    .session
                    .subscribe(now, filter, qos, manual, Wait::Forever, prepare)?;
            Ok(accepted)
        })
    }

    pub fn unsubscribe(&self, filter: &str) -> Result<Accepted, Error> {
        let completed = self.inner.wait_for(|state, now, waiter| {
            let tag = |_, accepted| (accepted == Accepted::Now).then_some(waiter);
            let (_, accepted) = state.session.unsubscribe(now, filter, Wait::Bounded, tag)?;
            Ok((accepted, now + state.config.session.operation_timeout))
        })?;
        outcome(completed).map(|completed| completed.0)
    }

    pub fn unsubscribe_async(
        &self,
        filter: &str,
        make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        self.inner.start(|state, now| {
            let tag = |id, _| make(id).map(Tag::Completion);
            let (_, accepted) = state.session.unsubscribe(now, filter, Wait::Forever, tag)?;
            Ok(accepted)
        })
    }

    pub fn acknowledge(&self, acknowledgement: u64) -> Result<(), Error> {
        self.inner.start(|state, now| {
            state.session.acknowledge(now, acknowledgement)?;
            Ok(())
        })
    }

    pub fn cancel(&self, operation: OperationId) -> Result<(), Error> {
        self.inner
            .start(|state, now| state.session.cancel(now, operation))
    }

    pub fn reconnect(&self) -> Result<(), Error> {
        self.inner.start(|state, now| state.session.reconnect(now))
    }

    pub fn state(&self) -> Result<SessionState, Error> {
        Ok(self.inner.enter()?.session.state())
    }

    pub fn stats(&self) -> Result<Stats, Error> {
        Ok(Stats::of(&self.inner.enter()?.session))
    }

    /// Ends the client. Inside a callback it returns at once; outside when all callbacks have run and all handlers are dropped.
    pub fn free(&self) {
        // In a forked child the threads that would help are gone, and the socket is the parent's.
        if self.inner.generation != shared::generation() {
            return;
        }
        {
            let mut state = lock(&self.inner.state);
            if !state.freed {
                state.freed = true;
                self.inner.freed.store(true, Ordering::Release);
                drop(state);
                self.inner
                    .guarded(|_, state, now| state.session.shut_down(now));
            }
        }
        if scope::in_callback() {
            return;
        }
        let mut state = lock(&self.inner.state);
        while !state.retired {
            state = self
                .inner
                .retired
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.free();
    }
}

impl Inner {
    pub(super) fn key(&self) -> u64 {
        self.key
    }

    pub(super) fn is_freed(&self) -> bool {
        self.freed.load(Ordering::Acquire)
    }

    /// The state, if the client may be used.
    fn enter(&self) -> Result<MutexGuard<'_, State>, Error> {
        if self.generation != shared::generation() {
            return Err(Error::new(
                Code::Forked,
                "this client was made before fork and belongs to the parent process: make a new one in the child",
            ));
        }
        let state = lock(&self.state);
        if state.freed {
            return Err(Error::new(Code::InvalidState, "the client is being freed"));
        }
        Ok(state)
    }

    /// Runs `work` on the state as a library thread does: whatever comes of it is carried out, and a panic ends this client only.
    pub(super) fn guarded<R>(
        self: &Arc<Self>,
        work: impl FnOnce(&Arc<Inner>, &mut State, Instant) -> R,
    ) -> Option<R> {
        let mut state = lock(&self.state);
        let done = catch_unwind(AssertUnwindSafe(|| {
            let now = clock::now();
            let done = work(self, &mut state, now);
            state.settle(self, now);
            done
        }));
        if done.is_err() {
            state.log.write(Level::Error, || {
                "internal error: the client has ended".to_owned()
            });
            state.drop_connection();
            let now = clock::now();
            let _ = catch_unwind(AssertUnwindSafe(|| {
                state.session.shut_down(now);
                state.take_outputs();
            }));
        }
        self.hand_over(&mut state);
        done.ok()
    }

    /// An operation of the application that does not wait.
    fn start<R>(
        self: &Arc<Self>,
        operation: impl FnOnce(&mut State, Instant) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut state = self.enter()?;
        let now = clock::now();
        state.acknowledge_handled(self, now);
        let started = operation(&mut state, now)?;
        state.settle(self, now);
        self.hand_over(&mut state);
        Ok(started)
    }

    /// The same for a publish: in a burst the bytes are left for a worker, so that many messages share a TLS record and a system
    /// call; a single one is sent here and now.
    fn start_publish(
        self: &Arc<Self>,
        publish: impl FnOnce(&mut State, Instant) -> Result<Accepted, Error>,
    ) -> Result<Accepted, Error> {
        let mut state = self.enter()?;
        let now = clock::now();
        state.acknowledge_handled(self, now);
        let accepted = publish(&mut state, now)?;
        let in_burst = now.since(state.last_publish) < BURST
            && state.session.outgoing().len() < BURST_BYTES
            && matches!(state.connection, Connection::Up(_));
        if in_burst {
            // The worker that comes for the bytes sets the timer, too.
            state.take_outputs();
            if !state.armed.is_some_and(|armed| armed.write) {
                state.arm(self);
            }
            state.last_publish = now;
        } else {
            state.settle(self, now);
            // What counts is how soon the application comes again after this call, not how long the system call took.
            state.last_publish = clock::now();
        }
        self.hand_over(&mut state);
        Ok(accepted)
    }

    /// An operation of the application that waits for its outcome; `None` if it was queued instead.
    fn wait_for(
        self: &Arc<Self>,
        operation: impl FnOnce(&mut State, Instant, Tag) -> Result<(Accepted, Instant), Error>,
    ) -> Result<Option<Completed>, Error> {
        if scope::would_deadlock(self.key) {
            return Err(Error::new(
                Code::WouldDeadlock,
                "a call that waits for this client inside its own socket factory, credentials provider or private key callback would wait for itself",
            ));
        }
        let waiter = Arc::new(Waiter::default());
        let mut state = self.enter()?;
        let now = clock::now();
        state.acknowledge_handled(self, now);
        let (accepted, until) = operation(&mut state, now, Tag::Waiter(Arc::clone(&waiter)))?;
        if accepted == Accepted::Queued {
            state.settle(self, now);
            self.hand_over(&mut state);
            return Ok(None);
        }
        state.waiting_calls += 1;
        state.settle(self, now);
        self.hand_over(&mut state);
        drop(state);
        let mut now = now;
        let completed = loop {
            if let Some(completed) = waiter.wait(now, until.max(now + Duration::from_millis(1))) {
                break completed;
            }
            // The time is up, or nearly: see to it here, not trusting that a worker is in time.
            now = clock::now();
            self.guarded(|_, state, now| state.timeout(now));
        };
        lock(&self.state).waiting_calls -= 1;
        Ok(Some(completed))
    }

    fn replace<H>(
        &self,
        which: impl FnOnce(&mut Handlers) -> &mut Option<H>,
        make: impl FnOnce() -> Option<H>,
    ) -> Result<(), Error> {
        let mut state = self.enter()?;
        let replaced = std::mem::replace(which(&mut state.handlers), make());
        self.handlers_version.fetch_add(1, Ordering::AcqRel);
        drop(state);
        drop(replaced);
        Ok(())
    }

    /// A worker has come.
    pub(super) fn ready(self: &Arc<Self>, why: Attention) {
        thread_local! {
            static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BUFFER]);
        }
        let more = self.guarded(|inner, state, now| {
            state.attended = false;
            if why == Attention::Socket {
                state.armed = None;
            }
            if state.timer.is_some_and(|timer| timer <= now) {
                state.timer = None;
            }
            let due = state.session.deadline();
            if due.is_some_and(|due| due <= now) {
                state.timeout(now);
            }
            state.advance(inner, now);
            if why == Attention::Callbacks {
                return false;
            }
            BUFFER.with_borrow_mut(|buffer| state.read(now, buffer))
        });
        if more == Some(true) {
            self.engine.core.attend(Arc::clone(self), Attention::Read);
        }
        self.dispatch();
    }
}

/// Why a worker looks after a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attention {
    /// The poller says that its socket is ready.
    Socket,
    /// Reading was interrupted with something left.
    Read,
    /// A time has come, or there are callbacks to run.
    Callbacks,
}

impl State {
    fn change_config(
        &mut self,
        change: impl FnOnce(&mut Config) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut config = self.config.clone();
        change(&mut config)?;
        self.session.configure(config.session.clone());
        self.config = config;
        Ok(())
    }

    fn check_connectable(&self) -> Result<(), Error> {
        self.config.validate()?;
        if credentials::signs(&self.config, self.credentials_provider.is_some()) {
            credentials::region(&self.config)?;
        }
        if !self.config.tls && endpoint::is_aws(&self.config.host) {
            return Err(Error::new(
                Code::NotSupported,
                format!(
                    "{} is an AWS endpoint: it is not spoken to without TLS",
                    self.config.host
                ),
            ));
        }
        Ok(())
    }

    fn timeout(&mut self, now: Instant) {
        self.expire_attempt(now);
        self.session.timeout(now);
        self.take_outputs();
    }

    /// Carries out what a change of the session brings: outputs, connecting, sending, the poller, the timer.
    fn settle(&mut self, inner: &Arc<Inner>, now: Instant) {
        self.take_outputs();
        self.acknowledge_handled(inner, now);
        self.write(now);
        self.advance(inner, now);
        // A link that has just come up has a CONNECT to send.
        self.write(now);
        if self.settle_pause(now) {
            self.read_again = true;
        }
        self.arm(inner);
        self.set_timer(inner);
    }
}

fn outcome(completed: Option<Completed>) -> Result<(Accepted, Option<QoS>), Error> {
    match completed {
        None => Ok((Accepted::Queued, None)),
        Some(completed) => completed
            .result
            .map(|()| (Accepted::Now, completed.granted_qos)),
    }
}

/// A start for the jitter that differs from client to client and from process to process.
fn seed(key: u64) -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one((key, std::process::id()))
}
