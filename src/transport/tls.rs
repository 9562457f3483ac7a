//! TLS over any link.

mod application_key;
mod ciphers;
mod config;
mod der;
mod encrypted;
mod failure;
mod identity;
mod pem;
mod receive;

pub use config::TlsConfig;
pub use encrypted::decrypt;

use super::{HandshakeState, Link, ROUNDS};
use crate::error::{Code, Error};
use failure::Stage;
use receive::CIPHERTEXT;
use rustls::pki_types::{IpAddr, ServerName};
use rustls::{ClientConnection, ProtocolVersion};
use std::fmt;
use std::io::{self, IoSlice, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// Plaintext encrypted at a time: four full records, one system call.
const PIECE: usize = 64 << 10;

/// A client's end of a TLS connection. Drive [`Link::handshake`] to `Done` before reading and writing.
pub struct TlsLink {
    inner: Box<dyn Link>,
    connection: Box<ClientConnection>,
    /// As the caller gave it, for errors.
    server_name: String,
    asks_application: bool,
    /// Ciphertext that rustls did not take, as it was full of plaintext. Nearly always empty.
    overflow: Vec<u8>,
    /// Why nothing more can be read, once all plaintext from before has been.
    failure: Option<Error>,
    stage: Stage,
    /// The peer has said close_notify or closed its socket.
    ended: bool,
    closed: bool,
    /// Nothing was left, here or in the link below, behind what the last read gave.
    drained: bool,
    /// The last flight of the handshake waits for the first bytes of the layer above, to go with them.
    flight_waits: bool,
}

impl TlsLink {
    /// `server_name`, a DNS name or an IP address, is what the server's certificate must be for; a DNS name is also sent as SNI.
    pub fn new(
        inner: Box<dyn Link>,
        config: &TlsConfig,
        server_name: &str,
    ) -> Result<TlsLink, Error> {
        let invalid = |why: &dyn fmt::Display| {
            Error::new(
                Code::PeerName,
                format!("\"{server_name}\" cannot be the name of a TLS server: {why}"),
            )
        };
        let name = parse_name(server_name).map_err(|error| invalid(&error))?;
        let mut connection = ClientConnection::new(Arc::clone(&config.client), name)
            .map_err(|error| invalid(&error))?;
        connection.set_buffer_limit(Some(PIECE));
        Ok(TlsLink {
            inner,
            connection: Box::new(connection),
            server_name: server_name.into(),
            asks_application: config.asks_application,
            overflow: Vec::new(),
            failure: None,
            stage: Stage::First,
            ended: false,
            closed: false,
            drained: false,
            flight_waits: false,
        })
    }

    /// A read gives `length` bytes into a buffer of `room`. Only a full buffer can have left plaintext in rustls; behind the last
    /// plaintext the end of TLS may have come, of which the socket, still open, tells nothing.
    fn given(&mut self, length: usize, room: usize) -> usize {
        self.drained = length < room
            && self.overflow.is_empty()
            && self.failure.is_none()
            && !self.ended
            && self.inner.is_drained();
        if self.drained {
            self.shrink();
        }
        length
    }

    /// The protocol name that the server chose from those offered. `None`: it chose none.
    pub fn alpn(&self) -> Option<&str> {
        self.connection
            .alpn_protocol()
            .and_then(|name| std::str::from_utf8(name).ok())
    }

    /// Hands records to the link below until none is left.
    fn push(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Output(&mut *self.inner)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.inner.wants_write() {
            self.inner.flush()?;
        }
        Ok(())
    }

    /// The alert with which rustls rejects the peer must arrive. A socket closed with bytes unread resets the connection, and the
    /// alert with it; so the sending direction ends first, and what is there is read.
    fn say_why(&mut self) {
        let _ = self.push();
        self.inner.close();
        self.closed = true;
        let mut scratch = [0; 4096];
        for _ in 0..16 {
            if !matches!(self.inner.read(&mut scratch), Ok(1..)) {
                break;
            }
        }
    }
}

impl Link for TlsLink {
    fn handshake(&mut self) -> Result<HandshakeState, Error> {
        loop {
            if let Some(failure) = &self.failure {
                return Err(failure.clone());
            }
            if !self.connection.is_handshaking() {
                self.stage = self.stage.max(Stage::Silent);
                // The layer above speaks first, at once, and in one packet with it. Should it not, `wants_write` has it sent.
                self.flight_waits = self.connection.wants_write();
                return Ok(HandshakeState::Done);
            }
            match self.push() {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(HandshakeState::WantsWrite);
                }
                Err(error) => return Err(handshake_error(&self.last_words(error))),
            }
            match self.receive(&mut [], CIPHERTEXT) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(HandshakeState::WantsRead);
                }
                Err(error) => return Err(handshake_error(&error)),
            }
            if let Some(failure) = self.failure.clone() {
                self.say_why();
                return Err(failure);
            }
            if self.ended && self.connection.is_handshaking() {
                let hint = match self.stage {
                    Stage::First => ": does this port speak TLS?",
                    _ => "",
                };
                return Err(Error::new(
                    Code::ConnectionLost,
                    format!("the peer closed during the TLS handshake{hint}"),
                ));
            }
        }
    }

    fn asks_application(&self) -> bool {
        self.asks_application && self.connection.is_handshaking()
    }

    /// Version, suite and ALPN.
    fn summary(&self) -> Option<String> {
        let version = match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".into(),
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".into(),
            Some(other) => format!("{other:?}"),
            None => "TLS, no version yet".into(),
        };
        let suite = self
            .connection
            .negotiated_cipher_suite()
            .map_or("no cipher suite yet".into(), ciphers::name);
        let resumed = match self.connection.handshake_kind() {
            Some(rustls::HandshakeKind::Resumed) => ", resumed",
            _ => "",
        };
        Some(match self.alpn() {
            Some(alpn) => format!("{version}, {suite}, ALPN {alpn}{resumed}"),
            None => format!("{version}, {suite}, no ALPN{resumed}"),
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        for _ in 0..ROUNDS {
            let mut length = self.take_plaintext(buffer);
            if length == 0 && !self.overflow.is_empty() {
                length = self.feed_overflow(buffer);
            }
            if length > 0 {
                return Ok(self.given(length, buffer.len()));
            }
            if let Some(failure) = &self.failure {
                return Err(io::Error::other(failure.clone()));
            }
            if self.ended {
                return Ok(0);
            }
            // Plaintext is shorter than its ciphertext, so that with this limit rustls rarely keeps any.
            match self.receive(buffer, buffer.len().max(4096)) {
                Ok(0) => {}
                Ok(length) => return Ok(self.given(length, buffer.len())),
                Err(error) => {
                    if error.kind() == io::ErrorKind::WouldBlock {
                        self.shrink();
                    }
                    return Err(error);
                }
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    fn is_drained(&self) -> bool {
        self.drained
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut taken = 0;
        if let Some(failure) = &self.failure {
            return Err(io::Error::other(failure.clone()));
        }
        loop {
            let flushed = match std::mem::take(&mut self.flight_waits) {
                true => Ok(()),
                false => self.flush(),
            };
            match flushed {
                Ok(()) => {}
                // What is taken is inside and goes out with the next flush.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => {
                    return Ok(taken);
                }
                Err(error) => return Err(error),
            }
            if taken == bytes.len() {
                return Ok(taken);
            }
            let piece = &bytes[taken..bytes.len().min(taken + PIECE)];
            match self.connection.writer().write(piece)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                length => taken += length,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flight_waits = false;
        match self.push() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(self.last_words(error)),
            result => result,
        }
    }

    fn wants_write(&self) -> bool {
        self.connection.wants_write() || self.inner.wants_write()
    }

    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.connection.send_close_notify();
            let _ = self.push();
            self.inner.close();
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.inner.fd()
    }
}

impl fmt::Debug for TlsLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "TlsLink({}: {})",
            self.server_name,
            self.summary().unwrap_or_default()
        )
    }
}

/// The link below as rustls wants it.
struct Output<'a>(&'a mut dyn Link);

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn handshake_error(error: &io::Error) -> Error {
    let meant = super::read_error(error);
    if meant.code == Code::ConnectionLost && error.get_ref().is_none() {
        return Error::new(
            meant.code,
            format!("{} during the TLS handshake", meant.detail),
        );
    }
    meant
}

fn parse_name(name: &str) -> Result<ServerName<'static>, rustls::pki_types::InvalidDnsNameError> {
    let literal = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    // The zone of a link-local address is ours alone; no certificate has it.
    let literal = literal.split('%').next().unwrap_or(literal);
    if let Ok(address) = literal.parse::<std::net::IpAddr>() {
        return Ok(ServerName::IpAddress(IpAddr::from(address)));
    }
    // "example.com." is the same host, but a certificate and SNI have it without the dot (RFC 6066, 3).
    let name = name.strip_suffix('.').unwrap_or(name);
    ServerName::try_from(name.to_owned())
}

#[cfg(test)]
mod tests;
