//! The engine a second time, compiled from the same files, on threads whose every step a scheduler chooses (shuttle): locks, condition
//! variables, atomics and threads are shuttle's, and the poller and the clock are those of this folder. `scenarios` runs it with a
//! broker at the other end of a link, in many orders; a wake-up that is lost is a deadlock, which shuttle reports with the order that
//! led there. What is covered, and what not, says docs/races.md.

// Each file is there twice on purpose.
#![allow(clippy::duplicate_mod)]
#![allow(dead_code, unused_imports)]

mod clock;
mod poller;
mod rig;
mod scenarios;
mod scenarios_of_freeing;
mod scenarios_of_loops;
mod sync;
mod threads;
mod wire;

#[path = "../asking.rs"]
mod asking;
#[path = "../attempt.rs"]
mod attempt;
#[path = "../batch.rs"]
mod batch;
#[path = "../burst.rs"]
mod burst;
#[path = "../client.rs"]
mod client;
#[path = "../credentials.rs"]
mod credentials;
#[path = "../dial.rs"]
mod dial;
#[path = "../dialers.rs"]
mod dialers;
#[path = "../dialing.rs"]
mod dialing;
#[path = "../dispatch.rs"]
mod dispatch;
#[path = "../driving.rs"]
mod driving;
#[path = "../due.rs"]
mod due;
#[path = "../event_loop.rs"]
mod event_loop;
#[path = "../inner.rs"]
mod inner;
#[path = "../layers.rs"]
mod layers;
#[path = "../names.rs"]
mod names;
#[path = "../process.rs"]
mod process;
#[path = "../scope.rs"]
mod scope;
#[path = "../shared.rs"]
mod shared;
#[path = "../spare_messages.rs"]
mod spare_messages;
#[path = "../state.rs"]
mod state;
#[path = "../traffic.rs"]
mod traffic;
#[path = "../types.rs"]
mod types;
#[path = "../waiter.rs"]
mod waiter;

pub use crate::session::{Accepted, OperationId, OperationKind, State};
pub use client::Client;
pub use event_loop::EventLoop;
pub use types::{
    Completed, Completion, ConnectFailedHandler, CredentialsProvider, Delivery, MessageHandler,
    OfflineHandler, OnlineHandler, OutcomeHandler, SocketFactory, Stats, Words,
};
