//! The one place that asks for the time.

use crate::time::Instant;
use rustix::time::{ClockId, clock_gettime};

/// Now, on a clock that goes on during suspend and does not follow changes of the date.
#[inline]
pub(super) fn now() -> Instant {
    let time = clock_gettime(ClockId::Boottime);
    // Neither is negative on this clock, and together they last 584 years.
    let secs = (time.tv_sec as u64).wrapping_mul(1_000_000_000);
    Instant(secs.wrapping_add(time.tv_nsec as u64))
}
