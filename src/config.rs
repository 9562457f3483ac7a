//! What the application decides: plain data with its defaults. Checked where it is set (`ffi/configure.rs`) and, across fields, in [`Config::validate`].

mod iam;
mod proxy;

pub use iam::{IamCredentials, IotCredentialsProvider};
pub use proxy::{Proxy, ProxyKind, ProxyLogin};

use crate::error::{Code, Error};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Quality of service. AWS IoT has no QoS 2, and so have we not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum QoS {
    AtMostOnce = 0,
    AtLeastOnce = 1,
}

/// The MQTT version of a connection: a property of the connection, not of the types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Protocol {
    V3_1 = 3,
    V3_1_1 = 4,
}

/// What a full offline queue does with the next operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DropBehavior {
    Oldest = 0,
    Newest = 1,
}

/// The message that the broker publishes for us when the connection ends without DISCONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: QoS,
    pub retain: bool,
}

/// Wait n before a reconnection is drawn from [d, min(2d, max)], d = min(base x 2^n, max(base, max / 2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub base: Duration,
    pub max: Duration,
    /// A connection that held this long makes the next wait short again.
    pub stable: Duration,
}

/// What the MQTT session obeys. It holds no secret.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    pub client_id: String,
    pub protocol: Protocol,
    pub clean_session: bool,
    pub will: Option<Will>,
    pub connect_disconnect_timeout: Duration,
    pub operation_timeout: Duration,
    pub ping_timeout: Duration,
    /// The first re-send on a live connection comes after this time, the next after twice that. Zero: never.
    pub retransmit: Duration,
    pub backoff: Backoff,
    pub retry_first_connect: bool,
    /// How many operations are kept while there is no connection. `None`: as many as the memory limit allows. `Some(0)`: none.
    pub queue_size: Option<usize>,
    pub drop_behavior: DropBehavior,
    /// The pause between two queued operations while draining. Zero: as fast as the window allows.
    pub draining_interval: Duration,
    /// QoS 1 publishes that may be unacknowledged at once.
    pub in_flight_window: u16,
    /// What is sent again, and the queue where it drains as fast as it can, stop here until the link has taken some: so many bytes are
    /// copied ahead, and the packet that passes it.
    pub send_ahead: usize,
    /// Bytes of accepted and unfinished operations.
    pub memory_limit: usize,
    /// The largest packet, either way.
    pub max_packet_size: usize,
    /// Connections in a row that the peer may close on the same operation before the operation is given up. Zero: never.
    pub refused_by_close_limit: u32,
}

impl Default for SessionConfig {
    fn default() -> Self {
        SessionConfig {
            client_id: String::new(),
            protocol: Protocol::V3_1_1,
            clean_session: true,
            will: None,
            connect_disconnect_timeout: Duration::from_secs(30),
            operation_timeout: Duration::from_secs(5),
            ping_timeout: Duration::from_secs(10),
            retransmit: Duration::from_secs(10),
            backoff: Backoff {
                base: Duration::from_secs(1),
                max: Duration::from_secs(32),
                stable: Duration::from_secs(20),
            },
            retry_first_connect: false,
            queue_size: None,
            drop_behavior: DropBehavior::Newest,
            draining_interval: Duration::from_millis(20),
            in_flight_window: 100,
            send_ahead: 64 << 10,
            memory_limit: 64 << 20,
            max_packet_size: 1 << 20,
            refused_by_close_limit: 5,
        }
    }
}

/// The oldest TLS version that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    #[default]
    V1_2,
    V1_3,
}

/// PEM texts and where they came from, so that an error can name the culprit. The key is wiped when the last copy goes.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The only certificates that a server's chain may end in. `None`: the system's store.
    pub ca: Option<Pem>,
    pub identity: Option<Identity>,
    /// Cipher suites by OpenSSL or IANA name, separated by colons or commas. `None`: the default list.
    pub ciphers: Option<String>,
}

impl Credentials {
    /// The private key is one that only the application can use.
    pub fn asks_application(&self) -> bool {
        let identity = self.identity.as_ref();
        identity.is_some_and(|identity| matches!(identity.key, Key::Callback { .. }))
    }
}

/// The device's certificate chain, leaf first, and its private key.
#[derive(Clone)]
pub struct Identity {
    pub certificate: Pem,
    pub key: Key,
}

/// A private key, or who has it.
#[derive(Clone)]
pub enum Key {
    /// PKCS#8, PKCS#1 or SEC1, not encrypted.
    Pem(Pem),
    /// The application signs: the key is in a TPM, a secure element or a PKCS#11 token.
    Callback {
        sign: Arc<dyn Sign>,
        ecdsa: EcdsaForm,
    },
}

/// How the application writes the two numbers of an ECDSA signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcdsaForm {
    /// `Ecdsa-Sig-Value` (RFC 3279, 2.2.3), as OpenSSL gives it.
    Der,
    /// r and s in the size of the curve one after the other, as PKCS#11 and TPM give them.
    Raw,
}

/// The application's code that signs with a key of its own. It may block, so it is called on a dialer thread, no lock held.
pub trait Sign: Send + Sync {
    /// The signature, or what the application said instead.
    fn sign(&self, request: &SigningRequest<'_>) -> Result<Vec<u8>, String>;

    /// Gives back what belongs to the application: nothing is asked of it any more.
    fn release(&self);
}

/// What is to be signed.
pub struct SigningRequest<'a> {
    /// TLS's number of the algorithm (SignatureScheme, RFC 8446, 4.2.3).
    pub scheme: u16,
    pub message: &'a [u8],
    /// The digest of the message by the hash of the scheme.
    pub digest: &'a [u8],
}

/// A PEM text and its name for people: the path of its file, or "CA PEM", "certificate PEM", "private key PEM" if it came from memory.
#[derive(Clone)]
pub struct Pem {
    pub name: String,
    pub text: Zeroizing<Vec<u8>>,
}

/// What a custom authorizer of AWS IoT gets, in the user name of CONNECT.
#[derive(Clone, Default)]
pub struct CustomAuthorizer {
    /// `None`: the account's or domain's default authorizer.
    pub name: Option<String>,
    /// The name under which the authorizer expects its token, and the token.
    pub token: Option<(String, Zeroizing<String>)>,
    /// Of the token, in Base64. `None`: the authorizer has signing disabled.
    pub signature: Option<Zeroizing<String>>,
}
/// How AWS IoT's connections are called in a signature, unless configured otherwise.
pub const SIGNING_SERVICE: &str = "iotdevicegateway";

/// Everything that the application may configure.
#[derive(Clone)]
pub struct Config {
    pub host: String,
    pub port: u16,
    /// False: plain TCP, for brokers in the local network.
    pub tls: bool,
    /// MQTT in WebSocket frames.
    pub websocket: bool,
    pub proxy: Option<Arc<Proxy>>,
    /// The protocol names to offer in the TLS handshake, best first. `None`: what AWS IoT expects.
    pub alpn: Option<Vec<String>>,
    pub credentials: Option<Arc<Credentials>>,
    pub custom_authorizer: Option<Arc<CustomAuthorizer>>,
    /// For SigV4. `None`: the other sources are asked (see `engine/credentials.rs`).
    pub iam_credentials: Option<Arc<IamCredentials>>,
    pub iot_credentials_provider: Option<Arc<IotCredentialsProvider>>,
    /// The AWS region to sign for. `None`: as the host name says.
    pub region: Option<String>,
    /// The service to sign for.
    pub signing_service: String,
    pub minimum_tls_version: TlsVersion,
    /// For keys that are configured from now on.
    pub private_key_passphrase: Option<Zeroizing<Vec<u8>>>,
    pub username: Option<String>,
    pub password: Option<Zeroizing<Vec<u8>>>,
    /// Whether the user name tells the service which SDK connects.
    pub metrics: bool,
    pub session: SessionConfig,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            host: String::new(),
            port: 0,
            tls: true,
            websocket: false,
            proxy: None,
            alpn: None,
            credentials: None,
            custom_authorizer: None,
            iam_credentials: None,
            iot_credentials_provider: None,
            region: None,
            signing_service: SIGNING_SERVICE.to_owned(),
            minimum_tls_version: TlsVersion::default(),
            private_key_passphrase: None,
            username: None,
            password: None,
            metrics: true,
            session: SessionConfig::default(),
        }
    }
}

impl Config {
    /// What only the whole can tell; asked at `connect`.
    pub fn validate(&self) -> Result<(), Error> {
        if self.host.is_empty() {
            return Err(Error::new(
                Code::NotConfigured,
                "no endpoint: call aws_iot_mqtt_client_configure_endpoint first",
            ));
        }
        // Whoever shows something else than a certificate can do without, and then the system's CA certificates are meant.
        let elsewhere = self.websocket || self.custom_authorizer.is_some();
        if self.tls && self.credentials.is_none() && !elsewhere {
            return Err(Error::new(
                Code::NotConfigured,
                "no credentials: call aws_iot_mqtt_client_configure_credentials first (or configure_tls(false) for a local broker without TLS)",
            ));
        }
        if self.password.is_some() && self.username.is_none() && !self.metrics {
            return Err(Error::new(
                Code::NotConfigured,
                "a password needs a user name [MQTT-3.1.2-22]",
            ));
        }
        Ok(())
    }

    /// Where TCP goes to.
    pub fn next_hop(&self) -> (&str, u16) {
        match &self.proxy {
            Some(proxy) => (&proxy.host, proxy.port),
            None => (&self.host, self.port),
        }
    }

    /// What went wrong before the first byte went wrong with the proxy, if there is one.
    pub fn blame_proxy(&self, error: Error) -> Error {
        match self.proxy {
            Some(_) => Error::new(
                error.code,
                format!("on the way to the proxy: {}", error.detail),
            ),
            None => error,
        }
    }
}
