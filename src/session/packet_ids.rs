//! Packet identifiers: which are taken. [MQTT-2.3.1-2]

use std::collections::BTreeMap;

/// Gives identifiers in turn and never one that is taken. A page of 1,024 bits exists only while one of its identifiers is taken,
/// so that an idle client pays nothing.
#[derive(Debug, Default)]
pub(super) struct PacketIds {
    last: u16,
    taken: u32,
    pages: BTreeMap<u16, Page>,
}

#[derive(Debug, Default)]
struct Page {
    bits: Box<[u64; 16]>,
    taken: u16,
}

const ALL: u32 = u16::MAX as u32;

impl PacketIds {
    /// The next free identifier; `None` if all 65,535 are taken.
    pub(super) fn take(&mut self) -> Option<u16> {
        if self.taken == ALL {
            return None;
        }
        loop {
            // Zero is no identifier [MQTT-2.3.1-1].
            self.last = if self.last == u16::MAX {
                1
            } else {
                self.last + 1
            };
            if self.insert(self.last) {
                return Some(self.last);
            }
        }
    }

    fn insert(&mut self, packet_id: u16) -> bool {
        let page = self.pages.entry(packet_id / 1024).or_default();
        let (word, bit) = (usize::from(packet_id % 1024) / 64, 1u64 << (packet_id % 64));
        if page.bits[word] & bit != 0 {
            return false;
        }
        page.bits[word] |= bit;
        page.taken += 1;
        self.taken += 1;
        true
    }

    pub(super) fn release(&mut self, packet_id: u16) {
        let Some(page) = self.pages.get_mut(&(packet_id / 1024)) else {
            return;
        };
        let (word, bit) = (usize::from(packet_id % 1024) / 64, 1u64 << (packet_id % 64));
        if page.bits[word] & bit != 0 {
            page.bits[word] &= !bit;
            page.taken -= 1;
            self.taken -= 1;
            if self.taken == 0 {
                self.pages.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_of_the_65535_once_and_then_none() {
        let mut ids = PacketIds::default();
        let mut seen = vec![false; 65_536];
        for _ in 0..65_535 {
            let id = ids.take().expect("one is free");
            assert!(id != 0 && !std::mem::replace(&mut seen[usize::from(id)], true));
        }
        assert_eq!(ids.take(), None);
        ids.release(40_000);
        ids.release(40_000);
        assert_eq!(ids.take(), Some(40_000));
        assert_eq!(ids.take(), None);
    }

    #[test]
    fn a_held_identifier_is_passed_over_after_the_wrap() {
        let mut ids = PacketIds::default();
        assert_eq!(ids.take(), Some(1));
        for _ in 0..65_534 {
            let id = ids.take().expect("one is free");
            ids.release(id);
        }
        assert_eq!(ids.take(), Some(2), "1 is still taken");
    }
}
