//! `make fleet`: as many clients as a process can have, and `docs/fleet.md` of what came of it.

#[path = "../support/mod.rs"]
mod support;

mod program;

use program::{compile, end, start, wait_for_line, wait_for_lines};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::Duration;
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;

fn main() {
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
    let program = compile();
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
    let last = end(fleet);
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
