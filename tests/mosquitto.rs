//! Against a real mosquitto over mutual TLS.

mod support;

use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;

fn run(program: &str, checked: Checked, more: &[&str]) {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let port = broker.port.to_string();
    let directory = certificates.directory();
    let arguments = [&["127.0.0.1", &port, &directory], more].concat();
    let outcome = Program::compile_checked(program, checked)
        .start(&arguments)
        .outcome();
    if let Err(why) = outcome {
        panic!("{why}\nmosquitto's log:\n{}", broker.log.text());
    }
}

#[test]
fn synchronous_calls() {
    run("real_sync", Checked::Plainly, &[]);
}

#[test]
fn synchronous_calls_under_address_sanitizer() {
    run("real_sync", Checked::ByAddressSanitizer, &[]);
}

#[test]
fn synchronous_calls_under_valgrind() {
    run("real_sync", Checked::ByValgrindStrictly, &[]);
}

#[test]
fn asynchronous_calls() {
    run("real_async", Checked::Plainly, &[]);
}

#[test]
fn asynchronous_calls_under_address_sanitizer() {
    run("real_async", Checked::ByAddressSanitizer, &[]);
}

#[test]
fn asynchronous_calls_under_valgrind() {
    run("real_async", Checked::ByValgrindStrictly, &[]);
}

#[test]
fn retained_messages() {
    run("real_retained", Checked::Plainly, &[]);
}

#[test]
fn a_client_without_a_certificate_is_refused_by_peer() {
    run("real_no_certificate", Checked::Plainly, &["none"]);
}

#[test]
fn a_client_with_a_certificate_of_another_ca_is_refused_by_peer() {
    run("real_no_certificate", Checked::Plainly, &["other"]);
}

#[test]
fn the_last_will_comes_after_a_crash_and_not_after_a_disconnect() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let subscriber = broker.subscriber(&certificates, "#");
    let port = broker.port.to_string();
    let directory = certificates.directory();
    let program = Program::compile("real_will");
    program.run(&["127.0.0.1", &port, &directory, "orderly"]);
    let crashing = program.start(&["127.0.0.1", &port, &directory, "crashed"]);
    crashing.wait_for("ready");
    crashing.kill();
    subscriber.wait_for(1);
    broker.publish(&certificates, "end", "", false);
    assert_eq!(
        subscriber.wait_for(2),
        ["will/gone|1|0|7|crashed", "end|1|0|0|"]
    );
}
