//! Brokers that lie, and bytes that no broker sends.

use super::packets::{self, PINGRESP};
use super::rig::{Link, Rig, config};
use crate::session::State;

#[test]
fn mqtt_4_8_0_1_malformed_input_of_each_kind_ends_the_connection_with_a_reason() {
    let cases: [(&str, &[u8], &str); 22] = [
        (
            "five length bytes",
            &[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1],
            "Protocol",
        ),
        ("type 0", &[0x00, 0], "Protocol"),
        ("type 15", &[0xF0, 0], "Protocol"),
        ("CONNECT", &[0x10, 0], "Protocol"),
        ("PUBREC", &[0x50, 2, 0, 1], "Protocol"),
        ("PUBREL", &[0x62, 2, 0, 1], "Protocol"),
        ("PUBCOMP", &[0x70, 2, 0, 1], "Protocol"),
        ("SUBSCRIBE", &[0x82, 6, 0, 1, 0, 1, b'a', 0], "Protocol"),
        ("UNSUBSCRIBE", &[0xA2, 5, 0, 1, 0, 1, b'a'], "Protocol"),
        ("PINGREQ", &[0xC0, 0], "Protocol"),
        ("PINGRESP with a body", &[0xD0, 1, 0], "Protocol"),
        ("PUBACK flags", &[0x41, 2, 0, 1], "Protocol"),
        ("PUBACK length", &[0x40, 3, 0, 1, 0], "Protocol"),
        ("PUBACK 0", &[0x40, 2, 0, 0], "Protocol"),
        ("SUBACK without codes", &[0x90, 2, 0, 1], "Protocol"),
        ("SUBACK code 3", &[0x90, 3, 0, 1, 3], "Protocol"),
        ("QoS 2", &[0x34, 5, 0, 1, b'a', 0, 1], "Protocol"),
        ("QoS 3", &[0x36, 5, 0, 1, b'a', 0, 1], "Protocol"),
        ("wildcard in a topic", &[0x30, 3, 0, 1, b'#'], "Protocol"),
        ("NUL in a topic", &[0x30, 3, 0, 1, 0], "Protocol"),
        ("topic not UTF-8", &[0x30, 3, 0, 1, 0xFF], "Protocol"),
        (
            "too large",
            &[0x30, 0xFF, 0xFF, 0xFF, 0x7F],
            "PacketTooLarge",
        ),
    ];
    for (what, bytes, code) in cases {
        for split in 0..=1 {
            let mut rig = Rig::connected(config(|_| {}));
            rig.publish("m", 1);
            rig.forget();
            rig.session.received(rig.now, &bytes[..split]);
            rig.receive(&bytes[split..]);
            assert_eq!(rig.events(), [format!("offline {code}")], "{what}");
            assert_eq!((rig.link, rig.state()), (Link::None, State::Reconnecting));
            let failure = rig.session.counters().last_failure.clone();
            assert!(
                failure.is_some_and(|failure| failure.detail.len() > 15),
                "{what}"
            );
            rig.until_wanted();
            rig.greet(false);
            assert_eq!(rig.packets()[1..], ["PUBLISH t 1 #1 m"], "{what}");
        }
    }
}

#[test]
fn p8_what_follows_a_malformed_packet_is_not_looked_at() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.publish("m", 1);
    let bytes = [&[0x30, 3, 0, 1, b'#'], &packets::puback(1)[..]].concat();
    rig.receive(&bytes);
    assert_eq!(rig.events(), ["offline Protocol"]);
    // And what came before it is.
    rig.until_wanted();
    rig.greet(false);
    rig.forget();
    let bytes = [&packets::puback(1)[..], &[0x30, 3, 0, 1, b'#']].concat();
    rig.receive(&bytes);
    assert_eq!(rig.events(), ["done m Ok", "offline Protocol"]);
}

#[test]
fn p8_nothing_of_a_lost_connection_is_read_on_the_next_one() {
    let mut rig = Rig::connected(config(|_| {}));
    let message = packets::publish("t", b"m", 0);
    rig.receive(&message[..4]);
    rig.lose_and_wait();
    rig.greet(false);
    rig.forget();
    rig.receive(&message);
    assert_eq!(rig.events(), ["message t m for []"]);
}

#[test]
fn p7_a_disconnect_from_the_broker_is_its_close() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.receive(&[0xE0, 0]);
    assert_eq!(rig.events(), ["offline ConnectionLost"]);
    assert_eq!((rig.link, rig.state()), (Link::None, State::Reconnecting));
}

#[test]
fn p1_acknowledgements_twice_of_the_wrong_type_or_of_nothing_are_ignored() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.publish("m", 1);
    rig.subscribe("h", "f", 1);
    rig.unsubscribe("u", "g");
    rig.forget();
    rig.suback(1, &[1]);
    rig.unsuback(1);
    rig.puback(2);
    rig.unsuback(2);
    rig.puback(3);
    rig.suback(3, &[1, 1, 1]);
    rig.puback(77);
    rig.suback(77, &[0x80]);
    rig.unsuback(77);
    assert_eq!((rig.events(), rig.packets()), (vec![], vec![]));
    for _ in 0..2 {
        rig.unsuback(3);
        rig.suback(2, &[1]);
        rig.puback(1);
    }
    assert_eq!(
        rig.events(),
        ["done u Ok", "done h Ok granted 1", "done m Ok"]
    );
    assert_eq!(rig.link, Link::Open);
}

#[test]
fn p4_acknowledgements_in_any_order_free_their_places() {
    let mut rig = Rig::connected(config(|config| config.in_flight_window = 4));
    for _ in 0..8 {
        rig.publish("m", 1);
    }
    rig.forget();
    for (acknowledged, next) in [(3, 5), (1, 6), (4, 7), (2, 8)] {
        rig.puback(acknowledged);
        assert_eq!(rig.packets(), [format!("PUBLISH t 1 #{next} m")]);
    }
    for id in [8, 7, 6, 5] {
        rig.puback(id);
    }
    assert_eq!(rig.events().len(), 8);
    assert_eq!(rig.session.accepted_bytes(), 0);
}

#[test]
fn p8_more_unacknowledged_messages_than_there_are_identifiers_is_a_lie() {
    let mut rig = Rig::connected(config(|_| {}));
    for _ in 0..65_535u32 {
        rig.session
            .received(rig.now, &packets::publish("t", b"", 1));
        while rig.session.poll().is_some() {}
    }
    rig.message("t", "", 1);
    assert_eq!(rig.events(), ["offline Protocol"]);
}

#[test]
fn p7_a_broker_that_is_silent_after_connack_is_found_out_where_something_is_unacknowledged() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribe("h", "f", 1);
    rig.advance(20_000);
    assert_eq!(rig.events(), ["offline PingTimeout"]);
}

#[test]
fn p8_pings_nobody_asked_for_are_ignored() {
    let mut rig = Rig::connected(config(|_| {}));
    for _ in 0..1000 {
        rig.receive(&PINGRESP);
    }
    assert_eq!((rig.events(), rig.packets()), (vec![], vec![]));
    assert_eq!(rig.session.deadline(), None);
}

/// Sends QoS 1 messages as long as there is a connection, at most so many, and all are handled at once. Gives how many there were.
fn flood(rig: &mut Rig, most: u32, mut behind_each: impl FnMut(&mut Rig)) -> u32 {
    for number in 0..most {
        rig.message("t", "x", (number % 65_535 + 1) as u16);
        if rig.link != Link::Open {
            return number;
        }
        rig.handled("x");
        behind_each(rig);
        rig.forget();
    }
    most
}

#[test]
fn p8_a_broker_that_sends_and_never_reads_does_not_fill_the_memory_with_pubacks() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.stuck = true;
    let mut most = 0;
    flood(&mut rig, 200_000, |rig| {
        most = most.max(rig.session.outgoing_bytes());
    });
    assert_eq!(rig.events().last().unwrap(), "offline Protocol");
    assert!((4 * 65_535..=8 * 65_536).contains(&most), "{most}");
}

#[test]
fn p8_a_broker_may_stay_behind_with_as_many_pubacks_as_there_are_identifiers() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.stuck = true;
    let sent = flood(&mut rig, 400_000, |rig| {
        if rig.session.outgoing_bytes() > 4 * 65_534 {
            // Another packet is cut out of them now and then.
            rig.publish("m", 1);
            rig.cancel("m").expect("it has not left");
            rig.take(4);
        }
    });
    assert_eq!(sent, 400_000);
}
