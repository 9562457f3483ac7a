//! One client: reads in large pieces, answers what one read brought in one write.

use crate::blast::Blast;
use crate::packets::{self, Publish, next_id};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::ServerConnection;
use std::collections::HashSet;
use std::io::{self, ErrorKind, Read, Write};

const READ: usize = 256 * 1024;

/// Shared by all connections, so that ten thousand idle ones stay small.
pub struct Scratch {
    socket: Vec<u8>,
    plain: Vec<u8>,
}

impl Default for Scratch {
    fn default() -> Scratch {
        // What TLS gives is never more than what it got and one record.
        Scratch { socket: vec![0; READ], plain: vec![0; READ + 64 * 1024] }
    }
}

pub struct Connection {
    socket: TcpStream,
    tls: Option<ServerConnection>,
    /// The beginning of a packet whose rest has not come.
    rest: Vec<u8>,
    out: Vec<u8>,
    written: usize,
    /// Whether the socket is watched for room to write, and whether it should be.
    watched: bool,
    blocked: bool,
    blast: Option<Blast>,
    filters: HashSet<Vec<u8>>,
    id: u16,
    count: u64,
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

impl Connection {
    pub fn new(socket: TcpStream, tls: Option<ServerConnection>) -> Connection {
        Connection {
            socket,
            tls,
            rest: Vec::new(),
            out: Vec::new(),
            written: 0,
            watched: false,
            blocked: false,
            blast: None,
            filters: HashSet::new(),
            id: 0,
            count: 0,
        }
    }

    /// Reads and answers until nothing is there: mio tells only that something has come, not that something still is.
    pub fn read_all(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        loop {
            let bytes = match self.socket.read(&mut scratch.socket) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                count => &scratch.socket[..count?],
            };
            match &mut self.tls {
                None => self.take(bytes)?,
                Some(tls) => {
                    let count = decrypt(tls, bytes, &mut scratch.plain)?;
                    self.take(&scratch.plain[..count])?;
                }
            }
            self.write_all()?;
        }
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.rest.is_empty() {
            let taken = self.take_whole(bytes)?;
            self.rest.extend_from_slice(&bytes[taken..]);
        } else {
            let mut all = std::mem::take(&mut self.rest);
            all.extend_from_slice(bytes);
            let taken = self.take_whole(&all)?;
            all.drain(..taken);
            self.rest = all;
        }
        Ok(())
    }

    fn take_whole(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while let Some((first, body, end)) = packets::whole(&bytes[taken..]).map_err(invalid)? {
            self.packet(first, &bytes[taken + body..taken + end])?;
            taken += end;
        }
        Ok(taken)
    }

    fn packet(&mut self, first: u8, body: &[u8]) -> io::Result<()> {
        match first >> 4 {
            1 => self.out.extend_from_slice(&[0x20, 2, 0, 0]),
            3 => {
                let publish = Publish::parse(first, body).ok_or_else(|| invalid("a malformed PUBLISH"))?;
                self.publish(&publish);
            }
            4 => {
                if let Some(blast) = &mut self.blast {
                    blast.acknowledged();
                }
            }
            8 => {
                let (id, rest) = body.split_at_checked(2).ok_or_else(|| invalid("a malformed SUBSCRIBE"))?;
                let filters = packets::filters(rest).ok_or_else(|| invalid("a malformed SUBSCRIBE"))?;
                self.out.push(0x90);
                packets::put_length(&mut self.out, 2 + filters.len());
                self.out.extend_from_slice(id);
                for (filter, qos) in filters {
                    self.filters.insert(filter.to_vec());
                    self.out.push(qos.min(1));
                }
            }
            12 => self.out.extend_from_slice(&[0xd0, 0]),
            14 => return Err(ErrorKind::UnexpectedEof.into()),
            _ => return Err(invalid("a packet that no driver sends")),
        }
        Ok(())
    }

    fn publish(&mut self, publish: &Publish) {
        let mut acknowledge = publish.qos > 0;
        match publish.topic {
            b"ctl/expect" => {
                let expected = std::str::from_utf8(publish.payload).ok().and_then(|text| text.parse().ok());
                if expected != Some(self.count) {
                    eprintln!("sink: {expected:?} publishes were expected, {} have come", self.count);
                    acknowledge = false;
                }
                self.count = 0;
            }
            b"ctl/blast" => self.blast = Blast::parse(publish.payload),
            topic if topic.starts_with(b"echo/") && self.filters.contains(topic) => {
                let (mut packet, id) = packets::publish(topic, publish.qos, publish.payload);
                if publish.qos > 0 {
                    self.id = next_id(self.id);
                    packet[id..id + 2].copy_from_slice(&self.id.to_be_bytes());
                }
                // The acknowledgement goes before the echo, as brokers do.
                if acknowledge {
                    self.out.extend_from_slice(&[0x40, 2, publish.id[0], publish.id[1]]);
                }
                self.out.extend_from_slice(&packet);
                return;
            }
            _ => self.count += 1,
        }
        if acknowledge {
            self.out.extend_from_slice(&[0x40, 2, publish.id[0], publish.id[1]]);
        }
    }

    /// Writes what is there, and goes on with the blast, until the socket takes no more.
    pub fn write_all(&mut self) -> io::Result<()> {
        loop {
            self.blocked = !self.flush()?;
            if self.blocked {
                return Ok(());
            }
            if let Some(blast) = &mut self.blast {
                blast.next(&mut self.out);
            }
            if self.out.is_empty() {
                return Ok(());
            }
        }
    }

    /// True when everything is out.
    fn flush(&mut self) -> io::Result<bool> {
        loop {
            if let Some(tls) = &mut self.tls {
                while tls.wants_write() {
                    match tls.write_tls(&mut self.socket) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                        written => written?,
                    };
                }
            }
            if self.written == self.out.len() {
                self.out.clear();
                self.written = 0;
                return Ok(true);
            }
            let bytes = &self.out[self.written..];
            let written = match &mut self.tls {
                None => self.socket.write(bytes),
                Some(tls) => tls.writer().write(bytes),
            };
            match written {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                count => self.written += count?,
            }
        }
    }

    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        if self.blocked != self.watched {
            self.watched = self.blocked;
            let interest = if self.blocked { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            registry.reregister(&mut self.socket, token, interest)?;
        }
        Ok(())
    }

    pub fn close(mut self, registry: &Registry) {
        // The client may be gone; nobody is left to be told.
        let _ = registry.deregister(&mut self.socket);
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.socket);
        }
    }
}

/// All that is in these bytes. rustls takes 4 KiB at a time; its handshake is answered by the next flush.
fn decrypt(tls: &mut ServerConnection, mut bytes: &[u8], plain: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while !bytes.is_empty() {
        tls.read_tls(&mut bytes)?;
        tls.process_new_packets().map_err(io::Error::other)?;
        loop {
            match tls.reader().read(&mut plain[filled..]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Ok(0) if filled < plain.len() => return Err(ErrorKind::UnexpectedEof.into()),
                count => filled += count?,
            }
        }
    }
    Ok(filled)
}
