//! What is spoken between TCP and MQTT, from the inside out: each layer is put on the one before when that is open.

use crate::config::{Proxy, ProxyKind};
use crate::error::Error;
use crate::transport::Link;
use crate::transport::proxy::ProxyLink;
use crate::transport::tls::{TlsConfig, TlsLink};
use crate::transport::websocket::{Upgrade, WebSocketLink};
use std::collections::VecDeque;
use std::sync::Arc;

/// One layer that is still to be opened.
pub(super) enum Layer {
    /// To this host and port.
    Proxy(Arc<Proxy>, String, u16),
    Tls {
        config: TlsConfig,
        server_name: String,
    },
    WebSocket(Upgrade),
}

/// The layers that are still to be opened, the next one first.
pub(super) type Layers = VecDeque<Layer>;

impl Layer {
    /// Puts the layer on an open link. Its own opening exchange comes next.
    pub(super) fn over(self, link: Box<dyn Link>) -> Result<Box<dyn Link>, Error> {
        Ok(match self {
            Layer::Proxy(proxy, host, port) => Box::new(ProxyLink::new(link, &proxy, &host, port)?),
            Layer::Tls {
                config,
                server_name,
            } => Box::new(TlsLink::new(link, &config, &server_name)?),
            Layer::WebSocket(upgrade) => Box::new(WebSocketLink::new(link, upgrade)?),
        })
    }

    /// Its configuration, if it is TLS.
    pub(super) fn tls(&self) -> Option<&TlsConfig> {
        match self {
            Layer::Tls { config, .. } => Some(config),
            Layer::Proxy(..) | Layer::WebSocket(_) => None,
        }
    }

    /// What is being waited for while it opens, for people.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Layer::Proxy(proxy, ..) => match proxy.kind {
                ProxyKind::Http => "the HTTP proxy's answer",
                ProxyKind::Socks5 => "the SOCKS proxy's answer",
            },
            Layer::Tls { .. } => "the TLS handshake",
            Layer::WebSocket(_) => "the WebSocket upgrade",
        }
    }
}
