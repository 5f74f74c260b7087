//! What would the lock file say when the process dies?
//!
//! One slot per visit with the row of its URL, marked once the visit has ended and
//! freed once its record is committed.

use std::collections::VecDeque;

use crawlite::engine::record::{Record, UrlId};

#[derive(Debug, Default)]
pub(crate) struct Slots {
    slots: Vec<Option<(UrlId, bool)>>,
    free: Vec<usize>,
    /// Slots by the number of the record that frees them.
    handed_over: VecDeque<(u64, usize)>,
    records: u64,
    committed: u64,
}

/// What is done to a slot, for a lock file beside this one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Touch {
    Occupied(usize, UrlId),
    Ended(usize, UrlId),
    Vacated(usize),
}

impl Slots {
    pub(crate) fn occupy(&mut self, id: UrlId) -> Touch {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some((id, false));
        Touch::Occupied(slot, id)
    }

    /// A record goes to the writer.
    pub(crate) fn hand_over(&mut self, record: &Record) -> Option<Touch> {
        self.records += 1;
        let Record::Visit(visit) = record else { return None };
        let id = visit.candidate.id;
        let slot = self.slots.iter().rposition(|slot| *slot == Some((id, false)))?;
        self.slots[slot] = Some((id, true));
        self.handed_over.push_back((self.records, slot));
        Some(Touch::Ended(slot, id))
    }

    /// So many records more are committed.
    pub(crate) fn commit(&mut self, count: usize) -> Vec<Touch> {
        self.committed += count as u64;
        let mut touched = Vec::new();
        while let Some((_, slot)) =
            self.handed_over.pop_front_if(|(record, _)| *record <= self.committed)
        {
            self.slots[slot] = None;
            self.free.push(slot);
            touched.push(Touch::Vacated(slot));
        }
        touched
    }

    /// What was in flight or not committed.
    pub(crate) fn suspects(&self) -> Vec<UrlId> {
        self.slots.iter().flatten().map(|(id, _)| *id).collect()
    }

    /// Those of them that may have been the death of the process.
    pub(crate) fn culprits(&self) -> Vec<UrlId> {
        let open: Vec<_> =
            self.slots.iter().flatten().filter(|(_, ended)| !ended).map(|(id, _)| *id).collect();
        let mut counted = if open.is_empty() { self.suspects() } else { open };
        counted.sort();
        counted.dedup();
        counted
    }
}
