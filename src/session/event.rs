//! What the session tells its driver.

use super::messages::Messages;
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
    Messages(Messages<H>),
    /// Publishes that somebody waits for and that are complete: acknowledged, or QoS 0 and taken by the link.
    Published(Vec<Published<T>>),
    Done(Done<T>),
    /// A subscription that had been granted was refused when it was asked for again; it is gone.
    SubscriptionRefused {
        filter: Arc<str>,
        why: Error,
    },
    /// A message handler that will not be called again.
    Released(H),
}

/// The outcome of a publish that went well: what a [`Done`] would say, in less space.
#[derive(Debug)]
pub struct Published<T> {
    pub operation: OperationId,
    pub tag: T,
    /// Zero for QoS 0.
    pub packet_id: u16,
}

/// The one outcome of any other operation.
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
