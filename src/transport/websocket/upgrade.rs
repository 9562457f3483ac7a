//! The request that turns HTTP into WebSocket, and its answer (RFC 6455 section 4). The URL may be signed and hold a session token,
//! so nothing of the request is ever shown.

use crate::error::{Code, Error};
use crate::transport::http::{Answer, AnswerReader, printable};
use crate::transport::{HandshakeState, Link, read_error};
use std::io;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use zeroize::Zeroizing;

/// [MQTT-6.0.0-3]
const SUBPROTOCOL: &str = "mqtt";

/// What the request says.
pub struct Upgrade {
    /// The value of the header `Host`, byte for byte as it was signed.
    pub host_header: String,
    /// `/mqtt`, with a query if it is signed. A secret.
    pub path_and_query: Zeroizing<String>,
    /// Names and values. Secrets.
    pub extra_headers: Vec<(String, Zeroizing<String>)>,
    /// Is told when the server answers with anything but a change of protocols.
    pub refused: Option<Box<dyn FnOnce(Refusal) + Send>>,
}

/// An answer that is no change of protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The header `Date`, by which a wrong clock of ours can be told.
    pub date: Option<String>,
}

/// The exchange under way.
pub(super) struct Exchange {
    request: Zeroizing<Vec<u8>>,
    sent: usize,
    /// What `Sec-WebSocket-Accept` must be.
    accept: String,
    answer: AnswerReader,
    refused: Option<Box<dyn FnOnce(Refusal) + Send>>,
}

impl Exchange {
    pub(super) fn new(upgrade: Upgrade) -> Result<Exchange, Error> {
        check("the host", &upgrade.host_header, false)?;
        check("the path", &upgrade.path_and_query, false)?;
        let key = generate_key();
        // Never grown, so that no copy of a secret stays behind.
        let length = upgrade
            .extra_headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum::<usize>()
            + upgrade.host_header.len()
            + upgrade.path_and_query.len()
            + 256;
        let mut request = Zeroizing::new(Vec::with_capacity(length));
        let mut add = |pieces: &[&str]| {
            for piece in pieces {
                request.extend_from_slice(piece.as_bytes());
            }
            request.extend_from_slice(b"\r\n");
        };
        add(&["GET ", &upgrade.path_and_query, " HTTP/1.1"]);
        add(&["Host: ", &upgrade.host_header]);
        add(&["Upgrade: websocket"]);
        add(&["Connection: Upgrade"]);
        add(&["Sec-WebSocket-Key: ", &key]);
        add(&["Sec-WebSocket-Version: 13"]);
        add(&["Sec-WebSocket-Protocol: ", SUBPROTOCOL]);
        for (name, value) in &upgrade.extra_headers {
            check("the name of a header", name, false)?;
            check("the value of a header", value, true)?;
            add(&[name, ": ", value]);
        }
        add(&[]);
        Ok(Exchange {
            request,
            sent: 0,
            accept: derive_accept_key(key.as_bytes()),
            answer: AnswerReader::default(),
            refused: upgrade.refused,
        })
    }

    /// What comes behind the answer goes into `tail`.
    pub(super) fn advance(
        &mut self,
        link: &mut dyn Link,
        tail: &mut Vec<u8>,
    ) -> Result<HandshakeState, Error> {
        while self.sent < self.request.len() || link.wants_write() {
            let result = match &self.request[self.sent..] {
                [] => link.flush().map(|()| 0),
                rest => link.write(rest),
            };
            match result {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(HandshakeState::WantsWrite);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(&error)),
            }
        }
        let answer = match self.answer.read(link) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(HandshakeState::WantsRead),
            Err(none) => {
                let what = "it answered the WebSocket upgrade";
                return Err(none.error(Code::WebSocket, "the server", what));
            }
        };
        if answer.status != 101 {
            return Err(self.refusal(&answer));
        }
        self.check(&answer)?;
        *tail = answer.tail;
        Ok(HandshakeState::Done)
    }

    fn refusal(&mut self, answer: &Answer) -> Error {
        if let Some(refused) = self.refused.take() {
            refused(Refusal {
                status: answer.status,
                date: answer.values("Date").next().map(printable),
            });
        }
        // AWS IoT names the kind of its refusal: ForbiddenException.
        let kind = match answer.values("x-amzn-ErrorType").next() {
            Some(kind) => format!(" ({})", printable(kind)),
            None => String::new(),
        };
        let (code, hint) = match answer.status {
            403 => (
                Code::Forbidden,
                ": it does not accept the credentials, or the clock of this machine is wrong",
            ),
            300..=399 => (Code::WebSocket, ": redirections are not followed"),
            404 => (Code::WebSocket, ": it has no MQTT at the path /mqtt"),
            _ => (Code::WebSocket, ""),
        };
        let status = answer.status_line();
        Error::new(
            code,
            format!("the server refused the WebSocket upgrade with HTTP {status}{kind}{hint}"),
        )
    }

    /// RFC 6455 section 4.1, the client's duties on an answer of 101.
    fn check(&self, answer: &Answer) -> Result<(), Error> {
        let wrong = |why: String| {
            let why = format!("the server's answer to the WebSocket upgrade {why}");
            Err(Error::new(Code::WebSocket, why))
        };
        if !answer.has_word("Upgrade", "websocket") {
            return wrong("does not say Upgrade: websocket".into());
        }
        if !answer.has_word("Connection", "Upgrade") {
            return wrong("does not say Connection: Upgrade".into());
        }
        if !answer
            .values("Sec-WebSocket-Accept")
            .eq([self.accept.as_bytes()])
        {
            return wrong("has a wrong Sec-WebSocket-Accept: it may come from a cache".into());
        }
        if answer.values("Sec-WebSocket-Extensions").next().is_some() {
            return wrong("has an extension that was not offered".into());
        }
        let mut protocols = answer.values("Sec-WebSocket-Protocol");
        match (protocols.next(), protocols.next()) {
            (Some(protocol), None) if protocol == SUBPROTOCOL.as_bytes() => Ok(()),
            (Some(protocol), None) => wrong(format!(
                "chooses the subprotocol \"{}\" instead of \"{SUBPROTOCOL}\" [MQTT-6.0.0-4]",
                printable(protocol)
            )),
            (None, _) => wrong(format!(
                "chooses no subprotocol; \"{SUBPROTOCOL}\" was asked for [MQTT-6.0.0-4]: does it speak MQTT?"
            )),
            _ => wrong("chooses several subprotocols".into()),
        }
    }
}

/// A line end or a blank in the wrong place would make another request of it.
fn check(what: &str, text: &str, blanks: bool) -> Result<(), Error> {
    let harmless = |byte: u8| byte > b' ' && byte != 0x7f || blanks && byte == b' ';
    if text.is_empty() || !text.bytes().all(harmless) {
        return Err(Error::new(
            Code::WebSocket,
            format!(
                "{what} of the WebSocket upgrade is empty or has a blank or a control character"
            ),
        ));
    }
    Ok(())
}
