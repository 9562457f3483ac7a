//! Short ways to say what a scenario begins with.

use crate::config::{QoS, SessionConfig};
use crate::error::{Code, Error};
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
