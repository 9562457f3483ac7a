//! What AWS IoT adds to MQTT: rules of its endpoints.

pub mod endpoint;
