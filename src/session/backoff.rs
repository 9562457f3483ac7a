//! How long to wait before the next attempt.

use crate::config::Backoff;
use std::time::Duration;

/// Wait n is drawn from [d, min(2d, max)] with d = min(base x 2^n, max(base, max / 2)): never below the base, never above the
/// maximum, and a fleet does not come back in step.
#[derive(Debug)]
pub(super) struct Waits {
    failures: u32,
    random: u64,
}

impl Waits {
    pub(super) fn new(seed: u64) -> Self {
        Waits {
            failures: 0,
            random: seed,
        }
    }

    /// A connection was stable, or the application said `connect`.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait that was drawn last is not waited.
    pub(super) fn take_back(&mut self) {
        self.failures = self.failures.saturating_sub(1);
    }

    pub(super) fn next(&mut self, backoff: &Backoff) -> Duration {
        let ceiling = backoff.base.max(backoff.max / 2);
        let least = backoff
            .base
            .checked_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX))
            .unwrap_or(ceiling)
            .min(ceiling);
        let most = least.saturating_mul(2).min(backoff.max).max(least);
        self.failures = self.failures.saturating_add(1);
        let span = u64::try_from((most - least).as_nanos()).unwrap_or(u64::MAX);
        least
            + Duration::from_nanos(if span == 0 {
                0
            } else {
                self.draw() % span.saturating_add(1)
            })
    }

    /// SplitMix64: enough to spread a fleet, and the same for the same seed.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(base: u64, max: u64) -> Backoff {
        Backoff {
            base: Duration::from_secs(base),
            max: Duration::from_secs(max),
            stable: Duration::from_secs(20),
        }
    }

    #[test]
    fn p7_each_wait_is_in_its_bounds_and_not_always_the_same() {
        for seed in 0..200 {
            let mut waits = Waits::new(seed);
            for (least, most) in [
                (1, 2),
                (2, 4),
                (4, 8),
                (8, 16),
                (16, 32),
                (16, 32),
                (16, 32),
            ] {
                let wait = waits.next(&backoff(1, 32));
                assert!(
                    wait >= Duration::from_secs(least) && wait <= Duration::from_secs(most),
                    "{wait:?}"
                );
            }
        }
        let spread: std::collections::BTreeSet<_> = (0..50)
            .map(|seed| Waits::new(seed).next(&backoff(1, 32)))
            .collect();
        assert!(spread.len() > 40);
    }

    #[test]
    fn p7_never_above_the_maximum_never_below_the_base() {
        let mut waits = Waits::new(7);
        for _ in 0..100 {
            assert_eq!(waits.next(&backoff(3, 3)), Duration::from_secs(3));
        }
        let mut waits = Waits::new(8);
        for _ in 0..100 {
            let wait = waits.next(&backoff(4, 5));
            assert!(wait >= Duration::from_secs(4) && wait <= Duration::from_secs(5));
        }
    }

    #[test]
    fn p7_a_reset_makes_the_next_wait_short_again() {
        let mut waits = Waits::new(9);
        for _ in 0..10 {
            waits.next(&backoff(1, 32));
        }
        waits.reset();
        assert!(waits.next(&backoff(1, 32)) <= Duration::from_secs(2));
    }
}
