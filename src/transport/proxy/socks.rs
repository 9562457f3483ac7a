//! SOCKS version 5 (RFC 1928) with user name and password (RFC 1929). The proxy resolves the host name.

use super::{called, failed, send};
use crate::config::Proxy;
use crate::error::{Code, Error};
use crate::transport::{HandshakeState, Link, read_error};
use std::io;
use std::net::IpAddr;
use zeroize::Zeroizing;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

pub(super) struct Socks {
    stage: Stage,
    /// What is being sent; may hold the password.
    request: Zeroizing<Vec<u8>>,
    sent: usize,
    /// What has come of the answer to it. Never more than the answer: what follows is the server's.
    answer: Vec<u8>,
    login: Option<Zeroizing<Vec<u8>>>,
    connect: Vec<u8>,
    /// For errors.
    proxy: String,
    target: String,
}

#[derive(Clone, Copy)]
enum Stage {
    /// Which ways of authentication we know. Next: `Login` or `Request`, as the proxy chooses.
    Greeting,
    /// User name and password. Next: `Request`.
    Login,
    /// Where to connect. Then the proxy passes bytes on.
    Request,
}

impl Socks {
    pub(super) fn new(proxy: &Proxy, host: &str, port: u16) -> Result<Socks, Error> {
        let mut connect = vec![VERSION, CONNECT, 0];
        match host.parse() {
            Ok(IpAddr::V4(address)) => {
                connect.push(IPV4);
                connect.extend_from_slice(&address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                connect.push(IPV6);
                connect.extend_from_slice(&address.octets());
            }
            Err(_) => {
                let Ok(length) = u8::try_from(host.len()) else {
                    let why = format!("the host name has {} bytes, SOCKS can send 255", host.len());
                    return Err(failed(why));
                };
                connect.extend_from_slice(&[NAME, length]);
                connect.extend_from_slice(host.as_bytes());
            }
        }
        connect.extend_from_slice(&port.to_be_bytes());
        let greeting = match proxy.login {
            Some(_) => vec![VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
            None => vec![VERSION, 1, NO_AUTHENTICATION],
        };
        let login = match &proxy.login {
            None => None,
            Some(login) => {
                let mut request = Zeroizing::new(Vec::with_capacity(513));
                request.push(1);
                for text in [login.user.as_slice(), login.password.as_slice()] {
                    let Ok(length) = u8::try_from(text.len()) else {
                        return Err(failed(
                            "user name or password of the proxy has more than 255 bytes".into(),
                        ));
                    };
                    request.push(length);
                    request.extend_from_slice(text);
                }
                Some(request)
            }
        };
        Ok(Socks {
            stage: Stage::Greeting,
            request: Zeroizing::new(greeting),
            sent: 0,
            answer: Vec::new(),
            login,
            connect,
            proxy: called(proxy),
            target: format!("{host} port {port}"),
        })
    }

    pub(super) fn advance(&mut self, link: &mut dyn Link) -> Result<HandshakeState, Error> {
        loop {
            match send(link, &self.request, &mut self.sent) {
                Ok(true) => {}
                Ok(false) => return Ok(HandshakeState::WantsWrite),
                Err(error) => return Err(self.broken(&error)),
            }
            loop {
                let missing = self.length()?.saturating_sub(self.answer.len());
                if missing == 0 {
                    break;
                }
                let mut piece = [0; 262];
                let missing = missing.min(piece.len());
                match link.read(&mut piece[..missing]) {
                    Ok(0) => {
                        let why = "closed the connection in the middle of its exchange";
                        return Err(self.failed(why));
                    }
                    Ok(length) => self.answer.extend_from_slice(&piece[..length]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        return Ok(HandshakeState::WantsRead);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(self.broken(&error)),
                }
            }
            if let Some(done) = self.answered()? {
                return Ok(done);
            }
        }
    }

    /// How long the answer must become, as far as that is known already.
    fn length(&self) -> Result<usize, Error> {
        let version = match self.stage {
            Stage::Login => 1,
            _ => VERSION,
        };
        if let Some(other) = self.answer.first().filter(|byte| **byte != version) {
            let hint = match other {
                b'H' => ": it answers as an HTTP proxy does, so write http:// in its URL",
                4 | 0 => ": it is of version 4",
                _ => ": is this the right port?",
            };
            return Err(self.failed(&format!("does not speak SOCKS version 5{hint}")));
        }
        match (self.stage, self.answer.as_slice()) {
            (Stage::Request, [_, 0, _, kind, first, ..]) => match *kind {
                IPV4 => Ok(10),
                IPV6 => Ok(22),
                NAME => Ok(7 + usize::from(*first)),
                _ => Err(self.failed("answers with an address of unknown kind")),
            },
            // A refusal may be shorter than the standard wants.
            (Stage::Request, [] | [_] | [_, 0, ..]) => {
                Ok(if self.answer.len() < 2 { 2 } else { 5 })
            }
            _ => Ok(2),
        }
    }

    /// The answer is whole: what comes next, or `Done`.
    fn answered(&mut self) -> Result<Option<HandshakeState>, Error> {
        let verdict = self.answer.get(1).copied().unwrap_or_default();
        let next = match (self.stage, verdict) {
            (Stage::Greeting, NO_AUTHENTICATION) => Stage::Request,
            (Stage::Greeting, USER_AND_PASSWORD) if self.login.is_some() => Stage::Login,
            (Stage::Greeting, NONE_ACCEPTABLE) if self.login.is_some() => {
                return Err(self.failed("accepts neither user name and password nor none"));
            }
            (Stage::Greeting, NONE_ACCEPTABLE | USER_AND_PASSWORD) => {
                return Err(self.failed(
                    "asks for authentication: put user name and password into its URL, socks5h://user:password@host:port",
                ));
            }
            (Stage::Greeting, other) => {
                return Err(self.failed(&format!(
                    "chose the way of authentication {other}, which was not offered"
                )));
            }
            (Stage::Login, 0) => Stage::Request,
            (Stage::Login, _) => {
                return Err(self.failed("does not accept this user name and password"));
            }
            (Stage::Request, 0) => return Ok(Some(HandshakeState::Done)),
            (Stage::Request, reply) => {
                let why = format!("cannot connect to {}: {}", self.target, reply_name(reply));
                return Err(self.failed(&why));
            }
        };
        self.request = match next {
            Stage::Login => self.login.take().unwrap_or_default(),
            _ => Zeroizing::new(std::mem::take(&mut self.connect)),
        };
        self.stage = next;
        self.sent = 0;
        self.answer.clear();
        Ok(None)
    }

    fn failed(&self, what: &str) -> Error {
        failed(format!("{} {what}", self.proxy))
    }

    fn broken(&self, error: &io::Error) -> Error {
        let why = read_error(error).detail;
        Error::new(Code::Proxy, format!("{}: {why}", self.proxy))
    }
}

/// RFC 1928 section 6.
fn reply_name(reply: u8) -> String {
    let name = match reply {
        1 => "general failure",
        2 => "its rules do not allow that connection",
        3 => "the network is unreachable",
        4 => "the host is unreachable, or its name cannot be resolved",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "it does not know the command CONNECT",
        8 => "it does not know this kind of address",
        _ => "for a reason that the standard does not know",
    };
    format!("{name} (reply {reply})")
}
