//! The beginning of an attempt: here and now for an address that is known, by a dialer for everything that may block.

use super::attempt::{Attempt, Race, Step, register, stack};
use super::clock;
use super::dial::{Dial, Dialed, Way, interleave};
use super::inner::Inner;
use super::layers::Layer;
use super::names::Answer;
use super::scope::{self, Kind};
use super::shared::lock;
use super::state::{Connection, State};
use crate::error::{Code, Error};
use crate::log::Level;
use crate::time::Instant;
use crate::transport::tcp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl State {
    pub(super) fn dial(&mut self, inner: &Arc<Inner>, deadline: Instant) -> Step {
        if self.outside && self.dialer_asks() {
            // A callback of an attempt that is over still runs, and one runs at a time: its return begins this attempt.
            return Ok((Connection::Attempt(Attempt::Begun { deadline }), false));
        }
        self.attempt += 1;
        let attempt = self.attempt;
        self.log.write(Level::Info, || {
            let (host, port) = (&self.config.host, self.config.port);
            match &self.config.proxy {
                Some(proxy) => {
                    format!("connecting to {host} port {port} through the proxy {proxy}")
                }
                None => format!("connecting to {host} port {port}"),
            }
        });
        let dial = Dial {
            attempt,
            config: self.config.clone(),
            factory: self.socket_factory.clone(),
            provider: self.credentials_provider.clone(),
            signing: Arc::clone(&self.signing),
            log: self.log.clone(),
            asks_anew: std::mem::take(&mut self.asks_anew),
            deadline,
        };
        if let Some(dialed) = dial.run_now(inner) {
            return self.take_dialed(inner, dialed?);
        }
        let client = Arc::clone(inner);
        // While the application's code runs there, `free` has to wait for it; it does not wait for name resolution.
        let outside = dial.is_outside();
        let asked = inner.engine.dialers.run(Box::new(move || {
            let core = Arc::clone(&client.engine.core);
            // A panic is a bug of ours: it ends this attempt. Dropping the job's copies may run code of the application, hence the scope.
            let dialed = scope::enter(client.key, Kind::Outside, || {
                catch_unwind(AssertUnwindSafe(|| dial.run(&client)))
            })
            .unwrap_or_else(|_| {
                Err(Error::new(
                    Code::Internal,
                    "internal error while connecting",
                ))
            });
            if outside {
                client.guarded(|_, state, _| state.outside = false);
            }
            client.resolve(attempt, dialed);
            core.after_free();
        }));
        asked.map_err(|error| {
            let why = format!("a thread for connecting could not be started: {error}");
            Error::new(Code::Io, why)
        })?;
        self.outside |= outside;
        Ok((Connection::Attempt(Attempt::Dialing), false))
    }

    /// Whether a dialer runs code of the application: its socket factory, its credentials provider, or its private key for the AWS IoT
    /// credentials provider.
    fn dialer_asks(&self) -> bool {
        self.socket_factory.is_some()
            || self.credentials_provider.is_some()
            || (self.config.iot_credentials_provider.is_some()
                && self
                    .config
                    .credentials
                    .as_ref()
                    .is_some_and(|it| it.asks_application()))
    }

    /// The outcome of this attempt's dialer is waited for.
    pub(super) fn awaits_dialer(&self, attempt: u64) -> bool {
        self.attempt == attempt && matches!(self.connection, Connection::Attempt(Attempt::Dialing))
    }

    fn take_dialed(&mut self, inner: &Inner, dialed: Dialed) -> Step {
        // Kept while this client lives, so that the next connection resumes the session of this one.
        self.tls = dialed.layers.iter().find_map(Layer::tls).cloned();
        match dialed.way {
            Way::Addresses(addresses) => {
                let race = Race::new(addresses, dialed.layers);
                Ok((Connection::Attempt(Attempt::Connecting(race)), true))
            }
            Way::Socket(tcp) => stack(Box::new(register(inner, tcp)?), dialed.layers),
            Way::Name(..) => Err(Error::new(Code::Internal, "the name was not resolved")),
        }
    }
}

impl Inner {
    /// Goes on from what a dialer could do with the addresses of the name, if there is one.
    fn resolve(self: Arc<Self>, attempt: u64, dialed: Result<Dialed, Error>) {
        match dialed {
            Ok(Dialed {
                way: Way::Name(host, port),
                layers,
            }) => {
                let engine = Arc::clone(&self.engine);
                let then = move |answer: Answer| {
                    let dialed = answer
                        .map(|addresses| Dialed {
                            way: Way::Addresses(interleave(addresses)),
                            layers,
                        })
                        .map_err(|why| lock(&self.state).config.blame_proxy(why));
                    self.dialed(attempt, dialed);
                };
                engine.names.resolve(
                    (&host, port),
                    clock::now(),
                    || tcp::resolve(&host, port),
                    Box::new(then),
                );
            }
            other => self.dialed(attempt, other),
        }
    }

    /// A dialer has finished.
    fn dialed(self: &Arc<Self>, attempt: u64, dialed: Result<Dialed, Error>) {
        self.guarded(|inner, state, now| {
            if !state.awaits_dialer(attempt) {
                return;
            }
            match dialed.and_then(|dialed| state.take_dialed(inner, dialed)) {
                Ok((connection, _)) => {
                    state.connection = connection;
                    if let Connection::Up(_) = state.connection {
                        state.opened(inner, now);
                    }
                }
                Err(why) => state.lost(now, why),
            }
        });
    }
}
