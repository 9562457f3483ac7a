//! The fault lab: a device publishes while what is around it breaks, and comes back by itself with nothing lost.
//!
//! The tests here need no privileges and run with all others. `make faults` (`faults/command.rs`) plays all faults, as root, in network
//! namespaces of its own, and makes `docs/reliability.md` of what it measured.

mod support;

#[path = "faults/connections.rs"]
mod connections;
#[path = "faults/hosts.rs"]
mod hosts;
#[path = "faults/lab.rs"]
mod lab;
#[path = "faults/process.rs"]
mod process;

use lab::{CHECKED, FLAGS, device};
use support::broker::Broker;
use support::c_program::Program;

#[test]
fn p6_a_broker_that_accepts_and_is_silent() {
    connections::silent(&device());
}

#[test]
fn p6_a_broker_that_says_one_byte_a_second() {
    connections::one_byte_a_second(&device());
}

#[test]
fn p8_a_broker_that_stops_reading() {
    connections::stops_reading(&device());
}

#[test]
fn p3_the_connect_of_an_older_connection_comes_after_that_of_a_newer_one() {
    connections::reordered(&device());
}

#[test]
fn p7_a_hundred_forced_reconnections() {
    connections::reconnects(&device(), 100);
}

#[test]
fn p6_the_wall_clock_is_stepped_by_a_year() {
    process::clock(&device());
}

#[test]
fn p7_no_descriptors_left() {
    process::descriptors(&device());
}

#[test]
fn p7_no_thread_can_be_started() {
    process::threads(&device());
}

#[test]
fn p5_no_thread_can_be_started_at_first_or_while_callbacks_block() {
    let program = Program::compile_with("no_threads", CHECKED, FLAGS, "gcc");
    let broker = Broker::plain(|listener| {
        listener.serve_each(10, |connection| {
            connection.welcome();
            connection.serve();
        });
    });
    program.run_with(broker, "-", &[]);
}

#[test]
fn p5_the_only_thread_runs_callbacks_where_no_second_can_be_started() {
    let program = Program::compile_with("no_second_thread", CHECKED, FLAGS, "gcc");
    let broker = Broker::plain(|listener| {
        listener.serve_each(1, |connection| {
            connection.welcome();
            connection.serve();
        });
    });
    program.run_with(broker, "-", &[]);
}

#[test]
fn p8_no_memory_left() {
    process::memory(&device());
}
