//! Bytes and packets that are used again: nothing of what was in them counts, or is sent.

use super::rig::{Rig, config};
use crate::session::Wait;
use crate::session::operation::OVERHEAD;

/// Operations are used again with their packets; what is in those is not counted again.
#[test]
fn p8_a_small_publish_behind_a_large_one_is_counted_as_small() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.try_publish_bytes("large", "t", &[b'x'; 5_000], 1, Wait::Forever)
        .expect("accepted");
    rig.puback(1);
    assert_eq!(rig.session.accepted_bytes(), 0);
    rig.stuck = true;
    rig.publish("small", 0);
    let outgoing = rig.session.outgoing().len();
    assert_eq!(rig.session.accepted_bytes(), outgoing + OVERHEAD);
    rig.unstick();
    assert_eq!(rig.session.accepted_bytes(), 0);
}

/// The link takes all that was before it; then nothing is left, and the memory of the large packet is given back.
#[test]
fn p6_what_is_cut_out_may_be_all_that_is_left() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.stuck = true;
    rig.try_publish_bytes("large", "t", &[b'x'; 100_000], 1, Wait::Forever)
        .expect("accepted");
    let large = rig.session.outgoing().len();
    rig.publish_bounded("b", 1);
    rig.take(large);
    rig.advance(5_000);
    assert_eq!(rig.events(), ["done b Timeout"]);
    assert!(rig.session.outgoing().is_empty());
    rig.unstick();
    rig.publish("c", 1);
    assert_eq!(rig.packets().len(), 2);
    rig.puback(1);
    rig.puback(3);
    assert_eq!(rig.events(), ["done large Ok", "done c Ok"]);
}

#[test]
fn p8_operations_that_are_kept_for_the_next_ones_are_few_although_they_are_empty() {
    let mut rig = Rig::connected(config(|config| config.memory_limit = 1 << 20));
    rig.stuck = true;
    let mut count = 0;
    while rig.try_publish("m", "t", 0, Wait::Forever).is_ok() {
        count += 1;
    }
    rig.unstick();
    let kept = rig.session.spare.bytes();
    assert!(kept > 50_000 && kept <= (1 << 20) / 16, "{kept} of {count}");
    for _ in 0..count {
        rig.publish("m", 0);
        rig.session.spare.bytes();
    }
}
