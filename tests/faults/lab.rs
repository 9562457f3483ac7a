//! A device that publishes all the time, its broker, a relay or a network between them, and somebody who counts what arrives.

// The tests use a part of it, the command all.
#![allow(dead_code)]

use super::hosts::Hosts;
use super::support::STEP;
use super::support::c_program::{Checked, Program};
use super::support::certificates::Certificates;
use super::support::mosquitto::{Mosquitto, Subscriber};
use super::support::relay::Relay;
use super::support::running::Running;
use std::time::{Duration, Instant};

pub const CHECKED: Checked = Checked::Plainly;
/// The device's own functions come before the C library's, so they must be seen by the library under test.
pub const FLAGS: &[&str] = &["-std=c11", "-D_GNU_SOURCE", "-rdynamic"];

pub fn device() -> Program {
    Program::compile_with("faults", CHECKED, FLAGS, "gcc")
}

const TOPIC: &str = "faults/data";
/// More than this a fault must not leave behind in resident memory.
const GROWTH_MOST_KIB: i64 = 4096;

/// What one fault did.
pub struct Row {
    /// How long the fault held, and how long after its end a new message was acknowledged and every message before it.
    pub lasted: Duration,
    pub recovered: Duration,
    /// What the application was told: events with the last detail of each kind.
    pub saw: String,
    pub published: i64,
    pub longest_call_ms: i64,
    pub before: Resources,
    pub after: Resources,
    pub peak_kib: i64,
}

#[derive(Clone, Copy)]
pub struct Resources {
    pub rss_kib: i64,
    pub threads: i64,
    pub descriptors: i64,
}

pub struct Lab {
    _certificates: Certificates,
    _broker: Mosquitto,
    /// On the loopback only.
    relay: Option<Relay>,
    /// Two hosts only.
    hosts: Option<Hosts>,
    observer: Subscriber,
    device: Running,
    step: usize,
}

impl Lab {
    /// On the loopback, with a relay.
    pub fn new(program: &Program, settings: &[&str]) -> Lab {
        Lab::start(program, settings, None, "127.0.0.1", &[])
    }

    /// The device connects to a name, which takes a thread.
    pub fn by_name(program: &Program, settings: &[&str], under: &[&str]) -> Lab {
        Lab::start(program, settings, None, "localhost", under)
    }

    /// On two hosts.
    pub fn on(hosts: Hosts, program: &Program, settings: &[&str]) -> Lab {
        Lab::start(program, settings, Some(hosts), "broker.test", &[])
    }

    fn start(
        program: &Program,
        settings: &[&str],
        hosts: Option<Hosts>,
        host: &str,
        under: &[&str],
    ) -> Lab {
        let certificates = Certificates::new();
        let options = "max_inflight_messages 0\nmax_queued_messages 0\n";
        let namespace = hosts.as_ref().map(|hosts| hosts.broker.clone());
        let broker = Mosquitto::start_in(&certificates, false, options, namespace);
        let observer = broker.observer(&certificates, TOPIC);
        let relay = match hosts {
            None => Some(Relay::start(broker.port)),
            Some(_) => None,
        };
        let port = relay.as_ref().map_or(broker.port, Relay::port).to_string();
        let directory = certificates.directory();
        let arguments = [&[host, &port, &directory], settings].concat();
        let in_namespace = hosts.as_ref().map(|hosts| hosts.on_device());
        let under: Vec<&str> = match &in_namespace {
            Some(words) => words.iter().map(String::as_str).collect(),
            None => under.to_vec(),
        };
        let device = program.start_under(&under, &arguments);
        device.wait_for("ready");
        Lab {
            _certificates: certificates,
            _broker: broker,
            relay,
            hosts,
            observer,
            device,
            step: 0,
        }
    }

    pub fn relay(&self) -> &Relay {
        self.relay.as_ref().expect("a relay")
    }

    pub fn hosts(&self) -> &Hosts {
        self.hosts.as_ref().expect("two hosts")
    }

    /// Tells the device something, and gives its answer.
    pub fn ask(&mut self, word: &str, what: &str, number: i64) -> String {
        self.step += 1;
        let begin = format!("{}:", self.step);
        let step = self.step;
        self.device.tell(&format!("{step} {word} {what} {number}"));
        let answered = self.device.stdout.wait(STEP * 5, |lines| {
            lines.last().is_some_and(|line| line.starts_with(&begin))
        });
        assert!(
            answered,
            "the device does not answer to {word:?}; it says:\n{}\n{}",
            self.device.stderr.text(),
            self.device.stdout.all().pop().unwrap_or_default()
        );
        let answer = self.device.stdout.all().pop().expect("the answer");
        answer[begin.len()..].to_owned()
    }

    /// Waits until the application was told of so many: "offline", "online", "failed" (to connect), "refused" (calls).
    pub fn wait(&mut self, what: &str, count: i64) {
        let answer = self.ask("wait", what, count);
        let came = field(&answer, what);
        assert!(came >= count, "{what}: {came} of {count}");
    }

    /// The fault holds so long.
    pub fn hold(&mut self, time: Duration) {
        self.ask("hold", "-", time.as_millis() as i64);
    }

    fn resources(&mut self) -> Resources {
        let line = self.ask("rest", "-", 0);
        Resources {
            rss_kib: field(&line, "rss"),
            threads: field(&line, "threads"),
            descriptors: field(&line, "descriptors"),
        }
    }

    /// Ends the connection from outside.
    pub fn cut(&mut self) {
        self.relay().cut();
    }

    /// The life of a fault: `fault` brings it and returns when it has held long enough, `end` ends it.
    pub fn measure(mut self, fault: impl FnOnce(&mut Lab), end: impl FnOnce(&mut Lab)) -> Row {
        // What the first reconnection allocates belongs to the warm-up.
        self.ask("go", "-", 0);
        self.ask("reconnect", "-", 0);
        self.wait("online", 2);
        self.ask("barrier", "-", 0);
        self.ask("pause", "-", 0);
        self.ask("barrier", "-", 0);
        // Threads that resolved a name end after two seconds without work.
        self.hold(Duration::from_millis(2500));
        let before = self.resources();
        let published = field(&self.ask("report", "-", 0), "published");
        self.ask("begin", "-", 0);
        self.ask("go", "-", 0);
        let began = Instant::now();
        fault(&mut self);
        let lasted = began.elapsed();
        end(&mut self);
        let recovered = Duration::from_millis(field(&self.ask("barrier", "-", 0), "ms") as u64);
        self.ask("pause", "-", 0);
        self.ask("barrier", "-", 0);
        let after = self.resources();
        let report = self.ask("report", "-", 0);
        let saw = self.ask("events", "-", 0);
        let row = Row {
            lasted,
            recovered,
            saw,
            published: field(&report, "published") - published,
            longest_call_ms: field(&report, "longest_call_ms"),
            before,
            after,
            peak_kib: field(&report, "peak"),
        };
        self.finish();
        row.check();
        row
    }

    /// The device's own account (each completion once, with OK), and that of the observer.
    fn finish(mut self) {
        let total = field(&self.ask("report", "-", 0), "published") as usize;
        self.device.tell("0 end - 0");
        self.device.finish();
        let count = |lines: &[String]| {
            let mut came = vec![false; total];
            for line in lines {
                let number = line.split(' ').next().and_then(|word| word.parse().ok());
                let number: usize = number.unwrap_or_else(|| panic!("no number: {line:.20}"));
                came[number] = true;
            }
            came
        };
        let all = self.observer.messages.wait(STEP, |lines| {
            lines.len() >= total && count(lines).iter().all(|came| *came)
        });
        let came = count(&self.observer.messages.all());
        let lost: Vec<usize> = (0..total).filter(|number| !came[*number]).collect();
        assert!(
            all,
            "{} of {total} were acknowledged and never arrived: {:?}",
            lost.len(),
            &lost[..lost.len().min(10)]
        );
    }
}

impl Row {
    fn check(&self) {
        let (before, after) = (self.before, self.after);
        assert!(
            after.threads <= before.threads,
            "{} threads, {} before",
            after.threads,
            before.threads
        );
        assert!(
            after.descriptors <= before.descriptors,
            "{} descriptors, {} before",
            after.descriptors,
            before.descriptors
        );
        let grown = after.rss_kib - before.rss_kib;
        assert!(
            grown <= GROWTH_MOST_KIB,
            "resident memory has grown by {grown} KiB"
        );
        assert!(self.published > 0, "nothing was published meanwhile");
        // A call hands over and returns, whatever the network does; the rest is the machine's other work.
        assert!(
            self.longest_call_ms < 1000,
            "a call took {} ms",
            self.longest_call_ms
        );
    }

    /// The application must have been told this.
    pub fn told(self, what: &[&str]) -> Row {
        for part in what {
            assert!(self.saw.contains(part), "no {part:?} in {:?}", self.saw);
        }
        self
    }
}

/// The number behind `name=`.
pub fn field(line: &str, name: &str) -> i64 {
    let found = line
        .split(' ')
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let number = found.unwrap_or_else(|| panic!("no {name} in {line:?}"));
    number.parse().expect("a number")
}
