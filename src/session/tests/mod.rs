//! Scenarios in virtual time, each named by the promise of the design or the clause of MQTT that it holds; and a simulation of
//! many random ones against a model broker.
//!
//! `rig` drives one session step by step, `packets` reads what the client sends, `describe` says what the application is told.

mod describe;
mod given;
mod packets;
mod rig;

mod backoff;
mod conformance;
mod connecting;
mod disconnecting;
mod draining;
mod keep_alive;
mod messages;
mod misbehaving;
mod poison;
mod publishing;
mod queueing;
mod retransmitting;
mod simulation;
mod subscribing;
