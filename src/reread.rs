//! What do rules make of pages that are stored?
//!
//! Batch by batch: while the pool reads one, the store reads the next from disk and
//! keeps what the one before gave. A batch is one transaction, so whoever stops this,
//! in whatever way, finds what was read, and the next time goes on from there.

use std::io;
use std::sync::Arc;

use futures_util::future::join_all;
use url::Url;

use crate::extract::{self, Rules};
use crate::pool::{Pool, spent};
use crate::store::{self, Reread, Rereading, Store, Unread};

/// Pages of a batch at most.
const BATCH: usize = 256;

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Whoever counts the pages wants no more.
    #[error(transparent)]
    Stopped(#[from] io::Error),
}

/// What a page depends on besides itself.
struct Wanted {
    rules: Rules,
    items: bool,
}

/// Reads the stored page versions `ids`, which [`Store::unread`] gave for `again`.
/// `on_page` is told of each, and may stop the work. How many could not be read.
///
/// # Errors
/// If the store fails, or `on_page` stops it.
pub async fn reread(
    store: &Store,
    pool: &Pool,
    again: &Rereading,
    ids: &[i64],
    mut on_page: impl FnMut() -> io::Result<()>,
) -> Result<u64, Error> {
    let wanted = Arc::new(Wanted { rules: again.rules.clone(), items: again.items });
    let (mut rest, mut damaged) = (ids, 0);
    let mut batch = store.read_batch(first(rest)).await?;
    while !batch.is_empty() {
        rest = &rest[batch.len()..];
        let count = batch.len();
        let reading = join_all(batch.into_iter().map(|page| {
            let wanted = Arc::clone(&wanted);
            pool.run(move || read(page, &wanted))
        }));
        let (read, next) = tokio::join!(reading, store.read_batch(first(rest)));
        batch = next?;
        let read: Vec<Reread> = read.into_iter().filter_map(|page| page.ok().flatten()).collect();
        damaged += (count - read.len()) as u64;
        store.save_reread(read).await?;
        for _ in 0..count {
            on_page()?;
        }
    }
    Ok(damaged)
}

fn first(ids: &[i64]) -> Vec<i64> {
    ids[..ids.len().min(BATCH)].to_vec()
}

/// What a page gives; `None` if its body is damaged.
fn read(page: Unread, wanted: &Wanted) -> Option<Reread> {
    let (page_id, url) = (page.page_id, Url::parse(&page.url).ok()?);
    let html = page.html()?;
    let rows = wanted.rules.read(&url, &html, spent);
    let items = wanted.items.then(|| extract::items(&html, &url));
    Some(Reread { page_id, rows, items })
}
