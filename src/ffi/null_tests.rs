//! What fails before the engine is asked: nothing is taken, nothing is written, the culprit is named.

use super::authorizer::*;
use super::client::*;
use super::configure::*;
use super::connection::*;
use super::credentials::*;
use super::error::aws_iot_mqtt_error::{self, *};
use super::error::aws_iot_mqtt_last_error_detail;
use super::events::*;
use super::iam::*;
use super::limits::*;
use super::network::*;
use super::operations::*;
use super::stats::*;
use super::subscriptions::*;
use super::timing::*;
use super::types::*;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

fn detail() -> String {
    // SAFETY: copied before the next call.
    unsafe { CStr::from_ptr(aws_iot_mqtt_last_error_detail()) }
        .to_str()
        .unwrap()
        .to_owned()
}

unsafe extern "C" fn must_not_be_freed(_: *mut c_void) {
    panic!("a failing call took the userdata");
}
unsafe extern "C" fn completion(_: *const aws_iot_mqtt_completion, _: *mut c_void) {}
unsafe extern "C" fn message(_: *const aws_iot_mqtt_message, _: *mut c_void) {}
unsafe extern "C" fn online(_: bool, _: *mut c_void) {}
unsafe extern "C" fn offline(_: aws_iot_mqtt_error, _: *const c_char, _: *mut c_void) {}
unsafe extern "C" fn failed(_: aws_iot_mqtt_error, _: *const c_char, _: i64, _: *mut c_void) {}
unsafe extern "C" fn outcome(
    _: u64,
    _: c_int,
    _: *const c_char,
    _: aws_iot_mqtt_error,
    _: *const c_char,
    _: *mut c_void,
) {
}
unsafe extern "C" fn log(_: c_int, _: *const c_char, _: *mut c_void) {}
unsafe extern "C" fn socket(_: *const c_char, _: u16, _: u64, _: *mut c_void) -> c_int {
    -1
}

unsafe extern "C" fn credentials(
    _: *mut aws_iot_mqtt_credentials_sink,
    _: u64,
    _: *mut c_void,
) -> c_int {
    -1
}

/// Calls with no client, in the form `name(arguments behind the client)`.
macro_rules! refuses_a_null_client {
    ($($function:ident($($argument:expr),*);)*) => {
        $({
            // SAFETY: NULL is refused before anything is read.
            let error = unsafe { $function(null_mut() $(, $argument)*) };
            assert_eq!(error, AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, stringify!($function));
            assert_eq!(detail(), "client is NULL", stringify!($function));
        })*
    };
}

#[test]
fn a_null_client_is_refused_and_nothing_is_taken_or_written() {
    let free = Some(must_not_be_freed as unsafe extern "C" fn(*mut c_void));
    let text = c"a/b".as_ptr();
    let mut word = 77u64;
    let operation = &raw mut word;
    let mut byte = 77u8;
    let mut size = 77usize;
    let mut number: c_int = 77;
    let mut stats = aws_iot_mqtt_stats {
        queued: 77,
        ..Default::default()
    };
    let ud: *mut c_void = null_mut();
    refuses_a_null_client! {
        aws_iot_mqtt_client_configure_endpoint(text, 8883);
        aws_iot_mqtt_client_configure_tls(true);
        aws_iot_mqtt_client_configure_proxy(text);
        aws_iot_mqtt_client_configure_alpn(text);
        aws_iot_mqtt_client_configure_custom_authorizer(text, text, text, text);
        aws_iot_mqtt_client_configure_socket_factory(Some(socket), ud, free);
        aws_iot_mqtt_client_configure_username_password(text, null(), 0);
        aws_iot_mqtt_client_configure_last_will(text, null(), 0, 0, false);
        aws_iot_mqtt_client_clear_last_will();
        aws_iot_mqtt_client_enable_metrics_collection();
        aws_iot_mqtt_client_disable_metrics_collection();
        aws_iot_mqtt_client_configure_credentials(null(), null(), null(), null());
        aws_iot_mqtt_client_configure_credentials_pem(null(), 0, null(), 0, null(), 0, null());
        aws_iot_mqtt_client_configure_iam_credentials(text, text, null());
        aws_iot_mqtt_client_configure_iam_credentials_provider(Some(credentials), ud, free);
        aws_iot_mqtt_client_configure_iot_credentials_provider(text, 443, text, text);
        aws_iot_mqtt_client_configure_region(text);
        aws_iot_mqtt_client_configure_signing_service(text);
        aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(1, 2, 3);
        aws_iot_mqtt_client_configure_connect_disconnect_timeout(1);
        aws_iot_mqtt_client_configure_mqtt_operation_timeout(1);
        aws_iot_mqtt_client_configure_retry_first_connect(true);
        aws_iot_mqtt_client_configure_retransmit_interval(1);
        aws_iot_mqtt_client_configure_ping_timeout(1);
        aws_iot_mqtt_client_configure_offline_publish_queueing(-1, 0);
        aws_iot_mqtt_client_configure_draining_frequency(1.0);
        aws_iot_mqtt_client_configure_in_flight_window(1);
        aws_iot_mqtt_client_configure_memory_limit(1);
        aws_iot_mqtt_client_configure_max_packet_size(1000);
        aws_iot_mqtt_client_configure_refused_by_close_limit(1);
        aws_iot_mqtt_client_connect(0);
        aws_iot_mqtt_client_connect_async(0, Some(completion), ud, free, operation);
        aws_iot_mqtt_client_disconnect(&raw mut size);
        aws_iot_mqtt_client_disconnect_async(Some(completion), ud, free, operation);
        aws_iot_mqtt_client_reconnect();
        aws_iot_mqtt_client_publish(text, null(), 0, 0, false);
        aws_iot_mqtt_client_publish_async(text, null(), 0, 0, false, Some(completion), ud, free, operation);
        aws_iot_mqtt_client_cancel(1);
        aws_iot_mqtt_client_subscribe(text, 0, Some(message), ud, free, &raw mut byte);
        aws_iot_mqtt_client_subscribe_async(text, 0, Some(completion), ud, free, Some(message), ud, free, operation);
        aws_iot_mqtt_client_subscribe_manual_acknowledge(text, 0, Some(message), ud, free, &raw mut byte);
        aws_iot_mqtt_client_subscribe_manual_acknowledge_async(
            text, 0, Some(completion), ud, free, Some(message), ud, free, operation);
        aws_iot_mqtt_client_acknowledge(1);
        aws_iot_mqtt_client_unsubscribe(text);
        aws_iot_mqtt_client_unsubscribe_async(text, Some(completion), ud, free, operation);
        aws_iot_mqtt_client_on_online(Some(online), ud, free);
        aws_iot_mqtt_client_on_offline(Some(offline), ud, free);
        aws_iot_mqtt_client_on_message(Some(message), ud, free);
        aws_iot_mqtt_client_on_connect_failed(Some(failed), ud, free);
        aws_iot_mqtt_client_on_outcome(Some(outcome), ud, free);
        aws_iot_mqtt_client_on_log(1, Some(log), ud, free);
        aws_iot_mqtt_client_state(&raw mut number);
        aws_iot_mqtt_client_stats(&raw mut stats, size_of::<aws_iot_mqtt_stats>());
    }
    assert_eq!(
        (word, byte, size, number, stats.queued),
        (77, 77, 77, 77, 77)
    );
    // SAFETY: NULL does nothing.
    unsafe { aws_iot_mqtt_client_free(null_mut()) };
}

#[test]
fn new_refuses_what_it_cannot_be() {
    let mut out: *mut aws_iot_mqtt_client = std::ptr::dangling_mut();
    let untouched = out;
    let out = &raw mut out;
    let id = c"device".as_ptr();
    let long = std::ffi::CString::new(vec![b'x'; 65_536]).unwrap();
    // SAFETY: NULL or valid.
    unsafe {
        for (error, words, result) in [
            (
                AWS_IOT_MQTT_ERR_INVALID_ARGUMENT,
                "client_id is NULL",
                (null(), 4, false, out),
            ),
            (
                AWS_IOT_MQTT_ERR_INVALID_ARGUMENT,
                "out is NULL",
                (id, 4, false, null_mut()),
            ),
            (
                AWS_IOT_MQTT_ERR_INVALID_ARGUMENT,
                "protocol is 5",
                (id, 5, false, out),
            ),
            (
                AWS_IOT_MQTT_ERR_INVALID_ARGUMENT,
                "client_id has 65536 bytes",
                (long.as_ptr(), 4, false, out),
            ),
            (
                AWS_IOT_MQTT_ERR_INVALID_UTF8,
                "client_id is not UTF-8",
                (c"\xff".as_ptr(), 4, false, out),
            ),
        ] {
            let (client_id, protocol, use_websocket, place) = result;
            assert_eq!(
                aws_iot_mqtt_client_new(client_id, protocol, use_websocket, true, place),
                error
            );
            assert!(detail().starts_with(words), "{}", detail());
        }
        assert_eq!(*out, untouched);
    }
}

#[test]
fn topic_matches_needs_all_three() {
    let text = c"a/b".as_ptr();
    let mut matches = true;
    // SAFETY: NULL or valid.
    unsafe {
        assert_eq!(
            aws_iot_mqtt_topic_matches(null(), text, &raw mut matches),
            AWS_IOT_MQTT_ERR_INVALID_ARGUMENT
        );
        assert_eq!(detail(), "filter is NULL");
        assert_eq!(
            aws_iot_mqtt_topic_matches(text, null(), &raw mut matches),
            AWS_IOT_MQTT_ERR_INVALID_ARGUMENT
        );
        assert_eq!(detail(), "topic is NULL");
        assert_eq!(
            aws_iot_mqtt_topic_matches(text, text, null_mut()),
            AWS_IOT_MQTT_ERR_INVALID_ARGUMENT
        );
        assert_eq!(detail(), "matches is NULL");
    }
}
