//! Keeps what the real poller promises: one-shot descriptors, a wake-up that lets one waiter return however often it was asked for
//! meanwhile (an edge of the eventfd), one timer. Which of several events a waiter gets is random.

use super::clock::{self, Alarm};
use crate::time::Instant;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io;
use shuttle::rand::Rng;
use shuttle::sync::{Condvar, Mutex};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Wake,
    Timer,
    Key(u64),
    Nothing,
}

pub(super) const FIRST_KEY: u64 = 3;

pub(super) struct Poller {
    waited_for: Mutex<WaitedFor>,
    changed: Arc<Condvar>,
    /// For who wants a descriptor; nobody waits on it.
    file: File,
}

#[derive(Default)]
struct WaitedFor {
    wake: bool,
    timer: Option<(Instant, Alarm)>,
    armed: BTreeMap<u64, Interest>,
    /// Descriptors with something to read; all can be written to.
    readable: BTreeSet<u64>,
}

impl WaitedFor {
    fn events(&self) -> Vec<Ready> {
        let is_ready = |(key, interest): (&u64, &Interest)| {
            let ready = interest.write || (interest.read && self.readable.contains(key));
            ready.then_some(Ready::Key(*key))
        };
        let mut events: Vec<Ready> = self.armed.iter().filter_map(is_ready).collect();
        if self.wake {
            events.push(Ready::Wake);
        }
        if self
            .timer
            .as_ref()
            .is_some_and(|(at, _)| clock::is_past(*at))
        {
            events.push(Ready::Timer);
        }
        events
    }
}

impl Poller {
    pub(super) fn new() -> io::Result<Poller> {
        Ok(Poller {
            waited_for: Mutex::default(),
            changed: Arc::default(),
            file: File::open("/dev/null").map_err(|_| io::Errno::NOENT)?,
        })
    }

    pub(super) fn wait(&self) -> Ready {
        self.wait_at_most(None).expect("no limit")
    }

    pub(super) fn wait_at_most(&self, patience: Option<Duration>) -> Option<Ready> {
        let until = patience.map(|patience| clock::now() + patience);
        let _alarm = patience
            .filter(|patience| !patience.is_zero())
            .map(|patience| Alarm::new(clock::now() + patience, &self.changed));
        let mut it = self.waited_for.lock().expect("no poison");
        loop {
            let events = it.events();
            if !events.is_empty() {
                let event = events[shuttle::rand::thread_rng().gen_range(0..events.len())];
                match event {
                    Ready::Wake => it.wake = false,
                    Ready::Timer => drop(it.timer.take()),
                    Ready::Key(key) => drop(it.armed.remove(&key)),
                    Ready::Nothing => {}
                }
                return Some(event);
            }
            if until.is_some_and(clock::is_past) {
                return None;
            }
            it = self.changed.wait(it).expect("no poison");
        }
    }

    /// What an application does with `fd`: returns when `wait_at_most` would give something.
    pub(super) fn wait_for_descriptor(&self) {
        let mut it = self.waited_for.lock().expect("no poison");
        while it.events().is_empty() {
            it = self.changed.wait(it).expect("no poison");
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    fn change(&self, change: impl FnOnce(&mut WaitedFor)) {
        change(&mut self.waited_for.lock().expect("no poison"));
        self.changed.notify_all();
    }

    pub(super) fn wake(&self) {
        self.change(|it| it.wake = true);
    }

    pub(super) fn set_timer(&self, at: Instant) {
        let alarm = Alarm::new(at, &self.changed);
        self.change(|it| it.timer = Some((at, alarm)));
    }

    /// The other end has sent something, or everything was read.
    pub(super) fn readable(&self, key: u64, readable: bool) {
        self.change(|it| {
            if readable {
                it.readable.insert(key);
            } else {
                it.readable.remove(&key);
            }
        });
    }

    pub(super) fn add_attempt(&self, _: BorrowedFd<'_>, _: u64) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn arm_attempt(
        &self,
        fd: BorrowedFd<'_>,
        key: u64,
        interest: Interest,
    ) -> io::Result<()> {
        self.arm(fd, key, interest)
    }

    pub(super) fn promote(&self, _: BorrowedFd<'_>, _: u64) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn arm(&self, _: BorrowedFd<'_>, key: u64, interest: Interest) -> io::Result<()> {
        self.change(|it| {
            it.armed.insert(key, interest);
        });
        Ok(())
    }

    /// The descriptor is closed.
    pub(super) fn closed(&self, key: u64) {
        self.change(|it| {
            it.armed.remove(&key);
        });
    }
}
