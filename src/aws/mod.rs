//! What AWS IoT adds to MQTT: rules of its endpoints, custom authorizers.

pub mod custom_authorizer;
pub mod endpoint;
