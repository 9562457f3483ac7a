//! Packet identifiers: which are taken. [MQTT-2.3.1-2]

/// Gives identifiers in turn and never one that is taken. They mostly come back in turn, too; so those that are taken are kept as one run, from
/// the oldest to the last one that was given, with holes where one came back before its turn.
#[derive(Debug, Default)]
pub(super) struct PacketIds {
    /// The last one that was given.
    last: u16,
    /// How many there are from the oldest to that, holes included.
    run: u16,
    hole_count: u16,
    /// Made for the first one, and kept until the client is idle: a broker that acknowledges out of turn does so again and again.
    holes: Option<Box<[u64; 1024]>>,
}

/// Zero is no identifier [MQTT-2.3.1-1].
const ALL: u16 = u16::MAX;

impl PacketIds {
    /// The next free identifier; `None` if all 65,535 are taken.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Option<u16> {
        if self.run == ALL {
            return self.take_hole();
        }
        self.run += 1;
        self.last = next(self.last);
        Some(self.last)
    }

    /// The run goes all the way round, so what is its first and what its last is free to choose: the first hole in turn becomes the last.
    #[cold]
    fn take_hole(&mut self) -> Option<u16> {
        if self.hole_count == 0 {
            return None;
        }
        loop {
            self.last = next(self.last);
            if self.fill(self.last) {
                self.shorten();
                return Some(self.last);
            }
        }
    }

    #[inline(always)]
    pub(super) fn release(&mut self, packet_id: u16) {
        let ahead = self.steps_to_last(packet_id);
        if ahead >= self.run || packet_id == 0 {
            return;
        }
        if ahead + 1 == self.run && self.hole_count == 0 {
            self.run -= 1;
            return;
        }
        self.release_out_of_turn(packet_id);
    }

    #[cold]
    fn release_out_of_turn(&mut self, packet_id: u16) {
        let holes = self.holes.get_or_insert_with(|| Box::new([0; 1024]));
        let (word, bit) = place(packet_id);
        if holes[word] & bit == 0 {
            holes[word] |= bit;
            self.hole_count += 1;
        }
        self.shorten();
    }

    /// A run begins with one that is taken.
    fn shorten(&mut self) {
        while self.run > 0 && self.fill(self.oldest()) {
            self.run -= 1;
        }
    }

    /// Whether this was a hole. It is none any more.
    fn fill(&mut self, packet_id: u16) -> bool {
        let Some(holes) = self.holes.as_mut().filter(|_| self.hole_count > 0) else {
            return false;
        };
        let (word, bit) = place(packet_id);
        if holes[word] & bit == 0 {
            return false;
        }
        holes[word] &= !bit;
        self.hole_count -= 1;
        true
    }

    /// Gives memory back.
    pub(super) fn shrink(&mut self) {
        if self.hole_count == 0 {
            self.holes = None;
        }
    }

    fn steps_to_last(&self, packet_id: u16) -> u16 {
        let passes_zero = u16::from(self.last < packet_id);
        self.last.wrapping_sub(packet_id).wrapping_sub(passes_zero)
    }

    /// The first of a run that is not empty.
    fn oldest(&self) -> u16 {
        let passes_zero = u16::from(self.last < self.run);
        let behind = self.run - 1;
        self.last.wrapping_sub(behind).wrapping_sub(passes_zero)
    }
}

fn next(packet_id: u16) -> u16 {
    packet_id.checked_add(1).unwrap_or(1)
}

fn place(packet_id: u16) -> (usize, u64) {
    (usize::from(packet_id >> 6), 1 << (packet_id & 63))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::simulation::random::Random;

    #[test]
    fn gives_each_of_the_65535_once_and_then_none() {
        let mut ids = PacketIds::default();
        let mut seen = vec![false; 65_536];
        for _ in 0..65_535 {
            let id = ids.take().expect("one is free");
            assert!(id != 0 && !std::mem::replace(&mut seen[usize::from(id)], true));
        }
        assert_eq!(ids.take(), None);
        ids.release(0);
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

    #[test]
    fn against_a_plain_table_whatever_the_order() {
        let mut ids = PacketIds::default();
        let mut taken: Vec<u16> = Vec::new();
        let mut random = Random::new(7);
        // One stays through all turns; most come back in order, some do not.
        let stays = ids.take();
        for _ in 0..400_000 {
            if taken.len() < 1 + random.below(100) {
                let id = ids.take().expect("one is free");
                assert!(id != 0 && Some(id) != stays && !taken.contains(&id), "{id}");
                taken.push(id);
            } else {
                let index = if random.below(8) == 0 {
                    random.below(taken.len())
                } else {
                    0
                };
                ids.release(taken.remove(index));
            }
            // One that is not taken.
            let other = 1 + random.below(65_535) as u16;
            if Some(other) != stays && !taken.contains(&other) {
                ids.release(other);
            }
        }
        assert_eq!(usize::from(ids.run - ids.hole_count), taken.len() + 1);
        taken
            .into_iter()
            .chain(stays)
            .for_each(|id| ids.release(id));
        assert_eq!((ids.run, ids.hole_count), (0, 0));
        assert!(
            ids.holes
                .iter()
                .all(|holes| holes.iter().all(|word| *word == 0))
        );
        ids.shrink();
        assert!(ids.holes.is_none());
    }
}
