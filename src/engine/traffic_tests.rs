//! Reading and writing: what a link holds back that has taken bytes which the socket did not, and what memory comes round again.

use super::inner::Inner;
use super::shared::{Engine, lock};
use super::state::Connection;
use super::traffic::ReadBuffer;
use super::{clock, driving::Driving};
use crate::config::{Config, QoS};
use crate::session::{Login, Wait};
use crate::transport::Link;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// As TLS and WebSocket: takes what it is given, and hands it on when the socket lets it.
struct Holding {
    socket: UnixStream,
    coming: Vec<u8>,
    held: Vec<u8>,
    open: Arc<AtomicBool>,
    arrived: Arc<Mutex<Vec<u8>>>,
}

impl Link for Holding {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let coming = std::mem::take(&mut self.coming);
        if coming.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        buffer[..coming.len()].copy_from_slice(&coming);
        Ok(coming.len())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        self.held.extend_from_slice(bytes);
        let _ = self.flush();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.held.is_empty() && !self.open.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.arrived.lock().unwrap().append(&mut self.held);
        Ok(())
    }

    fn wants_write(&self) -> bool {
        !self.held.is_empty()
    }

    fn close(&mut self) {}

    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

/// A client whose link is open. Nothing was written on it yet.
struct Rig {
    inner: Arc<Inner>,
    open: Arc<AtomicBool>,
    arrived: Arc<Mutex<Vec<u8>>>,
}

impl Rig {
    fn new() -> Rig {
        Rig::with(CONNACK.to_vec())
    }

    /// The first read brings these.
    fn with(coming: Vec<u8>) -> Rig {
        let engine = Arc::new(Engine::new(Some(Driving::new())).expect("an engine"));
        let inner = Inner::new(Config::default(), engine).expect("a client");
        let (open, arrived) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let link = Holding {
            socket: UnixStream::pair().expect("sockets").0,
            coming,
            held: Vec::new(),
            open: Arc::clone(&open),
            arrived: Arc::clone(&arrived),
        };
        {
            let mut state = lock(&inner.state);
            let now = clock::now();
            let accepted = state.session.connect(now, 0, Wait::Forever, |_| None);
            accepted.expect("accepted");
            state.take_outputs();
            state.connection = Connection::Up(Box::new(link));
            state.session.opened(now, &Login::default());
        }
        Rig {
            inner,
            open,
            arrived,
        }
    }

    fn read(&self) {
        lock(&self.inner.state).read(&self.inner, clock::now(), &mut ReadBuffer::default());
    }

    /// What was held goes on, or does not.
    fn write(&self, open: bool) -> Vec<u8> {
        self.open.store(open, Ordering::SeqCst);
        let mut state = lock(&self.inner.state);
        state.blocked = false;
        state.take_outputs();
        state.write(clock::now());
        std::mem::take(&mut self.arrived.lock().expect("no panic"))
    }
}

#[test]
fn mqtt_3_14_4_1_disconnect_leaves_the_link_before_the_link_is_closed() {
    let rig = Rig::new();
    rig.read();
    rig.write(true);
    {
        let mut state = lock(&rig.inner.state);
        let (now, qos) = (clock::now(), QoS::AtMostOnce);
        let published =
            state
                .session
                .publish(now, b"t", b"x", qos, false, Wait::Forever, |_, _| None);
        published.expect("accepted");
        state.session.disconnect(now, |_| None).expect("accepted");
    }
    assert!(rig.write(false).is_empty());
    let is_up = || matches!(lock(&rig.inner.state).connection, Connection::Up(_));
    assert!(is_up(), "the link holds DISCONNECT");
    let expected = [0x30, 4, 0, 1, b't', b'x', 0xE0, 0];
    assert_eq!(rig.write(true), expected);
    assert!(!is_up());
}

#[test]
fn p7_undelivered_messages_of_the_last_connection_do_not_keep_the_next_from_being_made() {
    let rig = Rig::new();
    let mut state = lock(&rig.inner.state);
    state.undelivered = 8 << 20;
    state.settle_pause(clock::now());
    state.read(&rig.inner, clock::now(), &mut ReadBuffer::default());
    assert!(state.session.is_connected());
    state.settle_pause(clock::now());
    assert!(state.paused);
    state.undelivered = 0;
}

#[test]
fn memory_of_messages_that_were_delivered_is_there_for_whoever_reads_next() {
    let publish = [0x30, 4, 0, 1, b't', b'x'];
    let rig = Rig::with([&CONNACK[..], &publish].concat());
    let spare = || rig.inner.engine.core.spare_messages.take();
    rig.read();
    assert_eq!(spare().capacity(), 0, "the message is in its memory");
    std::thread::scope(|scope| {
        scope.spawn(|| rig.inner.dispatch());
    });
    let given_back = spare();
    assert!(given_back.is_empty() && given_back.capacity() > 0);
    assert_eq!(spare().capacity(), 0);
}
