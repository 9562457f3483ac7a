//! One connection of the scripted broker: what must come, and what is sent.

use super::STEP;
use super::packets::{self, Connected, Packet, hex};
use rustix::event::{PollFd, PollFlags, poll};
use rustls::{ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::Instant;

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

pub struct Connection {
    pub(super) stream: Stream,
}

impl Connection {
    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        }
    }

    /// What the TLS handshake gave: the client's certificate, whether a session was resumed.
    pub fn tls(&self) -> &ServerConnection {
        match &self.stream {
            Stream::Plain(_) => panic!("the connection is plain TCP"),
            Stream::Tls(stream) => &stream.conn,
        }
    }

    /// Reads up to the length of `buffer`: fewer bytes only at the end of the stream. `Err` says what else stopped it.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, (usize, io::Error)> {
        let deadline = Instant::now() + STEP;
        let mut filled = 0;
        while filled < buffer.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err((
                    filled,
                    io::Error::new(
                        io::ErrorKind::TimedOut,
                        format!("nothing more came in {STEP:?}"),
                    ),
                ));
            }
            self.tcp()
                .set_read_timeout(Some(left))
                .expect("a read time-out");
            let read = match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut buffer[filled..]),
                Stream::Tls(stream) => stream.read(&mut buffer[filled..]),
            };
            match read {
                Ok(0) => return Ok(filled),
                Ok(count) => filled += count,
                Err(error) if is_the_end(&error) => return Ok(filled),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err((filled, error)),
            }
        }
        Ok(filled)
    }

    /// The next bytes must be exactly these.
    pub fn expect(&mut self, expected: &[u8]) {
        let mut got = vec![0; expected.len()];
        let (count, why) = match self.fill(&mut got) {
            Ok(count) if count == expected.len() => (count, String::new()),
            Ok(count) => (count, ", then the connection ended".to_owned()),
            Err((count, error)) => (count, format!(", then {error}")),
        };
        got.truncate(count);
        if got != expected {
            let same = got.iter().zip(expected).take_while(|(a, b)| a == b).count();
            panic!(
                "unexpected bytes, different from number {same} on{why}\nexpected {}\ngot      {}",
                hex(expected),
                hex(&got)
            );
        }
    }

    /// The next bytes, exactly so many.
    pub fn read_exact(&mut self, count: usize) -> Vec<u8> {
        let mut got = vec![0; count];
        match self.fill(&mut got) {
            Ok(filled) if filled == count => got,
            other => panic!("{count} bytes were expected and this came: {other:?}"),
        }
    }

    /// All up to and including `end`.
    pub fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end) {
            let byte = self.byte(&bytes);
            bytes.push(byte);
        }
        bytes
    }

    /// The next packet, whatever it is; `None` at the end of the stream.
    pub fn try_read_packet(&mut self) -> Option<Packet> {
        let mut raw = vec![0; 1];
        match self.fill(&mut raw) {
            Ok(0) => return None,
            Ok(_) => {}
            Err((_, error)) => panic!("waiting for a packet: {error}"),
        }
        let mut length = 0usize;
        for shift in 0..4 {
            let byte = self.byte(&raw);
            raw.push(byte);
            length |= usize::from(byte & 0x7f) << (7 * shift);
            if byte & 0x80 == 0 {
                break;
            }
            assert!(
                shift < 3,
                "a remaining length of more than four bytes: {}",
                hex(&raw)
            );
        }
        let header = raw.len();
        raw.resize(header + length, 0);
        match self.fill(&mut raw[header..]) {
            Ok(count) if count == length => Some(Packet { raw, header }),
            Ok(count) => panic!(
                "the connection ended {count} bytes into the body of {}",
                hex(&raw[..header + count])
            ),
            Err((count, error)) => panic!(
                "{error}, {count} bytes into the body of {}",
                hex(&raw[..header + count])
            ),
        }
    }

    fn byte(&mut self, before: &[u8]) -> u8 {
        let mut byte = [0];
        match self.fill(&mut byte) {
            Ok(1) => byte[0],
            other => panic!("the packet ended after {}: {other:?}", hex(before)),
        }
    }

    pub fn read_packet(&mut self) -> Packet {
        self.try_read_packet()
            .expect("a packet was expected and the connection ended")
    }

    /// The next packet, which must be of this kind ("PUBLISH").
    pub fn expect_packet(&mut self, name: &str) -> Packet {
        let packet = self.read_packet();
        assert_eq!(
            packet.name(),
            name,
            "unexpected packet {}",
            hex(&packet.raw)
        );
        packet
    }

    pub fn expect_connect(&mut self) -> Connected {
        Connected::parse(&self.read_packet())
    }

    /// CONNECT comes, a good CONNACK goes.
    pub fn welcome(&mut self) -> Connected {
        let connect = self.expect_connect();
        self.send(&packets::connack(false, 0));
        connect
    }

    /// DISCONNECT, and then the end [MQTT-3.14.4-1].
    pub fn expect_disconnect(&mut self) {
        self.expect(&packets::DISCONNECT);
        self.expect_end();
    }

    /// The client ends the connection and says nothing more before.
    pub fn expect_end(&mut self) {
        if let Some(packet) = self.try_read_packet() {
            panic!(
                "the end of the connection was expected and {} came: {}",
                packet.name(),
                hex(&packet.raw)
            );
        }
    }

    /// Acknowledges whatever comes, as a broker would, until DISCONNECT or the end; gives what came.
    pub fn serve(&mut self) -> Vec<Packet> {
        self.serve_but(|_, _| false)
    }

    /// The same; where `special` says that it has answered a packet, nothing else is answered.
    pub fn serve_but(
        &mut self,
        mut special: impl FnMut(&mut Connection, &Packet) -> bool,
    ) -> Vec<Packet> {
        let mut came = Vec::new();
        while let Some(packet) = self.try_read_packet() {
            if !special(self, &packet) {
                self.answer(&packet);
            }
            let last = packet.name() == "DISCONNECT";
            came.push(packet);
            if last {
                self.expect_end();
                break;
            }
        }
        came
    }

    /// The acknowledgement that belongs to the packet, if one does.
    pub fn answer(&mut self, packet: &Packet) {
        match packet.name() {
            "PUBLISH" if packet.qos() == 1 => self.send(&packets::puback(packet.id())),
            "SUBSCRIBE" => {
                let granted: Vec<u8> = packet.filters().iter().map(|(_, qos)| *qos).collect();
                self.send(&packets::suback(packet.id(), &granted));
            }
            "UNSUBSCRIBE" => self.send(&packets::unsuback(packet.id())),
            "PINGREQ" => self.send(&packets::pingresp()),
            _ => {}
        }
    }

    /// The next packet must be what `expected` makes of its packet identifier, which is given back.
    pub fn expect_with_id(&mut self, expected: impl FnOnce(u16) -> Vec<u8>) -> u16 {
        let packet = self.read_packet();
        let id = if packet.has_id() { packet.id() } else { 0 };
        let wanted = expected(id);
        assert!(
            packet.raw == wanted,
            "unexpected packet\nexpected {}\ngot      {}",
            hex(&wanted),
            hex(&packet.raw)
        );
        assert_ne!(
            id,
            0,
            "a packet identifier of zero [MQTT-2.3.1-1]: {}",
            hex(&packet.raw)
        );
        id
    }

    /// The next packets must be these, in whatever order.
    pub fn expect_in_any_order(&mut self, expected: &[Vec<u8>]) {
        let mut missing = expected.to_vec();
        while !missing.is_empty() {
            let packet = self.read_packet();
            let Some(at) = missing.iter().position(|wanted| *wanted == packet.raw) else {
                let missing: Vec<String> = missing.iter().map(|bytes| hex(bytes)).collect();
                panic!(
                    "unexpected {}\nexpected, in any order:\n{}",
                    hex(&packet.raw),
                    missing.join("\n")
                );
            };
            missing.remove(at);
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        if let Err(error) = self.try_send(bytes) {
            panic!("sending {}: {error}", hex(bytes));
        }
    }

    /// Sends although the other side may be gone.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tcp().set_write_timeout(Some(STEP))?;
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Sends this and TLS's end (close_notify) in one segment. The socket stays open.
    pub fn send_as_last_words(&mut self, bytes: &[u8]) {
        let Stream::Tls(stream) = &mut self.stream else {
            panic!("the connection is plain TCP");
        };
        let mut records = Vec::new();
        let mut said = stream.conn.writer().write_all(bytes);
        stream.conn.send_close_notify();
        while said.is_ok() && stream.conn.wants_write() {
            said = stream.conn.write_tls(&mut records).map(|_| ());
        }
        if let Err(error) = said.and_then(|()| stream.sock.write_all(&records)) {
            panic!("sending {} as last words: {error}", hex(bytes));
        }
    }

    /// Every byte in a segment (and a TLS record) of its own.
    pub fn send_byte_by_byte(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]);
        }
    }

    /// Says nothing and hears nothing until the client has ended the connection.
    pub fn silence(&mut self) {
        let mut byte = [0; 1024];
        loop {
            match self.fill(&mut byte) {
                Ok(count) if count == byte.len() => {}
                Ok(_) => return,
                Err((_, error)) => panic!("the client was expected to give up: {error}"),
            }
        }
    }

    /// [`Connection::silence`], and the end of this connection.
    pub fn silence_all(mut self) {
        self.silence();
    }

    /// The orderly end, from our side.
    pub fn close(mut self) {
        if let Stream::Tls(stream) = &mut self.stream {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let _ = self.tcp().shutdown(Shutdown::Both);
    }

    /// An end with RST, as of a broker whose machine has rebooted.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(self.tcp());
        socket
            .set_linger(Some(std::time::Duration::ZERO))
            .expect("SO_LINGER");
    }

    /// Whether the client has sent something that was not read yet. (Plain TCP only: TLS may hold bytes back.)
    pub fn something_came(&self) -> bool {
        let mut set = [PollFd::from_borrowed_fd(self.tcp().as_fd(), PollFlags::IN)];
        poll(&mut set, Some(&rustix::time::Timespec::default())).expect("poll") > 0
    }
}

/// Whether the peer is gone, in whichever way: with close_notify or without, with a reset, or in the middle of what we had to say (reading
/// from a TLS stream first sends what is left of the records that were being written).
fn is_the_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe)
}
