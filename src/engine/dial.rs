//! The part of an attempt that may block, done on a dialer thread: name resolution or the application's socket factory, and what has
//! to be ready before the first byte.

use super::credentials::{self, Signing};
use super::inner::Inner;
use super::layers::{Layer, Layers};
use super::{CredentialsProvider, SocketFactory, clock};
use crate::aws::endpoint;
use crate::config::{Config, Credentials};
use crate::error::{Code, Error};
use crate::log::Log;
use crate::time::Instant;
use crate::transport::tcp::{self, TcpLink};
use crate::transport::tls::TlsConfig;
use crate::transport::websocket::Upgrade;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a dialer needs to know of the client.
pub(super) struct Dial {
    pub(super) attempt: u64,
    pub(super) config: Config,
    pub(super) factory: Option<SocketFactory>,
    pub(super) provider: Option<CredentialsProvider>,
    pub(super) signing: Arc<Signing>,
    pub(super) log: Log,
    /// What others were just told of the name does not count.
    pub(super) asks_anew: bool,
    /// Of the whole attempt.
    pub(super) deadline: Instant,
}

/// What a dialer brings.
pub(super) struct Dialed {
    pub(super) way: Way,
    pub(super) layers: Layers,
}

pub(super) enum Way {
    /// To this host and port, which are still to be resolved.
    Name(String, u16),
    Addresses(VecDeque<SocketAddr>),
    Socket(TcpLink),
}

impl Dial {
    /// It holds code of the application, which `free` gives back, from its beginning to its end.
    pub(super) fn is_outside(&self) -> bool {
        self.factory.is_some() || self.provider.is_some()
    }

    pub(super) fn run(self, client: &Arc<Inner>) -> Result<Dialed, Error> {
        let layers = self.layers(client)?;
        let (host, port) = self.config.next_hop();
        let way = match &self.factory {
            Some(_) => Way::Socket(self.ask_the_factory(host, port)?),
            None => Way::Name(host.to_owned(), port),
        };
        Ok(Dialed { way, layers })
    }

    /// The same without a dialer, for addresses that are known and nothing that could block; `None` if it takes one.
    pub(super) fn run_now(&self, client: &Arc<Inner>) -> Option<Result<Dialed, Error>> {
        let config = &self.config;
        if self.factory.is_some() || credentials::signs(config, self.provider.is_some()) {
            return None;
        }
        if config.tls {
            // The system's store is read from files, and a key of the application is the application's code.
            let credentials = config.credentials.as_ref()?;
            credentials.ca.as_ref()?;
            if credentials.asks_application() {
                return None;
            }
        }
        let (host, port) = config.next_hop();
        let addresses = match tcp::literal(host, port) {
            Some(address) => vec![address],
            None if self.asks_anew => return None,
            None => client.engine.names.known((host, port), clock::now())?,
        };
        let way = Way::Addresses(interleave(addresses));
        Some(self.layers(client).map(|layers| Dialed { way, layers }))
    }

    pub(super) fn milliseconds_left(&self) -> u64 {
        let left = self.deadline.since(clock::now()).as_millis();
        u64::try_from(left).unwrap_or(u64::MAX)
    }

    /// A socket of the application's for this host and port.
    pub(super) fn ask_the_factory(&self, host: &str, port: u16) -> Result<TcpLink, Error> {
        let Some(factory) = &self.factory else {
            return Err(Error::new(Code::Internal, "there is no socket factory"));
        };
        adopt(factory(host, port, self.milliseconds_left()))
    }

    fn layers(&self, client: &Arc<Inner>) -> Result<Layers, Error> {
        let config = &self.config;
        let mut layers = Layers::new();
        if let Some(proxy) = &config.proxy {
            let target = config.host.clone();
            layers.push_back(Layer::Proxy(Arc::clone(proxy), target, config.port));
        }
        if config.tls {
            let of_system = Credentials::default();
            let credentials = config.credentials.as_deref().unwrap_or(&of_system);
            layers.push_back(Layer::Tls {
                config: TlsConfig::new(credentials, config.minimum_tls_version, &self.alpn())?,
                server_name: config.host.clone(),
            });
        }
        if config.websocket {
            layers.push_back(Layer::WebSocket(self.upgrade(client)?));
        }
        Ok(layers)
    }

    fn alpn(&self) -> Vec<&str> {
        let config = &self.config;
        match &config.alpn {
            Some(chosen) => chosen.iter().map(String::as_str).collect(),
            None if config.websocket => Vec::new(),
            None => endpoint::alpn(config.port, config.custom_authorizer.is_some())
                .into_iter()
                .collect(),
        }
    }

    /// The request for WebSocket, made and signed anew for each attempt. Not signed where a custom authorizer reads the user name of
    /// CONNECT, nor for local brokers.
    fn upgrade(&self, client: &Arc<Inner>) -> Result<Upgrade, Error> {
        let config = &self.config;
        let host_header = endpoint::host_header(&config.host, config.port, config.tls);
        if !credentials::signs(config, self.provider.is_some()) {
            return Ok(Upgrade {
                host_header,
                path_and_query: Zeroizing::new("/mqtt".into()),
                extra_headers: Vec::new(),
                refused: None,
            });
        }
        let (signing, log) = (Arc::clone(&self.signing), self.log.clone());
        Ok(Upgrade {
            path_and_query: self.signed_path(client, &host_header)?,
            host_header,
            extra_headers: Vec::new(),
            refused: Some(Box::new(move |refusal| {
                signing.refused(refusal.status, refusal.date.as_deref(), &log);
            })),
        })
    }
}

/// The two families in turn, beginning with the one that the resolver prefers (RFC 8305 section 4), so that one that leads nowhere
/// costs little.
pub(super) fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let prefers_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == prefers_ipv6);
    let mut others = others.into_iter();
    let mut ordered = VecDeque::new();
    for address in preferred {
        ordered.push_back(address);
        ordered.extend(others.next());
    }
    ordered.extend(others);
    ordered
}

/// The descriptor that the application's socket factory gave is ours now.
#[allow(unsafe_code)]
fn adopt(fd: i32) -> Result<TcpLink, Error> {
    use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
    if fd < 0 {
        return Err(Error::new(
            Code::SocketFactory,
            "the socket factory gave no socket",
        ));
    }
    // SAFETY: borrowed for asking whether it is open at all; an `OwnedFd` of one that is not would abort the process when dropped.
    let is_open = rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(fd) });
    if let Err(error) = is_open {
        return Err(Error::new(
            Code::SocketFactory,
            format!("the socket factory returned descriptor {fd}, which is not open: {error}"),
        ));
    }
    // SAFETY: the contract of the socket factory (see the C header) hands over an open descriptor that nobody else uses.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    TcpLink::from_socket(fd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns() {
        let addresses = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "[::4]:1"];
        let addresses = addresses.map(|address| address.parse().expect("an address"));
        let ordered: Vec<String> = interleave(addresses.to_vec())
            .iter()
            .map(SocketAddr::to_string)
            .collect();
        assert_eq!(
            ordered,
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1", "[::4]:1"]
        );
    }
}
