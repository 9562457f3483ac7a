//! `docs/soak.md` and its picture.

use super::judge::{ALLOCATED_MOST_KIB, COUNT_MOST, Growth, RSS_MOST_KIB, warm_up};
use super::load::{CUT_EVERY, KILL_EVERY, Soaked};
use super::plot;
use super::support::machine::measured;
use std::path::Path;

const HEAD: &str = "# Soak

Made by `make soak MINUTES=n`, which runs it again. Do not edit.

Six clients in one process (`tests/c/soak.c`, with the installed shared library) publish to each other through mosquitto over mutual TLS,
500 messages a second of up to 4 KiB, half of them QoS 1, and subscribe and unsubscribe 25 times a second. Half of them have clean sessions.
Everything is asynchronous; each accepted operation must complete exactly once, with OK, or the command fails.

*Allocated* is what the program has taken from malloc and not given back (`mallinfo2`, sampled once a second): what a leak would raise.
Resident memory is also what the C library keeps for later, so the program calls `malloc_trim` once a second and runs with one arena,
`MALLOC_ARENA_MAX=1`. With the arenas that glibc makes on its own, eight for each core, the resident memory of this load crept from 6.3 to
8.2 MiB in ten minutes and stayed there: over 36 minutes it rose by 25 KiB a minute after the second and by 7 after the tenth, while what
was allocated went up and down between 1.3 and 2.6 MiB (+2 KiB a minute). Judged after ten minutes alone, that creeping looked like a leak.

";

pub fn write(soaked: &Soaked) {
    let samples = &soaked.samples;
    let growth = Growth::of(samples);
    let row = |name: &str, grown: f64, unit: &str, limit: f64| {
        let verdict = if grown <= limit { "flat" } else { "grows" };
        format!("| {name} | {grown:+.2} {unit} | {limit} {unit} | {verdict} |\n")
    };
    let ends = |value: fn(&super::judge::Sample) -> f64| {
        let values = samples.iter().map(value);
        let most = values.clone().fold(0.0, f64::max);
        let least = values.fold(f64::INFINITY, f64::min);
        format!("{least} to {most}")
    };
    let minutes = samples.last().map_or(0.0, |sample| sample.secs) / 60.0;
    let text = format!(
        "{HEAD}{}\n\n{minutes:.1} minutes, with every connection cut every {} s ({} times) and mosquitto killed and started again every {} s \
         ({} times). At the end: {}.\n\nSampled once a second; the first {:.0} s are warm-up. The growth is that of a straight line by least \
         squares through the rest.\n\n| | growth | limit | |\n|---|---|---|---|\n{}{}{}{}\nIn all samples: {} KiB allocated, {} KiB resident, {} threads, {} \
         descriptors.\n\n\
         ![Memory, threads and descriptors over the time; grey: warm-up; blue: mosquitto was killed](soak.svg)\n",
        measured(),
        CUT_EVERY.as_secs(),
        soaked.cuts,
        KILL_EVERY.as_secs(),
        soaked.kills.len(),
        soaked.last,
        warm_up(samples),
        row(
            "allocated",
            growth.allocated_kib_a_minute,
            "KiB a minute",
            ALLOCATED_MOST_KIB
        ),
        row(
            "resident memory",
            growth.rss_kib_a_minute,
            "KiB a minute",
            RSS_MOST_KIB
        ),
        row("threads", growth.threads, "in all", COUNT_MOST),
        row("descriptors", growth.descriptors, "in all", COUNT_MOST),
        ends(|sample| sample.allocated_kib),
        ends(|sample| sample.rss_kib),
        ends(|sample| sample.threads),
        ends(|sample| sample.descriptors),
    );
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    std::fs::write(docs.join("soak.md"), text).expect("writing the page");
    let svg = plot::draw(samples, &soaked.kills);
    std::fs::write(docs.join("soak.svg"), svg).expect("writing the picture");
}
