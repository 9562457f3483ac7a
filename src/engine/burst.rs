//! When an application publishes many messages in a row, their bytes wait a moment, so that many share a TLS record and a system call.

use crate::time::Instant;
use std::time::Duration;

/// A publish that comes so soon after the one before, and not as an answer to what came in between, belongs to a burst.
const GAP: Duration = Duration::from_micros(50);
/// So long bytes of a burst wait at most when it begins; twice as long after each flush, up to the second.
const FIRST_WAIT: Duration = Duration::from_micros(100);
const LONGEST_WAIT: Duration = Duration::from_micros(800);
/// When so many bytes wait, the publishing thread sends them itself.
const FULL: usize = 256 << 10;

/// The first publish of a burst is sent at once; those behind it by the publishing thread when there are many bytes, or by a worker when their
/// time has come.
///
/// Each flush, by whomever, is a reason to wait longer for the next: a worker that comes in the midst of a burst waits for the lock, and where
/// both share a core takes it from the application, whose next publish then looks like the first one of another burst.
///
/// What came in ends a burst, because a request must not wait behind another client's answer: two applications that talk to each other
/// publish in quick turns, too.
#[derive(Debug)]
pub(super) struct Burst {
    /// When the application last came back from publishing. Not when it began: what counts is how soon it comes again, not how long
    /// the system call took.
    last_publish: Instant,
    /// Something to answer came in since then.
    heard: bool,
    flush_at: Option<Instant>,
    wait: Duration,
}

/// What to do with the bytes of a publish.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Now {
    Send,
    /// A worker sends them: set its timer.
    Wait,
    /// Its timer is set.
    WaitToo,
}

impl Burst {
    pub(super) fn new() -> Self {
        Burst {
            last_publish: Instant::ZERO,
            heard: false,
            flush_at: None,
            wait: FIRST_WAIT,
        }
    }

    /// A publish that was `called` a moment ago has left `pending` bytes.
    #[inline]
    pub(super) fn publishing(&mut self, called: Instant, now: Instant, pending: usize) -> Now {
        if std::mem::take(&mut self.heard) || called.0 >= self.last_publish.0 + GAP_NANOS {
            self.wait = FIRST_WAIT;
            self.flush_at = None;
            return Now::Send;
        }
        if pending >= FULL {
            return Now::Send;
        }
        self.last_publish = now;
        if self.flush_at.is_some() || pending == 0 {
            return Now::WaitToo;
        }
        self.flush_at = Some(now + self.wait);
        Now::Wait
    }

    /// The call returns that has sent.
    pub(super) fn published(&mut self, now: Instant) {
        self.last_publish = now;
    }

    /// Something came in that the application may answer: a message, or the last acknowledgement that it may have waited for.
    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// When a worker has to send what waits.
    pub(super) fn flush_at(&self) -> Option<Instant> {
        self.flush_at
    }

    /// Everything that waited is being sent, by whomever.
    pub(super) fn flushed(&mut self) {
        if self.flush_at.take().is_some() {
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
        }
    }

    /// The connection is gone.
    pub(super) fn end(&mut self) {
        *self = Burst::new();
    }
}

const GAP_NANOS: u64 = GAP.as_nanos() as u64;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant(1_000_000_000 + micros * 1000)
    }

    #[test]
    fn the_first_is_sent_at_once_and_those_soon_behind_it_wait() {
        let mut burst = Burst::new();
        assert_eq!(burst.publishing(at(0), at(0), 100), Now::Send);
        burst.published(at(20));
        assert_eq!(burst.publishing(at(30), at(30), 100), Now::Wait);
        assert_eq!(burst.flush_at(), Some(at(130)));
        assert_eq!(burst.publishing(at(40), at(40), 200), Now::WaitToo);
        assert_eq!(burst.publishing(at(50), at(50), FULL), Now::Send);
        burst.flushed();
        assert_eq!(burst.flush_at(), None);
        burst.published(at(60));
        // The time within the call is no gap.
        assert_eq!(burst.publishing(at(70), at(300), 100), Now::Wait);
        assert_eq!(burst.publishing(at(310), at(310), 100), Now::WaitToo);
        assert_eq!(burst.publishing(at(360), at(360), 100), Now::Send, "a gap");
    }

    #[test]
    fn an_answer_to_what_came_in_does_not_wait() {
        let mut burst = Burst::new();
        assert_eq!(burst.publishing(at(0), at(0), 100), Now::Send);
        burst.published(at(5));
        burst.heard();
        assert_eq!(burst.publishing(at(10), at(10), 100), Now::Send);
        burst.published(at(15));
        assert_eq!(burst.publishing(at(20), at(20), 100), Now::Wait);
    }

    #[test]
    fn a_burst_that_goes_on_is_flushed_less_often_whoever_flushes() {
        for by_worker in [true, false] {
            let mut burst = Burst::new();
            burst.published(at(0));
            let mut waits = Vec::new();
            let mut now = at(0);
            for _ in 0..6 {
                now = now + Duration::from_micros(10);
                burst.published(now);
                assert_eq!(burst.publishing(now, now, 100), Now::Wait);
                let flush = burst.flush_at().expect("set");
                waits.push(flush.since(now).as_micros());
                if by_worker {
                    now = flush;
                } else {
                    assert_eq!(burst.publishing(now, now, FULL), Now::Send);
                }
                burst.flushed();
            }
            assert_eq!(waits, [100, 200, 400, 800, 800, 800]);
        }
    }
}
