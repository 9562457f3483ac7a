//! The TLS tests: which handshakes a device completes, and how it refuses the others.

use super::verdict::{Settings, Verdict};
use super::{Play, TRIGGER};
use crate::support::broker::Listener;
use crate::support::packets::{puback, publish, suback, subscribe};
use rustls::version::{TLS12, TLS13};
use std::io::{Read, Write};
use std::net::TcpStream;

/// AWS IoT's default policy (IoTSecurityPolicy_TLS13_1_2_2022_10).
const SUPPORTED: [u16; 21] = [
    0x1301, 0x1302, 0x1303, 0xC02F, 0xC027, 0xC013, 0xC030, 0xC028, 0xC014, 0x009C, 0x003C, 0x002F,
    0x009D, 0x003D, 0x0035, 0xC02B, 0xC023, 0xC009, 0xC02C, 0xC024, 0xC00A,
];
/// ECDHE-RSA-AES128-GCM-SHA256 and ECDHE-ECDSA-AES128-GCM-SHA256.
const RECOMMENDED: [u16; 2] = [0xC02F, 0xC02B];
/// Says that the client knows RFC 5746; it is no suite.
const RENEGOTIATION_SCSV: u16 = 0x00FF;

/// The endpoint ends the first two connections in the handshake, as it does before a test begins.
pub fn denied_first(play: &Play, settings: Settings) -> Verdict {
    play.tls(settings, "idle", "rsa", &[], move |listener, watched| {
        for _ in 0..2 {
            drop(listener.accept_tcp());
            if settings == Settings::Defaults {
                watched.wait_for("gave up 203");
                return Verdict::Fail(
                    "the first connect reports its failure and is not tried again",
                );
            }
        }
        listener.accept().welcome();
        watched.wait_for("connect 0");
        Verdict::Pass
    })
}

/// With a server of TLS 1.3, and with one of TLS 1.2.
pub fn connects(play: &Play, settings: Settings) -> Verdict {
    for version in [&TLS13, &TLS12] {
        let server = play.certificates.server_of("rsa", "ca", &[version]);
        let verdict = play.on(settings, "idle", server, &[], move |listener, _| {
            let mut connection = listener.accept();
            let name = connection.tls().server_name().map(str::to_owned);
            if name.as_deref() != Some("localhost") {
                return Verdict::Fail("no server name (SNI)");
            }
            connection.welcome();
            Verdict::Pass
        });
        if verdict != Verdict::Pass {
            return verdict;
        }
    }
    Verdict::Pass
}

pub fn cipher_suites(play: &Play, settings: Settings) -> Verdict {
    play.tls(settings, "idle", "rsa", &[], |listener, _| {
        let mut suites = offered_suites(&client_hello(&mut listener.accept_tcp()));
        suites.retain(|suite| *suite != RENEGOTIATION_SCSV);
        judge_suites(&suites)
    })
}

pub fn judge_suites(suites: &[u16]) -> Verdict {
    if !suites.iter().any(|suite| SUPPORTED.contains(suite)) {
        return Verdict::Fail("no suite that AWS IoT has");
    }
    if !suites.iter().any(|suite| RECOMMENDED.contains(suite)) {
        return Verdict::Warnings("no recommended suite");
    }
    if !suites.iter().all(|suite| SUPPORTED.contains(suite)) {
        return Verdict::Warnings("a suite that AWS IoT does not have");
    }
    Verdict::Pass
}

/// A chain of 16 KB, the most that a custom domain may have, where an ordinary one has about 5.
pub fn large_certificate(play: &Play, settings: Settings) -> Verdict {
    let size: usize = play
        .certificates
        .chain("large")
        .iter()
        .map(|certificate| certificate.len())
        .sum();
    assert!((14_000..17_000).contains(&size), "{size} bytes");
    for version in [&TLS13, &TLS12] {
        let server = play.certificates.server_of("large", "ca", &[version]);
        let verdict = play.on(settings, "idle", server, &[], |listener, _| {
            listener.accept().welcome();
            Verdict::Pass
        });
        if verdict != Verdict::Pass {
            return verdict;
        }
    }
    Verdict::Pass
}

/// The payload as `tests/c/advisor.c` checks it.
pub fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|number| (number % 251) as u8).collect()
}

/// 128 KB, the largest message of AWS IoT, in TLS records of 16 KB.
pub fn largest_records(play: &Play, settings: Settings) -> Verdict {
    const LENGTH: usize = 128 * 1024 - 64;
    play.tls(settings, "subscribe", "rsa", &[], |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = connection.expect_with_id(|id| subscribe(id, &[(TRIGGER, 1)]));
        connection.send(&suback(id, &[1]));
        connection.send(&publish(TRIGGER, payload(LENGTH), 1, 9, false, false));
        connection.expect(&puback(9));
        watched.wait_for(&format!("message {LENGTH}"));
        Verdict::Pass
    })
}

/// The device must end the handshake of each attempt, and say why by an alert.
fn refuses(listener: &mut Listener, attempts: usize) -> Verdict {
    for _ in 0..attempts {
        // Panics where the handshake is completed.
        let how = listener.accept_refused();
        if !how.contains("received fatal alert") {
            return Verdict::Warnings("it closes without a TLS alert");
        }
    }
    Verdict::Pass
}

/// With the settings the device tries again, and must refuse again.
fn attempts(settings: Settings) -> usize {
    match settings {
        Settings::Recommended => 2,
        Settings::Defaults => 1,
    }
}

pub fn refused_certificate(play: &Play, settings: Settings, name: &str) -> Verdict {
    for version in [&TLS13, &TLS12] {
        let server = play.certificates.server_of(name, "ca", &[version]);
        let verdict = play.on(settings, "idle", server, &[], move |listener, _| {
            refuses(listener, attempts(settings))
        });
        if verdict != Verdict::Pass {
            return verdict;
        }
    }
    Verdict::Pass
}

/// A server that answers with TLS 1.1, and one with TLS 1.0.
pub fn old_versions(play: &Play, settings: Settings) -> Verdict {
    each_refused(
        play,
        settings,
        vec![server_hello(0x0302, 0x002F), server_hello(0x0301, 0x002F)],
    )
}

/// A server of TLS 1.2 that takes a suite nobody offered (AES128-SHA), and one that has none in common and says so.
pub fn old_suites(play: &Play, settings: Settings) -> Verdict {
    let handshake_failure = vec![0x15, 3, 3, 0, 2, 2, 40];
    each_refused(
        play,
        settings,
        vec![server_hello(0x0303, 0x002F), handshake_failure],
    )
}

/// The device must not go on after any of these answers to its ClientHello.
fn each_refused(play: &Play, settings: Settings, answers: Vec<Vec<u8>>) -> Verdict {
    for answer in answers {
        let verdict = play.tls(settings, "idle", "rsa", &[], move |listener, _| {
            for _ in 0..attempts(settings) {
                let mut stream = listener.accept_tcp();
                client_hello(&mut stream);
                stream.write_all(&answer).expect("writing");
                let mut said = Vec::new();
                // It may end with a reset.
                let _ = stream.read_to_end(&mut said);
                let alert = said.is_empty() || said.first() == Some(&0x15);
                if !alert || said.len() > 7 {
                    return Verdict::Fail("it goes on with the handshake");
                }
                if said.is_empty() && answer[0] == 0x16 {
                    return Verdict::Warnings("it closes without a TLS alert");
                }
            }
            Verdict::Pass
        });
        if verdict != Verdict::Pass {
            return verdict;
        }
    }
    Verdict::Pass
}

/// A handshake record with a ServerHello and nothing else.
fn server_hello(version: u16, suite: u16) -> Vec<u8> {
    let mut hello = version.to_be_bytes().to_vec();
    hello.extend([0x5A; 32]);
    hello.push(0);
    hello.extend(suite.to_be_bytes());
    hello.push(0);
    let mut record = vec![0x16];
    record.extend(version.to_be_bytes());
    record.extend((4 + hello.len() as u16).to_be_bytes());
    record.extend([2, 0, 0, hello.len() as u8]);
    record.extend(hello);
    record
}

/// The body of the ClientHello, which is in one record.
fn client_hello(stream: &mut TcpStream) -> Vec<u8> {
    stream
        .set_read_timeout(Some(crate::support::STEP))
        .expect("a read time-out");
    let mut header = [0; 9];
    stream.read_exact(&mut header).expect("a ClientHello");
    assert_eq!((header[0], header[5]), (0x16, 1), "a ClientHello");
    let length = usize::from(u16::from_be_bytes([header[3], header[4]])) - 4;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a ClientHello");
    body
}

/// RFC 8446, 4.1.2: version, random, session id, cipher suites.
fn offered_suites(hello: &[u8]) -> Vec<u16> {
    let session_id = usize::from(hello[34]);
    let rest = &hello[35 + session_id..];
    let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
    rest[2..2 + length]
        .chunks_exact(2)
        .map(|suite| u16::from_be_bytes([suite[0], suite[1]]))
        .collect()
}
