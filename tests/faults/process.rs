//! Faults of the device's own process: descriptors, threads, memory, the clock. Those by RLIMIT_NPROC need root, to be somebody else.

// The tests use a part of it, the command all.
#![allow(dead_code)]

use super::lab::{Lab, Row, field};
use super::support::c_program::Program;
use super::support::relay::Mode;
use std::time::Duration;

const YEAR_SECS: i64 = 365 * 24 * 3600;

pub fn descriptors(program: &Program) -> Row {
    Lab::new(program, &[])
        .measure(
            |lab| {
                // 0, 1 and 2 are taken: there is none that could be given.
                lab.ask("descriptors", "-", 3);
                lab.cut();
                lab.wait("failed", 4);
            },
            |lab| {
                lab.ask("descriptors", "-", -1);
            },
        )
        .told(&["connect failed `IO`"])
}

pub fn threads(program: &Program) -> Row {
    let mut refused = 0;
    let row = Lab::by_name(program, &[], &[]).measure(
        |lab| {
            lab.ask("threads", "-", 0);
            lab.cut();
            lab.wait("failed", 4);
        },
        |lab| {
            refused = field(&lab.ask("threads", "-", 1), "refused");
        },
    );
    assert!(refused >= 4, "{refused} threads were refused");
    row
}

pub fn processes(program: &Program) -> Row {
    let nobody = ["setpriv", "--reuid=65534", "--clear-groups", "--"];
    Lab::by_name(program, &[], &nobody).measure(
        |lab| {
            lab.ask("processes", "-", 1);
            lab.cut();
            lab.wait("failed", 4);
        },
        |lab| {
            lab.ask("processes", "-", -1);
        },
    )
}

/// What is accepted stays accepted, what has no place is refused, and small messages go on meanwhile.
pub fn memory(program: &Program) -> Row {
    // Without what each further arena of the C library reserves: 64 MiB that the limit would not hold for.
    let one_arena = ["env", "MALLOC_ARENA_MAX=1"];
    let lab = Lab::by_name(program, &[], &one_arena);
    lab.measure(
        |lab| {
            // On a live connection of which the broker reads nothing, and without one.
            lab.relay().set(Mode::StopsReading);
            lab.ask("memory", "-", 8192);
            let live = field(&lab.ask("burst", "131000", 300), "accepted");
            assert!((1..300).contains(&live), "{live} were accepted");
            lab.ask("memory", "-", -1);
            lab.relay().set(Mode::Silent);
            lab.cut();
            lab.wait("offline", 1);
            lab.ask("memory", "-", 4096);
            let queued = field(&lab.ask("burst", "131000", 300), "accepted");
            assert!((1..300).contains(&queued), "{queued} were accepted");
        },
        |lab| {
            // Enough for a connection, and not for a second copy of what is in flight.
            lab.ask("memory", "-", 4096);
            lab.relay().set(Mode::Pass);
            lab.cut();
        },
    )
    .told(&["call refused `NO_MEMORY`"])
}

pub fn clock(program: &Program) -> Row {
    let mut asked = 0;
    let row = Lab::new(program, &["keep_alive=2"]).measure(
        |lab| {
            lab.ask("clock", "-", YEAR_SECS);
            lab.hold(Duration::from_secs(5));
            let report = lab.ask("events", "-", 0);
            assert_eq!(report, "", "the step itself was felt");
            lab.cut();
            lab.wait("online", 1);
            asked += field(&lab.ask("clock", "-", -YEAR_SECS), "asked");
            lab.hold(Duration::from_secs(5));
            lab.cut();
            lab.wait("online", 2);
            asked += field(&lab.ask("clock", "-", 0), "asked");
        },
        |_| {},
    );
    assert!(asked > 0, "nobody has asked for the time that was shifted");
    row.told(&["offline `CONNECTION_LOST` x2"])
}
