//! Scripted proxies: whole, byte by byte, and lying.

use super::*;
use crate::transport::peer::{Peer, handshake, read_all};

const TARGET: (&str, u16) = ("broker.example.com", 8883);

fn link_to(peer: &Peer, url: &str, host: &str) -> ProxyLink {
    let proxy = Proxy::parse(url).unwrap();
    ProxyLink::new(Box::new(peer.clone()), &proxy, host, TARGET.1).unwrap()
}

fn link(peer: &Peer, url: &str) -> ProxyLink {
    link_to(peer, url, TARGET.0)
}

/// The request that goes out before anything is answered.
fn asked(url: &str, host: &str) -> Vec<u8> {
    let peer = Peer::trickling();
    let mut link = link_to(&peer, url, host);
    assert_eq!(handshake(&mut link).unwrap(), HandshakeState::WantsRead);
    peer.heard()
}

/// The error that `said` brings, whole and byte by byte; `end`: and then the proxy closes.
fn refused(url: &str, said: &[u8], end: bool) -> Error {
    let [whole, trickled] = [Peer::new(), Peer::trickling()].map(|peer| {
        peer.say(said);
        if end {
            peer.end();
        }
        let error = handshake(&mut link(&peer, url)).expect_err("must fail");
        assert!(!error.detail.contains("s3cr3t"), "{error}");
        error
    });
    assert_eq!(whole, trickled);
    assert_eq!(whole.code, Code::Proxy, "{whole}");
    whole
}

#[test]
fn connect_asks_with_the_unresolved_name_and_basic_authentication() {
    assert_eq!(
        String::from_utf8(asked("http://u:p@proxy:3128", TARGET.0)).unwrap(),
        "CONNECT broker.example.com:8883 HTTP/1.1\r\nHost: broker.example.com:8883\r\nProxy-Connection: Keep-Alive\r\n\
         Proxy-Authorization: Basic dTpw\r\n\r\n"
    );
    assert_eq!(
        String::from_utf8(asked("http://proxy:3128", "::1")).unwrap(),
        "CONNECT [::1]:8883 HTTP/1.1\r\nHost: [::1]:8883\r\nProxy-Connection: Keep-Alive\r\n\r\n"
    );
    let decoded = asked("http://us%3Fer:p%40ss%25@proxy", TARGET.0);
    let expected = data_encoding::BASE64.encode(b"us?er:p@ss%");
    assert!(String::from_utf8(decoded).unwrap().contains(&expected));
}

#[test]
fn behind_an_http_proxy_the_bytes_are_the_servers() {
    for peer in [Peer::new(), Peer::trickling()] {
        let mut link = link(&peer, "http://proxy");
        peer.say(b"HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\nfirst");
        assert_eq!(handshake(&mut link).unwrap(), HandshakeState::Done);
        assert_eq!(link.handshake().unwrap(), HandshakeState::Done);
        peer.say(b" second");
        assert_eq!(read_all(&mut link, 3).0, b"first second");
        peer.heard();
        while link.write(b"o").is_err() {}
        assert_eq!(peer.heard(), b"o");
        link.close();
        assert!(peer.state().closed);
    }
}

#[test]
fn an_http_proxy_that_refuses_is_quoted() {
    let with = "http://user:s3cr3t@proxy:3128";
    let without = "http://proxy:3128";
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    for (url, said, words) in [
        (
            without,
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
            "the proxy proxy port 3128 asks for authentication (HTTP 407 Proxy Authentication Required): put user name",
        ),
        (without, "HTTP/1.1 407 \r\n\r\n", "asks for authentication"),
        (
            with,
            "HTTP/1.0 401 Unauthorized\r\n\r\n",
            "does not accept this user name and password (HTTP 401",
        ),
        (
            with,
            "HTTP/1.1 407 X\r\nProxy-Authenticate: Basic\r\n\r\n",
            "does not accept this user name and password",
        ),
        (
            with,
            "HTTP/1.1 407 X\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n\r\n",
            "by NTLM, Negotiate",
        ),
        (
            with,
            "HTTP/1.1 403 Access violation\r\n\r\nbody",
            "answers HTTP 403 Access violation to CONNECT broker.example.com:8883",
        ),
        (
            with,
            "HTTP/1.1 502 Bad Gateway\r\n\r\n",
            "HTTP 502 Bad Gateway",
        ),
        (with, "HTTP/1.1 101 Switching\r\n\r\n", "HTTP 101"),
        (with, "HTTP/1.1 301 Moved\r\n\r\n", "HTTP 301 Moved"),
        (with, "\x05\x00", "not HTTP"),
        (with, "garbage", "not HTTP"),
        (with, &long, "more than 65536 bytes"),
        (with, "", "closed the connection before it answered CONNECT"),
        (with, "HTTP/1.1 200 OK\r\n", "closed the connection before"),
    ] {
        let error = refused(url, said.as_bytes(), true);
        assert!(error.detail.contains(words), "{error}");
    }
}

#[test]
fn a_login_that_an_http_proxy_repeats_is_not_shown() {
    let url = "http://user:s3cr3t@proxy:3128";
    let login = data_encoding::BASE64.encode(b"user:s3cr3t");
    // What is shown is cut in the middle of it.
    let late = format!("{:84}{login}", "echo:");
    for (said, words) in [
        (format!("400 Bad ({login})"), "answers HTTP 400 to CONNECT"),
        (format!("502 {late}"), "answers HTTP 502 to CONNECT"),
        (format!("407 {login}"), "answers HTTP 407 to CONNECT"),
        (
            format!("401 No\r\nProxy-Authenticate: {login}"),
            "answers HTTP 401 to CONNECT",
        ),
        (
            "400 Bad (Proxy-Authorization: Basic)".into(),
            "answers HTTP 400 Bad (Proxy-Authorization: Basic) to",
        ),
    ] {
        let answer = format!("HTTP/1.1 {said}\r\n\r\n");
        let error = refused(url, answer.as_bytes(), false);
        assert!(error.detail.contains(words), "{error}");
        assert!(!error.detail.contains(&login[..8]), "{error}");
    }
}

#[test]
fn the_zone_of_a_link_local_address_is_not_sent() {
    let request = asked("http://proxy", "fe80::1%eth0");
    let expected = "CONNECT [fe80::1]:8883 HTTP/1.1\r\nHost: [fe80::1]:8883\r\n";
    assert!(request.starts_with(expected.as_bytes()));
    let peer = Peer::new();
    let mut link = link_to(&peer, "socks5h://proxy", "fe80::1%eth0");
    peer.say(b"\x05\x00");
    assert_eq!(handshake(&mut link).unwrap(), HandshakeState::WantsRead);
    let address = b"\x05\x01\x00\x04\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x22\xb3";
    assert_eq!(peer.heard()[3..], *address);
}

#[test]
fn socks_resolves_the_name_at_the_proxy() {
    for (url, said, heard) in [
        (
            "socks5h://proxy",
            &b"\x05\x00"[..],
            &b"\x05\x01\x00\x05\x01\x00\x03\x12broker.example.com\x22\xb3"[..],
        ),
        (
            "socks5://user:s3cr3t@proxy",
            b"\x05\x02\x01\x00",
            b"\x05\x02\x00\x02\x01\x04user\x06s3cr3t\x05\x01\x00\x03\x12broker.example.com\x22\xb3",
        ),
        (
            "socks5h://user:s3cr3t@proxy",
            b"\x05\x00",
            b"\x05\x02\x00\x02\x05\x01\x00\x03\x12broker.example.com\x22\xb3",
        ),
    ] {
        for peer in [Peer::new(), Peer::trickling()] {
            let mut link = link(&peer, url);
            peer.say(said);
            assert_eq!(handshake(&mut link).unwrap(), HandshakeState::WantsRead);
            assert_eq!(peer.heard(), heard);
            // An address of each kind may come with the answer; what follows is the server's.
            peer.say(b"\x05\x00\x00\x03\x04name\x00\x50");
            assert_eq!(handshake(&mut link).unwrap(), HandshakeState::Done);
            peer.say(b"server");
            assert_eq!(read_all(&mut link, 100).0, b"server");
        }
    }
}

#[test]
fn socks_sends_addresses_as_addresses() {
    for (host, request) in [
        ("10.0.0.1", &b"\x05\x01\x00\x01\x0a\x00\x00\x01\x22\xb3"[..]),
        (
            "::1",
            b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x22\xb3",
        ),
    ] {
        for address in [
            &b"\x01\0\0\0\0\0\0"[..],
            b"\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            let peer = Peer::new();
            let mut link = link_to(&peer, "socks5h://proxy", host);
            peer.say(b"\x05\x00\x05\x00\x00");
            peer.say(address);
            peer.say(b"server");
            assert_eq!(handshake(&mut link).unwrap(), HandshakeState::Done);
            assert_eq!(peer.heard()[3..], *request);
            assert_eq!(read_all(&mut link, 100).0, b"server");
        }
    }
}

#[test]
fn a_socks_proxy_that_refuses_is_quoted() {
    let with = "socks5h://user:s3cr3t@proxy";
    let without = "socks5h://proxy";
    for (url, said, words) in [
        (
            without,
            &b"\x05\xff"[..],
            "the proxy proxy port 1080 asks for authentication",
        ),
        (without, b"\x05\x02", "asks for authentication"),
        (with, b"\x05\xff", "accepts neither"),
        (with, b"\x05\x01", "way of authentication 1"),
        (
            with,
            b"\x05\x02\x01\x01",
            "does not accept this user name and password",
        ),
        (with, b"\x05\x02\x05\x00", "does not speak SOCKS"),
        (without, b"\x05\x00\x05\x01", "general failure (reply 1)"),
        (
            without,
            b"\x05\x00\x05\x02\0\x01\0\0\0\0\0\0",
            "its rules do not allow",
        ),
        (without, b"\x05\x00\x05\x03", "the network is unreachable"),
        (
            without,
            b"\x05\x00\x05\x04",
            "cannot connect to broker.example.com port 8883: the host is unreachable",
        ),
        (without, b"\x05\x00\x05\x05", "connection refused (reply 5)"),
        (without, b"\x05\x00\x05\x06", "time to live"),
        (without, b"\x05\x00\x05\x07", "the command CONNECT"),
        (without, b"\x05\x00\x05\x08", "this kind of address"),
        (without, b"\x05\x00\x05\x63", "(reply 99)"),
        (
            without,
            b"\x05\x00\x05\x00\x00\x02\x00",
            "an address of unknown kind",
        ),
        (without, b"\x04\x5a", "version 4"),
        (without, b"HTTP/1.1 400 Bad Request\r\n\r\n", "http://"),
        (without, b"\x16\x03", "does not speak SOCKS"),
        (without, b"", "closed the connection in the middle"),
        (
            without,
            b"\x05\x00\x05\x00",
            "closed the connection in the middle",
        ),
    ] {
        let error = refused(url, said, true);
        assert!(error.detail.contains(words), "{said:x?}: {error}");
    }
}

#[test]
fn a_socks_name_has_at_most_255_bytes() {
    let proxy = Proxy::parse("socks5h://proxy").unwrap();
    let long = "a".repeat(256);
    let error = ProxyLink::new(Box::new(Peer::new()), &proxy, &long, 1)
        .err()
        .expect("must be refused");
    assert_eq!(error.code, Code::Proxy);
}

#[test]
fn a_proxy_that_does_not_take_the_request_is_waited_for() {
    for url in ["http://proxy", "socks5h://proxy"] {
        let peer = Peer::new();
        peer.take_only(2);
        let mut link = link(&peer, url);
        assert_eq!(handshake(&mut link).unwrap(), HandshakeState::WantsWrite);
    }
}
