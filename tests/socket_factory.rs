//! Sockets that the application makes: they are used, TLS goes on top, they are closed, and what may be called meanwhile.

mod support;

use support::broker::{Broker, Connection, Listener};
use support::c_program::Program;
use support::certificates::Certificates;
use support::packets::{puback, publish};
use support::scenario::play;

fn take(connection: &mut Connection, topic: &str, payload: &str) {
    let id = connection.expect_with_id(|id| publish(topic, payload, 1, id, false, false));
    connection.send(&puback(id));
}

fn published_through(listener: &mut Listener) {
    let mut connection = listener.accept();
    connection.welcome();
    take(&mut connection, "t", "through it");
    connection.expect_disconnect();
}

fn used_twice(listener: &mut Listener) {
    published_through(listener);
    let mut connection = listener.accept();
    connection.welcome();
    connection.expect_disconnect();
}

fn over_tls(case: &str, script: fn(&mut Listener)) {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), script);
    let program = Program::compile("socket_factory");
    program.run_with(broker, &certificates.directory(), &[case]);
}

#[test]
fn socket_factory_gets_the_endpoint_and_its_tcp_socket_is_used_and_closed() {
    play("socket_factory", "used", |listener, _| used_twice(listener));
}

#[test]
fn socket_factory_has_tls_put_on_top_of_its_socket() {
    over_tls("used", used_twice);
}

#[test]
fn socket_factory_may_give_one_end_of_a_socket_pair() {
    play("socket_factory", "relay", |listener, _| {
        published_through(listener)
    });
}

#[test]
fn socket_factory_may_give_one_end_of_a_socket_pair_for_tls() {
    over_tls("relay", published_through);
}

#[test]
fn socket_factory_that_gives_nothing_usable_fails_the_attempt_with_its_own_code() {
    play("socket_factory", "refused", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_disconnect();
    });
}

#[test]
fn p7_socket_factory_is_asked_again_at_each_attempt() {
    play("socket_factory", "again", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.close();
        // Made and thrown away by the factory.
        for _ in 0..2 {
            listener.accept().expect_end();
        }
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_disconnect();
    });
}

#[test]
fn p5_blocking_calls_on_the_own_client_inside_a_socket_factory_would_deadlock_and_others_work() {
    play("socket_factory", "inside", |listener, _| {
        let mut other = listener.accept();
        other.welcome();
        take(&mut other, "other", "sync");
        let mut connection = listener.accept();
        connection.welcome();
        take(&mut connection, "t", "async");
        connection.expect_disconnect();
        other.expect_disconnect();
    });
}

#[test]
fn p5_free_inside_a_socket_factory_does_not_wait() {
    play("socket_factory", "free_inside", |listener, _| {
        listener.accept().expect_end();
    });
}

#[test]
fn p6_a_socket_factory_that_takes_too_long_is_a_timeout_and_runs_once_at_a_time() {
    play("socket_factory", "late", |listener, _| {
        listener.accept().expect_end();
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_disconnect();
    });
}
