//! What can go wrong: a stable number and a sentence that a person can act on.

use std::borrow::Cow;
use std::fmt;

/// The stable number of a failure. The hundreds name the area; a number is never given a new meaning.
/// `ffi/error.rs` mirrors this list for C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Code {
    // 1xx: the call
    InvalidArgument = 100,
    InvalidUtf8 = 101,
    InvalidTopic = 102,
    InvalidState = 103,
    NotConfigured = 104,
    NotSupported = 105,
    NoMemory = 106,
    WouldDeadlock = 107,
    Forked = 108,
    Stale = 109,
    NotFound = 110,
    Internal = 199,
    // 2xx: the network
    Io = 200,
    Dns = 201,
    ConnectionRefused = 202,
    ConnectionLost = 203,
    Proxy = 204,
    SocketFactory = 205,
    PingTimeout = 206,
    // 3xx: TLS
    Tls = 300,
    CaFile = 301,
    Certificate = 302,
    PrivateKey = 303,
    PeerUntrusted = 304,
    Ciphers = 305,
    PeerName = 306,
    PeerExpired = 307,
    RefusedByPeer = 308,
    // 4xx: WebSocket and credentials
    WebSocket = 400,
    Credentials = 401,
    Forbidden = 402,
    // 5xx: MQTT. 501 to 505 are the CONNACK return codes 1 to 5.
    Protocol = 500,
    UnacceptableProtocolVersion = 501,
    IdentifierRejected = 502,
    ServerUnavailable = 503,
    BadUsernameOrPassword = 504,
    NotAuthorized = 505,
    ConnectRefused = 506,
    SubscribeRefused = 510,
    PacketTooLarge = 511,
    RefusedByClose = 512,
    // 6xx: operations
    Timeout = 600,
    Offline = 601,
    QueueFull = 602,
    QueueDisabled = 603,
    Cancelled = 604,
    Dropped = 605,
}

/// A failure: which, and what a person should know to mend it. The detail never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: Code,
    pub detail: Cow<'static, str>,
}

impl Error {
    #[cold]
    #[inline(never)]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Error {
            code,
            detail: detail.into(),
        }
    }

    /// Text of the application that is none.
    #[cold]
    pub fn not_utf8(name: &str, error: &std::str::Utf8Error) -> Self {
        let place = error.valid_up_to();
        Error::new(
            Code::InvalidUtf8,
            format!("{name} is not UTF-8: byte {place} does not fit [MQTT-1.5.3-1]"),
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Error {}
