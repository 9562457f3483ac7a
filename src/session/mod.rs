//! The MQTT session as a state machine without sockets, threads or a clock.
//!
//! The driver gives it commands of the application ([`Session::publish`] and its like, answered at once), reports of the link
//! ([`Session::opened`], [`received`](Session::received), [`sent`](Session::sent), [`closed`](Session::closed)) and the time
//! ([`Session::timeout`]), and then does what the session says. Three invariants hold:
//!
//! 1. After any call, [`Session::poll`] until `None`, send what [`Session::outgoing`] shows (reporting it by `sent`) until it is empty, and
//!    call `timeout` at [`Session::deadline`]. A `timeout` too early or too often is harmless.
//! 2. Each accepted operation that somebody waits for gives exactly one outcome ([`Event::Published`] or [`Event::Done`]), whatever happens.
//! 3. The same calls give the same outputs, byte for byte.
//!
//! Where to look: `connecting` (from `connect` to CONNACK, and what happens when a connection ends), `disconnecting` (`disconnect`
//! and the end), `restoring` (what the broker is told again on a new connection), `resending` (of that, what was in flight, in steps),
//! `commands` (what the application asks for), `publishing` (of that, what is asked for most), `sending` (the window, re-sending),
//! `acknowledgements` (what the broker has), `draining` (the queue on its way), `receiving` (packets that come in, and messages),
//! `receipts` (what the broker is to be told of those), `timers` (everything that happens because time passes).

mod acknowledgements;
mod backoff;
mod commands;
mod connecting;
mod counters;
mod disconnecting;
mod draining;
mod event;
mod in_flight;
mod keep_alive;
mod memory;
mod messages;
mod operation;
mod outgoing;
mod outputs;
mod packet_ids;
mod poison;
mod publishing;
mod queue;
mod receipts;
mod receiving;
mod resending;
mod restoring;
mod sending;
mod subscriptions;
mod timers;
mod topic_tree;

#[cfg(any(test, fuzzing))]
// The fuzzers need only the simulation of it.
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) mod tests;

pub use commands::Wait;
pub use connecting::Login;
pub use event::{Accepted, Done, Event, OperationId, OperationKind, Output, Published};
pub use messages::{Inbound, Matched, Messages};

use crate::config::SessionConfig;
use crate::error::Error;
use crate::log::Log;
use crate::time::Instant;
use counters::{Counters, count};
use in_flight::{InFlight, What};
use keep_alive::{ActiveClock, KeepAlive};
use operation::Operation;
use outgoing::Outgoing;
use packet_ids::PacketIds;
use queue::Queue;
use receipts::Receipts;
use std::collections::VecDeque;
use std::sync::Arc;
use subscriptions::Subscriptions;

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No connection is wanted. Next: `Opening`, when the application says `connect`.
    Idle,
    /// The driver makes a link. Next: `Greeting` when it is there; `Backoff` or `Idle` when it fails or the time is up.
    Opening { deadline: Instant },
    /// CONNECT was sent. Next: `Connected` by a CONNACK that accepts; `Backoff` or `Idle` otherwise.
    Greeting {
        deadline: Instant,
        /// What CONNECT said; the application may ask for another before CONNACK comes.
        keep_alive_secs: u16,
    },
    /// CONNACK came. Next: `Backoff` when the connection is lost; `Idle` when the application has disconnected.
    Connected { since: Instant },
    /// Waiting for the next attempt. Next: `Opening`, when the time has come or the application says so; `Idle` by `disconnect`.
    Backoff { until: Instant },
    /// The application has freed the client. Next: nothing.
    Ended,
}

/// What the application sees of the phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// No connection is wanted.
    Idle = 0,
    /// The first attempt of a connect is under way.
    Connecting = 1,
    /// Operations go straight to the broker.
    Connected = 2,
    /// Connected, and what was queued is being sent; new operations queue behind it.
    Draining = 3,
    /// The connection was lost: waiting for the next attempt, or in it.
    Reconnecting = 4,
    /// `disconnect` waits for what is in flight.
    Disconnecting = 5,
}

/// A connect or disconnect that somebody waits for.
#[derive(Debug)]
struct Waiter<T> {
    operation: OperationId,
    tag: Option<T>,
}

/// The application wants a connection.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    keep_alive_secs: u16,
    /// No attempt has succeeded since `connect`.
    first: bool,
}

/// The application has said `disconnect` while connected.
#[derive(Debug)]
struct Leaving<T> {
    waiter: Waiter<T>,
    deadline: Instant,
    said_disconnect: bool,
}

/// See the [module](self). `T` is attached to operations, `H` to subscriptions.
pub struct Session<T, H> {
    config: SessionConfig,
    log: Log,
    outputs: outputs::Outputs<T, H>,
    last_operation: u64,
    counters: Counters,

    phase: Phase,
    wanted: Option<Wanted>,
    connect: Option<Waiter<T>>,
    leaving: Option<Leaving<T>>,
    waits: backoff::Waits,
    suspect: Option<poison::Suspicion>,

    // What belongs to one connection.
    outgoing: Outgoing,
    keep_alive: KeepAlive,
    clock: ActiveClock,
    paused: bool,
    /// The beginning of a packet whose rest has not come.
    partial: Vec<u8>,
    receipts: Receipts,
    /// Messages that wait for the SUBACK of a subscription that they match.
    held: receiving::Held,
    /// QoS 0 publishes in `outgoing` that somebody waits for.
    departing: VecDeque<sending::Departing<T, H>>,
    /// Something of ours was acknowledged on this connection.
    acknowledged: bool,
    /// After so many nanoseconds an acknowledgement is overdue. Of the configuration, as it is asked for once a message.
    acknowledgement_wait: u64,
    /// The earliest `due_at` of all slots, or earlier; on `clock`.
    next_due: Option<keep_alive::Reading>,
    /// Subscriptions to be asked for again that wait for a free packet identifier.
    waiting_restores: VecDeque<Vec<Arc<str>>>,
    resending: resending::Resending<T, H>,
    /// Draining waits for the SUBACKs of what was asked for again at the beginning of the connection, at most until then.
    restoring: Option<Instant>,
    /// The queue is being sent; when the next operation may go.
    draining: Option<Instant>,

    /// Of publishes that are acknowledged, for the next ones.
    spare: operation::Spare<T, H>,

    /// The topic of the last publish, which has passed its check: the next one mostly goes there, too.
    last_topic: Vec<u8>,

    // What outlives it.
    /// CONNECT has begun to leave on a connection that ended without CONNACK, so that the broker may have made a new session, and will
    /// then say "session present" the next time; or it is another broker, which may have one of its own.
    unanswered: bool,
    packet_ids: PacketIds,
    publishes: InFlight<T, H>,
    requests: InFlight<T, H>,
    /// Accepted while connected, and no room in the window (or no free packet identifier).
    waiting_publishes: VecDeque<Box<Operation<T, H>>>,
    waiting_requests: VecDeque<Box<Operation<T, H>>>,
    /// Bytes of all operations that wait or are in flight.
    live_bytes: usize,
    queue: Queue<T, H>,
    subscriptions: Subscriptions<H>,
    /// When synchronous calls give up; in order, as all have the same time-out.
    deadlines: VecDeque<(Instant, OperationId)>,
}

impl<T, H: Clone> Session<T, H> {
    /// `seed` decides the jitter.
    pub fn new(config: SessionConfig, seed: u64) -> Self {
        let ping_timeout = config.ping_timeout;
        Session {
            acknowledgement_wait: acknowledgement_wait(&config),
            config,
            log: Log::none(),
            outputs: outputs::Outputs::default(),
            last_operation: 0,
            counters: Counters::default(),
            phase: Phase::Idle,
            wanted: None,
            connect: None,
            leaving: None,
            waits: backoff::Waits::new(seed),
            suspect: None,
            outgoing: Outgoing::default(),
            keep_alive: KeepAlive::new(Instant::ZERO, 0, ping_timeout),
            clock: ActiveClock::default(),
            paused: false,
            partial: Vec::new(),
            receipts: Receipts::default(),
            held: receiving::Held::default(),
            departing: VecDeque::new(),
            acknowledged: false,
            next_due: None,
            waiting_restores: VecDeque::new(),
            resending: resending::Resending::default(),
            restoring: None,
            draining: None,
            unanswered: false,
            spare: operation::Spare::default(),
            last_topic: Vec::new(),
            packet_ids: PacketIds::default(),
            publishes: InFlight::default(),
            requests: InFlight::default(),
            waiting_publishes: VecDeque::new(),
            waiting_requests: VecDeque::new(),
            live_bytes: 0,
            queue: Queue::default(),
            subscriptions: Subscriptions::default(),
            deadlines: VecDeque::new(),
        }
    }

    /// Used from now on. Whether the application may change something now is the driver's business ([`Session::is_idle`]).
    pub fn configure(&mut self, config: SessionConfig) {
        self.acknowledgement_wait = acknowledgement_wait(&config);
        self.config = config;
    }

    pub fn set_log(&mut self, log: Log) -> Log {
        std::mem::replace(&mut self.log, log)
    }

    /// Whether [`poll`](Session::poll) has something to give.
    #[inline(always)]
    pub fn has_outputs(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// What to do next; `None`: nothing until the next report or the deadline.
    pub fn poll(&mut self) -> Option<Output<T, H>> {
        self.outputs.pop()
    }

    /// Something waits in [`poll`](Session::poll) that must not wait until more is read.
    pub fn is_pressing(&self) -> bool {
        self.outputs.is_pressing()
    }

    /// The bytes to send, in order: all of them, or if they are many, the first. What [`sent`](Session::sent) reports is of these.
    #[inline]
    pub fn outgoing(&self) -> &[u8] {
        self.outgoing.pending()
    }

    /// How many bytes there are to send in all.
    #[inline]
    pub fn outgoing_bytes(&self) -> usize {
        self.outgoing.len()
    }

    /// No connection is wanted.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected { .. })
    }

    pub fn state(&self) -> State {
        match self.phase {
            Phase::Idle | Phase::Ended => State::Idle,
            _ if self.leaving.is_some() => State::Disconnecting,
            Phase::Connected { .. } if self.draining.is_some() => State::Draining,
            Phase::Connected { .. } => State::Connected,
            _ if self.wanted.is_some_and(|wanted| wanted.first) => State::Connecting,
            _ => State::Reconnecting,
        }
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Publishes, subscribes and unsubscribes that are with the broker or wait for their place in the window.
    pub fn in_flight(&self) -> usize {
        let sent = self.publishes.iter().chain(self.requests.iter());
        sent.filter(|slot| slot.operation().is_some()).count()
            + self.resending.len()
            + self.waiting_publishes.len()
            + self.waiting_requests.len()
    }

    /// A publish is with the broker and not acknowledged.
    pub fn awaits_puback(&self) -> bool {
        !self.publishes.is_empty()
    }

    /// Bytes of everything that was accepted and is not finished.
    #[inline]
    pub fn accepted_bytes(&self) -> usize {
        self.live_bytes + self.queue.bytes() + self.outgoing.len()
    }

    /// Bytes of messages that wait for a SUBACK.
    pub fn held_bytes(&self) -> usize {
        self.held.bytes
    }

    fn emit(&mut self, event: Event<T, H>) {
        self.outputs.push(Output::Event(event));
    }

    #[inline]
    fn next_operation(&mut self) -> OperationId {
        count(&mut self.last_operation);
        OperationId(self.last_operation)
    }

    /// A publish is complete: its outcome, and its memory for the next one.
    #[inline(always)] // Once a message.
    fn published(&mut self, mut operation: Box<Operation<T, H>>, packet_id: u16) {
        let Some(tag) = operation.tag.take() else {
            return self.end(operation, Ok(()), packet_id);
        };
        self.forget_deadline(operation.id);
        self.outputs.published(Published {
            operation: operation.id,
            tag,
            packet_id,
        });
        self.spare.keep(operation, self.config.memory_limit / 16);
    }

    /// The one outcome of an operation that is in none of the tables any more.
    #[allow(clippy::boxed_local)] // That is how all tables hold it.
    fn end(&mut self, operation: Box<Operation<T, H>>, result: Result<(), Error>, packet_id: u16) {
        self.forget_deadline(operation.id);
        let outputs = &mut self.outputs;
        operation.end(result, packet_id, None, |event| {
            outputs.push(Output::Event(event))
        });
    }

    fn filter_refused(&mut self, filter: &Arc<str>, why: Error) {
        if let Some(subscription) = self.subscriptions.remove(filter) {
            self.emit(Event::SubscriptionRefused {
                filter: Arc::clone(filter),
                why,
            });
            if let Some(handler) = subscription.handler {
                self.emit(Event::Released(handler));
            }
        }
    }

    /// The clock of unacknowledged packets runs only while everything has left and the answers are read.
    #[inline(always)] // Once a message.
    fn settle_clock(&mut self, now: Instant) {
        self.clock
            .run(now, self.outgoing.has_left() && !self.paused);
    }
}

fn acknowledgement_wait(config: &SessionConfig) -> u64 {
    let wait = if config.retransmit.is_zero() {
        config.ping_timeout
    } else {
        config.retransmit
    };
    u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)
}
