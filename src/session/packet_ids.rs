//! Packet identifiers: which are taken. [MQTT-2.3.1-2]

/// Gives identifiers in turn and never one that is taken. A page of 1,024 bits exists only while identifiers of it are taken, so that an
/// idle client pays for one at most.
#[derive(Debug, Default)]
pub(super) struct PacketIds {
    last: u16,
    taken: u32,
    /// Empty, or one place for each page.
    pages: Vec<Option<Box<Page>>>,
}

#[derive(Debug, Default)]
struct Page {
    bits: [u64; 16],
    taken: u16,
}

const ALL: u32 = u16::MAX as u32;
const PAGES: usize = 64;

impl PacketIds {
    /// The next free identifier; `None` if all 65,535 are taken.
    #[inline]
    pub(super) fn take(&mut self) -> Option<u16> {
        if self.taken == ALL {
            return None;
        }
        if self.pages.is_empty() {
            self.pages.resize_with(PAGES, || None);
        }
        loop {
            // Zero is no identifier [MQTT-2.3.1-1].
            self.last = self.last.checked_add(1).unwrap_or(1);
            if self.insert(self.last) {
                return Some(self.last);
            }
        }
    }

    #[inline]
    fn insert(&mut self, packet_id: u16) -> bool {
        let page = self.pages[page_of(packet_id)].get_or_insert_default();
        let (word, bit) = place(packet_id);
        if page.bits[word] & bit != 0 {
            return false;
        }
        page.bits[word] |= bit;
        page.taken += 1;
        self.taken += 1;
        true
    }

    #[inline]
    pub(super) fn release(&mut self, packet_id: u16) {
        let Some(Some(page)) = self.pages.get_mut(page_of(packet_id)) else {
            return;
        };
        let (word, bit) = place(packet_id);
        if page.bits[word] & bit == 0 {
            return;
        }
        page.bits[word] &= !bit;
        page.taken -= 1;
        self.taken -= 1;
        // The page in use is kept: with one publish at a time it would come and go with each.
        if page.taken == 0 && page_of(packet_id) != page_of(self.last) {
            self.pages[page_of(packet_id)] = None;
        }
    }
}

fn page_of(packet_id: u16) -> usize {
    usize::from(packet_id >> 10)
}

fn place(packet_id: u16) -> (usize, u64) {
    (usize::from(packet_id >> 6 & 15), 1 << (packet_id & 63))
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
