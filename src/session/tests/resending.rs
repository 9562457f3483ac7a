//! What was in flight goes again in steps.

use super::rig::{Rig, config, kept};
use crate::config::SessionConfig;
use crate::session::{Accepted, State, Wait};

/// A session of which each step is one packet, with these publishes in flight on a connection that is lost. The next one takes no bytes.
fn interrupted(tags: &[&'static str], change: impl FnOnce(&mut SessionConfig)) -> Rig {
    let mut rig = Rig::connected(kept(|config| {
        config.send_ahead = 1;
        change(config);
    }));
    for tag in tags {
        rig.publish(tag, 1);
    }
    rig.lose_and_wait();
    rig.stuck = true;
    rig
}

/// The broker accepts, and the link has taken CONNECT.
fn accept(rig: &mut Rig, session_present: bool) {
    rig.greet(session_present);
    let connect = rig.session.outgoing()[1] as usize + 2;
    rig.take(connect);
    rig.forget();
}

/// The link takes what there is, once.
fn step(rig: &mut Rig) -> Vec<String> {
    rig.take(rig.session.outgoing().len());
    rig.packets()
}

#[test]
fn p8_ten_thousand_large_publishes_are_sent_again_with_a_small_buffer() {
    const COUNT: usize = 10_000;
    let payload = [b'.'; 10 << 10];
    let mut rig = Rig::connected(kept(|config| {
        config.in_flight_window = COUNT as u16;
        config.memory_limit = 256 << 20;
    }));
    for _ in 0..COUNT {
        rig.try_publish_bytes("m", "t", &payload, 1, Wait::Forever)
            .expect("accepted");
        rig.forget();
    }
    rig.lose_and_wait();
    rig.stuck = true;
    rig.greet(true);
    let mut next = 1;
    while !rig.session.outgoing().is_empty() {
        assert!(rig.session.outgoing_bytes() < (64 + 11) << 10);
        assert!(rig.session.outgoing.capacity() <= 512 << 10);
        rig.take(7_000);
        for packet in rig.packets() {
            if packet.starts_with("PUBLISH") {
                let expected = format!("PUBLISH t 1 #{next} dup ");
                assert!(packet.starts_with(&expected), "{next}");
                next += 1;
            }
        }
    }
    assert_eq!(next, COUNT + 1);
    assert_eq!(rig.session.in_flight(), COUNT);
}

#[test]
fn p4_in_the_order_in_which_it_was_sent_and_nothing_overtakes_it() {
    let mut rig = interrupted(&["a", "b", "c"], |_| {});
    accept(&mut rig, true);
    assert_eq!(rig.publish("new", 1), Accepted::Now);
    assert_eq!(rig.publish("z", 0), Accepted::Now);
    rig.subscribe("s", "f", 1);
    assert_eq!(rig.session.in_flight(), 5);
    let mut sent = Vec::new();
    for expected in ["#1 dup a", "#2 dup b", "#3 dup c"] {
        assert!(rig.events().is_empty());
        sent = step(&mut rig);
        assert_eq!(sent[0], format!("PUBLISH t 1 {expected}"));
    }
    sent.remove(0);
    sent.extend(step(&mut rig));
    let expected = ["PUBLISH t 0 z", "SUBSCRIBE #4 f:1", "PUBLISH t 1 #5 new"];
    assert_eq!(sent, expected);
    assert_eq!(rig.events(), ["done z Ok"]);
}

#[test]
fn p4_the_queue_waits_for_it() {
    let mut rig = interrupted(&["a", "b"], |config| {
        config.draining_interval = std::time::Duration::ZERO;
    });
    rig.publish("queued", 1);
    accept(&mut rig, true);
    assert_eq!(rig.state(), State::Draining);
    assert_eq!(rig.session.deadline(), None, "nothing is due before");
    assert_eq!(rig.publish("behind", 0), Accepted::Queued);
    rig.unstick();
    let expected = ["1 #1 dup a", "1 #2 dup b", "1 #3 queued", "0 behind"];
    assert_eq!(
        rig.packets(),
        expected.map(|packet| format!("PUBLISH t {packet}"))
    );
}

#[test]
fn p3_another_connection_lost_in_the_middle_loses_nothing() {
    let mut rig = interrupted(&["a", "b", "c"], |_| {});
    accept(&mut rig, true);
    rig.publish("d", 1);
    assert_eq!(step(&mut rig), ["PUBLISH t 1 #1 dup a"]);
    rig.lose_and_wait();
    accept(&mut rig, false);
    assert_eq!(step(&mut rig), ["PUBLISH t 1 #1 a"], "a new session");
    rig.lose_and_wait();
    accept(&mut rig, true);
    rig.unstick();
    // Of b and c no byte left since the broker lost its session.
    let expected = ["#1 dup a", "#2 b", "#3 c", "#4 d"];
    assert_eq!(
        rig.packets(),
        expected.map(|packet| format!("PUBLISH t 1 {packet}"))
    );
    for id in 1..=4 {
        rig.puback(id);
    }
    let expected = ["done a Ok", "done b Ok", "done c Ok", "done d Ok"];
    assert_eq!(rig.events(), expected, "each once");
}

#[test]
fn p1_acknowledged_before_it_is_sent_again() {
    let mut rig = interrupted(&["a", "b", "c", "d"], |_| {});
    accept(&mut rig, true);
    assert_eq!(step(&mut rig), ["PUBLISH t 1 #1 dup a"]);
    // The one that is on its way, and one that waits.
    rig.puback(1);
    rig.puback(3);
    assert_eq!(rig.events(), ["done a Ok", "done c Ok"]);
    rig.unstick();
    let expected = ["PUBLISH t 1 #2 dup b", "PUBLISH t 1 #4 dup d"];
    assert_eq!(rig.packets(), expected);
    rig.puback(3);
    assert!(rig.events().is_empty(), "once");
}

#[test]
fn p1_what_a_new_session_cannot_know_is_not_acknowledged_before_it_is_sent() {
    let mut rig = interrupted(&["a", "b"], |_| {});
    accept(&mut rig, false);
    rig.puback(2);
    assert!(rig.events().is_empty());
    rig.unstick();
    let expected = ["PUBLISH t 1 #1 a", "PUBLISH t 1 #2 b"];
    assert_eq!(rig.packets(), expected);
}

#[test]
fn p6_what_ends_before_its_turn_is_not_sent_again() {
    let mut rig = Rig::connected(kept(|config| config.send_ahead = 1));
    for tag in ["a", "b", "c", "d"] {
        rig.publish_bounded(tag, 1);
    }
    rig.lose_and_wait();
    rig.stuck = true;
    accept(&mut rig, true);
    assert_eq!(rig.cancel("c"), Ok(()));
    assert_eq!(rig.events(), ["done c Cancelled"]);
    assert_eq!(rig.publish("new", 1), Accepted::Now);
    rig.advance(5_000);
    let expected = ["done a Timeout", "done b Timeout", "done d Timeout"];
    assert_eq!(rig.events(), expected);
    rig.unstick();
    // a had been copied and had not begun to leave.
    assert_eq!(rig.packets(), ["PUBLISH t 1 #5 new"]);
}

#[test]
fn p1_a_qos_0_publish_behind_it_has_its_outcome() {
    let mut rig = interrupted(&["a", "b"], |_| {});
    accept(&mut rig, true);
    rig.publish("cancelled", 0);
    rig.publish("lost", 0);
    assert_eq!(rig.cancel("cancelled"), Ok(()));
    assert_eq!(rig.events(), ["done cancelled Cancelled"]);
    rig.lose();
    let expected = ["done lost ConnectionLost", "offline ConnectionLost"];
    assert_eq!(rig.events(), expected);
    rig.until_wanted();
    accept(&mut rig, true);
    rig.unstick();
    assert_eq!(rig.packets().len(), 2);
    rig.puback(1);
    rig.puback(2);
    assert_eq!(rig.session.accepted_bytes(), 0);
}

#[test]
fn p2_a_qos_0_publish_goes_also_where_nothing_is_left_to_send_again() {
    let mut rig = interrupted(&["a", "b"], |_| {});
    accept(&mut rig, true);
    rig.publish("z", 0);
    assert_eq!(rig.cancel("b"), Ok(()));
    rig.unstick();
    assert_eq!(rig.packets(), ["PUBLISH t 1 #1 dup a", "PUBLISH t 0 z"]);
    assert_eq!(rig.events(), ["done b Cancelled", "done z Ok"]);
}

#[test]
fn p4_a_window_that_was_lowered_holds_for_it() {
    let mut rig = Rig::connected(kept(|_| {}));
    for tag in ["a", "b", "c", "d"] {
        rig.publish(tag, 1);
    }
    rig.lose_and_wait();
    rig.session
        .configure(kept(|config| config.in_flight_window = 2));
    rig.greet(true);
    rig.forget();
    rig.publish("new", 1);
    rig.publish("z", 0);
    assert_eq!(rig.packets(), ["PUBLISH t 0 z"], "it needs no window");
    rig.puback(1);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #3 dup c"]);
    rig.puback(2);
    rig.puback(3);
    let expected = ["PUBLISH t 1 #4 dup d", "PUBLISH t 1 #5 new"];
    assert_eq!(rig.packets(), expected);
}

#[test]
fn p1_disconnect_waits_for_it() {
    let mut rig = interrupted(&["a", "b"], |_| {});
    accept(&mut rig, true);
    rig.disconnect("d");
    rig.unstick();
    let expected = ["PUBLISH t 1 #1 dup a", "PUBLISH t 1 #2 dup b"];
    assert_eq!(rig.packets(), expected);
    rig.puback(1);
    rig.puback(2);
    assert_eq!(rig.packets(), ["DISCONNECT"]);
}

#[test]
fn p6_what_is_overdue_goes_in_steps_too() {
    let mut rig = Rig::connected(config(|config| config.send_ahead = 1));
    for tag in ["a", "b", "c"] {
        rig.publish(tag, 1);
    }
    rig.advance(9_999);
    rig.forget();
    rig.stuck = true;
    rig.advance(1_000);
    assert_eq!(step(&mut rig), ["PUBLISH t 1 #1 dup a", "PINGREQ"]);
    rig.stuck = false;
    rig.advance(0);
    let expected = ["PUBLISH t 1 #2 dup b", "PUBLISH t 1 #3 dup c"];
    assert_eq!(rig.packets(), expected);
    rig.receive(&super::packets::PINGRESP);
    rig.quiet_for(20_000);
}
