//! Faults of the broker and of what is between: a relay makes them. No privileges.

// The tests use a part of it, the command all.
#![allow(dead_code)]

use super::lab::{Lab, Row, field};
use super::support::c_program::Program;
use super::support::relay::Mode;
use std::time::Duration;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn pass(lab: &mut Lab) {
    lab.relay().set(Mode::Pass);
}

pub fn silent(program: &Program) -> Row {
    Lab::new(program, &[])
        .measure(
            |lab| {
                lab.relay().set(Mode::Silent);
                lab.cut();
                lab.wait("failed", 2);
            },
            pass,
        )
        .told(&["offline `CONNECTION_LOST` x1", "connect failed `TIMEOUT`"])
}

pub fn one_byte_a_second(program: &Program) -> Row {
    Lab::new(program, &[])
        .measure(
            |lab| {
                lab.relay().set(Mode::OneByteASecond);
                lab.hold(seconds(4));
                lab.cut();
                lab.wait("failed", 1);
            },
            pass,
        )
        .told(&["connect failed `TIMEOUT`"])
}

/// More is accepted than the sockets' buffers can take: at last our own writes would block.
pub fn stops_reading(program: &Program) -> Row {
    let lab = Lab::new(program, &["window=1000"]);
    lab.measure(
        |lab| {
            lab.relay().set(Mode::StopsReading);
            let accepted = field(&lab.ask("burst", "65536", 400), "accepted");
            assert_eq!(accepted, 400);
            lab.wait("offline", 1);
            lab.wait("failed", 1);
        },
        pass,
    )
    .told(&["offline `PING_TIMEOUT`"])
}

pub fn delay(program: &Program) -> Row {
    let slow = ["connect_ms=30000", "ping_ms=10000", "keep_alive=30"];
    Lab::new(program, &slow).measure(
        |lab| {
            lab.relay().set(Mode::Delay(seconds(2), seconds(1)));
            lab.hold(seconds(5));
            lab.cut();
            lab.wait("online", 1);
            lab.hold(seconds(10));
            let report = lab.ask("report", "-", 0);
            assert!(field(&report, "completed") > 0, "{report}");
        },
        pass,
    )
}

/// The CONNECT of an attempt that was given up comes after that of the next: the broker ends the good connection.
pub fn reordered(program: &Program) -> Row {
    Lab::new(program, &[]).measure(
        |lab| {
            lab.relay().set(Mode::HoldNext(seconds(6)));
            lab.cut();
            lab.wait("offline", 2);
        },
        pass,
    )
}

pub fn reconnects(program: &Program, count: i64) -> Row {
    // A publish that five connections in a row end on would be taken for one that the policy forbids.
    let row = Lab::new(program, &["base_ms=2", "max_ms=20", "poison=0"]).measure(
        |lab| {
            for number in 1..=count {
                lab.cut();
                lab.wait("online", number);
            }
        },
        |_| {},
    );
    row.told(&[&format!("offline `CONNECTION_LOST` x{count}")])
}
