//! How much memory may the results of visits take until they are written?
//!
//! A page of a megabyte may have 100 000 links, which take twenty times as much
//! once they are read, and a hundred such results may wait for the writer. So a
//! body is read only once there is room for the most that it may become; what it
//! does not take is given back at once, the rest when its record is committed.
//! Whoever waits here holds nothing that a commit needs.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Read;
use crate::engine::record::{Found, LinkRecord, SitemapEntry};
use crate::extract::{Cell, Item};

/// What all results together may take.
const ROOM_BYTES: usize = 64 << 20;
/// What a result takes at the most of its body's length.
const GROWTH: usize = 24;
/// How much longer a body gets whose encoding is undone, if its links differ. Those
/// that do not differ are one, and take no room.
const DECODING: usize = 20;
/// What is shared out at once.
const UNIT: usize = 1024;

/// The room for results. Clones share it.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

/// The part of the room that a result has, until it is dropped.
#[derive(Debug, Default)]
pub struct Hold(Option<OwnedSemaphorePermit>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_BYTES / UNIT)))
    }
}

impl Room {
    /// Waits for the room that a body of `bytes` may need; asked for once a visit.
    pub(super) async fn for_body(&self, bytes: usize, is_encoded: bool, max_body: usize) -> Hold {
        let decoded = if is_encoded { bytes.saturating_mul(DECODING).min(max_body) } else { bytes };
        let most = units(decoded.saturating_mul(GROWTH));
        let room = Arc::clone(&self.0).acquire_many_owned(most).await;
        Hold(Some(room.expect("never closed")))
    }
}

impl Hold {
    /// Gives back what `read` does not take.
    pub(super) fn shrink_to(&mut self, read: &Read) {
        if let Some(permit) = &mut self.0 {
            let surplus = permit.num_permits().saturating_sub(units(size(read)) as usize);
            drop(permit.split(surplus));
        }
    }
}

fn units(bytes: usize) -> u32 {
    let units = bytes.div_ceil(UNIT).min(ROOM_BYTES / UNIT);
    u32::try_from(units).expect("the room is small")
}

/// Bytes that a result takes, roughly.
fn size(read: &Read) -> usize {
    let found = read.found.iter().map(|found| size_of::<Found>() + 32 + found.text.len());
    let links = read.page.iter();
    let links = links.map(|page| size_of::<LinkRecord>() * page.links.len() + page.texts.len());
    let body = read.page.iter().filter_map(|page| page.body.as_ref()).map(|body| body.bytes.len());
    let rows = read.page.iter().flat_map(|page| &page.rows).flat_map(|rule| &rule.rows).flatten();
    let rows = rows.map(|cell| size_of::<Cell>() + cell.text().map_or(0, str::len));
    let items = read.page.iter().filter_map(|page| page.items.as_ref()).flatten();
    let items = items.map(|item| size_of::<Item>() + item.json.as_ref().map_or(0, String::len));
    let entries = read.sitemap.entries.len() * size_of::<SitemapEntry>();
    // The engine adds a row for each URL it meets.
    2 * found.sum::<usize>()
        + links.sum::<usize>()
        + body.sum::<usize>()
        + entries
        + rows.sum::<usize>()
        + items.sum::<usize>()
}
