//! Publish, subscribe and unsubscribe: the bytes, what a lying broker can and cannot do, and the order of what comes in.

mod support;

use support::broker::{Broker, Connection};
use support::c_program::Program;
use support::certificates::Certificates;
use support::packets::{puback, publish, suback, subscribe, unsuback, unsubscribe};

fn publishes(connection: &mut Connection) {
    connection.welcome();
    connection.expect(&publish("a/b", "zero", 0, 0, false, false));
    let first = connection.expect_with_id(|id| publish("a/b", b"on\0e", 1, id, false, false));
    connection.send_byte_by_byte(&puback(first));
    let second = connection.expect_with_id(|id| publish("a/ü", "kept", 1, id, true, false));
    assert_ne!(first, second, "an identifier was used again at once");
    connection.send(&puback(second));
    connection.expect(&publish("kept", "", 0, 0, true, false));
    connection.expect_disconnect();
}

#[test]
fn publishes_go_out_as_they_were_made() {
    let broker = Broker::plain(|listener| publishes(&mut listener.accept()));
    Program::compile("publish").run_with(broker, "-", &[]);
}

#[test]
fn publishes_go_out_as_they_were_made_over_tls() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let certificates = Certificates::new();
        let server = certificates.server_of("server", "ca", &[version]);
        let broker = Broker::tls(server, |listener| publishes(&mut listener.accept()));
        Program::compile("publish").run_with(broker, &certificates.directory(), &[]);
    }
}

#[test]
fn p1_a_puback_for_a_packet_that_was_never_sent_acknowledges_nothing() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = connection.expect_with_id(|id| publish("first", "lost", 1, id, false, false));
        connection.send(&puback(id.wrapping_add(999)));
        connection.send(&puback(id + 1));
        // The time-out comes, and no zombie follows it.
        connection.expect(&publish("then", "", 0, 0, false, false));
        connection.expect_disconnect();
    });
    Program::compile("publish_unknown_ack").run_with(broker, "-", &[]);
}

#[test]
fn p8_a_publish_larger_than_the_limit_is_refused_and_changes_nothing() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = connection.expect_with_id(|id| publish("small", "ok", 1, id, false, false));
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
    Program::compile("publish_too_large").run_with(broker, "-", &[]);
}

fn subscribes(connection: &mut Connection) {
    const TOPIC: &str = "sensor/1/temperature";
    const FILTER: &str = "sensor/+/temperature";
    connection.welcome();
    let id = connection.expect_with_id(|id| subscribe(id, &[(FILTER, 1)]));
    connection.send_byte_by_byte(&suback(id, &[1]));
    connection.send_byte_by_byte(&publish(TOPIC, b"2\x001.5", 1, 4321, true, true));
    // The application unsubscribes when it has seen the message, the library acknowledges it when the callback has returned.
    let mut packets = [connection.read_packet(), connection.read_packet()];
    packets.sort_by_key(|packet| packet.name());
    let id = packets[1].id();
    assert_eq!(packets[0].raw, puback(4321));
    assert_eq!(packets[1].raw, unsubscribe(id, FILTER));
    connection.send_byte_by_byte(&unsuback(id));
    let id = connection.expect_with_id(|id| subscribe(id, &[("less", 1)]));
    connection.send(&suback(id, &[0]));
    let id = connection.expect_with_id(|id| subscribe(id, &[("$share/group/less", 0)]));
    connection.send(&suback(id, &[0]));
    connection.expect_disconnect();
}

#[test]
fn subscribe_message_and_unsubscribe_byte_by_byte() {
    let broker = Broker::plain(|listener| subscribes(&mut listener.accept()));
    Program::compile("subscribe").run_with(broker, "-", &[]);
}

#[test]
fn subscribe_message_and_unsubscribe_byte_by_byte_over_tls() {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        subscribes(&mut listener.accept())
    });
    Program::compile("subscribe").run_with(broker, &certificates.directory(), &[]);
}

#[test]
fn mqtt_3_9_3_2_a_refused_subscription_is_named_and_not_kept() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        for filter in ["secret/now", "secret/later"] {
            let id = connection.expect_with_id(|id| subscribe(id, &[(filter, 1)]));
            connection.send(&suback(id, &[0x80]));
        }
        let id = connection.expect_with_id(|id| publish("go", "", 1, id, false, false));
        connection.send(&publish("secret/now", "leak", 0, 0, false, false));
        connection.send(&publish("secret/later", "leak", 0, 0, false, false));
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
    Program::compile("subscribe_refused").run_with(broker, "-", &[]);
}

#[test]
fn p5_messages_go_to_all_matching_subscriptions_in_order_and_not_before_suback() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = connection.expect_with_id(|id| subscribe(id, &[("a/+", 1)]));
        // [MQTT-3.8.4-3]: the broker may send messages before its SUBACK.
        connection.send(&publish("a/x", "early", 0, 0, false, false));
        connection.send(&suback(id, &[1]));
        let id = connection.expect_with_id(|id| subscribe(id, &[("a/b", 0)]));
        connection.send(&suback(id, &[0]));
        let id = connection.expect_with_id(|id| publish("go", "1", 1, id, false, false));
        connection.send(&[puback(id), publish("a/b", "both", 0, 0, false, false)].concat());
        let id = connection.expect_with_id(|id| subscribe(id, &[("a/+", 1)]));
        connection.send(&suback(id, &[1]));
        let id = connection.expect_with_id(|id| publish("go", "2", 1, id, false, false));
        connection.send(&publish("a/b", "last", 0, 0, false, false));
        connection.send(&publish("elsewhere", "other", 0, 0, false, false));
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
    Program::compile("overlapping").run_with(broker, "-", &[]);
}

/// Five QoS 1 messages come in with one `send`; the client's own publishes show when each callback ran.
fn acknowledges_in_order(send: fn(&mut Connection, &[u8])) {
    let broker = Broker::plain(move |listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = connection.expect_with_id(|id| subscribe(id, &[("in", 1)]));
        connection.send(&suback(id, &[1]));
        let numbers = [10, 11, 12, 13, 14];
        let messages: Vec<_> = numbers
            .iter()
            .map(|id| publish("in", id.to_string(), 1, *id, false, false))
            .collect();
        send(&mut connection, &messages.concat());
        for (at, id) in numbers.into_iter().enumerate() {
            connection.expect(&publish("seen", id.to_string(), 0, 0, false, false));
            if at + 1 < numbers.len() {
                connection.expect(&puback(id));
            }
        }
        // The last callback has let the application go on; its acknowledgement and the next publish may meet.
        let mut packets = [connection.read_packet(), connection.read_packet()];
        packets.sort_by_key(|packet| packet.name());
        assert_eq!(packets[0].raw, puback(14));
        let id = packets[1].id();
        assert_eq!(packets[1].raw, publish("done", "", 1, id, false, false));
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
    Program::compile("messages_in").run_with(broker, "-", &["5"]);
}

#[test]
fn p5_messages_are_acknowledged_in_order_after_their_callbacks() {
    acknowledges_in_order(Connection::send);
}

#[test]
fn p5_messages_are_acknowledged_in_order_after_their_callbacks_byte_by_byte() {
    acknowledges_in_order(Connection::send_byte_by_byte);
}
