//! Hours of mixed load with faults in short: memory, threads and descriptors must stay where they are. `make soak MINUTES=n` runs
//! it long and makes `docs/soak.md`; the tests here check that the load runs, and that the judge can say no.

mod support;

#[path = "soak/judge.rs"]
mod judge;
#[path = "soak/page.rs"]
mod page;
#[path = "soak/plot.rs"]
mod plot;

use judge::{Growth, Sample};
use std::time::{Duration, Instant};
use support::STEP;
use support::c_program::Program;
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;
use support::relay::Relay;
use support::running::Running;

const CUT_EVERY: Duration = Duration::from_secs(7);
const KILL_EVERY: Duration = Duration::from_secs(45);

/// How many arenas glibc may have. With its own number the resident memory says more about them than about what is tested.
const ARENAS: &str = "1";

pub struct Soaked {
    samples: Vec<Sample>,
    /// When mosquitto was killed, in seconds, and how often all connections were cut.
    kills: Vec<f64>,
    cuts: usize,
    /// What the program says at its end.
    last: String,
}

fn soak(time: Duration) -> Soaked {
    let certificates = Certificates::new();
    let options =
        "max_inflight_messages 0\nmax_queued_messages 0\nlog_type error\nlog_type information\n";
    let mut broker = Mosquitto::start_configured(&certificates, false, options);
    let relay = Relay::start(broker.port);
    let program = Program::compile("soak");
    let port = relay.port().to_string();
    let mut running = program.start_with(
        &["127.0.0.1", &port, &certificates.directory()],
        &[("MALLOC_ARENA_MAX", ARENAS)],
    );
    running.wait_for("ready");
    let began = Instant::now();
    let mut soaked = Soaked {
        samples: Vec::new(),
        kills: Vec::new(),
        cuts: 0,
        last: String::new(),
    };
    let (mut cut_at, mut kill_at) = (CUT_EVERY, KILL_EVERY);
    while began.elapsed() < time {
        // A second passes, or the program ends too early.
        let number = soaked.samples.len() + 1;
        let due = began + Duration::from_secs(number as u64);
        let left = due.saturating_duration_since(Instant::now());
        running.stdout.wait(left, |_| false);
        let Some(sample) = sample(&mut running, number, began) else {
            break;
        };
        soaked.samples.push(sample);
        if began.elapsed() >= cut_at {
            relay.cut();
            soaked.cuts += 1;
            cut_at += CUT_EVERY;
        }
        if began.elapsed() >= kill_at {
            soaked.kills.push(began.elapsed().as_secs_f64());
            broker.kill();
            broker.restart();
            kill_at += KILL_EVERY;
        }
    }
    running.tell("end");
    let said = running.stdout.clone();
    running.finish();
    let last = said.all().pop().unwrap_or_default();
    let last = last
        .strip_prefix("last ")
        .expect("its last line")
        .to_owned();
    println!("{last}");
    soaked.last = last.replace(' ', ", ").replace('=', " ");
    soaked
}

/// The one with this number; `None`: the process is gone.
fn sample(running: &mut Running, number: usize, began: Instant) -> Option<Sample> {
    let allocated_kib = allocated_kib(running, number)?;
    let process = running.child().id();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    Some(Sample {
        secs: began.elapsed().as_secs_f64(),
        allocated_kib,
        rss_kib: field("VmRSS:")?,
        threads: field("Threads:")?,
        descriptors: descriptors.count() as f64,
    })
}

/// What the program says in the report with this number.
fn allocated_kib(running: &mut Running, number: usize) -> Option<f64> {
    running.tell("report");
    let is_report = |line: &&String| line.starts_with("report ");
    let reported = |lines: &[String]| lines.iter().filter(is_report).count() >= number;
    if !running.stdout.wait(STEP, reported) {
        return None;
    }
    let lines = running.stdout.all();
    let report = lines.iter().rfind(is_report)?;
    let value = report.split("allocated_kib=").nth(1)?;
    value.split(' ').next()?.parse().ok()
}

#[test]
#[ignore = "`make soak MINUTES=n`: takes as long as it is told"]
fn soak_and_the_page() {
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
