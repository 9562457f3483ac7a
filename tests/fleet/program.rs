//! `c-examples/fleet.c` under way, and the figures in its lines.

// The tests use a part of it, the command another.
#![allow(dead_code)]

use super::support::c_program::{Checked, Program};
use super::support::certificates::Certificates;
use super::support::running::Running;
use std::time::Duration;

pub fn compile() -> Program {
    Program::compile_with("c-examples/fleet", Checked::Plainly, &["-std=c11"], "gcc")
}

pub fn start(program: &Program, certificates: &Certificates, port: u16, more: &[&str]) -> Running {
    let file = |name: &str| certificates.file(name).to_str().expect("UTF-8").to_owned();
    let (ca, certificate, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let port = port.to_string();
    let common = [
        ("--endpoint", "127.0.0.1"),
        ("--port", &port),
        ("--ca", &ca),
        ("--cert", &certificate),
        ("--key", &key),
        ("--client-id", "fleet"),
        ("--topic", "fleet"),
    ];
    let mut arguments: Vec<&str> = common
        .iter()
        .flat_map(|(name, value)| [*name, *value])
        .collect();
    arguments.extend(more);
    program.start(&arguments)
}

/// The number behind `before` in a line such as "99 % back after 1.5 s".
pub fn figure(line: &str, before: &str) -> f64 {
    let rest = line.split(before).nth(1);
    let word = rest.and_then(|rest| rest.split_whitespace().next());
    word.and_then(|word| word.trim_end_matches(',').parse().ok())
        .unwrap_or_else(|| panic!("no figure behind {before:?} in {line:?}"))
}

pub fn wait_for_line(running: &Running, limit: Duration, parts: &[&str]) -> String {
    let fits = |line: &String| parts.iter().all(|part| line.contains(part));
    let came = running.stdout.wait(limit, |lines| lines.iter().any(fits));
    let said = running.stdout.text();
    assert!(came, "no line with {parts:?}, but:\n{said}");
    said.lines()
        .map(str::to_owned)
        .rfind(fits)
        .expect("the line that came")
}

/// The last of so many lines with all `parts`.
pub fn wait_for_lines(running: &Running, limit: Duration, parts: &[&str], count: usize) -> String {
    let fits = |line: &&String| parts.iter().all(|part| line.contains(part));
    let came = running
        .stdout
        .wait(limit, |lines| lines.iter().filter(fits).count() >= count);
    assert!(came, "fewer than {count} lines with {parts:?}");
    wait_for_line(running, limit, parts)
}

/// SIGINT ends it as --seconds would: nothing is lost, and nobody is left. Gives the last line that it says.
pub fn end(mut fleet: Running) -> String {
    let pid = rustix::process::Pid::from_child(fleet.child());
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("SIGINT");
    let said = fleet.stdout.clone();
    fleet.finish();
    let ended = said.text();
    let last = ended.lines().last().expect("a last line").to_owned();
    assert!(last.ends_with("failed 0"), "{last}");
    last
}
