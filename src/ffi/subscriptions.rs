//! Subscribing, unsubscribing, acknowledging.

use super::callback::{
    self, aws_iot_mqtt_completion_fn, aws_iot_mqtt_message_fn, aws_iot_mqtt_userdata_free_fn,
};
use super::completion;
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::aws_iot_mqtt_client;
use super::{borrow, check};
use crate::codec::topic;
use crate::engine::Accepted;
use crate::error::Error;
use std::ffi::{c_char, c_int, c_void};

/// Subscribes to a topic filter and waits for the broker's answer, at most the operation time-out. The client subscribes again
/// by itself after a reconnection where the broker has not kept the session.
///
/// Subscribing to the same filter again replaces QoS and callback when the broker has accepted it; the subscription keeps its place
/// in the order in which the callbacks of several matching filters run. QoS 1 messages are acknowledged after the callbacks have
/// returned.
///
/// @param client         The client.
/// @param filter         Topic filter; "+" stands for one level, "#" at the end for all that follow. AWS IoT has shared
///                       subscriptions too: "$share/group/filter".
/// @param qos            The QoS that is asked for: AWS_IOT_MQTT_QOS_0 or AWS_IOT_MQTT_QOS_1.
/// @param callback       Gets the messages, not before the broker has accepted the subscription. NULL: only
///                       aws_iot_mqtt_client_on_message() gets them.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @param granted_qos    Receives the QoS that the broker granted, or AWS_IOT_MQTT_QOS_NONE with AWS_IOT_MQTT_QUEUED; may be
///                       NULL.
/// @return AWS_IOT_MQTT_OK: the broker has accepted. AWS_IOT_MQTT_QUEUED: kept, and will be sent; the outcome callback tells
///         how it ends. AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED: SUBACK 0x80 [MQTT-3.9.3-2]; the callback is given up, the library has
///         called userdata_free or is about to, and a subscription to the same filter that was there before stays.
///         AWS_IOT_MQTT_ERR_TIMEOUT: likewise, but the broker may accept it later; what it then sends comes to
///         aws_iot_mqtt_client_on_message() only. Others as for aws_iot_mqtt_client_publish() with QoS 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_subscribe(
    client: *mut aws_iot_mqtt_client,
    filter: *const c_char,
    qos: c_int,
    callback: aws_iot_mqtt_message_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
    granted_qos: *mut u8,
) -> aws_iot_mqtt_error {
    // SAFETY: as the header asks of the caller.
    guard(|| unsafe {
        subscribe(
            client,
            filter,
            qos,
            false,
            (callback, userdata, userdata_free),
            granted_qos,
        )
    })
}

/// Subscribes to a topic filter and returns.
///
/// @param client                    The client.
/// @param filter                    As for aws_iot_mqtt_client_subscribe().
/// @param qos                       Likewise.
/// @param completion                Tells the broker's answer: AWS_IOT_MQTT_OK with granted_qos,
///                                  AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED, AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE or
///                                  AWS_IOT_MQTT_ERR_CANCELLED; after a failure the callback below gets nothing. NULL: the outcome
///                                  callback tells it, if the call returned AWS_IOT_MQTT_QUEUED.
/// @param completion_userdata       Handed to completion (rule 9).
/// @param completion_userdata_free  Gives completion_userdata back; may be NULL.
/// @param callback                  Gets the messages. NULL: only aws_iot_mqtt_client_on_message() gets them.
/// @param userdata                  Handed to callback (rule 9). Where it is the same pointer as completion_userdata, each of
///                                  the two is given back for itself.
/// @param userdata_free             Gives userdata back; may be NULL.
/// @param operation                 Receives the operation's id before any callback can have it; may be NULL.
/// @return AWS_IOT_MQTT_OK: on its way. AWS_IOT_MQTT_QUEUED: kept, and will be sent. Not accepted: as for
///         aws_iot_mqtt_client_publish_async().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_subscribe_async(
    client: *mut aws_iot_mqtt_client,
    filter: *const c_char,
    qos: c_int,
    completion: aws_iot_mqtt_completion_fn,
    completion_userdata: *mut c_void,
    completion_userdata_free: aws_iot_mqtt_userdata_free_fn,
    callback: aws_iot_mqtt_message_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
    operation: *mut u64,
) -> aws_iot_mqtt_error {
    let completion = (completion, completion_userdata, completion_userdata_free);
    let message = (callback, userdata, userdata_free);
    // SAFETY: as the header asks of the caller.
    guard(|| unsafe { subscribe_async(client, filter, qos, false, completion, message, operation) })
}

/// Like aws_iot_mqtt_client_subscribe(), but the QoS 1 messages of this subscription are acknowledged by the application, with
/// aws_iot_mqtt_client_acknowledge(), when it has stored or processed them. A message that it never acknowledges is sent again
/// after the next reconnection where the session is kept (clean_session false).
///
/// A message that several subscriptions match waits for the application if one of them was made here.
///
/// @param client         The client.
/// @param filter         As for aws_iot_mqtt_client_subscribe().
/// @param qos            Likewise.
/// @param callback       Likewise.
/// @param userdata       Likewise.
/// @param userdata_free  Likewise.
/// @param granted_qos    Likewise.
/// @return As for aws_iot_mqtt_client_subscribe().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_subscribe_manual_acknowledge(
    client: *mut aws_iot_mqtt_client,
    filter: *const c_char,
    qos: c_int,
    callback: aws_iot_mqtt_message_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
    granted_qos: *mut u8,
) -> aws_iot_mqtt_error {
    // SAFETY: as the header asks of the caller.
    guard(|| unsafe {
        subscribe(
            client,
            filter,
            qos,
            true,
            (callback, userdata, userdata_free),
            granted_qos,
        )
    })
}

/// The asynchronous aws_iot_mqtt_client_subscribe_manual_acknowledge().
///
/// @param client                    The client.
/// @param filter                    As for aws_iot_mqtt_client_subscribe_async().
/// @param qos                       Likewise.
/// @param completion                Likewise.
/// @param completion_userdata       Likewise.
/// @param completion_userdata_free  Likewise.
/// @param callback                  Likewise.
/// @param userdata                  Likewise.
/// @param userdata_free             Likewise.
/// @param operation                 Likewise.
/// @return As for aws_iot_mqtt_client_subscribe_async().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_subscribe_manual_acknowledge_async(
    client: *mut aws_iot_mqtt_client,
    filter: *const c_char,
    qos: c_int,
    completion: aws_iot_mqtt_completion_fn,
    completion_userdata: *mut c_void,
    completion_userdata_free: aws_iot_mqtt_userdata_free_fn,
    callback: aws_iot_mqtt_message_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
    operation: *mut u64,
) -> aws_iot_mqtt_error {
    let completion = (completion, completion_userdata, completion_userdata_free);
    let message = (callback, userdata, userdata_free);
    // SAFETY: as the header asks of the caller.
    guard(|| unsafe { subscribe_async(client, filter, qos, true, completion, message, operation) })
}

/// Acknowledges a QoS 1 message of a subscription with manual acknowledgement, on any thread, inside the callback or later.
/// PUBACKs go out in the order in which the messages came [MQTT-4.6.0-2], so one waits for those before it.
///
/// @param client           The client.
/// @param acknowledgement  The field of that name of the message. 0, which QoS 0 messages have, does nothing.
/// @return AWS_IOT_MQTT_ERR_STALE if it was acknowledged already, or if the connection that brought the message is gone: then the
///         broker sends it again, where the session is kept. AWS_IOT_MQTT_ERR_INVALID_ARGUMENT if no message had that number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_acknowledge(
    client: *mut aws_iot_mqtt_client,
    acknowledgement: u64,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        match acknowledgement {
            // A callback may acknowledge whatever it gets without asking for the QoS.
            0 => Ok(()),
            acknowledgement => client.acknowledge(acknowledgement),
        }
    })
}

/// Ends a subscription and waits for the broker's answer, at most the operation time-out. A filter that was never subscribed to is
/// no error: the broker is asked all the same, because it may know it from an earlier session.
///
/// @param client  The client.
/// @param filter  The filter as it was subscribed to.
/// @return AWS_IOT_MQTT_OK: the broker has acknowledged it. Messages that came before that still go to the callback; its
///         userdata_free says when the last one has. AWS_IOT_MQTT_QUEUED: kept, and will be sent. Others as for
///         aws_iot_mqtt_client_publish() with QoS 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_unsubscribe(
    client: *mut aws_iot_mqtt_client,
    filter: *const c_char,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, filter) =
            unsafe { (borrow::client(client)?, borrow::string(filter, "filter")?) };
        client.unsubscribe(filter)
    })
}

/// Ends a subscription, as aws_iot_mqtt_client_unsubscribe() does, and returns.
///
/// @param client         The client.
/// @param filter         The filter as it was subscribed to.
/// @param callback       Tells the broker's answer: AWS_IOT_MQTT_OK, AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE or
///                       AWS_IOT_MQTT_ERR_CANCELLED. NULL: the outcome callback tells it, if the call returned AWS_IOT_MQTT_QUEUED.
/// @param userdata       Handed to the callback (rule 9).
/// @param userdata_free  Gives userdata back; may be NULL.
/// @param operation      Receives the operation's id before any callback can have it; may be NULL.
/// @return AWS_IOT_MQTT_OK: on its way. AWS_IOT_MQTT_QUEUED: kept, and will be sent. Not accepted: as for
///         aws_iot_mqtt_client_publish_async().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_unsubscribe_async(
    client: *mut aws_iot_mqtt_client,
    filter: *const c_char,
    callback: aws_iot_mqtt_completion_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
    operation: *mut u64,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, filter, operation) = unsafe {
            (
                borrow::client(client)?,
                borrow::string(filter, "filter")?,
                borrow::Output::optional(operation),
            )
        };
        client.unsubscribe_async(filter, |id| {
            operation.write(id.0);
            completion::completion(callback, userdata, userdata_free)
        })
    })
}

/// Tells whether a topic filter matches a topic name, as the client decides it for incoming messages: by section 4.7 of MQTT
/// 3.1.1, wildcards at the start not matching "$" [MQTT-4.7.2-1], and "$share/group/filter" by its inner filter.
///
/// @param filter   Topic filter.
/// @param topic    Topic name.
/// @param matches  Receives the answer.
/// @return AWS_IOT_MQTT_ERR_INVALID_TOPIC if either of them is not valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_topic_matches(
    filter: *const c_char,
    topic: *const c_char,
    matches: *mut bool,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (filter, topic, matches) = unsafe {
            (
                borrow::string(filter, "filter")?,
                borrow::string(topic, "topic")?,
                borrow::Output::required(matches, "matches")?,
            )
        };
        topic::check_filter(filter)?;
        topic::check_name(topic)?;
        matches.write(topic::matches(filter, topic));
        Ok(())
    })
}

type CompletionTriple = (
    aws_iot_mqtt_completion_fn,
    *mut c_void,
    aws_iot_mqtt_userdata_free_fn,
);
type MessageTriple = (
    aws_iot_mqtt_message_fn,
    *mut c_void,
    aws_iot_mqtt_userdata_free_fn,
);

/// # Safety
/// As the header asks of the caller.
unsafe fn subscribe(
    client: *mut aws_iot_mqtt_client,
    filter: *const c_char,
    qos: c_int,
    manual: bool,
    (callback, userdata, userdata_free): MessageTriple,
    granted_qos: *mut u8,
) -> Result<Accepted, Error> {
    // SAFETY: promised by the caller.
    let (client, filter, granted_qos) = unsafe {
        (
            borrow::client(client)?,
            borrow::string(filter, "filter")?,
            borrow::Output::optional(granted_qos),
        )
    };
    let message = || callback::message(callback, userdata, userdata_free);
    let (accepted, qos) = client.subscribe(filter, check::qos(qos)?, manual, message)?;
    granted_qos.write(completion::granted(qos));
    Ok(accepted)
}

/// # Safety
/// As the header asks of the caller.
unsafe fn subscribe_async(
    client: *mut aws_iot_mqtt_client,
    filter: *const c_char,
    qos: c_int,
    manual: bool,
    completion: CompletionTriple,
    message: MessageTriple,
    operation: *mut u64,
) -> Result<Accepted, Error> {
    // SAFETY: promised by the caller.
    let (client, filter, operation) = unsafe {
        (
            borrow::client(client)?,
            borrow::string(filter, "filter")?,
            borrow::Output::optional(operation),
        )
    };
    client.subscribe_async(filter, check::qos(qos)?, manual, |id| {
        operation.write(id.0);
        let completion = super::completion::completion(completion.0, completion.1, completion.2);
        (
            completion,
            callback::message(message.0, message.1, message.2),
        )
    })
}
