//! An operation on which the peer closes the connection again and again.

use super::rig::{Rig, config, kept};

#[test]
fn p7_five_closes_on_the_same_oldest_publish_end_it_and_the_rest_goes_on() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.publish("poison", 1);
    rig.publish("good", 1);
    for _ in 0..4 {
        rig.forget();
        rig.lose();
        assert_eq!(rig.events(), ["offline ConnectionLost"]);
        // Failed attempts in between count neither way.
        rig.until_wanted();
        rig.lose_and_wait();
        rig.open();
        rig.receive(&super::packets::connack(false, 3));
        rig.until_wanted();
        rig.greet(true);
    }
    rig.forget();
    rig.lose();
    let expected = ["done poison RefusedByClose", "offline ConnectionLost"];
    assert_eq!(rig.events(), expected);
    rig.until_wanted();
    rig.greet(true);
    assert_eq!(rig.packets()[1..], ["PUBLISH t 1 #2 dup good"]);
    assert_eq!(rig.session.counters().refused_by_close, 1);
}

#[test]
fn p7_an_acknowledgement_in_between_begins_the_count_anew() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.publish("suspect", 1);
    rig.publish("b", 1);
    for round in 0..6 {
        if round == 3 {
            rig.puback(2);
        }
        rig.forget();
        rig.lose_and_wait();
        rig.greet(true);
        assert_eq!(rig.events(), ["offline ConnectionLost", "online present"]);
    }
    rig.lose_and_wait();
    rig.greet(true);
    rig.forget();
    rig.lose();
    assert_eq!(
        rig.events()[0],
        "done suspect RefusedByClose",
        "5 after the acknowledgement"
    );
}

#[test]
fn p7_a_connection_that_we_end_is_no_evidence() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.publish("m", 1);
    for round in 0..8 {
        if round == 4 {
            rig.reconnect();
        } else {
            rig.lose_and_wait();
        }
        rig.greet(true);
    }
    assert!(!rig.events().iter().any(|event| event.contains("Refused")));
}

#[test]
fn p7_limit_0_never_gives_up() {
    let mut rig = Rig::connected(kept(|config| config.refused_by_close_limit = 0));
    rig.publish("m", 1);
    for _ in 0..20 {
        rig.lose_and_wait();
        rig.greet(true);
    }
    rig.puback(1);
    assert_eq!(rig.events().last().map(String::as_str), Some("done m Ok"));
}

#[test]
fn p7_a_filter_of_a_restored_subscription_is_found_and_given_up() {
    let mut rig = Rig::connected(config(|_| {}));
    for (tag, filter) in [("a", "fa"), ("b", "fb"), ("c", "fc")] {
        rig.subscribed(tag, filter);
    }
    rig.lose_and_wait();
    rig.forget();
    rig.greet(false);
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #4 fa:1 fb:1 fc:1"]);
    for id in [5, 8, 11, 14, 17] {
        rig.lose_and_wait();
        rig.forget();
        rig.greet(false);
        // As one of them is under suspicion, each goes alone. The broker grants the first and closes on the second.
        let expected = [
            format!("SUBSCRIBE #{id} fa:1"),
            format!("SUBSCRIBE #{} fb:1", id + 1),
            format!("SUBSCRIBE #{} fc:1", id + 2),
        ];
        assert_eq!(rig.packets()[1..], expected);
        rig.suback(id, &[1]);
        rig.forget();
    }
    rig.lose();
    let expected = [
        "subscription refused fb RefusedByClose",
        "released b",
        "offline ConnectionLost",
    ];
    assert_eq!(rig.events(), expected);
    rig.until_wanted();
    rig.greet(false);
    assert_eq!(rig.packets()[1..], ["SUBSCRIBE #20 fa:1 fc:1"]);
}

#[test]
fn p1_a_disconnect_counts_what_is_left_without_the_poison() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.publish("poison", 1);
    for _ in 0..4 {
        rig.lose_and_wait();
        rig.greet(true);
    }
    rig.disconnect("d");
    rig.forget();
    rig.lose();
    let expected = [
        "done poison RefusedByClose",
        "offline ConnectionLost",
        "done d Ok",
    ];
    assert_eq!(rig.events(), expected);
}
