//! Private keys that only the application can use: what the callback is asked, what its answers lead to, and that nobody else waits for it.

mod support;

use rustls::version::{TLS12, TLS13};
use rustls::{ServerConnection, SupportedProtocolVersion};
use std::net::TcpListener;
use support::broker::Broker;
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;

const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P384: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
#[cfg(feature = "aws-lc-rs")]
const P521: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"];

fn program(checked: Checked) -> Program {
    Program::compile_with("signing", checked, &["-lcrypto"], "libssl-dev")
}

/// Two connections, each with the device's certificate.
fn signs(kind: &[&str], version: &'static SupportedProtocolVersion, scheme: &str) {
    let certificates = Certificates::new();
    certificates.device("device", kind);
    let expected = certificates.chain("device");
    let server = certificates.server_of("server", "ca", &[version]);
    let broker = Broker::tls(server, move |listener| {
        for _ in 0..2 {
            let mut connection = listener.accept();
            assert_eq!(
                connection.tls().peer_certificates(),
                Some(expected.as_slice())
            );
            connection.welcome();
            connection.serve();
        }
    });
    let directory = certificates.directory();
    program(Checked::Plainly).run_with(broker, &directory, &["signs", "device", scheme]);
}

#[test]
fn rsa_signs_in_tls_1_2() {
    signs(RSA, &TLS12, "0401");
}

#[test]
fn rsa_signs_in_tls_1_3() {
    signs(RSA, &TLS13, "0804");
}

#[test]
fn p256_signs_in_tls_1_2() {
    signs(P256, &TLS12, "0403");
}

#[test]
fn p256_signs_in_tls_1_3() {
    signs(P256, &TLS13, "0403");
}

#[test]
fn p384_signs_in_tls_1_2() {
    signs(P384, &TLS12, "0503");
}

#[test]
fn p384_signs_in_tls_1_3() {
    signs(P384, &TLS13, "0503");
}

#[cfg(feature = "aws-lc-rs")]
#[test]
fn p521_signs() {
    signs(P521, &TLS12, "0603");
    signs(P521, &TLS13, "0603");
}

fn with_mosquitto(case: &str, checked: Checked) {
    with_mosquitto_in(case, checked, &[]);
}

fn with_mosquitto_in(case: &str, checked: Checked, environment: &[(&str, &str)]) {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let port = broker.port.to_string();
    let directory = certificates.directory();
    let arguments = ["127.0.0.1", &port, &directory, case, "client", "0403"];
    let outcome = program(checked)
        .start_with(&arguments, environment)
        .outcome();
    if let Err(why) = outcome {
        panic!("{why}\nmosquitto's log:\n{}", broker.log.text());
    }
}

#[test]
fn mosquitto_accepts_what_the_callback_signs() {
    with_mosquitto("signs", Checked::Plainly);
}

#[test]
fn mosquitto_accepts_what_the_callback_signs_under_address_sanitizer() {
    with_mosquitto("signs", Checked::ByAddressSanitizer);
}

#[test]
fn a_callback_that_fails_or_gives_garbage_is_named() {
    with_mosquitto("refused", Checked::Plainly);
}

#[test]
fn p5_every_function_may_be_called_inside() {
    with_mosquitto("calls_inside", Checked::Plainly);
}

#[test]
fn p5_a_callback_that_blocks_delays_only_its_own_attempt() {
    with_mosquitto("blocks", Checked::Plainly);
}

#[test]
fn p5_free_outside_waits_for_the_callback() {
    with_mosquitto("freed_outside", Checked::Plainly);
}

#[test]
fn p5_free_inside_does_not_wait() {
    with_mosquitto("freed_inside", Checked::Plainly);
    with_mosquitto("freed_inside", Checked::ByAddressSanitizer);
}

#[test]
fn p5_a_key_is_given_back_with_its_client_although_the_threads_stay() {
    with_mosquitto("again", Checked::Plainly);
}

/// The service that is asked for credentials shakes hands with all who come.
#[test]
fn p5_a_key_that_hangs_while_credentials_are_fetched_gathers_no_threads() {
    let certificates = Certificates::new();
    let server = certificates.server("server");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on 127.0.0.1");
    let port = listener.local_addr().expect("the port").port().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (server, mut stream) = (server.clone(), stream.expect("a connection"));
            std::thread::spawn(move || {
                let mut tls = ServerConnection::new(server).expect("a TLS server");
                tls.complete_io(&mut stream)
                    .expect_err("the key has said nothing good");
            });
        }
    });
    Program::compile("key_hangs").run(&["127.0.0.1", &port, &certificates.directory()]);
}

#[test]
fn a_client_in_a_loop_connects_with_a_key_that_signs() {
    with_mosquitto_in("signs", Checked::Plainly, &[("TEST_LOOP", "1")]);
}
