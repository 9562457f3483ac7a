//! The WebSocket side of AWS IoT, as far as it matters to a client: a gateway on wss that takes a connection only if its request is signed as AWS's own
//! implementation would, within five minutes of the gateway's clock, and then passes the bytes of MQTT on to a mosquitto.

use super::STEP;
use super::certificates::Certificates;
use super::sigv4::{Key, Signed, verify};
use rustix::event::{PollFd, PollFlags, poll};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::{HeaderValue, StatusCode};
use tungstenite::{Message, WebSocket};

/// Before and after the gateway's time, in seconds.
const WINDOW: u64 = 300;

/// A request that came, and what the gateway thought of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The server name and the protocol names of the TLS handshake.
    pub sni: Option<String>,
    pub alpn: Option<String>,
    pub host: String,
    /// Path and query: a secret in the real world.
    pub path: String,
    pub verdict: Result<Signed, String>,
}

pub struct Gateway {
    pub port: u16,
    shared: Arc<Shared>,
    /// Its end tells all threads to end.
    _stop: UnixStream,
}

struct Shared {
    tls: Arc<ServerConfig>,
    upstream: (u16, Arc<ClientConfig>),
    keys: Mutex<HashMap<String, Key>>,
    /// How far its clock is ahead of this machine's, in seconds.
    ahead: i64,
    seen: Mutex<Vec<Seen>>,
    changed: Condvar,
    /// Readable when it is time to end.
    stopped: UnixStream,
}

impl Gateway {
    /// With the certificate "server". `mosquitto`: the port of one with mutual TLS, which knows the gateway as "client". No key is good yet.
    pub fn start(certificates: &Certificates, mosquitto: u16, ahead: i64) -> Gateway {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on 127.0.0.1");
        let port = listener.local_addr().expect("the port").port();
        let (stop, stopped) = UnixStream::pair().expect("a pair of sockets");
        let shared = Arc::new(Shared {
            tls: certificates.server_for_anybody("server"),
            upstream: (mosquitto, certificates.client("ca", "client")),
            keys: Mutex::default(),
            ahead,
            seen: Mutex::default(),
            changed: Condvar::new(),
            stopped,
        });
        let all = Arc::clone(&shared);
        std::thread::spawn(move || {
            while all.wait(&[(&listener, PollFlags::IN)]) {
                let Ok((stream, _)) = listener.accept() else {
                    return;
                };
                let shared = Arc::clone(&all);
                std::thread::spawn(move || {
                    // What goes wrong is the client's business, and in `seen` if it came so far.
                    let _ = shared.serve(stream);
                });
            }
        });
        Gateway {
            port,
            shared,
            _stop: stop,
        }
    }

    /// From now on this key is good, with this token and no other.
    pub fn accept_key(&self, access_key_id: &str, secret_access_key: &str, token: Option<&str>) {
        let key = Key {
            secret_access_key: secret_access_key.into(),
            session_token: token.map(str::to_owned),
        };
        let mut keys = self.shared.keys.lock().expect("no panic");
        keys.insert(access_key_id.into(), key);
    }

    pub fn revoke_key(&self, access_key_id: &str) {
        self.shared
            .keys
            .lock()
            .expect("no panic")
            .remove(access_key_id);
    }

    /// The requests so far, once there are that many.
    pub fn wait_for(&self, count: usize) -> Vec<Seen> {
        let deadline = Instant::now() + STEP;
        let mut seen = self.shared.seen.lock().expect("no panic");
        while seen.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{count} requests were expected: {seen:?}");
            seen = self
                .shared
                .changed
                .wait_timeout(seen, left)
                .expect("no panic")
                .0;
        }
        seen.clone()
    }
}

impl Shared {
    /// Waits for one of these; false when the gateway ends.
    fn wait(&self, what: &[(&dyn AsPoll, PollFlags)]) -> bool {
        let mut set: Vec<PollFd<'_>> = what
            .iter()
            .map(|(socket, flags)| socket.poll_for(*flags))
            .collect();
        set.push(PollFd::new(&self.stopped, PollFlags::IN));
        loop {
            match poll(&mut set, None) {
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
                Ok(_) => return set.last().is_some_and(|stop| stop.revents().is_empty()),
            }
        }
    }

    fn now(&self) -> SystemTime {
        let distance = Duration::from_secs(self.ahead.unsigned_abs());
        match self.ahead >= 0 {
            true => SystemTime::now() + distance,
            false => SystemTime::now() - distance,
        }
    }

    fn serve(&self, tcp: TcpStream) -> io::Result<()> {
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(STEP))?;
        let socket = tcp.try_clone()?;
        let connection = ServerConnection::new(Arc::clone(&self.tls)).map_err(io::Error::other)?;
        let mut tls = StreamOwned::new(connection, tcp);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock)?;
        }
        let sni = tls.conn.server_name().map(str::to_owned);
        let alpn = tls.conn.alpn_protocol();
        let alpn = alpn.map(|name| String::from_utf8_lossy(name).into_owned());
        #[allow(clippy::result_large_err)] // tungstenite's type.
        let callback =
            |request: &Request, response: Response| self.answer(request, response, sni, alpn);
        let websocket = tungstenite::accept_hdr(tls, callback)
            .map_err(|error| io::Error::other(error.to_string()))?;
        let upstream = TcpStream::connect(("127.0.0.1", self.upstream.0))?;
        self.pass_on(websocket, &socket, upstream)
    }

    #[allow(clippy::result_large_err)] // tungstenite's type.
    fn answer(
        &self,
        request: &Request,
        mut response: Response,
        sni: Option<String>,
        alpn: Option<String>,
    ) -> Result<Response, ErrorResponse> {
        let header = |name: &str| {
            let mut values = request.headers().get_all(name).iter();
            let value = values.next().and_then(|value| value.to_str().ok());
            value
                .filter(|_| values.next().is_none())
                .unwrap_or_default()
                .to_owned()
        };
        let host = header("host");
        let path = request
            .uri()
            .path_and_query()
            .map_or(String::new(), |path| path.to_string());
        let verdict = self.judge(
            request.method().as_str(),
            &path,
            &host,
            &header("sec-websocket-protocol"),
        );
        let refused = verdict.is_err();
        self.seen.lock().expect("no panic").push(Seen {
            sni,
            alpn,
            host,
            path,
            verdict,
        });
        self.changed.notify_all();
        if !refused {
            let mqtt = HeaderValue::from_static("mqtt");
            response
                .headers_mut()
                .insert("sec-websocket-protocol", mqtt);
            return Ok(response);
        }
        // As AWS IoT does, it does not say what is wrong.
        let mut refusal = ErrorResponse::new(Some(r#"{"message":"Forbidden"}"#.to_owned()));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        let date = httpdate::fmt_http_date(self.now());
        let headers = refusal.headers_mut();
        headers.insert("date", HeaderValue::from_str(&date).expect("a header"));
        headers.insert(
            "x-amzn-errortype",
            HeaderValue::from_static("ForbiddenException"),
        );
        Err(refusal)
    }

    fn judge(
        &self,
        method: &str,
        path: &str,
        host: &str,
        subprotocol: &str,
    ) -> Result<Signed, String> {
        if subprotocol != "mqtt" {
            return Err(format!("the subprotocol is {subprotocol}"));
        }
        let keys = self.keys.lock().expect("no panic").clone();
        let signed = verify(method, path, host, |id| keys.get(id).cloned())?;
        let now = self
            .now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        match now.abs_diff(signed.seconds()) {
            0..=WINDOW => Ok(signed),
            off => Err(format!("signed {off} s from now")),
        }
    }

    /// Bytes of MQTT both ways, until one of the two ends.
    fn pass_on(
        &self,
        mut client: WebSocket<StreamOwned<ServerConnection, TcpStream>>,
        client_socket: &TcpStream,
        upstream: TcpStream,
    ) -> io::Result<()> {
        upstream.set_nodelay(true)?;
        let upstream_socket = upstream.try_clone()?;
        let name = ServerName::try_from("127.0.0.1").map_err(io::Error::other)?;
        let connection =
            ClientConnection::new(Arc::clone(&self.upstream.1), name).map_err(io::Error::other)?;
        let mut broker = StreamOwned::new(connection, upstream);
        while broker.conn.is_handshaking() {
            broker.conn.complete_io(&mut broker.sock)?;
        }
        client_socket.set_nonblocking(true)?;
        upstream_socket.set_nonblocking(true)?;
        let mut buffer = vec![0; 16 << 10];
        loop {
            let mut pending = false;
            loop {
                match client.read() {
                    Ok(Message::Binary(bytes)) => {
                        self.write_all(&mut broker, &upstream_socket, &bytes)?
                    }
                    Ok(_) => {}
                    Err(tungstenite::Error::Io(error))
                        if error.kind() == io::ErrorKind::WouldBlock =>
                    {
                        break;
                    }
                    // The client has ended, politely or not: so does the gateway, and the broker learns in which way.
                    Err(tungstenite::Error::ConnectionClosed) => {
                        broker.conn.send_close_notify();
                        let _ = broker.flush();
                        return Ok(());
                    }
                    Err(error) => return Err(io::Error::other(error.to_string())),
                }
            }
            loop {
                match broker.read(&mut buffer) {
                    Ok(0) => {
                        let _ = client.close(None);
                        let _ = client.flush();
                        return Ok(());
                    }
                    Ok(length) => {
                        let bytes = buffer[..length].to_vec();
                        pending |= blocked(client.send(Message::Binary(bytes.into())))?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            pending |= blocked(client.flush())?;
            let client_flags = match pending {
                true => PollFlags::IN | PollFlags::OUT,
                false => PollFlags::IN,
            };
            if !self.wait(&[
                (client_socket, client_flags),
                (&upstream_socket, PollFlags::IN),
            ]) {
                return Ok(());
            }
        }
    }

    fn write_all(
        &self,
        broker: &mut StreamOwned<ClientConnection, TcpStream>,
        socket: &TcpStream,
        mut bytes: &[u8],
    ) -> io::Result<()> {
        loop {
            let result = match bytes {
                [] => broker.flush().map(|()| 0),
                _ => broker.write(bytes),
            };
            match result {
                Ok(_) if bytes.is_empty() => return Ok(()),
                Ok(length) => bytes = &bytes[length..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.wait(&[(socket, PollFlags::OUT)]) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether something is left to be flushed.
fn blocked(result: Result<(), tungstenite::Error>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(false),
        Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

trait AsPoll {
    fn poll_for(&self, flags: PollFlags) -> PollFd<'_>;
}

impl<T: std::os::fd::AsFd> AsPoll for T {
    fn poll_for(&self, flags: PollFlags) -> PollFd<'_> {
        PollFd::new(self, flags)
    }
}
