//! The client: sessions and links brought together by a few threads.

use crate::config::{Config, QoS};
use crate::error::Error;
use crate::log::Log;
use std::sync::Arc;

/// Names an accepted operation. Never reused, and distinct from the packet identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

/// How a call that was not refused went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// For a synchronous call: done. For an asynchronous one: on its way.
    Now,
    /// There is no connection, or the queue is draining: kept, will be sent.
    Queued,
}

/// The one outcome of an asynchronous operation.
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

/// Called once, on a library thread.
pub type Completion = Box<dyn FnOnce(&Completed) + Send>;

/// A message, lent to a callback.
pub struct Delivery {}

impl Delivery {
    /// The topic name, followed by a NUL.
    pub fn topic_with_nul(&self) -> &[u8] {
        todo!()
    }
    pub fn payload(&self) -> &[u8] {
        todo!()
    }
    pub fn qos(&self) -> QoS {
        todo!()
    }
    pub fn retain(&self) -> bool {
        todo!()
    }
    pub fn dup(&self) -> bool {
        todo!()
    }
    /// Zero for QoS 0.
    pub fn packet_id(&self) -> u16 {
        todo!()
    }
    /// For `Client::acknowledge`; zero for QoS 0.
    pub fn acknowledgement(&self) -> u64 {
        todo!()
    }
}

pub type MessageHandler = Arc<dyn Fn(&Delivery) + Send + Sync>;
pub type OnlineHandler = Arc<dyn Fn(bool) + Send + Sync>;
pub type OfflineHandler = Arc<dyn Fn(&Error) + Send + Sync>;
/// Error, milliseconds until the next attempt (`None`: there will be none).
pub type ConnectFailedHandler = Arc<dyn Fn(&Error, Option<u64>) + Send + Sync>;
/// Operation id (0 for a resubscription), kind, topic or filter, result.
pub type OutcomeHandler =
    Arc<dyn Fn(OperationId, OperationKind, &str, &Result<(), Error>) + Send + Sync>;
/// Host, port, milliseconds left; gives a connected descriptor, or -1.
pub type SocketFactory = Arc<dyn Fn(&str, u16, u64) -> i32 + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OperationKind {
    Connect = 0,
    Disconnect = 1,
    Publish = 2,
    Subscribe = 3,
    Unsubscribe = 4,
}

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
    Disconnecting = 5,
}

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

/// One MQTT client. All methods may be called on any thread, callbacks included.
pub struct Client {}

impl Client {
    pub fn new(_config: Config) -> Result<Arc<Client>, Error> {
        todo!()
    }

    /// Changes the configuration while no connection is wanted; `InvalidState` otherwise. On an error nothing has changed.
    pub fn configure(
        &self,
        _change: impl FnOnce(&mut Config) -> Result<(), Error>,
    ) -> Result<(), Error> {
        todo!()
    }
    /// The same at any time; used from the next attempt on.
    pub fn configure_any_time(
        &self,
        _change: impl FnOnce(&mut Config) -> Result<(), Error>,
    ) -> Result<(), Error> {
        todo!()
    }
    pub fn configure_socket_factory(
        &self,
        _make: impl FnOnce() -> Option<SocketFactory>,
    ) -> Result<(), Error> {
        todo!()
    }

    // Handlers. `make` is called only if the call succeeds, so on an error nothing was taken. The replaced handler is dropped outside all locks.
    pub fn on_online(&self, _make: impl FnOnce() -> Option<OnlineHandler>) -> Result<(), Error> {
        todo!()
    }
    pub fn on_offline(&self, _make: impl FnOnce() -> Option<OfflineHandler>) -> Result<(), Error> {
        todo!()
    }
    pub fn on_message(&self, _make: impl FnOnce() -> Option<MessageHandler>) -> Result<(), Error> {
        todo!()
    }
    pub fn on_connect_failed(
        &self,
        _make: impl FnOnce() -> Option<ConnectFailedHandler>,
    ) -> Result<(), Error> {
        todo!()
    }
    pub fn on_outcome(&self, _make: impl FnOnce() -> Option<OutcomeHandler>) -> Result<(), Error> {
        todo!()
    }
    pub fn on_log(&self, _make: impl FnOnce() -> Log) -> Result<(), Error> {
        todo!()
    }

    /// Waits for CONNACK or the failure. Keep alive in seconds, 0 = none.
    pub fn connect(&self, _keep_alive_secs: u16) -> Result<(), Error> {
        todo!()
    }
    /// `make` is called only if the operation is accepted, before any callback of it can run: the place to hand out the id and to take the userdata.
    pub fn connect_async(
        &self,
        _keep_alive_secs: u16,
        _make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        todo!()
    }
    /// Gives how many operations are kept for the next connection.
    pub fn disconnect(&self) -> Result<usize, Error> {
        todo!()
    }
    pub fn disconnect_async(
        &self,
        _make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        todo!()
    }

    pub fn publish(
        &self,
        _topic: &str,
        _payload: &[u8],
        _qos: QoS,
        _retain: bool,
    ) -> Result<Accepted, Error> {
        todo!()
    }
    pub fn publish_async(
        &self,
        _topic: &str,
        _payload: &[u8],
        _qos: QoS,
        _retain: bool,
        _make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        todo!()
    }
    /// `make` gives the message handler (`None`: only `on_message` sees the messages). `manual`: QoS 1 messages of this subscription are acknowledged by `acknowledge`.
    /// Gives the granted QoS where the outcome is known.
    pub fn subscribe(
        &self,
        _filter: &str,
        _qos: QoS,
        _manual: bool,
        _make: impl FnOnce() -> Option<MessageHandler>,
    ) -> Result<(Accepted, Option<QoS>), Error> {
        todo!()
    }
    pub fn subscribe_async(
        &self,
        _filter: &str,
        _qos: QoS,
        _manual: bool,
        _make: impl FnOnce(OperationId) -> (Option<Completion>, Option<MessageHandler>),
    ) -> Result<Accepted, Error> {
        todo!()
    }
    pub fn unsubscribe(&self, _filter: &str) -> Result<Accepted, Error> {
        todo!()
    }
    pub fn unsubscribe_async(
        &self,
        _filter: &str,
        _make: impl FnOnce(OperationId) -> Option<Completion>,
    ) -> Result<Accepted, Error> {
        todo!()
    }

    pub fn acknowledge(&self, _acknowledgement: u64) -> Result<(), Error> {
        todo!()
    }
    pub fn cancel(&self, _operation: OperationId) -> Result<(), Error> {
        todo!()
    }
    pub fn reconnect(&self) -> Result<(), Error> {
        todo!()
    }
    pub fn state(&self) -> Result<State, Error> {
        todo!()
    }
    pub fn stats(&self) -> Result<Stats, Error> {
        todo!()
    }

    /// Ends the client. Inside a callback it returns at once; outside when all callbacks have run and all handlers are dropped.
    pub fn free(&self) {
        todo!()
    }
}

/// Tells the engine that this process is a forked child: its threads are gone. Called by `ffi/fork.rs` from pthread_atfork.
pub fn forked() {
    todo!()
}
