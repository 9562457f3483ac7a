//! Bytes to and from the broker: TCP, and what is layered over it: a proxy's exchange, TLS, WebSocket.

mod http;
pub mod https;
pub mod proxy;
pub mod tcp;
pub mod tls;
pub mod websocket;

#[cfg(any(test, fuzzing))]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) mod peer;

use crate::error::{Code, Error};
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;

/// What an opening exchange needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeState {
    Done,
    WantsRead,
    WantsWrite,
}

/// So often one read of a link takes in what brings nothing to read (pings, empty records, headers in pieces) before it says
/// `Interrupted`: a peer that goes on and on with it must not keep the thread.
const ROUNDS: usize = 64;

/// A connected, non-blocking stream of bytes.
///
/// An `io::Error` that is neither `WouldBlock` nor `Interrupted` ends the link; [`read_error`] says what it means.
pub trait Link: Send {
    /// Goes on with the link's own opening exchange as far as the socket allows; to be called until `Done` before anything is
    /// read or written, again whenever the poller has reported what it wants.
    fn handshake(&mut self) -> Result<HandshakeState, Error> {
        Ok(HandshakeState::Done)
    }

    /// Whether [`Link::handshake`] may run code of the application (a private key that only it can use): then it may block, and no
    /// lock of the application's client may be held.
    fn asks_application(&self) -> bool {
        false
    }

    /// What was agreed on in the opening exchange, for the log.
    fn summary(&self) -> Option<String> {
        None
    }

    /// Reads what is there. `Ok(0)` is the orderly end of the stream; `WouldBlock` means that the poller should be asked, `Interrupted` that
    /// there may be more when others have had their turn.
    /// A short read says nothing: only `WouldBlock` or [`Link::is_drained`] means that nothing is left, also inside the link (TLS
    /// holds decrypted bytes).
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Nothing was left behind what the last read gave: asking again would only cost a system call. What comes later is the poller's
    /// to tell.
    fn is_drained(&self) -> bool {
        false
    }

    /// Takes as much of `bytes` as it can. What it took may still be inside the link: see [`Link::wants_write`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// [`Link::write`] of several pieces, in one system call where the link can.
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match pieces.iter().find(|piece| !piece.is_empty()) {
            Some(piece) => self.write(piece),
            None => Ok(0),
        }
    }

    /// Pushes on what the link holds back (TLS records that the socket did not take). `WouldBlock` if some is left.
    fn flush(&mut self) -> io::Result<()>;

    /// Whether the link holds bytes that the socket has not taken. Ask after reading, too: TLS answers some records by itself.
    fn wants_write(&self) -> bool;

    /// Says good-bye where the layer knows how to (TLS close_notify) and ends the sending direction. Best effort, never blocks.
    fn close(&mut self);

    /// What to poll.
    fn fd(&self) -> BorrowedFd<'_>;
}

/// What a failed read, write or flush of a [`Link`] means. A layer that knows more than the socket (TLS: the alert by which the
/// broker refuses a certificate) has put its own [`Error`] into the `io::Error`; everything else is a connection that is gone.
pub fn read_error(error: &io::Error) -> Error {
    if let Some(known) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>())
    {
        return known.clone();
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset => {
            Error::new(Code::ConnectionLost, "the peer reset the connection")
        }
        io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotConnected => {
            Error::new(Code::ConnectionLost, "the peer closed the connection")
        }
        io::ErrorKind::TimedOut => Error::new(
            Code::ConnectionLost,
            "the peer did not acknowledge what was sent; the network is probably gone",
        ),
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => Error::new(
            Code::ConnectionLost,
            format!("the connection is gone: {error}"),
        ),
        _ => Error::new(Code::Io, format!("socket: {error}")),
    }
}
