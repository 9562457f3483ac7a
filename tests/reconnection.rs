//! A connection is lost: what the application is told, what goes out again and in which order, and how it is made anew.

mod support;

use support::broker::{Connection, Listener};
use support::c_program::{Checked, Program};
use support::packets::{connack, puback, publish, suback, subscribe, unsuback, unsubscribe};
use support::scenario::{Watched, play, play_compiled};

fn expect_publish(connection: &mut Connection, payload: &str, dup: bool) -> u16 {
    expect_on(connection, "t", payload, dup)
}

fn expect_on(connection: &mut Connection, topic: &str, payload: &str, dup: bool) -> u16 {
    connection.expect_with_id(|id| publish(topic, payload, 1, id, false, dup))
}

fn grant(connection: &mut Connection, filters: &[(&str, u8)]) -> u16 {
    let id = connection.expect_with_id(|id| subscribe(id, filters));
    let codes: Vec<u8> = filters.iter().map(|(_, qos)| *qos).collect();
    connection.send(&suback(id, &codes));
    id
}

/// The next connection; its CONNACK goes when the program has said `text`.
fn welcome_when(
    listener: &mut Listener,
    watched: &mut Watched,
    text: &str,
    session_present: bool,
) -> Connection {
    let mut connection = listener.accept();
    connection.expect_connect();
    watched.wait_for(text);
    connection.send(&connack(session_present, 0));
    connection
}

#[test]
fn p3_mqtt_4_4_0_1_with_its_session_kept_what_was_in_flight_goes_first_with_dup_and_the_same_ids() {
    play("reconnection", "session_kept", |listener, watched| {
        let mut connection = listener.accept();
        assert!(!connection.welcome().clean_session());
        grant(&mut connection, &[("granted", 1)]);
        let names = ["one", "two", "three"];
        let ids = names.map(|name| expect_publish(&mut connection, name, false));
        connection.close();
        let mut connection = welcome_when(listener, watched, "queued", true);
        // No SUBSCRIBE: the broker has kept it.
        for (name, id) in names.into_iter().zip(ids) {
            connection.expect(&publish("t", name, 1, id, false, true));
        }
        let four = expect_publish(&mut connection, "four", false);
        let five = expect_on(&mut connection, "five", "five", false);
        assert!(!ids.contains(&four) && !ids.contains(&five) && four != five);
        for id in ids.into_iter().chain([four, five]) {
            connection.send(&puback(id));
        }
        connection.expect_disconnect();
    });
}

fn session_lost(checked: Checked) {
    let program = Program::compile_checked("reconnection", checked);
    play_compiled(&program, &["session_lost"], |listener, watched| {
        let names: Vec<String> = (0..20).map(|number| format!("f/{number}")).collect();
        let filters: Vec<(&str, u8)> = (0u8..20)
            .map(|number| (names[usize::from(number)].as_str(), number % 2))
            .collect();
        let mut connection = listener.accept();
        connection.welcome();
        for filter in &filters {
            grant(&mut connection, &[*filter]);
        }
        let pending = connection.expect_with_id(|id| subscribe(id, &[("pending", 1)]));
        let one = expect_publish(&mut connection, "one", false);
        let two = expect_publish(&mut connection, "two", false);
        connection.close();

        let mut connection = welcome_when(listener, watched, "queued", false);
        let ids: Vec<u16> = filters
            .chunks(8)
            .map(|filters| connection.expect_with_id(|id| subscribe(id, filters)))
            .collect();
        connection.expect(&subscribe(pending, &[("pending", 1)]));
        // As new publishes: this broker has never seen them.
        connection.expect(&publish("t", "one", 1, one, false, false));
        connection.expect(&publish("t", "two", 1, two, false, false));
        let mut codes: Vec<Vec<u8>> = filters
            .chunks(8)
            .map(|filters| filters.iter().map(|(_, qos)| *qos).collect())
            .collect();
        codes[0][3] = 0x80;
        for (id, codes) in ids.into_iter().zip(&codes) {
            assert!(!connection.something_came(), "the queue waits for SUBACK");
            connection.send(&suback(id, codes));
        }
        connection.send(&suback(pending, &[1]));
        connection.send(&[puback(one), puback(two)].concat());
        let three = expect_publish(&mut connection, "three", false);
        connection.send(&puback(three));
        // The program has seen its end before the connection is lost again.
        connection.close();

        let mut connection = listener.accept();
        connection.welcome();
        let mut left = filters.clone();
        left.remove(3);
        left.push(("pending", 1));
        for filters in left.chunks(8) {
            grant(&mut connection, filters);
        }
        watched.tell("go on");
        connection.expect_disconnect();
    });
}

#[test]
fn p4_without_a_session_subscribe_goes_first_then_what_was_in_flight_then_the_queue() {
    session_lost(Checked::Plainly);
}

#[test]
fn p4_without_a_session_everything_goes_again_under_address_sanitizer() {
    session_lost(Checked::ByAddressSanitizer);
}

#[test]
fn p3_a_synchronous_call_waits_on_across_a_reconnection() {
    play("reconnection", "calls_wait", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = expect_publish(&mut connection, "across", false);
        connection.reset();
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect(&publish("t", "across", 1, id, false, false));
        connection.send(&puback(id));
        let id = connection.expect_with_id(|id| subscribe(id, &[("across", 1)]));
        connection.close();
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect(&subscribe(id, &[("across", 1)]));
        connection.send(&suback(id, &[1]));
        let id = connection.expect_with_id(|id| unsubscribe(id, "across"));
        connection.close();
        // What is being unsubscribed is not subscribed to again.
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect(&unsubscribe(id, "across"));
        connection.send(&unsuback(id));
        connection.expect_disconnect();
    });
}

#[test]
fn p7_each_failed_attempt_is_told_with_a_wait_in_its_bounds_and_a_refusal_is_no_connection() {
    play("reconnection", "failures", |listener, _| {
        let mut connection = listener.accept();
        let first = connection.welcome();
        connection.close();
        for answer in [
            &connack(false, 3)[..],
            &[],
            &connack(false, 5),
            b"nonsense",
            &connack(false, 1),
        ] {
            let mut connection = listener.accept();
            // The same CONNECT each time: CONNACK 1 is no reason to fall back to MQTT 3.1.
            connection.expect(&first.raw);
            connection.send(answer);
            if answer.is_empty() {
                connection.close();
            } else {
                connection.silence();
            }
        }
        let mut connection = listener.accept();
        connection.expect(&first.raw);
        connection.reset();
        let mut connection = listener.accept();
        connection.expect(&first.raw);
        connection.send(&connack(false, 0));
        connection.expect_disconnect();
    });
}

#[test]
fn p7_reconnect_gives_a_live_connection_up_and_makes_it_anew_at_once() {
    play("reconnection", "reconnect_live", |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = expect_publish(&mut connection, "one", false);
        watched.tell("it came");
        connection.expect_end();
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect(&publish("t", "one", 1, id, false, false));
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
}

#[test]
fn p7_reconnect_ends_the_wait_for_the_next_attempt() {
    play("reconnection", "reconnect_waiting", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.close();
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_disconnect();
    });
}

#[test]
fn p7_disconnect_ends_the_attempts_and_keeps_what_is_unfinished_for_the_next_connect() {
    play("reconnection", "disconnect_waiting", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        let one = expect_publish(&mut connection, "one", false);
        connection.close();
        let mut connection = listener.accept();
        connection.expect_connect();
        connection.send(&connack(true, 0));
        connection.expect(&publish("t", "one", 1, one, false, true));
        let two = expect_publish(&mut connection, "two", false);
        connection.send(&[puback(one), puback(two)].concat());
        connection.expect_disconnect();
    });
}

#[test]
fn p1_what_was_cancelled_ends_at_once_and_is_not_sent_again() {
    play("reconnection", "cancel", |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        let one = expect_publish(&mut connection, "one", false);
        let two = expect_publish(&mut connection, "two", false);
        let three = expect_publish(&mut connection, "three", false);
        watched.tell("all came");
        watched.wait_for("cancelled");
        connection.close();
        let mut connection = welcome_when(listener, watched, "queued", true);
        connection.expect(&publish("t", "one", 1, one, false, true));
        connection.expect(&publish("t", "three", 1, three, false, true));
        let five = expect_publish(&mut connection, "five", false);
        assert_ne!(one, two);
        connection.send(&[puback(one), puback(three), puback(five)].concat());
        connection.expect_disconnect();
    });
}

#[test]
fn p7_with_retry_first_connect_a_synchronous_connect_times_out_and_the_attempts_go_on() {
    play("reconnection", "retry_first", |listener, watched| {
        loop {
            let mut connection = listener.accept();
            connection.expect_connect();
            if !watched.has_said("timed out") {
                connection.close();
                continue;
            }
            connection.send(&connack(false, 0));
            let id = expect_publish(&mut connection, "there", false);
            connection.send(&puback(id));
            connection.expect_disconnect();
            break;
        }
    });
}

#[test]
fn p7_with_retry_first_connect_an_asynchronous_connect_completes_when_it_succeeds() {
    play("reconnection", "retry_first_async", |listener, _| {
        for answer in [&[][..], &connack(false, 3), &[]] {
            let mut connection = listener.accept();
            connection.expect_connect();
            connection.send(answer);
            connection.close();
        }
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_disconnect();
    });
}

#[test]
fn p7_the_first_connect_reports_its_failure_and_does_not_retry() {
    play("reconnection", "first_fails", |listener, _| {
        let mut connection = listener.accept();
        connection.expect_connect();
        connection.send(&connack(false, 3));
        connection.silence();
    });
}
