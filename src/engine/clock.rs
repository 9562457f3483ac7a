//! The one place that asks for the time.

use crate::time::Instant;
use rustix::time::{ClockId, clock_gettime};

/// Now, on a clock that goes on during suspend and does not follow changes of the date.
#[inline]
pub(super) fn now() -> Instant {
    let time = clock_gettime(ClockId::Boottime);
    let secs = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    Instant(secs * 1_000_000_000 + nanos)
}
