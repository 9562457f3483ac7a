//! What a message costs, counted and not timed: instructions and system calls of the release library on the four paths of a message
//! (256 bytes, plain TCP, the default window). `tests/bench/instructions.toml` has the figures; `make bench-record` writes them anew.
//!
//! The counts must not depend on what else the machine does. So the broker answers in whole windows, however late it comes to read;
//! what is counted begins after a warm-up and ends with the last message; and the cheapest of several runs is compared with the middle one
//! of those recorded: a thread that is woken in between or reads half a window adds to what a message costs, and nothing takes away from it.

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use support::c_program::{Checked, Program};
use support::connection::Connection;
use support::packets::{puback, publish};
use support::scenario::play_compiled;

/// Enough for buffers to have their final size.
const WARM: usize = 2_000;
const COUNTED: usize = 10_000;
const WINDOW: usize = 100;
/// A check is content with the first run that is cheap enough. The figure recorded is the middle one of so many.
const RUNS: usize = 11;
/// Of the recorded number of instructions, up and down.
const SLACK_PERCENT: f64 = 5.0;
/// Each path, and how many system calls it may make for a message. A call for each message would be 1; threads that meet by chance
/// make some.
const PATHS: [(&str, f64); 4] = [
    ("publish_qos0", 0.25),
    ("publish_qos1", 0.25),
    ("receive_qos0", 0.25),
    ("receive_qos1", 0.25),
];
const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/instructions.toml");

/// A broker for one connection of `tests/c/instructions.c`: acknowledges and sends whole windows.
fn serve(connection: &mut Connection) {
    let mut pubacks = Vec::new();
    let (mut qos, mut left, mut unacknowledged) = (0, 0, 0);
    connection.welcome();
    while let Some(packet) = connection.try_read_packet() {
        match packet.name() {
            "PUBLISH" if packet.topic() == "ctl/send" => {
                let request = String::from_utf8_lossy(packet.payload()).into_owned();
                let (first, second) = request.split_once(' ').expect("a QoS and a count");
                qos = first.parse().expect("a QoS");
                left = second.parse::<usize>().expect("a count") / WINDOW;
            }
            "PUBLISH" if packet.topic() == "ctl/end" => connection.answer(&packet),
            "PUBLISH" if packet.qos() == 1 => {
                pubacks.extend(puback(packet.id()));
                if pubacks.len() == WINDOW * puback(1).len() {
                    connection.send(&pubacks);
                    pubacks.clear();
                }
            }
            "PUBLISH" => {}
            "PUBACK" => unacknowledged -= 1,
            "DISCONNECT" => return,
            _ => connection.answer(&packet),
        }
        while left > 0 && unacknowledged == 0 {
            connection.send(&window(qos));
            left -= 1;
            unacknowledged = WINDOW * usize::from(qos);
        }
    }
}

/// As many messages as may be unacknowledged, in one piece.
fn window(qos: u8) -> Vec<u8> {
    (1..=WINDOW as u16)
        .flat_map(|id| publish("cmd/device/request", [b'x'; 256], qos, id, false, false))
        .collect()
}

fn run(program: &Program, path: &str, counted: usize) {
    let (warm, counted) = (WARM.to_string(), counted.to_string());
    let arguments = [path, &warm, &counted];
    play_compiled(program, &arguments, |listener, _| {
        serve(&mut listener.accept())
    });
}

fn instructions(program: &Program, path: &str) -> f64 {
    run(program, path, COUNTED);
    program.instructions() as f64 / COUNTED as f64
}

fn system_calls(program: &Program, path: &str) -> f64 {
    let [with, without] = [COUNTED, 0].map(|counted| {
        run(program, path, counted);
        program.system_calls() as f64
    });
    (with - without) / COUNTED as f64
}

/// What at most [`RUNS`] runs counted, the cheapest first; no more of them than it takes to come to `enough`.
fn runs(path: &str, enough: f64, what: &str, run: impl Fn() -> f64) -> Vec<f64> {
    let mut counts: Vec<f64> = Vec::new();
    while counts.len() < RUNS && counts.iter().all(|count| *count > enough) {
        counts.push(run());
    }
    println!("{path}: {counts:.3?} {what} for a message");
    counts.sort_by(f64::total_cmp);
    counts
}

/// The library as it is installed. `tests/package.rs` builds it in the same place, so one of the two finds it built.
fn build_release_library() -> PathBuf {
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/package/build.sh");
    let output = Command::new("bash")
        .arg(script)
        .arg(&work)
        // Cargo points it at its own copy of the library.
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null())
        .output()
        .expect("bash is there: apt-get install -y bash");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}:\n{complaints}");
    work.join("build/package/libaws_iot_mqtt.so")
}

fn release_program(checked: Checked) -> Program {
    // Two builds in one directory at the same time would be one too many.
    static LIBRARY: LazyLock<PathBuf> = LazyLock::new(build_release_library);
    Program::compile_against(&LIBRARY, "instructions", checked)
}

/// What decides about the counts beside our own code: they are compared only where these are the same or nearly so.
fn tools() -> String {
    let versions = [
        ["rustc", "--version"],
        ["valgrind", "--version"],
        ["ldd", "--version"],
    ];
    let said = versions.map(|[program, argument]| {
        let output = Command::new(program).arg(argument).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().next().unwrap_or_default().to_owned()
    });
    format!("{}; {}", said.join("; "), std::env::consts::ARCH)
}

/// The recorded figure of a path.
fn recorded(record: &str, path: &str) -> f64 {
    record
        .lines()
        .find_map(|line| line.strip_prefix(path)?.trim_start().strip_prefix('='))
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or_else(|| panic!("{RECORD} has no line `{path} = number`: make bench-record"))
}

fn write_record(counts: &[(&str, f64)]) {
    let mut text = String::from(
        "# Instructions of the release library for one message of 256 bytes over plain TCP, in whole windows of 100 (callgrind).\n\
         # Written by `make bench-record`; tests/instructions.rs fails when one of them is more than 5 % off.\n",
    );
    let _ = writeln!(text, "# {}\n", tools());
    for (path, count) in counts {
        let _ = writeln!(text, "{path} = {count:.0}");
    }
    std::fs::write(RECORD, text).unwrap_or_else(|error| panic!("{RECORD}: {error}"));
}

#[test]
fn a_message_costs_as_many_instructions_as_recorded() {
    let program = release_program(Checked::ByCallgrind);
    let count = |path, enough| {
        runs(path, enough, "instructions", || {
            instructions(&program, path)
        })
    };
    if std::env::var_os("BLESS").is_some() {
        return write_record(&PATHS.map(|(path, _)| (path, count(path, 0.0)[RUNS / 2])));
    }
    let record = std::fs::read_to_string(RECORD).unwrap_or_default();
    let mut complaints = String::new();
    for (path, _) in PATHS {
        let recorded = recorded(&record, path);
        let count = count(path, recorded * (1.0 + SLACK_PERCENT / 100.0))[0];
        let percent = (count / recorded - 1.0) * 100.0;
        let what = format!(
            "{path}: {count:.0} instructions for a message, recorded {recorded:.0} ({percent:+.1} %)"
        );
        if percent > SLACK_PERCENT {
            let _ = writeln!(
                complaints,
                "{what}: find out why, or record it (make bench-record)"
            );
        } else if percent < -SLACK_PERCENT {
            // Straight to standard error: a test that passes shows nothing that was printed.
            let _ = writeln!(std::io::stderr(), "{what}: record it (make bench-record)");
        }
    }
    assert!(
        complaints.is_empty(),
        "\n{complaints}recorded with: {}\nnow: {}",
        record.lines().nth(2).unwrap_or_default(),
        tools()
    );
}

#[test]
fn many_messages_share_a_system_call() {
    let program = release_program(Checked::ByStrace);
    let mut complaints = String::new();
    for (path, limit) in PATHS {
        let count = runs(path, limit, "system calls", || system_calls(&program, path))[0];
        if count > limit {
            let _ = writeln!(
                complaints,
                "{path}: {count:.3} system calls for a message, at most {limit} are allowed"
            );
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}
