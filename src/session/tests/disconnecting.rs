//! `disconnect` and what it waits for.

use super::rig::{Link, Rig, config, kept};
use crate::error::Code;
use crate::session::{State, Wait};

#[test]
fn mqtt_3_14_4_1_disconnect_is_the_last_packet_and_then_the_link_is_closed() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.stuck = true;
    rig.publish("z", 0);
    rig.disconnect("d");
    assert_eq!((rig.link, rig.state()), (Link::Open, State::Disconnecting));
    rig.unstick();
    assert_eq!(rig.packets(), ["PUBLISH t 0 z", "DISCONNECT"]);
    assert_eq!(
        rig.events(),
        ["done z Ok", "offline Cancelled", "done d Ok"]
    );
    assert_eq!((rig.link, rig.state()), (Link::None, State::Idle));
    rig.advance(100_000);
    assert_eq!(rig.opens, 1, "no connection is wanted");
}

#[test]
fn p1_disconnect_waits_for_what_is_in_flight_and_refuses_new_operations() {
    let mut rig = Rig::connected(config(|config| config.in_flight_window = 1));
    rig.publish("a", 1);
    rig.publish("waiting", 1);
    rig.subscribe("h", "f", 0);
    rig.forget();
    rig.disconnect("d");
    assert!(rig.packets().is_empty());
    let result = rig.try_publish("m", "t", 0, Wait::Forever);
    assert_eq!(result.map_err(|error| error.code), Err(Code::InvalidState));
    rig.puback(1);
    rig.puback(3);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #3 waiting"]);
    rig.suback(2, &[0]);
    assert_eq!(rig.packets(), ["DISCONNECT"]);
}

#[test]
fn p6_disconnect_is_bounded_and_says_how_many_are_left() {
    let mut rig = Rig::connected(config(|config| {
        config.retransmit = std::time::Duration::ZERO
    }));
    rig.publish("a", 1);
    rig.publish("b", 1);
    rig.subscribe("h", "f", 0);
    rig.disconnect("d");
    rig.puback(1);
    for _ in 0..3 {
        rig.forget();
        rig.advance(10_000 - 1);
        rig.receive(&super::packets::PINGRESP);
        assert!(rig.events().is_empty());
        rig.advance(1);
    }
    assert_eq!(rig.packets().last().map(String::as_str), Some("DISCONNECT"));
    assert_eq!(rig.events(), ["offline Cancelled", "done d Ok left 2"]);
}

#[test]
fn mqtt_3_14_4_2_nothing_follows_disconnect() {
    let mut rig = Rig::new(config(|_| {}));
    rig.connect("c", 5);
    rig.greet(false);
    rig.message("f", "in", 7);
    rig.stuck = true;
    rig.disconnect("d");
    rig.advance(12_000);
    assert_eq!(rig.acknowledge("in"), Err(Code::Stale));
    rig.forget();
    rig.unstick();
    assert_eq!(rig.packets(), ["DISCONNECT"], "no PINGREQ, no PUBACK");
    assert_eq!(rig.events(), ["offline Cancelled", "done d Ok"]);
}

#[test]
fn p6_a_disconnect_that_the_link_does_not_take_ends_in_time() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.stuck = true;
    rig.publish("z", 0);
    rig.disconnect("d");
    rig.quiet_for(30_000);
    let expected = ["done z ConnectionLost", "offline Cancelled", "done d Ok"];
    assert_eq!(rig.events(), expected);
}

#[test]
fn p2_disconnect_without_a_connection_is_ok_and_stops_the_attempts() {
    let mut rig = Rig::new(config(|_| {}));
    rig.disconnect("idle");
    assert_eq!(rig.events(), ["done idle Ok"]);
    rig.connect("c", 0);
    rig.disconnect("opening");
    assert_eq!(rig.events(), ["done c Cancelled", "done opening Ok"]);
    assert_eq!(rig.link, Link::None);
    rig.connect("c", 0);
    rig.open();
    rig.disconnect("greeting");
    assert_eq!(rig.events(), ["done c Cancelled", "done greeting Ok"]);
    rig.connect("c", 0);
    rig.greet(false);
    rig.lose();
    rig.forget();
    rig.disconnect("waiting");
    assert_eq!(rig.events(), ["done waiting Ok"]);
    assert_eq!((rig.session.deadline(), rig.opens), (None, 3));
}

#[test]
fn p3_what_is_left_goes_out_after_the_next_connect() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.publish("a", 1);
    rig.disconnect("d");
    rig.lose();
    assert_eq!(rig.events()[1..], ["done d Ok left 1"]);
    rig.connect("c", 0);
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets()[1..], ["PUBLISH t 1 #1 dup a"]);
    rig.puback(1);
    assert_eq!(rig.events().last().map(String::as_str), Some("done a Ok"));
}

#[test]
fn p2_disconnect_twice_is_an_invalid_state() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.publish("a", 1);
    rig.disconnect("d");
    let second = rig.session.disconnect(rig.now, |_| Some("e"));
    assert_eq!(second.map_err(|error| error.code), Err(Code::InvalidState));
    let again = rig.session.reconnect(rig.now);
    assert_eq!(again.map_err(|error| error.code), Err(Code::InvalidState));
}

#[test]
fn p6_a_time_out_lets_the_disconnect_go_on() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.publish_bounded("a", 1);
    rig.disconnect("d");
    rig.forget();
    rig.quiet_for(5_000);
    assert_eq!(rig.packets(), ["DISCONNECT"]);
    assert_eq!(
        rig.events(),
        ["done a Timeout", "offline Cancelled", "done d Ok"]
    );
}
