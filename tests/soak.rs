//! Hours of mixed load with faults in short: memory, threads and descriptors must stay where they are. `make soak MINUTES=n`
//! (`soak/command.rs`) runs it long and makes `docs/soak.md`; the tests here check that the load runs, and that the judge can say no.

mod support;

#[path = "soak/judge.rs"]
mod judge;
#[path = "soak/load.rs"]
mod load;

use judge::{Growth, Sample};
use load::soak;
use std::time::Duration;

#[test]
fn p1_each_operation_of_a_mixed_load_completes_once_while_connections_are_cut() {
    let soaked = soak(Duration::from_secs(10));
    assert!(soaked.cuts > 0 && soaked.samples.len() >= 9);
}

/// Ten minutes of a process that is not quite still; `leak` is what it loses a minute, `kept` what its allocator keeps besides.
fn samples(leak_kib: f64, kept_kib: f64, leak_descriptors: f64) -> Vec<Sample> {
    (1..=600)
        .map(|second| {
            let secs = f64::from(second);
            // The warm-up takes 4 MiB, and afterwards it swings.
            let warm = 4096.0 * (secs / 60.0).min(1.0);
            let swing = f64::from(second % 45);
            Sample {
                secs,
                allocated_kib: 2000.0 + swing * 20.0 + secs / 60.0 * leak_kib,
                rss_kib: 9000.0 + warm + swing * 20.0 + secs / 60.0 * (leak_kib + kept_kib),
                threads: 4.0 + f64::from(second % 2),
                descriptors: 12.0 + swing / 10.0 + (secs / 60.0 * leak_descriptors).floor(),
            }
        })
        .collect()
}

#[test]
fn the_judge_lets_a_still_process_pass_and_refuses_leaks() {
    for (leak_kib, kept_kib, leak_descriptors, flat) in [
        (0.0, 0.0, 0.0, true),
        (20.0, 0.0, 0.0, true),
        (50.0, 0.0, 0.0, false),
        (0.0, 50.0, 0.0, true),
        (0.0, 100.0, 0.0, false),
        (0.0, 0.0, 0.5, false),
    ] {
        let growth = Growth::of(&samples(leak_kib, kept_kib, leak_descriptors));
        assert_eq!(
            growth.is_flat(),
            flat,
            "{leak_kib} KiB, {kept_kib} KiB, {leak_descriptors}"
        );
    }
}
