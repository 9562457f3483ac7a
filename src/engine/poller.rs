//! Waiting for descriptors, for the earliest timer, and for a wake-up by another thread: epoll, timerfd and eventfd, by rustix, so
//! without `unsafe`. Several threads wait on one poller at once; each event goes to one of them.
//!
//! A descriptor is registered one-shot: after it has given an event it is silent until armed again, so only one worker at a time
//! is busy with it. On another system, kqueue with EV_ONESHOT would take this file's place.
//!
//! epoll gives turns in the order of events. A handshake takes a hundred times as long as a message, so with ten thousand of them before
//! it a message would come seconds late. Sockets of attempts are therefore in an epoll of their own, which as a whole has one turn
//! among the connected ones.

use crate::time::Instant;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::time::Duration;

/// What to wait for on a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// [`Poller::wake`] was called.
    Wake,
    /// The time given to [`Poller::set_timer`] has come.
    Timer,
    /// The descriptor registered with this key is ready.
    Key(u64),
    /// Nothing: a signal, or a spurious wake-up.
    Nothing,
}

pub(super) struct Poller {
    epoll: OwnedFd,
    /// Inside `epoll`.
    attempts: OwnedFd,
    wake: OwnedFd,
    timer: OwnedFd,
}

const WAKE: u64 = 0;
const TIMER: u64 = 1;
const ATTEMPTS: u64 = 2;
/// Keys from here on are free for descriptors.
pub(super) const FIRST_KEY: u64 = 3;

impl Poller {
    pub(super) fn new() -> io::Result<Poller> {
        let poller = Poller {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            attempts: epoll::create(CreateFlags::CLOEXEC)?,
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            timer: timerfd_create(
                TimerfdClockId::Boottime,
                TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
            )?,
        };
        // Edge-triggered: each write to the eventfd and each expiry wakes one waiter, and nobody has to read them back.
        let edge = EventFlags::IN | EventFlags::ET;
        epoll::add(&poller.epoll, &poller.wake, EventData::new_u64(WAKE), edge)?;
        epoll::add(
            &poller.epoll,
            &poller.timer,
            EventData::new_u64(TIMER),
            edge,
        )?;
        epoll::add(
            &poller.epoll,
            &poller.attempts,
            EventData::new_u64(ATTEMPTS),
            NEXT_ATTEMPT,
        )?;
        Ok(poller)
    }

    /// Waits for one event. One, and not several: a worker may go into the application's code with what it got, and the next
    /// event must find another worker.
    pub(super) fn wait(&self) -> Ready {
        self.wait_at_most(None).unwrap_or(Ready::Nothing)
    }

    /// The same with a limit to patience; `None`: nothing has come. It blocks not at all where the limit is zero.
    pub(super) fn wait_at_most(&self, patience: Option<Duration>) -> Option<Ready> {
        let patience = patience.map(|patience| Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        });
        Some(match wait_for_one(&self.epoll, patience.as_ref())? {
            WAKE => Ready::Wake,
            TIMER => Ready::Timer,
            ATTEMPTS => {
                const AT_ONCE: Timespec = Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                };
                let key = wait_for_one(&self.attempts, Some(&AT_ONCE));
                // The next one, for the next worker, behind everything that waits now.
                let next = EventData::new_u64(ATTEMPTS);
                let _ = epoll::modify(&self.epoll, &self.attempts, next, NEXT_ATTEMPT);
                key.map_or(Ready::Nothing, Ready::Key)
            }
            key => Ready::Key(key),
        })
    }

    /// The descriptor that an application waits on which has a loop of its own: readable while `wait` would give something.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Lets one waiter return [`Ready::Wake`].
    pub(super) fn wake(&self) {
        // It can only fail if 2^64 - 2 wake-ups are pending: then somebody will wake.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    pub(super) fn set_timer(&self, at: Instant) {
        // Zero would disarm it.
        let nanos = at.0.max(1);
        let value = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
                tv_nsec: (nanos % 1_000_000_000) as _,
            },
        };
        let _ = timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &value);
    }

    /// Takes the socket of an attempt, silent until it is armed.
    pub(super) fn add_attempt(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        epoll::add(&self.attempts, fd, EventData::new_u64(key), flags(SILENT))
    }

    pub(super) fn arm_attempt(
        &self,
        fd: BorrowedFd<'_>,
        key: u64,
        interest: Interest,
    ) -> io::Result<()> {
        epoll::modify(&self.attempts, fd, EventData::new_u64(key), flags(interest))
    }

    /// The attempt has succeeded: from now on its socket has turns of its own. Silent until it is armed.
    pub(super) fn promote(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        epoll::delete(&self.attempts, fd)?;
        epoll::add(&self.epoll, fd, EventData::new_u64(key), flags(SILENT))
    }

    pub(super) fn arm(&self, fd: BorrowedFd<'_>, key: u64, interest: Interest) -> io::Result<()> {
        epoll::modify(&self.epoll, fd, EventData::new_u64(key), flags(interest))
    }
}

const NEXT_ATTEMPT: EventFlags = EventFlags::IN.union(EventFlags::ONESHOT);
const SILENT: Interest = Interest {
    read: false,
    write: false,
};

fn wait_for_one(epoll: &OwnedFd, patience: Option<&Timespec>) -> Option<u64> {
    let mut events = [Event {
        flags: EventFlags::empty(),
        data: EventData::new_u64(0),
    }];
    match epoll::wait(epoll, &mut events, patience) {
        Ok(1) => Some(events[0].data.u64()),
        _ => None,
    }
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::ONESHOT;
    if interest.read {
        flags |= EventFlags::IN | EventFlags::RDHUP;
    }
    if interest.write {
        flags |= EventFlags::OUT;
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    const READ: Interest = Interest {
        read: true,
        write: false,
    };

    #[test]
    fn a_storm_of_attempts_takes_one_turn_among_the_connected() {
        let poller = Poller::new().expect("a poller");
        let pairs: Vec<_> = (FIRST_KEY..FIRST_KEY + 104)
            .map(|key| (key, UnixStream::pair().expect("sockets")))
            .collect();
        let (connected, attempts) = pairs.split_at(4);
        for (key, (ours, _)) in &pairs {
            poller.add_attempt(ours.as_fd(), *key).expect("added");
        }
        for (key, (ours, _)) in connected {
            poller.promote(ours.as_fd(), *key).expect("promoted");
            poller.arm(ours.as_fd(), *key, READ).expect("armed");
        }
        for (key, (ours, _)) in attempts {
            poller.arm_attempt(ours.as_fd(), *key, READ).expect("armed");
        }
        // The storm comes first.
        for (_, (_, theirs)) in attempts.iter().chain(connected) {
            (&*theirs).write_all(b"x").expect("written");
        }
        let turns: Vec<Ready> = (0..pairs.len()).map(|_| poller.wait()).collect();
        let place = |key: &u64| turns.iter().position(|turn| *turn == Ready::Key(*key));
        let last = connected.iter().map(|(key, _)| place(key)).max();
        assert_eq!(last, Some(Some(4)), "one attempt before them: {turns:?}");
        assert!(pairs.iter().all(|(key, _)| place(key).is_some()));
    }
}
