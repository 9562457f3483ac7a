//! When to ping, when the peer is dead, and a clock for packets that wait for their acknowledgement.

use crate::time::Instant;
use std::time::Duration;

/// Keep alive of one connection. [MQTT-3.1.2-23]
#[derive(Debug)]
pub(super) struct KeepAlive {
    interval: Option<Duration>,
    timeout: Duration,
    last_sent: Instant,
    /// When the link last took bytes.
    last_progress: Instant,
    last_received: Instant,
    /// When the PINGREQ went into the outgoing buffer that has had no answer.
    ping: Option<Instant>,
    /// Reading is paused: silence says nothing about the peer.
    paused: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    Dead,
}

impl KeepAlive {
    pub(super) fn new(now: Instant, secs: u16, timeout: Duration) -> Self {
        KeepAlive {
            interval: (secs > 0).then(|| Duration::from_secs(u64::from(secs))),
            timeout,
            last_sent: now,
            last_progress: now,
            last_received: now,
            ping: None,
            paused: false,
        }
    }

    pub(super) fn sent(&mut self, now: Instant) {
        self.last_sent = now;
        self.last_progress = now;
    }

    /// Any byte is a sign of life.
    pub(super) fn received(&mut self, now: Instant) {
        self.last_received = now;
        self.ping = None;
    }

    pub(super) fn pause(&mut self, now: Instant, paused: bool) {
        if self.paused && !paused {
            self.last_received = now;
            self.ping = self.ping.map(|_| now);
        }
        self.paused = paused;
    }

    pub(super) fn pinged(&mut self, now: Instant) {
        // The oldest unanswered one counts.
        self.ping.get_or_insert(now);
        self.last_sent = now;
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.ping.is_some()
    }

    /// The moment at which silence since the PINGREQ means a dead peer. While bytes still leave, the PINGREQ is behind them.
    fn dead_at(&self, output_pending: bool) -> Option<Instant> {
        let ping = self.ping.filter(|_| !self.paused)?;
        let since = if output_pending {
            ping.max(self.last_progress)
        } else {
            ping
        };
        Some(since + self.timeout)
    }

    fn ping_at(&self) -> Option<Instant> {
        let interval = self.interval?;
        let idle_since = if self.ping.is_some() || self.paused {
            self.last_sent
        } else {
            self.last_sent.min(self.last_received)
        };
        Some(idle_since + interval)
    }

    pub(super) fn due(&self, now: Instant, output_pending: bool) -> Due {
        if self.dead_at(output_pending).is_some_and(|at| at <= now) {
            Due::Dead
        } else if self.ping_at().is_some_and(|at| at <= now) {
            Due::Ping
        } else {
            Due::Nothing
        }
    }

    pub(super) fn deadline(&self, output_pending: bool) -> Option<Instant> {
        Instant::first(self.dead_at(output_pending), self.ping_at())
    }
}

/// Time in which an acknowledgement could have come: it stands still while reading is paused or output is pending.
#[derive(Debug, Default)]
pub(super) struct ActiveClock {
    elapsed: u64,
    running_since: Option<Instant>,
}

/// What an [`ActiveClock`] shows: nanoseconds since the connection began in which it ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reading(u64);

impl Reading {
    pub(super) fn plus_nanos(self, wait: u64) -> Reading {
        Reading(self.0.saturating_add(wait))
    }

    /// The earlier of the two, where there are two.
    pub(super) fn or_earlier(self, other: Option<Reading>) -> Option<Reading> {
        Some(other.map_or(self, |other| self.min(other)))
    }
}

impl ActiveClock {
    pub(super) fn read(&self, now: Instant) -> Reading {
        let running = self
            .running_since
            .map_or(0, |since| now.0.saturating_sub(since.0));
        Reading(self.elapsed + running)
    }

    #[inline(always)]
    pub(super) fn run(&mut self, now: Instant, running: bool) {
        match (running, self.running_since) {
            (true, None) => self.running_since = Some(now),
            (false, Some(_)) => {
                self.elapsed = self.read(now).0;
                self.running_since = None;
            }
            _ => {}
        }
    }

    /// When this clock will show `reading`, if it goes on running.
    pub(super) fn when(&self, reading: Reading) -> Option<Instant> {
        let since = self.running_since?;
        let left = reading.0.saturating_sub(self.elapsed);
        Some(Instant(since.0.saturating_add(left)))
    }
}
