//! What the client's calls and the library's threads share, and how each of them works on it: lock, change the session, carry out what
//! comes of it, unlock, hand over what is for the application.

use super::burst::{Burst, Now};
use super::dispatch::Handlers;
use super::process;
use super::shared::{Engine, lock};
use super::state::{Connection, State};
use super::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use super::sync::{Condvar, Mutex, MutexGuard, thread_local};
use super::traffic::ReadBuffer;
use super::{Accepted, clock, credentials};
use crate::aws::endpoint;
use crate::config::Config;
use crate::error::{Code, Error};
use crate::log::{Level, Log};
use crate::session::Session;
use crate::time::Instant;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What the client's threads share.
pub(super) struct Inner {
    pub(super) engine: Arc<Engine>,
    /// Names the client to the poller and the timers.
    pub(super) key: u64,
    pub(super) generation: u32,
    pub(super) state: Mutex<State>,
    /// Signalled when `State::retired` has become true.
    pub(super) retired: Condvar,
    /// Grows when a batch of callbacks in mid-run has something to look up: a handler was replaced, the time for acknowledging has come,
    /// the client is freed. One number, because it is asked for before each callback.
    pub(super) notices: AtomicU32,
    /// The same as `State::freed`, to be read without the lock.
    pub(super) freed: AtomicBool,
    /// Up to this receipt the callbacks have run, for whoever holds the lock next.
    pub(super) handled: AtomicU64,
    /// The time for acknowledging has come while a callback of the batch was running.
    pub(super) late: AtomicBool,
}

impl Inner {
    pub(super) fn new(config: Config, engine: Arc<Engine>) -> Result<Arc<Inner>, Error> {
        let key = engine.core.new_key();
        let state = State {
            session: Session::new(config.session.clone(), seed(key)),
            config,
            connection: Connection::None,
            attempt: 0,
            armed: None,
            timers: Vec::new(),
            callbacks: VecDeque::new(),
            undelivered: 0,
            paused: false,
            dispatching: false,
            acknowledge_by: None,
            waiting_calls: Arc::default(),
            handlers: Handlers::default(),
            socket_factory: None,
            credentials_provider: None,
            signing: Arc::default(),
            keys: Vec::new(),
            tls: None,
            asks_anew: false,
            outside: false,
            attended: false,
            filled: Vec::new(),
            read_again: false,
            log: Log::none(),
            blocked: false,
            burst: Burst::new(),
            handled: 0,
            freed: false,
            retired: false,
        };
        let inner = Arc::new(Inner {
            engine,
            key,
            generation: process::generation(),
            state: Mutex::new(state),
            retired: Condvar::new(),
            notices: AtomicU32::new(0),
            freed: AtomicBool::new(false),
            handled: AtomicU64::new(0),
            late: AtomicBool::new(false),
        });
        inner.engine.core.register(key, &inner)?;
        Ok(inner)
    }
    pub(super) fn key(&self) -> u64 {
        self.key
    }

    /// The batch that is being run looks up.
    pub(super) fn notice(&self) {
        self.notices.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn is_freed(&self) -> bool {
        self.freed.load(Ordering::Acquire)
    }

    /// This is the child of a fork, the client is the parent's, and its locks may be held for ever. One of its callbacks may have forked and
    /// returned.
    #[inline(always)] // Once a message.
    pub(super) fn is_forked(&self) -> bool {
        self.generation != process::generation()
    }

    /// The state, if the client may be used.
    pub(super) fn enter(&self) -> Result<MutexGuard<'_, State>, Error> {
        self.enter_noticing().map(|(state, _)| state)
    }

    /// The same, and whether another thread had to be waited for.
    #[inline(always)] // Once a message.
    fn enter_noticing(&self) -> Result<(MutexGuard<'_, State>, bool), Error> {
        if self.is_forked() {
            return Err(forked());
        }
        let (state, contended) = match self.state.try_lock() {
            Ok(state) => (state, false),
            Err(_) => (lock(&self.state), true),
        };
        if state.freed {
            return Err(freed());
        }
        Ok((state, contended))
    }

    /// Runs `work` on the state as a library thread does: whatever comes of it is carried out, and a panic ends this client only.
    pub(super) fn guarded<R>(
        self: &Arc<Self>,
        work: impl FnOnce(&Arc<Inner>, &mut State, Instant) -> R,
    ) -> Option<R> {
        if self.is_forked() {
            return None;
        }
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
        self.hand_over(state);
        done.ok()
    }

    /// An operation of the application that does not wait.
    pub(super) fn start<R>(
        self: &Arc<Self>,
        operation: impl FnOnce(&mut State, Instant) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut state = self.enter()?;
        let now = clock::now();
        state.acknowledge_handled(self, now);
        let started = operation(&mut state, now)?;
        state.settle(self, now);
        self.hand_over(state);
        Ok(started)
    }

    /// The same for a publish: in a burst the bytes are left for a worker, so that many messages share a TLS record and a system
    /// call; a single one is sent here and now.
    #[inline]
    pub(super) fn start_publish(
        self: &Arc<Self>,
        publish: impl FnOnce(&mut State, Instant) -> Result<Accepted, Error>,
    ) -> Result<Accepted, Error> {
        // Waiting for the lock is no pause of the application's, so the time is asked for before it, and again if it took long.
        let called = clock::now();
        let (mut state, contended) = self.enter_noticing()?;
        let now = if contended { clock::now() } else { called };
        state.acknowledge_handled(self, now);
        let accepted = publish(&mut state, now)?;
        let pending = match state.connection {
            // Nothing can be sent now: whoever can takes all of it.
            Connection::Up(_) if state.blocked => 0,
            Connection::Up(_) => state.session.outgoing_bytes(),
            _ => usize::MAX,
        };
        match state.burst.publishing(called, now, pending) {
            Now::WaitToo => state.take_outputs(),
            Now::Wait => {
                state.take_outputs();
                state.set_timer(self);
            }
            Now::Send => {
                state.settle(self, now);
                state.burst.published(clock::now());
            }
        }
        self.hand_over(state);
        Ok(accepted)
    }

    pub(super) fn replace<H>(
        &self,
        which: impl FnOnce(&mut Handlers) -> &mut Option<H>,
        make: impl FnOnce() -> Option<H>,
    ) -> Result<(), Error> {
        let mut state = self.enter()?;
        let replaced = std::mem::replace(which(&mut state.handlers), make());
        self.notice();
        drop(state);
        drop(replaced);
        Ok(())
    }

    /// A worker has come.
    pub(super) fn ready(self: &Arc<Self>, why: Attention) {
        thread_local! {
            /// What a worker reads into; one for each worker, none for each client.
            static BUFFER: RefCell<ReadBuffer> = RefCell::default();
        }
        let more = self.guarded(|inner, state, now| {
            // Here we are, and look for callbacks at the end: nobody else need be asked. Who comes because it is this client's turn has
            // the role already and would not take the mark back; the client would wait for ever for somebody who has been here.
            if why != Attention::Turn {
                state.attended = true;
            }
            if state.acknowledge_by.is_some_and(|by| by <= now) {
                // The callback that runs blocks; whoever runs the next one sets it again.
                state.acknowledge_by = None;
                inner.late.store(true, Ordering::Release);
                inner.notice();
            }
            if why == Attention::Socket {
                state.armed = None;
                state.blocked = false;
            }
            state.forget_timers(now);
            let due = state.session.deadline();
            if due.is_some_and(|due| due <= now) {
                state.timeout(now);
            }
            state.advance(inner, now);
            if matches!(why, Attention::Callbacks | Attention::Turn) {
                return false;
            }
            BUFFER.with(|buffer| state.read(inner, now, &mut buffer.borrow_mut()))
        });
        if more == Some(true) {
            self.engine.core.attend(Arc::clone(self), Attention::Read);
        }
        if why == Attention::Turn {
            self.run_callbacks();
        } else {
            self.dispatch();
        }
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
    /// It stood in line for its callbacks, and its turn has come.
    Turn,
}

impl State {
    pub(super) fn change_config(
        &mut self,
        change: impl FnOnce(&mut Config) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut config = self.config.clone();
        change(&mut config)?;
        if (&config.host, config.port) != (&self.config.host, self.config.port) {
            self.session.forget_broker();
        }
        self.session.configure(config.session.clone());
        self.config = config;
        Ok(())
    }

    pub(super) fn check_connectable(&self) -> Result<(), Error> {
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

    pub(super) fn timeout(&mut self, now: Instant) {
        self.expire_attempt(now);
        self.session.timeout(now);
        self.take_outputs();
    }

    /// Carries out what a change of the session brings: outputs, connecting, sending, the poller, the timer.
    pub(super) fn settle(&mut self, inner: &Arc<Inner>, now: Instant) {
        self.take_outputs();
        self.acknowledge_handled(inner, now);
        self.burst.flushed();
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

#[cold]
fn forked() -> Error {
    Error::new(
        Code::Forked,
        "this client was made before fork and belongs to the parent process: make a new one in the child",
    )
}

#[cold]
fn freed() -> Error {
    Error::new(Code::InvalidState, "the client is being freed")
}

/// A start for the jitter that differs from client to client and from process to process.
fn seed(key: u64) -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one((key, std::process::id()))
}
