use super::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixStream};

fn wait(link: &TcpLink, flags: PollFlags) {
    let deadline = Timespec {
        tv_sec: 20,
        tv_nsec: 0,
    };
    let ready = poll(
        &mut [PollFd::from_borrowed_fd(link.fd(), flags)],
        Some(&deadline),
    )
    .unwrap();
    assert_eq!(
        ready, 1,
        "nothing happened on the socket before the deadline"
    );
}

fn pair() -> (TcpLink, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = TcpLink::start(listener.local_addr().unwrap()).unwrap();
    wait(&link, PollFlags::OUT);
    assert!(link.finish().unwrap());
    (link, listener.accept().unwrap().0)
}

#[test]
fn a_link_is_non_blocking_closed_on_exec_and_without_delay() {
    let (mut link, mut peer) = pair();
    assert!(link.socket.tcp_nodelay().unwrap());
    assert!(
        rustix::io::fcntl_getfd(link.fd())
            .unwrap()
            .contains(FdFlags::CLOEXEC)
    );
    assert_eq!(
        link.read(&mut [0; 8]).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    assert_eq!(
        link.write_vectored(&[IoSlice::new(b"he"), IoSlice::new(b""), IoSlice::new(b"llo")])
            .unwrap(),
        5
    );
    let mut bytes = [0; 5];
    peer.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"hello");
    peer.write_all(b"bye").unwrap();
    drop(peer);
    wait(&link, PollFlags::IN);
    assert_eq!(link.read(&mut bytes).unwrap(), 3);
    wait(&link, PollFlags::IN);
    assert_eq!(link.read(&mut bytes).unwrap(), 0);
}

#[test]
fn a_refused_connection_names_the_address() {
    // Bound and never listening: nobody else can take the port meanwhile.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into())
        .unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let error = match TcpLink::start(address) {
        Ok(link) => {
            wait(&link, PollFlags::OUT);
            link.finish().unwrap_err()
        }
        Err(error) => error,
    };
    assert_eq!(error.code, Code::ConnectionRefused, "{error}");
    assert!(error.detail.contains(&address.to_string()), "{error}");
}

#[test]
fn a_connection_in_progress_is_not_finished() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Not connected at all is what the system tells of one in progress, too.
    let link = TcpLink {
        socket: Socket::new(Domain::IPV4, Type::STREAM, None).unwrap(),
        address: Some(address),
        drained: false,
    };
    assert!(!link.finish().unwrap());
}

#[test]
fn a_socket_of_the_application_may_be_of_any_family() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut link = TcpLink::from_socket(ours.into()).unwrap();
    assert!(link.finish().unwrap());
    assert!(
        rustix::io::fcntl_getfd(link.fd())
            .unwrap()
            .contains(FdFlags::CLOEXEC)
    );
    assert_eq!(
        link.read(&mut [0; 8]).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    assert_eq!(link.write(b"hello").unwrap(), 5);
    link.close();
    let mut text = String::new();
    theirs.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
}

#[test]
fn what_is_no_connected_stream_is_refused() {
    let file = std::fs::File::open("/dev/null").unwrap();
    let datagrams = UnixDatagram::pair().unwrap();
    let unconnected = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    for (fd, word) in [
        (OwnedFd::from(file), "not a socket"),
        (datagrams.0.into(), "not a stream socket"),
        (unconnected.into(), "not connected"),
    ] {
        let error = TcpLink::from_socket(fd).unwrap_err();
        assert_eq!(error.code, Code::SocketFactory, "{error}");
        assert!(error.detail.contains(word), "{error}");
    }
}

/// Whether SIGPIPE is in the set of this thread by that name: "SigBlk", the blocked ones, or "SigPnd", the pending ones.
fn has_sigpipe(set: &str) -> bool {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let signals = status
        .lines()
        .find_map(|line| line.strip_prefix(set)?.strip_prefix(':'))
        .unwrap();
    u64::from_str_radix(signals.trim(), 16).unwrap() & 1 << (libc::SIGPIPE - 1) != 0
}

#[test]
fn p10_writing_to_a_peer_that_is_gone_raises_no_sigpipe() {
    // Test programs ignore SIGPIPE, which would hide it; but the system keeps even an ignored signal while it is blocked. Blocking it
    // here would take `unsafe`; a new process is born with it blocked.
    if !has_sigpipe("SigBlk") {
        let this = "transport::tcp::tests::p10_writing_to_a_peer_that_is_gone_raises_no_sigpipe";
        let output = std::process::Command::new("env")
            .arg("--block-signal=PIPE")
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", this])
            .output()
            .expect("env, of the Debian package coreutils");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    let (mut link, _peer) = pair();
    link.close();
    let error = link.write(b"more").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let error = link
        .write_vectored(&[IoSlice::new(b"more"), IoSlice::new(b"and more")])
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    assert_eq!(super::super::read_error(&error).code, Code::ConnectionLost);
    assert!(!has_sigpipe("SigPnd"));
    // And this is how it would look.
    rustix::io::write(link.fd(), b"more").unwrap_err();
    assert!(has_sigpipe("SigPnd"));
}

#[test]
fn addresses_need_no_dns() {
    for (host, address) in [
        ("192.0.2.7", "192.0.2.7:8883"),
        ("2001:db8::7", "[2001:db8::7]:8883"),
        ("[2001:db8::7]", "[2001:db8::7]:8883"),
    ] {
        assert_eq!(
            resolve(host, 8883).unwrap(),
            [address.parse().unwrap()],
            "{host}"
        );
    }
}

#[test]
fn localhost_is_found() {
    let addresses = resolve("localhost", 1883).unwrap();
    assert!(
        addresses
            .iter()
            .all(|address| address.ip().is_loopback() && address.port() == 1883)
    );
}

#[test]
fn an_unknown_host_is_named() {
    // Names that no server is asked for: too long for DNS, empty, with a NUL.
    let long = format!("{}.invalid", "a".repeat(300));
    for host in [long.as_str(), "", "a\0b"] {
        let error = resolve(host, 8883).unwrap_err();
        assert_eq!(error.code, Code::Dns, "{error}");
        assert!(error.detail.contains(host), "{error}");
    }
}
