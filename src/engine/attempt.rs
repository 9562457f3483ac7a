//! Making a link: name resolution or the application's socket on a dialer thread, then TCP and TLS on the poller.

use super::client::Inner;
use super::poller::Interest;
use super::scope;
use super::state::{Connection, State};
use crate::aws::endpoint;
use crate::error::{Code, Error};
use crate::log::Level;
use crate::session::Login;
use crate::time::Instant;
use crate::transport::Link;
use crate::transport::tcp::{self, TcpLink};
use crate::transport::tls::{HandshakeState, TlsConfig, TlsLink};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// How far an attempt has come.
pub(super) enum Attempt {
    /// The session asks for a link. Next: `Dialing`, when a dialer has the job (and no earlier socket factory call still runs).
    Begun { deadline: Instant },
    /// A dialer works. Next: `Connecting` or `Handshaking`, or the session is told that it failed.
    Dialing { deadline: Instant },
    /// TCP. Next: `Handshaking` or up; the next address when this one fails or has used its share of the time.
    Connecting {
        tcp: TcpLink,
        next: VecDeque<SocketAddr>,
        tls: Option<TlsConfig>,
        deadline: Instant,
        /// When the next address gets its turn.
        share: Option<Instant>,
    },
    /// TLS. Next: up.
    Handshaking {
        tls: Box<TlsLink>,
        wants_write: bool,
    },
}

/// What a dialer brings.
enum Dialed {
    Addresses(Vec<SocketAddr>),
    Socket(TcpLink),
}

impl Attempt {
    pub(super) fn interest(&self) -> Option<Interest> {
        match self {
            Attempt::Connecting { .. } => Some(Interest {
                read: false,
                write: true,
            }),
            Attempt::Handshaking { wants_write, .. } => Some(Interest {
                read: true,
                write: *wants_write,
            }),
            _ => None,
        }
    }

    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Attempt::Connecting { tcp, .. } => Some(tcp.fd()),
            Attempt::Handshaking { tls, .. } => Some(tls.fd()),
            _ => None,
        }
    }

    pub(super) fn timer(&self) -> Option<Instant> {
        match self {
            Attempt::Connecting { share, .. } => *share,
            _ => None,
        }
    }
}

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
            let stepped = match attempt {
                Attempt::Begun { deadline } => self.dial(inner, now, deadline),
                Attempt::Connecting {
                    tcp,
                    next,
                    tls,
                    deadline,
                    share,
                } => self.connecting(inner, now, tcp, next, tls, deadline, share),
                Attempt::Handshaking { tls, .. } => self.handshaking(tls),
                waiting => Ok((Connection::Attempt(waiting), false)),
            };
            match stepped {
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

    fn opened(&mut self, now: Instant) {
        let config = &self.config;
        let login = Login {
            username: endpoint::metrics_user_name(config.username.as_deref(), config.metrics),
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

    fn dial(&mut self, inner: &Arc<Inner>, now: Instant, deadline: Instant) -> Step {
        if self.outside > 0 && self.socket_factory.is_some() {
            // The factory of an attempt that is over still runs, and one runs at a time: its return begins this attempt.
            return Ok((Connection::Attempt(Attempt::Begun { deadline }), false));
        }
        self.attempt += 1;
        let attempt = self.attempt;
        let (host, port) = (self.config.host.clone(), self.config.port);
        let credentials = self.config.credentials.clone().filter(|_| self.config.tls);
        let factory = self.socket_factory.clone();
        let log = self.log.clone();
        log.write(Level::Info, || format!("connecting to {host} port {port}"));
        if factory.is_some() {
            self.outside += 1;
        }
        let milliseconds = u64::try_from(deadline.since(now).as_millis()).unwrap_or(u64::MAX);
        let client = Arc::clone(inner);
        let job = move || {
            let tls = credentials.as_deref().map(|credentials| {
                let alpn = endpoint::alpn(&host, port);
                TlsConfig::new(credentials, alpn.as_slice())
            });
            let tls = tls.transpose();
            let dialed = match (&tls, &factory) {
                (Err(why), _) => Err(why.clone()),
                (Ok(_), Some(factory)) => {
                    let fd = scope::enter(client.key, scope::Kind::Outside, || {
                        factory(&host, port, milliseconds)
                    });
                    adopt(fd).map(Dialed::Socket)
                }
                (Ok(_), None) => tcp::resolve(&host, port).map(Dialed::Addresses),
            };
            let outside = factory.is_some();
            drop(factory);
            client.dialed(
                attempt,
                outside,
                dialed.and_then(|dialed| Ok((dialed, tls?))),
            );
        };
        let asked = inner.engine.dialers.run(Box::new(job));
        asked.map_err(|error| {
            Error::new(
                Code::Io,
                format!("a thread for connecting could not be started: {error}"),
            )
        })?;
        Ok((Connection::Attempt(Attempt::Dialing { deadline }), false))
    }

    #[allow(clippy::too_many_arguments)]
    fn connecting(
        &mut self,
        inner: &Arc<Inner>,
        now: Instant,
        tcp: TcpLink,
        next: VecDeque<SocketAddr>,
        tls: Option<TlsConfig>,
        deadline: Instant,
        share: Option<Instant>,
    ) -> Step {
        let late = share.is_some_and(|share| share <= now);
        match tcp.finish() {
            Ok(true) => Ok((self.connected(tcp, tls)?, true)),
            Ok(false) if !late => Ok((
                Connection::Attempt(Attempt::Connecting {
                    tcp,
                    next,
                    tls,
                    deadline,
                    share,
                }),
                false,
            )),
            Ok(false) => self.next_address(inner, now, next, tls, deadline, None),
            Err(why) => self.next_address(inner, now, next, tls, deadline, Some(why)),
        }
    }

    /// Tries the addresses in turn; each gets its share of the time that is left.
    fn next_address(
        &mut self,
        inner: &Arc<Inner>,
        now: Instant,
        mut next: VecDeque<SocketAddr>,
        tls: Option<TlsConfig>,
        deadline: Instant,
        mut failed: Option<Error>,
    ) -> Step {
        self.armed = None;
        while let Some(address) = next.pop_front() {
            match TcpLink::start(address).and_then(|tcp| register(inner, tcp)) {
                Ok(tcp) => {
                    let others = u32::try_from(next.len()).unwrap_or(u32::MAX);
                    let share =
                        (others > 0).then(|| now + deadline.since(now) / others.saturating_add(1));
                    let connecting = Attempt::Connecting {
                        tcp,
                        next,
                        tls,
                        deadline,
                        share,
                    };
                    return Ok((Connection::Attempt(connecting), true));
                }
                Err(why) => failed = Some(why),
            }
        }
        Err(failed.unwrap_or_else(|| {
            Error::new(Code::Timeout, "no address of the endpoint answered in time")
        }))
    }

    fn connected(&mut self, tcp: TcpLink, tls: Option<TlsConfig>) -> Result<Connection, Error> {
        Ok(match tls {
            Some(tls) => Connection::Attempt(Attempt::Handshaking {
                tls: Box::new(TlsLink::new(Box::new(tcp), &tls, &self.config.host)?),
                wants_write: true,
            }),
            None => Connection::Up(Box::new(tcp)),
        })
    }

    fn handshaking(&mut self, mut tls: Box<TlsLink>) -> Step {
        let wants_write = match tls.handshake()? {
            HandshakeState::Done => {
                self.log.write(Level::Info, || tls.summary());
                return Ok((Connection::Up(tls), true));
            }
            HandshakeState::WantsRead => tls.wants_write(),
            HandshakeState::WantsWrite => true,
        };
        Ok((
            Connection::Attempt(Attempt::Handshaking { tls, wants_write }),
            false,
        ))
    }
}

/// The next stage, and whether it can be tried at once.
type Step = Result<(Connection, bool), Error>;

impl Inner {
    /// A dialer has finished.
    fn dialed(
        self: &Arc<Self>,
        attempt: u64,
        outside: bool,
        dialed: Result<(Dialed, Option<TlsConfig>), Error>,
    ) {
        self.guarded(|inner, state, now| {
            if outside {
                state.outside -= 1;
            }
            if state.attempt != attempt {
                return;
            }
            let Connection::Attempt(Attempt::Dialing { deadline }) = state.connection else {
                return;
            };
            let next = match dialed {
                Ok((Dialed::Addresses(addresses), tls)) => {
                    state.next_address(inner, now, addresses.into(), tls, deadline, None)
                }
                Ok((Dialed::Socket(tcp), tls)) => {
                    register(inner, tcp).and_then(|tcp| Ok((state.connected(tcp, tls)?, true)))
                }
                Err(why) => Err(why),
            };
            match next {
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

/// The descriptor that the application's socket factory gave is ours now.
#[allow(unsafe_code)]
fn adopt(fd: i32) -> Result<TcpLink, Error> {
    use std::os::fd::{FromRawFd, OwnedFd};
    if fd < 0 {
        return Err(Error::new(
            Code::SocketFactory,
            "the socket factory gave no socket",
        ));
    }
    // SAFETY: borrowed for asking whether it is open at all; an `OwnedFd` of one that is not would abort the process when dropped.
    let is_open = rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(fd) });
    if let Err(error) = is_open {
        return Err(Error::new(
            Code::SocketFactory,
            format!("the socket factory returned descriptor {fd}, which is not open: {error}"),
        ));
    }
    // SAFETY: the contract of the socket factory (see the C header) hands over an open descriptor that nobody else uses.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    TcpLink::from_socket(fd)
}
