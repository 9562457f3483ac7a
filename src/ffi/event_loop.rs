//! Clients that the application drives in its own loop.

use super::error::aws_iot_mqtt_error;
use super::guard::{guard, guard_silently};
use super::types::{aws_iot_mqtt_client, aws_iot_mqtt_loop};
use super::{borrow, client, fork};
use crate::engine::{Client, EventLoop};
use std::ffi::{c_char, c_int};
use std::sync::Arc;

/// Makes a loop, for an application that has one thread with poll(2), epoll or libuv and no others to spare. Clients made in it by
/// aws_iot_mqtt_client_new_in_loop() have no threads of the library: the application waits until the loop's descriptor is
/// readable and calls aws_iot_mqtt_loop_process(), which reads, writes, keeps all times and runs the callbacks. One loop may have
/// any number of clients. Clients outside of loops are not affected.
///
/// What the other functions promise holds in a loop too, with these differences:
///
/// - Threads. The library starts threads only for what can only be done blocking, and they end two seconds after their work: the
///   resolution of a name (not for an endpoint or proxy that is an address), the system's certificates where no CA is configured, signed
///   WebSocket requests (IAM credentials), and the socket factory, credentials provider and signing callbacks, which run on them. The
///   loop is told by its descriptor.
/// - The loop's thread is the one that made the loop, until another thread calls aws_iot_mqtt_loop_process(); then it is that one. So
///   make the loop on the thread that will drive it, or drive it there once before other threads make synchronous calls.
/// - Callbacks run on the loop's thread, inside aws_iot_mqtt_loop_process() and inside synchronous calls, one at a time for the whole
///   loop: a slow callback delays everything in this loop, pings included. Those that a client still has when another thread
///   frees it run in aws_iot_mqtt_client_free().
/// - A synchronous call on the loop's thread drives the whole loop until it has its outcome; callbacks of this and other operations
///   run meanwhile. Inside a callback it drives as well, but other callbacks wait until that callback has returned. On
///   another thread it waits for the loop's thread, so its time-out passes if nobody calls aws_iot_mqtt_loop_process().
/// - Other calls may be made on any thread at any time. They make the descriptor readable where the loop's thread has to do something.
/// - In the child of fork() the loop is dead as its clients are (rule 11). Free its clients and it there; make a new one.
///
/// @param out  Receives the loop, which the caller owns and ends with aws_iot_mqtt_loop_free().
/// @return AWS_IOT_MQTT_OK, or an error of rule 3, or AWS_IOT_MQTT_ERR_IO if the system gives the library no descriptor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_loop_new(
    out: *mut *mut aws_iot_mqtt_loop,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let out = unsafe { borrow::Output::required(out, "out")? };
        fork::watch()?;
        out.write(Arc::into_raw(EventLoop::new()?).cast_mut().cast());
        Ok(())
    })
}

/// Makes a client in a loop, where it stays. Everything else is as for aws_iot_mqtt_client_new().
///
/// @param loop           The loop.
/// @param client_id      As for aws_iot_mqtt_client_new().
/// @param protocol       Likewise.
/// @param use_websocket  Likewise.
/// @param clean_session  Likewise.
/// @param out            Likewise.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_new_in_loop(
    r#loop: *mut aws_iot_mqtt_loop,
    client_id: *const c_char,
    protocol: c_int,
    use_websocket: bool,
    clean_session: bool,
    out: *mut *mut aws_iot_mqtt_client,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (event_loop, client_id, out) = unsafe {
            (
                borrow::event_loop(r#loop)?,
                borrow::string(client_id, "client_id")?,
                borrow::Output::required(out, "out")?,
            )
        };
        let config = client::config(client_id, protocol, use_websocket, clean_session)?;
        let client = Client::new_in(&event_loop, config)?;
        out.write(Arc::into_raw(client).cast_mut().cast());
        Ok(())
    })
}

/// The one descriptor to wait for, the same from aws_iot_mqtt_loop_new() to aws_iot_mqtt_loop_free(): readable while there is something
/// to do, for whatever client and reason, times included. Wait level-triggered (poll(2), and epoll without EPOLLET), and do
/// nothing else with it.
///
/// @param loop  The loop.
/// @param fd    Receives the descriptor, which the library owns.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_loop_fd(
    r#loop: *mut aws_iot_mqtt_loop,
    fd: *mut c_int,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (event_loop, fd) = unsafe {
            (
                borrow::event_loop(r#loop)?,
                borrow::Output::required(fd, "fd")?,
            )
        };
        fd.write(event_loop.descriptor()?);
        Ok(())
    })
}

/// How long to wait at most, in the form that poll(2) takes. A loop that waits for the descriptor need not ask: its times make the
/// descriptor readable. It is for loops that want to know when the next one is due.
///
/// @param loop        The loop.
/// @param timeout_ms  Receives milliseconds, rounded up; 0: something is to be done now; -1: there is nothing to wait for but the
///                    descriptor. Any call on a client of this loop may make it shorter.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_loop_timeout_ms(
    r#loop: *mut aws_iot_mqtt_loop,
    timeout_ms: *mut c_int,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (event_loop, timeout_ms) = unsafe {
            (
                borrow::event_loop(r#loop)?,
                borrow::Output::required(timeout_ms, "timeout_ms")?,
            )
        };
        let left = event_loop.milliseconds_left()?;
        timeout_ms.write(left.map_or(-1, |left| c_int::try_from(left).unwrap_or(c_int::MAX)));
        Ok(())
    })
}

/// Does everything that is ready in this loop: reads, writes, times that have come, callbacks. It never waits; calling it for nothing
/// is cheap. It returns when nothing is ready, or after about 10 ms although more is, so that the application's other descriptors
/// have their turn; then the descriptor is still readable.
///
/// The calling thread becomes the loop's thread.
///
/// @param loop  The loop.
/// @return AWS_IOT_MQTT_ERR_INVALID_STATE inside one of its callbacks, and while another thread is in this function or in a
///         synchronous call that drives the loop.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_loop_process(
    r#loop: *mut aws_iot_mqtt_loop,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let event_loop = unsafe { borrow::event_loop(r#loop)? };
        event_loop.process()
    })
}

/// Ends a loop: its descriptor must not be waited for any more. Free its clients first. Those that are left stay valid, but nobody does
/// anything for them except the loop's thread in their synchronous calls, and aws_iot_mqtt_client_free(): what they have pending
/// waits, and ends there with AWS_IOT_MQTT_ERR_CANCELLED.
///
/// Clients that were freed inside callbacks and have not ended yet end here, pending operations and callbacks included; inside a
/// callback, after it has returned.
///
/// @param loop  The loop, or NULL, which does nothing. No other call on it may begin any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_loop_free(r#loop: *mut aws_iot_mqtt_loop) {
    if r#loop.is_null() {
        return;
    }
    guard_silently(|| {
        // SAFETY: the reference that `new` gave away comes back, once. Calls inside have references of their own.
        drop(unsafe { Arc::from_raw(r#loop.cast_const().cast::<EventLoop>()) });
    });
}
