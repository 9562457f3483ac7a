//! `docs/reliability.md`: every fault, played and measured.

use super::lab::Row;
use super::support::c_program::Program;
use super::support::machine::measured;
use super::{connections, network, process};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

struct Fault {
    name: &'static str,
    how: &'static str,
    run: fn(&Program) -> Row,
}

const fn fault(name: &'static str, how: &'static str, run: fn(&Program) -> Row) -> Fault {
    Fault { name, how, run }
}

const FAULTS: &[Fault] = &[
    fault(
        "30 % of the packets are lost",
        "nftables in both directions; a reconnection under it",
        network::loss,
    ),
    fault(
        "64 kbit/s",
        "tbf; 200 messages of 1 KiB at once, and a reconnection under it",
        network::rate,
    ),
    fault(
        "partition, link down",
        "the device's link goes down: no FIN, no route",
        network::link_down,
    ),
    fault(
        "partition, packets dropped",
        "all packets are dropped by nftables: no FIN",
        network::partition,
    ),
    fault(
        "another address",
        "the device's address is replaced while it is connected",
        network::address,
    ),
    fault(
        "MTU black hole",
        "packets over 600 bytes vanish without a word",
        network::large_packets,
    ),
    fault(
        "name server dead",
        "questions vanish; a reconnection under it",
        network::names,
    ),
    fault(
        "2 s delay, 1 s jitter",
        "by a relay, in each direction; a reconnection under it",
        connections::delay,
    ),
    fault(
        "connections overtake each other",
        "the CONNECT of an attempt that was given up reaches the broker 6 s late, after the next connection",
        connections::reordered,
    ),
    fault(
        "silent broker",
        "it accepts and says nothing",
        connections::silent,
    ),
    fault(
        "one byte a second",
        "from the broker, on a live connection and in the handshake",
        connections::one_byte_a_second,
    ),
    fault(
        "broker stops reading",
        "26 MB are accepted meanwhile: writes would block",
        connections::stops_reading,
    ),
    fault(
        "1,000 forced reconnections",
        "each connection is cut as soon as it is there",
        |program| connections::reconnects(program, 1000),
    ),
    fault(
        "wall clock stepped by a year",
        "forward, then two years back, a reconnection after each; the C library's clock is replaced, the machine's stays",
        process::clock,
    ),
    fault(
        "no descriptors left",
        "RLIMIT_NOFILE, then the connection is cut",
        process::descriptors,
    ),
    fault(
        "no threads, pthread_create fails",
        "it is replaced, then the connection is cut; the broker's name must be resolved",
        process::threads,
    ),
    fault(
        "no threads, RLIMIT_NPROC",
        "as another user, otherwise the same",
        process::processes,
    ),
    fault(
        "memory limit",
        "RLIMIT_AS 8 and 4 MiB above what is taken; 300 messages of 131 kB, on a live connection and, when it was cut, without one; then a reconnection with 4 MiB",
        process::memory,
    ),
];

fn line(fault: &Fault, row: &Row) -> String {
    format!(
        "| {} | {} | {:.1} | {} | {:.1} | {} | {} | {:+} ({}) | {} → {} | {} → {} |\n",
        fault.name,
        fault.how,
        row.lasted.as_secs_f64(),
        match row.saw.as_str() {
            "" => "nothing",
            saw => saw,
        },
        row.recovered.as_secs_f64(),
        row.published,
        row.longest_call_ms,
        row.after.rss_kib - row.before.rss_kib,
        row.peak_kib,
        row.before.threads,
        row.after.threads,
        row.before.descriptors,
        row.after.descriptors,
    )
}

/// Plays all, one after the other, so that the times are theirs alone. FAULT names one, by a part of its name.
pub fn make() {
    let program = Program::compile_with("faults", super::lab::CHECKED, super::lab::FLAGS, "gcc");
    let only = std::env::var("FAULT").ok();
    let (mut lines, mut broken) = (String::new(), Vec::new());
    for fault in FAULTS {
        if only.as_ref().is_some_and(|only| !fault.name.contains(only)) {
            continue;
        }
        match catch_unwind(AssertUnwindSafe(|| (fault.run)(&program))) {
            Ok(row) => {
                let line = line(fault, &row);
                print!("{line}");
                lines.push_str(&line);
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text =
                    text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
                broken.push(format!("{}: {}", fault.name, text.unwrap_or_default()));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n\n"));
    if only.is_none() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
        std::fs::write(&path, page(&lines)).expect("writing the page");
    }
}

const HEAD: &str = "# What happens when things break

Made by `make faults`, which plays everything again. Do not edit.

A device (`tests/c/faults.c`, C11, with the installed shared library) publishes a numbered QoS 1 message every 20 ms over mutual TLS
to mosquitto, while the command breaks what is around it. For each fault the command checks, and fails otherwise, that

- every publish that a call accepted completed exactly once, with OK, and an independent mosquitto_sub received every one of them,
- no call of the application took a second,
- afterwards there are no more threads and descriptors than before, and at most 4 MiB more resident memory (after `malloc_trim`: what the
  C library keeps for later is not lost).

*Recovered* is the time from the end of the fault until a message that was published then, and every one before it, was acknowledged.
The device's settings: keep alive 5 s, ping time-out 2 s, connect time-out 3 s, waits between attempts of 0.1 to 1 s; where the network itself
is slow, up to 10 s and 30 s (`tests/faults/`). With the defaults the same happens later.

In the line about the memory limit the limit is 4 MiB above what is taken during the reconnection and stays there. That is room for a
connection and not for a second copy of the 4 MB in flight: it is sent again in steps of 64 KiB. A payload that finds no memory is refused,
or tried again on the next connection. Not survived: a small allocation that fails, as in a TLS handshake without any memory left, ends
the process.

";

fn page(lines: &str) -> String {
    let mut page = format!("{HEAD}{}\n\n", measured());
    page.push_str(
        "| fault | how | held, s | what the application was told (last detail) | recovered, s | messages meanwhile | longest call, ms \
         | memory, KiB (peak) | threads | descriptors |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let _ = write!(page, "{lines}");
    page
}
