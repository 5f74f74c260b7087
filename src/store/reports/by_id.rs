//! What belongs to the URL or page version of which id?
//!
//! Rows have ids from 1 on without large gaps, so a list is smaller than a map.

/// Ids up to which they are told apart. A file that names larger ones has as many rows, or
/// was tampered with.
const MAX_ID: usize = 100_000_000;

/// One thing for each id.
pub(super) struct ById<T> {
    list: Vec<T>,
    nothing: T,
}

impl<T: Copy + PartialEq> ById<T> {
    /// `nothing` stands for ids to which nothing belongs.
    pub(super) fn new(nothing: T) -> Self {
        Self { list: Vec::new(), nothing }
    }

    /// Puts `it` there; nowhere, if there is no id.
    pub(super) fn put(&mut self, id: Option<i64>, it: T) {
        if let Ok(id @ 1..=MAX_ID) = usize::try_from(id.unwrap_or_default()) {
            if self.list.len() <= id {
                self.list.resize(id + 1, self.nothing);
            }
            self.list[id] = it;
        }
    }

    /// What belongs to an id.
    pub(super) fn get(&self, id: i64) -> T {
        usize::try_from(id).ok().and_then(|id| self.list.get(id)).copied().unwrap_or(self.nothing)
    }

    /// The ids to which something belongs, in order.
    pub(super) fn ids(&self) -> Vec<usize> {
        let all = self.list.iter().enumerate();
        all.filter(|(_, it)| **it != self.nothing).map(|(id, _)| id).collect()
    }
}
