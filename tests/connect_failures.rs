//! Connects that fail: the right number, within the time-out, and an idle client afterwards.

mod support;

use rustls::version::{TLS12, TLS13};
use std::io::Read;
use std::net::TcpListener;
use support::STEP;
use support::broker::{Broker, Connection};
use support::c_program::Program;
use support::certificates::Certificates;
use support::packets::connack;

const LONG: &str = "15000";
const SHORT: &str = "1500";

/// The program connects twice: synchronously, then asynchronously. `script` gets each connection before the CONNECT was read.
fn plain(script: fn(Connection), code: &str, culprit: &str, timeout_ms: &str) {
    let broker = Broker::plain(move |listener| {
        for _ in 0..2 {
            script(listener.accept());
        }
    });
    Program::compile("connect_fails").run_with(broker, "-", &[code, culprit, timeout_ms]);
}

fn connack_code(answer: u8, code: &str) {
    let broker = Broker::plain(move |listener| {
        for _ in 0..2 {
            let mut connection = listener.accept();
            connection.expect_connect();
            connection.send(&connack(false, answer));
            connection.expect_end();
        }
    });
    Program::compile("connect_fails").run_with(broker, "-", &[code, &answer.to_string(), LONG]);
}

#[test]
fn connack_1_unacceptable_protocol_version() {
    connack_code(1, "501");
}

#[test]
fn connack_2_identifier_rejected() {
    connack_code(2, "502");
}

#[test]
fn connack_3_server_unavailable() {
    connack_code(3, "503");
}

#[test]
fn connack_4_bad_username_or_password() {
    connack_code(4, "504");
}

#[test]
fn connack_5_not_authorized() {
    connack_code(5, "505");
}

#[test]
fn connack_7_is_reserved_and_a_refusal_too() {
    connack_code(7, "506");
}

#[test]
fn mqtt_3_2_2_1_session_present_on_a_clean_session_is_a_protocol_error() {
    let script = |mut connection: Connection| {
        connection.expect_connect();
        connection.send(&connack(true, 0));
        connection.silence();
    };
    plain(script, "500", "MQTT-3.2.2-1", LONG);
}

#[test]
fn a_packet_other_than_connack_is_a_protocol_error() {
    let script = |mut connection: Connection| {
        connection.expect_connect();
        connection.send(&support::packets::pingresp());
        connection.silence();
    };
    plain(
        script,
        "500",
        "first packet is not CONNACK [MQTT-3.2.0-1]",
        LONG,
    );
}

#[test]
fn p6_a_broker_that_says_nothing_is_a_timeout() {
    let script = |mut connection: Connection| {
        connection.expect_connect();
        connection.silence();
    };
    plain(script, "600", "CONNACK within the connect time-out", SHORT);
}

#[test]
fn p6_a_broker_that_says_half_a_connack_is_a_timeout() {
    let script = |mut connection: Connection| {
        connection.expect_connect();
        connection.send(&[0x20, 2, 0]);
        connection.silence();
    };
    plain(script, "600", "CONNACK within the connect time-out", SHORT);
}

#[test]
fn a_broker_that_closes_after_connect_is_a_lost_connection() {
    let script = |mut connection: Connection| {
        connection.expect_connect();
        connection.close();
    };
    plain(script, "203", "the broker closed the connection", LONG);
}

#[test]
fn a_broker_that_resets_after_connect_is_a_lost_connection() {
    let script = |mut connection: Connection| {
        connection.expect_connect();
        connection.reset();
    };
    plain(script, "203", "the peer reset the connection", LONG);
}

#[test]
fn garbage_is_a_protocol_error() {
    let script = |mut connection: Connection| {
        connection.expect_connect();
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        connection.silence();
    };
    plain(script, "500", "MQTT-2.2.2-2", LONG);
}

#[test]
fn mqtt_2_2_3_a_length_of_five_bytes_is_a_protocol_error() {
    let script = |mut connection: Connection| {
        connection.expect_connect();
        connection.send(&[0x20, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        connection.silence();
    };
    plain(script, "500", "section 2.2.3", LONG);
}

#[test]
fn p8_a_length_of_256_megabytes_is_refused_without_waiting_for_them() {
    let script = |mut connection: Connection| {
        connection.expect_connect();
        connection.send(&[0x30, 0xff, 0xff, 0xff, 0x7f]);
        connection.silence();
    };
    // Whether the size or the kind of the packet is looked at first is left open.
    plain(script, "500/511", "268435460", LONG);
}

#[test]
fn nobody_listening_is_connection_refused() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
        .to_string();
    Program::compile("connect_fails").run(&["127.0.0.1", &port, "-", "202", &port, LONG]);
}

#[test]
fn an_unknown_host_name_is_named() {
    let program = Program::compile("connect_fails");
    // Without a network the resolver would try its servers for longer than we allow.
    let quick = [("RES_OPTIONS", "timeout:1 attempts:1")];
    program
        .start_with(
            &["host.invalid", "8883", "-", "201", "host.invalid", LONG],
            &quick,
        )
        .finish();
}

fn refused_by_us(server: &str, code: &str, culprit: &str) {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server(server), |listener| {
        for _ in 0..2 {
            listener.accept_refused();
        }
    });
    Program::compile("connect_fails").run_with(
        broker,
        &certificates.directory(),
        &[code, culprit, LONG],
    );
}

#[test]
fn p9_a_server_of_another_ca_is_untrusted() {
    refused_by_us(
        "other_server",
        "304",
        "127.0.0.1 comes from none of the configured CAs",
    );
}

#[test]
fn p9_a_server_of_another_name_is_refused_by_name() {
    refused_by_us("wrong_name", "306", "127.0.0.1");
}

#[test]
fn p9_an_expired_server_certificate_is_refused() {
    refused_by_us("expired", "307", "expired on 2001-01-01");
}

#[test]
fn p9_a_server_certificate_of_the_future_is_refused() {
    refused_by_us("not_yet_valid", "307", "valid only from 4000-01-01");
}

/// A device without a battery for its clock believes that it is 1970: then every certificate is one of the future.
#[test]
fn p9_a_device_whose_clock_may_be_wrong_is_told_so() {
    refused_by_us("not_yet_valid", "307", "check its clock");
    refused_by_us("expired", "307", "check its clock");
}

/// The server judges the device's certificate, not the device by its own clock: configuring takes it, and the refusal is the server's.
fn judged_by_the_server(device: &str) {
    let certificates = Certificates::new();
    for kind in ["pem", "key"] {
        let text = std::fs::read_to_string(certificates.file(&format!("{device}.{kind}"))).unwrap();
        certificates.write(&format!("client.{kind}"), &text);
    }
    let broker = Broker::tls(certificates.server("server"), |listener| {
        for _ in 0..2 {
            let why = listener.accept_refused();
            assert!(why.contains("certificate"), "{why}");
        }
    });
    Program::compile("connect_fails").run_with(
        broker,
        &certificates.directory(),
        &["308", "certificate_expired", LONG],
    );
}

#[test]
fn an_expired_device_certificate_is_the_servers_to_refuse() {
    judged_by_the_server("expired");
}

#[test]
fn a_device_certificate_of_the_future_is_the_servers_to_refuse() {
    judged_by_the_server("not_yet_valid");
}

fn refused_by_the_server(version: &'static rustls::SupportedProtocolVersion) {
    let certificates = Certificates::new();
    let server = certificates.server_of("server", "other_ca", &[version]);
    let broker = Broker::tls(server, |listener| {
        for _ in 0..2 {
            listener.accept_refused();
        }
    });
    Program::compile("connect_fails").run_with(
        broker,
        &certificates.directory(),
        &["308", "does not accept the device certificate", LONG],
    );
}

#[test]
fn a_device_certificate_that_a_tls_1_2_server_refuses_is_refused_by_peer() {
    refused_by_the_server(&TLS12);
}

/// In TLS 1.3 the refusal comes when the client has finished its handshake, possibly behind its CONNECT.
#[test]
fn a_device_certificate_that_a_tls_1_3_server_refuses_is_refused_by_peer() {
    refused_by_the_server(&TLS13);
}

#[test]
fn a_server_that_closes_in_the_middle_of_the_tls_handshake_is_a_lost_connection() {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        for _ in 0..2 {
            let mut stream = listener.accept_tcp();
            stream.set_read_timeout(Some(STEP)).unwrap();
            // All of the ClientHello, so that closing is an end and not a reset.
            let mut header = [0; 5];
            stream.read_exact(&mut header).unwrap();
            let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
            stream.read_exact(&mut hello).unwrap();
        }
    });
    Program::compile("connect_fails").run_with(
        broker,
        &certificates.directory(),
        &["203/300", "the peer closed", LONG],
    );
}

#[test]
fn p6_a_server_that_never_answers_the_tls_handshake_is_a_timeout() {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        for _ in 0..2 {
            let mut stream = listener.accept_tcp();
            stream.set_read_timeout(Some(STEP)).unwrap();
            // A reset is an end as well.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    Program::compile("connect_fails").run_with(
        broker,
        &certificates.directory(),
        &["600", "within the connect time-out", SHORT],
    );
}

#[test]
fn a_server_without_tls_is_a_tls_failure() {
    let certificates = Certificates::new();
    let broker = Broker::plain(|listener| {
        for _ in 0..2 {
            let mut connection = listener.accept();
            connection.send(b"220 this is a mail server\r\n");
            connection.silence();
        }
    });
    Program::compile("connect_fails").run_with(
        broker,
        &certificates.directory(),
        &["300", "does not speak TLS", LONG],
    );
}
