//! Scenarios in virtual time, each named by the promise of the design or the clause of MQTT that it holds; and a simulation of
//! many random ones against a model broker.
//!
//! `rig` drives one session step by step, `packets` reads what the client sends.

mod packets;
mod rig;

mod connecting;
mod publishing;
