//! One request over HTTPS, blocking: for dialer threads, which may wait. Everything is bounded, the time by the caller's clock.

mod answer;

pub use answer::Answer;

use super::proxy::ProxyLink;
use super::tcp::TcpLink;
use super::tls::{TlsConfig, TlsLink};
use super::{HandshakeState, Link, read_error};
use crate::config::Proxy;
use crate::error::{Code, Error};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Get<'a> {
    /// What the server's certificate must be for.
    pub server_name: &'a str,
    /// The header `Host`.
    pub host: &'a str,
    pub path: &'a str,
    /// Names and values of further headers: without line breaks.
    pub headers: &'a [(&'a str, &'a str)],
    /// More than this is no answer.
    pub largest_body: usize,
}

/// The time that is left, asked again and again; zero ends the request.
pub type TimeLeft<'a> = &'a dyn Fn() -> Duration;

/// So often is asked for the time that is left, as it can come to its end early.
const LOOK_UP: Duration = Duration::from_millis(200);

/// Asks over a connected link.
pub fn get(
    tcp: Box<dyn Link>,
    tls: &TlsConfig,
    request: &Get<'_>,
    left: TimeLeft<'_>,
) -> Result<Answer, Error> {
    let mut link = Blocking {
        link: Box::new(TlsLink::new(tcp, tls, request.server_name)?),
        left,
    };
    link.handshake("the TLS handshake")?;
    link.write_all(head(request).as_bytes())?;
    let answer = answer::read(&mut |buffer| link.read(buffer), request.largest_body)?;
    link.link.close();
    Ok(answer)
}

/// For the fuzzer: one answer, from whatever gives bytes.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_answer(
    source: &mut dyn FnMut(&mut [u8]) -> Result<usize, Error>,
    largest_body: usize,
) -> Result<Answer, Error> {
    answer::read(source, largest_body)
}

/// Lets the proxy at the other end of a connected link connect to `host` and `port`.
pub fn through(
    proxy: &Proxy,
    tcp: Box<dyn Link>,
    host: &str,
    port: u16,
    left: TimeLeft<'_>,
) -> Result<Box<dyn Link>, Error> {
    let mut link = Blocking {
        link: Box::new(ProxyLink::new(tcp, proxy, host, port)?),
        left,
    };
    link.handshake("the proxy's answer")?;
    Ok(link.link)
}

/// TCP to the first of the addresses that answers. The time is shared among them, so that a dead one does not take it all.
pub fn connect(addresses: &[SocketAddr], left: TimeLeft<'_>) -> Result<TcpLink, Error> {
    let mut failed = Error::new(Code::Dns, "there is no address to connect to");
    for (index, &address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - index - 1).unwrap_or(u32::MAX);
        let kept = left() / others.saturating_add(1) * others;
        match connect_to(address, &|| left().saturating_sub(kept)) {
            Ok(link) => return Ok(link),
            Err(why) => failed = why,
        }
    }
    Err(failed)
}

fn connect_to(address: SocketAddr, left: TimeLeft<'_>) -> Result<TcpLink, Error> {
    let link = TcpLink::start(address)?;
    loop {
        wait(link.fd(), PollFlags::OUT, left, "TCP")?;
        if link.finish()? {
            return Ok(link);
        }
    }
}

fn head(request: &Get<'_>) -> String {
    let mut head = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nUser-Agent: {}\r\nConnection: close\r\n",
        request.path,
        request.host,
        concat!("aws_iot_mqtt/", env!("CARGO_PKG_VERSION")),
    );
    for (name, value) in request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

/// A link that waits for its socket.
struct Blocking<'a> {
    link: Box<dyn Link>,
    left: TimeLeft<'a>,
}

impl Blocking<'_> {
    fn handshake(&mut self, what: &str) -> Result<(), Error> {
        loop {
            let flags = match self.link.handshake()? {
                HandshakeState::Done => return Ok(()),
                HandshakeState::WantsRead => PollFlags::IN,
                HandshakeState::WantsWrite => PollFlags::OUT,
            };
            self.wait(flags, what)?;
        }
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() || self.link.wants_write() {
            let result = match bytes {
                [] => self.link.flush().map(|()| 0),
                _ => self.link.write(bytes),
            };
            match result {
                Ok(length) => bytes = &bytes[length..],
                Err(error) => self.retry(&error, PollFlags::OUT, "the request to go out")?,
            }
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            // A server that sends without an end must not outlast the time, even if the socket always has something.
            if (self.left)().is_zero() {
                return Err(late("the answer"));
            }
            match self.link.read(buffer) {
                Ok(length) => return Ok(length),
                Err(error) => self.retry(&error, PollFlags::IN, "the answer")?,
            }
        }
    }

    fn retry(&self, error: &io::Error, flags: PollFlags, what: &str) -> Result<(), Error> {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.wait(flags, what),
            io::ErrorKind::Interrupted => Ok(()),
            _ => Err(read_error(error)),
        }
    }

    fn wait(&self, flags: PollFlags, what: &str) -> Result<(), Error> {
        wait(self.link.fd(), flags, self.left, what)
    }
}

fn wait(fd: BorrowedFd<'_>, flags: PollFlags, left: TimeLeft<'_>, what: &str) -> Result<(), Error> {
    loop {
        let time = left().min(LOOK_UP);
        if time.is_zero() {
            return Err(late(what));
        }
        let limit = Timespec {
            tv_sec: 0,
            tv_nsec: time.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&limit)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => {
                let why = format!("the socket cannot be waited for: {error}");
                return Err(Error::new(Code::Io, why));
            }
        }
    }
}

fn late(what: &str) -> Error {
    Error::new(
        Code::Timeout,
        format!("the time for the attempt was up while waiting for {what}"),
    )
}
