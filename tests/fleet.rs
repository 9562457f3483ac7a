//! `c-examples/fleet.c`, a simulated fleet in one process, over mutual TLS against a real mosquitto that dies in the middle.

mod support;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::Duration;
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;
use support::running::Running;

const CLIENTS: usize = 60;
/// Of descriptors: too few for the clients until the program raises its soft limit.
const SOFT_LIMIT: u64 = 64;
const HARD_LIMIT: u64 = 4096;

/// Of this process: what it starts inherits them.
fn descriptors(soft_limit: u64) {
    let limit = Rlimit {
        current: Some(soft_limit),
        maximum: Some(HARD_LIMIT),
    };
    setrlimit(Resource::Nofile, limit).expect("limits below those that are");
}

fn start(program: &Program, certificates: &Certificates, port: u16, more: &[&str]) -> Running {
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
fn figure(line: &str, before: &str) -> f64 {
    let rest = line.split(before).nth(1);
    let word = rest.and_then(|rest| rest.split_whitespace().next());
    word.and_then(|word| word.trim_end_matches(',').parse().ok())
        .unwrap_or_else(|| panic!("no figure behind {before:?} in {line:?}"))
}

fn wait_for_line(running: &Running, limit: Duration, parts: &[&str]) -> String {
    let fits = |line: &String| parts.iter().all(|part| line.contains(part));
    let came = running.stdout.wait(limit, |lines| lines.iter().any(fits));
    let said = running.stdout.text();
    assert!(came, "no line with {parts:?}, but:\n{said}");
    said.lines()
        .map(str::to_owned)
        .rfind(fits)
        .expect("the line that came")
}

#[test]
fn p7_a_fleet_comes_back_from_an_outage_and_says_how() {
    let certificates = Certificates::new();
    let mut broker = Mosquitto::start(&certificates);
    let program = Program::compile_with("c-examples/fleet", Checked::Plainly, &["-std=c11"], "gcc");
    let clients = CLIENTS.to_string();
    descriptors(SOFT_LIMIT);
    let mut fleet = start(
        &program,
        &certificates,
        broker.port,
        &["--clients", &clients, "--every", "1", "--seconds", "100"],
    );
    descriptors(HARD_LIMIT);
    let all = format!("connected {CLIENTS} of {CLIENTS} ");
    let limit = Duration::from_secs(40);
    let live = wait_for_line(&fleet, limit, &[&all, "RSS", "received "]);
    assert!(figure(&live, "threads") <= 9.0, "{live}");

    broker.kill();
    let lost = wait_for_line(&fleet, limit, &["outage: "]);
    assert!(figure(&lost, "outage:") < CLIENTS as f64, "{lost}");
    let nobody = format!("connected 0 of {CLIENTS} ");
    wait_for_line(&fleet, limit, &[&nobody]);
    broker.restart();
    let over = wait_for_line(&fleet, limit, &["outage over: "]);
    assert!(over.contains("down to 0 of"), "{over}");
    let (most, everybody) = (figure(&over, "99 % back after"), figure(&over, "all after"));
    assert!(0.0 < most && most <= everybody, "{over}");
    assert!(figure(&over, "at most") >= 1.0, "{over}");
    assert!(figure(&over, "longest callback delay") < 5000.0, "{over}");

    // SIGINT ends it as --seconds would: nothing is lost, and nobody is left.
    let pid = rustix::process::Pid::from_child(fleet.child());
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("SIGINT");
    let said = fleet.stdout.clone();
    fleet.finish();
    let ended = said.text();
    let last = ended.lines().last().expect("a last line");
    assert!(last.ends_with("failed 0"), "{last}");
    assert_eq!(
        figure(last, "published"),
        figure(last, "acknowledged"),
        "{last}"
    );
    assert!(figure(last, "received") > CLIENTS as f64, "{last}");
}

#[test]
fn what_a_fleet_lacks_of_descriptors_is_said_exactly() {
    let certificates = Certificates::new();
    let program = Program::compile_with("c-examples/fleet", Checked::Plainly, &["-std=c11"], "gcc");
    let soft_limit = getrlimit(Resource::Nofile).current;
    descriptors(soft_limit.map_or(HARD_LIMIT, |soft| soft.min(HARD_LIMIT)));
    let fleet = start(&program, &certificates, 1, &["--clients", "5000"]);
    let complaints = fleet.stderr.clone();
    let why = fleet.outcome().expect_err("it cannot run");
    assert!(why.contains("exited with 2"), "{why}");
    let said = complaints.text();
    assert!(
        said.contains(
            "5000 clients need 5064 descriptors, and the hard limit of this process is 4096"
        ) && said.contains("LimitNOFILE=5064")
            && said.contains("at most 4032 clients"),
        "{said}"
    );
}

/// `make fleet`: the same with as many as a process can have, and what came of it as a page.
#[test]
#[ignore = "make fleet runs it: it takes minutes"]
fn fleet_page() {
    let clients: u64 = std::env::var("CLIENTS").map_or(10_000, |number| {
        number.parse().expect("CLIENTS is a number")
    });
    // The broker's, too.
    let wanted = clients + 1000;
    let limit = getrlimit(Resource::Nofile);
    assert!(
        limit.maximum.is_none_or(|hard| hard >= wanted),
        "{clients} clients need {wanted} descriptors: raise the hard limit (ulimit -Hn {wanted})"
    );
    let raised = Rlimit {
        current: Some(limit.current.map_or(wanted, |soft| soft.max(wanted))),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("below the hard limit");

    let certificates = Certificates::new();
    let mut broker = Mosquitto::start(&certificates);
    let program = Program::compile_with("c-examples/fleet", Checked::Plainly, &["-std=c11"], "gcc");
    let count = clients.to_string();
    let arguments = ["--clients", &count, "--every", "10", "--seconds", "900"];
    let mut fleet = start(&program, &certificates, broker.port, &arguments);
    let patience = Duration::from_secs(300);
    fleet.allow(3 * patience);
    let all = format!("connected {clients} of {clients} ");
    wait_for_line(&fleet, patience, &[&all]);
    // Ten seconds later each has published.
    let live = wait_for_lines(&fleet, patience, &[&all], 15);
    broker.kill();
    let nobody = format!("connected 0 of {clients} ");
    wait_for_line(&fleet, patience, &[&nobody]);
    broker.restart();
    let over = wait_for_line(&fleet, patience, &["outage over: "]);
    let pid = rustix::process::Pid::from_child(fleet.child());
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("SIGINT");
    let said = fleet.stdout.clone();
    fleet.finish();
    let ended = said.text();
    let last = ended.lines().last().expect("a last line");
    assert!(last.ends_with("failed 0"), "{last}");
    let page = format!(
        "# A fleet in one process\n\nMade by `make fleet CLIENTS={clients}`, which runs it again. Do not edit.\n\n\
         `c-examples/fleet.c` with the installed shared library: {clients} clients over mutual TLS, each of which publishes every 10 s (QoS 1) and gets\n\
         its own message back, against mosquitto on the same machine, which is killed and started again.\n\n{}\n\n\
         With all connected:\n\n    {}\n\nThe outage, until all were back:\n\n    {}\n\nAt the end, with nothing lost:\n\n    {last}\n",
        support::machine::measured(),
        live.trim(),
        over.trim().replace(", at most", ",\n    at most"),
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fleet.md");
    std::fs::write(path, page).expect("docs/fleet.md is written");
}

/// The last of so many lines with all `parts`.
fn wait_for_lines(running: &Running, limit: Duration, parts: &[&str], count: usize) -> String {
    let fits = |line: &&String| parts.iter().all(|part| line.contains(part));
    let came = running
        .stdout
        .wait(limit, |lines| lines.iter().filter(fits).count() >= count);
    assert!(came, "fewer than {count} lines with {parts:?}");
    wait_for_line(running, limit, parts)
}
