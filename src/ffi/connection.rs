//! Connecting and disconnecting.

use super::callback::{self, aws_iot_mqtt_completion_fn, aws_iot_mqtt_userdata_free_fn};
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use super::{borrow, check};
use std::ffi::c_void;

/// Connects, and waits for the broker's answer, at most the connect time-out. From then on the client keeps the connection: when
/// it is lost, the client reconnects until aws_iot_mqtt_client_disconnect().
///
/// A connect that fails is reported and not tried again, unless aws_iot_mqtt_client_configure_retry_first_connect() says so.
///
/// @param client           The client.
/// @param keep_alive_secs  Seconds of silence after which a PINGREQ is sent, at most 65535;
///                         AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS suits most. 0: none. AWS IoT takes 30 to 1200 and
///                         treats others as the nearest of these; it ends connections that are silent for 1.5 times as long.
/// @return AWS_IOT_MQTT_OK once CONNACK has accepted the connection. Otherwise why it failed: AWS_IOT_MQTT_ERR_NOT_CONFIGURED,
///         AWS_IOT_MQTT_ERR_INVALID_STATE (a connection is wanted already), AWS_IOT_MQTT_ERR_TIMEOUT,
///         AWS_IOT_MQTT_ERR_WOULD_DEADLOCK (inside the client's socket factory), AWS_IOT_MQTT_ERR_CANCELLED (by a disconnect or
///         free), a number of the network (2xx) or of TLS (3xx), or AWS_IOT_MQTT_ERR_PROTOCOL to
///         AWS_IOT_MQTT_ERR_CONNECT_REFUSED (50x, CONNACK's return code).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_connect(
    client: *mut aws_iot_mqtt_client,
    keep_alive_secs: u32,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.connect(check::keep_alive(keep_alive_secs)?)
    })
}

/// Starts to connect and returns. The completion tells what aws_iot_mqtt_client_connect() would have returned, and runs after
/// the online callback.
///
/// @param client           The client.
/// @param keep_alive_secs  As for aws_iot_mqtt_client_connect().
/// @param callback         Tells the outcome. NULL: nobody is told but the online and connect_failed callbacks.
/// @param userdata         Handed to the callback (rule 9).
/// @param userdata_free    Gives userdata back; may be NULL.
/// @param operation        Receives the operation's id before any callback can have it; may be NULL.
/// @return AWS_IOT_MQTT_OK if it was started; AWS_IOT_MQTT_ERR_NOT_CONFIGURED or AWS_IOT_MQTT_ERR_INVALID_STATE as above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_connect_async(
    client: *mut aws_iot_mqtt_client,
    keep_alive_secs: u32,
    callback: aws_iot_mqtt_completion_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
    operation: *mut u64,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, operation) =
            unsafe { (borrow::client(client)?, borrow::Output::optional(operation)) };
        client.connect_async(check::keep_alive(keep_alive_secs)?, |id| {
            operation.write(id.0);
            callback::completion(callback, userdata, userdata_free)
        })
    })
}

/// Sends DISCONNECT behind what was sent before and closes the connection, so that the broker drops the last will
/// [MQTT-3.14.4-3]. It also stops reconnecting. What is queued or unacknowledged is kept for the next connect; to let it
/// finish, wait for its outcomes first.
///
/// @param client  The client.
/// @param left    Receives how many operations are kept; may be NULL.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE if no connection is wanted; AWS_IOT_MQTT_ERR_TIMEOUT if the network did not take
///         DISCONNECT in time: the connection is closed then all the same;
///         AWS_IOT_MQTT_ERR_WOULD_DEADLOCK inside the client's socket factory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_disconnect(
    client: *mut aws_iot_mqtt_client,
    left: *mut usize,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, left) = unsafe { (borrow::client(client)?, borrow::Output::optional(left)) };
        left.write(client.disconnect()?);
        Ok(())
    })
}

/// Starts to disconnect and returns. The completion runs after the offline callback.
///
/// @param client         The client.
/// @param callback       Tells the outcome, and how many operations are kept. NULL: nobody is told.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @param operation      Receives the operation's id before any callback can have it; may be NULL.
/// @return AWS_IOT_MQTT_OK if it was started; AWS_IOT_MQTT_ERR_INVALID_STATE as above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_disconnect_async(
    client: *mut aws_iot_mqtt_client,
    callback: aws_iot_mqtt_completion_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
    operation: *mut u64,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, operation) =
            unsafe { (borrow::client(client)?, borrow::Output::optional(operation)) };
        client.disconnect_async(|id| {
            operation.write(id.0);
            callback::completion(callback, userdata, userdata_free)
        })
    })
}

/// Tells the client that the network has changed. A lost or waiting connection is tried again now instead of after its wait; a
/// live one is given up and made anew.
///
/// @param client  The client.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE if no connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_reconnect(
    client: *mut aws_iot_mqtt_client,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.reconnect()
    })
}
