//! Sending again on a live connection what is not acknowledged.

use super::packets::PINGRESP;
use super::rig::{Rig, config};

#[test]
fn p6_an_unacknowledged_publish_is_sent_again_after_10_20_and_40_seconds() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.publish("m", 1);
    rig.forget();
    for wait in [10_000, 20_000, 40_000, 80_000] {
        rig.quiet_for(wait);
        assert_eq!(rig.packets(), ["PUBLISH t 1 #1 dup m", "PINGREQ"]);
        rig.receive(&PINGRESP);
    }
    assert_eq!(rig.session.counters().messages_sent, 1);
    rig.puback(1);
    assert_eq!(rig.events(), ["done m Ok"]);
    rig.puback(1);
    assert!(rig.events().is_empty(), "sent twice, acknowledged twice");
    assert_eq!(rig.session.deadline(), None);
}

#[test]
fn p6_subscribe_and_unsubscribe_are_sent_again_with_the_same_identifier() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribe("s", "f", 1);
    rig.unsubscribe("u", "g");
    rig.forget();
    rig.quiet_for(10_000);
    let expected = ["SUBSCRIBE #1 f:1", "UNSUBSCRIBE #2 g", "PINGREQ"];
    assert_eq!(rig.packets(), expected);
}

#[test]
fn p6_nobody_answers_the_ping_that_goes_with_it() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.publish("m", 1);
    rig.advance(10_000);
    rig.forget();
    rig.quiet_for(10_000);
    assert_eq!(rig.events(), ["offline PingTimeout"]);
}

#[test]
fn p6_the_clock_starts_when_the_last_byte_left_and_stands_still_while_output_is_pending() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.stuck = true;
    rig.publish("m", 1);
    rig.advance(60_000);
    rig.take(3);
    rig.advance(60_000);
    rig.unstick();
    rig.forget();
    rig.advance(4_000);
    rig.stuck = true;
    rig.publish("z", 0);
    rig.advance(100_000);
    rig.unstick();
    rig.forget();
    rig.quiet_for(6_000);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #1 dup m", "PINGREQ"]);
}

#[test]
fn p6_the_clock_stands_still_while_reading_is_paused() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.publish("m", 1);
    rig.advance(9_999);
    rig.forget();
    rig.pause(true);
    rig.advance(1_000_000);
    rig.pause(false);
    rig.quiet_for(1);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #1 dup m", "PINGREQ"]);
}

#[test]
fn p6_retransmit_0_sends_nothing_again_and_asks_whether_the_peer_lives() {
    let mut rig = Rig::connected(config(|config| {
        config.retransmit = std::time::Duration::ZERO
    }));
    rig.publish("m", 1);
    rig.forget();
    for _ in 0..3 {
        rig.quiet_for(10_000);
        assert_eq!(rig.packets(), ["PINGREQ"]);
        rig.receive(&PINGRESP);
    }
}

#[test]
fn p4_what_is_sent_again_keeps_its_order_for_the_next_connection() {
    let mut rig = Rig::connected(super::rig::kept(|_| {}));
    rig.publish("a", 1);
    rig.advance(3_000);
    rig.publish("b", 1);
    rig.advance(7_000);
    rig.receive(&PINGRESP);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    let expected = ["PUBLISH t 1 #1 dup a", "PUBLISH t 1 #2 dup b"];
    assert_eq!(rig.packets()[1..], expected);
}

#[test]
fn p6_on_a_new_connection_the_wait_begins_anew_for_requests_too() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribe("s", "f", 1);
    rig.unsubscribe("u", "g");
    rig.publish("m", 1);
    for wait in [10_000, 20_000, 40_000] {
        rig.advance(wait);
        rig.receive(&PINGRESP);
    }
    rig.lose_and_wait();
    rig.greet(false);
    rig.forget();
    rig.quiet_for(10_000);
    let expected = [
        "SUBSCRIBE #1 f:1",
        "UNSUBSCRIBE #2 g",
        "PUBLISH t 1 #3 dup m",
        "PINGREQ",
    ];
    assert_eq!(rig.packets(), expected);
}
