//! What AWS IoT adds to MQTT: rules of its endpoints, custom authorizers, signatures, and where credentials come from. All of it is
//! pure: bytes, times and environment come in as arguments.

pub mod clock;
pub mod credentials;
pub mod custom_authorizer;
pub mod date;
pub mod endpoint;
pub mod profile;
pub mod region;
pub mod role_alias;
pub mod sigv4;
