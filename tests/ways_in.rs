//! ALPN and custom authorizers.

mod support;

use support::broker::Broker;
use support::c_program::Program;
use support::certificates::Certificates;
use support::packets::{Connect, connack, connect};
use support::websocket::{BINARY, CLOSE, OVER_WEBSOCKET, expect_frame, frame, upgrade};

/// Port 443 at localhost, by the program's socket factory; `chosen` as in `tests/c/ways.c`.
fn offers(chosen: &str, websocket: bool, expected: Option<&[&str]>) {
    let certificates = Certificates::new();
    let expected = expected.map(|names| names.iter().map(|name| name.to_string()).collect());
    let broker = Broker::tls(certificates.server("server"), move |listener| {
        let (name, alpn): (_, Option<Vec<String>>) = listener.accept_client_hello();
        assert_eq!(name.as_deref(), Some("localhost"), "SNI");
        assert_eq!(alpn, expected);
    });
    let environment: &[_] = if websocket { &[OVER_WEBSOCKET] } else { &[] };
    let directory = certificates.directory();
    Program::compile("ways").run_on(broker, &directory, &["alpn", chosen], environment);
}

#[test]
fn on_port_443_alpn_says_mqtt_with_a_certificate() {
    offers("automatic", false, Some(&["x-amzn-mqtt-ca"]));
}

#[test]
fn on_port_443_alpn_says_mqtt_with_a_custom_authorizer() {
    offers("authorizer", false, Some(&["mqtt"]));
}

#[test]
fn over_websocket_nothing_is_offered() {
    offers("automatic", true, None);
}

#[test]
fn over_websocket_nothing_is_offered_with_a_custom_authorizer() {
    offers("authorizer", true, None);
}

#[test]
fn alpn_can_be_chosen_by_hand() {
    offers("mqtt, http/1.1", false, Some(&["mqtt", "http/1.1"]));
}

#[test]
fn alpn_can_be_chosen_by_hand_over_websocket() {
    offers("http/1.1", true, Some(&["http/1.1"]));
}

#[test]
fn alpn_can_be_switched_off() {
    offers("", false, None);
}

/// The two CONNECTs of the program: signed, and with what was renewed.
fn authorizer_connects() -> [Vec<u8>; 2] {
    let form = |signature: &str, token: &str| {
        let name = format!(
            "user?x-amz-customauthorizer-name=MyAuth&x-amz-customauthorizer-signature={signature}&tokenKey={token}\
             &SDK=aws_iot_mqtt&Version={}",
            env!("CARGO_PKG_VERSION")
        );
        connect(&Connect {
            protocol: ("MQTT", 4),
            flags: 0xc2,
            keep_alive: 60,
            fields: &[b"me", name.as_bytes(), b"pa55word"],
        })
    };
    [
        form("s1gn%2Bture%2F%3D%3D", "t0ken%3F%26%3D%25%2B%2F"),
        form("sig%2B", "n3w"),
    ]
}

fn run_authorizer(broker: Broker, environment: &[(&str, &str)]) {
    let port = broker.port().to_string();
    let arguments = ["127.0.0.1", &port, "-", "authorizer"];
    let program = Program::compile("ways");
    let running = program.start_with(&arguments, environment);
    let log = running.stdout.clone();
    running.finish();
    broker.finish();
    let log = log.text();
    assert!(log.contains("connecting to 127.0.0.1"), "{log}");
    for secret in ["t0ken", "s1gn", "n3w", "sig%2B", "pa55word"] {
        assert!(!log.contains(secret), "{secret}:\n{log}");
    }
}

#[test]
fn a_custom_authorizer_reads_the_user_name() {
    let broker = Broker::plain(|listener| {
        for expected in authorizer_connects() {
            let mut connection = listener.accept();
            connection.expect(&expected);
            connection.send(&connack(false, 0));
            connection.expect_disconnect();
        }
    });
    run_authorizer(broker, &[]);
}

#[test]
fn a_custom_authorizer_reads_the_user_name_over_websocket_too() {
    let broker = Broker::plain(|listener| {
        let port = listener.port();
        for expected in authorizer_connects() {
            let mut connection = listener.accept();
            upgrade(&mut connection, port);
            expect_frame(&mut connection, BINARY, &expected);
            connection.send(&frame(BINARY, &connack(false, 0)));
            expect_frame(&mut connection, BINARY, &[0xe0, 0]);
            expect_frame(&mut connection, CLOSE, &1000u16.to_be_bytes());
            connection.expect_end();
        }
    });
    run_authorizer(broker, &[OVER_WEBSOCKET]);
}

fn without_credentials(way: &str) {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        listener.accept_refused();
    });
    Program::compile("ways").run_with(broker, "-", &["without_credentials", way]);
}

#[test]
fn a_custom_authorizer_needs_no_credentials() {
    without_credentials("authorizer");
}

#[test]
fn websocket_needs_no_credentials() {
    without_credentials("websocket");
}

#[test]
fn mqtt_over_tls_needs_credentials() {
    let broker = Broker::plain(|_| {});
    Program::compile("ways").run_with(broker, "-", &["without_credentials", "neither"]);
}

#[test]
fn what_is_wrong_is_refused_and_changes_nothing() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        let metrics = concat!("?SDK=aws_iot_mqtt&Version=", env!("CARGO_PKG_VERSION"));
        connection.expect(&connect(&Connect {
            protocol: ("MQTT", 4),
            flags: 0x82,
            keep_alive: 600,
            fields: &[b"me", metrics.as_bytes()],
        }));
        connection.send(&connack(false, 0));
        connection.expect_disconnect();
    });
    Program::compile("ways").run_with(broker, "-", &["arguments"]);
}
