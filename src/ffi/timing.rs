//! How long to wait, and how often to try.

use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use super::{borrow, check};
use crate::config::Backoff;
use crate::error::{Code, Error};
use std::time::Duration;

/// Sets how long the client waits between attempts to reconnect. Wait n is drawn at random between d and 2d, where d is base_ms
/// doubled n times and at most half of max_ms (or base_ms, if that is more); it is never below base_ms and never above max_ms, and
/// devices that lost the broker together do not come back in step. The client never gives up.
///
/// @param client     The client.
/// @param base_ms    Milliseconds before the first attempt, at least 1; default 1000.
/// @param max_ms     The longest wait in milliseconds, at least base_ms; default 32000.
/// @param stable_ms  A connection that held this many milliseconds makes the next wait short again; more than base_ms,
///                   default 20000.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(
    client: *mut aws_iot_mqtt_client,
    base_ms: u32,
    max_ms: u32,
    stable_ms: u32,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let base = check::time_out(base_ms, "base_ms")?;
        if max_ms < base_ms {
            let detail = format!("max_ms is {max_ms}, less than base_ms, which is {base_ms}");
            return Err(Error::new(Code::InvalidArgument, detail));
        }
        if stable_ms <= base_ms {
            let detail = format!(
                "stable_ms is {stable_ms}, it must be more than base_ms, which is {base_ms}"
            );
            return Err(Error::new(Code::InvalidArgument, detail));
        }
        let max = Duration::from_millis(u64::from(max_ms));
        let stable = Duration::from_millis(u64::from(stable_ms));
        client.configure(|config| {
            config.session.backoff = Backoff { base, max, stable };
            Ok(())
        })
    })
}

/// Sets the deadline of a whole attempt to connect, from the host name's resolution to CONNACK, and of a disconnect.
///
/// @param client      The client.
/// @param timeout_ms  Milliseconds, at least 1; default 30000.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_connect_disconnect_timeout(
    client: *mut aws_iot_mqtt_client,
    timeout_ms: u32,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let timeout = check::time_out(timeout_ms, "timeout_ms")?;
        client.configure(|config| {
            config.session.connect_disconnect_timeout = timeout;
            Ok(())
        })
    })
}

/// Sets how long a synchronous publish, subscribe or unsubscribe waits for its outcome, reconnections included. After that
/// the operation has ended and is not sent again. Asynchronous operations wait without limit.
///
/// @param client      The client.
/// @param timeout_ms  Milliseconds, at least 1; default 5000.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_mqtt_operation_timeout(
    client: *mut aws_iot_mqtt_client,
    timeout_ms: u32,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let timeout = check::time_out(timeout_ms, "timeout_ms")?;
        client.configure(|config| {
            config.session.operation_timeout = timeout;
            Ok(())
        })
    })
}

/// Lets the first connect be tried again and again, as reconnections are, instead of failing with its first failure.
///
/// @param client   The client.
/// @param enabled  False (default): a connect reports its failure and the client rests. True: attempts go on until
///                 disconnect; a synchronous connect returns AWS_IOT_MQTT_ERR_TIMEOUT at its deadline and they still go on.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_retry_first_connect(
    client: *mut aws_iot_mqtt_client,
    enabled: bool,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.configure(|config| {
            config.session.retry_first_connect = enabled;
            Ok(())
        })
    })
}

/// Sets after what time an unacknowledged PUBLISH, SUBSCRIBE or UNSUBSCRIBE is sent again on the live connection, with the same
/// packet id and, for PUBLISH, DUP=1 [MQTT-3.3.1-1]. AWS IoT sends no PUBACK for what it throttles. Each further wait
/// is twice as long. A PINGREQ goes with it, unless one waits for its answer already: so a dead link shows after this interval and
/// the ping time-out, however long the keep alive is.
///
/// @param client       The client.
/// @param interval_ms  Milliseconds; default 10000. 0: nothing is sent again, only after a reconnection; the PINGREQ is then sent
///                     whenever the ping time-out has passed without the acknowledgement.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_retransmit_interval(
    client: *mut aws_iot_mqtt_client,
    interval_ms: u32,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.configure(|config| {
            config.session.retransmit = Duration::from_millis(u64::from(interval_ms));
            Ok(())
        })
    })
}

/// Sets how long the broker may be silent after a PINGREQ before the connection counts as lost.
///
/// @param client      The client.
/// @param timeout_ms  Milliseconds, at least 1; default 10000.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_ping_timeout(
    client: *mut aws_iot_mqtt_client,
    timeout_ms: u32,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let timeout = check::time_out(timeout_ms, "timeout_ms")?;
        client.configure(|config| {
            config.session.ping_timeout = timeout;
            Ok(())
        })
    })
}
