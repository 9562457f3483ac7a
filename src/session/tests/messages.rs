//! Messages from the broker and their acknowledgement.

use super::rig::{Rig, config};
use crate::error::Code;
use crate::session::{Event, Output, Wait};

#[test]
fn p5_all_matching_subscriptions_in_the_order_of_subscribing() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("multi", "w/#");
    rig.subscribed("single", "w/+");
    rig.subscribed("exact", "w/a");
    rig.subscribed("shared", "$share/group/w/a");
    rig.message("w/a", "m", 0);
    rig.message("w", "n", 0);
    rig.message("x", "o", 0);
    let expected = [
        "message w/a m for [\"multi\", \"single\", \"exact\", \"shared\"]",
        "message w n for [\"multi\"]",
        "message x o for []",
    ];
    assert_eq!(rig.events(), expected);
}

#[test]
fn p5_messages_before_the_suback_are_held_and_delivered_after_it_in_order() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("old", "o");
    rig.subscribe("h", "f/#", 1);
    rig.message("o", "0", 0);
    rig.message("f/1", "1", 9);
    rig.message("o", "2", 0);
    assert_eq!(rig.events(), ["message o 0 for [\"old\"]"]);
    assert!(rig.session.held_bytes() > 0);
    rig.suback(2, &[1]);
    let expected = [
        "done h Ok granted 1",
        "message f/1 1 for [\"h\"]",
        "message o 2 for [\"old\"]",
    ];
    assert_eq!(rig.events(), expected);
    assert_eq!(rig.session.held_bytes(), 0);
}

#[test]
fn p5_held_messages_are_delivered_when_the_subscribe_ends_otherwise() {
    let held = || {
        let mut rig = Rig::connected(config(|_| {}));
        rig.try_subscribe("h", "f", 1, false, Wait::Bounded)
            .expect("accepted");
        rig.message("f", "m", 3);
        assert!(rig.events().is_empty());
        rig
    };
    let message = "message f m for []".to_owned();
    let mut rig = held();
    rig.suback(1, &[0x80]);
    assert_eq!(
        rig.events(),
        ["done h SubscribeRefused", "released h", &message]
    );
    let mut rig = held();
    rig.advance(5_000);
    assert_eq!(rig.events(), ["done h Timeout", "released h", &message]);
    let mut rig = held();
    assert_eq!(rig.cancel("h"), Ok(()));
    assert_eq!(rig.events(), ["done h Cancelled", "released h", &message]);
    let mut rig = held();
    rig.lose();
    assert_eq!(rig.events(), [&message, "offline ConnectionLost"]);
    assert_eq!(rig.acknowledge("m"), Err(Code::Stale));
}

#[test]
fn p8_messages_are_held_up_to_a_limit() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribe("h", "f", 1);
    let payload = "x".repeat(100 << 10);
    for _ in 0..3 {
        assert!(rig.events().is_empty());
        rig.message("f", &payload, 0);
    }
    assert_eq!(rig.events().len(), 3);
    assert_eq!(rig.session.held_bytes(), 0);
}

#[test]
fn mqtt_4_6_0_2_pubacks_go_out_in_the_order_of_receipt() {
    let mut rig = Rig::connected(config(|_| {}));
    for (payload, id) in [("a", 10), ("b", 20), ("c", 30), ("d", 40)] {
        rig.message("t", payload, id);
    }
    rig.forget();
    assert_eq!(rig.acknowledge("b"), Ok(()));
    assert_eq!(rig.acknowledge("c"), Ok(()));
    assert!(rig.packets().is_empty(), "a comes first");
    assert_eq!(rig.acknowledge("b"), Err(Code::Stale), "only once");
    assert_eq!(rig.acknowledge("a"), Ok(()));
    assert_eq!(rig.packets(), ["PUBACK #10", "PUBACK #20", "PUBACK #30"]);
    assert_eq!(rig.acknowledge("a"), Err(Code::Stale));
    assert_eq!(rig.acknowledge("d"), Ok(()));
    assert_eq!(rig.packets(), ["PUBACK #40"]);
    rig.receipts.insert("made up".to_owned(), 99);
    assert_eq!(rig.acknowledge("made up"), Err(Code::InvalidArgument));
}

#[test]
fn p5_an_acknowledgement_of_a_lost_connection_is_stale() {
    let mut rig = Rig::connected(super::rig::kept(|_| {}));
    rig.message("t", "old", 10);
    rig.lose();
    assert_eq!(rig.acknowledge("old"), Err(Code::Stale));
    rig.until_wanted();
    rig.greet(true);
    rig.message("t", "new", 10);
    assert_eq!(rig.acknowledge("old"), Err(Code::Stale));
    rig.forget();
    assert_eq!(rig.acknowledge("new"), Ok(()));
    assert_eq!(rig.packets(), ["PUBACK #10"]);
}

#[test]
fn p5_a_manual_subscription_marks_its_messages() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.try_subscribe("h", "m/#", 1, true, Wait::Forever)
        .expect("accepted");
    rig.suback(1, &[1]);
    rig.subscribed("i", "n");
    for (topic, manual) in [("m/x", true), ("n", false)] {
        let message = super::packets::publish(topic, b"", 5);
        rig.session.received(rig.now, &message);
        let Some(Output::Event(Event::Messages(messages))) = rig.session.poll() else {
            panic!("a message");
        };
        let each: Vec<bool> = messages
            .iter_from(0)
            .map(|it| it.matched().manual)
            .collect();
        assert_eq!(each, [manual]);
    }
}

#[test]
fn p5_what_the_callbacks_have_handled_is_acknowledged_but_for_the_manual_ones() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.try_subscribe("h", "m", 1, true, Wait::Forever)
        .expect("accepted");
    rig.suback(1, &[1]);
    for (topic, payload, id) in [
        ("n", "a", 10),
        ("m", "b", 20),
        ("n", "c", 30),
        ("n", "d", 40),
    ] {
        rig.message(topic, payload, id);
    }
    rig.forget();
    rig.handled("a");
    assert_eq!(rig.packets(), ["PUBACK #10"]);
    rig.handled("c");
    assert!(
        rig.packets().is_empty(),
        "b is the application's, and comes first [MQTT-4.6.0-2]"
    );
    assert_eq!(rig.acknowledge("b"), Ok(()));
    assert_eq!(rig.packets(), ["PUBACK #20", "PUBACK #30"]);
    assert_eq!(rig.acknowledge("c"), Err(Code::Stale));
    rig.lose_and_wait();
    rig.greet(false);
    rig.message("n", "e", 10);
    rig.forget();
    rig.handled("d");
    assert!(
        rig.packets().is_empty(),
        "it came on a connection that is gone"
    );
    rig.handled("e");
    assert_eq!(rig.packets(), ["PUBACK #10"]);
}

#[test]
fn messages_of_one_read_come_together_and_in_order() {
    let mut rig = Rig::connected(config(|_| {}));
    let read: Vec<u8> = ["a/b", "a/b", "c"]
        .iter()
        .zip([b"1", b"2", b"3"])
        .flat_map(|(topic, payload)| super::packets::publish(topic, payload, 0))
        .collect();
    rig.session.received(rig.now, &read);
    assert!(!rig.session.is_pressing(), "more may be read first");
    let first = super::packets::publish("a/b", b"1", 0);
    rig.session.received(rig.now, &first);
    let Some(Output::Event(Event::Messages(mut messages))) = rig.session.poll() else {
        panic!("messages");
    };
    assert_eq!(messages.len(), 4);
    let each = |from| -> Vec<(String, Vec<u8>)> {
        let rest = messages.iter_from(from);
        rest.map(|it| (it.topic().to_owned(), it.payload().to_vec()))
            .collect()
    };
    let expected = [("a/b", b"1"), ("a/b", b"2"), ("c", b"3"), ("a/b", b"1")]
        .map(|(topic, payload)| (topic.to_owned(), payload.to_vec()));
    for from in 0..=4 {
        assert_eq!(each(from), expected[from..]);
    }
    // Their memory serves the next ones.
    messages.clear();
    let kept = messages.capacity();
    rig.session.begin_turn(messages);
    rig.session.received(rig.now, &read);
    let Some(Output::Event(Event::Messages(messages))) = rig.session.poll() else {
        panic!("messages");
    };
    assert_eq!((messages.len(), messages.capacity()), (3, kept));
}

#[test]
fn p8_a_large_message_in_single_bytes() {
    let mut rig = Rig::connected(config(|_| {}));
    let payload = "y".repeat(30);
    for byte in super::packets::publish("a/b", payload.as_bytes(), 7) {
        assert!(rig.events().is_empty());
        rig.receive(&[byte]);
    }
    assert_eq!(rig.events(), [format!("message a/b {payload} for []")]);
}

#[test]
fn memory_for_pieces_is_kept_within_a_turn_and_given_back_behind_it() {
    let mut rig = Rig::connected(config(|_| {}));
    let message = super::packets::publish("a/b", &[b'y'; 100_000], 0);
    let (one, other) = message.split_at(60_000);
    rig.session.begin_turn(Default::default());
    rig.session.received(rig.now, one);
    rig.session.received(rig.now, other);
    assert!(rig.session.partial.capacity() >= 100_000);
    rig.session.received(rig.now, one);
    rig.session.end_turn();
    assert_eq!(rig.session.partial, one, "what has begun to come stays");
    rig.session.received(rig.now, other);
    rig.session.end_turn();
    assert!(rig.session.partial.capacity() <= 4 << 10);
}
