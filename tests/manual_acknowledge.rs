//! Subscriptions whose QoS 1 messages the application acknowledges itself.

mod support;

use support::broker::{Connection, Listener};
use support::packets::{connack, puback, publish, suback, subscribe};
use support::scenario::play;

fn subscribed(listener: &mut Listener, filter: &str) -> Connection {
    let mut connection = listener.accept();
    connection.welcome();
    grant(&mut connection, filter);
    connection
}

fn grant(connection: &mut Connection, filter: &str) {
    let id = connection.expect_with_id(|id| subscribe(id, &[(filter, 1)]));
    connection.send(&suback(id, &[1]));
}

fn deliver(connection: &mut Connection, ids: &[u16]) {
    let messages: Vec<_> = ids
        .iter()
        .map(|id| publish("in", "x", 1, *id, false, false))
        .collect();
    connection.send(&messages.concat());
}

/// The next packet must be this publish: so nothing was acknowledged before it.
fn take(connection: &mut Connection, topic: &str, payload: &str) {
    let id = connection.expect_with_id(|id| publish(topic, payload, 1, id, false, false));
    connection.send(&puback(id));
}

#[test]
fn p5_mqtt_4_6_0_2_acknowledged_later_on_another_thread_in_the_order_of_receipt() {
    play("manual_acknowledge", "later", |listener, _| {
        let mut connection = subscribed(listener, "in");
        deliver(&mut connection, &[40, 30, 20, 10]);
        take(&mut connection, "all", "came");
        for id in [40, 30, 20, 10] {
            connection.expect(&puback(id));
        }
        connection.expect_disconnect();
    });
}

#[test]
fn p5_a_message_that_is_not_acknowledged_holds_back_those_behind_it() {
    play("manual_acknowledge", "one_waits", |listener, _| {
        let mut connection = subscribed(listener, "in");
        deliver(&mut connection, &[1, 2, 3, 4]);
        take(&mut connection, "none", "yet");
        for id in 1..=4 {
            connection.expect(&puback(id));
        }
        take(&mut connection, "now", "all");
        connection.expect_disconnect();
    });
}

#[test]
fn p5_an_acknowledgement_of_a_lost_connection_is_stale_and_the_message_comes_again() {
    play("manual_acknowledge", "stale", |listener, watched| {
        let mut connection = subscribed(listener, "in");
        deliver(&mut connection, &[1, 2]);
        connection.expect(&puback(1));
        watched.tell("acknowledged");
        connection.close();
        let mut connection = listener.accept();
        connection.expect_connect();
        connection.send(&connack(true, 0));
        connection.send(&publish("in", "x", 1, 2, false, true));
        connection.expect(&puback(2));
        take(&mut connection, "done", "");
        connection.expect_disconnect();
    });
}

#[test]
fn p5_acknowledging_inside_the_callback_works() {
    play("manual_acknowledge", "inside", |listener, _| {
        let mut connection = subscribed(listener, "in");
        deliver(&mut connection, &[7]);
        connection.send(&publish("in", "x", 0, 0, false, false));
        deliver(&mut connection, &[8]);
        connection.expect(&puback(7));
        connection.expect(&puback(8));
        connection.expect_disconnect();
    });
}

#[test]
fn p5_a_message_that_also_matches_a_manual_subscription_waits_for_the_application() {
    play("manual_acknowledge", "overlapping", |listener, _| {
        let mut connection = subscribed(listener, "#");
        grant(&mut connection, "in");
        deliver(&mut connection, &[5]);
        take(&mut connection, "waits", "");
        connection.expect(&puback(5));
        grant(&mut connection, "in");
        deliver(&mut connection, &[6]);
        // Its callback and the application's publish are on different threads.
        let mut packets = [connection.read_packet(), connection.read_packet()];
        packets.sort_by_key(|packet| packet.name());
        assert_eq!(packets[0].raw, puback(6));
        connection.answer(&packets[1]);
        connection.expect_disconnect();
    });
}
