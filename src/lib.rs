//! MQTT client for AWS IoT behind a C ABI. The product is the C library: `include/aws_iot_mqtt.h` is its manual. The Rust modules
//! are public for the tests, and are no API.
//!
//! ```text
//!       C and C++ programs, other languages' FFI
//!   ──────────┬─────────────────────────────── include/aws_iot_mqtt.h (generated)
//!           ffi          C types, guard, borrow, callbacks, error codes             knows C
//!           engine       Client, worker threads, dialing, timers, callbacks         knows threads and the clock
//!      ┌──────┼───────────┐
//!   session  transport   aws                                                        know nothing of each other
//!   (pure)   (bytes)    (endpoint rules)
//!      │
//!    codec               packets <-> bytes                                          pure
//!   ─────────────────────────────────────────
//!    config  error  log  time  leaves
//! ```
//!
//! A file uses only what is below it; `tests/layering.rs` holds that. `session` and `codec` take the time as an argument and know no
//! socket, thread or clock. `unsafe` is in `ffi`, and in lines that `tests/layering.rs` names.
//!
//! # Where to look
//!
//! | question | file |
//! |---|---|
//! | What does a C function check, and what does it promise? | `ffi/`, named as the headings of the header: `client`, `configure`, `credentials`, `timing`, `limits`, `connection`, `operations`, `subscriptions`, `events`, `stats`, `event_loop` |
//! | How do panics, NULL and C strings stop at the border? | `ffi/guard.rs`, `ffi/borrow.rs`, `ffi/check.rs` |
//! | Who frees a userdata, and when? | `ffi/callback.rs` |
//! | What happens inside one call of the application? | `engine/client.rs`: `start`, `wait_for`, `free` |
//! | Which thread does what? | `engine/mod.rs`, then `engine/shared.rs` (workers, timers) and `engine/poller.rs` (epoll) |
//! | How does an application's own loop drive clients? | `engine/driving.rs`, `engine/event_loop.rs` |
//! | When do callbacks run, and in what order? | `engine/dispatch.rs`; what may be called inside: `engine/scope.rs` |
//! | When is the socket read and written? | `engine/state.rs` |
//! | How is a connection made? | `engine/dialing.rs` (what is known at once, DNS, socket factory), `engine/attempt.rs` (TCP, TLS), `engine/dialers.rs`, `engine/names.rs` |
//! | The states from connect to disconnect; what a lost connection does | `session/mod.rs` (`Phase`), `session/connecting.rs` |
//! | Is an operation accepted, queued or refused? | `session/commands.rs`, `session/queue.rs` |
//! | Window, acknowledgements, draining | `session/sending.rs`, `session/in_flight.rs`, `session/packet_ids.rs` |
//! | Re-sending, deadlines, keep alive | `session/timers.rs`, `session/keep_alive.rs` |
//! | Messages that come in, and their acknowledgement | `session/receiving.rs`; whom they are for: `session/subscriptions.rs`, `session/topic_tree.rs` |
//! | How long until the next attempt? | `session/backoff.rs` |
//! | An operation on which the broker hangs up each time | `session/poison.rs` |
//! | The bytes of a packet | `codec/`, one file for each kind |
//! | Certificates, keys, cipher suites | `transport/tls/pem.rs`, `config.rs`, `ciphers.rs` there; what a failure means: `failure.rs` |
//! | ALPN, the metrics user name, what counts as AWS | `aws/endpoint.rs` |
//! | Defaults | `config.rs` |
//! | The numbers of errors | `error.rs`, mirrored for C in `ffi/error.rs` |
//!
//! # Decisions that differ from the first plan
//!
//! - `time` is a leaf of its own: a point in time is a plain number, so that the pure rooms need no `std::time::Instant`, which on Linux
//!   stands still while the machine sleeps.
//! - A `Link` is only the established stream. Handshakes are no part of it: each layer has a step of its own (`TcpLink::finish`,
//!   `TlsLink::handshake`), and `engine/attempt.rs` goes through them on the poller. So nothing after the handshake has to ask how far it is.
//! - The application's own sockets are no kind of link: once taken over and checked, they are a `TcpLink`.
//! - No channel brings dialers their jobs: crossbeam's and std's yield the processor several times before they sleep, and on one core that is
//!   time of the connection. `engine/dialers.rs` has a queue and a condition variable, so crossbeam-channel is not needed any more.
//! - An endpoint that is an address is dialed in the call itself, and so is a name whose address another client was told within the last second.
//!   Clients that resolve one name at the same time share one question.
//! - Attempts have an epoll of their own inside the poller's, so that a storm of handshakes takes one turn of many.
//! - A loop of the application is an engine of its own without workers. Its clients take the same paths; only who waits on the poller differs.
//! - `disconnect` refuses new operations and waits, within the connect time-out, for what is in flight before it says DISCONNECT.

#![deny(unsafe_code)]
// Links to private modules are for those who read the source.
#![allow(rustdoc::private_intra_doc_links)]

pub mod aws;
pub mod codec;
pub mod config;
pub mod engine;
pub mod error;
pub mod ffi;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod log;
pub mod session;
pub mod time;
pub mod transport;
