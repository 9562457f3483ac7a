//! Names and sentences of the errors, for C.

use super::error::aws_iot_mqtt_error::{self, *};
use std::ffi::{CStr, c_int};

/// Every error once, in the order of its number.
#[rustfmt::skip] // One error, one line.
const TEXTS: &[(aws_iot_mqtt_error, &CStr, &CStr)] = &[
    (AWS_IOT_MQTT_OK, c"AWS_IOT_MQTT_OK", c"done"),
    (AWS_IOT_MQTT_QUEUED, c"AWS_IOT_MQTT_QUEUED", c"accepted and kept: it will be sent once there is a connection"),
    (AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, c"AWS_IOT_MQTT_ERR_INVALID_ARGUMENT", c"an argument is NULL or out of range"),
    (AWS_IOT_MQTT_ERR_INVALID_UTF8, c"AWS_IOT_MQTT_ERR_INVALID_UTF8", c"a string is not UTF-8"),
    (AWS_IOT_MQTT_ERR_INVALID_TOPIC, c"AWS_IOT_MQTT_ERR_INVALID_TOPIC", c"the topic name or filter is not valid"),
    (AWS_IOT_MQTT_ERR_INVALID_STATE, c"AWS_IOT_MQTT_ERR_INVALID_STATE", c"the client's state does not allow this call"),
    (AWS_IOT_MQTT_ERR_NOT_CONFIGURED, c"AWS_IOT_MQTT_ERR_NOT_CONFIGURED", c"something must be configured first"),
    (AWS_IOT_MQTT_ERR_NOT_SUPPORTED, c"AWS_IOT_MQTT_ERR_NOT_SUPPORTED", c"this library cannot do that"),
    (AWS_IOT_MQTT_ERR_NO_MEMORY, c"AWS_IOT_MQTT_ERR_NO_MEMORY", c"not enough memory"),
    (AWS_IOT_MQTT_ERR_WOULD_DEADLOCK, c"AWS_IOT_MQTT_ERR_WOULD_DEADLOCK", c"the call would wait for the callback that makes it"),
    (AWS_IOT_MQTT_ERR_FORKED, c"AWS_IOT_MQTT_ERR_FORKED", c"the client belongs to the parent process"),
    (AWS_IOT_MQTT_ERR_STALE, c"AWS_IOT_MQTT_ERR_STALE", c"what the call names belongs to a connection that is gone"),
    (AWS_IOT_MQTT_ERR_NOT_FOUND, c"AWS_IOT_MQTT_ERR_NOT_FOUND", c"there is nothing by that name"),
    (AWS_IOT_MQTT_ERR_INTERNAL, c"AWS_IOT_MQTT_ERR_INTERNAL", c"a bug in libaws_iot_mqtt"),
    (AWS_IOT_MQTT_ERR_IO, c"AWS_IOT_MQTT_ERR_IO", c"the operating system refused an operation"),
    (AWS_IOT_MQTT_ERR_DNS, c"AWS_IOT_MQTT_ERR_DNS", c"the host name could not be resolved"),
    (AWS_IOT_MQTT_ERR_CONNECTION_REFUSED, c"AWS_IOT_MQTT_ERR_CONNECTION_REFUSED", c"the connection was refused"),
    (AWS_IOT_MQTT_ERR_CONNECTION_LOST, c"AWS_IOT_MQTT_ERR_CONNECTION_LOST", c"the connection was lost"),
    (AWS_IOT_MQTT_ERR_PROXY, c"AWS_IOT_MQTT_ERR_PROXY", c"the proxy refused"),
    (AWS_IOT_MQTT_ERR_SOCKET_FACTORY, c"AWS_IOT_MQTT_ERR_SOCKET_FACTORY", c"the socket factory gave no usable socket"),
    (AWS_IOT_MQTT_ERR_PING_TIMEOUT, c"AWS_IOT_MQTT_ERR_PING_TIMEOUT", c"the broker was silent for the ping time-out"),
    (AWS_IOT_MQTT_ERR_TLS, c"AWS_IOT_MQTT_ERR_TLS", c"the TLS handshake failed"),
    (AWS_IOT_MQTT_ERR_CA_FILE, c"AWS_IOT_MQTT_ERR_CA_FILE", c"the CA certificates cannot be used"),
    (AWS_IOT_MQTT_ERR_CERTIFICATE, c"AWS_IOT_MQTT_ERR_CERTIFICATE", c"the device certificate cannot be used"),
    (AWS_IOT_MQTT_ERR_PRIVATE_KEY, c"AWS_IOT_MQTT_ERR_PRIVATE_KEY", c"the private key cannot be used"),
    (AWS_IOT_MQTT_ERR_PEER_UNTRUSTED, c"AWS_IOT_MQTT_ERR_PEER_UNTRUSTED", c"the server's certificate does not end in a trusted CA"),
    (AWS_IOT_MQTT_ERR_CIPHERS, c"AWS_IOT_MQTT_ERR_CIPHERS", c"no cipher suite in common"),
    (AWS_IOT_MQTT_ERR_PEER_NAME, c"AWS_IOT_MQTT_ERR_PEER_NAME", c"the server's certificate is for another host name"),
    (AWS_IOT_MQTT_ERR_PEER_EXPIRED, c"AWS_IOT_MQTT_ERR_PEER_EXPIRED", c"the server's certificate is not valid at this time"),
    (AWS_IOT_MQTT_ERR_REFUSED_BY_PEER, c"AWS_IOT_MQTT_ERR_REFUSED_BY_PEER", c"the server refused the device certificate"),
    (AWS_IOT_MQTT_ERR_WEBSOCKET, c"AWS_IOT_MQTT_ERR_WEBSOCKET", c"the WebSocket handshake failed"),
    (AWS_IOT_MQTT_ERR_CREDENTIALS, c"AWS_IOT_MQTT_ERR_CREDENTIALS", c"there are no IAM credentials"),
    (AWS_IOT_MQTT_ERR_FORBIDDEN, c"AWS_IOT_MQTT_ERR_FORBIDDEN", c"the service refused the credentials"),
    (AWS_IOT_MQTT_ERR_PROTOCOL, c"AWS_IOT_MQTT_ERR_PROTOCOL", c"the broker broke a rule of MQTT"),
    (AWS_IOT_MQTT_ERR_UNACCEPTABLE_PROTOCOL_VERSION, c"AWS_IOT_MQTT_ERR_UNACCEPTABLE_PROTOCOL_VERSION", c"connection refused: unacceptable protocol version"),
    (AWS_IOT_MQTT_ERR_IDENTIFIER_REJECTED, c"AWS_IOT_MQTT_ERR_IDENTIFIER_REJECTED", c"connection refused: client id rejected"),
    (AWS_IOT_MQTT_ERR_SERVER_UNAVAILABLE, c"AWS_IOT_MQTT_ERR_SERVER_UNAVAILABLE", c"connection refused: server unavailable"),
    (AWS_IOT_MQTT_ERR_BAD_USERNAME_OR_PASSWORD, c"AWS_IOT_MQTT_ERR_BAD_USERNAME_OR_PASSWORD", c"connection refused: bad user name or password"),
    (AWS_IOT_MQTT_ERR_NOT_AUTHORIZED, c"AWS_IOT_MQTT_ERR_NOT_AUTHORIZED", c"connection refused: not authorized"),
    (AWS_IOT_MQTT_ERR_CONNECT_REFUSED, c"AWS_IOT_MQTT_ERR_CONNECT_REFUSED", c"connection refused with an unknown return code"),
    (AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED, c"AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED", c"the broker refused the subscription"),
    (AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE, c"AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE", c"the packet is too large"),
    (AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE, c"AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE", c"the broker closes the connection on this operation"),
    (AWS_IOT_MQTT_ERR_TIMEOUT, c"AWS_IOT_MQTT_ERR_TIMEOUT", c"no outcome in time"),
    (AWS_IOT_MQTT_ERR_OFFLINE, c"AWS_IOT_MQTT_ERR_OFFLINE", c"there is no connection"),
    (AWS_IOT_MQTT_ERR_QUEUE_FULL, c"AWS_IOT_MQTT_ERR_QUEUE_FULL", c"the queue is full"),
    (AWS_IOT_MQTT_ERR_QUEUE_DISABLED, c"AWS_IOT_MQTT_ERR_QUEUE_DISABLED", c"queueing is switched off, and there is no connection, or what was queued before is still being sent"),
    (AWS_IOT_MQTT_ERR_CANCELLED, c"AWS_IOT_MQTT_ERR_CANCELLED", c"cancelled"),
    (AWS_IOT_MQTT_ERR_DROPPED, c"AWS_IOT_MQTT_ERR_DROPPED", c"dropped from the full queue for a newer one"),
];

fn find(number: c_int) -> Option<&'static (aws_iot_mqtt_error, &'static CStr, &'static CStr)> {
    TEXTS.iter().find(|(error, ..)| *error as c_int == number)
}

pub(super) fn name(number: c_int) -> &'static CStr {
    find(number).map_or(c"unknown", |(_, name, _)| name)
}

pub(super) fn message(number: c_int) -> &'static CStr {
    find(number).map_or(
        c"an error number that this version of libaws_iot_mqtt does not know",
        |(.., message)| message,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use std::collections::HashSet;

    /// The variants and numbers as an enum's source text lists them.
    fn numbers(source: &str) -> Vec<(String, u16)> {
        let mut numbers = Vec::new();
        for line in source.lines() {
            let Some((name, number)) = line.trim().trim_end_matches(',').split_once(" = ") else {
                continue;
            };
            if let Ok(number) = number.parse() {
                numbers.push((name.to_owned(), number));
            }
        }
        numbers
    }

    #[test]
    fn every_error_has_its_name_and_a_sentence_of_its_own() {
        let declared = numbers(include_str!("error.rs"));
        assert_eq!(declared.len(), TEXTS.len());
        for ((declared, number), (error, name, message)) in declared.iter().zip(TEXTS) {
            assert_eq!(*declared, format!("{error:?}"));
            assert_eq!(name.to_str(), Ok(declared.as_str()));
            assert_eq!(*number, *error as u16);
            assert!(!message.is_empty());
            assert_eq!(super::name(c_int::from(*number)), *name);
            assert_eq!(super::message(c_int::from(*number)), *message);
        }
        let sentences: HashSet<_> = TEXTS.iter().map(|(.., message)| message).collect();
        assert_eq!(sentences.len(), TEXTS.len());
    }

    #[test]
    fn c_and_rust_agree_on_every_number() {
        // The match in error.rs is exhaustive; this holds the numbers, in both directions.
        let rust = numbers(include_str!("../error.rs"));
        let c = numbers(include_str!("error.rs"));
        assert_eq!(
            rust.iter().map(|(_, number)| number).collect::<Vec<_>>(),
            c[2..].iter().map(|(_, number)| number).collect::<Vec<_>>()
        );
        for code in [
            Code::InvalidArgument,
            Code::Internal,
            Code::PeerName,
            Code::NotAuthorized,
            Code::Dropped,
        ] {
            assert_eq!(aws_iot_mqtt_error::from(code) as u16, code as u16);
        }
        let snake = |name: &str| name.to_lowercase().replace('_', "");
        for ((rust, _), (c, _)) in rust.iter().zip(&c[2..]) {
            assert_eq!(
                snake(rust),
                snake(c.trim_start_matches("AWS_IOT_MQTT_ERR_"))
            );
        }
    }

    #[test]
    fn unknown_numbers_are_not_ours_to_judge() {
        for number in [-1, 2, 99, 111, 700, c_int::MAX, c_int::MIN] {
            assert_eq!(name(number), c"unknown");
            assert!(message(number).to_str().unwrap().contains("does not know"));
        }
    }
}
