//! Making a link without blocking: a dialer thread brings addresses or a socket, then TCP and the layers on it open on the poller.

use super::dial::{Dial, Dialed, Way};
use super::inner::Inner;
use super::layers::{Layer, Layers};
use super::poller::Interest;
use super::scope::{self, Kind};
use super::state::{Connection, State};
use crate::aws::{custom_authorizer, endpoint};
use crate::error::{Code, Error};
use crate::log::Level;
use crate::session::Login;
use crate::time::Instant;
use crate::transport::tcp::TcpLink;
use crate::transport::{HandshakeState, Link};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// How far an attempt has come.
pub(super) enum Attempt {
    /// The session asks for a link. Next: `Dialing`, when a dialer has the job (and no earlier socket factory call still runs).
    Begun { deadline: Instant },
    /// A dialer works. Next: `Connecting` or `Opening`.
    Dialing,
    /// TCP, to several addresses at once. Next: `Opening` with the first that answers, or up if there are no layers.
    Connecting(Race),
    /// The opening exchange of a layer. Next: the same of the layer above it, or up; `Asking` where it needs the application.
    Opening {
        link: Box<dyn Link>,
        name: &'static str,
        above: Layers,
        wants_write: bool,
    },
    /// A dialer goes on with the opening exchange, as that may run code of the application. Next: as from `Opening`.
    Asking(&'static str),
    /// The same, but the application has not answered an earlier attempt yet. Next: `Asking`.
    InLine {
        link: Box<dyn Link>,
        name: &'static str,
        above: Layers,
    },
}

/// Connections to the addresses of one name, each begun a little after the one before (RFC 8305 section 5).
pub(super) struct Race {
    runners: Vec<TcpLink>,
    next: VecDeque<SocketAddr>,
    /// When the next address joins, if none has answered by then.
    joins_at: Option<Instant>,
    layers: Layers,
    failed: Option<Error>,
}

const NEXT_RUNNER_AFTER: Duration = Duration::from_millis(250);

impl Attempt {
    pub(super) fn interest(&self) -> Option<Interest> {
        let (read, write) = match self {
            Attempt::Begun { .. }
            | Attempt::Dialing
            | Attempt::Asking(_)
            | Attempt::InLine { .. } => return None,
            Attempt::Connecting(_) => (false, true),
            Attempt::Opening { wants_write, .. } => (true, *wants_write),
        };
        Some(Interest { read, write })
    }

    pub(super) fn fds(&self) -> Vec<BorrowedFd<'_>> {
        match self {
            Attempt::Begun { .. }
            | Attempt::Dialing
            | Attempt::Asking(_)
            | Attempt::InLine { .. } => Vec::new(),
            Attempt::Connecting(race) => race.runners.iter().map(Link::fd).collect(),
            Attempt::Opening { link, .. } => vec![link.fd()],
        }
    }

    pub(super) fn timer(&self) -> Option<Instant> {
        match self {
            Attempt::Connecting(race) => race.joins_at,
            _ => None,
        }
    }

    /// What is being waited for, for people.
    pub(super) fn stage(&self) -> &'static str {
        match self {
            Attempt::Begun { .. } | Attempt::Dialing => {
                "name resolution, the socket factory or IAM credentials"
            }
            Attempt::Connecting(_) => "TCP",
            Attempt::Opening { name, .. } => name,
            Attempt::Asking(_) | Attempt::InLine { .. } => {
                "the private key callback, which has not returned"
            }
        }
    }
}

/// The next stage, and whether it can be tried at once.
pub(super) type Step = Result<(Connection, bool), Error>;

impl State {
    /// Takes the attempt that is under way as far as it goes without waiting.
    pub(super) fn advance(&mut self, inner: &Arc<Inner>, now: Instant) {
        loop {
            let attempt = match std::mem::replace(&mut self.connection, Connection::None) {
                Connection::Attempt(attempt) => attempt,
                other => {
                    self.connection = other;
                    return;
                }
            };
            let step = match attempt {
                Attempt::Begun { deadline } => self.dial(inner, deadline),
                Attempt::Dialing => Ok((Connection::Attempt(Attempt::Dialing), false)),
                Attempt::Connecting(race) => self.race(inner, now, race),
                Attempt::Opening {
                    link,
                    name,
                    above,
                    wants_write,
                } if link.asks_application() => {
                    self.ask_when_ready(inner, link, name, above, wants_write)
                }
                Attempt::Opening {
                    mut link,
                    name,
                    above,
                    ..
                } => link
                    .handshake()
                    .and_then(|progress| self.opened_so_far(link, name, above, progress)),
                Attempt::Asking(name) => Ok((Connection::Attempt(Attempt::Asking(name)), false)),
                Attempt::InLine { link, name, above } => self.ask(inner, link, name, above),
            };
            match step {
                Ok((connection, again)) => {
                    self.connection = connection;
                    if let Connection::Up(_) = self.connection {
                        return self.opened(now);
                    }
                    if !again {
                        return;
                    }
                }
                Err(why) => return self.lost(now, why),
            }
        }
    }

    /// The attempt has used up its time: says where it is stuck, which the session cannot know.
    pub(super) fn expire_attempt(&mut self, now: Instant) {
        let late = self
            .session
            .attempt_deadline()
            .is_some_and(|deadline| deadline <= now);
        if let (true, Connection::Attempt(attempt)) = (late, &self.connection) {
            let timeout = self.config.session.connect_disconnect_timeout.as_millis();
            let (host, port) = (&self.config.host, self.config.port);
            let why = format!(
                "no connection to {host} port {port} within the connect time-out of {timeout} ms: waiting for {}",
                attempt.stage()
            );
            self.lost(now, Error::new(Code::Timeout, why));
        }
    }

    pub(super) fn opened(&mut self, now: Instant) {
        let config = &self.config;
        let user = custom_authorizer::user_name(
            config.username.as_deref(),
            config.custom_authorizer.as_deref(),
        );
        let user = user.as_deref().map(String::as_str);
        let login = Login {
            username: endpoint::metrics_user_name(user, config.metrics).map(Zeroizing::new),
            password: config.password.clone(),
        };
        if !config.tls {
            self.log.write(Level::Warning, || {
                format!(
                    "the connection to {} is plain TCP: anybody on the way can read and change it",
                    config.host
                )
            });
        }
        self.session.opened(now, &login);
        self.take_outputs();
    }

    fn dial(&mut self, inner: &Arc<Inner>, deadline: Instant) -> Step {
        let asks = self.socket_factory.is_some() || self.credentials_provider.is_some();
        if self.outside > 0 && asks {
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
            config: self.config.clone(),
            factory: self.socket_factory.clone(),
            provider: self.credentials_provider.clone(),
            signing: Arc::clone(&self.signing),
            log: self.log.clone(),
            deadline,
        };
        let client = Arc::clone(inner);
        // While the application's code runs there, `free` has to wait for it; it does not wait for name resolution.
        let outside = usize::from(dial.factory.is_some() || dial.provider.is_some());
        self.outside += outside;
        let asked = inner.engine.dialers.run(Box::new(move || {
            // A panic is a bug of ours: it ends this attempt, and `free` must not wait for it. Dropping the job's copies may run code of
            // the application, hence the scope.
            let dialed = scope::enter(client.key, Kind::Outside, || {
                catch_unwind(AssertUnwindSafe(|| dial.run(&client)))
            })
            .unwrap_or_else(|_| {
                Err(Error::new(
                    Code::Internal,
                    "internal error while connecting",
                ))
            });
            client.dialed(attempt, outside, dialed);
        }));
        asked.map_err(|error| {
            self.outside -= outside;
            let why = format!("a thread for connecting could not be started: {error}");
            Error::new(Code::Io, why)
        })?;
        Ok((Connection::Attempt(Attempt::Dialing), false))
    }

    fn race(&mut self, inner: &Arc<Inner>, now: Instant, mut race: Race) -> Step {
        let mut index = 0;
        while index < race.runners.len() {
            match race.runners[index].finish() {
                Ok(true) => {
                    let winner = race.runners.swap_remove(index);
                    // The others' sockets close here; the winner's may be silent or armed for writing.
                    self.armed = None;
                    return stack(Box::new(winner), race.layers);
                }
                Ok(false) => index += 1,
                Err(why) => {
                    race.runners.swap_remove(index);
                    race.failed = Some(why);
                }
            }
        }
        let late = race.joins_at.is_none_or(|joins_at| joins_at <= now);
        while late || race.runners.is_empty() {
            let Some(address) = race.next.pop_front() else {
                break;
            };
            match TcpLink::start(address).and_then(|tcp| register(inner, tcp)) {
                Ok(tcp) => {
                    race.runners.push(tcp);
                    race.joins_at = (!race.next.is_empty()).then(|| now + NEXT_RUNNER_AFTER);
                    self.armed = None;
                    return Ok((Connection::Attempt(Attempt::Connecting(race)), true));
                }
                Err(why) => race.failed = Some(why),
            }
        }
        if race.runners.is_empty() {
            let nobody = || {
                Error::new(
                    Code::ConnectionRefused,
                    "no address of the endpoint answers",
                )
            };
            let why = race.failed.unwrap_or_else(nobody);
            return Err(self.config.blame_proxy(why));
        }
        if race.next.is_empty() {
            race.joins_at = None;
        }
        Ok((Connection::Attempt(Attempt::Connecting(race)), false))
    }

    /// A layer's opening exchange has come this far.
    pub(super) fn opened_so_far(
        &mut self,
        link: Box<dyn Link>,
        name: &'static str,
        above: Layers,
        progress: HandshakeState,
    ) -> Step {
        let wants_write = match progress {
            HandshakeState::Done => {
                if let Some(summary) = link.summary() {
                    self.log.write(Level::Info, || format!("{name}: {summary}"));
                }
                return stack(link, above);
            }
            HandshakeState::WantsRead => link.wants_write(),
            HandshakeState::WantsWrite => true,
        };
        let opening = Attempt::Opening {
            link,
            name,
            above,
            wants_write,
        };
        Ok((Connection::Attempt(opening), false))
    }
}

/// Puts the next layer on an open link; up if there is none.
fn stack(link: Box<dyn Link>, mut layers: Layers) -> Step {
    let Some(layer) = layers.pop_front() else {
        return Ok((Connection::Up(link), true));
    };
    let opening = Attempt::Opening {
        name: layer.name(),
        link: layer.over(link)?,
        above: layers,
        wants_write: true,
    };
    Ok((Connection::Attempt(opening), true))
}

impl Inner {
    /// A dialer has finished.
    fn dialed(self: &Arc<Self>, attempt: u64, outside: usize, dialed: Result<Dialed, Error>) {
        self.guarded(|inner, state, now| {
            state.outside -= outside;
            let awaited = matches!(state.connection, Connection::Attempt(Attempt::Dialing));
            if state.attempt != attempt || !awaited {
                return;
            }
            if let Ok(dialed) = &dialed {
                // Kept while this client lives, so that the next connection resumes the session of this one.
                state.tls = dialed.layers.iter().find_map(Layer::tls).cloned();
            }
            let step = dialed.and_then(|dialed| match dialed.way {
                Way::Addresses(next) => {
                    let race = Race {
                        runners: Vec::new(),
                        next,
                        joins_at: None,
                        layers: dialed.layers,
                        failed: None,
                    };
                    Ok((Connection::Attempt(Attempt::Connecting(race)), true))
                }
                Way::Socket(tcp) => stack(Box::new(register(inner, tcp)?), dialed.layers),
            });
            match step {
                Ok((connection, _)) => {
                    state.connection = connection;
                    if let Connection::Up(_) = state.connection {
                        state.opened(now);
                    }
                }
                Err(why) => state.lost(now, why),
            }
        });
    }
}

/// Makes the socket known to the poller, silent until it is armed.
fn register(inner: &Inner, tcp: TcpLink) -> Result<TcpLink, Error> {
    let silent = Interest {
        read: false,
        write: false,
    };
    inner
        .engine
        .core
        .poller
        .add(tcp.fd(), inner.key, silent)
        .map_err(|error| {
            Error::new(Code::Io, format!("epoll does not take the socket: {error}"))
        })?;
    Ok(tcp)
}
