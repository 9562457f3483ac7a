//! The types and constants of the C API. Choices that come from C are integers, never Rust enums: a number out of range
//! would be undefined behaviour there, and is `INVALID_ARGUMENT` here.

use super::error::aws_iot_mqtt_error;
use std::ffi::{c_char, c_int};

/// At most once: sent, not acknowledged.
pub const AWS_IOT_MQTT_QOS_0: c_int = 0;
/// At least once: acknowledged, and sent again until it is. AWS IoT has no QoS 2.
pub const AWS_IOT_MQTT_QOS_1: c_int = 1;
/// No QoS was granted, or none is known yet. 0x80, SUBACK's code for a failure.
pub const AWS_IOT_MQTT_QOS_NONE: u8 = 0x80;

/// MQTT 3.1, for old local brokers.
pub const AWS_IOT_MQTT_PROTOCOL_3_1: c_int = 3;
/// MQTT 3.1.1, which AWS IoT speaks.
pub const AWS_IOT_MQTT_PROTOCOL_3_1_1: c_int = 4;

/// TLS 1.2.
pub const AWS_IOT_MQTT_TLS_1_2: c_int = 12;
/// TLS 1.3.
pub const AWS_IOT_MQTT_TLS_1_3: c_int = 13;

/// An ECDSA signature as a DER sequence of two numbers (RFC 3279), as OpenSSL gives it.
pub const AWS_IOT_MQTT_SIGNATURE_DER: c_int = 0;
/// An ECDSA signature as r and s one after the other, each in the size of the curve, as PKCS#11 tokens and TPMs give it.
pub const AWS_IOT_MQTT_SIGNATURE_RAW: c_int = 1;

/// RSASSA-PKCS1-v1_5 with SHA-256. The numbers of the schemes are those of TLS (SignatureScheme, RFC 8446).
pub const AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA256: c_int = 0x0401;
/// RSASSA-PKCS1-v1_5 with SHA-384.
pub const AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA384: c_int = 0x0501;
/// RSASSA-PKCS1-v1_5 with SHA-512.
pub const AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA512: c_int = 0x0601;
/// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
pub const AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA256: c_int = 0x0804;
/// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes.
pub const AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA384: c_int = 0x0805;
/// RSASSA-PSS with SHA-512, MGF1 with SHA-512 and a salt of 64 bytes.
pub const AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA512: c_int = 0x0806;
/// ECDSA on P-256 with SHA-256.
pub const AWS_IOT_MQTT_SCHEME_ECDSA_P256_SHA256: c_int = 0x0403;
/// ECDSA on P-384 with SHA-384.
pub const AWS_IOT_MQTT_SCHEME_ECDSA_P384_SHA384: c_int = 0x0503;
/// ECDSA on P-521 with SHA-512. Only with the aws-lc-rs build.
pub const AWS_IOT_MQTT_SCHEME_ECDSA_P521_SHA512: c_int = 0x0603;

/// A full queue drops its oldest publish and takes the new one.
pub const AWS_IOT_MQTT_DROP_OLDEST: c_int = 0;
/// A full queue does not take the new publish.
pub const AWS_IOT_MQTT_DROP_NEWEST: c_int = 1;

/// A queue without a limit by count; the memory limit holds.
pub const AWS_IOT_MQTT_QUEUE_UNLIMITED: i64 = -1;

/// The queue is drained as fast as the in-flight window allows.
pub const AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE: f64 = 0.0;

/// The keep alive of the Python SDK v1: for devices that publish often. aws_iot_mqtt_client_connect() says who needs a shorter one.
pub const AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS: u32 = 600;

/// No connection is wanted.
pub const AWS_IOT_MQTT_STATE_IDLE: c_int = 0;
/// The first attempt of a connect is under way.
pub const AWS_IOT_MQTT_STATE_CONNECTING: c_int = 1;
/// Operations go straight to the broker.
pub const AWS_IOT_MQTT_STATE_CONNECTED: c_int = 2;
/// Connected, and what was queued is being sent. New operations queue behind it.
pub const AWS_IOT_MQTT_STATE_DRAINING: c_int = 3;
/// The connection was lost. The client waits for the next attempt, or is in it.
pub const AWS_IOT_MQTT_STATE_RECONNECTING: c_int = 4;
/// A disconnect is under way.
pub const AWS_IOT_MQTT_STATE_DISCONNECTING: c_int = 5;

/// aws_iot_mqtt_client_connect_async().
pub const AWS_IOT_MQTT_OPERATION_CONNECT: c_int = 0;
/// aws_iot_mqtt_client_disconnect_async().
pub const AWS_IOT_MQTT_OPERATION_DISCONNECT: c_int = 1;
/// A publish, synchronous or not.
pub const AWS_IOT_MQTT_OPERATION_PUBLISH: c_int = 2;
/// A subscribe, synchronous or not, or a subscription that was refused on resubscribing.
pub const AWS_IOT_MQTT_OPERATION_SUBSCRIBE: c_int = 3;
/// An unsubscribe, synchronous or not.
pub const AWS_IOT_MQTT_OPERATION_UNSUBSCRIBE: c_int = 4;

/// Log: what failed. Each level includes the ones before it.
pub const AWS_IOT_MQTT_LOG_ERROR: c_int = 1;
/// Log: what may fail, or is not safe.
pub const AWS_IOT_MQTT_LOG_WARNING: c_int = 2;
/// Log: connections made and lost.
pub const AWS_IOT_MQTT_LOG_INFO: c_int = 3;
/// Log: packets.
pub const AWS_IOT_MQTT_LOG_DEBUG: c_int = 4;

/// One MQTT client. It may be used by several threads at once (rule 6), from aws_iot_mqtt_client_new() until
/// aws_iot_mqtt_client_free().
#[derive(Debug)]
pub struct aws_iot_mqtt_client {
    _opaque: [u8; 0],
}

/// A loop of the application, with the clients that live in it: see aws_iot_mqtt_loop_new().
#[derive(Debug)]
pub struct aws_iot_mqtt_loop {
    _opaque: [u8; 0],
}

/// Where a credentials provider puts what it gives: see aws_iot_mqtt_credentials_set(). Lent to that callback (rule 8).
#[derive(Debug)]
pub struct aws_iot_mqtt_credentials_sink {
    _opaque: [u8; 0],
}

/// A message that came in. Made by the library, lent to a callback (rule 8).
#[repr(C)]
#[derive(Debug)]
pub struct aws_iot_mqtt_message {
    /// The topic name: UTF-8, and a NUL behind it.
    pub topic: *const c_char,
    /// Its length in bytes, without the NUL.
    pub topic_len: usize,
    /// The payload: any bytes, nothing behind them. Never NULL.
    pub payload: *const u8,
    /// Its length in bytes; 0 is legal.
    pub payload_len: usize,
    /// 0 or 1: the smaller one of what was published and what was granted.
    pub qos: u8,
    /// True for a retained message that the broker had kept, and sends because of a new subscription [MQTT-3.3.1-8].
    pub retain: bool,
    /// True if the broker says that it sent this message before. Do not depend on it: AWS IoT may send a message again
    /// without it, and with another packet id.
    pub dup: bool,
    /// The packet identifier; 0 for QoS 0.
    pub packet_id: u16,
    /// What aws_iot_mqtt_client_acknowledge() takes; 0 for QoS 0. It may be kept after the callback.
    pub acknowledgement: u64,
}

/// The one outcome of an asynchronous operation. Made by the library, lent to a callback (rule 8).
#[repr(C)]
#[derive(Debug)]
pub struct aws_iot_mqtt_completion {
    /// The operation, as the call gave it.
    pub operation: u64,
    /// AWS_IOT_MQTT_OK, or why it failed.
    pub error: aws_iot_mqtt_error,
    /// What a person should know about the failure. Never NULL; empty on success.
    pub detail: *const c_char,
    /// The packet identifier that the operation had last; 0 if it had none.
    pub packet_id: u16,
    /// For a subscribe that was granted: 0 or 1. AWS_IOT_MQTT_QOS_NONE otherwise.
    pub granted_qos: u8,
    /// For a connect that succeeded: whether the broker had kept the session.
    pub session_present: bool,
    /// For a disconnect: how many operations are kept for the next connection.
    pub left: usize,
}

/// What a private key is to sign. Made by the library, lent to a callback (rule 8).
#[repr(C)]
#[derive(Debug)]
pub struct aws_iot_mqtt_signing_request {
    /// How: AWS_IOT_MQTT_SCHEME_...
    pub scheme: c_int,
    /// The digest of the message by the hash of the scheme: for keys that sign digests (CKM_ECDSA, CKM_RSA_PKCS_PSS,
    /// TPM2_Sign). For RSASSA-PKCS1-v1_5 the key, or the callback, puts the DigestInfo of RFC 8017 in front of it.
    pub digest: *const u8,
    /// Its length in bytes.
    pub digest_len: usize,
    /// The message itself: for keys that do the hashing, too (CKM_SHA256_RSA_PKCS, EVP_DigestSign).
    pub message: *const u8,
    /// Its length in bytes.
    pub message_len: usize,
}

/// What a client did since it was made. See aws_iot_mqtt_client_stats().
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct aws_iot_mqtt_stats {
    /// Operations in the queue now.
    pub queued: u64,
    /// Operations now sent and not acknowledged, or waiting for their place in the in-flight window.
    pub in_flight: u64,
    /// Bytes of accepted and unfinished operations now. This is what the memory limit bounds.
    pub accepted_bytes: u64,
    /// Bytes of MQTT packets sent.
    pub bytes_sent: u64,
    /// Bytes of MQTT packets received.
    pub bytes_received: u64,
    /// PUBLISH packets given to a connection, each counted once: repetitions are not.
    pub messages_sent: u64,
    /// PUBLISH packets received.
    pub messages_received: u64,
    /// Connections made after the first one.
    pub reconnects: u64,
    /// Operations refused with AWS_IOT_MQTT_ERR_QUEUE_FULL.
    pub dropped_queue_full: u64,
    /// Queued publishes that ended with AWS_IOT_MQTT_ERR_DROPPED.
    pub dropped_evicted: u64,
    /// Operations that ended with AWS_IOT_MQTT_ERR_TIMEOUT.
    pub timed_out: u64,
    /// Operations that ended with AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE.
    pub refused_by_close: u64,
    /// Time from sending to acknowledgement of the last acknowledged publish, in microseconds.
    pub last_acknowledgement_latency_us: u64,
    /// The longest such time, in microseconds.
    pub max_acknowledgement_latency_us: u64,
    /// The aws_iot_mqtt_error that ended the last connection or attempt; 0 if there was none.
    pub last_failure: u64,
}
