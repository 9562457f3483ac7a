//! A client id for applications that do not choose one. AWS IoT would give one too, and refuse it on reconnection.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LENGTH: usize = 22;
/// Characters of 6 bits that one hash of 64 bits gives.
const PER_HASH: usize = 10;

/// `aws-iot-mqtt-` and 22 characters: about as many ids as there are UUIDs. Two clients with one id would throw each other
/// off the broker.
pub(super) fn generate() -> String {
    // The keys of RandomState are the operating system's randomness, but drawn once a thread, and a forked child inherits them.
    // So what differs between processes and calls goes in too.
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let time = SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_nanos());

    let mut id = String::from("aws-iot-mqtt-");
    for part in 0..LENGTH.div_ceil(PER_HASH) {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        hasher.write_u128(time);
        hasher.write_u64(call);
        hasher.write_usize(part);
        let bits = hasher.finish();
        let characters = PER_HASH.min(LENGTH - part * PER_HASH);
        id.extend((0..characters).map(|i| char::from(ALPHABET[(bits >> (6 * i)) as usize % 64])));
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn generated_ids_differ_and_hold_nothing_that_topics_or_urls_mind() {
        let ids: HashSet<String> = (0..1000).map(|_| generate()).collect();
        assert_eq!(ids.len(), 1000);
        for id in &ids {
            let random = id.strip_prefix("aws-iot-mqtt-").unwrap();
            assert_eq!(random.len(), 22);
            assert!(random.bytes().all(|byte| ALPHABET.contains(&byte)), "{id}");
        }
        // Every place varies, so no hash is used twice.
        for place in 0..22 {
            let different: HashSet<_> = ids.iter().map(|id| id.as_bytes()[13 + place]).collect();
            assert!(
                different.len() > 32,
                "place {place} takes only {} values",
                different.len()
            );
        }
    }
}
