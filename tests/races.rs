//! Everything at once: threads, clients, callbacks and `free` at random while the broker dies and comes again. `docs/races.md` says what is
//! looked for where.

mod support;

use std::time::Duration;
use support::c_program::{Checked, Program, thread_sanitizer};
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;

/// SECONDS and SEED of the environment (`make races`), or these.
const SECONDS: u64 = 8;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seed() -> u64 {
    setting("SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(1, |since| since.as_nanos() as u64 % 1_000_000_000)
    })
}

/// Runs `program` while mosquitto is killed and started as it asks.
fn stress(program: Program, seconds: u64) {
    let certificates = Certificates::new();
    // Without a line for each packet: there are hundreds of thousands.
    let mut broker = Mosquitto::start_configured(
        &certificates,
        false,
        "log_type error\nlog_type information\nmax_queued_messages 100\n",
    );
    let (port, seed) = (broker.port.to_string(), seed());
    println!("SEED={seed} SECONDS={seconds}");
    let mut running = program.start(&[
        "127.0.0.1",
        &port,
        &certificates.directory(),
        &seconds.to_string(),
        &seed.to_string(),
    ]);
    // Its own watchdog gives up after two minutes at most, and says why.
    let limit = Duration::from_secs(seconds + 300);
    running.allow(limit);
    let wishes = |lines: &[String]| -> Vec<bool> {
        let wish = |line: &String| match &**line {
            "kill" => Some(false),
            "start" => Some(true),
            _ => None,
        };
        lines.iter().filter_map(wish).collect()
    };
    let mut done = 0;
    while running
        .stdout
        .wait(limit, |lines| wishes(lines).len() > done)
    {
        match wishes(&running.stdout.all())[done] {
            false => broker.kill(),
            true => broker.restart(),
        }
        done += 1;
    }
    let said = running.stdout.clone();
    running.finish();
    assert!(done >= 2, "the broker was never killed: {}", said.text());
    println!("{}", said.text());
}

/// `make races` sets TSAN_LIBRARY and TSAN_RUNTIME for a second run of those whose names say "under a sanitizer": ThreadSanitizer then.
#[test]
fn p1_everything_at_once_under_a_sanitizer_loses_nothing_and_ends() {
    let program = by_a_sanitizer("stress");
    stress(program, setting("SECONDS").unwrap_or(SECONDS));
}

fn by_a_sanitizer(program: &str) -> Program {
    match thread_sanitizer() {
        None => Program::compile_checked(program, Checked::ByAddressSanitizer),
        Some((library, _)) => {
            Program::compile_against(&library, program, Checked::ByThreadSanitizer)
        }
    }
}

#[test]
fn p5_callbacks_of_a_client_need_no_lock_among_themselves_under_a_sanitizer() {
    let run = |how| run_with_mosquitto(by_a_sanitizer("own_locks"), &[how]);
    run("in_callbacks").unwrap_or_else(|why| panic!("{why}"));
    run("locked").unwrap_or_else(|why| panic!("{why}"));
    if thread_sanitizer().is_some() {
        let why = run("unlocked").expect_err("a race");
        assert!(why.contains("data race"), "{why}");
    }
}

fn under_helgrind(program: &str, more: &[&str]) -> Result<(), String> {
    run_with_mosquitto(Program::compile_checked(program, Checked::ByHelgrind), more)
}

/// Over mutual TLS; an error is what the program, or who runs it, complains about.
fn run_with_mosquitto(program: Program, more: &[&str]) -> Result<(), String> {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let port = broker.port.to_string();
    let directory = certificates.directory();
    let arguments = [&["127.0.0.1", &port, &directory], more].concat();
    program.start(&arguments).outcome()
}

/// tests/helgrind.supp and `docs/races.md` say what helgrind can see: what the program shares by itself, and its use of locks.
#[test]
fn a_program_with_its_own_locks_has_no_race_under_helgrind() {
    under_helgrind("own_locks", &["locked"]).unwrap_or_else(|why| panic!("{why}"));
    under_helgrind("real_async", &[]).unwrap_or_else(|why| panic!("{why}"));
}

/// What is suppressed must not hide it.
#[test]
fn helgrind_sees_what_a_callback_shares_without_a_lock() {
    let why = under_helgrind("own_locks", &["unlocked"]).expect_err("a race");
    assert!(
        why.contains("data race") && why.contains("(own_locks.c:"),
        "{why}"
    );
}

/// A function that the program does not know would be a hole that nobody sees.
#[test]
fn the_stress_program_calls_every_function_of_the_header() {
    let header = include_str!("../include/aws_iot_mqtt.h");
    let program = concat!(include_str!("c/stress.c"), include_str!("c/stress.h"));
    let mut functions = 0;
    for line in header.lines() {
        let Some((before, _)) = line.split_once('(') else {
            continue;
        };
        let returns = ["aws_iot_mqtt_error ", "const char *", "void "];
        let Some(name) = returns.iter().find_map(|kind| before.strip_prefix(kind)) else {
            continue;
        };
        functions += 1;
        // A loop has one thread; tests/event_loop.rs has other threads at it.
        if name.contains("_loop") {
            continue;
        }
        let short = name.trim_start_matches("aws_iot_mqtt_client_");
        let known = program.contains(&format!("{name}("))
            || ["CALL(", "CALL0(", "ASYNC("].iter().any(|call| {
                [",", ")"]
                    .iter()
                    .any(|end| program.contains(&format!("{call}{short}{end}")))
            })
            || program.contains(&format!(", {short}, "));
        assert!(known, "tests/c/stress.c does not call {name}");
    }
    assert!(functions > 60, "{functions} functions found in the header");
}
