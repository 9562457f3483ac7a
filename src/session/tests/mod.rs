//! Scenarios in virtual time, each named by the promise of the design or the clause of MQTT that it holds; and a simulation of
//! many random ones against a model broker.
//!
//! `rig` drives one session step by step, `packets` reads what the client sends, `describe` says what the application is told.

#[cfg(test)]
mod describe;
mod given;
pub(crate) mod packets;
#[cfg(test)]
mod rig;

#[cfg(test)]
mod backoff;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod connecting;
#[cfg(test)]
mod disconnecting;
#[cfg(test)]
mod draining;
#[cfg(test)]
mod keep_alive;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod outgoing;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod publishing;
#[cfg(test)]
mod queueing;
#[cfg(test)]
mod resending;
#[cfg(test)]
mod retransmitting;
pub(crate) mod simulation;
#[cfg(test)]
mod subscribing;
#[cfg(test)]
mod unsubscribing;
