//! The peer of all drivers: MQTT 3.1.1 over plain TCP and TLS, one thread, loopback only. It is no broker: it counts what it is sent,
//! acknowledges in few writes, sends many messages on request, and sends back what it is asked to. Topics that it treats specially:
//!
//! | topic | payload | what it does |
//! |---|---|---|
//! | `ctl/expect` | `N` | PUBACK only if N publishes were counted on this connection since the last one |
//! | `ctl/blast` | `QOS N SIZE WINDOW TOPIC` | N publishes of SIZE bytes to this connection, with QoS 1 at most WINDOW unacknowledged |
//! | `echo/...` | any | sent back to this connection if it subscribed to exactly this topic |
//!
//! Everything else is counted and dropped. When it listens it prints `ready PLAIN_PORT TLS_PORT`.

mod blast;
mod connection;
mod packets;
mod tls;

use connection::Connection;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Registry, Token};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Tokens below are listeners.
const FIRST_CONNECTION: usize = 16;

struct Sink {
    poll: Poll,
    tls: Arc<rustls::ServerConfig>,
    /// With TLS or without.
    listeners: Vec<(TcpListener, bool)>,
    connections: HashMap<usize, Connection>,
    next: usize,
}

/// 127.0.0.1, and ::1 on the same port, since "localhost" is both; where there is no IPv6 the first is enough.
fn listen(tls: bool, registry: &Registry, listeners: &mut Vec<(TcpListener, bool)>) -> io::Result<u16> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let port = first.local_addr()?.port();
    let second = TcpListener::bind((Ipv6Addr::LOCALHOST, port).into()).ok();
    for mut listener in [Some(first), second].into_iter().flatten() {
        registry.register(&mut listener, Token(listeners.len()), Interest::READABLE)?;
        listeners.push((listener, tls));
    }
    Ok(port)
}

impl Sink {
    fn accept(&mut self, listener: usize) -> io::Result<()> {
        let (listener, tls) = &self.listeners[listener];
        loop {
            let (mut socket, _) = match listener.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                accepted => accepted?,
            };
            socket.set_nodelay(true)?;
            let tls = tls.then(|| tls::connection(&self.tls)).transpose()?;
            self.poll.registry().register(&mut socket, Token(self.next), Interest::READABLE)?;
            self.connections.insert(self.next, Connection::new(socket, tls));
            self.next += 1;
        }
    }

    fn serve(&mut self, token: usize, readable: bool, scratch: &mut connection::Scratch) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let alive = (!readable || connection.read_all(scratch).is_ok())
            && connection.write_all().is_ok()
            && connection.register(self.poll.registry(), Token(token)).is_ok();
        if !alive {
            if let Some(connection) = self.connections.remove(&token) {
                connection.close(self.poll.registry());
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ca, certificate, key, version] = arguments.as_slice() else {
        return Err("usage: bench-sink CA CERTIFICATE KEY 1.2|1.3".into());
    };
    let poll = Poll::new()?;
    let mut listeners = Vec::new();
    let plain_port = listen(false, poll.registry(), &mut listeners)?;
    let tls_port = listen(true, poll.registry(), &mut listeners)?;
    let mut sink =
        Sink { poll, tls: tls::config(ca, certificate, key, version)?, listeners, connections: HashMap::new(), next: FIRST_CONNECTION };
    println!("ready {plain_port} {tls_port}");
    let mut events = Events::with_capacity(1024);
    let mut scratch = connection::Scratch::default();
    loop {
        match sink.poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            let Token(token) = event.token();
            if token >= FIRST_CONNECTION {
                sink.serve(token, event.is_readable() || event.is_read_closed(), &mut scratch);
            } else if let Err(error) = sink.accept(token) {
                eprintln!("sink: accept: {error}");
            }
        }
    }
}
