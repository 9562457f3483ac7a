//! raw: the physical limit. Pre-encoded packets on a blocking socket (or rustls over one), no client at all:
//! no queue, no threads, no per-message call, no state. What a client library can approach but not pass.
use bench_common::*;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

const DRIVER: &str = "raw";
const CHUNK: usize = 128 * 1024;

struct TlsStream {
    conn: rustls::ClientConnection,
    sock: TcpStream,
    // rustls reads 4 KiB at a time from what it is given: give it a large read, not the socket.
    inb: Vec<u8>,
    a: usize,
    b: usize,
}
impl TlsStream {
    fn flush(&mut self) {
        while self.conn.wants_write() {
            self.conn.write_tls(&mut self.sock).unwrap();
        }
    }
    fn feed(&mut self) {
        if self.a == self.b {
            self.a = 0;
            self.b = self.sock.read(&mut self.inb).unwrap();
            assert!(self.b > 0, "closed");
        }
        let mut s = &self.inb[self.a..self.b];
        let n = self.conn.read_tls(&mut s).unwrap();
        self.a += n;
        self.conn.process_new_packets().unwrap();
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}
impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(s) => s,
            Stream::Tls(t) => &t.sock,
        }
    }
    fn write_all(&mut self, b: &[u8]) {
        match self {
            Stream::Plain(s) => s.write_all(b).unwrap(),
            Stream::Tls(t) => {
                while t.conn.is_handshaking() {
                    t.flush();
                    if t.conn.is_handshaking() {
                        t.feed();
                    }
                }
                t.conn.writer().write_all(b).unwrap();
                t.flush();
            }
        }
    }
    fn read(&mut self, b: &mut [u8]) -> usize {
        match self {
            Stream::Plain(s) => {
                let n = s.read(b).unwrap();
                assert!(n > 0, "closed");
                n
            }
            Stream::Tls(t) => loop {
                match t.conn.reader().read(b) {
                    Ok(n) if n > 0 => return n,
                    Ok(_) => panic!("closed"),
                    Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => t.feed(),
                    Err(e) => panic!("{e}"),
                }
            },
        }
    }
}

fn tls_config(o: &Options) -> Arc<rustls::ClientConfig> {
    #[cfg(not(feature = "ring"))]
    use rustls::crypto::aws_lc_rs as crypto;
    #[cfg(feature = "ring")]
    use rustls::crypto::ring as crypto;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let mut provider = crypto::default_provider();
    provider.cipher_suites.sort_by_key(|s| !format!("{:?}", s.suite()).contains("AES_128"));
    let mut roots = rustls::RootCertStore::empty();
    for c in CertificateDer::pem_file_iter(&o.ca).unwrap() {
        roots.add(c.unwrap()).unwrap();
    }
    let b = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut c = if o.cert.is_empty() {
        b.with_no_client_auth()
    } else {
        let certs = CertificateDer::pem_file_iter(&o.cert).unwrap().map(|c| c.unwrap()).collect();
        b.with_client_auth_cert(certs, PrivateKeyDer::from_pem_file(&o.key).unwrap()).unwrap()
    };
    c.resumption = rustls::client::Resumption::disabled();
    Arc::new(c)
}

fn connect(o: &Options, cfg: Option<&Arc<rustls::ClientConfig>>, i: usize) -> Stream {
    let s = TcpStream::connect((o.host.as_str(), o.port)).unwrap();
    s.set_nodelay(true).unwrap();
    s.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut s = match cfg {
        None => Stream::Plain(s),
        Some(c) => {
            let mut cc = rustls::ClientConnection::new(c.clone(), o.host.clone().try_into().unwrap()).unwrap();
            cc.set_buffer_limit(Some(1 << 20));
            Stream::Tls(Box::new(TlsStream { conn: cc, sock: s, inb: vec![0; 256 * 1024], a: 0, b: 0 }))
        }
    };
    let id = format!("raw-{}-{}", std::process::id(), i);
    let mut p = vec![0x10, (12 + id.len()) as u8, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, id.len() as u8];
    p.extend_from_slice(id.as_bytes());
    s.write_all(&p);
    let mut b = [0u8; 4];
    let mut n = 0;
    while n < 4 {
        n += s.read(&mut b[n..]);
    }
    assert_eq!(b, [0x20, 2, 0, 0]);
    s
}

fn publish(topic: &str, qos: u8, pid: u16, payload: &[u8]) -> Vec<u8> {
    let mut v = vec![0x30 | qos << 1];
    let mut n = 2 + topic.len() + if qos > 0 { 2 } else { 0 } + payload.len();
    loop {
        let b = (n & 0x7f) as u8;
        n >>= 7;
        v.push(if n > 0 { b | 0x80 } else { b });
        if n == 0 {
            break;
        }
    }
    v.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    v.extend_from_slice(topic.as_bytes());
    if qos > 0 {
        v.extend_from_slice(&pid.to_be_bytes());
    }
    v.extend_from_slice(payload);
    v
}

fn subscribe(s: &mut Stream, topic: &str, q: u8) {
    let mut p = vec![0x82, (5 + topic.len()) as u8, 0, 1, 0, topic.len() as u8];
    p.extend_from_slice(topic.as_bytes());
    p.push(q);
    s.write_all(&p);
    let mut b = [0u8; 5];
    let mut n = 0;
    while n < 5 {
        n += s.read(&mut b[n..]);
    }
    assert_eq!(b[0], 0x90);
}

/// Reads packets; calls f(first byte, body) for each. f returns false to stop.
struct Reader {
    buf: Vec<u8>,
    a: usize,
    b: usize,
}
impl Reader {
    fn new() -> Reader {
        Reader { buf: vec![0; 512 * 1024], a: 0, b: 0 }
    }
    fn fill(&mut self, s: &mut Stream) {
        if self.a == self.b {
            self.a = 0;
            self.b = 0;
        } else if self.buf.len() - self.b < 64 * 1024 {
            self.buf.copy_within(self.a..self.b, 0);
            self.b -= self.a;
            self.a = 0;
        }
        self.b += s.read(&mut self.buf[self.b..]);
    }
    #[inline]
    fn next(&mut self) -> Option<(u8, std::ops::Range<usize>)> {
        let d = &self.buf[self.a..self.b];
        if d.len() < 2 {
            return None;
        }
        let (mut n, mut i) = (0usize, 1);
        loop {
            let x = *d.get(i)?;
            n |= ((x & 0x7f) as usize) << (7 * (i - 1));
            i += 1;
            if x < 0x80 {
                break;
            }
        }
        if d.len() < i + n {
            return None;
        }
        let r = self.a + i..self.a + i + n;
        let f = d[0];
        self.a += i + n;
        Some((f, r))
    }
}

fn main() {
    let o = parse();
    let n = o.count;
    let q: u8 = if o.scenario.ends_with('1') { 1 } else { 0 };
    let payload = vec![b'x'; o.size];
    let cfg = o.tls.then(|| tls_config(&o));
    match o.scenario.as_str() {
        "connect" => {
            let mut lat = vec![0u64; n];
            let m = Measured::begin();
            for (i, l) in lat.iter_mut().enumerate() {
                let t = Instant::now();
                let mut s = connect(&o, cfg.as_ref(), i);
                *l = t.elapsed().as_nanos() as u64;
                s.write_all(&[0xe0, 0]);
                if let Stream::Tls(t) = &mut s {
                    t.conn.send_close_notify();
                    t.flush();
                }
            }
            let m = m.end();
            report(DRIVER, &o, &m, n, &mut lat, "");
        }
        "idle_many" => {
            let r0 = proc_status("VmRSS");
            let t0 = Instant::now();
            let v: Vec<Stream> = (0..n).map(|i| connect(&o, cfg.as_ref(), i)).collect();
            let cs = t0.elapsed().as_secs_f64();
            let mut poll = Poll::new().unwrap();
            for s in &v {
                let fd = s.tcp().as_raw_fd();
                poll.registry().register(&mut SourceFd(&fd), Token(0), Interest::READABLE).unwrap();
            }
            let mut stay_idle = |time| {
                let mut events = Events::with_capacity(1);
                poll.poll(&mut events, Some(time)).unwrap();
                assert!(events.is_empty(), "{LOST}");
            };
            stay_idle(SETTLING);
            let r1 = proc_status("VmRSS");
            let m = Measured::begin();
            stay_idle(IDLE);
            let m = m.end();
            report_idle(DRIVER, &o, &m, n, r1 - r0, cs);
            drop(v);
        }
        "pub_qos0" => {
            let mut s = connect(&o, cfg.as_ref(), 0);
            let one = publish(TOPIC_OUT, 0, 0, &payload);
            let per = (CHUNK / one.len()).max(1);
            let chunk: Vec<u8> = one.iter().cycle().take(one.len() * per).copied().collect();
            let m = Measured::begin();
            let mut left = n;
            while left > 0 {
                let k = left.min(per);
                s.write_all(&chunk[..k * one.len()]);
                left -= k;
            }
            s.write_all(&publish("ctl/expect", 1, 1, n.to_string().as_bytes()));
            let mut b = [0u8; 4];
            let mut g = 0;
            while g < 4 {
                g += s.read(&mut b[g..]);
            }
            let m = m.end();
            assert_eq!(b, [0x40, 2, 0, 1]);
            report(DRIVER, &o, &m, n, &mut [], "");
        }
        "pub_qos1" => {
            let mut s = connect(&o, cfg.as_ref(), 0);
            let one = publish(TOPIC_OUT, 1, 1, &payload);
            let off = one.len() - payload.len() - 2;
            let mut rd = Reader::new();
            let mut out: Vec<u8> = Vec::with_capacity(o.window * one.len());
            let (mut sent, mut acked, mut pid) = (0usize, 0usize, 0u16);
            let m = Measured::begin();
            while acked < n {
                out.clear();
                while sent < n && sent - acked < o.window && out.len() < CHUNK {
                    pid = if pid == 65535 { 1 } else { pid + 1 };
                    let a = out.len();
                    out.extend_from_slice(&one);
                    out[a + off..a + off + 2].copy_from_slice(&pid.to_be_bytes());
                    sent += 1;
                }
                if !out.is_empty() {
                    s.write_all(&out);
                }
                rd.fill(&mut s);
                while let Some((f, _)) = rd.next() {
                    if f >> 4 == 4 {
                        acked += 1;
                    }
                }
            }
            let m = m.end();
            report(DRIVER, &o, &m, n, &mut [], "");
        }
        "recv_qos0" | "recv_qos1" => {
            let mut s = connect(&o, cfg.as_ref(), 0);
            subscribe(&mut s, TOPIC_IN, q);
            let mut rd = Reader::new();
            let m = Measured::begin();
            let ctl = format!("{} {} {} {} {}", q, n, o.size, o.window, TOPIC_IN);
            s.write_all(&publish("ctl/blast", 0, 0, ctl.as_bytes()));
            let mut k = 0;
            let mut acks: Vec<u8> = Vec::new();
            while k < n {
                rd.fill(&mut s);
                acks.clear();
                while let Some((f, r)) = rd.next() {
                    if f >> 4 == 3 {
                        k += 1;
                        if q == 1 {
                            let b = &rd.buf[r];
                            let p = 2 + u16::from_be_bytes([b[0], b[1]]) as usize;
                            acks.extend_from_slice(&[0x40, 2, b[p], b[p + 1]]);
                        }
                    }
                }
                if !acks.is_empty() {
                    s.write_all(&acks);
                }
            }
            let m = m.end();
            report(DRIVER, &o, &m, n, &mut [], "");
        }
        "rtt_qos0" | "rtt_qos1" => {
            let mut s = connect(&o, cfg.as_ref(), 0);
            subscribe(&mut s, TOPIC_ECHO, q);
            let mut rd = Reader::new();
            let mut lat = vec![0u64; n];
            let m = Measured::begin();
            for (i, l) in lat.iter_mut().enumerate() {
                let pk = publish(TOPIC_ECHO, q, (i % 65535 + 1) as u16, &payload);
                let t = Instant::now();
                s.write_all(&pk);
                let mut got: Option<[u8; 2]> = None;
                let mut ack = q == 0;
                while got.is_none() || !ack {
                    rd.fill(&mut s);
                    while let Some((f, r)) = rd.next() {
                        if f >> 4 == 3 {
                            *l = t.elapsed().as_nanos() as u64;
                            let b = &rd.buf[r];
                            let p = 2 + u16::from_be_bytes([b[0], b[1]]) as usize;
                            got = Some([b[p], b[p + 1]]);
                        } else if f >> 4 == 4 {
                            ack = true;
                        }
                    }
                }
                if q == 1 {
                    let g = got.unwrap();
                    s.write_all(&[0x40, 2, g[0], g[1]]);
                }
            }
            let m = m.end();
            report(DRIVER, &o, &m, n, &mut lat, "");
        }
        s => panic!("no scenario {s}"),
    }
}
