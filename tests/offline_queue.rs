//! The offline queue: how much it takes, what it drops, the order and the pace in which it is sent, and the end of everything in it.

mod support;

use std::time::{Duration, Instant};
use support::broker::Connection;
use support::c_program::{Checked, Program};
use support::packets::{connack, puback, publish, suback, subscribe};
use support::scenario::{play, play_compiled, play_with};

fn take(connection: &mut Connection, payload: &str) {
    let id = connection.expect_with_id(|id| publish("t", payload, 1, id, false, false));
    connection.send(&puback(id));
}

fn grant(connection: &mut Connection, filter: &str) {
    let id = connection.expect_with_id(|id| subscribe(id, &[(filter, 1)]));
    connection.send(&suback(id, &[1]));
}

#[test]
fn p2_without_a_queue_nothing_is_accepted_offline_and_what_is_in_flight_is_kept() {
    play("offline_queue", "none", |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = connection.expect_with_id(|id| publish("t", "one", 1, id, false, false));
        connection.close();
        let mut connection = listener.accept();
        connection.expect_connect();
        watched.wait_for("refused");
        connection.send(&connack(false, 0));
        connection.expect(&publish("t", "one", 1, id, false, false));
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
}

#[test]
fn p2_a_full_queue_that_drops_the_newest_refuses_the_call() {
    play("offline_queue", "drop_newest", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        take(&mut connection, "one");
        take(&mut connection, "two");
        grant(&mut connection, "s");
        connection.expect_disconnect();
    });
}

#[test]
fn p2_a_full_queue_that_drops_the_oldest_accepts_the_new_and_ends_the_oldest_publish() {
    play("offline_queue", "drop_oldest", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        grant(&mut connection, "s");
        take(&mut connection, "three");
        take(&mut connection, "four");
        connection.expect_disconnect();
    });
}

#[test]
fn p2_a_queue_full_of_subscriptions_evicts_none_of_them() {
    play("offline_queue", "only_subscriptions", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        grant(&mut connection, "s");
        connection.expect_disconnect();
    });
}

#[test]
fn p2_what_was_sent_once_is_not_evicted() {
    play(
        "offline_queue",
        "sent_is_not_evicted",
        |listener, watched| {
            let mut connection = listener.accept();
            connection.welcome();
            let names = ["one", "two"];
            let ids = names.map(|name| {
                connection.expect_with_id(|id| publish("t", name, 1, id, false, false))
            });
            connection.close();
            let mut connection = listener.accept();
            connection.expect_connect();
            watched.wait_for("evicted");
            connection.send(&connack(true, 0));
            for (name, id) in names.into_iter().zip(ids) {
                connection.expect(&publish("t", name, 1, id, false, true));
                connection.send(&puback(id));
            }
            take(&mut connection, "four");
            connection.expect_disconnect();
        },
    );
}

#[test]
fn p4_ten_thousand_publishes_queued_before_the_first_connect_go_out_in_order() {
    play("offline_queue", "unlimited", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        for number in 0..10_000 {
            take(&mut connection, &number.to_string());
        }
        connection.expect_disconnect();
    });
}

#[test]
fn p1_the_queue_survives_disconnect_and_connect() {
    play("offline_queue", "survives", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        take(&mut connection, "one");
        connection.expect_disconnect();
        let mut connection = listener.accept();
        connection.welcome();
        take(&mut connection, "two");
        connection.expect(&publish("three", "three", 0, 0, false, false));
        take(&mut connection, "four");
        connection.expect_disconnect();
    });
}

#[test]
fn p1_free_ends_everything_in_the_queue_as_cancelled_in_order() {
    play("offline_queue", "freed", |listener, _| {
        assert!(!listener.somebody_waits());
    });
}

#[test]
fn p1_free_ends_everything_in_the_queue_and_leaks_nothing_under_valgrind() {
    let program = Program::compile_checked("offline_queue", Checked::ByValgrind);
    play_compiled(&program, &["freed"], |listener, _| {
        assert!(!listener.somebody_waits());
    });
}

#[test]
fn p4_draining_keeps_its_frequency_and_what_is_accepted_meanwhile_goes_behind() {
    play("offline_queue", "behind", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        let begin = Instant::now();
        for name in ["one", "two", "three", "four", "five", "six", "seven"] {
            take(&mut connection, name);
        }
        // Ten a second: six pauses. Coarsely, because a busy machine may read the first one late.
        let passed = begin.elapsed();
        assert!(passed > Duration::from_millis(400), "drained in {passed:?}");
        connection.expect(&publish("t", "eight", 0, 0, false, false));
        take(&mut connection, "nine");
        connection.expect_disconnect();
    });
}

fn lost_in_mid_drain(session_present: bool) {
    let session = if session_present { "kept" } else { "lost" };
    play_with(
        "offline_queue",
        &["lost_in_mid_drain", session],
        move |listener, _| {
            let mut connection = listener.accept();
            connection.welcome();
            take(&mut connection, "0");
            take(&mut connection, "1");
            let ids = ["2", "3", "4"].map(|name| {
                connection.expect_with_id(|id| publish("t", name, 1, id, false, false))
            });
            connection.reset();
            let mut connection = listener.accept();
            connection.expect_connect();
            connection.send(&connack(session_present, 0));
            // One more may have been on its way when the connection was reset.
            let mut next = 2;
            while next < 10 {
                let packet = connection.expect_packet("PUBLISH");
                assert_eq!(packet.payload(), next.to_string().as_bytes());
                let again = next < 5;
                if again {
                    assert_eq!(packet.id(), ids[next - 2]);
                }
                assert!(packet.dup() == (again && session_present) || next == 5);
                connection.answer(&packet);
                next += 1;
            }
            connection.expect_disconnect();
        },
    );
}

#[test]
fn p3_a_connection_lost_in_mid_drain_loses_nothing_where_the_session_was_kept() {
    lost_in_mid_drain(true);
}

#[test]
fn p3_a_connection_lost_in_mid_drain_loses_nothing_where_the_session_was_lost() {
    lost_in_mid_drain(false);
}
