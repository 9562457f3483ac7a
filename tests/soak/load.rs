//! The mixed load, the faults under it, and what was sampled meanwhile.

// The tests use a part of it, the command all.
#![allow(dead_code)]

use super::judge::Sample;
use super::support::STEP;
use super::support::c_program::Program;
use super::support::certificates::Certificates;
use super::support::mosquitto::Mosquitto;
use super::support::relay::Relay;
use super::support::running::Running;
use std::time::{Duration, Instant};

pub const CUT_EVERY: Duration = Duration::from_secs(7);
pub const KILL_EVERY: Duration = Duration::from_secs(45);

/// How many arenas glibc may have. With its own number the resident memory says more about them than about what is tested.
const ARENAS: &str = "1";

pub struct Soaked {
    pub samples: Vec<Sample>,
    /// When mosquitto was killed, in seconds, and how often all connections were cut.
    pub kills: Vec<f64>,
    pub cuts: usize,
    /// What the program says at its end.
    pub last: String,
}

pub fn soak(time: Duration) -> Soaked {
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
