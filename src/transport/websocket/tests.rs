//! A scripted server: whole, in pieces, byte by byte, and lying.

mod frames;
mod upgraded;

use super::{Upgrade, WebSocketLink};
use crate::transport::peer::{Peer, handshake};
use crate::transport::{HandshakeState, Link};
use tungstenite::handshake::derive_accept_key;
use zeroize::Zeroizing;

/// What must be in no error.
const SECRET: &str = "X-Amz-Signature=s3cr3t";

fn upgrade() -> Upgrade {
    Upgrade {
        host_header: "broker.example.com:8443".into(),
        path_and_query: Zeroizing::new(format!("/mqtt?{SECRET}")),
        extra_headers: vec![("x-token".into(), Zeroizing::new("t0k3n value".into()))],
        refused: None,
    }
}

fn link(peer: &Peer) -> WebSocketLink {
    WebSocketLink::new(Box::new(peer.clone()), upgrade()).unwrap()
}

/// The key of the request that the peer has heard, and the request with `KEY` in its place.
fn request(peer: &Peer) -> (String, String) {
    let request = String::from_utf8(peer.heard()).unwrap();
    let (_, behind) = request.split_once("Sec-WebSocket-Key: ").unwrap();
    let (key, _) = behind.split_once("\r\n").unwrap();
    (key.to_owned(), request.replace(key, "KEY"))
}

/// What a server says to the key.
fn accepted(key: &str) -> String {
    let accept = derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n\
         sec-websocket-accept: {accept}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
}

/// A link whose handshake is done; `behind` comes with the answer.
fn connected(peer: &Peer, behind: &[u8]) -> WebSocketLink {
    let mut link = link(peer);
    assert_eq!(handshake(&mut link).unwrap(), HandshakeState::WantsRead);
    peer.say(accepted(&request(peer).0).as_bytes());
    peer.say(behind);
    assert_eq!(handshake(&mut link).unwrap(), HandshakeState::Done);
    link
}
