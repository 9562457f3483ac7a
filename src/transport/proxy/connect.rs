//! The CONNECT method of HTTP (RFC 9110 section 9.3.6) with Basic authentication (RFC 7617).

use super::{called, failed, send};
use crate::config::{Proxy, ProxyLogin};
use crate::error::{Code, Error};
use crate::transport::http::{Answer, AnswerReader, printable};
use crate::transport::{HandshakeState, Link, read_error};
use data_encoding::BASE64;
use zeroize::Zeroizing;

pub(super) struct Connect {
    /// Holds the password.
    request: Zeroizing<Vec<u8>>,
    sent: usize,
    answer: AnswerReader,
    /// For errors.
    proxy: String,
    target: String,
    /// As it is sent.
    login: Option<Zeroizing<String>>,
}

/// So much of a login in the proxy's answer is its echo: what is shown of texts is cut, and with it the echo.
const ECHO: usize = 8;

impl Connect {
    pub(super) fn new(proxy: &Proxy, host: &str, port: u16) -> Connect {
        let target = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let mut request = Zeroizing::new(Vec::with_capacity(2048));
        request.extend_from_slice(
            format!(
                "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Connection: Keep-Alive\r\n"
            )
            .as_bytes(),
        );
        let login = proxy.login.as_ref().map(basic);
        if let Some(login) = &login {
            request.extend_from_slice(b"Proxy-Authorization: Basic ");
            request.extend_from_slice(login.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        Connect {
            request,
            sent: 0,
            answer: AnswerReader::default(),
            proxy: called(proxy),
            target,
            login,
        }
    }

    /// What comes behind the answer goes into `tail`.
    pub(super) fn advance(
        &mut self,
        link: &mut dyn Link,
        tail: &mut Vec<u8>,
    ) -> Result<HandshakeState, Error> {
        match send(link, &self.request, &mut self.sent) {
            Ok(true) => {}
            Ok(false) => return Ok(HandshakeState::WantsWrite),
            Err(error) => {
                let why = read_error(&error).detail;
                return Err(failed(format!("{}: {why}", self.proxy)));
            }
        }
        let answer = match self.answer.read(link) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(HandshakeState::WantsRead),
            Err(none) => {
                let error = none.error(Code::Proxy, &self.proxy, "it answered CONNECT");
                return Err(failed(error.detail.into_owned()));
            }
        };
        let refuses = |status: &str| {
            let (proxy, target) = (&self.proxy, &self.target);
            format!("{proxy} answers HTTP {status} to CONNECT {target}")
        };
        let why = match answer.status {
            200..=299 => {
                *tail = answer.tail;
                return Ok(HandshakeState::Done);
            }
            // tinyproxy answers 401 to a wrong password.
            401 | 407 => self.asks_for_authentication(&answer),
            _ => refuses(&answer.status_line()),
        };
        Err(failed(match self.echoes_login(&why) {
            true => refuses(&answer.status.to_string()),
            false => why,
        }))
    }

    /// Some proxies repeat the request that they refuse.
    fn echoes_login(&self, text: &str) -> bool {
        self.login.as_ref().is_some_and(|login| {
            // Never empty: there is a colon in it.
            let mut pieces = login.as_bytes().windows(ECHO.min(login.len()));
            pieces.any(|piece| text.as_bytes().windows(piece.len()).any(|at| at == piece))
        })
    }

    fn asks_for_authentication(&self, answer: &Answer) -> String {
        let status = answer.status_line();
        let schemes: Vec<String> = answer
            .values("Proxy-Authenticate")
            .filter_map(|value| value.split(|byte| *byte == b' ').next())
            .map(printable)
            .collect();
        let basic = schemes
            .iter()
            .any(|scheme| scheme.eq_ignore_ascii_case("Basic"));
        let proxy = &self.proxy;
        if !basic && !schemes.is_empty() {
            let schemes = schemes.join(", ");
            format!(
                "{proxy} asks for authentication by {schemes} (HTTP {status}), and this library knows Basic only"
            )
        } else if self.login.is_some() {
            format!(
                "{proxy} asks for authentication and does not accept this user name and password (HTTP {status})"
            )
        } else {
            format!(
                "{proxy} asks for authentication (HTTP {status}): put user name and password into its URL, http://user:password@host:port"
            )
        }
    }
}

fn basic(login: &ProxyLogin) -> Zeroizing<String> {
    let length = login.user.len() + 1 + login.password.len();
    let mut pair = Zeroizing::new(Vec::with_capacity(length));
    pair.extend_from_slice(&login.user);
    pair.push(b':');
    pair.extend_from_slice(&login.password);
    Zeroizing::new(BASE64.encode(&pair))
}
