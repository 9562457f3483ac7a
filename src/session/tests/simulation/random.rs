//! Numbers that look random and are the same for the same seed.

use std::collections::VecDeque;

pub(in crate::session) struct Random {
    state: u64,
    /// A fuzzer's, which decide as long as there are any.
    bytes: VecDeque<u8>,
}

impl Random {
    pub(in crate::session) fn new(seed: u64) -> Self {
        Random {
            state: seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x9E37_79B9_7F4A_7C15,
            bytes: VecDeque::new(),
        }
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Random {
            bytes: bytes.iter().copied().collect(),
            ..Random::new(0)
        }
    }

    /// A fuzzer's bytes are used up, or there never were any.
    pub(super) fn is_used_up(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn next(&mut self) -> u64 {
        if !self.bytes.is_empty() {
            // Two are enough for every choice that is made, and leave the fuzzer more of them.
            let two = [self.bytes.pop_front(), self.bytes.pop_front()];
            let [low, high] = two.map(|byte| u64::from(byte.unwrap_or_default()));
            return low | high << 8;
        }
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to one less than `end`.
    pub(in crate::session) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(in crate::session) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// At least one and at most `most`: often all, often few.
    pub(super) fn piece(&mut self, most: usize) -> usize {
        match self.below(3) {
            0 => most,
            1 => 1 + self.below(most.min(8)),
            _ => 1 + self.below(most),
        }
    }
}
