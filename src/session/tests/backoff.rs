//! How long the session waits between attempts.

use super::rig::{MS, Rig, config, lost};
use crate::config::SessionConfig;

/// Loses the connection, or fails the attempt; gives the length of the wait in milliseconds.
fn wait_after_loss(rig: &mut Rig) -> f64 {
    let lost_at = rig.now;
    rig.fail(lost());
    assert!(rig.session.deadline().is_some(), "it never gives up");
    rig.until_wanted();
    rig.now.since(lost_at).as_secs_f64() * 1e3
}

fn assert_within(wait: f64, least: f64, most: f64) {
    assert!(
        (least..=most).contains(&wait),
        "{wait} is not in {least}..={most}"
    );
}

fn quick() -> SessionConfig {
    config(|config| config.backoff.stable = std::time::Duration::from_secs(20))
}

#[test]
fn p7_waits_double_from_base_to_max_for_failed_attempts_and_for_unstable_connections() {
    let bounds = [1e3, 2e3, 4e3, 8e3, 16e3, 16e3, 16e3];
    let mut rig = Rig::connected(quick());
    for least in bounds {
        assert_within(wait_after_loss(&mut rig), least, 2.0 * least);
    }
    let mut rig = Rig::connected(quick());
    for least in bounds {
        rig.advance(19_999);
        assert_within(wait_after_loss(&mut rig), least, 2.0 * least);
        rig.greet(false); // A bare CONNACK resets nothing.
    }
}

#[test]
fn p7_a_stable_connection_resets_the_waits() {
    let mut rig = Rig::connected(quick());
    for _ in 0..5 {
        wait_after_loss(&mut rig);
    }
    rig.greet(false);
    rig.advance(20_000);
    assert_within(wait_after_loss(&mut rig), 1e3, 2e3);
}

#[test]
fn p7_connect_resets_the_waits_and_a_retried_first_connect_uses_them() {
    let mut rig = Rig::connected(quick());
    for _ in 0..5 {
        wait_after_loss(&mut rig);
    }
    rig.connect("again", 0);
    assert_within(wait_after_loss(&mut rig), 1e3, 2e3);
    rig.disconnect("d");
    rig.session
        .configure(config(|config| config.retry_first_connect = true));
    rig.connect("first", 0);
    for least in [1e3, 2e3, 4e3] {
        assert_within(wait_after_loss(&mut rig), least, 2.0 * least);
    }
}

#[test]
fn p7_reconnect_by_the_application_is_no_failure() {
    let mut rig = Rig::connected(quick());
    for _ in 0..5 {
        rig.reconnect();
        rig.greet(false);
    }
    assert_within(wait_after_loss(&mut rig), 1e3, 2e3);
}

#[test]
fn p7_a_refused_attempt_waits_and_never_spins() {
    let mut rig = Rig::connected(quick());
    rig.lose_and_wait();
    let from = rig.now;
    for _ in 0..100 {
        rig.open();
        rig.receive(&super::packets::connack(false, 3));
        rig.until_wanted();
    }
    assert!(rig.now.since(from).as_millis() >= 16_000 * 90);
    assert!(rig.now.0 < u64::MAX / MS);
}

#[test]
fn p7_whatever_is_configured_nothing_overflows() {
    for (base, max) in [(0, 0), (0, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX, 0)] {
        let mut rig = Rig::connected(config(|config| {
            config.backoff.base = std::time::Duration::from_secs(base);
            config.backoff.max = std::time::Duration::from_secs(max);
            config.retransmit = std::time::Duration::MAX;
            config.operation_timeout = std::time::Duration::MAX;
        }));
        rig.publish_bounded("m", 1);
        for _ in 0..40 {
            rig.fail(lost());
            rig.connect("again", 0);
        }
    }
}
