//! Frames in both directions.

use super::*;
use crate::error::Code;
use crate::transport::peer::read_all;
use crate::transport::{ROUNDS, read_error};
use std::io;
use tungstenite::Message;
use tungstenite::protocol::{Role, WebSocket};

/// A server's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length @ 126..=65_535 => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// What a server of tungstenite's makes of what it has heard.
fn understood(heard: Vec<u8>) -> Vec<Message> {
    let stream = io::Cursor::new(Vec::new());
    let mut server = WebSocket::from_partially_read(stream, heard, Role::Server, None);
    std::iter::from_fn(|| server.read().ok()).collect()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251) as u8).collect()
}

#[test]
fn packets_are_split_over_frames_and_packed_into_them() {
    let big = pattern(70_000);
    let mut said = Vec::new();
    for bytes in [
        frame(0x82, b"one"),
        frame(0x82, b""),
        frame(0x02, b"two"),
        frame(0x89, b"ping in between"),
        frame(0x00, b""),
        frame(0x8a, b"a pong that nobody asked for"),
        frame(0x80, b"three"),
        frame(0x82, &big),
        frame(0x82, &pattern(126)),
    ] {
        said.extend(bytes);
    }
    let mut expected = b"onetwothree".to_vec();
    expected.extend_from_slice(&big);
    expected.extend(pattern(126));
    for (peer, pieces) in [
        (Peer::new(), &[1, 2, 3, 700, 1 << 16][..]),
        (Peer::trickling(), &[700]),
    ] {
        for &piece in pieces {
            let mut link = connected(&peer, &said[..20]);
            peer.say(&said[20..]);
            let (all, stopped) = read_all(&mut link, piece);
            assert!(all == expected, "in pieces of {piece}");
            assert_eq!(stopped.unwrap().kind(), io::ErrorKind::WouldBlock);
            while link.wants_write() {
                let _ = link.flush();
            }
            let pong = Message::Pong(b"ping in between"[..].into());
            assert_eq!(understood(peer.heard()), [pong]);
        }
    }
}

#[test]
fn p8_a_server_that_only_pings_does_not_keep_the_thread() {
    let peer = Peer::new();
    let mut link = connected(&peer, b"");
    let ping = frame(0x89, b"still there?");
    let pings = 1_000;
    peer.say(&ping.repeat(pings));
    let mut buffer = vec![0; ping.len()];
    let mut calls = 0;
    while let Err(error) = link.read(&mut buffer) {
        if error.kind() == io::ErrorKind::WouldBlock {
            break;
        }
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        calls += 1;
    }
    assert_eq!(calls, pings / ROUNDS);
    assert!(understood(peer.heard()).len() <= 1, "the last one only");
}

#[test]
fn one_call_makes_one_masked_frame() {
    let peer = Peer::new();
    let mut link = connected(&peer, b"");
    for length in [0, 1, 7, 125, 126, 65_528] {
        let payload = pattern(length);
        assert_eq!(link.write(&payload).unwrap(), length);
        let heard = peer.heard();
        if length > 0 {
            assert_eq!(heard[0], 0x82);
            assert_eq!(heard[1] & 0x80, 0x80, "masked");
            assert_eq!(understood(heard), [Message::Binary(payload.into())]);
        }
    }
    assert_eq!(
        link.write(&pattern(65_529)).unwrap(),
        65_528,
        "no larger frame"
    );
    assert_eq!(peer.heard().len(), 65_536);
}

#[test]
fn each_frame_has_a_mask_of_its_own() {
    let peer = Peer::new();
    let mut link = connected(&peer, b"");
    let mut masks = std::collections::HashSet::new();
    for _ in 0..200 {
        link.write(b"x").unwrap();
        masks.insert(peer.heard()[2..6].to_vec());
    }
    assert!(masks.len() > 190);
}

#[test]
fn what_the_socket_does_not_take_goes_out_later_and_whole() {
    for trickling in [false, true] {
        let peer = if trickling {
            Peer::trickling()
        } else {
            Peer::new()
        };
        let mut link = connected(&peer, b"");
        peer.heard();
        peer.take_only(5);
        let mut taken = 0;
        let payload = pattern(3000);
        loop {
            match link.write(&payload[taken..(taken + 1000).min(3000)]) {
                Ok(length) => taken += length,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    if peer.state().heard.len() == 5 {
                        break;
                    }
                }
            }
        }
        assert_eq!(taken, 1000, "one frame is inside, no second one");
        assert!(link.wants_write());
        peer.take_only(usize::MAX);
        while taken < 3000 || link.wants_write() {
            let result = match &payload[taken..] {
                [] => link.flush().map(|()| 0),
                rest => link.write(rest),
            };
            taken += result.unwrap_or(0);
        }
        let heard: Vec<u8> = understood(peer.heard())
            .into_iter()
            .flat_map(|message| message.into_data())
            .collect();
        assert!(heard == payload);
    }
}

#[test]
fn a_pong_waits_for_room_and_only_the_last_is_sent() {
    let peer = Peer::new();
    let mut link = connected(&peer, b"");
    peer.heard();
    peer.take_only(3);
    assert_eq!(link.write(b"before").unwrap(), 6);
    for payload in ["one", "two", ""] {
        peer.say(&frame(0x89, payload.as_bytes()));
        assert!(read_all(&mut link, 100).1.is_some());
        assert!(link.wants_write());
    }
    assert_eq!(
        link.write(b"x").unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    peer.take_only(usize::MAX);
    link.flush().unwrap();
    assert!(!link.wants_write());
    assert_eq!(
        understood(peer.heard()),
        [
            Message::Binary(b"before"[..].into()),
            Message::Pong(b""[..].into())
        ]
    );
}

#[test]
fn a_close_is_answered_and_ends_the_stream() {
    let peer = Peer::new();
    for payload in [&b""[..], b"\x03\xe8", b"\x03\xe8bye"] {
        let mut said = frame(0x82, b"last");
        said.extend(frame(0x89, b"ping"));
        said.extend(frame(0x88, payload));
        said.extend(frame(0x82, b"behind"));
        let mut link = connected(&peer, &said);
        assert_eq!(read_all(&mut link, 1000).0, b"last");
        assert_eq!(link.read(&mut [0]).unwrap(), 0);
        let heard = peer.heard();
        assert_eq!(heard[0], 0x88, "no pong before a Close");
        assert_eq!(heard.len(), 6 + payload.len().min(2), "the same code");
        assert_eq!(
            link.write(b"x").unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
        link.close();
        assert!(peer.heard().is_empty(), "only one Close");
        assert!(std::mem::take(&mut peer.state().closed));
    }
}

#[test]
fn a_close_with_a_reason_is_an_error_with_it() {
    let peer = Peer::new();
    let mut link = connected(&peer, &frame(0x88, b"\x03\xf0no \x07ccess"));
    let (_, stopped) = read_all(&mut link, 10);
    let error = read_error(&stopped.unwrap());
    assert_eq!(error.code, Code::ConnectionLost);
    assert_eq!(
        error.detail,
        "the broker closed the WebSocket with code 1008 (against its policy): no ?ccess"
    );
}

/// Found by the fuzzer `websocket`: 1014 is registered, and was taken for a breach of the protocol.
#[test]
fn a_close_with_a_registered_code_is_the_brokers_close() {
    for code in [1012u16, 1013, 1014, 3000] {
        let peer = Peer::new();
        let mut link = connected(&peer, &frame(0x88, &code.to_be_bytes()));
        let (_, stopped) = read_all(&mut link, 10);
        let error = read_error(&stopped.unwrap());
        assert_eq!(error.code, Code::ConnectionLost, "{error}");
        assert!(error.detail.contains(&code.to_string()), "{error}");
    }
}

#[test]
fn our_close_says_normal_once() {
    let peer = Peer::new();
    let mut link = connected(&peer, b"");
    peer.heard();
    link.write(b"DISCONNECT").unwrap();
    link.close();
    link.close();
    let messages = understood(peer.heard());
    assert_eq!(messages.len(), 2);
    assert!(matches!(&messages[1], Message::Close(Some(frame)) if u16::from(frame.code) == 1000));
    assert!(peer.state().closed);
    assert_eq!(
        link.write(b"x").unwrap_err().kind(),
        io::ErrorKind::BrokenPipe
    );
}

#[test]
fn the_end_without_a_close_is_an_end() {
    for peer in [Peer::new(), Peer::trickling()] {
        let mut link = connected(&peer, b"\x82\x05ab");
        peer.end();
        let (all, stopped) = read_all(&mut link, 100);
        assert_eq!((all.as_slice(), stopped.is_none()), (&b"ab"[..], true));
    }
}

#[test]
fn what_breaks_the_protocol_ends_the_connection_with_the_reason() {
    let long_ping = frame(0x89, &[0; 126]);
    for (said, code, words) in [
        (&b"\x81\x01a"[..], 1003, "a text frame"),
        (b"\x01\x01a", 1003, "a text frame"),
        (b"\x82\x81abcdx", 1002, "a masked frame"),
        (b"\x82\xff", 1002, "a masked frame"),
        (b"\xc2\x01a", 1002, "reserved bits"),
        (b"\xa2\x01a", 1002, "reserved bits"),
        (b"\x92\x01a", 1002, "reserved bits"),
        (b"\x83\x01a", 1002, "unknown kind 3"),
        (b"\x8f\x00", 1002, "unknown kind 15"),
        (b"\x80\x01a", 1002, "a continuation of no message"),
        (b"\x02\x01a\x82\x01b", 1002, "a new message before"),
        (b"\x09\x00", 1002, "a control frame in fragments"),
        (&long_ping, 1002, "more than 125"),
        (b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 1002, "2^63"),
        (b"\x88\x01a", 1002, "a Close of one byte"),
        (b"\x88\x02\x03\xed", 1002, "must not be sent"),
        (b"\x88\x02\0\0", 1002, "must not be sent"),
    ] {
        for peer in [Peer::new(), Peer::trickling()] {
            let mut link = connected(&peer, b"\x82\x04good");
            peer.heard();
            peer.say(said);
            let (all, stopped) = read_all(&mut link, 1000);
            assert!(all.starts_with(b"good"), "what came before counts");
            let error = read_error(&stopped.unwrap());
            assert_eq!(error.code, Code::WebSocket, "{said:x?}: {error}");
            assert!(error.detail.contains(words), "{said:x?}: {error}");
            let again = read_error(&link.read(&mut [0]).unwrap_err());
            assert_eq!(again, error, "and it stays so");
            assert_eq!(read_error(&link.write(b"x").unwrap_err()), error);
            while link.wants_write() {
                let _ = link.flush();
            }
            let messages = understood(peer.heard());
            assert!(
                matches!(&messages[..], [Message::Close(Some(frame))] if u16::from(frame.code) == code),
                "{said:x?}: {messages:?}"
            );
        }
    }
}

#[test]
fn a_frame_of_any_length_takes_no_memory() {
    let peer = Peer::new();
    let mut link = connected(&peer, b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffabc");
    let (all, _) = read_all(&mut link, 100);
    assert_eq!(all, b"abc");
}
