//! The request and its answer.

use super::*;
use crate::error::{Code, Error};
use crate::transport::peer::read_all;
use crate::transport::websocket::Refusal;
use std::sync::{Arc, Mutex};

#[test]
fn the_request_is_this_byte_for_byte() {
    for peer in [Peer::new(), Peer::trickling()] {
        let mut link = link(&peer);
        assert_eq!(handshake(&mut link).unwrap(), HandshakeState::WantsRead);
        let (key, request) = request(&peer);
        assert_eq!(
            request,
            "GET /mqtt?X-Amz-Signature=s3cr3t HTTP/1.1\r\nHost: broker.example.com:8443\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\
             x-token: t0k3n value\r\n\r\n"
        );
        let key = data_encoding::BASE64.decode(key.as_bytes()).unwrap();
        assert_eq!(key.len(), 16, "RFC 6455 section 4.1");
    }
}

#[test]
fn each_request_has_a_key_of_its_own() {
    let keys = [(); 2].map(|()| {
        let peer = Peer::new();
        handshake(&mut link(&peer)).unwrap();
        request(&peer).0
    });
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_request_that_the_socket_does_not_take_waits_for_it() {
    let peer = Peer::new();
    peer.take_only(10);
    let mut link = link(&peer);
    assert_eq!(handshake(&mut link).unwrap(), HandshakeState::WantsWrite);
    peer.take_only(usize::MAX);
    assert_eq!(handshake(&mut link).unwrap(), HandshakeState::WantsRead);
    assert!(request(&peer).1.ends_with("\r\n\r\n"));
}

#[test]
fn an_answer_may_come_in_any_pieces_and_with_frames_behind_it() {
    for peer in [Peer::new(), Peer::trickling()] {
        let mut link = connected(&peer, b"\x82\x03abc");
        assert_eq!(read_all(&mut link, 2).0, b"abc");
    }
}

/// The error of an answer in which `KEY` stands for what the key asks for.
fn refused(answer: &str, end: bool) -> (Error, Option<Refusal>) {
    let refusal = Arc::new(Mutex::new(None));
    let told = Arc::clone(&refusal);
    let peer = Peer::trickling();
    let mut upgrade = upgrade();
    upgrade.refused = Some(Box::new(move |refusal| {
        *told.lock().unwrap() = Some(refusal)
    }));
    let mut link = WebSocketLink::new(Box::new(peer.clone()), upgrade).unwrap();
    assert_eq!(handshake(&mut link).unwrap(), HandshakeState::WantsRead);
    let accept = derive_accept_key(request(&peer).0.as_bytes());
    peer.say(answer.replace("KEY", &accept).as_bytes());
    if end {
        peer.end();
    }
    let error = handshake(&mut link).unwrap_err();
    for secret in ["s3cr3t", "t0k3n", "broker.example.com"] {
        assert!(!error.detail.contains(secret), "{error}");
    }
    let refusal = refusal.lock().unwrap().take();
    (error, refusal)
}

#[test]
fn a_refusal_gives_status_reason_and_date() {
    let (error, refusal) = refused(
        "HTTP/1.1 403 Forbidden\r\ndate: Thu, 15 Jan 2026 12:00:00 GMT\r\nx-amzn-ErrorType: ForbiddenException\r\n\
         content-length: 23\r\n\r\n{\"message\":\"Forbidden\"}",
        false,
    );
    assert_eq!(error.code, Code::Forbidden);
    assert_eq!(
        error.detail,
        "the server refused the WebSocket upgrade with HTTP 403 Forbidden (ForbiddenException): \
         it does not accept the credentials, or the clock of this machine is wrong"
    );
    let date = Some("Thu, 15 Jan 2026 12:00:00 GMT".to_owned());
    assert_eq!(refusal, Some(Refusal { status: 403, date }));
    for (answer, words) in [
        ("HTTP/1.0 404 Not Found\r\n\r\n", "HTTP 404 Not Found"),
        ("HTTP/1.1 500\r\n\r\n", "HTTP 500"),
        ("HTTP/1.1 503 \x01\u{e9}\r\n\r\n", "HTTP"),
        ("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", "not followed"),
        ("HTTP/1.1 200 OK\r\n\r\n", "HTTP 200 OK"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 No\n\n",
            "HTTP 400 No",
        ),
    ] {
        let (error, refusal) = refused(answer, false);
        assert_eq!(error.code, Code::WebSocket, "{error}");
        assert!(error.detail.contains(words), "{error}");
        assert!(
            error
                .detail
                .bytes()
                .all(|byte| (b' '..=b'~').contains(&byte))
        );
        assert!(refusal.is_none_or(|refusal| refusal.date.is_none()));
    }
}

#[test]
fn every_header_of_the_answer_must_be_right() {
    let right = [
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        "Sec-WebSocket-Accept: KEY\r\n",
        "Sec-WebSocket-Protocol: mqtt\r\n",
    ];
    let answer = |wrong: usize, instead: &str| {
        let mut lines = right;
        lines[wrong] = instead;
        let (error, refusal) = refused(&format!("HTTP/1.1 101 X\r\n{}\r\n", lines.concat()), false);
        assert_eq!(error.code, Code::WebSocket, "{error}");
        assert_eq!(refusal, None);
        error.detail.into_owned()
    };
    for (wrong, instead, words) in [
        (0, "", "Upgrade: websocket"),
        (0, "Upgrade: h2c\r\n", "Upgrade: websocket"),
        (1, "", "Connection: Upgrade"),
        (1, "Connection: close\r\n", "Connection: Upgrade"),
        (2, "", "Sec-WebSocket-Accept"),
        (2, "Sec-WebSocket-Accept: AAAA\r\n", "Sec-WebSocket-Accept"),
        (
            2,
            "Sec-WebSocket-Accept: KEY\r\nSec-WebSocket-Accept: x\r\n",
            "Sec-WebSocket-Accept",
        ),
        (3, "", "chooses no subprotocol"),
        (
            3,
            "Sec-WebSocket-Protocol: mqttv3.1\r\n",
            "\"mqttv3.1\" instead of \"mqtt\"",
        ),
        (3, "Sec-WebSocket-Protocol: MQTT\r\n", "\"MQTT\" instead"),
        (
            3,
            "Sec-WebSocket-Protocol: mqtt, chat\r\n",
            "\"mqtt, chat\" instead",
        ),
        (
            3,
            "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Protocol: mqtt\r\n",
            "several",
        ),
        (
            3,
            "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
            "extension",
        ),
    ] {
        let detail = answer(wrong, instead);
        assert!(detail.contains(words), "{instead:?}: {detail}");
    }
}

#[test]
fn what_is_no_answer_says_so() {
    let long_header = format!("HTTP/1.1 101 X\r\na: {}\r\n\r\n", "b".repeat(100_000));
    let many_bytes = format!(
        "HTTP/1.1 101 X\r\n{}\r\n",
        "a: bbbbbbbbbb\r\n".repeat(100_000 / 15)
    );
    let many_headers = format!("HTTP/1.1 101 X\r\n{}\r\n", "a: b\r\n".repeat(257));
    for (answer, code, words) in [
        ("\x15\x03\x01\0\x02", Code::WebSocket, "not HTTP"),
        ("HTTP/2 101\r\n\r\n", Code::WebSocket, "not HTTP"),
        ("HTTP/1.1 abc\r\n\r\n", Code::WebSocket, "not HTTP"),
        (
            "HTTP/1.1 101 X\r\nno colon\r\n\r\n",
            Code::WebSocket,
            "not HTTP",
        ),
        (&long_header, Code::WebSocket, "more than 65536 bytes"),
        (&many_bytes, Code::WebSocket, "more than 65536 bytes"),
        (&many_headers, Code::WebSocket, "more than 256 fields"),
        (
            "",
            Code::ConnectionLost,
            "closed the connection before it answered",
        ),
        (
            "HTTP/1.1 101 X\r\n",
            Code::ConnectionLost,
            "closed the connection before",
        ),
    ] {
        let (error, _) = refused(answer, true);
        assert_eq!(error.code, code, "{error}");
        assert!(error.detail.contains(words), "{error}");
    }
}

#[test]
fn a_long_answer_within_the_limit_is_taken() {
    let peer = Peer::new();
    let mut link = link(&peer);
    handshake(&mut link).unwrap();
    let answer = accepted(&request(&peer).0);
    let long = format!("\r\nx: {}\r\n\r\n", "y".repeat(60_000));
    peer.say(answer.strip_suffix("\r\n\r\n").unwrap().as_bytes());
    peer.say(long.as_bytes());
    assert_eq!(handshake(&mut link).unwrap(), HandshakeState::Done);
}

#[test]
fn a_request_that_would_be_another_one_is_not_sent() {
    let error = |change: &dyn Fn(&mut Upgrade)| {
        let mut upgrade = upgrade();
        change(&mut upgrade);
        let error = WebSocketLink::new(Box::new(Peer::new()), upgrade)
            .err()
            .expect("must be refused");
        assert_eq!(error.code, Code::WebSocket);
        assert!(!error.detail.contains("s3cr3t"), "{error}");
        error.detail.into_owned()
    };
    let path = |path: &str| error(&|upgrade| upgrade.path_and_query = Zeroizing::new(path.into()));
    assert!(path("/mqtt?s3cr3t\r\nX: y").contains("the path"));
    assert!(path("/mqtt s3cr3t").contains("the path"));
    assert!(path("").contains("the path"));
    assert!(error(&|upgrade| upgrade.host_header = "a b".into()).contains("the host"));
    let header = |name: &str, value: &str| {
        error(&|upgrade| upgrade.extra_headers = vec![(name.into(), Zeroizing::new(value.into()))])
    };
    assert!(header("x y", "z").contains("the name of a header"));
    assert!(header("x", "s3cr3t\nz").contains("the value of a header"));
}

#[test]
fn before_the_upgrade_close_says_nothing() {
    let peer = Peer::new();
    let mut link = link(&peer);
    link.close();
    assert!(peer.state().closed && peer.heard().is_empty());
}
