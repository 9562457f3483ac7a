use super::peer::*;
use crate::transport::tls::TlsLink;
use crate::transport::tls::receive::{BUFFER, CIPHERTEXT};
use crate::transport::{Link, read_error};
use rustix::event::PollFlags;
use rustls::ServerConnection;
use rustls::version::{TLS12, TLS13};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

#[test]
fn a_record_larger_than_the_buffer_is_not_stranded() {
    let ca = Authority::new("ca");
    let (address, server) = serve(
        server_config(&ca.server(HOST), None, &[&TLS13]),
        |mut stream| {
            stream.write_all(&pattern(16_384))?;
            // Until the client goes: nothing may come that wakes it.
            stream.read(&mut [0])
        },
    );
    let mut link = client(dial(address), &credentials(&ca, None), HOST);
    handshake(&mut link).unwrap();
    let mut bytes = vec![0; 100];
    let mut filled = read(&mut link, &mut bytes).unwrap();
    bytes.truncate(filled);
    // It is one record, so that with its first byte all of it is here, and none of it on the socket.
    while filled < 16_384 {
        let mut piece = [0; 100];
        let length = link.read(&mut piece).unwrap();
        assert_ne!(length, 0);
        bytes.extend_from_slice(&piece[..length]);
        filled += length;
    }
    assert_eq!(bytes, pattern(16_384));
    assert_eq!(
        link.read(&mut [0]).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    link.close();
    server.join().unwrap().unwrap();
}

#[test]
fn a_mebibyte_both_ways_with_a_slow_reader() {
    const LENGTH: usize = 1 << 20;
    let ca = Authority::new("ca");
    let (full, full_at_server) = std::sync::mpsc::channel();
    let (address, server) = serve(
        server_config(&ca.server(HOST), None, &[&TLS13]),
        move |mut stream| {
            stream.write_all(&pattern(LENGTH))?;
            // The client's writes meet a full socket: it is not read before they have.
            full_at_server
                .recv_timeout(DEADLINE)
                .map_err(io::Error::other)?;
            let mut bytes = vec![0; LENGTH];
            for piece in bytes.chunks_mut(777) {
                stream.read_exact(piece)?;
            }
            stream.conn.send_close_notify();
            stream.flush()?;
            Ok(bytes)
        },
    );
    let tcp = dial(address);
    let fd = tcp.fd();
    socket2::SockRef::from(&fd)
        .set_send_buffer_size(16 << 10)
        .unwrap();
    socket2::SockRef::from(&fd)
        .set_recv_buffer_size(16 << 10)
        .unwrap();
    let mut link = client(tcp, &credentials(&ca, None), HOST);
    handshake(&mut link).unwrap();

    let (sent, mut received) = (pattern(LENGTH), Vec::new());
    let (mut position, mut ended) = (0, false);
    while !ended {
        let mut flags = PollFlags::IN;
        if position < LENGTH || link.wants_write() {
            flags |= PollFlags::OUT;
        }
        wait(link.fd(), flags);
        let result = if position < LENGTH {
            link.write(&sent[position..])
        } else {
            link.flush().map(|()| 0)
        };
        match result {
            Ok(length) => position += length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                full.send(()).unwrap_or_default()
            }
            Err(error) => panic!("{error}"),
        }
        let mut piece = [0; 700];
        loop {
            match link.read(&mut piece) {
                Ok(0) => break ended = true,
                Ok(length) => received.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(
        received == pattern(LENGTH),
        "what was received is not what was sent"
    );
    assert!(
        server.join().unwrap().unwrap() == sent,
        "what was sent is not what was received"
    );
    assert!(link.overflow.capacity() == 0);
}

/// A link to a server in the same thread: all that it has sent is read at once.
#[derive(Clone)]
struct Memory(Arc<Mutex<(VecDeque<u8>, Vec<u8>)>>, Arc<OwnedFd>);

impl Memory {
    fn new() -> Memory {
        let (socket, _) = std::os::unix::net::UnixStream::pair().unwrap();
        Memory(Arc::default(), Arc::new(socket.into()))
    }

    fn exchange(&self, server: &mut ServerConnection) {
        let mut pipes = self.0.lock().unwrap();
        let sent = std::mem::take(&mut pipes.1);
        let mut sent = sent.as_slice();
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
            server.process_new_packets().unwrap();
        }
        while server.wants_write() {
            server.write_tls(&mut pipes.0).unwrap();
        }
    }
}

impl Link for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.lock().unwrap().0.read(buffer) {
            Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
            result => result,
        }
    }
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().1.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn wants_write(&self) -> bool {
        false
    }
    fn close(&mut self) {}
    fn fd(&self) -> BorrowedFd<'_> {
        self.1.as_fd()
    }
}

#[test]
fn what_comes_with_the_end_of_the_handshake_is_kept_even_if_it_is_much() {
    const LENGTH: usize = 50_000;
    let ca = Authority::new("ca");
    let mut server =
        ServerConnection::new(Arc::new(server_config(&ca.server(HOST), None, &[&TLS12]))).unwrap();
    server.set_buffer_limit(None);
    // As of a thread that has read much.
    BUFFER.set(vec![0; CIPHERTEXT]);
    // rustls sends this in one flight with its Finished.
    server.writer().write_all(&pattern(LENGTH)).unwrap();
    let memory = Memory::new();
    let mut link = client(memory.clone(), &credentials(&ca, None), HOST);
    for _ in 0..3 {
        if link.handshake().unwrap() == crate::transport::HandshakeState::Done {
            break;
        }
        memory.exchange(&mut server);
    }
    assert!(
        !link.overflow.is_empty(),
        "this test wants more than rustls holds"
    );
    let mut received = Vec::new();
    let mut piece = [0; 1000];
    while received.len() < LENGTH {
        let length = link.read(&mut piece).unwrap();
        assert_ne!(length, 0);
        received.extend_from_slice(&piece[..length]);
    }
    assert!(received == pattern(LENGTH));
    assert_eq!(
        link.read(&mut piece).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    assert_eq!(link.overflow.capacity(), 0);
}

/// Over TLS 1.3, where the client's last flight waits for its first bytes.
fn shaken_hands() -> (Memory, ServerConnection, TlsLink) {
    let ca = Authority::new("ca");
    let mut server =
        ServerConnection::new(Arc::new(server_config(&ca.server(HOST), None, &[&TLS13]))).unwrap();
    let memory = Memory::new();
    let mut link = client(memory.clone(), &credentials(&ca, None), HOST);
    while link.handshake().unwrap() != crate::transport::HandshakeState::Done {
        memory.exchange(&mut server);
    }
    (memory, server, link)
}

#[test]
fn plaintext_before_an_alert_or_the_end_is_read_first() {
    let (memory, mut server, mut link) = shaken_hands();
    link.flush().unwrap();
    memory.exchange(&mut server);
    server.writer().write_all(b"last").unwrap();
    memory.exchange(&mut server);
    // A record that cannot be decrypted, behind one that can.
    memory
        .0
        .lock()
        .unwrap()
        .0
        .extend(b"\x17\x03\x03\x00\x20................................");
    let mut buffer = [0; 100];
    assert_eq!(link.read(&mut buffer).unwrap(), 4);
    assert_eq!(&buffer[..4], b"last");
    let error = read_error(&link.read(&mut buffer).unwrap_err());
    assert_eq!(error.code, crate::error::Code::Tls, "{error}");
    assert!(!memory.0.lock().unwrap().1.is_empty(), "the server is told");
    let error = read_error(&link.write(b"more").unwrap_err());
    assert_eq!(error.code, crate::error::Code::Tls, "{error}");
}

#[test]
fn the_last_flight_of_the_handshake_goes_with_the_first_bytes() {
    let (memory, mut server, mut link) = shaken_hands();
    let nothing_yet = link.read(&mut [0; 8]).unwrap_err();
    assert_eq!(nothing_yet.kind(), io::ErrorKind::WouldBlock);
    assert!(memory.0.lock().unwrap().1.is_empty());
    assert!(
        link.wants_write(),
        "should nothing follow, it is sent alone"
    );
    assert_eq!(link.write(b"first").unwrap(), 5);
    assert!(!link.wants_write());
    memory.exchange(&mut server);
    let mut first = [0; 5];
    server.reader().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"first");
}

#[test]
fn the_peers_end_is_an_end_with_or_without_close_notify() {
    for polite in [true, false] {
        let ca = Authority::new("ca");
        let (address, server) = serve(
            server_config(&ca.server(HOST), None, &[&TLS13]),
            move |mut stream: ServerStream| {
                stream.write_all(b"bye")?;
                if polite {
                    stream.conn.send_close_notify();
                    stream.flush()?;
                }
                stream.sock.shutdown(Shutdown::Write)?;
                stream.read(&mut [0])
            },
        );
        let mut link = client(dial(address), &credentials(&ca, None), HOST);
        handshake(&mut link).unwrap();
        assert_eq!(read_exact(&mut link, 3), b"bye");
        for _ in 0..2 {
            assert_eq!(read(&mut link, &mut [0; 8]).unwrap(), 0);
        }
        link.close();
        assert_eq!(server.join().unwrap().unwrap(), 0, "our close_notify");
    }
}

#[test]
fn nothing_is_written_after_close() {
    let ca = Authority::new("ca");
    let (address, server) = serve(
        server_config(&ca.server(HOST), None, &[&TLS13]),
        |mut stream| {
            let mut all = Vec::new();
            stream.read_to_end(&mut all)?;
            Ok(all)
        },
    );
    let mut link = client(dial(address), &credentials(&ca, None), HOST);
    handshake(&mut link).unwrap();
    write_all(&mut link, b"DISCONNECT").unwrap();
    link.close();
    link.close();
    assert_eq!(
        link.write(b"more").unwrap_err().kind(),
        io::ErrorKind::BrokenPipe
    );
    assert_eq!(server.join().unwrap().unwrap(), b"DISCONNECT");
}

/// A server that says this behind its last plaintext, in one segment, and keeps the socket open.
fn ends_with(
    last_words: fn(&mut ServerConnection) -> Vec<u8>,
) -> (TlsLink, JoinHandle<io::Result<usize>>) {
    let ca = Authority::new("ca");
    let (address, server) = serve(
        server_config(&ca.server(HOST), None, &[&TLS13]),
        move |mut stream| {
            // The session tickets are read before that, so that nothing follows what is sent here.
            stream.read_exact(&mut [0])?;
            stream.conn.writer().write_all(b"last")?;
            let words = last_words(&mut stream.conn);
            stream.sock.write_all(&words)?;
            // Until the client goes.
            stream.sock.read(&mut [0; 100])
        },
    );
    let mut link = client(dial(address), &credentials(&ca, None), HOST);
    handshake(&mut link).unwrap();
    write_all(&mut link, b"x").unwrap();
    (link, server)
}

fn records(connection: &mut ServerConnection) -> Vec<u8> {
    let mut records = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut records).unwrap();
    }
    records
}

#[test]
fn an_end_that_came_with_the_last_plaintext_is_not_left_to_the_poller() {
    let (mut link, server) = ends_with(|connection| {
        connection.send_close_notify();
        records(connection)
    });
    let mut buffer = [0; 100];
    assert_eq!(read(&mut link, &mut buffer).unwrap(), 4);
    assert!(!link.is_drained(), "its end is still to be read");
    assert_eq!(link.read(&mut buffer).unwrap(), 0);
    link.close();
    server.join().unwrap().unwrap();
}

#[test]
fn a_failure_that_came_with_the_last_plaintext_is_not_left_to_the_poller() {
    let (mut link, server) = ends_with(|connection| {
        connection.send_close_notify();
        let mut spoiled = records(connection);
        *spoiled.last_mut().unwrap() ^= 1;
        spoiled
    });
    let mut buffer = [0; 100];
    assert_eq!(read(&mut link, &mut buffer).unwrap(), 4);
    assert!(!link.is_drained(), "its failure is still to be read");
    let error = read_error(&link.read(&mut buffer).unwrap_err());
    assert!(error.detail.contains("could not be decrypted"), "{error}");
    link.close();
    server.join().unwrap().unwrap();
}
