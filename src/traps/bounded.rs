//! How are things counted without ever growing beyond a bound?
//!
//! What is forgotten depends on what was put in and in which order, on nothing
//! else: the same URLs in the same order leave the same counters.

use hashbrown::{HashMap, HashSet};

/// Values by hash. When it is full, the less used half is forgotten, the older
/// first where two were used as much: a flood of things met once pushes out
/// nothing that is met again and again.
pub(super) struct Bounded<V> {
    most: usize,
    next: u64,
    entries: HashMap<u64, Entry<V>>,
}

struct Entry<V> {
    uses: u32,
    born: u64,
    value: V,
}

impl<V: Default> Bounded<V> {
    /// For at most `most` values.
    pub(super) fn new(most: usize) -> Self {
        Self { most, next: 0, entries: HashMap::new() }
    }

    /// The value of `key`, a fresh one if there is none; counts as a use.
    pub(super) fn get(&mut self, key: u64) -> &mut V {
        if self.entries.len() == self.most && !self.entries.contains_key(&key) {
            self.forget_half();
        }
        let born = self.next;
        self.next += 1;
        let entry =
            self.entries.entry(key).or_insert_with(|| Entry { uses: 0, born, value: V::default() });
        entry.uses = entry.uses.saturating_add(1);
        &mut entry.value
    }

    fn forget_half(&mut self) {
        let mut ranks: Vec<_> =
            self.entries.values().map(|entry| (entry.uses, entry.born)).collect();
        let (_, middle, _) = ranks.select_nth_unstable(self.most / 2);
        let middle = *middle;
        self.entries.retain(|_, entry| (entry.uses, entry.born) >= middle);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// Which hashes were met: in a young and an old generation. When the young one is
/// full it becomes the old one, and what was old is forgotten.
pub(super) struct Generations {
    most: usize,
    young: HashSet<u64>,
    old: HashSet<u64>,
}

impl Generations {
    /// Remembers at least the last `most` hashes and at most twice as many.
    pub(super) fn new(most: usize) -> Self {
        Self { most, young: HashSet::new(), old: HashSet::new() }
    }

    /// Whether `hash` was met before; it is from now on.
    pub(super) fn meet(&mut self, hash: u64) -> bool {
        if self.young.contains(&hash) {
            return true;
        }
        if self.young.len() == self.most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash);
        self.old.contains(&hash)
    }
}

/// How often each of a few hashes was met: when there is no place left, the one
/// met least makes room.
#[derive(Default)]
pub(super) struct Few {
    counts: Vec<(u64, u32)>,
}

impl Few {
    /// Counts one more of `hash` among at most `most`, and says how many there are now.
    pub(super) fn count(&mut self, hash: u64, most: usize) -> u32 {
        let at = match self.counts.iter().position(|(known, _)| *known == hash) {
            Some(at) => at,
            None if self.counts.len() < most => {
                self.counts.push((hash, 0));
                self.counts.len() - 1
            }
            None => {
                let least = self.counts.iter().enumerate().min_by_key(|(_, (_, count))| *count);
                let at = least.expect("it is full").0;
                self.counts[at] = (hash, 0);
                at
            }
        };
        self.counts[at].1 = self.counts[at].1.saturating_add(1);
        self.counts[at].1
    }

    /// Starts anew.
    pub(super) fn clear(&mut self) {
        self.counts.clear();
    }
}

/// How often each of a sample of hashes was met. The sample is what all bits of a
/// mask are zero in; the mask grows when there is no place left, so that what is
/// counted is counted in full.
#[derive(Default)]
pub(super) struct Sample {
    mask: u64,
    counts: HashMap<u64, u32>,
}

impl Sample {
    /// Counts one more of `hash`, if it is in the sample of at most `most`; then how
    /// many of the sample were met at least `times` is worth asking.
    pub(super) fn count(&mut self, hash: u64, most: usize) -> bool {
        if hash & self.mask != 0 {
            return false;
        }
        *self.counts.entry(hash).or_default() += 1;
        while self.counts.len() > most {
            self.mask = self.mask << 1 | 1;
            self.counts.retain(|hash, _| hash & self.mask == 0);
        }
        true
    }

    /// How many of the sample were met at least `times`.
    pub(super) fn with(&self, times: u32) -> usize {
        self.counts.values().filter(|count| **count >= times).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_pushes_out_nothing_that_is_used() {
        let mut bounded: Bounded<u32> = Bounded::new(100);
        for _ in 0..3 {
            *bounded.get(7) += 1;
        }
        for key in 1000..9000 {
            *bounded.get(key) += 1;
            assert!(bounded.len() <= 100);
        }
        assert_eq!(*bounded.get(7), 3);
        assert_eq!(*bounded.get(1000), 0, "what was met once is forgotten");
    }

    #[test]
    fn generations_remember_at_least_what_they_promise() {
        let mut met = Generations::new(10);
        for hash in 0..10 {
            assert!(!met.meet(hash), "{hash}");
        }
        for hash in 10..15 {
            assert!(!met.meet(hash), "{hash}");
        }
        assert!(met.meet(0), "of the old generation");
        for hash in 100..130 {
            assert!(!met.meet(hash), "{hash}");
        }
        assert!(!met.meet(1), "long ago");
    }

    #[test]
    fn the_least_met_makes_room() {
        let mut few = Few::default();
        assert_eq!(
            [few.count(1, 2), few.count(1, 2), few.count(2, 2), few.count(3, 2)],
            [1, 2, 1, 1]
        );
        assert_eq!(few.count(1, 2), 3);
    }

    #[test]
    fn a_sample_is_counted_in_full() {
        let mut sample = Sample::default();
        for round in 0..3 {
            for number in 0..10_000_u64 {
                sample.count(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8, 100);
            }
            assert!((25..=100).contains(&sample.with(1)), "{}", sample.with(1));
            assert_eq!(sample.with(round + 1), sample.with(1));
        }
    }
}
