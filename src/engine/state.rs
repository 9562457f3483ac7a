//! One client behind its lock: the session, the link, and what waits to be told to the application.

use super::attempt::Attempt;
use super::burst::Burst;
use super::credentials::Signing;
use super::dispatch::{Callback, Handlers};
use super::inner::Inner;
use super::poller::Interest;
use super::sync::atomic::AtomicUsize;
use super::waiter::Waiter;
use super::{Completed, Completion, CredentialsProvider, MessageHandler, SocketFactory};
use crate::config::{Config, Sign};
use crate::error::Error;
use crate::log::{Level, Log};
use crate::session::{Event, Output, Session};
use crate::time::Instant;
use crate::transport::Link;
use crate::transport::tls::TlsConfig;
use std::collections::VecDeque;
use std::sync::Arc;

/// Whom an operation's outcome is for.
pub(super) enum Tag {
    Waiter(Arc<Waiter>),
    Completion(Completion),
}

/// The way to the broker.
pub(super) enum Connection {
    None,
    /// Being made.
    Attempt(Attempt),
    Up(Box<dyn Link>),
}

pub(super) struct State {
    pub(super) session: Session<Tag, MessageHandler>,
    pub(super) config: Config,
    pub(super) connection: Connection,
    /// Tells a late dialer that its attempt is over.
    pub(super) attempt: u64,
    /// What the poller was told, and has not answered.
    pub(super) armed: Option<Interest>,
    /// The times for which timers are set and have not fired, the earliest last.
    pub(super) timers: Vec<Instant>,

    pub(super) callbacks: VecDeque<Callback>,
    /// Bytes of messages in `callbacks` or with a callback now.
    pub(super) undelivered: usize,
    pub(super) paused: bool,
    /// A thread is running this client's callbacks.
    pub(super) dispatching: bool,
    /// Acknowledgements of messages whose callbacks have run go out by then, even if a later callback still blocks.
    pub(super) acknowledge_by: Option<Instant>,
    /// Synchronous calls that wait: then more is read, so that they get their answers behind messages nobody takes.
    /// Not behind the lock: the thread that has its answer must not wait for the worker that gave it.
    pub(super) waiting_calls: Arc<AtomicUsize>,
    pub(super) handlers: Handlers,
    pub(super) socket_factory: Option<SocketFactory>,
    pub(super) credentials_provider: Option<CredentialsProvider>,
    pub(super) signing: Arc<Signing>,
    /// Private keys that only the application can use: the configured one, and those that old connections still hold.
    pub(super) keys: Vec<Arc<dyn Sign>>,
    /// The configuration of the last attempt, which remembers TLS sessions, or that of credentials not used yet.
    pub(super) tls: Option<TlsConfig>,
    /// The last attempt failed, or its connection was lost or given up: the network may be another.
    pub(super) asks_anew: bool,
    /// A callback outside of the order runs or is about to (socket factory, credentials provider, private key): one at a time, and `free`
    /// waits for it.
    pub(super) outside: bool,
    /// A worker was asked to attend to this client and has not come yet.
    pub(super) attended: bool,
    /// Those that have their outcome and are to be woken when the lock is free: woken under it, they would at once wait for it.
    pub(super) filled: Vec<Arc<Waiter>>,
    /// Reading was resumed: a worker has to read, since the poller knows nothing of what the link holds.
    pub(super) read_again: bool,
    pub(super) log: Log,
    /// The link takes no bytes now; the poller tells when it does again.
    pub(super) blocked: bool,
    pub(super) burst: Burst,
    /// Up to this receipt the session knows that the callbacks have run.
    pub(super) handled: u64,

    pub(super) freed: bool,
    /// Everything has ended and every handler is dropped.
    pub(super) retired: bool,
}

impl State {
    /// The link has failed under us.
    pub(super) fn lost(&mut self, now: Instant, why: Error) {
        self.asks_anew = true;
        self.drop_connection();
        self.session.closed(now, why);
        self.take_outputs();
    }

    /// Does what the session says, except making links and sending.
    #[inline(always)] // Once a message.
    pub(super) fn take_outputs(&mut self) {
        if self.session.has_outputs() {
            self.take_some_outputs();
        }
    }

    #[inline(never)]
    fn take_some_outputs(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Open => {
                    if let Some(deadline) = self.session.attempt_deadline() {
                        self.connection = Connection::Attempt(Attempt::Begun { deadline });
                    }
                }
                Output::Close => {
                    // What was written before the session decided to close (DISCONNECT, say) has been taken by the link or is lost.
                    if let Connection::Up(link) = &mut self.connection {
                        let _ = link.flush();
                        link.close();
                    }
                    self.drop_connection();
                }
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: Event<Tag, MessageHandler>) {
        let callback = match event {
            Event::Done(done) => {
                let completed = Completed {
                    operation: done.operation,
                    result: done.result,
                    packet_id: done.packet_id,
                    granted_qos: done.granted_qos,
                    session_present: done.session_present,
                    left: done.left,
                };
                match done.tag {
                    Some(Tag::Waiter(waiter)) => {
                        waiter.fill(completed);
                        return self.filled.push(waiter);
                    }
                    Some(Tag::Completion(completion)) => Callback::Completed(completion, completed),
                    None => match done.topic {
                        Some(topic) => Callback::Outcome(done.kind, topic, completed),
                        None => return,
                    },
                }
            }
            // Whom nobody waits for need not go through a worker's callbacks.
            Event::Online { .. } if self.handlers.online.is_none() => return,
            Event::Online { session_present } => Callback::Online { session_present },
            Event::Offline { why } => Callback::Offline(why),
            Event::ConnectFailed { why, next_attempt } => {
                Callback::ConnectFailed(why, next_attempt)
            }
            Event::Messages(messages) => {
                self.undelivered += messages.size();
                Callback::Messages(messages)
            }
            Event::Published(mut published) => {
                let filled = &mut self.filled;
                published.retain(|published| match &published.tag {
                    // Not in the order of callbacks: a slow one must not delay the return of a call.
                    Tag::Waiter(waiter) => {
                        let completed =
                            Completed::published(published.operation, published.packet_id);
                        waiter.fill(completed);
                        filled.push(Arc::clone(waiter));
                        false
                    }
                    Tag::Completion(_) => true,
                });
                if published.is_empty() {
                    return;
                }
                Callback::Published(published)
            }
            Event::SubscriptionRefused { filter, why } => {
                Callback::SubscriptionRefused(filter, why)
            }
            Event::Released(handler) => Callback::Released(handler),
        };
        self.callbacks.push_back(callback);
    }

    /// What the poller should wait for; `None`: there is nothing to poll.
    fn interest(&self) -> Option<Interest> {
        match &self.connection {
            Connection::None => None,
            Connection::Attempt(attempt) => attempt.interest(),
            Connection::Up(link) => Some(Interest {
                read: !self.paused,
                write: !self.session.outgoing().is_empty() || link.wants_write(),
            }),
        }
    }

    /// Tells the poller what is wanted now, if it does not know.
    pub(super) fn arm(&mut self, inner: &Inner) {
        let Some(interest) = self.interest() else {
            return;
        };
        let known = self.armed.is_some_and(|armed| {
            (armed.read || !interest.read) && (armed.write || !interest.write)
        });
        if known || !(interest.read || interest.write) {
            return;
        }
        let poller = &inner.engine.core.poller;
        let is_up = matches!(self.connection, Connection::Up(_));
        let arm = |fd| {
            let armed = if is_up {
                poller.arm(fd, inner.key, interest)
            } else {
                poller.arm_attempt(fd, inner.key, interest)
            };
            if let Err(error) = armed {
                self.log.write(Level::Error, || {
                    format!("epoll does not take the socket: {error}")
                });
            }
        };
        match &self.connection {
            Connection::Attempt(attempt) => attempt.fds().into_iter().for_each(arm),
            Connection::Up(link) => arm(link.fd()),
            Connection::None => {}
        }
        self.armed = Some(interest);
    }

    /// Sees to it that a worker attends to this client in time.
    pub(super) fn set_timer(&mut self, inner: &Inner) {
        let Some(next) = self.next_time() else {
            return;
        };
        // A timer that is too early costs one needless look; one that is set again for each message costs much more.
        if self.timers.last().is_none_or(|timer| next < *timer) {
            self.timers.push(next);
            inner.engine.core.schedule(next, inner.key);
        }
    }

    /// When something is to happen by itself.
    pub(super) fn next_time(&self) -> Option<Instant> {
        let ours = Instant::first(self.acknowledge_by, self.attempt_timer());
        let ours = Instant::first(ours, self.burst.flush_at());
        Instant::first(self.session.deadline(), ours)
    }

    fn attempt_timer(&self) -> Option<Instant> {
        match &self.connection {
            Connection::Attempt(attempt) => attempt.timer(),
            _ => None,
        }
    }

    pub(super) fn drop_connection(&mut self) {
        // Closing the last descriptor of a socket takes it out of epoll; a socket that the application made may have others,
        // but one-shot events of it find this client without that connection and do nothing.
        self.connection = Connection::None;
        self.armed = None;
        self.blocked = false;
        self.burst.end();
        // The session starts each connection unpaused; what is still undelivered pauses the next one at its first look.
        self.paused = false;
        self.attempt += 1;
    }
}
