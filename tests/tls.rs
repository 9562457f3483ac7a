//! Sessions that are resumed, credentials that are replaced while connected, versions and cipher suites, and the system's trust store.

mod support;

use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, SupportedProtocolVersion};
use support::broker::{Broker, Listener};
use support::c_program::Program;
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;
use support::packets::connack;

fn resumed_with_a_scripted_broker(version: &'static SupportedProtocolVersion, summary: &str) {
    let certificates = Certificates::new();
    let server = certificates.server_of("server", "ca", &[version]);
    let broker = Broker::tls(server, |listener| {
        for resumed in [false, true, true] {
            let mut connection = listener.accept();
            let kind = connection.tls().handshake_kind();
            assert_eq!(kind == Some(HandshakeKind::Resumed), resumed, "{kind:?}");
            connection.welcome();
            connection.serve();
        }
    });
    let directory = certificates.directory();
    Program::compile("tls").run_with(broker, &directory, &["resumes", summary]);
}

fn with_mosquitto(case: &[&str]) {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let (port, directory) = (broker.port.to_string(), certificates.directory());
    let place = ["127.0.0.1", &port, &directory];
    Program::compile("tls").run(&[&place, case].concat());
}

#[test]
fn a_session_of_tls_1_3_is_resumed_when_reconnecting() {
    resumed_with_a_scripted_broker(&TLS13, "TLS 1.3");
}

#[test]
fn a_session_of_tls_1_2_is_resumed_when_reconnecting() {
    resumed_with_a_scripted_broker(&TLS12, "TLS 1.2");
}

#[test]
fn a_session_of_mosquitto_is_resumed_when_reconnecting() {
    with_mosquitto(&["resumes", "TLS 1.3"]);
}

#[test]
fn a_session_is_resumed_by_the_next_client_as_long_as_the_threads_stay() {
    with_mosquitto(&["next_client"]);
}

#[test]
fn new_credentials_are_used_at_the_next_attempt_and_reconnect_asks_for_one() {
    let certificates = Certificates::new();
    certificates.device(
        "second",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    );
    let devices = ["client", "second"].map(|name| certificates.chain(name));
    let broker = Broker::tls(certificates.server("server"), move |listener| {
        for (device, publishes) in devices.iter().zip([2, 1]) {
            let mut connection = listener.accept();
            assert_eq!(
                connection.tls().peer_certificates(),
                Some(device.as_slice())
            );
            connection.welcome();
            let came = connection.serve();
            let published = came.iter().filter(|packet| packet.name() == "PUBLISH");
            assert_eq!(published.count(), publishes);
        }
    });
    let directory = certificates.directory();
    Program::compile("tls").run_with(broker, &directory, &["rotates"]);
}

#[test]
fn an_end_of_tls_right_behind_a_packet_ends_the_connection() {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        let mut first = listener.accept();
        first.expect_connect();
        first.send_as_last_words(&connack(false, 0));
        // The client has understood, although the first socket is still open.
        let mut second = listener.accept();
        second.welcome();
        second.expect_disconnect();
    });
    Program::compile("tls").run_with(broker, &certificates.directory(), &["last_words"]);
}

/// One connection to a server with these versions.
fn case(
    versions: &[&'static SupportedProtocolVersion],
    script: fn(&mut Listener),
    arguments: &[&str],
) {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server_of("server", "ca", versions), script);
    Program::compile("tls").run_with(broker, &certificates.directory(), arguments);
}

fn accepted(listener: &mut Listener) {
    let mut connection = listener.accept();
    connection.welcome();
    connection.expect_disconnect();
}

fn refused(listener: &mut Listener) {
    listener.accept_refused();
}

#[test]
fn a_minimum_version_that_the_server_has_is_no_matter() {
    case(
        &[&TLS12, &TLS13],
        accepted,
        &["minimum", "13", "0", "TLS 1.3"],
    );
    case(&[&TLS12], accepted, &["minimum", "12", "0", "TLS 1.2"]);
}

#[test]
fn a_server_below_the_minimum_version_is_refused() {
    case(
        &[&TLS12],
        refused,
        &["minimum", "13", "308", "minimum version"],
    );
}

#[test]
fn ciphers_have_openssls_and_ianas_names() {
    for (list, suite) in [
        (
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "TLS 1.2, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS 1.2, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ),
        ("TLS_AES_256_GCM_SHA384", "TLS 1.3, TLS_AES_256_GCM_SHA384"),
    ] {
        case(&[&TLS12, &TLS13], accepted, &["ciphers", list, suite]);
    }
}

#[test]
fn p9_without_a_ca_the_systems_store_is_trusted() {
    let certificates = Certificates::new();
    let program = Program::compile("tls");
    // The variable by which OpenSSL's programs, too, are told of another store.
    for (store, outcome) in [("ca.pem", "0"), ("other_ca.pem", "304")] {
        let broker = Broker::tls(certificates.server("server"), move |listener| {
            if outcome != "0" {
                listener.accept_refused();
                return;
            }
            let mut connection = listener.accept();
            connection.welcome();
            connection.expect_end();
        });
        let store = certificates.file(store);
        let environment = [("SSL_CERT_FILE", store.to_str().expect("UTF-8"))];
        let (port, directory) = (broker.port().to_string(), certificates.directory());
        let arguments = ["localhost", &port, &directory, "system_store", outcome];
        program.start_with(&arguments, &environment).finish();
        broker.finish();
    }
}
