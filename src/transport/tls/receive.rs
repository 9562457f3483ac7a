//! From the socket's ciphertext to the caller's plaintext.
//!
//! rustls neither reads nor writes: it takes ciphertext from memory and gives plaintext, and the other way round. Three places
//! can hold bytes of the peer that the poller no longer sees: `overflow` (ciphertext that rustls had no room for), rustls's
//! half-finished record, and its plaintext that the caller's buffer had no room for. `read` empties the first and the last of
//! them before it asks the socket, else decrypted messages would lie there until the peer sends again.

use super::TlsLink;
use super::failure::{self, Stage};
use std::cell::RefCell;
use std::io::{self, Read};

/// Ciphertext read at a time. rustls by itself takes 4 KiB, which would be a system call for every quarter of a full record.
pub(super) const CIPHERTEXT: usize = 64 << 10;
/// Until a read fills it: a handshake takes less, and to zero all of it would take longer than that handshake's records.
const AT_FIRST: usize = 8 << 10;
/// rustls takes no ciphertext while it holds more plaintext than this.
const PLAINTEXT_LIMIT: usize = 16 << 10;

thread_local! {
    /// One buffer for each thread that reads, not for each client.
    pub(super) static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl TlsLink {
    /// Reads the link below once and decrypts into `buffer`; what does not fit stays in rustls and in `overflow`.
    pub(super) fn receive(&mut self, buffer: &mut [u8], most: usize) -> io::Result<usize> {
        // Taken, not borrowed: the link below may be a TLS link, too, and a thread's last functions run without its locals.
        let mut ciphertext = BUFFER.try_with(RefCell::take).unwrap_or_default();
        if ciphertext.is_empty() {
            ciphertext = vec![0; AT_FIRST];
        }
        let most = most.min(ciphertext.len());
        let read = self.inner.read(&mut ciphertext[..most]);
        let filled = matches!(read, Ok(length) if length == ciphertext.len());
        let result = read.map(|length| {
            if length == 0 {
                self.ended = true;
                return 0;
            }
            let mut rest = &ciphertext[..length];
            let copied = self.feed(&mut rest, buffer);
            self.overflow.extend_from_slice(rest);
            copied
        });
        if filled {
            ciphertext.resize(CIPHERTEXT, 0);
        }
        let _ = BUFFER.try_with(|place| place.replace(ciphertext));
        // The handshake sends its own, and its last flight may wait.
        if self.stage >= Stage::Silent && !self.flight_waits && self.connection.wants_write() {
            // An answer of TLS's own (a key update, an alert). If the socket is full, `wants_write` says so.
            let _ = self.push();
        }
        result
    }

    /// Gives `ciphertext` to rustls and copies plaintext out, until rustls has taken all or has no room left.
    fn feed(&mut self, ciphertext: &mut &[u8], buffer: &mut [u8]) -> usize {
        let mut copied = 0;
        // Nothing new to process; it tells what is there from before.
        let before = self.connection.process_new_packets();
        let mut held = before.map_or(0, |state| state.plaintext_bytes_to_read());
        while !ciphertext.is_empty()
            && self.failure.is_none()
            && !self.ended
            && held <= PLAINTEXT_LIMIT
        {
            let processed = match self.connection.read_tls(ciphertext) {
                Ok(0) => Err(rustls::Error::PeerSentOversizedRecord),
                Ok(_) => self.connection.process_new_packets(),
                Err(error) => Err(rustls::Error::General(error.to_string())),
            };
            if self.stage == Stage::First && self.connection.protocol_version().is_some() {
                self.stage = Stage::Handshake;
            }
            // An error, too, may follow records that were good.
            let taken = match &processed {
                Ok(state) if state.plaintext_bytes_to_read() == 0 => 0,
                _ => self.take_plaintext(&mut buffer[copied..]),
            };
            copied += taken;
            match processed {
                Ok(state) => {
                    self.ended |= state.peer_has_closed();
                    held = state.plaintext_bytes_to_read().saturating_sub(taken);
                }
                Err(error) => {
                    self.failure = Some(failure::explain(&error, self.stage(), &self.server_name))
                }
            }
        }
        if self.failure.is_some() || self.ended {
            // What comes after the end of TLS is no TLS.
            *ciphertext = &[];
        }
        copied
    }

    pub(super) fn take_plaintext(&mut self, buffer: &mut [u8]) -> usize {
        if buffer.is_empty() {
            return 0;
        }
        // Every error of the reader says "nothing there", in one way or the other.
        let length = self.connection.reader().read(buffer).unwrap_or(0);
        if length > 0 {
            self.stage = Stage::Accepted;
        }
        length
    }

    fn stage(&self) -> Stage {
        match self.stage {
            Stage::First | Stage::Handshake if !self.connection.is_handshaking() => Stage::Silent,
            stage => stage,
        }
    }

    /// A write failed because the peer is gone. If it has said why in an alert, that is the better error; the plaintext before it
    /// stays readable.
    pub(super) fn last_words(&mut self, error: io::Error) -> io::Error {
        for _ in 0..16 {
            if self.failure.is_some() || self.ended {
                break;
            }
            let mut scratch = [0; 4096];
            match self.inner.read(&mut scratch) {
                Ok(length @ 1..) => {
                    self.overflow.extend_from_slice(&scratch[..length]);
                    self.feed_overflow(&mut []);
                }
                _ => break,
            }
        }
        match &self.failure {
            Some(failure) => io::Error::other(failure.clone()),
            None => error,
        }
    }

    pub(super) fn feed_overflow(&mut self, buffer: &mut [u8]) -> usize {
        let overflow = std::mem::take(&mut self.overflow);
        let mut rest = overflow.as_slice();
        let copied = self.feed(&mut rest, buffer);
        if !rest.is_empty() {
            self.overflow = rest.to_vec();
        }
        copied
    }

    /// After a large record rustls keeps room for the next one. A client that has become idle gives it back.
    pub(super) fn shrink(&mut self) {
        // It shrinks when asked to read, whatever comes of it.
        let _ = self.connection.read_tls(&mut NothingYet);
    }
}

struct NothingYet;

impl Read for NothingYet {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}
