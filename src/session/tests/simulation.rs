//! Many random runs of a session against a model broker, over a link that delivers what and when it likes. After each step the
//! promises are checked; see `wire` (what the broker sees), `application` (what the application sees), `world` (time and rest).
//!
//! `SEED=n cargo test --lib simulation -- --nocapture` shows one run step by step; `SEEDS=n` says how many there are.

mod application;
mod broker;
mod commands;
mod configuration;
pub(in crate::session) mod random;
mod rest;
mod wire;
mod world;

use random::Random;
#[cfg(test)]
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};
use world::World;

#[cfg(test)]
const SEEDS: u64 = 150_000;
/// Every so many runs are made twice, and must give the same outputs.
#[cfg(test)]
const TWICE: u64 = 50;
/// What a fuzzer may spend on one run.
const STEPS: usize = 2_000;

/// A run in which a fuzzer's bytes decide what happens; when they are used up it comes to rest.
pub(crate) fn run_with(bytes: &[u8]) {
    let mut world = World::with(Random::of_bytes(bytes), 0, false);
    for _ in 0..STEPS {
        if world.random.is_used_up() {
            break;
        }
        world.step();
    }
    world.come_to_rest();
    world.end();
}

/// Gives a number that stands for everything the session has said.
#[cfg(test)]
fn run(seed: u64, trace: bool) -> u64 {
    let mut world = World::new(seed, trace);
    for _ in 0..50 + world.random.below(350) {
        world.step();
    }
    // Half of the runs end in the middle of things.
    if world.random.chance(50) {
        world.come_to_rest();
    }
    world.end()
}

#[cfg(test)]
fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("SEED and SEEDS are numbers"))
}

#[test]
fn p3_simulation_of_random_runs_keeps_every_promise() {
    if let Some(seed) = number("SEED") {
        run(seed, true);
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(u64::MAX);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || failed.load(Ordering::Relaxed) != u64::MAX {
                        return;
                    }
                    let outcome = catch_unwind(AssertUnwindSafe(|| {
                        let said = run(seed, false);
                        if seed % TWICE == 0 {
                            assert_eq!(said, run(seed, false), "the same calls, other outputs");
                        }
                    }));
                    if outcome.is_err() {
                        failed.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    assert_eq!(
        failed,
        u64::MAX,
        "run {failed} broke a promise: SEED={failed} cargo test --lib simulation -- --nocapture"
    );
}
