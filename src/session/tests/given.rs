//! Short ways to say what a scenario begins with.

use crate::config::{QoS, SessionConfig};
use crate::error::{Code, Error};
use crate::session::{Done, OperationKind, Published};
use std::time::Duration;

pub(super) fn config(change: impl FnOnce(&mut SessionConfig)) -> SessionConfig {
    let mut config = SessionConfig {
        client_id: "device".to_owned(),
        ..SessionConfig::default()
    };
    change(&mut config);
    config
}

/// A session that keeps its state at the broker.
pub(super) fn kept(change: impl FnOnce(&mut SessionConfig)) -> SessionConfig {
    config(|config| {
        config.clean_session = false;
        change(config);
    })
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn lost() -> Error {
    Error::new(Code::ConnectionLost, "the peer closed the connection")
}

pub(super) fn qos(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        _ => QoS::AtLeastOnce,
    }
}

/// The same outcome in the form of all the others.
pub(super) fn done<T>(published: Published<T>) -> Done<T> {
    Done {
        operation: published.operation,
        kind: OperationKind::Publish,
        tag: Some(published.tag),
        result: Ok(()),
        packet_id: published.packet_id,
        granted_qos: None,
        session_present: false,
        left: 0,
        topic: None,
    }
}
