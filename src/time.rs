//! A point in time, as a number. The pure rooms take it as an argument; only `engine/clock.rs` asks the system for it.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds of a clock that never goes back, goes on while the machine sleeps, and does not care when the date is set.
/// (`std::time::Instant` stands still during suspend on Linux, so a keep alive measured with it would be late after waking.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

impl Instant {
    pub const ZERO: Instant = Instant(0);

    /// The earlier of two moments that may never come. (An iterator over both costs several times as much, once a message.)
    pub fn first(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
        match (one, other) {
            (Some(one), Some(other)) => Some(if one <= other { one } else { other }),
            (one, other) => one.or(other),
        }
    }

    /// The time since `earlier`; zero if `earlier` is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, duration: Duration) -> Instant {
        Instant(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;
    fn sub(self, duration: Duration) -> Instant {
        Instant(
            self.0
                .saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}
