//! A stream socket, and the name look-up before it.

use super::Link;
use crate::error::{Code, Error};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A peer that is gone must be an error, never a signal that ends the application, so nothing here may use `write` or `writev`.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::NOSIGNAL;
/// Apple's systems know this as an option of the socket: see [`prepare`].
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::empty();

/// A non-blocking, close-on-exec stream socket without Nagle's delay: batching is ours.
#[derive(Debug)]
pub struct TcpLink {
    socket: Socket,
    /// Whom we call, for errors. `None`: the application made the socket.
    address: Option<SocketAddr>,
    /// The last read was shorter than what was asked for.
    drained: bool,
}

impl TcpLink {
    /// Begins to connect. Poll for writability, then ask [`TcpLink::finish`].
    pub fn start(address: SocketAddr) -> Result<TcpLink, Error> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )
        .and_then(|socket| prepare(&socket).map(|()| socket))
        .map_err(|error| Error::new(Code::Io, format!("no socket for {address}: {error}")))?;
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if in_progress(&error) => {}
            Err(error) => return Err(connect_error(address, &error)),
        }
        Ok(TcpLink {
            socket,
            address: Some(address),
            drained: false,
        })
    }

    /// After the poller has reported the socket writable: is it connected?
    pub fn finish(&self) -> Result<bool, Error> {
        if let Some(error) = self.socket.take_error().unwrap_or_else(Some) {
            return Err(self.failed(&error));
        }
        match self.socket.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Takes a connected stream socket of any family that the application made.
    pub fn from_socket(fd: OwnedFd) -> Result<TcpLink, Error> {
        let number = fd.as_raw_fd();
        let refused = |why: String| {
            Error::new(
                Code::SocketFactory,
                format!("the socket factory returned descriptor {number}, {why}"),
            )
        };
        let socket = Socket::from(fd);
        match socket.r#type() {
            Ok(kind) if kind == Type::STREAM => {}
            Ok(_) => return Err(refused("which is not a stream socket".into())),
            Err(error) => return Err(refused(format!("which is not a socket: {error}"))),
        }
        if let Err(error) = socket.peer_addr() {
            if error.kind() == io::ErrorKind::NotConnected {
                return Err(refused("which is not connected".into()));
            }
        }
        fcntl_setfd(&socket, FdFlags::CLOEXEC)
            .map_err(io::Error::from)
            .and_then(|()| prepare(&socket))
            .map_err(|error| refused(format!("which cannot be made non-blocking: {error}")))?;
        Ok(TcpLink {
            socket,
            address: None,
            drained: false,
        })
    }

    fn failed(&self, error: &io::Error) -> Error {
        match self.address {
            Some(address) => connect_error(address, error),
            None => Error::new(
                Code::SocketFactory,
                format!("the socket factory's socket: {error}"),
            ),
        }
    }
}

impl Link for TcpLink {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (length, _) =
            rustix::io::retry_on_intr(|| recv(&self.socket, &mut *buffer, RecvFlags::empty()))
                .map_err(io::Error::from)?;
        self.drained = length < buffer.len();
        Ok(length)
    }

    fn is_drained(&self) -> bool {
        self.drained
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        rustix::io::retry_on_intr(|| send(&self.socket, bytes, SEND)).map_err(io::Error::from)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if let [piece] = pieces {
            return self.write(piece);
        }
        rustix::io::retry_on_intr(|| {
            sendmsg(
                &self.socket,
                pieces,
                &mut SendAncillaryBuffer::default(),
                SEND,
            )
        })
        .map_err(io::Error::from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn wants_write(&self) -> bool {
        false
    }

    fn close(&mut self) {
        // Fails only if the peer was faster.
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// An IPv6 literal may come in the brackets that URLs need.
fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host)
}

/// The address that `host` is, if it is no name.
pub fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    let address = without_brackets(host).parse().ok()?;
    Some(SocketAddr::new(address, port))
}

/// The addresses behind a host name, in the system's order of preference. Blocks while DNS is asked.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    if let Some(address) = literal(host, port) {
        return Ok(vec![address]);
    }
    let name = without_brackets(host);
    let unknown = |why: &str| {
        Error::new(
            Code::Dns,
            format!("cannot resolve the host name \"{host}\": {why}"),
        )
    };
    if name.is_empty() {
        return Err(unknown("it is empty"));
    }
    let addresses: Vec<SocketAddr> = (name, port)
        .to_socket_addrs()
        .map_err(|error| {
            let text = error.to_string();
            unknown(
                text.strip_prefix("failed to lookup address information: ")
                    .unwrap_or(&text),
            )
        })?
        .collect();
    if addresses.is_empty() {
        return Err(unknown("it has no addresses"));
    }
    Ok(addresses)
}

/// `Socket::new` has already set close-on-exec.
fn prepare(socket: &Socket) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    #[cfg(target_vendor = "apple")]
    rustix::net::sockopt::set_socket_nosigpipe(socket, true)?;
    // A socket that is not TCP has no Nagle either.
    let _ = socket.set_tcp_nodelay(true);
    Ok(())
}

fn in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

fn connect_error(address: SocketAddr, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        Error::new(
            Code::ConnectionRefused,
            format!(
                "{address} refused the connection: nothing listens on this port, or a firewall rejects it"
            ),
        )
    } else {
        Error::new(Code::Io, format!("cannot connect to {address}: {error}"))
    }
}

#[cfg(test)]
mod tests;
