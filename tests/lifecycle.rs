//! States, operations without a connection, and the end of a client.

mod support;

use support::broker::Broker;
use support::c_program::{Checked, Program};
use support::packets::{connack, puback, publish};

#[test]
fn calls_that_do_not_fit_the_state_are_refused_and_take_nothing() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let packets = connection.serve();
        assert_eq!(
            packets.len(),
            2,
            "one PUBLISH and DISCONNECT were expected: {packets:?}"
        );
        let mut connection = listener.accept();
        let connect = connection.welcome();
        assert!(
            connect
                .username
                .is_some_and(|name| name.starts_with("rotated?SDK="))
        );
        assert_eq!(connect.password.as_deref(), Some(&b"new"[..]));
        assert_eq!(connect.will_topic, None);
        connection.expect_disconnect();
    });
    Program::compile("states").run_with(broker, "-", &[]);
}

#[test]
fn a_second_connect_is_refused_and_disconnect_cancel_and_free_end_the_first() {
    Program::compile("connecting").run(&["127.0.0.1", "1", "-", "connecting"]);
}

#[test]
fn p7_connect_and_reconnect_try_at_once_while_the_client_waits_for_its_next_attempt() {
    let broker = Broker::plain(|listener| {
        for _ in 0..2 {
            let mut connection = listener.accept();
            connection.welcome();
            connection.close();
        }
        let mut connection = listener.accept();
        connection.expect_connect();
        connection.send(&connack(false, 5));
        connection.expect_end();
        let mut connection = listener.accept();
        connection.welcome();
        connection.close();
    });
    Program::compile("connecting").run_with(broker, "-", &["reconnecting"]);
}

#[test]
fn disconnect_waits_for_what_is_in_flight_and_refuses_what_is_new() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let subscribe = connection.expect_packet("SUBSCRIBE");
        connection.answer(&subscribe);
        connection.send(&publish("in", "first", 1, 5, false, false));
        connection.send(&publish("in", "second", 1, 6, false, false));
        let id = connection.expect_with_id(|id| publish("kept", "x", 1, id, false, false));
        connection.expect(&puback(5));
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
    Program::compile("connecting").run_with(broker, "-", &["disconnecting"]);
}

#[test]
fn p2_without_a_connection_operations_are_queued_or_refused() {
    Program::compile("offline").run(&["127.0.0.1", "1", "-"]);
}

#[test]
fn a_client_that_never_connected_can_be_freed() {
    Program::compile("never_connected").run(&["127.0.0.1", "1", "-"]);
}

#[test]
fn a_client_that_never_connected_leaks_nothing() {
    Program::compile_checked("never_connected", Checked::ByValgrindStrictly).run(&[
        "127.0.0.1",
        "1",
        "-",
    ]);
}

#[test]
fn p1_free_cancels_what_is_queued_under_address_sanitizer() {
    Program::compile_checked("free_pending", Checked::ByAddressSanitizer).run(&[
        "127.0.0.1",
        "1",
        "-",
        "offline",
    ]);
}

#[test]
fn the_numbers_of_the_errors_are_stable() {
    Program::compile("numbers").run(&[]);
}

#[test]
fn two_clients_in_one_process_know_nothing_of_each_other() {
    let broker = Broker::plain(|listener| {
        listener.serve_each(2, |connection| {
            let id = connection.welcome().client_id;
            connection.serve_but(|connection, packet| {
                if packet.name() == "SUBSCRIBE" {
                    connection.answer(packet);
                    connection.send(&publish(&format!("to/{id}"), "x", 0, 0, false, false));
                }
                packet.name() == "SUBSCRIBE"
            });
        });
    });
    Program::compile("two_clients").run_with(broker, "-", &[]);
}

#[test]
fn p1_free_cancels_what_is_pending_before_it_returns() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let mut publishes = 0;
        let packets = connection.serve_but(|connection, packet| {
            publishes += usize::from(packet.name() == "PUBLISH");
            if packet.name() == "PUBLISH" && publishes == 20 {
                connection.send(&publish("in", "all have come", 0, 0, false, false));
            }
            packet.name() == "PUBLISH"
        });
        // No DISCONNECT: the broker publishes the last will.
        assert_eq!(
            packets.last().map(|packet| packet.name()),
            Some("PUBLISH"),
            "{packets:?}"
        );
    });
    Program::compile("free_pending").run_with(broker, "-", &["connected"]);
}

#[test]
fn p1_free_cancels_what_is_queued_before_it_returns() {
    Program::compile("free_pending").run(&["127.0.0.1", "1", "-", "offline"]);
}

/// While a publish waits for its acknowledgement.
fn frees(case: &str) {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.serve_but(|connection, packet| {
            if packet.name() == "PUBLISH" {
                connection.send(&publish("it/came", "", 0, 0, false, false));
            }
            true
        });
    });
    Program::compile("free_during_call").run_with(broker, "-", &[case]);
}

#[test]
fn p1_free_cancels_the_synchronous_call_of_another_thread() {
    frees("outside");
    frees("disconnecting");
}

#[test]
fn p5_a_callback_that_has_freed_may_wait_for_the_synchronous_call_of_another_thread() {
    frees("inside");
}

#[test]
fn p5_free_returns_when_the_running_callback_has_returned_and_none_runs_after_it() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.serve_but(|connection, packet| {
            if packet.name() == "SUBSCRIBE" {
                connection.answer(packet);
                for _ in 0..100 {
                    // The client may be gone before the last.
                    let _ = connection.try_send(&publish("in", "x", 0, 0, false, false));
                }
            }
            true
        });
    });
    Program::compile("free_waits").run_with(broker, "-", &[]);
}
