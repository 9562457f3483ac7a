//! Unsubscribing without an answer: what becomes of the subscription.

use super::packets;
use super::rig::{Rig, config, kept};
use crate::session::Wait;

/// The broker may have done it, and its session then lacks a filter that we still count on.
#[test]
fn p3_a_filter_whose_unsubscribe_had_no_answer_is_asked_for_again() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.subscribed("h", "f");
    rig.subscribed("i", "g");
    rig.unsubscribe("u", "f");
    rig.cancel("u").expect("it is pending");
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #4 f:1"]);
}

/// Subscribed to "f" in a session that the broker keeps, and an UNSUBSCRIBE has left.
fn unsubscribing() -> Rig {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.subscribed("h", "f");
    rig.unsubscribe("u", "f");
    rig
}

#[test]
fn p3_a_filter_is_asked_for_again_whose_unsubscribe_had_left_on_an_earlier_connection() {
    let mut rig = unsubscribing();
    rig.lose_and_wait();
    rig.open();
    rig.stuck = true;
    rig.receive(&packets::connack(true, 0));
    rig.forget();
    rig.cancel("u").expect("it is pending");
    rig.unstick();
    assert_eq!(rig.packets(), ["SUBSCRIBE #3 f:1"]);
}

#[test]
fn p3_a_filter_is_asked_for_again_whose_unsubscribe_had_left_before_it_was_repeated() {
    let mut rig = unsubscribing();
    rig.advance(9_999);
    rig.forget();
    rig.stuck = true;
    rig.advance(1);
    rig.cancel("u").expect("it is pending");
    rig.unstick();
    assert_eq!(rig.packets(), ["PINGREQ", "SUBSCRIBE #3 f:1"]);
}

#[test]
fn p3_a_filter_is_asked_for_again_in_a_new_session_whose_unsubscribe_never_left() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "f");
    rig.stuck = true;
    rig.unsubscribe("u", "f");
    rig.lose_and_wait();
    rig.open();
    rig.forget();
    rig.receive(&packets::connack(false, 0));
    rig.cancel("u").expect("it is pending");
    rig.unstick();
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #3 f:1"]);
}

#[test]
fn p3_an_unsubscribe_that_never_left_says_nothing_about_the_session() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.subscribed("h", "f");
    rig.stuck = true;
    rig.unsubscribe("u", "f");
    rig.cancel("u").expect("it is pending");
    rig.unsubscribe("v", "f");
    rig.lose();
    rig.cancel("v").expect("it is pending");
    rig.stuck = false;
    rig.until_wanted();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets().len(), 1, "CONNECT");
}

#[test]
fn p3_a_filter_is_asked_for_again_whose_unsubscribe_was_refused_by_close() {
    let mut rig = Rig::connected(kept(|config| config.refused_by_close_limit = 2));
    rig.subscribed("h", "f");
    rig.unsubscribe("u", "f");
    rig.lose_and_wait();
    rig.greet(true);
    rig.lose_and_wait();
    assert!(rig.events().contains(&"done u RefusedByClose".to_owned()));
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #3 f:1"]);
}

#[test]
fn p3_a_filter_is_asked_for_again_whose_subscribe_with_another_qos_had_no_answer() {
    for (qos, again) in [(0, true), (1, false)] {
        let mut rig = Rig::connected(kept(|_| {}));
        rig.subscribed("h", "f");
        rig.try_subscribe("i", "f", qos, false, Wait::Bounded)
            .expect("accepted");
        rig.advance(5_000);
        assert_eq!(rig.events(), ["done i Timeout", "released i"]);
        rig.lose_and_wait();
        rig.forget();
        rig.greet(true);
        let expected: &[&str] = if again { &["SUBSCRIBE #3 f:1"] } else { &[] };
        assert_eq!(rig.packets()[1..], *expected);
    }
}
