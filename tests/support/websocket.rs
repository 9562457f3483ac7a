//! The server's side of WebSocket for scripts. Its frames are written here by hand, so that it cannot be wrong in the same way as the
//! library.

use super::connection::Connection;
use super::packets::hex;

pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;

/// The environment of a program that is to use WebSocket.
pub const OVER_WEBSOCKET: (&str, &str) = ("TEST_WEBSOCKET", "1");

/// Reads the request, which must be exactly this one to `127.0.0.1:port`, and gives its key.
pub fn expect_request(connection: &mut Connection, port: u16) -> String {
    let before = format!(
        "GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
    );
    connection.expect(before.as_bytes());
    // 16 bytes in Base64.
    let key = String::from_utf8(connection.read_exact(24)).expect("Base64");
    connection.expect(b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n");
    key
}

/// The answer that accepts the key, with the given line for the subprotocol.
pub fn answer(key: &str, subprotocol: &str) -> String {
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{subprotocol}\r\n"
    )
}

/// The whole upgrade.
pub fn upgrade(connection: &mut Connection, port: u16) {
    let key = expect_request(connection, port);
    connection.send(answer(&key, "Sec-WebSocket-Protocol: mqtt\r\n").as_bytes());
}

/// A server's frame: whole message, no mask.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => frame.push(length as u8),
        Ok(length) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// The client's next frame: its first byte and its payload. It must be masked, by a mask that is not zero.
pub fn read_frame(connection: &mut Connection) -> (u8, Vec<u8>) {
    let start = connection.read_exact(2);
    assert_eq!(start[1] & 0x80, 0x80, "a client must mask: {}", hex(&start));
    let length = match start[1] & 0x7f {
        126 => {
            let length = connection.read_exact(2);
            usize::from(u16::from_be_bytes([length[0], length[1]]))
        }
        127 => panic!("a frame of more than 64 KiB"),
        length => usize::from(length),
    };
    let mask = connection.read_exact(4);
    assert_ne!(mask, [0; 4]);
    let mut payload = connection.read_exact(length);
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask[at % 4];
    }
    (start[0], payload)
}

pub fn expect_frame(connection: &mut Connection, first: u8, payload: &[u8]) {
    let (came, got) = read_frame(connection);
    assert!(
        (came, got.as_slice()) == (first, payload),
        "unexpected frame\nexpected {first:02x} {}\ngot      {came:02x} {}",
        hex(payload),
        hex(&got)
    );
}
