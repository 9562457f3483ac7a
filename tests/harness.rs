//! The tests of the tests: a broker, a compiler or a sanitizer that notices nothing would make every other test worthless.

mod support;

use rustls::pki_types::ServerName;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use support::broker::Broker;
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;
use support::packets::{self, Connect, Connected, Packet};

fn hello() -> Vec<u8> {
    packets::connect(&Connect {
        protocol: ("MQTT", 4),
        flags: 2,
        keep_alive: 60,
        fields: &[b"me"],
    })
}

/// What `script` complains about when a client says `bytes` and waits for the end.
fn complaint(bytes: &[u8], script: fn(&mut support::broker::Connection)) -> Option<String> {
    let broker = Broker::plain(move |listener| script(&mut listener.accept()));
    let mut client = TcpStream::connect(("127.0.0.1", broker.port())).unwrap();
    client.write_all(bytes).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    broker.outcome().err()
}

#[test]
fn the_broker_accepts_what_it_expects() {
    let said = complaint(
        &[&hello()[..], &packets::DISCONNECT].concat(),
        |connection| {
            let connect = connection.welcome();
            assert_eq!(
                (
                    connect.client_id.as_str(),
                    connect.keep_alive,
                    connect.clean_session()
                ),
                ("me", 60, true)
            );
            connection.expect_disconnect();
        },
    );
    assert_eq!(said, None);
}

#[test]
fn the_broker_shows_the_first_difference() {
    let said = complaint(&[0xc0, 1], |connection| {
        connection.expect(&packets::PINGREQ)
    })
    .expect("a complaint");
    assert!(said.contains("different from number 1 on"), "{said}");
    assert!(said.contains("c0 00") && said.contains("c0 01"), "{said}");
}

#[test]
fn the_broker_notices_bytes_before_the_end_and_an_end_before_the_bytes() {
    let said =
        complaint(&packets::PINGREQ, |connection| connection.expect_end()).expect("a complaint");
    assert!(said.contains("PINGREQ"), "{said}");
    let said = complaint(&[0xe0], |connection| {
        connection.expect(&packets::DISCONNECT)
    })
    .expect("a complaint");
    assert!(said.contains("then the connection ended"), "{said}");
}

#[test]
fn packets_are_taken_apart() {
    let publish = packets::publish("a/b", "hello", 1, 0x1234, true, true);
    assert_eq!(publish, b"\x3b\x0c\x00\x03a/b\x12\x34hello");
    let packet = Packet {
        raw: publish,
        header: 2,
    };
    assert_eq!(
        (packet.topic(), packet.payload(), packet.id()),
        ("a/b".to_owned(), &b"hello"[..], 0x1234)
    );
    let subscribe = Packet {
        raw: packets::subscribe(7, &[("a/#", 1), ("b", 0)]),
        header: 2,
    };
    assert_eq!(
        (subscribe.id(), subscribe.filters()),
        (7, vec![("a/#".to_owned(), 1), ("b".to_owned(), 0)])
    );
    assert_eq!(packets::packet(0x30, &[0; 300])[..3], [0x30, 0xac, 0x02]);
    let raw = packets::connect(&Connect {
        protocol: ("MQIsdp", 3),
        flags: 0xc6,
        keep_alive: 1,
        fields: &[b"id", b"t", b"m", b"u", b"p"],
    });
    let connect = Connected::parse(&Packet { raw, header: 2 });
    assert_eq!(
        (
            connect.will_topic.as_deref(),
            connect.will_message.as_deref()
        ),
        (Some("t"), Some(&b"m"[..]))
    );
    assert_eq!(
        (connect.username.as_deref(), connect.password.as_deref()),
        (Some("u"), Some(&b"p"[..]))
    );
}

/// Connects with TLS and says hello: the answer, or why there is none.
fn over_tls(
    certificates: &Certificates,
    server: &str,
    ca: &str,
    identity: &str,
) -> Result<Vec<u8>, String> {
    let refused = identity == "other_client";
    let broker = Broker::tls(certificates.server(server), move |listener| {
        if refused {
            listener.accept_refused();
        } else {
            let mut connection = listener.accept();
            connection.welcome();
            connection.close();
        }
    });
    let name = ServerName::try_from("localhost").unwrap();
    let session = rustls::ClientConnection::new(certificates.client(ca, identity), name).unwrap();
    let mut stream = rustls::StreamOwned::new(
        session,
        TcpStream::connect(("127.0.0.1", broker.port())).unwrap(),
    );
    let mut answer = Vec::new();
    stream
        .write_all(&hello())
        .map_err(|error| error.to_string())?;
    stream
        .read_to_end(&mut answer)
        .map_err(|error| error.to_string())?;
    broker.finish();
    Ok(answer)
}

#[test]
fn every_certificate_is_what_it_is_called() {
    let certificates = Arc::new(Certificates::new());
    assert_eq!(
        over_tls(&certificates, "server", "ca", "client"),
        Ok(packets::connack(false, 0))
    );
    for (server, ca, identity, why) in [
        ("other_server", "ca", "client", "UnknownIssuer"),
        ("server", "other_ca", "client", "UnknownIssuer"),
        ("wrong_name", "ca", "client", "not valid for name"),
        ("expired", "ca", "client", "expired"),
        ("not_yet_valid", "ca", "client", "not valid yet"),
        ("server", "ca", "other_client", "alert"),
    ] {
        let error = over_tls(&certificates, server, ca, identity).expect_err(why);
        assert!(error.contains(why), "{server} {ca} {identity}: {error}");
    }
}

#[test]
fn mosquitto_keeps_what_it_should_across_a_restart() {
    let certificates = Certificates::new();
    let mut broker = Mosquitto::start_with(&certificates, true);
    broker.publish(&certificates, "kept", "before", true);
    broker.restart();
    let subscriber = broker.subscriber(&certificates, "#");
    broker.publish(&certificates, "live", "after", false);
    assert_eq!(
        subscriber.wait_for(2),
        ["kept|1|1|6|before", "live|1|0|5|after"]
    );
}

#[test]
fn the_compiled_program_reports_how_it_ended() {
    let program = Program::compile("harness");
    program.run(&["pass"]);
    let why = program
        .start(&["fail"])
        .outcome()
        .expect_err("it exits with 3");
    assert!(
        why.contains("exited with 3") && why.contains("this is why"),
        "{why}"
    );
    let why = program.start(&["abort"]).outcome().expect_err("it aborts");
    assert!(why.contains("signal 6"), "{why}");
    let mut waiting = program.start(&["wait"]);
    waiting.wait_for("ready");
    waiting.tell("go");
    waiting.finish();
}

#[test]
fn address_sanitizer_sees_leaks_and_overruns() {
    let program = Program::compile_checked("harness", Checked::ByAddressSanitizer);
    program.run(&["pass"]);
    assert!(
        program
            .start(&["leak"])
            .outcome()
            .expect_err("a leak")
            .contains("77 byte")
    );
    assert!(
        program
            .start(&["overrun"])
            .outcome()
            .expect_err("an overrun")
            .contains("heap-buffer-overflow")
    );
}

#[test]
fn valgrind_sees_leaks_and_overruns() {
    let program = Program::compile_checked("harness", Checked::ByValgrind);
    program.run(&["pass"]);
    assert!(
        program
            .start(&["leak"])
            .outcome()
            .expect_err("a leak")
            .contains("definitely lost")
    );
    assert!(
        program
            .start(&["overrun"])
            .outcome()
            .expect_err("an overrun")
            .contains("Invalid write")
    );
}
