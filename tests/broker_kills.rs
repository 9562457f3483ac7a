//! A real mosquitto is killed (SIGKILL) and started again on the same port, more than twenty times, while 10,000 QoS 1 messages are
//! published over mutual TLS. Each of them completes exactly once, and an independent mosquitto_sub gets every one at least once,
//! in the order of first arrival.
//!
//! What makes that last assertion honest: mosquitto acknowledges a publish when it is in its memory. If it is killed before its
//! subscriber has the message, the message is gone, and that is mosquitto's loss, not ours (saving to disk after each change
//! still leaves the moment between PUBACK and saving). So the broker is frozen first (SIGSTOP). Then nothing more can be
//! acknowledged, the program says how many acknowledgements it has read, and only if mosquitto_sub has printed all of those is the
//! broker killed; otherwise it goes on, and another moment is tried. Everything that is unacknowledged at a kill, at most of
//! the window's size on the wire and some of it already with the subscriber, is ours to bring again.
//!
//! mosquitto_sub 2.0.11 gives up when its TLS connection breaks, so each start of the broker brings a new one with the same lasting
//! session. That session, and ours in the case with a persistent one, are in mosquitto's database, which is saved by an orderly
//! restart at the beginning; nothing is saved later, so each start after a kill finds the state of the beginning.

mod support;

use std::cell::Cell;
use std::time::Duration;
use support::STEP;
use support::c_program::Program;
use support::certificates::Certificates;
use support::mosquitto::{Mosquitto, Subscriber};
use support::running::Running;

const TOPIC: &str = "kills/data";
const TOTAL: usize = 10_000;
const WINDOW: usize = 100;
const CONNECTED: usize = 2;
const DRAINING: usize = 3;
const FILTERS: usize = 2000;

/// How often of each kind.
const FULL_WINDOW: usize = 15;
const OTHERS: usize = 3;

struct Kills {
    certificates: Certificates,
    broker: Mosquitto,
    program: Running,
    observer: Subscriber,
    /// Lines of the observer that were looked at, and the first number that it has not seen.
    looked_at: Cell<usize>,
    arrived: Cell<usize>,
    step: usize,
    kills: usize,
}

/// What the program says while the broker is frozen.
#[derive(Debug)]
struct Report {
    state: usize,
    queued: usize,
    in_flight: usize,
    acknowledged: usize,
}

impl Kills {
    /// Tells the program something, and gives its answer.
    fn ask(&mut self, command: &str) -> String {
        self.step += 1;
        let begin = format!("{} ", self.step);
        self.program.tell(&format!("{begin}{command}"));
        let answered = self.program.stdout.wait(STEP * 2, |lines| {
            lines.last().is_some_and(|line| line.starts_with(&begin))
        });
        assert!(
            answered,
            "no answer to {command:?}; {} kills, {} arrived\n{}",
            self.kills,
            self.arrived.get(),
            self.program.stderr.text()
        );
        self.program.stdout.all().pop().expect("the answer")
    }

    fn number(&mut self, command: &str, name: &str) -> usize {
        field(&self.ask(command), name)
    }

    fn report(&mut self) -> Report {
        let line = self.ask("report");
        Report {
            state: field(&line, "state"),
            queued: field(&line, "queued"),
            in_flight: field(&line, "in_flight"),
            acknowledged: field(&line, "acked"),
        }
    }

    /// Waits until the observer has had the first `count` messages; each that is new must be the next one.
    fn arrives(&self, count: usize, limit: Duration) -> bool {
        let too_early = Cell::new(None);
        let arrived = self.observer.messages.wait(limit, |lines| {
            for line in &lines[self.looked_at.replace(lines.len())..] {
                let number: usize = line.parse().expect("a number");
                if number == self.arrived.get() {
                    self.arrived.set(number + 1);
                } else if number > self.arrived.get() && too_early.get().is_none() {
                    too_early.set(Some(number));
                }
            }
            too_early.get().is_some() || self.arrived.get() >= count
        });
        if let Some(number) = too_early.get() {
            let next = self.arrived.get();
            panic!("message {number} arrived, and {next} has not: lost, or out of order");
        }
        arrived
    }

    /// Everything published so far is acknowledged and has arrived, and nothing is queued.
    fn settle(&mut self) {
        let acknowledged = self.number("settle", "acked");
        assert!(
            self.arrives(acknowledged, STEP),
            "{acknowledged} are acknowledged and only {} arrived",
            self.arrived.get()
        );
    }

    /// Freezes the broker in a moment in which nothing is acknowledged that has not arrived, and `suits` says yes.
    fn freeze_when(&mut self, suits: impl Fn(&Report) -> bool) -> Option<Report> {
        for _ in 0..100 {
            self.broker.freeze();
            let report = self.report();
            if !suits(&report) {
                self.broker.thaw();
                return None;
            }
            if self.arrives(report.acknowledged, Duration::from_millis(200)) {
                return Some(report);
            }
            self.broker.thaw();
            // The observer may have to come back first.
            assert!(self.arrives(report.acknowledged, STEP), "{report:?}");
        }
        panic!("mosquitto always acknowledges more than its subscriber has");
    }

    fn kill(&mut self) {
        self.broker.kill();
        self.kills += 1;
        self.observer.end();
        self.arrives(0, STEP);
        self.looked_at.set(0);
    }

    fn start(&mut self) {
        self.broker.restart();
        self.observer = self.broker.observer(&self.certificates, TOPIC);
    }

    /// `down`: until somebody was refused by the port where nobody listens.
    fn kill_with_a_full_window(&mut self, down: bool) {
        self.settle();
        self.ask("publish 150");
        // In the middle of them.
        let frozen = self.freeze_when(|_| true).expect("it always suits");
        assert_eq!(frozen.state, CONNECTED, "{frozen:?}");
        self.ask("publish 120");
        let full = self.report();
        assert!(full.in_flight >= WINDOW, "{full:?}");
        self.kill();
        self.ask("publish 30");
        if down {
            let failures = self.number("failures 0", "failures");
            self.ask(&format!("failures {}", failures + 1));
        }
        self.start();
    }

    /// True if it was killed while the queue was draining.
    fn kill_while_draining(&mut self) -> bool {
        self.settle();
        self.freeze_when(|_| true);
        self.kill();
        self.ask("publish 300");
        self.start();
        // On a busy machine the observer may have been slower to come back than the queue was to drain.
        if self.number("draining", "still") == 0 {
            return false;
        }
        let something = self.arrives(self.arrived.get() + 1, STEP);
        assert!(something, "nothing is drained");
        let draining = self.freeze_when(|report| report.state == DRAINING && report.queued > 0);
        let Some(report) = draining else {
            return false;
        };
        assert!(report.queued < 300, "{report:?}");
        self.kill();
        self.start();
        true
    }

    fn kill_in_the_handshake(&mut self) {
        self.settle();
        self.broker.freeze();
        // The kernel accepts the connection, and nobody answers the ClientHello.
        let failures = self.number("reconnect", "failures");
        self.ask("publish 20");
        self.kill();
        self.ask(&format!("failures {}", failures + 1));
        self.start();
    }

    /// True if it was killed between the first and the last SUBACK of resubscribing.
    fn kill_while_resubscribing(&mut self) -> bool {
        self.settle();
        self.freeze_when(|_| true);
        self.kill();
        self.ask("publish 4");
        self.broker.restart();
        // Nobody observes meanwhile, and nothing is acknowledged: publishes go behind the subscriptions.
        self.broker.wait_for_log("Sending SUBACK to killed");
        self.freeze_when(|_| true);
        self.kill();
        self.broker.log.wait_for_end(STEP);
        let log = self.broker.log.all();
        let answered = log
            .iter()
            .filter(|line| line.contains("Sending SUBACK to killed"));
        let answered = answered.count();
        self.start();
        answered > 0 && answered < FILTERS / 8
    }
}

/// The number behind `name=`.
fn field(line: &str, name: &str) -> usize {
    let found = line
        .split(' ')
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let number = found.unwrap_or_else(|| panic!("no {name} in {line:?}"));
    number.parse().expect("a number")
}

fn publishes_while_the_broker_is_killed(
    session: &str,
    filters: usize,
    environment: &[(&str, &str)],
) {
    let certificates = Certificates::new();
    let mut broker = Mosquitto::start_configured(
        &certificates,
        true,
        "max_inflight_messages 0\nmax_queued_messages 0\n",
    );
    let mut observer = broker.observer(&certificates, TOPIC);
    let port = broker.port.to_string();
    let filters_text = filters.to_string();
    let program = Program::compile("broker_kills");
    let directory = certificates.directory();
    let arguments = ["127.0.0.1", &port, &directory, session, &filters_text];
    let running = program.start_with(&arguments, environment);
    running.wait_for("ready");
    observer.end();
    broker.restart();
    observer = broker.observer(&certificates, TOPIC);
    let mut test = Kills {
        certificates,
        broker,
        program: running,
        observer,
        looked_at: Cell::new(0),
        arrived: Cell::new(0),
        step: 0,
        kills: 0,
    };
    test.kill_with_a_full_window(true);
    test.settle();
    test.ask("warm");
    let mut resubscribing = 0;
    let mut draining = 0;
    for round in 1..FULL_WINDOW {
        test.kill_with_a_full_window(round <= OTHERS);
        if round <= OTHERS {
            test.kill_in_the_handshake();
        }
        if draining < OTHERS && test.kill_while_draining() {
            draining += 1;
        }
        if filters > 0 && resubscribing < OTHERS && test.kill_while_resubscribing() {
            resubscribing += 1;
        }
    }
    assert_eq!(draining, OTHERS, "kills while draining");
    if filters > 0 {
        assert_eq!(resubscribing, OTHERS, "kills while resubscribing");
    }
    assert!(test.kills >= 20, "{} kills", test.kills);
    let published = test.number(&format!("publish {TOTAL}"), "published");
    assert_eq!(published, TOTAL);
    test.settle();
    assert!(test.arrives(TOTAL, STEP));
    assert_eq!(test.arrived.get(), TOTAL);
    test.program.tell("0 end");
    let said = test.program.stdout.clone();
    let kills = test.kills;
    test.program.finish();
    // For who runs it with --nocapture.
    let last = said.all().pop().unwrap_or_default();
    println!("{session} session: {kills} kills, {last}");
}

#[test]
fn p3_nothing_is_lost_while_mosquitto_is_killed_again_and_again_with_a_persistent_session() {
    publishes_while_the_broker_is_killed("persistent", 0, &[]);
}

#[test]
fn p3_nothing_is_lost_while_mosquitto_is_killed_again_and_again_with_a_clean_session() {
    publishes_while_the_broker_is_killed("clean", FILTERS, &[]);
}

#[test]
fn p3_nothing_is_lost_while_mosquitto_is_killed_again_and_again_with_a_client_in_a_loop() {
    publishes_while_the_broker_is_killed("persistent", 0, &[("TEST_LOOP", "1")]);
}
