//! Publishing, and giving up.

use super::callback::{aws_iot_mqtt_completion_fn, aws_iot_mqtt_userdata_free_fn};
use super::completion;
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use super::{borrow, check};
use crate::engine::OperationId;
use std::ffi::{c_char, c_int, c_void};

/// Publishes a message and waits for its outcome, at most the operation time-out.
///
/// @param client       The client.
/// @param topic        Topic name, without wildcards. AWS IoT takes 256 bytes and 8 levels.
/// @param payload      payload_len bytes of any value; NULL with length 0 is an empty message.
/// @param payload_len  Length in bytes. AWS IoT takes 128 KB.
/// @param qos          AWS_IOT_MQTT_QOS_0 or AWS_IOT_MQTT_QOS_1.
/// @param retain       Whether the broker keeps the message for later subscribers. AWS IoT needs iot:RetainPublish for it.
/// @return AWS_IOT_MQTT_OK: the broker has acknowledged it; for QoS 0: it is on its way behind everything before it.
///         AWS_IOT_MQTT_QUEUED: there is no connection, or the queue is draining; it is kept and will be sent, and the
///         outcome callback tells how it ends.
///         Not accepted: AWS_IOT_MQTT_ERR_INVALID_TOPIC, AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE, AWS_IOT_MQTT_ERR_QUEUE_FULL,
///         AWS_IOT_MQTT_ERR_QUEUE_DISABLED, AWS_IOT_MQTT_ERR_INVALID_STATE (the client is disconnecting),
///         AWS_IOT_MQTT_ERR_WOULD_DEADLOCK (QoS 1 inside the client's socket factory, credentials provider or signing callback).
///         Accepted and ended, QoS 1 only: AWS_IOT_MQTT_ERR_TIMEOUT, AWS_IOT_MQTT_ERR_CANCELLED,
///         AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE; the broker may have it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_publish(
    client: *mut aws_iot_mqtt_client,
    topic: *const c_char,
    payload: *const c_void,
    payload_len: usize,
    qos: c_int,
    retain: bool,
) -> aws_iot_mqtt_error {
    // By value, here and below: else each argument would be written to memory twice, once a message.
    guard(move || {
        // SAFETY: as the header asks of the caller.
        let (client, topic, payload) = unsafe {
            (
                borrow::client(client)?,
                borrow::unchecked_string(topic, "topic")?,
                borrow::bytes(payload, payload_len, "payload")?,
            )
        };
        client.publish(topic, payload, check::qos(qos)?, retain)
    })
}

/// Publishes a message and returns. It is kept until it has an outcome, however long that takes: a QoS 1 message is sent again
/// after every reconnection until the broker has acknowledged it.
///
/// @param client         The client.
/// @param topic          As for aws_iot_mqtt_client_publish().
/// @param payload        Likewise; copied.
/// @param payload_len    Likewise.
/// @param qos            Likewise.
/// @param retain         Likewise.
/// @param callback       Tells the outcome. AWS_IOT_MQTT_OK: for QoS 1 acknowledged, for QoS 0 the network has taken its last
///                       byte. Otherwise AWS_IOT_MQTT_ERR_CANCELLED, AWS_IOT_MQTT_ERR_DROPPED or
///                       AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE, and for QoS 0 AWS_IOT_MQTT_ERR_CONNECTION_LOST, where the
///                       connection ended before that byte. NULL: the outcome callback tells it, if the call returned
///                       AWS_IOT_MQTT_QUEUED.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @param operation      Receives the operation's id before any callback can have it; may be NULL.
/// @return AWS_IOT_MQTT_OK: on its way. AWS_IOT_MQTT_QUEUED: kept, and will be sent. Not accepted: as above, without
///         AWS_IOT_MQTT_ERR_WOULD_DEADLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_publish_async(
    client: *mut aws_iot_mqtt_client,
    topic: *const c_char,
    payload: *const c_void,
    payload_len: usize,
    qos: c_int,
    retain: bool,
    callback: aws_iot_mqtt_completion_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
    operation: *mut u64,
) -> aws_iot_mqtt_error {
    guard(move || {
        // SAFETY: as the header asks of the caller.
        let (client, topic, payload, operation) = unsafe {
            (
                borrow::client(client)?,
                borrow::unchecked_string(topic, "topic")?,
                borrow::bytes(payload, payload_len, "payload")?,
                borrow::Output::optional(operation),
            )
        };
        client.publish_async(topic, payload, check::qos(qos)?, retain, |id| {
            operation.write(id.0);
            completion::completion(callback, userdata, userdata_free)
        })
    })
}

/// Gives up an operation that has no outcome yet: it ends with AWS_IOT_MQTT_ERR_CANCELLED and is not sent again. If it was sent,
/// the broker may have it; of a packet that has begun to leave, the rest follows. Giving up the first connect stops the attempts,
/// as aws_iot_mqtt_client_disconnect() does; giving up one that waits for a reconnection does not.
///
/// @param client     The client.
/// @param operation  The id that the asynchronous call gave.
/// @return AWS_IOT_MQTT_ERR_NOT_FOUND if there is no such operation, it has its outcome already, or it is a disconnect, which
///         cannot be given up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_cancel(
    client: *mut aws_iot_mqtt_client,
    operation: u64,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.cancel(OperationId(operation))
    })
}
