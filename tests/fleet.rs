//! `c-examples/fleet.c`, a simulated fleet in one process, over mutual TLS against a real mosquitto that dies in the middle.

mod support;

#[path = "fleet/program.rs"]
mod program;

use program::{compile, end, figure, start, wait_for_line};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::Duration;
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;

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

#[test]
fn p7_a_fleet_comes_back_from_an_outage_and_says_how() {
    let certificates = Certificates::new();
    let mut broker = Mosquitto::start(&certificates);
    let program = compile();
    let clients = CLIENTS.to_string();
    descriptors(SOFT_LIMIT);
    let fleet = start(
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

    let last = end(fleet);
    assert_eq!(
        figure(&last, "published"),
        figure(&last, "acknowledged"),
        "{last}"
    );
    assert!(figure(&last, "received") > CLIENTS as f64, "{last}");
}

#[test]
fn what_a_fleet_lacks_of_descriptors_is_said_exactly() {
    let certificates = Certificates::new();
    let program = compile();
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
