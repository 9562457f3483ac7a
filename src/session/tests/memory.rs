//! Too little memory for a large packet: nothing panics, and nothing that was accepted is lost.

use super::packets;
use super::rig::{Rig, config};
use crate::session::memory::shortage::Shortage;
use crate::session::{State, Wait};

static LARGE: [u8; 50_000] = [b'x'; 50_000];

fn publish_large(rig: &mut Rig, tag: &'static str, qos: u8) {
    rig.try_publish_bytes(tag, "t", &LARGE, qos, Wait::Forever)
        .expect("accepted");
}

/// The memory that the call has found for what waits is given back, as it is whenever a timer runs.
fn shortage(rig: &mut Rig) -> Shortage {
    rig.session.timeout(rig.now);
    Shortage::of_more_than(10_000)
}

/// The connection ended for want of memory. On the next one there is some, and the publish goes.
fn goes_on_the_next_connection(rig: &mut Rig, shortage: Shortage) {
    assert_eq!(rig.events().last().unwrap(), "offline NoMemory");
    assert_eq!(rig.state(), State::Reconnecting);
    drop(shortage);
    rig.until_wanted();
    rig.forget();
    rig.greet(false);
    let packets = rig.packets();
    assert!(
        packets.last().unwrap().ends_with("(50000 bytes)"),
        "{packets:?}"
    );
}

#[test]
fn p8_what_was_queued_finds_no_memory() {
    for qos in [0, 1] {
        let mut rig = Rig::new(config(|_| {}));
        publish_large(&mut rig, "large", qos);
        rig.connect("c", 0);
        rig.open();
        let shortage = shortage(&mut rig);
        rig.receive(&packets::connack(false, 0));
        goes_on_the_next_connection(&mut rig, shortage);
    }
}

#[test]
fn p8_what_was_queued_waits_for_memory_until_what_is_before_it_has_left() {
    let mut rig = Rig::new(config(|_| {}));
    rig.publish("small", 1);
    publish_large(&mut rig, "large", 1);
    rig.connect("c", 0);
    rig.open();
    rig.forget();
    rig.stuck = true;
    let shortage = shortage(&mut rig);
    rig.receive(&packets::connack(false, 0));
    rig.advance(1_000);
    assert_eq!(rig.state(), State::Draining);
    drop(shortage);
    rig.unstick();
    rig.advance(20);
    assert_eq!(rig.packets().len(), 2);
    assert_eq!(rig.state(), State::Connected);
}

#[test]
fn p8_what_waited_for_the_window_finds_no_memory() {
    let mut rig = Rig::connected(config(|config| config.in_flight_window = 1));
    rig.publish("small", 1);
    publish_large(&mut rig, "large", 1);
    let shortage = shortage(&mut rig);
    rig.puback(1);
    goes_on_the_next_connection(&mut rig, shortage);
}

#[test]
fn p8_what_was_held_back_behind_what_is_sent_again_finds_no_memory() {
    let mut rig = Rig::connected(config(|config| config.send_ahead = 10));
    rig.publish("first", 1);
    rig.publish("second", 1);
    rig.lose_and_wait();
    rig.open();
    rig.forget();
    rig.stuck = true;
    rig.receive(&packets::connack(false, 0));
    publish_large(&mut rig, "large", 0);
    let shortage = shortage(&mut rig);
    rig.unstick();
    let expected = ["done large ConnectionLost", "offline NoMemory"];
    assert_eq!(rig.events()[1..], expected);
    drop(shortage);
    rig.until_wanted();
    rig.greet(false);
}

#[test]
fn p8_what_is_overdue_waits_for_memory() {
    let mut rig = Rig::connected(config(|_| {}));
    publish_large(&mut rig, "large", 1);
    rig.forget();
    let shortage = shortage(&mut rig);
    rig.quiet_for(10_000);
    assert_eq!(rig.packets(), ["PINGREQ"]);
    rig.receive(&packets::PINGRESP);
    drop(shortage);
    rig.quiet_for(10_000);
    assert_eq!(rig.packets().len(), 2, "PUBLISH and PINGREQ");
    rig.puback(1);
    assert_eq!(rig.events(), ["done large Ok"]);
}

/// A QoS 1 message of 50,000 bytes.
fn large_message() -> Vec<u8> {
    packets::publish("in", &LARGE, 1)
}

#[test]
fn p8_a_message_finds_no_memory() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribed("handler", "in");
    for topics in [["in", "other"], ["in", "in"]] {
        let small = packets::publish(topics[1], b"small", 0);
        let shortage = Shortage::of_more_than(10_000);
        rig.receive(&[small, large_message()].concat());
        assert_eq!(rig.events().last().unwrap(), "offline NoMemory");
        drop(shortage);
        rig.until_wanted();
        rig.greet(false);
        rig.forget();
        rig.receive(&large_message());
        assert_eq!(rig.events().len(), 1);
    }
}

#[test]
fn p8_a_message_in_pieces_finds_no_memory() {
    let mut rig = Rig::connected(config(|_| {}));
    let shortage = Shortage::of_more_than(10_000);
    let message = large_message();
    let (first, second) = message.split_at(100);
    rig.receive(first);
    rig.receive(&second[..40_000]);
    assert_eq!(rig.events(), ["offline NoMemory"]);
    drop(shortage);
    rig.until_wanted();
    rig.greet(false);
    rig.forget();
    rig.receive(&message[..40_000]);
    rig.receive(&message[40_000..]);
    assert_eq!(rig.events().len(), 1);
}

#[test]
fn p8_a_message_that_is_held_for_a_suback_finds_no_memory() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribe("handler", "in", 1);
    rig.forget();
    let shortage = Shortage::of_more_than(10_000);
    rig.receive(&large_message());
    assert_eq!(rig.events(), ["offline NoMemory"]);
    drop(shortage);
}

#[test]
fn p8_held_messages_find_no_memory_and_none_overtakes_another() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.subscribe("handler", "in", 1);
    rig.receive(&large_message());
    rig.message("in", "small", 2);
    rig.forget();
    let shortage = Shortage::of_more_than(10_000);
    rig.suback(1, &[1]);
    let expected = ["done handler Ok granted 1", "offline NoMemory"];
    assert_eq!(rig.events(), expected);
    assert_eq!(rig.session.held_bytes(), 0);
    drop(shortage);
}
