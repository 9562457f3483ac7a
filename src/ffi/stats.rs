//! What a client is doing, and has done.

use super::borrow;
use super::error::aws_iot_mqtt_error;
use super::guard::guard;
use super::types::*;
use crate::engine::{State, Stats};
use crate::error::{Code, Error};
use std::ffi::c_int;

/// Tells what the client is doing. It may be doing something else when the call has returned.
///
/// @param client  The client.
/// @param state   Receives AWS_IOT_MQTT_STATE_...
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_state(
    client: *mut aws_iot_mqtt_client,
    state: *mut c_int,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let (client, state) = unsafe {
            (
                borrow::client(client)?,
                borrow::Output::required(state, "state")?,
            )
        };
        state.write(match client.state()? {
            State::Idle => AWS_IOT_MQTT_STATE_IDLE,
            State::Connecting => AWS_IOT_MQTT_STATE_CONNECTING,
            State::Connected => AWS_IOT_MQTT_STATE_CONNECTED,
            State::Draining => AWS_IOT_MQTT_STATE_DRAINING,
            State::Reconnecting => AWS_IOT_MQTT_STATE_RECONNECTING,
            State::Disconnecting => AWS_IOT_MQTT_STATE_DISCONNECTING,
        });
        Ok(())
    })
}

/// Fills in the client's counters.
///
/// @param client      The client.
/// @param stats       Receives them. The struct is the caller's, and may grow at its end with a later version of this header.
/// @param stats_size  sizeof(aws_iot_mqtt_stats) in bytes: a library that is older or newer than the program writes this many
///                    bytes and no more; fields that it does not know become 0.
/// @return AWS_IOT_MQTT_OK, or an error of rule 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aws_iot_mqtt_client_stats(
    client: *mut aws_iot_mqtt_client,
    stats: *mut aws_iot_mqtt_stats,
    stats_size: usize,
) -> aws_iot_mqtt_error {
    guard(|| {
        // SAFETY: as the header asks of the caller.
        let client = unsafe { borrow::client(client)? };
        if stats.is_null() {
            return Err(Error::new(Code::InvalidArgument, "stats is NULL"));
        }
        if stats_size == 0 || stats_size > isize::MAX as usize {
            let detail = format!("stats_size is {stats_size}, use sizeof(aws_iot_mqtt_stats)");
            return Err(Error::new(Code::InvalidArgument, detail));
        }
        let ours = for_c(&client.stats()?);
        // SAFETY: `stats` has `stats_size` bytes.
        unsafe { fill(stats, stats_size, &ours) };
        Ok(())
    })
}

fn for_c(stats: &Stats) -> aws_iot_mqtt_stats {
    aws_iot_mqtt_stats {
        queued: stats.queued,
        in_flight: stats.in_flight,
        accepted_bytes: stats.accepted_bytes,
        bytes_sent: stats.bytes_sent,
        bytes_received: stats.bytes_received,
        messages_sent: stats.messages_sent,
        messages_received: stats.messages_received,
        reconnects: stats.reconnects,
        dropped_queue_full: stats.dropped_queue_full,
        dropped_evicted: stats.dropped_evicted,
        timed_out: stats.timed_out,
        refused_by_close: stats.refused_by_close,
        last_acknowledgement_latency_us: stats.last_acknowledgement_latency_us,
        max_acknowledgement_latency_us: stats.max_acknowledgement_latency_us,
        last_failure: u64::from(stats.last_failure),
    }
}

/// Writes what both sides know, and zeros where the caller knows more.
///
/// # Safety
/// `size` bytes at `theirs` are writable.
unsafe fn fill(theirs: *mut aws_iot_mqtt_stats, size: usize, ours: &aws_iot_mqtt_stats) {
    let known = size.min(size_of::<aws_iot_mqtt_stats>());
    // SAFETY: byte for byte, within both structs.
    unsafe {
        std::ptr::from_ref(ours)
            .cast::<u8>()
            .copy_to_nonoverlapping(theirs.cast(), known);
        theirs.cast::<u8>().add(known).write_bytes(0, size - known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_other_versions_get_what_both_sides_know() {
        let ours = aws_iot_mqtt_stats {
            queued: 1,
            in_flight: 2,
            last_failure: 505,
            ..Default::default()
        };
        let fields = size_of::<aws_iot_mqtt_stats>() / 8;
        // An older program, one of this version, a newer one.
        for words in [1, fields, fields + 2] {
            let mut theirs = [u64::MAX; 32];
            // SAFETY: 32 words are writable.
            unsafe { fill(theirs.as_mut_ptr().cast(), words * 8, &ours) };
            assert_eq!(theirs[0], 1);
            assert_eq!(theirs[1], if words > 1 { 2 } else { u64::MAX });
            assert_eq!(theirs[fields - 1], if words > 1 { 505 } else { u64::MAX });
            assert_eq!(theirs[fields], if words > fields { 0 } else { u64::MAX });
            assert_eq!(theirs[words], u64::MAX, "nothing past the end");
        }
    }
}
