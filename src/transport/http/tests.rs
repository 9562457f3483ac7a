//! Peers that never come to the end of an answer: they must not keep the thread.

use super::*;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// There is always something to read, and it is always the same.
struct Endless {
    text: &'static [u8],
    /// None: each read says `Interrupted`, as TLS does for records without a byte of plaintext.
    at: Option<usize>,
    piece: usize,
    reads: usize,
    /// Something to poll; nobody does.
    socket: UnixStream,
}

impl Endless {
    fn new(text: &'static [u8], piece: usize) -> Endless {
        Endless {
            text,
            at: Some(0),
            piece,
            reads: 0,
            socket: UnixStream::pair().unwrap().0,
        }
    }
}

impl Link for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        assert!(self.reads < 200_000, "it would read for ever");
        let Some(at) = &mut self.at else {
            return Err(io::ErrorKind::Interrupted.into());
        };
        let length = buffer.len().min(self.piece);
        for byte in &mut buffer[..length] {
            *byte = self.text[*at];
            *at = (*at + 1) % self.text.len();
        }
        Ok(length)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn wants_write(&self) -> bool {
        false
    }

    fn close(&mut self) {}

    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

const PROVISIONAL: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[test]
fn provisional_answers_count_as_one_head() {
    for piece in [1, 7, 4096] {
        let (mut reader, mut peer) = (AnswerReader::default(), Endless::new(PROVISIONAL, piece));
        let none = loop {
            match reader.read(&mut peer) {
                Ok(answer) => assert!(answer.is_none()),
                Err(none) => break none,
            }
        };
        let error = none.error(Code::WebSocket, "the server", "it answered");
        assert!(error.detail.contains("more than 65536 bytes"), "{error}");
    }
}

#[test]
fn a_head_byte_by_byte_gives_others_their_turn() {
    let (mut reader, mut peer) = (AnswerReader::default(), Endless::new(PROVISIONAL, 1));
    assert!(matches!(reader.read(&mut peer), Ok(None)));
    assert_eq!(peer.reads, ROUNDS);
}

#[test]
fn a_link_that_is_kept_busy_below_gives_others_their_turn() {
    let (mut reader, mut peer) = (AnswerReader::default(), Endless::new(PROVISIONAL, 1));
    peer.at = None;
    assert!(matches!(reader.read(&mut peer), Ok(None)));
    assert_eq!(peer.reads, 1, "the link has had its rounds");
}
