//! A proxy between us and the broker: its exchange first, then it passes bytes on.

mod connect;
mod socks;

use super::{HandshakeState, Link};
use crate::config::{Proxy, ProxyKind};
use crate::error::{Code, Error};
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;

/// A connection to `host` and `port`, which the proxy makes and whose name it resolves. Drive [`Link::handshake`] to `Done` first.
pub struct ProxyLink {
    inner: Box<dyn Link>,
    exchange: Exchange,
    /// What came behind the proxy's answer: the first bytes of the server. Nearly always empty.
    tail: Vec<u8>,
    taken: usize,
}

enum Exchange {
    Connect(connect::Connect),
    Socks(Box<socks::Socks>),
    Done,
}

impl ProxyLink {
    pub fn new(
        inner: Box<dyn Link>,
        proxy: &Proxy,
        host: &str,
        port: u16,
    ) -> Result<ProxyLink, Error> {
        // The zone of a link-local address is ours alone (RFC 6874 section 4).
        let host = host.split('%').next().unwrap_or(host);
        let exchange = match proxy.kind {
            ProxyKind::Http => Exchange::Connect(connect::Connect::new(proxy, host, port)),
            ProxyKind::Socks5 => Exchange::Socks(Box::new(socks::Socks::new(proxy, host, port)?)),
        };
        Ok(ProxyLink {
            inner,
            exchange,
            tail: Vec::new(),
            taken: 0,
        })
    }
}

impl Link for ProxyLink {
    fn handshake(&mut self) -> Result<HandshakeState, Error> {
        let state = match &mut self.exchange {
            Exchange::Connect(connect) => connect.advance(&mut *self.inner, &mut self.tail)?,
            Exchange::Socks(socks) => socks.advance(&mut *self.inner)?,
            Exchange::Done => HandshakeState::Done,
        };
        if state == HandshakeState::Done {
            self.exchange = Exchange::Done;
        }
        Ok(state)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.tail.is_empty() {
            return self.inner.read(buffer);
        }
        let left = &self.tail[self.taken..];
        let length = left.len().min(buffer.len());
        buffer[..length].copy_from_slice(&left[..length]);
        self.taken += length;
        if self.taken == self.tail.len() {
            self.tail = Vec::new();
        }
        Ok(length)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner.write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }

    fn wants_write(&self) -> bool {
        self.inner.wants_write()
    }

    fn close(&mut self) {
        self.inner.close();
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.inner.fd()
    }
}

/// The name of the proxy for errors.
fn called(proxy: &Proxy) -> String {
    format!("the proxy {proxy}")
}

fn failed(detail: String) -> Error {
    Error::new(Code::Proxy, detail)
}

/// Writes what is left of `bytes` from `sent` on. False: the socket takes no more now.
fn send(link: &mut dyn Link, bytes: &[u8], sent: &mut usize) -> io::Result<bool> {
    loop {
        let result = if *sent < bytes.len() {
            link.write(&bytes[*sent..])
        } else if link.wants_write() {
            link.flush().map(|()| 0)
        } else {
            return Ok(true);
        };
        match result {
            Ok(length) => *sent += length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
