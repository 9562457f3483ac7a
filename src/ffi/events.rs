//! What the application wants to be told.

use super::callback::{
    self, aws_iot_mqtt_connect_failed_fn, aws_iot_mqtt_log_fn, aws_iot_mqtt_message_fn,
    aws_iot_mqtt_offline_fn, aws_iot_mqtt_online_fn, aws_iot_mqtt_outcome_fn,
    aws_iot_mqtt_userdata_free_fn,
};
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use super::{borrow, check};
use std::ffi::{c_int, c_void};

/// Asks to be told of every connection that the broker accepts, the first one and reconnections. Online and offline callbacks
/// strictly alternate. aws_iot_mqtt_client_connect() may return a little before the callback runs.
///
/// @param client         The client.
/// @param callback       Replaces the one before; NULL removes it.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_on_online(
    client: *mut aws_iot_mqtt_client,
    callback: aws_iot_mqtt_online_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.on_online(|| callback::online(callback, userdata, userdata_free))
    })
}

/// Asks to be told of the end of every connection, and why. Only aws_iot_mqtt_client_free() outside callbacks has waited for this
/// callback when it returns; aws_iot_mqtt_client_disconnect() may return a little before it runs.
///
/// @param client         The client.
/// @param callback       Replaces the one before; NULL removes it.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_on_offline(
    client: *mut aws_iot_mqtt_client,
    callback: aws_iot_mqtt_offline_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.on_offline(|| callback::offline(callback, userdata, userdata_free))
    })
}

/// Asks for every message, after the callbacks of the subscriptions that match it. Messages that match no subscription, such as
/// those of a session that the broker kept, come here only.
///
/// @param client         The client.
/// @param callback       Replaces the one before; NULL removes it.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_on_message(
    client: *mut aws_iot_mqtt_client,
    callback: aws_iot_mqtt_message_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.on_message(|| callback::message(callback, userdata, userdata_free))
    })
}

/// Asks to be told of every attempt to connect that failed, and when the next one comes.
///
/// @param client         The client.
/// @param callback       Replaces the one before; NULL removes it.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_on_connect_failed(
    client: *mut aws_iot_mqtt_client,
    callback: aws_iot_mqtt_connect_failed_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.on_connect_failed(|| callback::connect_failed(callback, userdata, userdata_free))
    })
}

/// Asks for the outcomes that nobody else is told: of every operation whose call had returned AWS_IOT_MQTT_QUEUED and that has no
/// completion, and of every subscription that the broker refused when the client subscribed again.
///
/// @param client         The client.
/// @param callback       Replaces the one before; NULL removes it.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_on_outcome(
    client: *mut aws_iot_mqtt_client,
    callback: aws_iot_mqtt_outcome_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        client.on_outcome(|| callback::outcome(callback, userdata, userdata_free))
    })
}

/// Asks for the log of this client. There is none by default. Read at aws_iot_mqtt_log_fn what its callback must not do.
///
/// @param client         The client.
/// @param level          How much: AWS_IOT_MQTT_LOG_ERROR to AWS_IOT_MQTT_LOG_DEBUG; one of these also where callback is NULL.
/// @param callback       Replaces the one before; NULL removes it.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_on_log(
    client: *mut aws_iot_mqtt_client,
    level: c_int,
    callback: aws_iot_mqtt_log_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        let level = check::level(level)?;
        client.on_log(|| callback::log(level, callback, userdata, userdata_free))
    })
}
