//! Subscribing, unsubscribing, and the subscriptions on a new connection.

use super::rig::{Rig, config, kept};
use crate::config::Protocol;
use crate::session::Wait;

#[test]
fn p4_resubscribed_in_order_eight_filters_a_packet_where_the_broker_has_no_session() {
    let mut rig = Rig::connected(config(|_| {}));
    for filter in ["0", "1", "2", "3", "4", "5", "6", "7", "8"] {
        rig.subscribed("h", filter);
    }
    rig.lose_and_wait();
    rig.forget();
    rig.greet(false);
    let expected = [
        "SUBSCRIBE #10 0:1 1:1 2:1 3:1 4:1 5:1 6:1 7:1",
        "SUBSCRIBE #11 8:1",
    ];
    assert_eq!(rig.packets()[1..], expected);
    rig.suback(11, &[1]);
    rig.suback(10, &[1, 0, 1, 1, 1, 1, 1, 1]);
    assert_eq!(rig.events(), ["online"]);
}

#[test]
fn p4_nothing_is_resubscribed_where_the_broker_kept_the_session() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.subscribed("h", "f");
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets().len(), 1);
}

#[test]
fn p4_over_3_1_a_kept_session_is_resubscribed_and_resent_as_redelivery() {
    let mut rig = Rig::connected(kept(|config| config.protocol = Protocol::V3_1));
    rig.subscribed("h", "f");
    rig.publish("m", 1);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    let expected = ["SUBSCRIBE #3 f:1", "PUBLISH t 1 #2 dup m"];
    assert_eq!(rig.packets()[1..], expected);
}

#[test]
fn p4_a_subscribe_that_was_never_acknowledged_is_always_sent_again() {
    for present in [false, true] {
        let mut rig = Rig::connected(kept(|_| {}));
        rig.subscribe("h", "f", 1);
        rig.unsubscribe("u", "g");
        rig.lose_and_wait();
        rig.forget();
        rig.greet(present);
        assert_eq!(rig.packets()[1..], ["SUBSCRIBE #1 f:1", "UNSUBSCRIBE #2 g"]);
        rig.suback(1, &[1]);
        rig.unsuback(2);
        assert_eq!(rig.events()[1..], ["done h Ok granted 1", "done u Ok"]);
    }
}

/// The session was new on the connection that was lost before SUBACK; so "session present" is true the next time.
#[test]
fn p3_a_restored_subscription_that_was_not_acknowledged_is_asked_for_again() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.subscribed("h", "f");
    rig.subscribed("i", "g");
    rig.lose_and_wait();
    rig.greet(false);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    // Each alone: one of them is under suspicion of having ended the connection.
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #4 f:1", "SUBSCRIBE #5 g:1"]);
    rig.suback(4, &[1]);
    rig.suback(5, &[1]);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets().len(), 1);
}

/// The broker made a new session for a CONNECT whose CONNACK was lost; so "session present" is true the next time.
#[test]
fn p3_a_lost_connack_may_hide_a_lost_session() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.subscribed("h", "f");
    rig.lose_and_wait();
    rig.open();
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #2 f:1"]);
    rig.suback(2, &[1]);
    // A CONNACK that refuses leaves the session alone.
    rig.lose_and_wait();
    rig.open();
    rig.receive(&super::packets::connack(false, 3));
    rig.until_wanted();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets().len(), 1);
}

#[test]
fn p4_a_refused_filter_is_reported_once_dropped_and_not_asked_for_again() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "f");
    rig.subscribed("i", "g");
    rig.lose_and_wait();
    rig.greet(false);
    rig.forget();
    rig.suback(3, &[0x80, 1]);
    let expected = ["subscription refused f SubscribeRefused", "released h"];
    assert_eq!(rig.events(), expected);
    rig.message("f", "m", 0);
    assert_eq!(rig.events(), ["message f m for []"]);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(false);
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #4 g:1"]);
}

#[test]
fn p2_a_refused_subscribe_ends_with_its_code_and_releases_the_handler() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribe("h", "f", 1);
    rig.suback(1, &[0x80]);
    assert_eq!(rig.events(), ["done h SubscribeRefused", "released h"]);
}

#[test]
fn mqtt_3_8_4_5_a_suback_has_a_code_for_each_filter() {
    for codes in [&[1, 1][..], &[2]] {
        let mut rig = Rig::connected(config(|_| {}));
        rig.subscribe("h", "f", 1);
        rig.suback(1, codes);
        assert_eq!(rig.events(), ["offline Protocol"]);
    }
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "f");
    rig.subscribed("i", "g");
    rig.lose_and_wait();
    rig.greet(false);
    rig.forget();
    rig.suback(3, &[1]);
    assert_eq!(rig.events(), ["offline Protocol"]);
}

#[test]
fn p2_subscribing_again_replaces_the_handler_keeps_its_place_and_releases_the_old_one_once() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("first", "f/+");
    rig.subscribed("second", "f/#");
    rig.subscribe("third", "f/+", 0);
    rig.message("f/x", "before", 0);
    assert_eq!(
        rig.events(),
        ["message f/x before for [\"first\", \"second\"]"]
    );
    rig.suback(3, &[0]);
    let expected = ["done third Ok granted 0", "released first"];
    assert_eq!(rig.events(), expected);
    rig.message("f/x", "after", 0);
    assert_eq!(
        rig.events(),
        ["message f/x after for [\"third\", \"second\"]"]
    );
    rig.lose_and_wait();
    rig.forget();
    rig.greet(false);
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #4 f/+:0 f/#:1"]);
}

#[test]
fn p1_unsubscribe_releases_the_handler_once() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "f");
    rig.unsubscribe("u", "f");
    assert_eq!(rig.packets(), ["UNSUBSCRIBE #2 f"]);
    rig.message("f", "still", 0);
    rig.unsuback(2);
    rig.unsuback(2);
    rig.message("f", "no more", 0);
    let expected = [
        "message f still for [\"h\"]",
        "done u Ok",
        "released h",
        "message f no more for []",
    ];
    assert_eq!(rig.events(), expected);
    rig.shut_down();
    assert_eq!(rig.events(), ["offline Cancelled"]);
}

#[test]
fn p3_a_filter_that_is_being_unsubscribed_is_not_resubscribed() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "f");
    rig.unsubscribe("u", "f");
    rig.lose_and_wait();
    rig.forget();
    rig.greet(false);
    assert_eq!(rig.packets()[1..], ["UNSUBSCRIBE #2 f"]);
}

#[test]
fn p6_a_subscribe_times_out_and_leaves_nothing_behind() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.try_subscribe("h", "f", 1, false, Wait::Bounded)
        .expect("accepted");
    rig.forget();
    rig.quiet_for(5_000);
    assert_eq!(rig.events(), ["done h Timeout", "released h"]);
    rig.suback(1, &[1]);
    rig.message("f", "m", 0);
    assert_eq!(rig.events(), ["message f m for []"]);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(false);
    assert_eq!(rig.packets().len(), 1);
}

/// An UNSUBSCRIBE that is sent again must not undo the SUBSCRIBE behind it.
#[test]
fn p3_requests_for_one_filter_go_one_after_the_other() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.subscribed("h", "f");
    rig.unsubscribe("u", "f");
    rig.subscribe("i", "f", 1);
    rig.unsubscribe("v", "f");
    rig.subscribe("j", "g", 1);
    assert_eq!(rig.packets(), ["UNSUBSCRIBE #2 f", "SUBSCRIBE #3 g:1"]);
    rig.unsuback(2);
    assert_eq!(rig.packets(), ["SUBSCRIBE #4 f:1"]);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #3 g:1", "SUBSCRIBE #4 f:1"]);
    rig.suback(4, &[1]);
    assert_eq!(rig.packets(), ["UNSUBSCRIBE #5 f"]);
}

/// A SUBSCRIBE of restored filters is overdue and sent again: it must not undo an UNSUBSCRIBE.
#[test]
fn p4_an_unsubscribe_waits_until_its_filter_is_restored() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "f");
    rig.subscribed("i", "g");
    rig.lose_and_wait();
    rig.greet(false);
    rig.unsubscribe("u", "f");
    rig.forget();
    rig.quiet_for(10_000);
    assert_eq!(rig.packets(), ["SUBSCRIBE #3 f:1 g:1", "PINGREQ"]);
    rig.suback(3, &[1, 1]);
    assert_eq!(rig.packets(), ["UNSUBSCRIBE #4 f"]);
}

#[test]
fn p6_as_many_timed_out_requests_as_may_be_under_way_close_the_connection() {
    let mut rig = Rig::connected(config(|_| {}));
    let filters: Vec<String> = (0..100).map(|number| format!("f/{number}")).collect();
    for filter in &filters {
        rig.try_subscribe("h", filter, 1, false, Wait::Bounded)
            .expect("accepted");
    }
    rig.forget();
    rig.advance(5_000);
    let events = rig.events();
    assert_eq!(events[0], "done h Timeout");
    assert!(
        events.iter().any(|event| event == "offline Timeout"),
        "else no SUBSCRIBE would go out any more: {events:?}"
    );
    rig.until_wanted();
    rig.forget();
    rig.greet(false);
    rig.subscribe("later", "g", 1);
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #101 g:1"]);
}

#[test]
fn p4_everything_is_resubscribed_at_a_broker_that_may_have_another_session() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.subscribed("h", "f");
    rig.disconnect("d");
    rig.session.forget_broker();
    rig.connect("c", 0);
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #2 f:1"]);
    rig.suback(2, &[1]);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets().len(), 1, "this one is known again");
}
