//! A peer in memory for the tests of layers: what it has said is read in pieces of any size, what it hears is kept.

use super::{HandshakeState, Link};
use crate::error::Error;
use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Clone)]
pub struct Peer {
    state: Arc<Mutex<State>>,
    /// Something to poll; nobody does.
    fd: Arc<OwnedFd>,
}

#[derive(Default)]
pub struct State {
    said: VecDeque<u8>,
    ended: bool,
    pub heard: Vec<u8>,
    /// Bytes that a read or write moves at most.
    piece: usize,
    /// Each second call finds the socket not ready.
    moody: bool,
    ready: bool,
    /// Bytes that are still taken.
    room: usize,
    pub closed: bool,
}

impl Peer {
    pub fn new() -> Peer {
        let (socket, _) = std::os::unix::net::UnixStream::pair().unwrap();
        let state = State {
            piece: usize::MAX,
            room: usize::MAX,
            ..State::default()
        };
        Peer {
            state: Arc::new(Mutex::new(state)),
            fd: Arc::new(socket.into()),
        }
    }

    /// A network at its worst: one byte at a time, and each second call finds it not ready.
    pub fn trickling() -> Peer {
        let peer = Peer::new();
        peer.state().piece = 1;
        peer.state().moody = true;
        peer
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn say(&self, bytes: &[u8]) {
        self.state().said.extend(bytes);
    }

    pub fn end(&self) {
        self.state().ended = true;
    }

    /// The socket's buffer has this much room now.
    pub fn take_only(&self, room: usize) {
        self.state().room = room;
    }

    pub fn heard(&self) -> Vec<u8> {
        std::mem::take(&mut self.state().heard)
    }
}

impl State {
    fn turn(&mut self) -> io::Result<()> {
        self.ready = !self.ready || !self.moody;
        match self.ready {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Link for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        state.turn()?;
        let length = buffer.len().min(state.piece);
        match state.said.read(&mut buffer[..length])? {
            0 if !state.ended => Err(io::ErrorKind::WouldBlock.into()),
            length => {
                moved();
                Ok(length)
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        state.turn()?;
        let length = bytes.len().min(state.piece).min(state.room);
        if length == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.room -= length;
        moved();
        state.heard.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn wants_write(&self) -> bool {
        false
    }

    fn close(&mut self) {
        self.state().closed = true;
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

thread_local! {
    /// Reads and writes that moved something on this thread.
    static MOVES: Cell<u64> = const { Cell::new(0) };
}

fn moved() {
    MOVES.set(MOVES.get() + 1);
}

/// Goes on with the handshake until `Done` or until nothing moves any more.
pub fn handshake(link: &mut dyn Link) -> Result<HandshakeState, Error> {
    let (mut moves, mut idle) = (MOVES.get(), 0);
    loop {
        let state = link.handshake()?;
        if state == HandshakeState::Done || idle == 3 {
            return Ok(state);
        }
        idle = if moves == MOVES.get() { idle + 1 } else { 0 };
        moves = MOVES.get();
    }
}

/// So often a peer may be not ready in the middle of a control frame, byte by byte.
const IDLE: usize = 300;

/// All that can be read now, and how it stopped: `None` is the orderly end.
pub fn read_all(link: &mut dyn Link, piece: usize) -> (Vec<u8>, Option<io::Error>) {
    let (mut all, mut idle) = (Vec::new(), 0);
    let mut buffer = vec![0; piece];
    loop {
        match link.read(&mut buffer) {
            Ok(0) => return (all, None),
            Ok(length) => {
                idle = 0;
                all.extend_from_slice(&buffer[..length]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && idle < IDLE => idle += 1,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (all, Some(error)),
        }
    }
}
