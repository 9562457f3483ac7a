//! A WebSocket server's answer and frames. What the link makes of the frames is compared with a slow reader of RFC 6455.

use super::input::Input;
use super::links::{SECRET, check_error};
use crate::error::{Code, Error};
use crate::transport::peer::{Peer, handshake, read_all};
use crate::transport::websocket::{Upgrade, WebSocketLink};
use crate::transport::{HandshakeState, Link};
use std::io;
use tungstenite::handshake::derive_accept_key;
use zeroize::Zeroizing;

/// Stands in the fuzzer's bytes for what it cannot guess.
const ACCEPT: &[u8] = b"ACCEPT";

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (upgraded, ends, writes) = (input.below(4) > 0, input.flag(), input.flag());
    let said = input.rest();
    let results = [Peer::new(), Peer::trickling()].map(|peer| {
        let mut link = link(&peer);
        assert_eq!(handshake(&mut link).ok(), Some(HandshakeState::WantsRead));
        let key = key(&peer.heard());
        if upgraded {
            peer.say(&accepted(&key));
            peer.say(said);
        } else {
            peer.say(&with_key(said, &key));
        }
        if ends {
            peer.end();
        }
        match handshake(&mut link) {
            Ok(HandshakeState::Done) => frames(&peer, link, upgraded.then_some(said), ends, writes),
            Ok(_) => {
                assert!(!upgraded && !ends, "it waits");
                Vec::new()
            }
            Err(why) => {
                assert!(!upgraded, "{why}");
                let codes = [Code::WebSocket, Code::Forbidden, Code::ConnectionLost];
                check_error(&why, &codes);
                // The key is another one each time, and an error may quote what is made of it.
                match said.windows(ACCEPT.len()).any(|bytes| bytes == ACCEPT) {
                    true => format!("{:?}", why.code).into_bytes(),
                    false => why.detail.into_owned().into_bytes(),
                }
            }
        }
    });
    assert_eq!(results[0], results[1], "whole and byte by byte");
}

fn link(peer: &Peer) -> WebSocketLink {
    let upgrade = Upgrade {
        host_header: "broker.example.com".into(),
        path_and_query: Zeroizing::new(format!("/mqtt?X-Amz-Signature={SECRET}")),
        extra_headers: vec![("x-token".into(), Zeroizing::new(SECRET.into()))],
        refused: Some(Box::new(|refusal| assert_ne!(refusal.status, 101))),
    };
    WebSocketLink::new(Box::new(peer.clone()), upgrade).expect("a link")
}

fn key(request: &[u8]) -> String {
    let request = std::str::from_utf8(request).expect("a request");
    let (_, behind) = request.split_once("Sec-WebSocket-Key: ").expect("a key");
    behind.split_once("\r\n").expect("a line").0.to_owned()
}

fn accepted(key: &str) -> Vec<u8> {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    with_key(answer.as_bytes(), key)
}

fn with_key(answer: &[u8], key: &str) -> Vec<u8> {
    let mut answer = answer.to_vec();
    if let Some(at) = answer
        .windows(ACCEPT.len())
        .position(|bytes| bytes == ACCEPT)
    {
        let accept = derive_accept_key(key.as_bytes());
        answer.splice(at..at + ACCEPT.len(), accept.into_bytes());
    }
    answer
}

/// Reads what the frames hold; gives all that was seen.
fn frames(
    peer: &Peer,
    mut link: WebSocketLink,
    said: Option<&[u8]>,
    ends: bool,
    writes: bool,
) -> Vec<u8> {
    let written: usize = if writes {
        std::iter::repeat_with(|| link.write(b"publish"))
            .find_map(Result::ok)
            .unwrap_or_default()
    } else {
        0
    };
    let (mut data, end) = read_all(&mut link, 11);
    let end = end.filter(|error| error.kind() != io::ErrorKind::WouldBlock);
    let why = end.as_ref().map(|error| {
        let why = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        why.expect("an error with a reason").clone()
    });
    if let Some(why) = &why {
        check_error(why, &[Code::WebSocket, Code::ConnectionLost]);
    }
    if let Some(said) = said {
        let (expected, stop) = slow(said);
        assert_eq!(data, expected, "the bytes of the broker");
        let code = why.as_ref().map(|why| why.code);
        match stop {
            Stop::Violation => assert_eq!(code, Some(Code::WebSocket)),
            Stop::Closed(normal) => assert_eq!(code, (!normal).then_some(Code::ConnectionLost)),
            Stop::More => assert!(code.is_none(), "{why:?}, ended: {ends}"),
        }
    }
    link.close();
    while link.wants_write()
        && link
            .flush()
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    {}
    check_heard(&peer.heard(), written);
    data.extend(
        why.map(|why| why.detail.into_owned().into_bytes())
            .unwrap_or_default(),
    );
    data
}

enum Stop {
    More,
    /// With the code 1000 or without any.
    Closed(bool),
    Violation,
}

/// The payloads of the data frames, also of one that is cut off, and how it ends.
fn slow(mut bytes: &[u8]) -> (Vec<u8>, Stop) {
    let (mut data, mut in_message) = (Vec::new(), false);
    loop {
        let Some(first) = bytes.first() else {
            return (data, Stop::More);
        };
        let (is_final, opcode) = (first & 0x80 != 0, first & 0x0F);
        if first & 0x70 != 0 {
            return (data, Stop::Violation);
        }
        let Some(second) = bytes.get(1) else {
            return (data, Stop::More);
        };
        let more = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if second & 0x80 != 0 {
            return (data, Stop::Violation);
        }
        let Some(extended) = bytes.get(2..2 + more) else {
            return (data, Stop::More);
        };
        let length = extended
            .iter()
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let length = if more == 0 {
            u64::from(*second)
        } else {
            length
        };
        let allowed = match opcode {
            0 => in_message && length >> 63 == 0,
            2 => !in_message && length >> 63 == 0,
            8..=10 => is_final && length <= 125,
            _ => false,
        };
        if !allowed {
            return (data, Stop::Violation);
        }
        let behind = &bytes[2 + more..];
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let payload = behind.get(..length);
        match opcode {
            0 | 2 => {
                in_message = !is_final;
                data.extend_from_slice(payload.unwrap_or(behind));
            }
            8 if payload.is_some() => return (data, closed(payload.unwrap_or_default())),
            _ => {}
        }
        if payload.is_none() {
            return (data, Stop::More);
        }
        bytes = &behind[length..];
    }
}

/// RFC 6455 section 7.4.
fn closed(payload: &[u8]) -> Stop {
    let [high, low, ..] = *payload else {
        return if payload.is_empty() {
            Stop::Closed(true)
        } else {
            Stop::Violation
        };
    };
    match u16::from_be_bytes([high, low]) {
        1000 => Stop::Closed(true),
        1001..=1003 | 1007..=1014 | 3000..=4999 => Stop::Closed(false),
        _ => Stop::Violation,
    }
}

/// Our frames are whole, masked and of the known kinds, and nothing follows Close.
fn check_heard(mut bytes: &[u8], written: usize) {
    let (mut closed, mut data) = (false, 0);
    while let [first, second, rest @ ..] = bytes {
        assert!(!closed, "a frame behind Close");
        assert!(
            first & 0xF0 == 0x80 && second & 0x80 != 0,
            "{first:02X} {second:02X}"
        );
        let length = usize::from(second & 0x7F);
        assert!(length <= 125, "all of ours are short");
        match first & 0x0F {
            2 => data += length,
            8 => closed = true,
            10 => {}
            other => panic!("a frame of the kind {other}"),
        }
        bytes = &rest[4 + length..];
    }
    assert!(bytes.is_empty() && closed);
    assert_eq!(data, written);
}
