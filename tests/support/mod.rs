//! What the tests share: a scripted broker, certificates, mosquitto, and a compiler for the small C programs.

// Each test program includes all of this and uses a part.
#![allow(dead_code)]

pub mod broker;
pub mod c_program;
pub mod certificates;
pub mod connection;
pub mod gateway;
pub mod iam;
pub mod machine;
pub mod mosquitto;
pub mod packets;
pub mod patient;
pub mod process;
pub mod proxies;
pub mod rabbitmq;
pub mod relay;
pub mod running;
pub mod scenario;
pub mod sigv4;
pub mod temporary;
pub mod websocket;

use std::time::Duration;

/// How long one step of a script may take before the test fails. Long, because machines that test are busy; only a failing test waits for it.
pub const STEP: Duration = Duration::from_secs(20);
