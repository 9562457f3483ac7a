//! Keeps what the real poller promises: one-shot descriptors, a wake-up that lets one waiter return however often it was asked for
//! meanwhile (an edge of the eventfd), one timer. Which of several events a waiter gets is random.

use super::clock;
use crate::time::Instant;
use rustix::fd::BorrowedFd;
use rustix::io;
use shuttle::rand::Rng;
use shuttle::sync::{Condvar, Mutex};
use std::collections::{BTreeMap, BTreeSet};

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

#[derive(Default)]
pub(super) struct Poller {
    waited_for: Mutex<WaitedFor>,
    changed: Condvar,
}

#[derive(Default)]
struct WaitedFor {
    wake: bool,
    timer: Option<Instant>,
    armed: BTreeMap<u64, Interest>,
    /// Descriptors with something to read; all can be written to.
    readable: BTreeSet<u64>,
}

impl Poller {
    pub(super) fn new() -> io::Result<Poller> {
        Ok(Poller::default())
    }

    pub(super) fn wait(&self) -> Ready {
        let mut it = self.waited_for.lock().expect("no poison");
        loop {
            let mut events: Vec<Ready> = it
                .armed
                .iter()
                .filter(|(key, interest)| {
                    interest.write || (interest.read && it.readable.contains(key))
                })
                .map(|(key, _)| Ready::Key(*key))
                .collect();
            if it.wake {
                events.push(Ready::Wake);
            }
            if events.is_empty() && it.timer.is_some() && clock::passes() {
                events.push(Ready::Timer);
            }
            if events.is_empty() {
                it = self.changed.wait(it).expect("no poison");
                continue;
            }
            let event = events[shuttle::rand::thread_rng().gen_range(0..events.len())];
            match event {
                Ready::Wake => it.wake = false,
                Ready::Timer => it.timer.take().into_iter().for_each(clock::advance),
                Ready::Key(key) => {
                    it.armed.remove(&key);
                }
                Ready::Nothing => {}
            }
            return event;
        }
    }

    /// The scheduler's time passes only by its timers, so a wait with a limit is one of no time.
    pub(super) fn wait_at_most(&self, _: Option<std::time::Duration>) -> Option<Ready> {
        let nothing = {
            let it = self.waited_for.lock().expect("no poison");
            !it.wake && it.timer.is_none() && it.readable.is_empty()
        };
        (!nothing).then(|| self.wait())
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        panic!("no scenario polls it")
    }

    fn change(&self, change: impl FnOnce(&mut WaitedFor)) {
        change(&mut self.waited_for.lock().expect("no poison"));
        self.changed.notify_all();
    }

    pub(super) fn wake(&self) {
        self.change(|it| it.wake = true);
    }

    pub(super) fn set_timer(&self, at: Instant) {
        self.change(|it| it.timer = Some(at));
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
