//! MQTT over WebSocket (RFC 6455), over any link. The frames' headers are tungstenite's; the bytes between them are handed on as
//! they come, in the caller's buffer, so that no frame has to fit anywhere and none waits for its end.

mod incoming;
mod outgoing;
mod upgrade;

pub use upgrade::{Refusal, Upgrade};

use super::{HandshakeState, Link, ROUNDS};
use crate::error::{Code, Error};
use incoming::{End, Incoming};
use outgoing::Outgoing;
use std::io;
use std::os::fd::BorrowedFd;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use upgrade::Exchange;

/// The largest payload of a frame; with its header of 8 bytes it is what TLS encrypts at a time.
const LARGEST_PAYLOAD: usize = (64 << 10) - 8;

/// A client's end of a WebSocket connection. Drive [`Link::handshake`] to `Done` before reading and writing.
pub struct WebSocketLink {
    inner: Box<dyn Link>,
    /// `None`: it is done.
    exchange: Option<Box<Exchange>>,
    /// What came behind the answer to the upgrade. Nearly always empty.
    tail: Vec<u8>,
    incoming: Incoming,
    outgoing: Outgoing,
    /// Why nothing more can be read: `None` in it is the orderly end.
    ended: Option<Option<Error>>,
    /// A Close frame is on its way, so no other may follow (RFC 6455 section 5.5.1).
    close_said: bool,
    closed: bool,
}

impl WebSocketLink {
    pub fn new(inner: Box<dyn Link>, upgrade: Upgrade) -> Result<WebSocketLink, Error> {
        Ok(WebSocketLink {
            inner,
            exchange: Some(Box::new(Exchange::new(upgrade)?)),
            tail: Vec::new(),
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
            ended: None,
            close_said: false,
            closed: false,
        })
    }

    /// Bytes of frames: those that came with the answer to the upgrade first.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.tail.is_empty() {
            return self.inner.read(buffer);
        }
        let length = self.tail.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.tail[..length]);
        self.tail.drain(..length);
        Ok(length)
    }

    /// Answers what the frames just read ask for. What the socket does not take now goes out with the next flush.
    fn answer(&mut self) {
        let ping = self.incoming.ping.take().filter(|_| !self.close_said);
        if ping.is_some() {
            self.outgoing.pong = ping;
        }
        let Some(end) = self.incoming.end.take() else {
            return;
        };
        let (code, why) = match end {
            End::Closed { code, reason } => (code, closed_because(code, &reason)),
            End::Violation(code, why) => (
                Some(code),
                Some(Error::new(
                    Code::WebSocket,
                    format!("the server broke the WebSocket protocol: {why}"),
                )),
            ),
        };
        self.say_close(code);
        let _ = self.flush();
        self.ended = Some(why);
    }

    fn say_close(&mut self, code: Option<CloseCode>) {
        if !self.close_said {
            self.close_said = true;
            self.outgoing.pong = None;
            let code = code.map(|code| u16::from(code).to_be_bytes());
            let payload = code.as_ref().map_or(&[][..], |code| &code[..]);
            self.outgoing
                .frame(OpCode::Control(Control::Close), payload);
        }
    }
}

impl Link for WebSocketLink {
    fn handshake(&mut self) -> Result<HandshakeState, Error> {
        let Some(exchange) = &mut self.exchange else {
            return Ok(HandshakeState::Done);
        };
        let state = exchange.advance(&mut *self.inner, &mut self.tail)?;
        if state == HandshakeState::Done {
            self.exchange = None;
        }
        Ok(state)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        for _ in 0..ROUNDS {
            match &self.ended {
                Some(Some(why)) => return Err(io::Error::other(why.clone())),
                Some(None) => return Ok(0),
                None => {}
            }
            let length = self.receive(buffer)?;
            if length == 0 {
                self.ended = Some(None);
                return Ok(0);
            }
            let kept = self.incoming.unpack(&mut buffer[..length]);
            self.answer();
            if kept > 0 {
                return Ok(kept);
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    /// Takes one frame's worth.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if let Some(Some(why)) = &self.ended {
            return Err(io::Error::other(why.clone()));
        }
        if self.close_said || self.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.flush()?;
        let payload = &bytes[..bytes.len().min(LARGEST_PAYLOAD)];
        self.outgoing.frame(OpCode::Data(Data::Binary), payload);
        match self.flush() {
            // What is taken is inside and goes out with the next flush.
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(payload.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.outgoing.push(&mut *self.inner)
    }

    fn wants_write(&self) -> bool {
        self.outgoing.is_pending() || self.inner.wants_write()
    }

    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            if self.exchange.is_none() {
                self.say_close(Some(CloseCode::Normal));
                let _ = self.flush();
            }
            self.inner.close();
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.inner.fd()
    }
}

/// What the peer's Close frame means; `None`: nothing but the end.
fn closed_because(code: Option<CloseCode>, reason: &str) -> Option<Error> {
    let code = match code {
        None | Some(CloseCode::Normal) => return None,
        Some(code) => u16::from(code),
    };
    // RFC 6455 section 7.4.1.
    let name = match code {
        1001 => "it goes away",
        1002 => "protocol error",
        1003 => "data that it cannot take",
        1007 => "inconsistent data",
        1008 => "against its policy",
        1009 => "message too big",
        1010 => "it wants an extension",
        1011 => "internal error",
        1012 => "it restarts",
        1013 => "try again later",
        1014 => "bad gateway",
        _ => "no standard meaning",
    };
    let colon = if reason.is_empty() { "" } else { ": " };
    Some(Error::new(
        Code::ConnectionLost,
        format!("the broker closed the WebSocket with code {code} ({name}){colon}{reason}"),
    ))
}

#[cfg(test)]
mod tests;
