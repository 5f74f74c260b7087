//! Which URLs were met before?
//!
//! A map from the keyed hash of every URL of the file to its id, in memory: an
//! index on disk falls to a tenth of its speed at two million URLs. Beside it,
//! by id, what the engine must know of a URL when it is met again: its depth,
//! and whether somebody has it. Together at most 45 bytes a URL.
//!
//! unknown → (`meet`) → known, and met in this crawl → taken ⇄ free

use hashbrown::HashTable;

use super::record::{Depth, UrlId};
use crate::hash::UrlHash;

/// Parts of the map that grow on their own, so that growth never doubles all.
const SHARDS: usize = 64;
/// Standings that are allocated at once.
const CHUNK: usize = 1 << 14;
/// The bit of an id that says "met in this crawl".
const MET: u32 = 1 << 31;
/// The id of a URL is counted from 1 and stays below this.
const MAX_URLS: u32 = MET - 1;

#[derive(Clone, Copy)]
struct Entry {
    hash: UrlHash,
    id_and_met: u32,
}

/// What is remembered of a URL by its id.
#[derive(Clone, Copy)]
struct Standing {
    depth: Depth,
    flags: u8,
}

/// A visit, a delay or the suspects have it: rows read from disk are not to be queued.
const TAKEN: u8 = 1;
/// Where the rank of the reason begins that lies in the links to it.
const RANK_SHIFT: u8 = 1;

/// How a URL was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// Never before in this file.
    New,
    /// In an earlier crawl of this file, not yet in this one.
    Revisit,
    /// Before in this crawl.
    Again,
}

/// Every URL of the file.
pub struct Known {
    shards: Vec<HashTable<Entry>>,
    standings: Vec<Box<[Standing; CHUNK]>>,
    last: u32,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| HashTable::new()).collect(),
            standings: Vec::new(),
            last: 0,
        }
    }
}

fn place(hash: &UrlHash) -> u64 {
    u64::from_le_bytes(*hash.0.first_chunk().expect("8 of 12 bytes"))
}

impl Known {
    /// With room for `urls`, so that no part of the map grows while they are loaded.
    pub fn with_capacity(urls: usize) -> Self {
        let room = urls / SHARDS + urls / SHARDS / 32;
        let shards = (0..SHARDS).map(|_| HashTable::with_capacity(room)).collect();
        Self { shards, ..Self::default() }
    }

    /// Takes over a URL from the file; called once per URL before the crawl, in the
    /// order of their ids.
    pub fn load(&mut self, id: UrlId, hash: UrlHash) {
        self.add(id, hash, 0);
    }

    /// Takes over a URL that this crawl has met, and where it stands.
    pub fn load_standing(&mut self, id: UrlId, hash: UrlHash, depth: Depth, link_rank: u8) {
        self.add(id, hash, MET);
        let standing = self.standing_mut(id);
        standing.depth = depth;
        standing.flags = link_rank << RANK_SHIFT;
    }

    fn add(&mut self, id: UrlId, hash: UrlHash, met: u32) {
        self.last = self.last.max(id.0);
        self.reserve_standings();
        self.insert(hash, id.0 | met);
    }

    /// How many URLs the file has.
    pub fn len(&self) -> usize {
        self.last as usize
    }

    /// Whether the file has no URL yet.
    pub fn is_empty(&self) -> bool {
        self.last == 0
    }

    /// The id of a URL, a new one if it was unknown; it is known from now on, but
    /// still not met in this crawl.
    pub fn intern(&mut self, hash: UrlHash) -> (UrlId, bool) {
        if let Some(entry) = self.find_mut(&hash) {
            return (UrlId(entry.id_and_met & !MET), false);
        }
        assert!(self.last < MAX_URLS, "a file holds at most {MAX_URLS} URLs");
        let id = UrlId(self.last + 1);
        self.add(id, hash, 0);
        (id, true)
    }

    /// Meets a URL in this crawl.
    pub fn meet(&mut self, hash: UrlHash) -> (UrlId, Meeting) {
        let (id, is_new) = self.intern(hash);
        let entry = self.find_mut(&hash).expect("just interned");
        let was_met = entry.id_and_met & MET != 0;
        entry.id_and_met |= MET;
        let meeting = match (is_new, was_met) {
            (true, _) => Meeting::New,
            (false, false) => Meeting::Revisit,
            (false, true) => Meeting::Again,
        };
        (id, meeting)
    }

    /// The depth at which a URL stands in this crawl.
    pub fn depth(&self, id: UrlId) -> Depth {
        self.standing(id).depth
    }

    /// Sets the depth of a URL.
    pub fn set_depth(&mut self, id: UrlId, depth: Depth) {
        self.standing_mut(id).depth = depth;
    }

    /// Whether somebody has the URL.
    pub fn is_taken(&self, id: UrlId) -> bool {
        self.standing(id).flags & TAKEN != 0
    }

    /// Says whether somebody has the URL.
    pub fn set_taken(&mut self, id: UrlId, taken: bool) {
        let flags = &mut self.standing_mut(id).flags;
        *flags = (*flags & !TAKEN) | u8::from(taken);
    }

    /// The rank of the reason against the URL that lies in the links met so far
    /// ([`Reason::link_rank`](crate::refusal::Reason::link_rank)).
    pub fn link_rank(&self, id: UrlId) -> u8 {
        self.standing(id).flags >> RANK_SHIFT
    }

    /// Sets that rank.
    pub fn set_link_rank(&mut self, id: UrlId, rank: u8) {
        let flags = &mut self.standing_mut(id).flags;
        *flags = (*flags & TAKEN) | (rank << RANK_SHIFT);
    }

    fn standing(&self, id: UrlId) -> &Standing {
        let at = id.0 as usize - 1;
        &self.standings[at / CHUNK][at % CHUNK]
    }

    fn standing_mut(&mut self, id: UrlId) -> &mut Standing {
        let at = id.0 as usize - 1;
        &mut self.standings[at / CHUNK][at % CHUNK]
    }

    fn reserve_standings(&mut self) {
        while self.standings.len() * CHUNK < self.last as usize {
            let none = Standing { depth: Depth::NONE, flags: 0 };
            let chunk = vec![none; CHUNK].into_boxed_slice();
            self.standings.push(chunk.try_into().ok().expect("as long as a chunk"));
        }
    }

    fn insert(&mut self, hash: UrlHash, id_and_met: u32) {
        let entry = Entry { hash, id_and_met };
        self.shard_mut(&hash).insert_unique(place(&hash), entry, |entry| place(&entry.hash));
    }

    fn find_mut(&mut self, hash: &UrlHash) -> Option<&mut Entry> {
        self.shard_mut(hash).find_mut(place(hash), |entry| entry.hash == *hash)
    }

    fn shard_mut(&mut self, hash: &UrlHash) -> &mut HashTable<Entry> {
        &mut self.shards[usize::from(hash.0[11]) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::UrlHasher;

    #[test]
    fn a_url_is_new_once_and_a_later_crawl_meets_it_afresh() {
        let hasher = UrlHasher::new([7; 16]);
        let (a, b) = (hasher.hash("http://a/"), hasher.hash("http://b/"));
        let mut known = Known::default();
        assert_eq!(known.meet(a), (UrlId(1), Meeting::New));
        assert_eq!(known.meet(b), (UrlId(2), Meeting::New));
        assert_eq!(known.meet(a), (UrlId(1), Meeting::Again));

        let mut later = Known::default();
        later.load(UrlId(1), a);
        later.load_standing(UrlId(2), b, Depth::new(3), 0);
        assert_eq!(later.meet(a), (UrlId(1), Meeting::Revisit));
        assert_eq!(later.meet(b), (UrlId(2), Meeting::Again));
        assert_eq!(later.depth(UrlId(2)), Depth::new(3));
        assert_eq!(later.intern(hasher.hash("http://c/")), (UrlId(3), true));
        assert_eq!(later.meet(hasher.hash("http://c/")), (UrlId(3), Meeting::Revisit));
    }

    #[test]
    fn flags_do_not_disturb_each_other() {
        let mut known = Known::default();
        let (id, _) = known.meet(UrlHasher::new([0; 16]).hash("x"));
        known.set_taken(id, true);
        known.set_link_rank(id, 4);
        assert!(known.is_taken(id));
        known.set_taken(id, false);
        assert_eq!((known.link_rank(id), known.is_taken(id)), (4, false));
    }
}
