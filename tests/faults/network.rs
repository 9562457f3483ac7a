//! Faults of the network between two hosts. Root.

use super::hosts::Hosts;
use super::lab::{Lab, Row};
use super::support::c_program::Program;
use std::time::Duration;

const HELD: Duration = Duration::from_secs(10);

fn no_rules(lab: &mut Lab) {
    lab.hosts().no_rules();
}

pub fn loss(program: &Program) -> Row {
    Lab::on(Hosts::new(), program, &["connect_ms=30000"]).measure(
        |lab| {
            for hook in ["input", "output"] {
                lab.hosts()
                    .rule(hook, "numgen random mod 100 < 30 counter drop");
            }
            lab.hold(HELD);
            // The handshake, too.
            lab.ask("reconnect", "-", 0);
            lab.wait("online", 1);
            lab.hold(HELD);
            let dropped = lab.hosts().counted();
            assert!(dropped > 100, "only {dropped} packets were dropped");
        },
        no_rules,
    )
}

pub fn rate(program: &Program) -> Row {
    let slow = ["ping_ms=10000", "connect_ms=30000"];
    Lab::on(Hosts::new(), program, &slow).measure(
        |lab| {
            lab.hosts().limit_rate("64kbit");
            lab.ask("burst", "1024", 200);
            lab.hold(HELD);
            lab.ask("reconnect", "-", 0);
            lab.wait("online", 1);
            lab.hold(HELD);
        },
        |lab| lab.hosts().no_limit(),
    )
}

pub fn link_down(program: &Program) -> Row {
    Lab::on(Hosts::new(), program, &[])
        .measure(
            |lab| {
                lab.hosts().link("down");
                lab.wait("offline", 1);
                lab.wait("failed", 3);
            },
            |lab| lab.hosts().link("up"),
        )
        .told(&["offline `PING_TIMEOUT` x1"])
}

pub fn partition(program: &Program) -> Row {
    Lab::on(Hosts::new(), program, &[])
        .measure(
            |lab| {
                for hook in ["input", "output"] {
                    lab.hosts().rule(hook, "drop");
                }
                lab.wait("offline", 1);
                lab.wait("failed", 3);
            },
            no_rules,
        )
        .told(&["offline `PING_TIMEOUT` x1", "connect failed `TIMEOUT`"])
}

/// As when a modem gets another address. Nothing has to end for it to recover.
pub fn address(program: &Program) -> Row {
    Lab::on(Hosts::new(), program, &[]).measure(
        |lab| {
            lab.hosts().change_address();
            lab.wait("online", 1);
        },
        |_| {},
    )
}

/// Small packets pass, large ones vanish, and nobody says so.
pub fn large_packets(program: &Program) -> Row {
    Lab::on(Hosts::new(), program, &[])
        .measure(
            |lab| {
                for hook in ["input", "output"] {
                    lab.hosts().rule(hook, "meta length > 600 drop");
                }
                lab.ask("burst", "1200", 1);
                lab.wait("offline", 1);
                lab.wait("failed", 2);
            },
            no_rules,
        )
        .told(&["connect failed `TIMEOUT`"])
}

pub fn names(program: &Program) -> Row {
    Lab::on(Hosts::with_name_server(), program, &[]).measure(
        |lab| {
            lab.hosts().rule("input", "udp dport 53 drop");
            lab.ask("reconnect", "-", 0);
            lab.wait("failed", 3);
        },
        no_rules,
    )
}
