//! Waiting for descriptors, for the earliest timer, and for a wake-up by another thread: epoll, timerfd and eventfd, by rustix, so
//! without `unsafe`. Several threads wait on one poller at once; each event goes to one of them.
//!
//! A descriptor is registered one-shot: after it has given an event it is silent until armed again, so only one worker at a time
//! is busy with it. On another system, kqueue with EV_ONESHOT would take this file's place.

use crate::time::Instant;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

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
    wake: OwnedFd,
    timer: OwnedFd,
}

const WAKE: u64 = 0;
const TIMER: u64 = 1;
/// Keys from here on are free for descriptors.
pub(super) const FIRST_KEY: u64 = 2;

impl Poller {
    pub(super) fn new() -> io::Result<Poller> {
        let poller = Poller {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
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
        Ok(poller)
    }

    /// Waits for one event. One, and not several: a worker may go into the application's code with what it got, and the next
    /// event must find another worker.
    pub(super) fn wait(&self) -> Ready {
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }];
        match epoll::wait(&self.epoll, &mut events, None) {
            Ok(1) => match events[0].data.u64() {
                WAKE => Ready::Wake,
                TIMER => Ready::Timer,
                key => Ready::Key(key),
            },
            _ => Ready::Nothing,
        }
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

    pub(super) fn add(&self, fd: BorrowedFd<'_>, key: u64, interest: Interest) -> io::Result<()> {
        epoll::add(&self.epoll, fd, EventData::new_u64(key), flags(interest))
    }

    pub(super) fn arm(&self, fd: BorrowedFd<'_>, key: u64, interest: Interest) -> io::Result<()> {
        epoll::modify(&self.epoll, fd, EventData::new_u64(key), flags(interest))
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
