//! Making a link without blocking: `dialing` brings addresses or a socket, then TCP and the layers on it open on the poller.

use super::inner::Inner;
use super::layers::Layers;
use super::poller::Interest;
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

impl Race {
    pub(super) fn new(addresses: VecDeque<SocketAddr>, layers: Layers) -> Race {
        Race {
            runners: Vec::new(),
            next: addresses,
            joins_at: None,
            layers,
            failed: None,
        }
    }
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
            // No layer reads before all that it has to say is out: what the peer says meanwhile would wake a worker again and again.
            Attempt::Opening { wants_write, .. } => (!wants_write, *wants_write),
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
                        return self.opened(inner, now);
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

    pub(super) fn opened(&mut self, inner: &Inner, now: Instant) {
        if let Connection::Up(link) = &self.connection {
            let moved = inner.engine.core.poller.promote(link.fd(), inner.key);
            if let Err(error) = moved {
                let why = format!("epoll does not take the socket: {error}");
                return self.lost(now, Error::new(Code::Io, why));
            }
            self.armed = None;
        }
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
                    // Even if it is connected: the rest takes longer, and is done as fairly as the poller gives turns.
                    return Ok((Connection::Attempt(Attempt::Connecting(race)), false));
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
pub(super) fn stack(link: Box<dyn Link>, mut layers: Layers) -> Step {
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

/// Makes the socket known to the poller, silent until it is armed.
pub(super) fn register(inner: &Inner, tcp: TcpLink) -> Result<TcpLink, Error> {
    inner
        .engine
        .core
        .poller
        .add_attempt(tcp.fd(), inner.key)
        .map_err(|error| {
            Error::new(Code::Io, format!("epoll does not take the socket: {error}"))
        })?;
    Ok(tcp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::peer::Peer;
    use crate::transport::websocket::{Upgrade, WebSocketLink};

    /// Its request does not fit into the socket, which has bytes to read.
    fn half_asked(peer: &Peer) -> Box<dyn Link> {
        peer.take_only(10);
        peer.say(b"H");
        let upgrade = Upgrade {
            host_header: "broker".into(),
            path_and_query: Zeroizing::new("/mqtt".into()),
            extra_headers: Vec::new(),
            refused: None,
        };
        Box::new(WebSocketLink::new(Box::new(peer.clone()), upgrade).expect("a request"))
    }

    #[test]
    fn what_is_not_read_while_the_request_waits_for_room_wakes_nobody() {
        let peer = Peer::new();
        let mut link = half_asked(&peer);
        let mut interests = Vec::new();
        for _ in 0..2 {
            let progress = link.handshake().expect("goes on");
            let opening = Attempt::Opening {
                wants_write: progress == HandshakeState::WantsWrite,
                link,
                name: "the WebSocket upgrade",
                above: Layers::new(),
            };
            let interest = opening.interest().expect("it has a socket");
            interests.push((interest.read, interest.write));
            peer.take_only(usize::MAX);
            let Attempt::Opening { link: same, .. } = opening else {
                return;
            };
            link = same;
        }
        assert_eq!(interests, [(false, true), (true, false)]);
    }
}
