//! MQTT client for AWS IoT.
//!
//! This header is the manual. These rules hold for every function; what a function adds to them stands beside it.
//!
//! 1.  Arguments. The handle comes first, outputs come last. Every input is copied before the call returns.
//! 2.  Errors. A function that can fail returns aws_iot_mqtt_error. AWS_IOT_MQTT_OK and AWS_IOT_MQTT_QUEUED mean that the
//!     call was accepted. On anything else nothing has changed, no output was written and no userdata was taken, with
//!     two exceptions. A synchronous publish, subscribe or unsubscribe that returns AWS_IOT_MQTT_ERR_TIMEOUT, _CANCELLED,
//!     _REFUSED_BY_CLOSE or _SUBSCRIBE_REFUSED was accepted and has ended, and its userdata was taken. A connect may have made
//!     an attempt: aws_iot_mqtt_client_connect() says with which errors. Treat a number that you do not know as a failure.
//!     aws_iot_mqtt_last_error_detail() says what to mend.
//! 3.  Any call can also return AWS_IOT_MQTT_ERR_INVALID_ARGUMENT (NULL where a pointer is required, or a value out of
//!     range), AWS_IOT_MQTT_ERR_INVALID_UTF8, AWS_IOT_MQTT_ERR_NO_MEMORY, AWS_IOT_MQTT_ERR_FORKED (rule 11) and
//!     AWS_IOT_MQTT_ERR_INTERNAL (a bug in this library). They are not listed again.
//! 4.  Strings. Names, paths and topics are UTF-8 and end with a NUL. Payloads, passwords and PEM texts are a pointer and a
//!     length, and may hold any byte. A NULL pointer with length 0 is an empty one. Strings that a function returns
//!     belong to the library.
//! 5.  NULL. A pointer must not be NULL unless its description says so.
//! 6.  Threads. Every function may be called on any thread, several at a time, also on one client. Only the last use of a
//!     client is yours to order: no call may begin after aws_iot_mqtt_client_free() has begun.
//! 7.  Callbacks run on threads of the library; for one client one at a time and in order, with no lock held. They may call
//!     every function of this library, blocking ones and aws_iot_mqtt_client_free() included. A slow callback delays the later
//!     callbacks of its own client, and so the PUBACKs of the messages that wait for them, and nothing else, up to two limits: a
//!     client for which 1 MiB of messages waits (4 MiB while a synchronous call waits) reads nothing more until they have been
//!     delivered, so its own operations are not acknowledged meanwhile; and at most 64 callbacks of a process run at once.
//!     Log, socket factory, credentials provider, signing and userdata_free callbacks differ; their types say how. Clients in a
//!     loop of the application have no threads of the library: see aws_iot_mqtt_loop_new().
//!     A callback must return: no C++ exception and no longjmp may leave it.
//! 8.  Lent pointers. What a callback gets by pointer is valid until the callback returns. Lent structs are made by the
//!     library and may grow at their end: read their fields, do not copy them as a whole and do not depend on their size.
//! 9.  Userdata. Every callback comes as three arguments: the callback, a userdata that is handed to it, and userdata_free,
//!     which may be NULL. When the call was accepted the library owns the userdata and calls userdata_free exactly
//!     once, after the last use: when the callback was replaced or removed, when its subscription ended, when the completion
//!     has run, or in aws_iot_mqtt_client_free(). When the call was not accepted, or the callback is NULL, the userdata was not
//!     taken and is still yours. A synchronous subscribe that was accepted and then failed (rule 2) has taken it: do not free it.
//!     After AWS_IOT_MQTT_ERR_INTERNAL nobody can tell: leave it alone.
//! 10. Signals. The library installs no signal handler, blocks all signals on its threads and raises no SIGPIPE. Its
//!     descriptors are closed on exec.
//! 11. fork(). A child cannot use the clients of its parent: calls return AWS_IOT_MQTT_ERR_FORKED. aws_iot_mqtt_client_free()
//!     and new clients work in the child.
//! 12. The end. The library stays in memory after dlclose(). A process may exit with live clients; what is queued or
//!     unacknowledged then is lost.
//!
//! All times are monotonic: they count through suspend and do not care when the clock of the machine is set.

// How the files of this room are written:
// - A C function is written out, so that cbindgen and the reader see it: borrow, check, call the engine, all inside `guard`.
// - Its doc comment is its manual page; it goes into the header as it stands.
// - Nothing takes a userdata or writes an output before the call has succeeded.
// - New files must be added to `SOURCES` in tests/header.rs, in the order of the header.
//
// The one room with `unsafe` throughout: every pointer here comes from C.
#![allow(unsafe_code)]
// The names are C's.
#![allow(non_camel_case_types)]
// What a caller must keep to is the header's rules, not a section of each function.
#![allow(clippy::missing_safety_doc)]
// A callback is three arguments, and a payload two.
#![allow(clippy::too_many_arguments)]
// "[MQTT-1.5.3-1]" is a clause and not a link.
#![allow(rustdoc::broken_intra_doc_links)]

pub mod authorizer;
mod borrow;
pub mod callback;
mod check;
pub mod client;
mod client_id;
mod completion;
pub mod configure;
pub mod connection;
pub mod credentials;
pub mod error;
mod error_text;
pub mod event_loop;
pub mod events;
mod exit;
mod fork;
mod guard;
pub mod iam;
pub mod keys;
pub mod limits;
pub mod network;
pub mod operations;
pub mod stats;
pub mod subscriptions;
pub mod timing;
pub mod types;
pub mod version;

#[cfg(test)]
mod null_tests;
