//! MQTT packets and bytes.
