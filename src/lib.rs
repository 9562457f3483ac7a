//! MQTT client for AWS IoT behind a C ABI.

#![deny(unsafe_code)]
#![warn(missing_docs)]
#![allow(missing_docs)]

pub mod aws;
pub mod codec;
pub mod config;
pub mod engine;
pub mod error;
pub mod ffi;
pub mod log;
pub mod session;
pub mod time;
pub mod transport;
