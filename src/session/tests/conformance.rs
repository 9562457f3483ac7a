//! Clauses of MQTT 3.1.1 that no other scenario shows. `tests/conformance/statements.tsv` says which test shows which clause.

use super::packets::{self, PINGRESP};
use super::rig::{Link, Rig, config, kept};
use std::time::Duration;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The first bytes of the packets that wait in the outgoing bytes.
fn first_bytes(rig: &Rig) -> Vec<u8> {
    let mut bytes = rig.session.outgoing();
    let mut first = Vec::new();
    while let Some((_, length)) = packets::read(bytes) {
        first.push(bytes[0]);
        bytes = &bytes[length..];
    }
    assert!(bytes.is_empty());
    first
}

#[test]
fn mqtt_2_2_2_1_every_packet_type_has_its_listed_flags() {
    let mut rig = Rig::new(config(|_| {}));
    rig.connect("c", 60);
    rig.stuck = true;
    rig.open();
    assert_eq!(first_bytes(&rig), [0x10], "CONNECT");
    rig.unstick();
    rig.receive(&packets::connack(false, 0));
    rig.message("t", "in", 7);
    rig.stuck = true;
    rig.publish("a", 0);
    rig.publish("b", 1);
    rig.subscribe("s", "f", 1);
    rig.unsubscribe("u", "g");
    assert_eq!(rig.acknowledge("in"), Ok(()));
    assert_eq!(first_bytes(&rig), [0x30, 0x32, 0x82, 0xA2, 0x40]);
    rig.unstick();
    rig.puback(1);
    rig.suback(2, &[1]);
    rig.unsuback(3);
    rig.stuck = true;
    rig.advance(60_000);
    assert_eq!(first_bytes(&rig), [0xC0], "PINGREQ");
    rig.unstick();
    rig.receive(&PINGRESP);
    rig.stuck = true;
    rig.disconnect("d");
    assert_eq!(first_bytes(&rig), [0xE0], "DISCONNECT");
}

#[test]
fn mqtt_3_1_0_1_connect_is_the_first_packet_of_every_connection_and_comes_once() {
    let mut rig = Rig::new(config(|_| {}));
    rig.publish("zero", 0);
    rig.publish("one", 1);
    rig.subscribe("s", "f", 1);
    rig.connect("c", 60);
    for _ in 0..3 {
        rig.open();
        // Nothing goes before CONNACK, whatever the application does.
        rig.publish("more", 1);
        rig.advance(1_000);
        assert_eq!(rig.packets(), ["CONNECT level 4 clean keep alive 60"]);
        rig.receive(&packets::connack(false, 0));
        rig.advance(1_000);
        let packets = rig.packets();
        assert!(!packets.is_empty());
        let connects = packets.iter().filter(|sent| sent.starts_with("CONNECT"));
        assert_eq!(connects.count(), 0);
        rig.lose_and_wait();
    }
}

#[test]
fn mqtt_3_1_2_6_a_clean_session_begins_with_nothing() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "f");
    rig.publish("m", 1);
    rig.message("f", "in", 9);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(false);
    // The PUBLISH is a new one, and the message of the last session is not acknowledged on this one.
    let expected = ["SUBSCRIBE #3 f:1", "PUBLISH t 1 #2 m"];
    assert_eq!(rig.packets()[1..], expected);
    assert!(rig.acknowledge("in").is_err());
    assert_eq!(rig.packets(), Vec::<String>::new());
}

#[test]
fn mqtt_3_3_1_2_qos_0_is_never_sent_again_and_has_no_dup() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.publish("z", 0);
    assert_eq!(rig.packets(), ["PUBLISH t 0 z"]);
    rig.advance(60_000);
    assert_eq!(rig.packets(), Vec::<String>::new());
    // One of which a part has left ends with its connection.
    rig.stuck = true;
    rig.publish("y", 0);
    rig.take(3);
    rig.lose_and_wait();
    rig.stuck = false;
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets().len(), 1, "CONNECT alone");
}

#[test]
fn mqtt_3_3_4_1_a_message_is_answered_by_its_qos() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.message("t", "zero", 0);
    assert_eq!(rig.receipts["zero"], 0, "there is nothing to acknowledge");
    assert_eq!(rig.packets(), Vec::<String>::new());
    rig.message("t", "one", 7);
    assert_eq!(rig.acknowledge("one"), Ok(()));
    assert_eq!(rig.packets(), ["PUBACK #7"]);
    rig.forget();
    rig.receive(&[0x34, 5, 0, 1, b't', 0, 8]);
    assert_eq!(rig.events(), ["offline Protocol"], "QoS 2");
    assert_eq!(rig.link, Link::None);
}

#[test]
fn mqtt_3_8_3_3_no_subscribe_is_empty() {
    const FILTERS: [&str; 9] = ["0", "1", "2", "3", "4", "5", "6", "7", "8"];
    for (filters, subscribes) in [(0, 0), (8, 1), (9, 2)] {
        let mut rig = Rig::connected(config(|_| {}));
        for filter in &FILTERS[..filters] {
            rig.subscribed("h", filter);
        }
        rig.lose_and_wait();
        rig.forget();
        // `packets::read` refuses one that is empty.
        rig.greet(false);
        assert_eq!(rig.packets()[1..].len(), subscribes);
        // Nor is one that is sent again because nobody answers.
        rig.advance(10_000);
        let packets = rig.packets();
        let again = packets.iter().filter(|sent| sent.starts_with("SUBSCRIBE "));
        assert_eq!(again.count(), subscribes);
    }
}

#[test]
fn mqtt_4_1_0_1_the_session_lasts_as_long_as_the_connection_and_longer() {
    let mut rig = Rig::connected(kept(|config| config.retransmit = Duration::ZERO));
    rig.subscribed("h", "f");
    rig.publish("m", 1);
    // A broker that lives and never acknowledges.
    for _ in 0..30 {
        for _ in 0..DAY_MS / 5_000 {
            rig.advance(5_000);
            rig.receive(&PINGRESP);
        }
    }
    rig.forget();
    rig.message("f", "late", 0);
    assert_eq!(rig.events(), ["message f late for [\"h\"]"]);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets()[1..], ["PUBLISH t 1 #2 dup m"]);
    rig.puback(2);
    assert_eq!(rig.events()[1..], ["done m Ok"]);
}

#[test]
fn mqtt_4_3_2_2_after_puback_the_same_identifier_is_a_new_message() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "t");
    rig.forget();
    rig.message("t", "first", 7);
    assert_eq!(rig.acknowledge("first"), Ok(()));
    let mut again = packets::publish("t", b"second", 7);
    again[0] |= 0x08;
    rig.receive(&again);
    assert_eq!(rig.acknowledge("second"), Ok(()));
    let delivered = [
        "message t first for [\"h\"]",
        "message t second for [\"h\"]",
    ];
    assert_eq!(rig.events(), delivered);
    assert_eq!(rig.packets(), ["PUBACK #7", "PUBACK #7"]);
}
