//! An opening exchange that needs the application: a private key that only it can use. The application may block and may call the
//! library, so this runs on a dialer thread and without the client's lock; no worker is ever in there.

use super::attempt::{Attempt, Step};
use super::dispatch::Callback;
use super::inner::Inner;
use super::layers::Layers;
use super::scope::{self, Kind};
use super::shared::lock;
use super::state::{Connection, State};
use crate::config::{Key, Sign};
use crate::error::{Code, Error};
use crate::transport::{HandshakeState, Link};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

impl State {
    /// A dialer must not be sent for nothing: it goes when the poller has reported the socket.
    pub(super) fn ask_when_ready(
        &mut self,
        inner: &Arc<Inner>,
        link: Box<dyn Link>,
        name: &'static str,
        above: Layers,
        wants_write: bool,
    ) -> Step {
        if self.armed.is_none() {
            return self.ask(inner, link, name, above);
        }
        let opening = Attempt::Opening {
            link,
            name,
            above,
            wants_write,
        };
        Ok((Connection::Attempt(opening), false))
    }

    pub(super) fn ask(
        &mut self,
        inner: &Arc<Inner>,
        link: Box<dyn Link>,
        name: &'static str,
        above: Layers,
    ) -> Step {
        // One of an attempt that was given up may still be at it.
        if self.outside {
            let in_line = Attempt::InLine { link, name, above };
            return Ok((Connection::Attempt(in_line), false));
        }
        let (client, attempt) = (Arc::clone(inner), self.attempt);
        let asked = inner.engine.dialers.run(Box::new(move || {
            let core = Arc::clone(&client.engine.core);
            client.handshake_outside(attempt, link, name, above);
            drop(client);
            core.after_free();
        }));
        asked.map_err(|error| {
            let why =
                format!("a thread for the private key callback could not be started: {error}");
            Error::new(Code::Io, why)
        })?;
        self.outside = true;
        Ok((Connection::Attempt(Attempt::Asking(name)), false))
    }

    /// A key of the application has come with new credentials: it stays until nothing uses it.
    pub(super) fn keep_key(&mut self) {
        let identity = self
            .config
            .credentials
            .as_ref()
            .and_then(|credentials| credentials.identity.as_ref());
        if let Some(Key::Callback { sign, .. }) = identity.map(|identity| &identity.key) {
            if !self.keys.iter().any(|key| Arc::ptr_eq(key, sign)) {
                self.keys.push(Arc::clone(sign));
            }
        }
    }

    /// Gives keys that nothing uses any more back to the application, as a callback in order: not here, where the lock is held.
    pub(super) fn release_unused_keys(&mut self) {
        let unused = |key: &Arc<dyn Sign>| Arc::strong_count(key) == 1;
        while let Some(at) = self.keys.iter().position(unused) {
            let key = self.keys.swap_remove(at);
            self.callbacks.push_back(Callback::KeyReleased(key));
        }
    }
}

impl Inner {
    /// On a dialer that runs this attempt: what may run the application's private key. Not for an attempt that is over, as the next one may
    /// be in there already.
    pub(super) fn ask_application<R>(
        self: &Arc<Self>,
        attempt: u64,
        code: impl FnOnce() -> Result<R, Error>,
    ) -> Result<R, Error> {
        {
            let mut state = lock(&self.state);
            if state.outside || !state.awaits_dialer(attempt) {
                return Err(Error::new(Code::Cancelled, "the attempt is over"));
            }
            state.outside = true;
        }
        let answer = catch_unwind(AssertUnwindSafe(code));
        self.guarded(|_, state, _| state.outside = false);
        answer.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// On a dialer.
    fn handshake_outside(
        self: &Arc<Self>,
        attempt: u64,
        mut link: Box<dyn Link>,
        name: &'static str,
        above: Layers,
    ) {
        let progress: Result<HandshakeState, Error> =
            scope::enter(self.key(), Kind::Outside, || {
                catch_unwind(AssertUnwindSafe(|| link.handshake())).unwrap_or_else(|_| {
                    Err(Error::new(
                        Code::Internal,
                        format!("a bug in libaws_iot_mqtt: {name} panicked"),
                    ))
                })
            });
        self.guarded(move |inner, state, now| {
            state.outside = false;
            let awaited = matches!(state.connection, Connection::Attempt(Attempt::Asking(_)));
            if state.attempt != attempt || !awaited {
                return;
            }
            match progress.and_then(|progress| state.opened_so_far(link, name, above, progress)) {
                Ok((connection, _)) => {
                    state.connection = connection;
                    if let Connection::Up(_) = state.connection {
                        state.opened(inner, now);
                    }
                    // What is armed is not asked again before the poller has answered.
                    state.arm(inner);
                }
                Err(why) => state.lost(now, why),
            }
        });
    }
}
