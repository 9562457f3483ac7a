//! A broker that does exactly what a test's script says, lies included, on a thread of its own, over plain TCP or TLS.
//!
//! A step that fails panics with what was expected and what came; [`Broker::finish`] brings the panic to the test.

use super::STEP;
pub use super::connection::Connection;
use super::connection::Stream;
use rustix::event::{PollFd, PollFlags, poll};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

pub struct Broker {
    address: SocketAddr,
    ended: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Broker {
    pub fn plain(script: impl FnOnce(&mut Listener) + Send + 'static) -> Broker {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on 127.0.0.1");
        Broker::start(listener, None, script)
    }

    /// Plain TCP on a socket that listens already.
    pub fn on(
        listener: TcpListener,
        script: impl FnOnce(&mut Listener) + Send + 'static,
    ) -> Broker {
        Broker::start(listener, None, script)
    }

    pub fn tls(
        config: Arc<ServerConfig>,
        script: impl FnOnce(&mut Listener) + Send + 'static,
    ) -> Broker {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on 127.0.0.1");
        Broker::start(listener, Some(config), script)
    }

    fn start(
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        script: impl FnOnce(&mut Listener) + Send + 'static,
    ) -> Broker {
        let address = listener.local_addr().expect("the port");
        let (end, ended) = channel::<()>();
        let thread = std::thread::spawn(move || {
            // Dropped at the end of the script, a panic included.
            let _end = end;
            script(&mut Listener { listener, tls });
        });
        Broker {
            address,
            ended,
            thread,
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connects and ends, so that a script that still waits for connections fails at once.
    pub fn wake(&self) {
        for _ in 0..32 {
            let _ = TcpStream::connect(self.address);
        }
    }

    /// Waits until the script has ended, and panics if it failed.
    pub fn finish(self) {
        if let Err(why) = self.outcome() {
            panic!("the broker's script failed: {why}");
        }
    }

    /// Waits until the script has ended; what its failing step said, if it failed.
    pub fn outcome(self) -> Result<(), String> {
        // Every step has a deadline, so the script ends; two of them may follow each other.
        if let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = self.ended.recv_timeout(STEP * 4) {
            return Err("the script does not end".into());
        }
        self.thread.join().map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()))
                .unwrap_or_else(|| "a panic without a text".into())
        })
    }
}

pub struct Listener {
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

impl Listener {
    pub fn port(&self) -> u16 {
        self.listener.local_addr().expect("the port").port()
    }

    /// What the next connection's ClientHello says: the server name, and the protocol names of ALPN. Then the connection ends.
    pub fn accept_client_hello(&mut self) -> (Option<String>, Option<Vec<String>>) {
        let mut stream = self.accept_tcp();
        stream
            .set_read_timeout(Some(STEP))
            .expect("a read time-out");
        let mut acceptor = rustls::server::Acceptor::default();
        loop {
            acceptor.read_tls(&mut stream).expect("a ClientHello");
            if let Some(accepted) = acceptor.accept().expect("a ClientHello") {
                let hello = accepted.client_hello();
                let name = hello.server_name().map(str::to_owned);
                let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
                return (name, hello.alpn().map(|names| names.map(text).collect()));
            }
        }
    }

    /// The next connection, its TLS handshake done.
    pub fn accept(&mut self) -> Connection {
        let stream = self.accept_tcp();
        match self.tls.clone() {
            None => Connection {
                stream: Stream::Plain(stream),
            },
            Some(config) => match handshake(config, stream) {
                Ok(connection) => connection,
                Err(error) => panic!("the TLS handshake failed: {error}"),
            },
        }
    }

    /// The next connection before anything was said on it.
    pub fn accept_tcp(&mut self) -> TcpStream {
        let mut set = [PollFd::new(&self.listener, PollFlags::IN)];
        let ready = poll(&mut set, Some(&STEP.try_into().expect("a short time"))).expect("poll");
        assert!(ready > 0, "nobody connected in {STEP:?}");
        let (stream, _) = self.listener.accept().expect("accept");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream
    }

    /// The next connection, whose TLS handshake must fail; says how. The alert is delivered before the connection ends.
    pub fn accept_refused(&mut self) -> String {
        let stream = self.accept_tcp();
        let copy = stream.try_clone().expect("dup");
        match handshake(self.tls.clone().expect("a broker with TLS"), stream) {
            Ok(_) => panic!("the TLS handshake was expected to fail and did not"),
            Err(error) => {
                end_politely(copy);
                error.to_string()
            }
        }
    }

    /// Serves `count` connections at the same time, each on a thread of its own.
    pub fn serve_each(&mut self, count: usize, serve: impl Fn(&mut Connection) + Sync) {
        std::thread::scope(|scope| {
            let serve = &serve;
            for _ in 0..count {
                let mut connection = self.accept();
                scope.spawn(move || serve(&mut connection));
            }
        });
    }

    /// Whether somebody is waiting to be accepted now.
    pub fn somebody_waits(&self) -> bool {
        let mut set = [PollFd::new(&self.listener, PollFlags::IN)];
        poll(&mut set, Some(&rustix::time::Timespec::default())).expect("poll") > 0
    }
}

fn handshake(config: Arc<ServerConfig>, mut stream: TcpStream) -> io::Result<Connection> {
    stream.set_read_timeout(Some(STEP))?;
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        if let Err(error) = tls.complete_io(&mut stream) {
            // rustls has put the alert into its buffer; the client must see it.
            let _ = tls.write_tls(&mut stream);
            return Err(error);
        }
    }
    Ok(Connection {
        stream: Stream::Tls(Box::new(StreamOwned::new(tls, stream))),
    })
}

/// Ends our direction and reads what still comes: closing with unread bytes would send a reset that can overtake the last thing we said.
fn end_politely(mut stream: TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(STEP));
    let mut rest = [0; 4096];
    while matches!(stream.read(&mut rest), Ok(1..)) {}
}
