//! MQTT over WebSocket: byte for byte against a script, and for real against RabbitMQ.

mod support;

use support::broker::{Broker, Connection};
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::packets::{Connect, connack, connect, puback};
use support::rabbitmq::RabbitMq;
use support::websocket::{
    BINARY, CLOSE, OVER_WEBSOCKET, PING, PONG, answer, expect_frame, expect_request, frame,
    read_frame, upgrade,
};

const LONG: &str = "15000";
const SHORT: &str = "1500";
/// `connect_fails` connects twice.
const TWICE: usize = 2;

/// A connect over WebSocket fails; `script` gets each connection, and the port, before the request was read.
fn fails(script: fn(&mut Connection, u16), code: &str, culprit: &str, timeout_ms: &str) {
    let broker = Broker::plain(move |listener| {
        let port = listener.port();
        for _ in 0..TWICE {
            script(&mut listener.accept(), port);
        }
    });
    let arguments = [code, culprit, timeout_ms];
    Program::compile("connect_fails").run_on(broker, "-", &arguments, &[OVER_WEBSOCKET]);
}

/// The request is read, this is answered.
fn fails_with(answer: fn(&str) -> Vec<u8>, code: &str, culprit: &str) {
    let broker = Broker::plain(move |listener| {
        let port = listener.port();
        for _ in 0..TWICE {
            let mut connection = listener.accept();
            let key = expect_request(&mut connection, port);
            // The client may have seen enough before the end.
            let _ = connection.try_send(&answer(&key));
            connection.silence();
        }
    });
    let arguments = [code, culprit, LONG];
    Program::compile("connect_fails").run_on(broker, "-", &arguments, &[OVER_WEBSOCKET]);
}

/// Upgraded and connected, this comes.
fn fails_after_upgrade(said: &'static [u8], code: &str, culprit: &str, close_code: u16) {
    let broker = Broker::plain(move |listener| {
        let port = listener.port();
        for _ in 0..TWICE {
            let mut connection = listener.accept();
            upgrade(&mut connection, port);
            assert_eq!(read_frame(&mut connection).0, BINARY);
            connection.send(said);
            expect_frame(&mut connection, CLOSE, &close_code.to_be_bytes());
            connection.expect_end();
        }
    });
    let arguments = [code, culprit, LONG];
    Program::compile("connect_fails").run_on(broker, "-", &arguments, &[OVER_WEBSOCKET]);
}

fn usual_connect() -> Vec<u8> {
    let metrics = concat!("?SDK=aws_iot_mqtt&Version=", env!("CARGO_PKG_VERSION"));
    connect(&Connect {
        protocol: ("MQTT", 4),
        flags: 0x82,
        keep_alive: 600,
        fields: &[b"me", metrics.as_bytes()],
    })
}

#[test]
fn the_upgrade_the_frames_and_the_close_are_these_byte_for_byte() {
    let broker = Broker::plain(|listener| {
        let port = listener.port();
        let mut connection = listener.accept();
        upgrade(&mut connection, port);
        expect_frame(&mut connection, BINARY, &usual_connect());
        // A ping is answered although the client has nothing to say; the CONNACK comes in pieces of pieces.
        connection.send(&frame(PING, b"are you there?"));
        expect_frame(&mut connection, PONG, b"are you there?");
        let connack = connack(false, 0);
        connection.send_byte_by_byte(&frame(0x02, &connack[..1]));
        connection.send_byte_by_byte(&frame(PING, b""));
        expect_frame(&mut connection, PONG, b"");
        connection.send_byte_by_byte(&frame(0x00, b""));
        connection.send_byte_by_byte(&frame(0x80, &connack[1..]));
        expect_frame(&mut connection, BINARY, &[0xe0, 0]);
        expect_frame(&mut connection, CLOSE, &1000u16.to_be_bytes());
        connection.expect_end();
    });
    Program::compile("connect_bytes").run_on(broker, "-", &["usual"], &[OVER_WEBSOCKET]);
}

fn packets_share_frames(checked: Checked) {
    let broker = Broker::plain(|listener| {
        let port = listener.port();
        let mut connection = listener.accept();
        upgrade(&mut connection, port);
        assert_eq!(read_frame(&mut connection).0, BINARY);
        // CONNACK and half of something in one frame.
        let mut packets = connack(false, 0);
        packets.extend([0xd0]);
        connection.send(&frame(BINARY, &packets));
        connection.send(&frame(BINARY, &[0]));
        // A publish with its payload, as it comes.
        let (mut bytes, mut end) = (Vec::new(), false);
        while !end {
            let (first, payload) = read_frame(&mut connection);
            assert_eq!(first, BINARY);
            assert!(payload.len() <= 65_528, "a frame of {}", payload.len());
            bytes.extend(payload);
            end = bytes.ends_with(b"the end");
        }
        connection.send(&frame(
            BINARY,
            &puback(u16::from_be_bytes([bytes[7], bytes[8]])),
        ));
        expect_frame(&mut connection, BINARY, &[0xe0, 0]);
        expect_frame(&mut connection, CLOSE, &1000u16.to_be_bytes());
        connection.expect_end();
    });
    let program = Program::compile_checked("websocket_large", checked);
    program.run_on(broker, "-", &[], &[OVER_WEBSOCKET]);
}

#[test]
fn packets_share_frames_and_are_split_over_them() {
    packets_share_frames(Checked::Plainly);
}

#[test]
fn packets_share_frames_under_valgrind() {
    packets_share_frames(Checked::ByValgrind);
}

#[test]
fn a_refused_upgrade_is_forbidden() {
    let answer = |_: &str| b"HTTP/1.1 403 Forbidden\r\nDate: x\r\n\r\n".to_vec();
    fails_with(answer, "402", "HTTP 403 Forbidden");
}

#[test]
fn another_refusal_gives_its_status_and_reason() {
    let answer = |_: &str| b"HTTP/1.1 404 Nobody Here\r\n\r\n".to_vec();
    fails_with(answer, "400", "HTTP 404 Nobody Here");
}

#[test]
fn a_wrong_subprotocol_is_refused() {
    let wrong = |key: &str| answer(key, "Sec-WebSocket-Protocol: mqttv3.1\r\n").into_bytes();
    fails_with(wrong, "400", "\"mqttv3.1\" instead of \"mqtt\"");
}

#[test]
fn no_subprotocol_is_refused() {
    let wrong = |key: &str| answer(key, "").into_bytes();
    fails_with(wrong, "400", "chooses no subprotocol");
}

#[test]
fn an_answer_of_100_000_header_bytes_is_refused() {
    let answer = |key: &str| answer(key, &format!("x: {}\r\n", "y".repeat(100_000))).into_bytes();
    fails_with(answer, "400", "more than 65536 bytes");
}

#[test]
fn provisional_answers_of_100_000_bytes_are_refused() {
    let answer = |_: &str| b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4_000);
    fails_with(answer, "400", "more than 65536 bytes");
}

#[test]
fn a_server_that_is_no_http_server_is_told() {
    let script = |connection: &mut Connection, port: u16| {
        expect_request(connection, port);
        connection.send(&connack(false, 0));
        connection.silence();
    };
    fails(script, "400", "not HTTP", LONG);
}

#[test]
fn a_server_that_closes_before_it_answers_is_a_lost_connection() {
    let script = |connection: &mut Connection, port: u16| {
        expect_request(connection, port);
        connection.send(b"HTTP/1.1 101");
    };
    fails(
        script,
        "203",
        "before it answered the WebSocket upgrade",
        LONG,
    );
}

#[test]
fn a_server_that_never_answers_is_a_timeout() {
    let script = |connection: &mut Connection, port: u16| {
        expect_request(connection, port);
        connection.silence();
    };
    fails(script, "600", "the WebSocket upgrade", SHORT);
}

#[test]
fn a_text_frame_is_an_error() {
    fails_after_upgrade(b"\x81\x04\x20\x02\0\0", "400", "a text frame", 1003);
}

#[test]
fn a_masked_frame_of_the_server_is_an_error() {
    fails_after_upgrade(
        b"\x82\x84abcd\x41\x60\x63\x64",
        "400",
        "a masked frame",
        1002,
    );
}

#[test]
fn reserved_bits_are_an_error() {
    fails_after_upgrade(b"\xc2\x04\x20\x02\0\0", "400", "reserved bits", 1002);
}

#[test]
fn a_close_with_a_reason_is_told() {
    fails_after_upgrade(
        b"\x88\x06\x03\xf0nope",
        "203",
        "code 1008 (against its policy): nope",
        1008,
    );
}

#[test]
fn a_close_without_a_reason_is_the_end() {
    fails_after_upgrade(b"\x88\x02\x03\xe8", "203", "closed", 1000);
}

#[test]
fn over_tls_the_server_is_verified_and_no_alpn_offered() {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        let port = listener.port();
        let mut connection = listener.accept();
        upgrade(&mut connection, port);
        expect_frame(&mut connection, BINARY, &usual_connect());
        connection.send_byte_by_byte(&frame(BINARY, &connack(false, 0)));
        expect_frame(&mut connection, BINARY, &[0xe0, 0]);
        expect_frame(&mut connection, CLOSE, &1000u16.to_be_bytes());
        connection.expect_end();
    });
    let directory = certificates.directory();
    Program::compile("connect_bytes").run_on(broker, &directory, &["usual"], &[OVER_WEBSOCKET]);
}

/// One test, because RabbitMQ takes long to start.
#[test]
fn a_real_broker_over_wss() {
    let certificates = Certificates::new();
    let broker = RabbitMq::start(&certificates);
    let port = broker.port.to_string();
    let directory = certificates.directory();
    // This broker takes metrics for the name of a user that it does not know.
    let environment = [OVER_WEBSOCKET, ("TEST_NO_METRICS", "1")];
    for (program, checked) in [
        ("real_sync", Checked::Plainly),
        ("real_async", Checked::Plainly),
        ("real_sync", Checked::ByAddressSanitizer),
    ] {
        let program = Program::compile_checked(program, checked);
        let outcome = program
            .start_with(&["127.0.0.1", &port, &directory], &environment)
            .outcome();
        if let Err(why) = outcome {
            panic!("{checked:?}: {why}\nRabbitMQ's log:\n{}", broker.log.text());
        }
    }
}
