//! When PINGREQ goes out, and what silence means.

use super::packets::{self, PINGRESP};
use super::rig::{Rig, config};

/// Connected at time 0 with a keep alive of 60 s.
fn kept_alive() -> Rig {
    let mut rig = Rig::new(config(|config| {
        config.retransmit = std::time::Duration::ZERO
    }));
    rig.connect("c", 60);
    rig.greet(false);
    rig.forget();
    rig
}

#[test]
fn mqtt_3_1_2_23_pingreq_when_nothing_was_sent_for_the_keep_alive_time() {
    let mut rig = kept_alive();
    for _ in 0..3 {
        rig.quiet_for(60_000);
        assert_eq!(rig.packets(), ["PINGREQ"]);
        rig.receive(&PINGRESP);
    }
}

#[test]
fn p6_pingreq_when_nothing_was_received_although_we_send() {
    let mut rig = kept_alive();
    for _ in 0..5 {
        rig.advance(10_000);
        rig.publish("m", 0);
    }
    rig.forget();
    rig.quiet_for(10_000);
    assert_eq!(rig.packets(), ["PINGREQ"]);
}

#[test]
fn p6_pingreq_when_nothing_was_sent_although_we_receive() {
    let mut rig = kept_alive();
    for _ in 0..5 {
        rig.advance(10_000);
        rig.message("t", "m", 0);
    }
    rig.forget();
    rig.quiet_for(10_000);
    assert_eq!(rig.packets(), ["PINGREQ"]);
}

#[test]
fn p6_no_byte_within_the_ping_time_out_ends_the_connection() {
    let mut rig = kept_alive();
    rig.advance(60_000);
    rig.forget();
    rig.quiet_for(10_000);
    assert_eq!(rig.events(), ["offline PingTimeout"]);
    // Any byte is a sign of life, half a packet too.
    let mut rig = kept_alive();
    rig.advance(69_999);
    rig.receive(&packets::publish("t", b"m", 0)[..1]);
    rig.forget();
    rig.advance(50_000);
    assert_eq!((rig.events(), rig.packets()), (vec![], vec![]));
}

#[test]
fn p6_pausing_kills_nobody_and_pings_go_on() {
    let mut rig = kept_alive();
    rig.advance(60_000);
    rig.pause(true);
    rig.forget();
    rig.advance(600_000);
    assert!(rig.events().is_empty());
    assert_eq!(
        rig.packets(),
        ["PINGREQ"; 10],
        "or the broker takes us for dead"
    );
    // From the moment of reading on the peer has its full time.
    rig.pause(false);
    rig.quiet_for(10_000);
    assert_eq!(rig.events(), ["offline PingTimeout"]);
}

#[test]
fn p6_a_link_that_still_takes_bytes_is_alive() {
    let mut rig = kept_alive();
    rig.stuck = true;
    for _ in 0..20 {
        rig.publish("m", 0);
    }
    rig.advance(60_000);
    for _ in 0..10 {
        rig.advance(9_999);
        rig.take(1);
    }
    rig.forget();
    rig.quiet_for(10_000);
    assert_eq!(
        rig.events().last().map(String::as_str),
        Some("offline PingTimeout")
    );
}

#[test]
fn p6_keep_alive_0_means_no_pings() {
    let mut rig = Rig::connected(config(|_| {}));
    assert_eq!(rig.session.deadline(), None, "no wake-ups while idle");
    rig.advance(1_000_000_000);
    assert!(rig.packets().is_empty());
}
