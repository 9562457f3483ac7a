//! What a CONNECT says, byte for byte.

mod support;

use support::broker::Broker;
use support::c_program::Program;
use support::certificates::Certificates;
use support::packets::{Connect, connack, connect};

const METRICS: &str = concat!("?SDK=aws_iot_mqtt&Version=", env!("CARGO_PKG_VERSION"));
const MQTT_3_1_1: (&str, u8) = ("MQTT", 4);

const CLEAN: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_QOS_1: u8 = 0x08;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USERNAME: u8 = 0x80;

fn check(case: &str, protocol: (&str, u8), flags: u8, keep_alive: u16, fields: &[&[u8]]) {
    let expected = connect(&Connect {
        protocol,
        flags,
        keep_alive,
        fields,
    });
    let broker = Broker::plain(move |listener| {
        let mut connection = listener.accept();
        connection.expect(&expected);
        connection.send_byte_by_byte(&connack(false, 0));
        connection.expect_disconnect();
    });
    Program::compile("connect_bytes").run_with(broker, "-", &[case]);
}

#[test]
fn the_default_is_a_clean_session_with_metrics() {
    check(
        "usual",
        MQTT_3_1_1,
        CLEAN | USERNAME,
        600,
        &[b"me", METRICS.as_bytes()],
    );
}

#[test]
fn mqtt_3_1_has_its_own_name_and_level() {
    check(
        "mqtt_3_1",
        ("MQIsdp", 3),
        CLEAN | USERNAME,
        0,
        &[b"old", METRICS.as_bytes()],
    );
}

#[test]
fn a_kept_session_has_no_clean_flag() {
    check(
        "kept_session",
        MQTT_3_1_1,
        USERNAME,
        65535,
        &[b"device-7", METRICS.as_bytes()],
    );
}

#[test]
fn a_last_will_may_hold_any_byte() {
    let flags = CLEAN | WILL | WILL_QOS_1 | WILL_RETAIN | USERNAME;
    check(
        "will",
        MQTT_3_1_1,
        flags,
        30,
        &[b"me", b"gone", b"by\0e", METRICS.as_bytes()],
    );
}

#[test]
fn a_last_will_may_be_empty() {
    check(
        "empty_will",
        MQTT_3_1_1,
        CLEAN | WILL | USERNAME,
        30,
        &[b"me", b"gone", b"", METRICS.as_bytes()],
    );
}

#[test]
fn a_cleared_last_will_is_gone() {
    check(
        "cleared_will",
        MQTT_3_1_1,
        CLEAN | USERNAME,
        600,
        &[b"me", METRICS.as_bytes()],
    );
}

#[test]
fn metrics_stand_behind_the_user_name_and_a_password_may_hold_any_byte() {
    let username = format!("user{METRICS}");
    check(
        "username",
        MQTT_3_1_1,
        CLEAN | USERNAME | PASSWORD,
        600,
        &[b"me", username.as_bytes(), b"p\0ss"],
    );
}

#[test]
fn metrics_join_the_query_of_a_user_name_that_has_one() {
    let username = format!("user?x=1&{}", &METRICS[1..]);
    check(
        "username_with_query",
        MQTT_3_1_1,
        CLEAN | USERNAME,
        600,
        &[b"me", username.as_bytes()],
    );
}

#[test]
fn without_metrics_there_is_no_user_name() {
    check("no_metrics", MQTT_3_1_1, CLEAN, 600, &[b"me"]);
}

#[test]
fn metrics_can_be_switched_on_again() {
    check(
        "metrics_again",
        MQTT_3_1_1,
        CLEAN | USERNAME,
        600,
        &[b"me", METRICS.as_bytes()],
    );
}

const ALL: u8 = CLEAN | WILL | WILL_QOS_1 | WILL_RETAIN | PASSWORD | USERNAME;
const ALL_FIELDS: &[&[u8]] = &[b"me", b"gone", b"bye", b"user", b"pass"];

#[test]
fn all_fields_come_in_their_order() {
    check("everything", MQTT_3_1_1, ALL, 1, ALL_FIELDS);
}

#[test]
fn calls_that_were_refused_changed_nothing() {
    check("refused", MQTT_3_1_1, ALL, 1, ALL_FIELDS);
}

/// The server asks for the device certificate and is of the test's own CA: both are still those that were configured first.
#[test]
fn credentials_that_were_refused_left_the_ones_before() {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_disconnect();
    });
    Program::compile("connect_bytes").run_with(broker, &certificates.directory(), &["refused"]);
}
