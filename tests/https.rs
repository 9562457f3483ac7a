//! One request over HTTPS with a device certificate, against a server that does what the test says.

mod support;

use aws_iot_mqtt::config::{Credentials, Identity, Key, Pem, TlsVersion};
use aws_iot_mqtt::error::{Code, Error};
use aws_iot_mqtt::transport::https::{Answer, Get, connect, get};
use aws_iot_mqtt::transport::tls::TlsConfig;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};
use support::STEP;
use support::broker::{Broker, Connection};
use support::certificates::Certificates;
use zeroize::Zeroizing;

const REQUEST: &str = concat!(
    "GET /role-aliases/x/credentials HTTP/1.1\r\nHost: device.example.com\r\nAccept: application/json\r\nUser-Agent: aws_iot_mqtt/",
    env!("CARGO_PKG_VERSION"),
    "\r\nConnection: close\r\nx-amzn-iot-thingname: lamp\r\n\r\n"
);

fn pem(certificates: &Certificates, name: &str) -> Pem {
    Pem {
        name: name.into(),
        text: Zeroizing::new(std::fs::read(certificates.file(name)).unwrap()),
    }
}

fn credentials(certificates: &Certificates, identity: Option<&str>) -> Credentials {
    Credentials {
        ca: Some(pem(certificates, "ca.pem")),
        identity: identity.map(|name| {
            let [certificate, key] = ["pem", "key"].map(|kind| format!("{name}.{kind}"));
            Identity {
                certificate: pem(certificates, &certificate),
                key: Key::Pem(pem(certificates, &key)),
            }
        }),
        ciphers: None,
    }
}

/// Asks for what the request above says.
fn ask(
    addresses: &[SocketAddr],
    credentials: &Credentials,
    time: Duration,
) -> Result<Answer, Error> {
    let deadline = Instant::now() + time;
    let left = || deadline.saturating_duration_since(Instant::now());
    let link = connect(addresses, &left)?;
    let request = Get {
        server_name: "127.0.0.1",
        host: "device.example.com",
        path: "/role-aliases/x/credentials",
        headers: &[("x-amzn-iot-thingname", "lamp")],
        largest_body: 1_000,
    };
    get(
        Box::new(link),
        &TlsConfig::new(credentials, TlsVersion::default(), &[])?,
        &request,
        &left,
    )
}

fn address(broker: &Broker) -> SocketAddr {
    ([127, 0, 0, 1], broker.port()).into()
}

/// The server reads the request, plays the script, and must succeed.
fn asked(
    time: Duration,
    script: impl FnOnce(Connection) + Send + 'static,
) -> Result<Answer, Error> {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        let mut connection = listener.accept();
        connection.expect(REQUEST.as_bytes());
        script(connection);
    });
    let answer = ask(
        &[address(&broker)],
        &credentials(&certificates, Some("client")),
        time,
    );
    broker.finish();
    answer
}

fn answered(text: &'static str) -> Result<Answer, Error> {
    asked(STEP, move |mut connection| {
        connection.send(text.as_bytes());
        connection.close();
    })
}

fn code(answer: Result<Answer, Error>) -> (Code, String) {
    let error = answer.err().expect("it was expected to fail");
    (error.code, error.detail.into_owned())
}

#[test]
fn an_answer_with_a_length_does_not_wait_for_the_end() {
    let answer = asked(STEP, |mut connection| {
        connection.send(
            b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n{}",
        );
        connection.silence();
    })
    .unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
    assert_eq!(
        answer.date.as_deref(),
        Some("Sun, 06 Nov 1994 08:49:37 GMT")
    );
}

#[test]
fn an_answer_in_chunks_of_single_bytes_in_single_records() {
    let answer = asked(STEP, |mut connection| {
        connection.send_byte_by_byte(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        );
        connection.silence();
    })
    .unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
}

#[test]
fn an_answer_that_ends_with_the_connection() {
    let answer = answered("HTTP/1.1 403 Forbidden\r\n\r\nno").unwrap();
    assert_eq!((answer.status, &answer.body[..]), (403, &b"no"[..]));
    assert_eq!(answer.date, None);
}

#[test]
fn garbage_and_too_much_are_refused() {
    let (garbage, _) = code(answered("\0\0\0garbage\n"));
    assert_eq!(garbage, Code::Credentials);
    let (early, detail) = code(answered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}"));
    assert_eq!(early, Code::Credentials, "{detail}");
    let (large, detail) = code(asked(STEP, |mut connection| {
        let _ = connection.try_send(b"HTTP/1.1 200 OK\r\n\r\n");
        // Without an end, until the client has had enough.
        while connection.try_send(&[b'x'; 1_024]).is_ok() {}
    }));
    assert_eq!(large, Code::Credentials, "{detail}");
    assert!(detail.contains("more than 1000 bytes"), "{detail}");
    let (head, detail) = code(asked(STEP, |mut connection| {
        let _ = connection.try_send(b"HTTP/1.1 200 OK\r\nX: ");
        while connection.try_send(&[b'x'; 1_024]).is_ok() {}
    }));
    assert_eq!(head, Code::Credentials, "{detail}");
    assert!(detail.contains("head of more than"), "{detail}");
}

#[test]
fn p6_a_server_that_says_nothing_or_trickles_is_late() {
    let time = Duration::from_millis(700);
    for half in ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"] {
        let began = Instant::now();
        let (late, detail) = code(asked(time, move |mut connection| {
            connection.send(half.as_bytes());
            connection.silence();
        }));
        assert_eq!(late, Code::Timeout, "{detail}");
        assert!(
            began.elapsed() >= time && began.elapsed() < STEP,
            "{:?}",
            began.elapsed()
        );
    }
}

#[test]
fn p6_a_server_without_a_tls_handshake_is_late() {
    let certificates = Certificates::new();
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.silence();
    });
    let time = Duration::from_millis(300);
    let (late, detail) = code(ask(
        &[address(&broker)],
        &credentials(&certificates, Some("client")),
        time,
    ));
    assert_eq!(late, Code::Timeout);
    assert!(detail.contains("TLS handshake"), "{detail}");
    broker.finish();
}

#[test]
fn without_a_certificate_of_its_ca_the_server_refuses() {
    for identity in [None, Some("other_client")] {
        let certificates = Certificates::new();
        let broker = Broker::tls(certificates.server("server"), |listener| {
            listener.accept_refused();
        });
        let (refused, detail) = code(ask(
            &[address(&broker)],
            &credentials(&certificates, identity),
            STEP,
        ));
        assert_eq!(refused, Code::RefusedByPeer, "{detail}");
        broker.finish();
    }
}

#[test]
fn p9_a_server_of_another_name_or_ca_is_refused() {
    for (server, expected) in [
        ("wrong_name", Code::PeerName),
        ("other_server", Code::PeerUntrusted),
        ("expired", Code::PeerExpired),
    ] {
        let certificates = Certificates::new();
        let broker = Broker::tls(certificates.server(server), |listener| {
            listener.accept_refused();
        });
        let (refused, detail) = code(ask(
            &[address(&broker)],
            &credentials(&certificates, Some("client")),
            STEP,
        ));
        assert_eq!(refused, expected, "{detail}");
        broker.finish();
    }
}

/// An address at which nobody listens.
fn dead() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn a_dead_address_is_passed_over() {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        let mut connection = listener.accept();
        connection.expect(REQUEST.as_bytes());
        connection.send(b"HTTP/1.1 204 No Content\r\n\r\n");
        connection.close();
    });
    let addresses = [dead(), dead(), address(&broker)];
    let answer = ask(
        &addresses,
        &credentials(&certificates, Some("client")),
        STEP,
    )
    .unwrap();
    assert_eq!(answer.status, 204);
    broker.finish();
    let (refused, _) = code(ask(
        &addresses[..2],
        &credentials(&certificates, Some("client")),
        STEP,
    ));
    assert_eq!(refused, Code::ConnectionRefused);
}
