//! Connecting and disconnecting.

use super::callback::{aws_iot_mqtt_completion_fn, aws_iot_mqtt_userdata_free_fn};
use super::completion;
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use super::{borrow, check};
use std::ffi::c_void;

/// Connects, and waits for the broker's answer, at most the connect time-out. From then on the client keeps the connection: when
/// it is lost, the client reconnects until aws_iot_mqtt_client_disconnect(). The online callback may run a little after this has
/// returned; wait for the callback where you need it.
///
/// A connect that fails is reported and not tried again, unless aws_iot_mqtt_client_configure_retry_first_connect() says so.
/// While the client reconnects, connect tries now instead of after the wait (or joins the attempt that is under way), makes the
/// waits short again, and reports how that attempt ends; the client goes on trying whatever the answer is.
///
/// A link that dies without a word is noticed after keep_alive_secs and the ping time-out at the latest. Where an operation stays
/// unacknowledged for the retransmit interval, it is noticed after about that and the ping time-out; a synchronous one does not stay
/// so long with the default time-outs: it ends before, with AWS_IOT_MQTT_ERR_TIMEOUT.
///
/// AWS IoT ends a connection on which it hears nothing for 1.5 times the keep alive. It takes 30 to 1200 seconds: 1 to 29 count as 30;
/// 0, and more than 1200, as 1200; through a VPC endpoint more than 230, such as the default, as 230. Do not give it 0, or more than it
/// takes: a client that has nothing to say would ping never, or when the connection has been ended. Device Advisor advises 230 at most.
///
/// @param client           The client.
/// @param keep_alive_secs  A PINGREQ is sent when for so many seconds nothing was sent, or nothing came. At most 65535;
///                         AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS is the default of the Python SDK v1. 0: none for this reason, so that an
///                         idle client never notices a dead link.
/// @return AWS_IOT_MQTT_OK once CONNACK has accepted the connection.
///         Not begun: AWS_IOT_MQTT_ERR_NOT_CONFIGURED (no endpoint; no credentials, unless the client uses WebSocket, a custom
///         authorizer or no TLS; no region for a signature), AWS_IOT_MQTT_ERR_NOT_SUPPORTED (an AWS endpoint without TLS),
///         AWS_IOT_MQTT_ERR_INVALID_STATE (connected, disconnecting, or another connect waits),
///         AWS_IOT_MQTT_ERR_WOULD_DEADLOCK (inside the client's socket factory, credentials provider or signing callback).
///         Failed: AWS_IOT_MQTT_ERR_TIMEOUT, AWS_IOT_MQTT_ERR_CANCELLED (by a disconnect or free), a number of the network
///         (2xx), of TLS (3xx) or of WebSocket and credentials (4xx), or AWS_IOT_MQTT_ERR_PROTOCOL to
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

/// Starts to connect and returns. The completion tells how it ends, as aws_iot_mqtt_client_connect() would have returned, and
/// runs after the online or connect_failed callback. With aws_iot_mqtt_client_configure_retry_first_connect() it comes when an
/// attempt has succeeded, however long that takes, or by a disconnect, cancel or free.
///
/// @param client           The client.
/// @param keep_alive_secs  As for aws_iot_mqtt_client_connect().
/// @param callback         Tells the outcome. NULL: nobody is told but the online and connect_failed callbacks.
/// @param userdata         Handed to the callback (rule 9).
/// @param userdata_free    Gives userdata back; may be NULL.
/// @param operation        Receives the operation's id before any callback can have it; may be NULL.
/// @return AWS_IOT_MQTT_OK if it was started. Otherwise AWS_IOT_MQTT_ERR_NOT_CONFIGURED, AWS_IOT_MQTT_ERR_NOT_SUPPORTED or
///         AWS_IOT_MQTT_ERR_INVALID_STATE, as for aws_iot_mqtt_client_connect().
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
            completion::completion(callback, userdata, userdata_free)
        })
    })
}

/// Parts from the broker: waits until what was sent is acknowledged, says DISCONNECT, so that the broker drops the last will
/// [MQTT-3.14.4-3], and closes the connection, at the latest when the connect time-out is up. Meanwhile operations, connect and
/// reconnect return AWS_IOT_MQTT_ERR_INVALID_STATE. What is queued, and what was not acknowledged in time, is kept for the next
/// connect; a synchronous call of another thread that waits for it goes on waiting until its own time is up.
///
/// Without a connection it stops the attempts, and a connect that waits ends with AWS_IOT_MQTT_ERR_CANCELLED. If no connection
/// is wanted, there is nothing to do. The offline callback may run a little after this has returned; wait for it where you need it.
///
/// @param client  The client.
/// @param left    Receives how many operations are kept; may be NULL.
/// @return AWS_IOT_MQTT_OK, also if the connection was lost before DISCONNECT could be said.
///         AWS_IOT_MQTT_ERR_INVALID_STATE if another disconnect is under way; AWS_IOT_MQTT_ERR_WOULD_DEADLOCK inside the
///         client's socket factory, credentials provider or signing callback; AWS_IOT_MQTT_ERR_CANCELLED if another thread frees
///         the client meanwhile.
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

/// Starts to disconnect, as aws_iot_mqtt_client_disconnect() does, and returns. The completion runs after the offline callback.
///
/// @param client         The client.
/// @param callback       Tells the outcome, and how many operations are kept. NULL: nobody is told.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @param operation      Receives the operation's id before any callback can have it; may be NULL.
/// @return AWS_IOT_MQTT_OK if it was started; AWS_IOT_MQTT_ERR_INVALID_STATE if another disconnect is under way.
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
            completion::completion(callback, userdata, userdata_free)
        })
    })
}

/// Tells the client that the network has changed, or that new credentials are to be used now. A live connection is given up and
/// made anew (the offline callback gets AWS_IOT_MQTT_ERR_CONNECTION_LOST); a client that waits for its next attempt tries now; an
/// attempt that is under way goes on.
///
/// @param client  The client.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE if no connection is wanted, or the client is disconnecting.
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
