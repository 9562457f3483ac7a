//! What is spoken between TCP and MQTT, from the inside out: each layer is put on the one before when that is open.

use crate::error::Error;
use crate::transport::Link;
use crate::transport::tls::{TlsConfig, TlsLink};
use std::collections::VecDeque;

/// One layer that is still to be opened.
pub(super) enum Layer {
    Tls {
        config: TlsConfig,
        server_name: String,
    },
}

/// The layers that are still to be opened, the next one first.
pub(super) type Layers = VecDeque<Layer>;

impl Layer {
    /// Puts the layer on an open link. Its own opening exchange comes next.
    pub(super) fn over(self, link: Box<dyn Link>) -> Result<Box<dyn Link>, Error> {
        Ok(match self {
            Layer::Tls {
                config,
                server_name,
            } => Box::new(TlsLink::new(link, &config, &server_name)?),
        })
    }

    /// Its configuration, if it is TLS.
    pub(super) fn tls(&self) -> Option<&TlsConfig> {
        match self {
            Layer::Tls { config, .. } => Some(config),
        }
    }

    /// What is being waited for while it opens, for people.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Layer::Tls { .. } => "the TLS handshake",
        }
    }
}
