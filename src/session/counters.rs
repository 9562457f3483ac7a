//! What the session counts, for [`stats`](super::Session::counters).

use crate::error::Error;

/// Counts since the session was made.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub messages_sent: u64,
    pub messages_received: u64,
    /// Connections after the first.
    pub reconnects: u64,
    pub connections: u64,
    pub refused_queue_full: u64,
    pub evicted: u64,
    pub timed_out: u64,
    pub refused_by_close: u64,
    /// From PUBLISH to PUBACK.
    pub last_acknowledgement_nanos: u64,
    pub max_acknowledgement_nanos: u64,
    /// What ended the last connection or attempt.
    pub last_failure: Option<Error>,
}

/// One more. No check for overflow, once a message: it would take centuries.
#[inline(always)]
pub(super) fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}
