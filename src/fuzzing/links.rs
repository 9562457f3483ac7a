//! Answers of proxies and HTTPS servers: whole and byte by byte they must give the same, and no error may show a secret.

use super::input::Input;
use crate::config::Proxy;
use crate::error::{Code, Error};
use crate::transport::peer::{Peer, handshake, read_all};
use crate::transport::proxy::ProxyLink;
use crate::transport::{HandshakeState, https};

pub(super) const SECRET: &str = "s3cr3t";

const PROXIES: &[&str] = &[
    "http://proxy:3128",
    "http://user:s3cr3t@proxy:3128",
    "socks5h://proxy",
    "socks5h://user:s3cr3t@proxy",
];
const HOSTS: &[&str] = &["broker.example.com", "10.0.0.1", "::1"];

pub(super) fn proxy(data: &[u8]) {
    let mut input = Input::new(data);
    let (url, host, ends) = (input.pick(PROXIES), input.pick(HOSTS), input.flag());
    let said = input.rest();
    let proxy = Proxy::parse(url).expect("a proxy");
    let [whole, trickled] = [Peer::new(), Peer::trickling()].map(|peer| {
        let inner = Box::new(peer.clone());
        let mut link = ProxyLink::new(inner, &proxy, host, 8883).expect("a link");
        peer.say(said);
        if ends {
            peer.end();
        }
        let state = handshake(&mut link);
        match &state {
            Ok(HandshakeState::Done) => {
                // What is behind the proxy's answer is the server's, to the last byte.
                let (read, _) = read_all(&mut link, 7);
                assert!(said.ends_with(&read) && read.len() < said.len());
                (state, read)
            }
            Ok(_) => {
                assert!(!ends, "it waits for a peer that has ended");
                (state, Vec::new())
            }
            Err(why) => {
                check_error(why, &[Code::Proxy]);
                (state, Vec::new())
            }
        }
    });
    assert_eq!(whole, trickled);
}

pub(super) fn check_error(why: &Error, codes: &[Code]) {
    assert!(codes.contains(&why.code), "{why:?}");
    assert!(!why.detail.contains(SECRET), "{why}");
    assert!((10..2_000).contains(&why.detail.len()), "{why}");
    assert!(
        !why.detail
            .contains(|character: char| character.is_control()),
        "{why:?}"
    );
}

pub(super) fn https_answer(data: &[u8]) {
    let mut input = Input::new(data);
    let largest_body = input.pick(&[10_000, 0, 100]);
    let said = input.rest();
    let [whole, trickled] = [usize::MAX, 1].map(|piece| {
        let mut left = said;
        let answer = https::read_answer(
            &mut |buffer| {
                let length = buffer.len().min(left.len()).min(piece);
                let (now, later) = left.split_at(length);
                buffer[..length].copy_from_slice(now);
                left = later;
                Ok(length)
            },
            largest_body,
        );
        answer.map(|answer| {
            assert!(answer.body.len() <= largest_body);
            (answer.status, answer.date, answer.body.to_vec())
        })
    });
    if let Err(why) = &whole {
        check_error(why, &[Code::Credentials]);
    }
    assert_eq!(whole, trickled);
}
