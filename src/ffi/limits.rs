//! How much is kept and sent at once.

use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use super::{borrow, check};
use std::ffi::c_int;

/// Sets how many operations are kept while there is no connection or the queue is draining. What was sent and not acknowledged does
/// not count.
///
/// @param client         The client.
/// @param queue_size     AWS_IOT_MQTT_QUEUE_UNLIMITED (default): as many as the memory limit allows. 0: none, and calls return
///                       AWS_IOT_MQTT_ERR_QUEUE_DISABLED without a connection, and while what was queued before is being
///                       sent. Otherwise the count.
/// @param drop_behavior  What happens when it is full. AWS_IOT_MQTT_DROP_NEWEST (default): the call returns
///                       AWS_IOT_MQTT_ERR_QUEUE_FULL. AWS_IOT_MQTT_DROP_OLDEST: the new operation is kept, and the
///                       oldest queued publish ends with AWS_IOT_MQTT_ERR_DROPPED; without one, as the other.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_offline_publish_queueing(
    client: *mut aws_iot_mqtt_client,
    queue_size: i64,
    drop_behavior: c_int,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let queue_size = check::queue_size(queue_size)?;
        let drop_behavior = check::drop_behavior(drop_behavior)?;
        client.configure(|config| {
            config.session.queue_size = queue_size;
            config.session.drop_behavior = drop_behavior;
            Ok(())
        })
    })
}

/// Sets how fast the queue is sent after a reconnection. AWS IoT takes 100 publishes a second on one connection and discards
/// the rest.
///
/// @param client  The client.
/// @param hz      Operations a second, above 0; default 50. AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE: as fast as the
///                in-flight window allows.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_draining_frequency(
    client: *mut aws_iot_mqtt_client,
    hz: f64,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let interval = check::draining_interval(hz)?;
        client.configure(|config| {
            config.session.draining_interval = interval;
            Ok(())
        })
    })
}

/// Sets how many QoS 1 publishes may be sent and unacknowledged at once. Further ones wait their turn. What was in flight when a connection ended
/// is sent again within the window too, in its order and before further ones.
///
/// @param client            The client.
/// @param in_flight_window  1 to 65535; default 100, which is what AWS IoT allows.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_in_flight_window(
    client: *mut aws_iot_mqtt_client,
    in_flight_window: u32,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let in_flight_window = check::in_flight_window(in_flight_window)?;
        client.configure(|config| {
            config.session.in_flight_window = in_flight_window;
            Ok(())
        })
    })
}

/// Sets how many bytes accepted and unfinished operations may take, queued and in flight together. Past it calls return
/// AWS_IOT_MQTT_ERR_QUEUE_FULL.
///
/// @param client        The client.
/// @param memory_limit  Bytes, at least 1; default 64 MiB. A QoS 1 publish on a live connection needs room for its packet
///                      twice: kept, and on its way.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_memory_limit(
    client: *mut aws_iot_mqtt_client,
    memory_limit: usize,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let memory_limit = check::memory_limit(memory_limit)?;
        client.configure(|config| {
            config.session.memory_limit = memory_limit;
            Ok(())
        })
    })
}

/// Sets the size of the largest packet, its header included. A larger publish returns AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE; a
/// broker that sends a larger packet is disconnected, because its packet cannot be skipped; the offline callback tells it with the
/// same number.
///
/// @param client           The client.
/// @param max_packet_size  Bytes, 128 to 268435460 [MQTT-2.2.3]; default 1 MiB. AWS IoT carries payloads of 128 KB.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_max_packet_size(
    client: *mut aws_iot_mqtt_client,
    max_packet_size: usize,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let max_packet_size = check::max_packet_size(max_packet_size)?;
        client.configure(|config| {
            config.session.max_packet_size = max_packet_size;
            Ok(())
        })
    })
}

/// Sets how many connections in a row the peer may close on one and the same operation before that operation ends with
/// AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE. AWS IoT closes the connection when the policy forbids a topic; without this, sending it
/// again after each reconnection would go on for ever.
///
/// @param client  The client.
/// @param limit   The count; default 5. 0: no limit.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_configure_refused_by_close_limit(
    client: *mut aws_iot_mqtt_client,
    limit: u32,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.configure(|config| {
            config.session.refused_by_close_limit = limit;
            Ok(())
        })
    })
}
