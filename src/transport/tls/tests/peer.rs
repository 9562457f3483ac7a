//! Certificates, a server in a thread, and a client that waits for its socket.

pub use crate::config::TlsVersion;
use crate::config::{self, Credentials, Key, Pem};
use crate::error::Error;
use crate::transport::tcp::TcpLink;
use crate::transport::tls::{TlsConfig, TlsLink, ciphers};
use crate::transport::{HandshakeState, Link, read_error};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};
use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use zeroize::Zeroizing;

pub const DEADLINE: Duration = Duration::from_secs(20);
pub const HOST: &str = "broker.example.com";

pub type ServerStream = StreamOwned<ServerConnection, TcpStream>;

pub struct Identity {
    pub certificate: Certificate,
    pub key: KeyPair,
}

impl Identity {
    fn chain(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        (vec![self.certificate.der().clone()], key)
    }

    pub fn pems(&self) -> (Pem, Pem) {
        (
            pem("device.crt", &self.certificate.pem()),
            pem("device.key", &self.key.serialize_pem()),
        )
    }
}

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> Pem {
        pem("ca.pem", &self.0.pem())
    }

    pub fn issue(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { certificate, key }
    }

    pub fn server(&self, name: &str) -> Identity {
        self.issue(CertificateParams::new([name.to_owned()]).unwrap())
    }

    pub fn device(&self) -> Identity {
        self.issue(CertificateParams::default())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

pub fn pem(name: &str, text: &str) -> Pem {
    Pem {
        name: name.into(),
        text: Zeroizing::new(text.as_bytes().to_vec()),
    }
}

pub fn credentials(ca: &Authority, device: Option<&Identity>) -> Credentials {
    Credentials {
        ca: Some(ca.pem()),
        identity: device.map(|device| {
            let (certificate, key) = device.pems();
            config::Identity {
                certificate,
                key: Key::Pem(key),
            }
        }),
        ciphers: None,
    }
}

/// A server's configuration; with `devices`, only they may connect.
pub fn server_config(
    identity: &Identity,
    devices: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(ciphers::provider(None).unwrap());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match devices {
        Some(devices) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(devices.roots()), provider)
                .build()
                .unwrap(),
        ),
        None => builder.with_no_client_auth(),
    };
    let (chain, key) = identity.chain();
    builder.with_single_cert(chain, key).unwrap()
}

/// A server for one connection, which `script` plays.
pub fn listen<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> io::Result<T> + Send + 'static,
) -> (SocketAddr, JoinHandle<io::Result<T>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        script(stream)
    });
    (address, server)
}

/// The same over TLS. The handshake is done by the script's first read or write.
pub fn serve<T: Send + 'static>(
    config: ServerConfig,
    script: impl FnOnce(ServerStream) -> io::Result<T> + Send + 'static,
) -> (SocketAddr, JoinHandle<io::Result<T>>) {
    listen(move |stream| {
        script(StreamOwned::new(
            ServerConnection::new(Arc::new(config)).unwrap(),
            stream,
        ))
    })
}

pub fn wait(fd: BorrowedFd<'_>, flags: PollFlags) {
    let deadline = Timespec {
        tv_sec: DEADLINE.as_secs().try_into().unwrap(),
        tv_nsec: 0,
    };
    let ready = poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&deadline)).unwrap();
    assert_eq!(
        ready, 1,
        "nothing happened on the socket before the deadline"
    );
}

pub fn dial(address: SocketAddr) -> TcpLink {
    let link = TcpLink::start(address).unwrap();
    wait(link.fd(), PollFlags::OUT);
    assert!(link.finish().unwrap());
    link
}

pub fn client(link: impl Link + 'static, credentials: &Credentials, name: &str) -> TlsLink {
    let config = TlsConfig::new(credentials, TlsVersion::V1_2, &[]).unwrap();
    TlsLink::new(Box::new(link), &config, name).unwrap()
}

pub fn handshake(link: &mut TlsLink) -> Result<(), Error> {
    loop {
        match link.handshake()? {
            // Nobody speaks yet in most of these tests, so the last flight goes alone.
            HandshakeState::Done => {
                return write_all(link, &[]).map_err(|error| read_error(&error));
            }
            HandshakeState::WantsRead => wait(link.fd(), PollFlags::IN),
            HandshakeState::WantsWrite => wait(link.fd(), PollFlags::OUT),
        }
    }
}

pub fn read(link: &mut dyn Link, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match link.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait(link.fd(), PollFlags::IN)
            }
            result => return result,
        }
    }
}

pub fn read_exact(link: &mut dyn Link, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match read(link, &mut bytes[filled..]).unwrap() {
            0 => panic!("the end after {filled} bytes"),
            more => filled += more,
        }
    }
    bytes
}

pub fn write_all(link: &mut dyn Link, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() || link.wants_write() {
        let result = if bytes.is_empty() {
            link.flush().map(|()| 0)
        } else {
            link.write(bytes)
        };
        match result {
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait(link.fd(), PollFlags::OUT)
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Bytes in which a lost, doubled or swapped piece shows.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length as u64)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

/// A network at its worst: one byte at a time, and each second call finds it not ready.
pub struct Trickle {
    pub inner: TcpLink,
    pub ready: bool,
}

impl Trickle {
    fn turn(&mut self) -> io::Result<()> {
        self.ready = !self.ready;
        if self.ready {
            Ok(())
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }
}

impl Link for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn()?;
        self.inner.read(&mut buffer[..1])
    }
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.turn()?;
        self.inner.write(&bytes[..1])
    }
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.turn()?;
        self.inner.write_vectored(&[IoSlice::new(&pieces[0][..1])])
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
    fn wants_write(&self) -> bool {
        self.inner.wants_write()
    }
    fn close(&mut self) {
        self.inner.close();
    }
    fn fd(&self) -> BorrowedFd<'_> {
        self.inner.fd()
    }
}
