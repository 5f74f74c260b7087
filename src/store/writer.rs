//! The one task that writes.
//!
//! The crawl hands it records in the order in which they must become true. It
//! commits whatever has piled up as one transaction, so batches grow with the
//! load and no timer is needed. A full inbox holds the crawl back: that is the
//! back-pressure. Questions among the records are answered after the commit.
//!
//! Shutdown: once the [`Writer`] is dropped, the task empties its inbox, commits
//! the last batch and ends.

use std::path::PathBuf;
use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::{Error, Store, on, save};
use crate::engine::record::{Record, Reply};
use crate::fault;

/// Records that wait for the writer at most.
const INBOX: usize = 32;
/// Records committed together at most.
const MAX_BATCH: usize = 64;
/// Answers that wait for the crawl at most; it always takes them.
const REPLIES: usize = 64;

/// How much is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Records, in the order in which they were handed over.
    pub records: u64,
}

/// The handle on the writing task.
#[derive(Debug)]
pub struct Writer {
    /// Where records go.
    pub inbox: mpsc::Sender<Record>,
    /// Where answers come from.
    pub replies: mpsc::Receiver<Reply>,
    /// How much is committed.
    pub committed: watch::Receiver<Committed>,
}

impl Writer {
    /// Starts the task that writes the crawl `crawl_id` to `store`. Its time is counted
    /// from `began` on, and earlier runs took so many milliseconds.
    pub fn start(
        store: &Store,
        crawl_id: i64,
        began: Instant,
        elapsed_before_ms: i64,
    ) -> (Self, JoinHandle<Result<(), Error>>) {
        let (inbox, records) = mpsc::channel(INBOX);
        let (replies_in, replies) = mpsc::channel(REPLIES);
        let (progress, committed) = watch::channel(Committed::default());
        let db = store.connection();
        let elapsed = move || {
            let elapsed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
            elapsed.saturating_add(elapsed_before_ms)
        };
        let task = tokio::spawn(run(db, crawl_id, elapsed, records, replies_in, progress));
        (Self { inbox, replies, committed }, task)
    }
}

async fn run(
    (db, path): (tokio_rusqlite::Connection, PathBuf),
    crawl_id: i64,
    elapsed_ms: impl Fn() -> i64 + Send + 'static,
    mut records: mpsc::Receiver<Record>,
    replies: mpsc::Sender<Reply>,
    progress: watch::Sender<Committed>,
) -> Result<(), Error> {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while records.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let records = std::mem::take(&mut batch);
        let count = records.len() as u64;
        let elapsed = elapsed_ms();
        let commit = move |db: &mut _| {
            records.iter().for_each(strike);
            save::commit(db, crawl_id, &records, elapsed)
        };
        let answers = on(&db, commit).await.map_err(|error| error.at(&path))?;
        progress.send_modify(|committed| committed.records += count);
        for answer in answers {
            // Nobody listens any more once the crawl has ended.
            replies.send(answer).await.ok();
        }
    }
    // The time in which nothing came belongs to the crawl, too.
    let elapsed = elapsed_ms();
    let end = move |db: &mut _| save::commit(db, crawl_id, &[], elapsed).map(drop);
    on(&db, end).await.map_err(|error| error.at(&path))
}

fn strike(record: &Record) {
    if let Record::Visit(visit) = record {
        fault::strike("writer", visit.candidate.url.path_and_query());
    }
}
