//! Which server of an address may start something first?

use std::collections::BTreeSet;
use std::time::Instant;

use crate::engine::record::ServerId;

/// When a server may start, its number among those that may at the same time, and it.
pub(super) type Start = (Instant, u64, ServerId);

/// What may start, by when. Most addresses have one server, for which a tree, that takes
/// room for eleven at once, would be too much.
#[derive(Debug, Default)]
pub(super) enum Starts {
    #[default]
    None,
    One(Start),
    Many(BTreeSet<Start>),
}

impl Starts {
    pub(super) fn first(&self) -> Option<&Start> {
        match self {
            Self::None => None,
            Self::One(one) => Some(one),
            Self::Many(many) => many.first(),
        }
    }

    pub(super) fn insert(&mut self, start: Start) {
        match self {
            Self::None => *self = Self::One(start),
            Self::One(one) => *self = Self::Many(BTreeSet::from([*one, start])),
            Self::Many(many) => {
                many.insert(start);
            }
        }
    }

    pub(super) fn remove(&mut self, start: &Start) {
        let is_empty = match self {
            Self::None => false,
            Self::One(one) => one == start,
            Self::Many(many) => many.remove(start) && many.is_empty(),
        };
        if is_empty {
            *self = Self::None;
        }
    }
}
