//! `make soak MINUTES=n`: as long as it is told, and `docs/soak.md` of what was sampled.

#[path = "../support/mod.rs"]
mod support;

mod judge;
mod load;
mod page;
mod plot;

use judge::Growth;
use load::soak;
use std::time::Duration;

fn main() {
    let minutes = std::env::var("MINUTES").unwrap_or_else(|_| "10".into());
    let minutes: f64 = minutes.parse().expect("MINUTES is a number");
    let soaked = soak(Duration::from_secs_f64(minutes * 60.0));
    page::write(&soaked);
    let growth = Growth::of(&soaked.samples);
    assert!(
        growth.is_flat(),
        "not flat: allocated {:+.1} KiB a minute (at most {}), resident {:+.1} (at most {}), threads {:+.2}, descriptors {:+.2} (at most {})",
        growth.allocated_kib_a_minute,
        judge::ALLOCATED_MOST_KIB,
        growth.rss_kib_a_minute,
        judge::RSS_MOST_KIB,
        growth.threads,
        growth.descriptors,
        judge::COUNT_MOST
    );
}
