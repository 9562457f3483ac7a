//! Publishing, the window, re-sending on a new connection, time-outs and cancelling.

use super::packets;
use super::rig::{MS, Rig, config, kept};
use crate::error::Code;
use crate::session::{Accepted, Wait};

#[test]
fn p2_ok_means_acknowledged() {
    let mut rig = Rig::connected(config(|_| {}));
    assert_eq!(rig.publish("m", 1), Accepted::Now);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #1 m"]);
    assert!(rig.events().is_empty());
    rig.puback(1);
    assert_eq!(rig.events(), ["done m Ok"]);
    assert_eq!(rig.session.accepted_bytes(), 0);
}

#[test]
fn p2_a_qos_0_publish_is_complete_when_the_link_took_its_last_byte() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.stuck = true;
    rig.publish("m", 0);
    rig.publish("n", 0);
    let each = rig.session.outgoing().len() / 2;
    rig.take(each - 1);
    assert!(rig.events().is_empty());
    rig.take(1);
    assert_eq!(rig.events(), ["done m Ok"]);
    rig.take(each);
    assert_eq!(rig.events(), ["done n Ok"]);
    assert_eq!(rig.session.accepted_bytes(), 0);
}

#[test]
fn p1_a_qos_0_publish_that_did_not_leave_ends_with_the_connection() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.stuck = true;
    rig.publish("m", 0);
    rig.take(3);
    rig.lose();
    assert_eq!(
        rig.events(),
        ["done m ConnectionLost", "offline ConnectionLost"]
    );
    assert_eq!(rig.session.accepted_bytes(), 0);
}

#[test]
fn p3_mqtt_4_4_0_1_resent_with_dup_same_id_same_order_where_the_session_was_kept() {
    let mut rig = Rig::connected(kept(|_| {}));
    for tag in ["a", "b", "c"] {
        rig.publish(tag, 1);
    }
    rig.puback(2);
    rig.forget();
    rig.lose_and_wait();
    rig.greet(true);
    let expected = [
        "CONNECT level 4 keep keep alive 0",
        "PUBLISH t 1 #1 dup a",
        "PUBLISH t 1 #3 dup c",
    ];
    assert_eq!(rig.packets(), expected);
    rig.puback(3);
    rig.puback(1);
    assert_eq!(rig.events()[2..], ["done c Ok", "done a Ok"]);
}

#[test]
fn p3_resent_as_new_where_the_broker_forgot_the_session() {
    for session in [kept(|_| {}), config(|_| {})] {
        let mut rig = Rig::connected(session);
        rig.publish("a", 1);
        rig.publish("b", 1);
        rig.forget();
        rig.lose_and_wait();
        rig.greet(false);
        let packets = rig.packets();
        assert_eq!(packets[1..], ["PUBLISH t 1 #1 a", "PUBLISH t 1 #2 b"]);
        rig.lose_and_wait();
    }
}

#[test]
fn mqtt_3_3_1_1_dup_only_for_what_had_begun_to_leave() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.stuck = true;
    rig.publish("a", 1);
    rig.publish("b", 1);
    rig.take(1);
    rig.lose_and_wait();
    rig.stuck = false;
    rig.greet(true);
    assert_eq!(
        rig.packets()[1..],
        ["PUBLISH t 1 #1 dup a", "PUBLISH t 1 #2 b"]
    );
}

/// An attempt whose CONNECT is longer than the last one's says nothing about packets of the last connection.
#[test]
fn mqtt_3_3_1_1_a_failed_attempt_makes_no_duplicate() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.stuck = true;
    rig.publish("a", 1);
    rig.lose_and_wait();
    rig.stuck = false;
    let mut longer = kept(|_| {});
    longer.client_id = "a longer client id than the first one".to_owned();
    rig.session.configure(longer);
    rig.open();
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets()[1..], ["PUBLISH t 1 #1 a"]);
}

#[test]
fn p8_a_hundred_in_flight_and_the_next_one_waits() {
    let mut rig = Rig::connected(config(|_| {}));
    for _ in 0..101 {
        rig.publish("m", 1);
    }
    assert_eq!(rig.packets().len(), 100);
    rig.publish("z", 0);
    assert_eq!(rig.packets(), ["PUBLISH t 0 z"], "QoS 0 does not wait");
    rig.puback(57);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #101 m"]);
}

#[test]
fn mqtt_2_3_1_2_seventy_thousand_at_once_wait_and_do_not_collide() {
    let mut rig = Rig::connected(config(|config| config.in_flight_window = u16::MAX));
    for _ in 0..70_000 {
        rig.session
            .publish(
                rig.now,
                b"t",
                b"",
                crate::config::QoS::AtLeastOnce,
                false,
                Wait::Forever,
                |_, _| Some("m"),
            )
            .expect("accepted");
    }
    rig.publish("last", 1);
    let mut taken = vec![false; 65_536];
    let packets = rig.packets();
    assert_eq!(packets.len(), 65_535);
    for packet in packets {
        let id = packet.split('#').nth(1).and_then(|id| id.split(' ').next());
        let id: usize = id.and_then(|id| id.parse().ok()).expect("an id");
        assert!(!std::mem::replace(&mut taken[id], true), "{id} twice");
    }
    rig.subscribe("s", "f", 1);
    assert_eq!(rig.packets(), Vec::<String>::new(), "no identifier is free");
    rig.puback(40_000);
    assert_eq!(rig.packets(), ["SUBSCRIBE #40000 f:1"]);
    for id in 1..=65_535 {
        rig.puback(id);
    }
    assert_eq!(rig.packets().len(), 70_001 - 65_535);
}

/// The subscriptions come back as soon as identifiers are free.
#[test]
fn p4_resubscribing_waits_for_an_identifier_where_all_are_taken() {
    let mut rig = Rig::connected(config(|config| config.in_flight_window = u16::MAX));
    rig.subscribed("h", "f");
    for _ in 0..65_535 {
        rig.publish("m", 1);
    }
    rig.lose_and_wait();
    rig.forget();
    rig.greet(false);
    assert_eq!(rig.packets().len(), 1 + 65_535);
    rig.puback(700);
    assert_eq!(rig.packets(), ["SUBSCRIBE #700 f:1"]);
}

#[test]
fn p6_a_synchronous_publish_times_out_to_the_millisecond_and_is_not_sent_again() {
    let mut rig = Rig::connected(config(|config| config.in_flight_window = 2));
    rig.publish_bounded("m", 1);
    rig.forget();
    rig.quiet_for(5_000);
    assert_eq!(rig.events(), ["done m Timeout"]);
    assert_eq!(rig.session.accepted_bytes(), 0);
    rig.advance(60_000);
    assert_eq!(rig.packets(), Vec::<String>::new(), "a zombie");
    // The identifier and its place in the window stay taken.
    rig.publish("n", 1);
    rig.publish("o", 1);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #2 n"]);
    rig.puback(1);
    assert_eq!(rig.packets(), ["PUBLISH t 1 #3 o"]);
    assert!(rig.events().is_empty(), "its outcome was the time-out");
}

#[test]
fn p6_after_a_time_out_nothing_is_sent_again_on_the_next_connection() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.publish_bounded("m", 1);
    rig.advance(5_000);
    rig.lose_and_wait();
    rig.forget();
    rig.greet(true);
    assert_eq!(rig.packets(), ["CONNECT level 4 keep keep alive 0"]);
}

#[test]
fn p6_a_synchronous_publish_waits_on_across_a_reconnection_until_its_own_deadline() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.publish_bounded("m", 1);
    rig.advance(1_000);
    rig.lose_and_wait();
    rig.greet(true);
    rig.forget();
    rig.publish_bounded("n", 1);
    rig.forget();
    rig.go_to(crate::time::Instant(5_000 * MS - 1));
    assert!(rig.events().is_empty());
    rig.go_to(crate::time::Instant(5_000 * MS));
    assert_eq!(rig.events(), ["done m Timeout"]);
    rig.puback(2);
    assert_eq!(rig.events(), ["done n Ok"]);
}

#[test]
fn p6_what_had_not_begun_to_leave_is_cut_out_of_the_outgoing_bytes() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.stuck = true;
    rig.publish("a", 1);
    rig.publish_bounded("b", 1);
    rig.publish("c", 0);
    rig.publish("d", 1);
    rig.take(1);
    rig.advance(5_000);
    assert_eq!(rig.events(), ["done b Timeout"]);
    rig.unstick();
    let expected = ["PUBLISH t 1 #1 a", "PUBLISH t 0 c", "PUBLISH t 1 #3 d"];
    assert_eq!(rig.packets(), expected);
    assert_eq!(rig.events(), ["done c Ok"]);
    rig.puback(1);
    rig.puback(3);
    assert_eq!(rig.events(), ["done a Ok", "done d Ok"]);
    assert_eq!(rig.session.accepted_bytes(), 0);
}

#[test]
fn p6_a_packet_whose_first_byte_left_is_finished() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.stuck = true;
    rig.publish_bounded("b", 1);
    rig.take(1);
    rig.advance(5_000);
    assert_eq!(rig.events(), ["done b Timeout"]);
    rig.unstick();
    assert_eq!(rig.packets(), ["PUBLISH t 1 #1 b"]);
}

#[test]
fn p6_a_window_full_of_timed_out_identifiers_closes_the_connection() {
    let mut rig = Rig::connected(config(|config| config.in_flight_window = 2));
    rig.publish_bounded("a", 1);
    rig.publish_bounded("b", 1);
    rig.publish("c", 1);
    rig.forget();
    rig.advance(5_000);
    let expected = ["done a Timeout", "done b Timeout", "offline Timeout"];
    assert_eq!(rig.events(), expected);
    rig.until_wanted();
    rig.greet(false);
    assert_eq!(rig.packets()[1..], ["PUBLISH t 1 #3 c"]);
}

#[test]
fn p1_cancel_finds_an_operation_in_every_place() {
    // In the offline queue.
    let mut rig = Rig::new(config(|_| {}));
    rig.publish("queued", 1);
    assert_eq!(rig.cancel("queued"), Ok(()));
    assert_eq!(rig.events(), ["done queued Cancelled"]);
    assert_eq!(rig.cancel("queued"), Err(Code::NotFound));
    // Sent; waiting for the window; in the outgoing bytes, QoS 1 and 0.
    let mut rig = Rig::connected(config(|config| config.in_flight_window = 2));
    rig.publish("sent", 1);
    rig.stuck = true;
    rig.publish("outgoing", 1);
    rig.publish("waiting", 1);
    rig.publish("qos0", 0);
    rig.publish("leaving", 0);
    rig.forget();
    for tag in ["waiting", "qos0", "sent"] {
        assert_eq!(rig.cancel(tag), Ok(()), "{tag}");
        assert_eq!(rig.events(), [format!("done {tag} Cancelled")]);
        assert_eq!(rig.cancel(tag), Err(Code::NotFound), "{tag}");
    }
    assert_eq!(rig.cancel("outgoing"), Ok(()));
    assert_eq!(rig.events(), ["done outgoing Cancelled"]);
    rig.take(1);
    assert_eq!(rig.cancel("leaving"), Ok(()));
    assert_eq!(rig.events(), ["done leaving Cancelled"]);
    rig.unstick();
    assert_eq!(
        rig.packets(),
        ["PUBLISH t 0 leaving"],
        "it had begun to leave"
    );
    assert!(rig.events().is_empty());
    // While there is no connection.
    rig.publish("between", 1);
    rig.lose();
    rig.forget();
    assert_eq!(rig.cancel("between"), Ok(()));
    assert_eq!(rig.session.accepted_bytes(), 0);
    rig.until_wanted();
    rig.greet(false);
    assert_eq!(rig.packets().len(), 1);
}

#[test]
fn p8_memory_of_accepted_and_unfinished_operations_is_bounded() {
    let mut rig = Rig::connected(config(|config| config.memory_limit = 10_000));
    let payload = [b'x'; 1_000];
    let mut accepted = 0;
    while rig
        .try_publish_bytes("m", "t", &payload, 1, Wait::Forever)
        .is_ok()
    {
        accepted += 1;
    }
    assert!((8..10).contains(&accepted), "{accepted}");
    assert!(rig.session.accepted_bytes() <= 10_000);
    let full = |result: Result<_, crate::error::Error>| result.map_err(|error| error.code);
    // What was too much for QoS 1 needs room twice: kept, and outgoing.
    let result = rig.try_publish_bytes("m", "t", &[b'x'; 2_500], 0, Wait::Forever);
    assert_eq!(full(result), Err(Code::QueueFull));
    rig.puback(1);
    rig.try_publish_bytes("m", "t", &payload, 0, Wait::Forever)
        .expect("there is room again");
    for id in 2..=accepted {
        rig.puback(id);
    }
    assert_eq!(rig.session.accepted_bytes(), 0);
    let result = rig.try_publish_bytes("m", "t", &vec![0; 2 << 20], 0, Wait::Forever);
    assert_eq!(full(result), Err(Code::PacketTooLarge));
}

/// An acknowledgement that never comes, while all others do: the table of what is in flight does not grow.
#[test]
fn p8_one_unacknowledged_packet_among_many_costs_no_memory() {
    let mut rig = Rig::connected(config(|config| {
        config.retransmit = std::time::Duration::ZERO
    }));
    rig.publish("stuck", 1);
    for round in 0..100_000u32 {
        rig.publish("m", 1);
        rig.receive(&packets::puback((1 + round % 65_534 + 1) as u16));
        rig.forget();
    }
    assert_eq!(rig.session.in_flight(), 1);
    assert!(rig.session.publishes.capacity() < 1_000);
}

#[test]
fn p10_an_operation_that_has_ended_leaves_no_deadline_behind() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.publish_bounded("a", 1);
    rig.publish_bounded("b", 1);
    rig.puback(2);
    rig.puback(1);
    assert_eq!(rig.events(), ["done b Ok", "done a Ok"]);
    assert_eq!(rig.session.deadline(), None);
}
