//! The error type of C, and how the rest of the library's errors become it.

use super::error_text;
use super::guard;
use crate::error::Code;
use std::ffi::{c_char, c_int};

/// The outcome of a call. The numbers are stable, and new ones may be added. The hundreds name the area: 1xx the call, 2xx the
/// network, 3xx TLS, 4xx WebSocket and credentials, 5xx MQTT (501 to 505 are the return codes of CONNACK), 6xx operations.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum aws_iot_mqtt_error {
    /// Done.
    AWS_IOT_MQTT_OK = 0,
    /// Accepted and kept: there is no connection, or the queue is draining. It will be sent.
    AWS_IOT_MQTT_QUEUED = 1,

    /// An argument is NULL or out of range; the detail names it.
    AWS_IOT_MQTT_ERR_INVALID_ARGUMENT = 100,
    /// A string is not UTF-8 [MQTT-1.5.3-1]; the detail names the argument.
    AWS_IOT_MQTT_ERR_INVALID_UTF8 = 101,
    /// A topic name or filter breaks a rule of MQTT 3.1.1 section 4.7; the detail says which.
    AWS_IOT_MQTT_ERR_INVALID_TOPIC = 102,
    /// The call does not fit the client's state, such as a configure call while a connection is wanted.
    AWS_IOT_MQTT_ERR_INVALID_STATE = 103,
    /// Something must be configured first; the detail names the function.
    AWS_IOT_MQTT_ERR_NOT_CONFIGURED = 104,
    /// This library cannot do that.
    AWS_IOT_MQTT_ERR_NOT_SUPPORTED = 105,
    /// Memory could not be allocated.
    AWS_IOT_MQTT_ERR_NO_MEMORY = 106,
    /// The call would wait for the callback that makes it.
    AWS_IOT_MQTT_ERR_WOULD_DEADLOCK = 107,
    /// The client was made before fork(); make a new one in the child.
    AWS_IOT_MQTT_ERR_FORKED = 108,
    /// What the call names belongs to a connection that is gone.
    AWS_IOT_MQTT_ERR_STALE = 109,
    /// No operation with that id is pending, or it cannot be given up.
    AWS_IOT_MQTT_ERR_NOT_FOUND = 110,
    /// A bug in this library. The client may be unusable; free it.
    AWS_IOT_MQTT_ERR_INTERNAL = 199,

    /// The operating system refused an operation; the detail has its words.
    AWS_IOT_MQTT_ERR_IO = 200,
    /// The host name could not be resolved.
    AWS_IOT_MQTT_ERR_DNS = 201,
    /// Nobody listens at that host and port, or a firewall refuses.
    AWS_IOT_MQTT_ERR_CONNECTION_REFUSED = 202,
    /// The connection ended without DISCONNECT.
    AWS_IOT_MQTT_ERR_CONNECTION_LOST = 203,
    /// The proxy refused.
    AWS_IOT_MQTT_ERR_PROXY = 204,
    /// The application's socket factory gave no usable socket.
    AWS_IOT_MQTT_ERR_SOCKET_FACTORY = 205,
    /// The peer was silent for the ping time-out.
    AWS_IOT_MQTT_ERR_PING_TIMEOUT = 206,

    /// The TLS handshake failed; the detail has the reason.
    AWS_IOT_MQTT_ERR_TLS = 300,
    /// The CA certificates could not be read or used.
    AWS_IOT_MQTT_ERR_CA_FILE = 301,
    /// The device certificate could not be read or used.
    AWS_IOT_MQTT_ERR_CERTIFICATE = 302,
    /// The private key could not be read or used, or does not belong to the certificate.
    AWS_IOT_MQTT_ERR_PRIVATE_KEY = 303,
    /// The server's certificate does not end in a trusted CA.
    AWS_IOT_MQTT_ERR_PEER_UNTRUSTED = 304,
    /// The cipher list names no suite that the library has, or the server accepts none of them.
    AWS_IOT_MQTT_ERR_CIPHERS = 305,
    /// The server's certificate is for another host name.
    AWS_IOT_MQTT_ERR_PEER_NAME = 306,
    /// The server's certificate has expired or is not valid yet. Check the clock of the device.
    AWS_IOT_MQTT_ERR_PEER_EXPIRED = 307,
    /// The server refused the device's certificate. It must be registered and active in AWS IoT.
    AWS_IOT_MQTT_ERR_REFUSED_BY_PEER = 308,

    /// The WebSocket handshake failed.
    AWS_IOT_MQTT_ERR_WEBSOCKET = 400,
    /// No IAM credentials could be had.
    AWS_IOT_MQTT_ERR_CREDENTIALS = 401,
    /// The service refused the signature or the credentials (HTTP 403).
    AWS_IOT_MQTT_ERR_FORBIDDEN = 402,

    /// The peer broke a rule of MQTT; the detail quotes it. The connection was closed.
    AWS_IOT_MQTT_ERR_PROTOCOL = 500,
    /// CONNACK 1: the broker does not speak this MQTT version.
    AWS_IOT_MQTT_ERR_UNACCEPTABLE_PROTOCOL_VERSION = 501,
    /// CONNACK 2: the broker does not allow this client id.
    AWS_IOT_MQTT_ERR_IDENTIFIER_REJECTED = 502,
    /// CONNACK 3: the MQTT service is not available.
    AWS_IOT_MQTT_ERR_SERVER_UNAVAILABLE = 503,
    /// CONNACK 4: the user name or password is malformed or wrong.
    AWS_IOT_MQTT_ERR_BAD_USERNAME_OR_PASSWORD = 504,
    /// CONNACK 5: not authorized. In AWS IoT the policy must allow iot:Connect for this client id.
    AWS_IOT_MQTT_ERR_NOT_AUTHORIZED = 505,
    /// CONNACK with another return code; the detail has it.
    AWS_IOT_MQTT_ERR_CONNECT_REFUSED = 506,
    /// SUBACK 0x80: the broker refused the subscription.
    AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED = 510,
    /// The packet is larger than the limit of aws_iot_mqtt_client_configure_max_packet_size().
    AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE = 511,
    /// The peer closed several connections in a row on this operation. AWS IoT does so where the policy forbids the topic.
    AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE = 512,

    /// No outcome in time. Of a packet that was sent, the broker may have it.
    AWS_IOT_MQTT_ERR_TIMEOUT = 600,
    /// There is no connection and the operation needs one. Nothing returns it yet: operations without a connection are queued.
    AWS_IOT_MQTT_ERR_OFFLINE = 601,
    /// The queue, or the memory limit, is full. Not accepted.
    AWS_IOT_MQTT_ERR_QUEUE_FULL = 602,
    /// Queueing is off, and there is no connection, or what was queued before is still being sent. Not accepted.
    AWS_IOT_MQTT_ERR_QUEUE_DISABLED = 603,
    /// Cancelled, or ended by disconnect or free. Of a packet that was sent, the broker may have it.
    AWS_IOT_MQTT_ERR_CANCELLED = 604,
    /// Evicted from the full queue by a newer one (AWS_IOT_MQTT_DROP_OLDEST). It was never sent.
    AWS_IOT_MQTT_ERR_DROPPED = 605,
}

impl From<Code> for aws_iot_mqtt_error {
    fn from(code: Code) -> Self {
        use aws_iot_mqtt_error::*;
        match code {
            Code::InvalidArgument => AWS_IOT_MQTT_ERR_INVALID_ARGUMENT,
            Code::InvalidUtf8 => AWS_IOT_MQTT_ERR_INVALID_UTF8,
            Code::InvalidTopic => AWS_IOT_MQTT_ERR_INVALID_TOPIC,
            Code::InvalidState => AWS_IOT_MQTT_ERR_INVALID_STATE,
            Code::NotConfigured => AWS_IOT_MQTT_ERR_NOT_CONFIGURED,
            Code::NotSupported => AWS_IOT_MQTT_ERR_NOT_SUPPORTED,
            Code::NoMemory => AWS_IOT_MQTT_ERR_NO_MEMORY,
            Code::WouldDeadlock => AWS_IOT_MQTT_ERR_WOULD_DEADLOCK,
            Code::Forked => AWS_IOT_MQTT_ERR_FORKED,
            Code::Stale => AWS_IOT_MQTT_ERR_STALE,
            Code::NotFound => AWS_IOT_MQTT_ERR_NOT_FOUND,
            Code::Internal => AWS_IOT_MQTT_ERR_INTERNAL,
            Code::Io => AWS_IOT_MQTT_ERR_IO,
            Code::Dns => AWS_IOT_MQTT_ERR_DNS,
            Code::ConnectionRefused => AWS_IOT_MQTT_ERR_CONNECTION_REFUSED,
            Code::ConnectionLost => AWS_IOT_MQTT_ERR_CONNECTION_LOST,
            Code::Proxy => AWS_IOT_MQTT_ERR_PROXY,
            Code::SocketFactory => AWS_IOT_MQTT_ERR_SOCKET_FACTORY,
            Code::PingTimeout => AWS_IOT_MQTT_ERR_PING_TIMEOUT,
            Code::Tls => AWS_IOT_MQTT_ERR_TLS,
            Code::CaFile => AWS_IOT_MQTT_ERR_CA_FILE,
            Code::Certificate => AWS_IOT_MQTT_ERR_CERTIFICATE,
            Code::PrivateKey => AWS_IOT_MQTT_ERR_PRIVATE_KEY,
            Code::PeerUntrusted => AWS_IOT_MQTT_ERR_PEER_UNTRUSTED,
            Code::Ciphers => AWS_IOT_MQTT_ERR_CIPHERS,
            Code::PeerName => AWS_IOT_MQTT_ERR_PEER_NAME,
            Code::PeerExpired => AWS_IOT_MQTT_ERR_PEER_EXPIRED,
            Code::RefusedByPeer => AWS_IOT_MQTT_ERR_REFUSED_BY_PEER,
            Code::WebSocket => AWS_IOT_MQTT_ERR_WEBSOCKET,
            Code::Credentials => AWS_IOT_MQTT_ERR_CREDENTIALS,
            Code::Forbidden => AWS_IOT_MQTT_ERR_FORBIDDEN,
            Code::Protocol => AWS_IOT_MQTT_ERR_PROTOCOL,
            Code::UnacceptableProtocolVersion => AWS_IOT_MQTT_ERR_UNACCEPTABLE_PROTOCOL_VERSION,
            Code::IdentifierRejected => AWS_IOT_MQTT_ERR_IDENTIFIER_REJECTED,
            Code::ServerUnavailable => AWS_IOT_MQTT_ERR_SERVER_UNAVAILABLE,
            Code::BadUsernameOrPassword => AWS_IOT_MQTT_ERR_BAD_USERNAME_OR_PASSWORD,
            Code::NotAuthorized => AWS_IOT_MQTT_ERR_NOT_AUTHORIZED,
            Code::ConnectRefused => AWS_IOT_MQTT_ERR_CONNECT_REFUSED,
            Code::SubscribeRefused => AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED,
            Code::PacketTooLarge => AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE,
            Code::RefusedByClose => AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE,
            Code::Timeout => AWS_IOT_MQTT_ERR_TIMEOUT,
            Code::Offline => AWS_IOT_MQTT_ERR_OFFLINE,
            Code::QueueFull => AWS_IOT_MQTT_ERR_QUEUE_FULL,
            Code::QueueDisabled => AWS_IOT_MQTT_ERR_QUEUE_DISABLED,
            Code::Cancelled => AWS_IOT_MQTT_ERR_CANCELLED,
            Code::Dropped => AWS_IOT_MQTT_ERR_DROPPED,
        }
    }
}

/// The name of an error, such as "AWS_IOT_MQTT_ERR_QUEUE_FULL", for logs.
///
/// @param error  Any number; "unknown" for one that this library does not know.
/// @return A static string, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn aws_iot_mqtt_error_name(error: c_int) -> *const c_char {
    error_text::name(error).as_ptr()
}

/// One English sentence about an error. The particular case is told by aws_iot_mqtt_last_error_detail().
///
/// @param error  Any number.
/// @return A static string, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn aws_iot_mqtt_error_message(error: c_int) -> *const c_char {
    error_text::message(error).as_ptr()
}

/// What the last failing call on this thread should tell a person, such as "certificate /a/b.pem: No such file or
/// directory". It holds no secret. Failures of asynchronous operations bring their detail into the callback instead.
///
/// @return A string of the library, never NULL, empty if no call failed yet. It is valid until the next failing call of
///         this library on the same thread, or the end of the thread.
#[unsafe(no_mangle)]
pub extern "C" fn aws_iot_mqtt_last_error_detail() -> *const c_char {
    guard::last_detail()
}
