//! The offline queue.

use super::rig::{Rig, config, kept};
use crate::config::DropBehavior;
use crate::error::{Code, Error};
use crate::session::{Accepted, Wait};

fn code(result: Result<Accepted, Error>) -> Result<Accepted, Code> {
    result.map_err(|error| error.code)
}

fn limited(size: Option<usize>, drop_behavior: DropBehavior) -> Rig {
    Rig::new(config(|config| {
        config.queue_size = size;
        config.drop_behavior = drop_behavior;
    }))
}

#[test]
fn p2_queue_size_0_refuses_without_a_connection_and_not_with_one() {
    let mut rig = limited(Some(0), DropBehavior::Newest);
    let result = rig.try_publish("m", "t", 1, Wait::Forever);
    assert_eq!(code(result), Err(Code::QueueDisabled));
    rig.connect("c", 0);
    rig.greet(false);
    assert_eq!(rig.publish("m", 1), Accepted::Now);
}

#[test]
fn p2_queue_size_0_refuses_while_what_was_queued_before_is_sent() {
    let mut rig = limited(None, DropBehavior::Newest);
    rig.publish("a", 1);
    rig.publish("b", 1);
    rig.session
        .configure(config(|config| config.queue_size = Some(0)));
    rig.connect("c", 0);
    rig.greet(false);
    let why = rig.try_publish("m", "t", 1, Wait::Forever).unwrap_err();
    assert_eq!(why.code, Code::QueueDisabled);
    assert!(
        why.detail
            .ends_with("what was queued before is still being sent")
    );
    rig.advance(20);
    assert_eq!(rig.publish("m", 1), Accepted::Now);
}

#[test]
fn p2_drop_newest_refuses_the_next_one() {
    let mut rig = limited(Some(2), DropBehavior::Newest);
    assert_eq!(rig.publish("a", 1), Accepted::Queued);
    assert_eq!(rig.publish("b", 0), Accepted::Queued);
    for qos in [0, 1] {
        let result = rig.try_publish("c", "t", qos, Wait::Forever);
        assert_eq!(code(result), Err(Code::QueueFull));
    }
    assert!(rig.events().is_empty(), "nothing has changed");
    assert_eq!(rig.session.queued(), 2);
}

#[test]
fn p2_drop_oldest_evicts_the_oldest_queued_publish_and_never_a_subscribe() {
    let mut rig = limited(Some(3), DropBehavior::Oldest);
    rig.subscribe("s", "f", 1);
    rig.publish("a", 1);
    rig.publish("b", 0);
    assert_eq!(rig.publish("c", 1), Accepted::Queued);
    assert_eq!(rig.events(), ["done a Dropped"]);
    rig.subscribe("s2", "g", 1);
    assert_eq!(rig.events(), ["done b Dropped"]);
    rig.unsubscribe("u", "h");
    assert_eq!(rig.events(), ["done c Dropped"]);
    let result = rig.try_publish("d", "t", 1, Wait::Forever);
    assert_eq!(code(result), Err(Code::QueueFull), "no publish to evict");
}

#[test]
fn p2_what_was_put_on_a_connection_is_never_evicted() {
    let mut rig = Rig::connected(kept(|config| {
        config.queue_size = Some(1);
        config.drop_behavior = DropBehavior::Oldest;
        config.in_flight_window = 1;
    }));
    rig.publish("sent", 1);
    rig.publish("waiting", 1);
    rig.lose();
    rig.publish("queued", 1);
    rig.forget();
    rig.publish("next", 1);
    assert_eq!(rig.events(), ["done queued Dropped"]);
    rig.until_wanted();
    rig.greet(true);
    rig.forget();
    rig.puback(1);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #2 waiting"]);
    rig.puback(2);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #3 next"]);
}

#[test]
fn p1_an_outcome_of_a_queued_operation_nobody_waits_for_names_its_topic() {
    let mut rig = limited(Some(1), DropBehavior::Oldest);
    for payload in [b"a", b"b"] {
        rig.session
            .publish(
                rig.now,
                b"some/topic",
                payload,
                crate::config::QoS::AtLeastOnce,
                false,
                Wait::Bounded,
                |_, _| None,
            )
            .expect("accepted");
    }
    rig.pause(false);
    assert_eq!(rig.events(), ["done nobody Dropped some/topic"]);
}

#[test]
fn p1_the_queue_survives_disconnect_and_connect_and_ends_with_shut_down() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.lose();
    rig.publish("a", 1);
    rig.subscribe("h", "f", 1);
    rig.forget();
    rig.disconnect("d");
    assert_eq!(rig.events(), ["done d Ok left 2"]);
    rig.publish("b", 0);
    rig.connect("c", 0);
    rig.greet(true);
    rig.advance(40);
    let expected = ["PUBLISH t 1 #1 a", "SUBSCRIBE #2 f:1", "PUBLISH t 0 b"];
    assert_eq!(rig.packets()[1..], expected);
    rig.disconnect("d");
    rig.lose();
    rig.publish("c", 1);
    rig.forget();
    rig.shut_down();
    let expected = [
        "done a Cancelled",
        "done h Cancelled",
        "released h",
        "done c Cancelled",
    ];
    assert_eq!(rig.events(), expected);
    assert_eq!(rig.session.accepted_bytes(), 0);
    assert_eq!(rig.session.deadline(), None);
    let result = rig.try_publish("d", "t", 1, Wait::Forever);
    assert_eq!(code(result), Err(Code::InvalidState));
}

#[test]
fn p1_shut_down_ends_everything_as_cancelled_in_every_place() {
    let mut rig = Rig::connected(config(|config| config.in_flight_window = 1));
    rig.subscribed("granted", "g");
    rig.publish_bounded("sent", 1);
    rig.publish("waiting", 1);
    rig.stuck = true;
    rig.publish("qos0", 0);
    rig.subscribe("asking", "f", 1);
    rig.disconnect("disconnect");
    rig.forget();
    rig.shut_down();
    let mut events = rig.events();
    events.sort();
    let expected = [
        "done asking Cancelled",
        "done disconnect Cancelled",
        "done qos0 Cancelled",
        "done sent Cancelled",
        "done waiting Cancelled",
        "offline Cancelled",
        "released asking",
        "released granted",
    ];
    assert_eq!(events, expected);
    assert_eq!(rig.session.deadline(), None);
    rig.shut_down();
    assert!(rig.events().is_empty());
}

#[test]
fn p2_a_queued_operation_has_no_time_out() {
    let mut rig = Rig::new(config(|_| {}));
    assert_eq!(rig.publish_bounded("m", 1), Accepted::Queued);
    rig.advance(100_000);
    assert!(rig.events().is_empty());
}

#[test]
fn p8_the_memory_limit_holds_for_the_queue_too() {
    let mut rig = Rig::new(config(|config| config.memory_limit = 1_000));
    let mut count = 0;
    while rig.try_publish("m", "t", 0, Wait::Forever).is_ok() {
        count += 1;
    }
    assert_eq!(
        count, 9,
        "each is counted with what it costs beside its bytes"
    );
    assert!(rig.session.accepted_bytes() <= 1_000);
}
