//! What the engine gives to the application's callbacks, and their types.

use crate::config::{IamCredentials, QoS};
use crate::error::Error;
use crate::session::{Inbound, OperationId, OperationKind, Session};
use std::sync::Arc;

/// The one outcome of an operation.
pub struct Completed {
    pub operation: OperationId,
    pub result: Result<(), Error>,
    /// Zero where the operation had none.
    pub packet_id: u16,
    /// For a subscribe.
    pub granted_qos: Option<QoS>,
    /// For a connect.
    pub session_present: bool,
    /// For a disconnect: operations kept for the next connection.
    pub left: usize,
}

impl Completed {
    /// Of a publish that went well.
    pub(super) fn published(operation: OperationId, packet_id: u16) -> Self {
        Completed {
            operation,
            result: Ok(()),
            packet_id,
            granted_qos: None,
            session_present: false,
            left: 0,
        }
    }
}

/// Called once, on a library thread, or dropped without being called if the operation is not accepted after all.
///
/// It is a function and three words instead of a boxed closure: one is made for each asynchronous publish, and an allocation that one
/// thread makes and another frees would cost more than the rest of the call.
pub struct Completion {
    words: Option<Words>,
    run: fn(Words, Option<&Completed>),
}

/// What a [`Completion`] gives to its function: addresses, as a rule.
pub type Words = [usize; 3];

impl Completion {
    /// `run` is called exactly once: with the outcome, or with `None` to release what the words stand for.
    pub fn new(words: Words, run: fn(Words, Option<&Completed>)) -> Self {
        Completion {
            words: Some(words),
            run,
        }
    }

    pub fn call(mut self, completed: &Completed) {
        if let Some(words) = self.words.take() {
            (self.run)(words, Some(completed));
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        if let Some(words) = self.words.take() {
            (self.run)(words, None);
        }
    }
}

/// A message, lent to a callback.
pub struct Delivery<'a>(pub(super) Inbound<'a, MessageHandler>);

impl Delivery<'_> {
    /// The topic name, followed by a NUL.
    #[inline(always)]
    pub fn topic_with_nul(&self) -> &[u8] {
        self.0.topic_with_nul()
    }

    #[inline(always)]
    pub fn payload(&self) -> &[u8] {
        self.0.payload()
    }

    pub fn qos(&self) -> QoS {
        self.0.qos()
    }

    pub fn retain(&self) -> bool {
        self.0.retain()
    }

    pub fn dup(&self) -> bool {
        self.0.dup()
    }

    /// Zero for QoS 0.
    pub fn packet_id(&self) -> u16 {
        self.0.packet_id()
    }

    /// For `Client::acknowledge`; zero for QoS 0.
    pub fn acknowledgement(&self) -> u64 {
        self.0.receipt()
    }
}

pub type MessageHandler = Arc<dyn Fn(&Delivery<'_>) + Send + Sync>;
/// Session present.
pub type OnlineHandler = Arc<dyn Fn(bool) + Send + Sync>;
pub type OfflineHandler = Arc<dyn Fn(&Error) + Send + Sync>;
/// Error, milliseconds until the next attempt (`None`: there will be none).
pub type ConnectFailedHandler = Arc<dyn Fn(&Error, Option<u64>) + Send + Sync>;
/// Operation id (0 for a resubscription), kind, topic or filter, result.
pub type OutcomeHandler =
    Arc<dyn Fn(OperationId, OperationKind, &str, &Result<(), Error>) + Send + Sync>;
/// Host, port, milliseconds left; gives a connected descriptor, or -1.
pub type SocketFactory = Arc<dyn Fn(&str, u16, u64) -> i32 + Send + Sync>;

/// Milliseconds left; gives credentials for one attempt.
pub type CredentialsProvider = Arc<dyn Fn(u64) -> Result<IamCredentials, Error> + Send + Sync>;

/// Counts and gauges of a client since it was made.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub queued: u64,
    pub in_flight: u64,
    pub accepted_bytes: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub messages_sent: u64,
    pub messages_received: u64,
    pub reconnects: u64,
    pub dropped_queue_full: u64,
    pub dropped_evicted: u64,
    pub timed_out: u64,
    pub refused_by_close: u64,
    pub last_acknowledgement_latency_us: u64,
    pub max_acknowledgement_latency_us: u64,
    /// The number of the last error that ended a connection or an attempt; 0 if none.
    pub last_failure: u16,
}

impl Stats {
    pub(super) fn of<T, H: Clone>(session: &Session<T, H>) -> Self {
        let counters = session.counters();
        Stats {
            queued: session.queued() as u64,
            in_flight: session.in_flight() as u64,
            accepted_bytes: session.accepted_bytes() as u64,
            bytes_sent: counters.bytes_sent,
            bytes_received: counters.bytes_received,
            messages_sent: counters.messages_sent,
            messages_received: counters.messages_received,
            reconnects: counters.reconnects,
            dropped_queue_full: counters.refused_queue_full,
            dropped_evicted: counters.evicted,
            timed_out: counters.timed_out,
            refused_by_close: counters.refused_by_close,
            last_acknowledgement_latency_us: counters.last_acknowledgement_nanos / 1000,
            max_acknowledgement_latency_us: counters.max_acknowledgement_nanos / 1000,
            last_failure: counters
                .last_failure
                .as_ref()
                .map_or(0, |error| error.code as u16),
        }
    }
}
