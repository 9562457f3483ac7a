//! The queue on its way to the broker.

use super::rig::{Rig, config, kept, ms};
use crate::session::{Accepted, State, Wait};
use std::time::Duration;

/// The time at which each of the next packets goes out, to the millisecond, counted from now.
fn times(rig: &mut Rig, for_ms: u64) -> Vec<(u64, String)> {
    let mut times = Vec::new();
    for at in 0..=for_ms {
        if at > 0 {
            rig.advance(1);
        }
        times.extend(rig.packets().into_iter().map(|packet| (at, packet)));
    }
    times
}

#[test]
fn p4_one_each_20_ms_the_first_at_once_and_new_operations_go_behind() {
    let mut rig = Rig::new(config(|_| {}));
    for tag in ["a", "b", "c"] {
        rig.publish(tag, 1);
    }
    rig.publish("z", 0);
    rig.connect("c", 0);
    rig.open();
    rig.forget();
    rig.receive(&super::packets::connack(false, 0));
    assert_eq!(rig.state(), State::Draining);
    assert_eq!(rig.publish("new", 0), Accepted::Queued);
    let sent: Vec<_> = times(&mut rig, 100)
        .into_iter()
        .map(|(at, packet)| format!("{at} {packet}"))
        .collect();
    let expected = [
        "0 PUBLISH t 1 #1 a",
        "20 PUBLISH t 1 #2 b",
        "40 PUBLISH t 1 #3 c",
        "60 PUBLISH t 0 z",
        "80 PUBLISH t 0 new",
    ];
    assert_eq!(sent, expected);
    assert_eq!(rig.state(), State::Connected);
    assert_eq!(rig.publish("live", 0), Accepted::Now);
}

#[test]
fn p4_a_late_timer_does_not_make_a_burst() {
    let mut rig = Rig::new(config(|_| {}));
    for _ in 0..10 {
        rig.publish("m", 0);
    }
    rig.connect("c", 0);
    rig.greet(false);
    rig.forget();
    rig.now = rig.now + ms(115);
    rig.session.timeout(rig.now);
    rig.pause(false);
    assert_eq!(rig.packets().len(), 1);
    let sent = times(&mut rig, 20);
    assert_eq!(sent.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [20]);
}

#[test]
fn p4_interval_0_drains_as_fast_as_the_window_allows() {
    let mut rig = Rig::new(config(|config| {
        config.draining_interval = Duration::ZERO;
        config.in_flight_window = 3;
    }));
    for _ in 0..8 {
        rig.publish("m", 1);
    }
    rig.publish("z", 0);
    rig.connect("c", 0);
    rig.greet(false);
    assert_eq!(rig.packets().len(), 1 + 3);
    for id in 1..=4 {
        rig.puback(id);
        assert_eq!(rig.packets().len(), 1);
    }
    assert_eq!(rig.publish("behind", 1), Accepted::Queued);
    rig.puback(5);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #8 m", "PUBLISH t 0 z"]);
    rig.puback(6);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #9 behind"]);
    assert_eq!(rig.state(), State::Connected);
}

#[test]
fn p3_losing_the_connection_in_mid_drain_loses_nothing() {
    let mut rig = Rig::new(kept(|config| config.in_flight_window = 2));
    for tag in ["a", "b", "c", "d", "e"] {
        rig.publish(tag, 1);
    }
    rig.connect("c", 0);
    rig.greet(false);
    rig.advance(60);
    assert_eq!(rig.packets()[1..].len(), 2, "c and d wait for the window");
    rig.lose_and_wait();
    rig.publish("f", 1);
    rig.greet(true);
    rig.forget();
    let mut sent = Vec::new();
    for id in 1..=6 {
        rig.advance(20);
        rig.puback(id);
        sent.extend(rig.packets());
    }
    let expected = ["#3 c", "#4 d", "#5 e", "#6 f"].map(|end| format!("PUBLISH t 1 {end}"));
    assert_eq!(sent, expected);
    let done = rig.events();
    assert_eq!(
        done,
        ["a", "b", "c", "d", "e", "f"].map(|tag| format!("done {tag} Ok"))
    );
}

#[test]
fn p4_only_draining_waits_for_the_subacks() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "f");
    rig.publish("sent", 1);
    rig.lose();
    rig.publish("queued", 1);
    rig.until_wanted();
    rig.forget();
    rig.greet(false);
    let expected = [
        "CONNECT level 4 clean keep alive 0",
        "SUBSCRIBE #3 f:1",
        "PUBLISH t 1 #2 sent",
    ];
    assert_eq!(rig.packets(), expected);
    rig.forget();
    rig.quiet_for(4_000);
    rig.suback(3, &[1]);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #4 queued"]);
}

#[test]
fn p4_draining_waits_for_the_subacks_at_most_the_operation_time_out() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "f");
    rig.lose();
    rig.publish("queued", 1);
    rig.until_wanted();
    rig.greet(false);
    rig.forget();
    rig.quiet_for(5_000);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #3 queued"]);
}

#[test]
fn p4_without_a_queue_nothing_waits_for_the_subacks() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("h", "f");
    rig.lose_and_wait();
    rig.greet(false);
    rig.forget();
    assert_eq!(rig.publish("m", 1), Accepted::Now);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #3 m"]);
}

#[test]
fn p1_disconnect_in_mid_drain_keeps_the_rest() {
    let mut rig = Rig::new(kept(|_| {}));
    for tag in ["a", "b", "c"] {
        rig.publish(tag, 1);
    }
    rig.connect("c", 0);
    rig.greet(false);
    rig.disconnect("d");
    rig.advance(1_000);
    rig.forget();
    rig.puback(1);
    assert_eq!(rig.packets(), ["DISCONNECT"]);
    let expected = ["done a Ok", "offline Cancelled", "done d Ok left 2"];
    assert_eq!(rig.events(), expected);
    rig.connect("c", 0);
    rig.greet(true);
    rig.advance(20);
    assert_eq!(rig.packets()[1..], ["PUBLISH t 1 #2 b", "PUBLISH t 1 #3 c"]);
}

#[test]
fn p1_cancelling_the_last_queued_operation_ends_the_draining() {
    let mut rig = Rig::new(config(|_| {}));
    rig.publish("a", 1);
    rig.publish("b", 1);
    rig.connect("c", 0);
    rig.greet(false);
    assert_eq!(rig.state(), State::Draining);
    assert_eq!(rig.cancel("b"), Ok(()));
    assert_eq!(rig.state(), State::Connected);
    assert_eq!(rig.publish("m", 1), Accepted::Now);
}

#[test]
fn p8_draining_keeps_to_the_memory_limit() {
    for qos in [0, 1] {
        let mut rig = Rig::new(config(|config| config.memory_limit = 30_000));
        rig.connect("c", 0);
        let mut count = 0;
        let mut fill = |rig: &mut Rig| {
            let payload = [b'x'; 1_000];
            while let Ok(accepted) = rig.try_publish_bytes("m", "t", &payload, qos, Wait::Forever) {
                assert_eq!(accepted, Accepted::Queued);
                count += 1;
            }
        };
        fill(&mut rig);
        rig.open();
        rig.stuck = true;
        rig.receive(&super::packets::connack(false, 0));
        rig.advance(60_000);
        fill(&mut rig);
        assert!(rig.session.accepted_bytes() <= 31_000);
        rig.unstick();
        let mut sent = 0;
        for id in 1..=count {
            rig.advance(20);
            sent += rig.packets().len();
            if qos == 1 {
                rig.puback(id);
            }
        }
        assert_eq!(sent, 1 + usize::from(count), "CONNECT and all");
        assert_eq!(rig.session.accepted_bytes(), 0);
    }
}

#[test]
fn p1_a_queued_qos_0_publish_that_is_lost_on_its_way_names_its_topic() {
    let mut rig = Rig::new(config(|_| {}));
    let qos = crate::config::QoS::AtMostOnce;
    rig.session
        .publish(
            rig.now,
            b"some/topic",
            b"m",
            qos,
            false,
            Wait::Forever,
            |_, _| None,
        )
        .expect("accepted");
    rig.connect("c", 0);
    rig.open();
    rig.stuck = true;
    rig.receive(&super::packets::connack(false, 0));
    rig.forget();
    rig.lose();
    let expected = [
        "done nobody ConnectionLost some/topic",
        "offline ConnectionLost",
    ];
    assert_eq!(rig.events(), expected);
}

#[test]
fn p2_queue_size_holds_for_what_waits_for_the_window() {
    let mut rig = Rig::new(config(|config| {
        config.in_flight_window = 1;
        config.queue_size = Some(10);
    }));
    rig.connect("c", 0);
    let mut accepted = 0;
    for _ in 0..3 {
        while rig.try_publish("m", "t", 1, Wait::Forever).is_ok() {
            accepted += 1;
        }
        rig.greet(false);
        rig.advance(5_000);
        rig.lose_and_wait();
    }
    assert_eq!(accepted, 10 + 1);
    assert_eq!((rig.session.queued(), rig.session.in_flight()), (10, 1));
}

#[test]
fn p2_a_publish_behind_what_waits_for_the_window_is_queued() {
    let mut rig = Rig::new(config(|config| config.in_flight_window = 1));
    for _ in 0..100 {
        rig.publish("m", 1);
    }
    rig.connect("c", 0);
    rig.greet(false);
    rig.advance(5_000);
    assert_eq!(rig.state(), State::Draining);
    assert_eq!(rig.publish_bounded("behind", 1), Accepted::Queued);
    rig.forget();
    for id in 1..=101 {
        rig.puback(id);
        rig.advance(20);
    }
    assert_eq!(rig.state(), State::Connected);
    assert_eq!(rig.events().last().unwrap(), "done behind Ok");
}

#[test]
fn p4_a_window_that_has_room_again_does_not_make_a_burst() {
    let mut rig = Rig::new(config(|config| config.in_flight_window = 3));
    for _ in 0..10 {
        rig.publish("m", 1);
    }
    rig.publish("z", 0);
    rig.connect("c", 0);
    rig.greet(false);
    rig.advance(1_000);
    rig.forget();
    let pubacks: Vec<u8> = (1..=3).flat_map(super::packets::puback).collect();
    rig.receive(&pubacks);
    let at: Vec<_> = times(&mut rig, 100).into_iter().map(|(at, _)| at).collect();
    assert_eq!(at, [0, 20, 40]);
}

#[test]
fn p4_a_queued_subscribe_and_a_qos_0_publish_do_not_wait_for_a_full_window() {
    let mut rig = Rig::new(config(|config| config.in_flight_window = 1));
    rig.publish("m", 1);
    rig.subscribe("h", "f", 1);
    rig.publish("z", 0);
    rig.publish("n", 1);
    rig.connect("c", 0);
    rig.greet(false);
    rig.advance(1_000);
    let expected = ["PUBLISH t 1 #1 m", "SUBSCRIBE #2 f:1", "PUBLISH t 0 z"];
    assert_eq!(rig.packets()[1..], expected);
    rig.puback(1);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #3 n"]);
}
