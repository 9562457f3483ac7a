//! The client: sessions and links brought together by a few threads.
//!
//! All clients of a process share one poller, a few identical workers that wait on it, and dialers for what can only be done
//! blocking ([`shared`], [`poller`], [`dialers`]). A worker that is woken for a client locks it, reads, feeds the session, writes,
//! arms the poller again, unlocks, and then, if nobody is running this client's callbacks, runs them itself while others go on
//! polling ([`dispatch`], [`batch`]). A call of the application locks the client, changes the session, and writes to the socket itself, but for
//! bursts ([`burst`]).
//! So a message changes hands between threads neither on the way out nor on the way in.
//!
//! An application without spare threads has an [`EventLoop`] instead: an engine of its own, where the application's thread does what a
//! worker does ([`driving`]).

mod asking;
mod attempt;
mod batch;
mod burst;
mod client;
#[cfg(test)]
mod client_tests;
mod clock;
mod credentials;
mod dial;
mod dialers;
#[cfg(test)]
mod dialers_tests;
mod dialing;
mod dispatch;
mod driving;
mod due;
mod event_loop;
mod inner;
#[cfg(test)]
mod inner_tests;
mod layers;
mod names;
#[cfg(test)]
mod names_tests;
mod poller;
mod process;
#[cfg(test)]
mod races;
mod scope;
mod shared;
mod spare_messages;
mod state;
mod sync;
mod threads;
mod traffic;
#[cfg(test)]
mod traffic_tests;
mod types;
mod waiter;

pub use crate::session::{Accepted, OperationId, OperationKind, State};
pub use client::Client;
pub use event_loop::EventLoop;
pub use process::{exiting, forked};
pub use types::{
    Completed, Completion, ConnectFailedHandler, CredentialsProvider, Delivery, MessageHandler,
    OfflineHandler, OnlineHandler, OutcomeHandler, SocketFactory, Stats, Words,
};
