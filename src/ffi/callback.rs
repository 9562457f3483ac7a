//! Callbacks of C: their types, and the userdata that belongs to each.

use super::error::aws_iot_mqtt_error;
use super::guard::c_string;
use super::iam::Sink;
use super::types::{aws_iot_mqtt_completion, aws_iot_mqtt_credentials_sink, aws_iot_mqtt_message};
use crate::config::IamCredentials;
use crate::engine::{
    ConnectFailedHandler, CredentialsProvider, Delivery, MessageHandler, OfflineHandler,
    OnlineHandler, OperationId, OperationKind, OutcomeHandler, SocketFactory,
};
use crate::error::{Code, Error};
use crate::log::{Level, Log};
use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Arc;

/// Gives a userdata back to the application: exactly once, after its last use. It runs on a thread of the library or inside
/// the call that ended the use, with no lock held, and may run at the same time as another callback of the client. It may call the
/// library as other callbacks may (rule 7), but not a client whose aws_iot_mqtt_client_free() has begun (rule 6). That of a socket factory
/// or credentials provider may run on the thread of its callback, and what holds for calls there holds then.
///
/// @param userdata  What was registered. It may be NULL.
pub type aws_iot_mqtt_userdata_free_fn = Option<unsafe extern "C" fn(userdata: *mut c_void)>;

/// Tells the outcome of one asynchronous operation: exactly once, and after the call has filled its operation id.
///
/// @param completion  Lent (rule 8).
/// @param userdata    What was registered.
pub type aws_iot_mqtt_completion_fn =
    Option<unsafe extern "C" fn(completion: *const aws_iot_mqtt_completion, userdata: *mut c_void)>;

/// Delivers a message.
///
/// @param message   Lent (rule 8).
/// @param userdata  What was registered.
pub type aws_iot_mqtt_message_fn =
    Option<unsafe extern "C" fn(message: *const aws_iot_mqtt_message, userdata: *mut c_void)>;

/// Tells that a connection was accepted by the broker.
///
/// @param session_present  Whether the broker had kept the session [MQTT-3.2.2-2]. Always false over MQTT 3.1.
/// @param userdata         What was registered.
pub type aws_iot_mqtt_online_fn =
    Option<unsafe extern "C" fn(session_present: bool, userdata: *mut c_void)>;

/// Tells that the connection has ended.
///
/// @param error     Why: AWS_IOT_MQTT_ERR_CANCELLED after a disconnect of the application or when the client is freed,
///                  AWS_IOT_MQTT_ERR_CONNECTION_LOST also after aws_iot_mqtt_client_reconnect(), otherwise a number of the network
///                  (2xx) or of TLS (3xx), AWS_IOT_MQTT_ERR_WEBSOCKET, AWS_IOT_MQTT_ERR_PROTOCOL or
///                  AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE.
/// @param detail    The same for a person; lent, never NULL.
/// @param userdata  What was registered.
pub type aws_iot_mqtt_offline_fn = Option<
    unsafe extern "C" fn(error: aws_iot_mqtt_error, detail: *const c_char, userdata: *mut c_void),
>;

/// Tells that an attempt to connect has failed.
///
/// @param error            Why.
/// @param detail           The same for a person; lent, never NULL.
/// @param next_attempt_ms  Milliseconds until the next attempt; -1 if there will be none, because this was the first connect and
///                         aws_iot_mqtt_client_configure_retry_first_connect() is off.
/// @param userdata         What was registered.
pub type aws_iot_mqtt_connect_failed_fn = Option<
    unsafe extern "C" fn(
        error: aws_iot_mqtt_error,
        detail: *const c_char,
        next_attempt_ms: i64,
        userdata: *mut c_void,
    ),
>;

/// Tells how an operation ended that nobody waits for.
///
/// @param operation  The operation, as the asynchronous call gave it. A synchronous call gives no id, so there it says nothing, and the
///                   topic must do. 0 for a subscription that was refused on resubscribing.
/// @param kind       AWS_IOT_MQTT_OPERATION_...
/// @param topic      Its topic name or filter; lent, never NULL.
/// @param error      AWS_IOT_MQTT_OK, or why it failed.
/// @param detail     The same for a person; lent, never NULL, empty on success.
/// @param userdata   What was registered.
pub type aws_iot_mqtt_outcome_fn = Option<
    unsafe extern "C" fn(
        operation: u64,
        kind: c_int,
        topic: *const c_char,
        error: aws_iot_mqtt_error,
        detail: *const c_char,
        userdata: *mut c_void,
    ),
>;

/// Takes a line of the log. It runs on any thread, the application's own inside a call included, on several threads at a
/// time, and with locks of the library held: it must be quick and must not call the library.
///
/// @param level     AWS_IOT_MQTT_LOG_...
/// @param line      UTF-8 without a line end; lent, never NULL. It holds no secret.
/// @param userdata  What was registered.
pub type aws_iot_mqtt_log_fn =
    Option<unsafe extern "C" fn(level: c_int, line: *const c_char, userdata: *mut c_void)>;

/// Makes a connected stream socket, for instance through a proxy, a modem or a certain interface. It runs on a thread of its
/// own, outside the order of the other callbacks, at most once at a time for one client; aws_iot_mqtt_client_free() waits until it
/// has returned, but inside it returns at once. A blocking call on the same client inside it returns
/// AWS_IOT_MQTT_ERR_WOULD_DEADLOCK.
///
/// @param host          The configured host, or that of the configured proxy or of the AWS IoT credentials provider; lent.
/// @param port          Its port.
/// @param remaining_ms  Milliseconds that are left for the whole attempt. Return before they have passed.
/// @param userdata      What was registered.
/// @return A connected descriptor, or -1. The library owns it from then on: it makes it non-blocking, puts TLS on top of it
///         (unless configured otherwise) and closes it, also if it comes too late. -1, and a descriptor that is not open, fail
///         the attempt with AWS_IOT_MQTT_ERR_SOCKET_FACTORY.
pub type aws_iot_mqtt_socket_factory_fn = Option<
    unsafe extern "C" fn(
        host: *const c_char,
        port: u16,
        remaining_ms: u64,
        userdata: *mut c_void,
    ) -> c_int,
>;

/// Gives IAM credentials for one attempt to connect, by aws_iot_mqtt_credentials_set(). It runs on a thread of its own, outside the
/// order of the other callbacks, at most once at a time for one client; aws_iot_mqtt_client_free() waits until it has returned,
/// but inside it returns at once. A blocking call on the same client inside it returns AWS_IOT_MQTT_ERR_WOULD_DEADLOCK.
///
/// @param sink          Takes the credentials; lent.
/// @param remaining_ms  Milliseconds that are left for the whole attempt. Return before they have passed.
/// @param userdata      What was registered.
/// @return 0 if credentials were set. Anything else fails the attempt with AWS_IOT_MQTT_ERR_CREDENTIALS, whose detail names the
///         number.
pub type aws_iot_mqtt_credentials_provider_fn = Option<
    unsafe extern "C" fn(
        sink: *mut aws_iot_mqtt_credentials_sink,
        remaining_ms: u64,
        userdata: *mut c_void,
    ) -> c_int,
>;

/// A userdata that the library owns. Dropping it is its last use.
pub(super) struct Userdata {
    pointer: *mut c_void,
    free: aws_iot_mqtt_userdata_free_fn,
}

// SAFETY: the library only hands the pointer back to the application, which is told that callbacks run on threads of the
// library (rule 7).
unsafe impl Send for Userdata {}
// SAFETY: as above.
unsafe impl Sync for Userdata {}

impl Userdata {
    /// To be called once the operation is accepted, never before: a failing call must not free what it did not take.
    pub(super) fn take(pointer: *mut c_void, free: aws_iot_mqtt_userdata_free_fn) -> Self {
        Userdata { pointer, free }
    }

    /// A method, because a closure that named the field would capture the bare pointer and drop the rest too early.
    pub(super) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for Userdata {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the pair comes from one registration, and this runs once.
            unsafe { free(self.pointer) };
        }
    }
}

// What follows turns a triple of C into what the engine calls; `completion.rs` has the one that is made for each publish. Each takes the userdata, so each is called inside a `make` of
// the engine only; a NULL callback gives `None` and takes nothing.

pub(super) fn message(
    callback: aws_iot_mqtt_message_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> Option<MessageHandler> {
    let callback = callback?;
    let userdata = Userdata::take(userdata, userdata_free);
    Some(Arc::new(move |delivery: &Delivery| {
        let (topic, payload) = (delivery.topic_with_nul(), delivery.payload());
        let lent = aws_iot_mqtt_message {
            topic: topic.as_ptr().cast(),
            topic_len: topic.len() - 1,
            payload: payload.as_ptr(),
            payload_len: payload.len(),
            qos: delivery.qos() as u8,
            retain: delivery.retain(),
            dup: delivery.dup(),
            packet_id: delivery.packet_id(),
            acknowledgement: delivery.acknowledgement(),
        };
        // SAFETY: as in `completion::complete`.
        unsafe { callback(&raw const lent, userdata.pointer()) };
    }))
}

pub(super) fn online(
    callback: aws_iot_mqtt_online_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> Option<OnlineHandler> {
    let callback = callback?;
    let userdata = Userdata::take(userdata, userdata_free);
    Some(Arc::new(move |session_present| {
        // SAFETY: as in `completion::complete`.
        unsafe { callback(session_present, userdata.pointer()) };
    }))
}

pub(super) fn offline(
    callback: aws_iot_mqtt_offline_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> Option<OfflineHandler> {
    let callback = callback?;
    let userdata = Userdata::take(userdata, userdata_free);
    Some(Arc::new(move |why: &Error| {
        let detail = c_string(&*why.detail);
        // SAFETY: as in `completion::complete`.
        unsafe { callback(why.code.into(), detail.as_ptr(), userdata.pointer()) };
    }))
}

pub(super) fn connect_failed(
    callback: aws_iot_mqtt_connect_failed_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> Option<ConnectFailedHandler> {
    let callback = callback?;
    let userdata = Userdata::take(userdata, userdata_free);
    Some(Arc::new(
        move |why: &Error, next_attempt_ms: Option<u64>| {
            let detail = c_string(&*why.detail);
            let next_attempt_ms =
                next_attempt_ms.map_or(-1, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
            // SAFETY: as in `completion::complete`.
            unsafe {
                callback(
                    why.code.into(),
                    detail.as_ptr(),
                    next_attempt_ms,
                    userdata.pointer(),
                )
            };
        },
    ))
}

pub(super) fn outcome(
    callback: aws_iot_mqtt_outcome_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> Option<OutcomeHandler> {
    let callback = callback?;
    let userdata = Userdata::take(userdata, userdata_free);
    Some(Arc::new(
        move |operation: OperationId,
              kind: OperationKind,
              topic: &str,
              result: &Result<(), Error>| {
            let topic = c_string(topic);
            let outcome = Outcome::new(result);
            let detail = outcome.detail.as_ptr();
            // SAFETY: as in `completion::complete`.
            unsafe {
                callback(
                    operation.0,
                    kind as c_int,
                    topic.as_ptr(),
                    outcome.error,
                    detail,
                    userdata.pointer(),
                )
            };
        },
    ))
}

pub(super) fn log(
    level: Level,
    callback: aws_iot_mqtt_log_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> Log {
    let Some(callback) = callback else {
        return Log::none();
    };
    let userdata = Userdata::take(userdata, userdata_free);
    let sink = move |level: Level, line: &str| {
        let line = c_string(line);
        // SAFETY: as in `completion::complete`.
        unsafe { callback(level as c_int, line.as_ptr(), userdata.pointer()) };
    };
    Log::new(level, Arc::new(sink))
}

pub(super) fn socket_factory(
    callback: aws_iot_mqtt_socket_factory_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> Option<SocketFactory> {
    let callback = callback?;
    let userdata = Userdata::take(userdata, userdata_free);
    Some(Arc::new(move |host: &str, port: u16, remaining_ms: u64| {
        let host = c_string(host);
        // SAFETY: as in `completion::complete`.
        unsafe { callback(host.as_ptr(), port, remaining_ms, userdata.pointer()) }
    }))
}

pub(super) fn credentials_provider(
    callback: aws_iot_mqtt_credentials_provider_fn,
    userdata: *mut c_void,
    userdata_free: aws_iot_mqtt_userdata_free_fn,
) -> Option<CredentialsProvider> {
    let callback = callback?;
    let userdata = Userdata::take(userdata, userdata_free);
    Some(Arc::new(move |remaining_ms: u64| {
        let sink = Sink::default();
        let lent = (&raw const sink).cast_mut().cast();
        // SAFETY: as in `completion::complete`. C reaches the sink by `aws_iot_mqtt_credentials_set` only, which shares it.
        let result = unsafe { callback(lent, remaining_ms, userdata.pointer()) };
        given(result, sink.take())
    }))
}

/// What came of asking the provider.
fn given(
    result: c_int,
    credentials: Option<Result<IamCredentials, Error>>,
) -> Result<IamCredentials, Error> {
    let failed = |why: String| {
        let detail = format!("the credentials provider callback {why}");
        Err(Error::new(Code::Credentials, detail))
    };
    match (result, credentials) {
        (0, Some(Ok(credentials))) => Ok(credentials),
        (0, None) => failed("returned 0 but set no credentials".to_owned()),
        (0, Some(Err(why))) => failed(format!(
            "returned 0, but what it set was refused: {}",
            why.detail
        )),
        (number, _) => failed(format!("failed: it returned {number}")),
    }
}

/// A result as the two arguments that C gets.
pub(super) struct Outcome {
    pub(super) error: aws_iot_mqtt_error,
    pub(super) detail: Cow<'static, CStr>,
}

impl Outcome {
    pub(super) fn new(result: &Result<(), Error>) -> Self {
        match result {
            Ok(()) => Outcome {
                error: aws_iot_mqtt_error::AWS_IOT_MQTT_OK,
                detail: Cow::Borrowed(c""),
            },
            Err(error) => Outcome {
                error: error.code.into(),
                detail: Cow::Owned(c_string(&*error.detail)),
            },
        }
    }
}

#[cfg(test)]
#[path = "callback_tests.rs"]
mod tests;
