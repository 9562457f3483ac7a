//! The part of an attempt that may block, done on a dialer thread: name resolution or the application's socket factory, and what has
//! to be ready before the first byte.

use super::client::Inner;
use super::layers::{Layer, Layers};
use super::{SocketFactory, scope};
use crate::aws::endpoint;
use crate::config::Config;
use crate::error::{Code, Error};
use crate::transport::tcp::{self, TcpLink};
use crate::transport::tls::TlsConfig;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// What a dialer needs to know of the client.
pub(super) struct Dial {
    pub(super) config: Config,
    pub(super) factory: Option<SocketFactory>,
    /// Of the whole attempt, when the job was given.
    pub(super) milliseconds_left: u64,
}

/// What a dialer brings.
pub(super) struct Dialed {
    pub(super) way: Way,
    pub(super) layers: Layers,
}

pub(super) enum Way {
    Addresses(VecDeque<SocketAddr>),
    Socket(TcpLink),
}

impl Dial {
    pub(super) fn run(self, client: &Inner) -> Result<Dialed, Error> {
        let layers = self.layers()?;
        let (host, port) = (&self.config.host, self.config.port);
        let way = match &self.factory {
            Some(factory) => {
                let fd = scope::enter(client.key(), scope::Kind::Outside, || {
                    factory(host, port, self.milliseconds_left)
                });
                Way::Socket(adopt(fd)?)
            }
            None => Way::Addresses(interleave(tcp::resolve(host, port)?)),
        };
        Ok(Dialed { way, layers })
    }

    fn layers(&self) -> Result<Layers, Error> {
        let mut layers = Layers::new();
        if let Some(credentials) = self.config.credentials.as_ref().filter(|_| self.config.tls) {
            let alpn = endpoint::alpn(&self.config.host, self.config.port);
            layers.push_back(Layer::Tls {
                config: TlsConfig::new(
                    credentials,
                    self.config.minimum_tls_version,
                    alpn.as_slice(),
                )?,
                server_name: self.config.host.clone(),
            });
        }
        Ok(layers)
    }
}

/// The two families in turn, beginning with the one that the resolver prefers (RFC 8305 section 4), so that one that leads nowhere
/// costs little.
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
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
    use std::os::fd::{FromRawFd, OwnedFd};
    if fd < 0 {
        return Err(Error::new(
            Code::SocketFactory,
            "the socket factory gave no socket",
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
