//! What the session tells its driver.

use crate::config::QoS;
use crate::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Names an accepted operation. Never reused, and distinct from the packet identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OperationKind {
    Connect = 0,
    Disconnect = 1,
    Publish = 2,
    Subscribe = 3,
    Unsubscribe = 4,
}

/// How a call that was not refused went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// On its way, or done.
    Now,
    /// There is no connection, or the queue is draining: kept, will be sent.
    Queued,
}

/// What the driver does next.
#[derive(Debug)]
pub enum Output<T, H> {
    /// Make a link, then report [`opened`](super::Session::opened) or [`closed`](super::Session::closed).
    Open,
    /// Drop the link, or stop making it. The session has forgotten it: nothing more is reported of it.
    Close,
    /// Tell the application, in this order.
    Event(Event<T, H>),
}

/// What the application is told. `T` is what the driver attached to an operation, `H` to a subscription; they are handed back
/// here, never dropped inside the session, because dropping them may run code of the application.
#[derive(Debug)]
pub enum Event<T, H> {
    Online {
        session_present: bool,
    },
    Offline {
        why: Error,
    },
    ConnectFailed {
        why: Error,
        next_attempt: Option<Duration>,
    },
    Message(Inbound<H>),
    Done(Done<T>),
    /// A subscription that had been granted was refused when it was asked for again; it is gone.
    SubscriptionRefused {
        filter: Arc<str>,
        why: Error,
    },
    /// A message handler that will not be called again.
    Released(H),
}

/// The one outcome of an operation.
#[derive(Debug)]
pub struct Done<T> {
    pub operation: OperationId,
    pub kind: OperationKind,
    /// `None` if nobody waits: then this only says how an operation ended whose call had returned `Queued`.
    pub tag: Option<T>,
    pub result: Result<(), Error>,
    /// Zero where there was none.
    pub packet_id: u16,
    pub granted_qos: Option<QoS>,
    pub session_present: bool,
    /// For a disconnect: operations kept for the next connection.
    pub left: usize,
    /// Topic or filter, where the call had returned `Queued`.
    pub topic: Option<Arc<str>>,
}

/// A message and whom it is for.
#[derive(Debug)]
pub struct Inbound<H> {
    pub message: Message,
    /// For [`acknowledge`](super::Session::acknowledge); zero for QoS 0.
    pub receipt: u64,
    pub matched: Arc<Matched<H>>,
}

/// The handlers of all subscriptions that match a topic, in the order of subscribing.
#[derive(Debug)]
pub struct Matched<H> {
    pub handlers: Vec<H>,
    /// One of the subscriptions asked to acknowledge for itself.
    pub manual: bool,
}

/// A PUBLISH that came in: one allocation, laid out as the topic, a NUL for C, and the payload.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    bytes: Box<[u8]>,
    topic_len: usize,
    pub qos: QoS,
    pub retain: bool,
    pub dup: bool,
    /// Zero for QoS 0.
    pub packet_id: u16,
}

impl Message {
    pub(super) fn new(publish: &crate::codec::Publish<'_>) -> Self {
        let mut bytes = Vec::with_capacity(publish.topic.len() + 1 + publish.payload.len());
        bytes.extend_from_slice(publish.topic.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(publish.payload);
        Message {
            bytes: bytes.into_boxed_slice(),
            topic_len: publish.topic.len(),
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            packet_id: publish.packet_id,
        }
    }

    pub fn topic(&self) -> &str {
        // Copied from a `&str`, so this cannot fail.
        std::str::from_utf8(&self.bytes[..self.topic_len]).unwrap_or_default()
    }

    pub fn topic_with_nul(&self) -> &[u8] {
        &self.bytes[..=self.topic_len]
    }

    pub fn payload(&self) -> &[u8] {
        &self.bytes[self.topic_len + 1..]
    }

    /// The memory that it takes, about.
    pub fn size(&self) -> usize {
        self.bytes.len() + 64
    }
}
