//! Does the real store do what the model of it does?
//!
//! A file on disk, written by the code that a crawl writes with, beside the model:
//! the same batches, the same lock slots, the same questions. When the process dies,
//! a copy of what lies on disk at that instant is all that is left.

mod rows;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crawlite::canonical::CanonicalUrl;
use crawlite::engine::record::{Record, Reply, UrlId};
use crawlite::engine::{Finish, Loaded};
use crawlite::store::{Belonging, Failure, Rejudged, Store, Writer};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::file::File;
use super::slots::Touch;

/// Records that the writer takes without being asked to wait.
const AT_ONCE: usize = 16;

pub(crate) struct Real {
    runtime: Runtime,
    folder: TempDir,
    secret: [u8; 16],
    store: Option<Store>,
    writer: Option<(Writer, JoinHandle<Result<(), crawlite::store::Error>>)>,
    crawl_id: i64,
    replies: VecDeque<Reply>,
    /// Records that this run handed over.
    records: u64,
}

/// In memory where there is such a place: what is asked here is not how fast a disk is.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    folder.expect("a folder")
}

impl Real {
    pub(crate) fn new(secret: [u8; 16], now: i64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut real = Self {
            runtime,
            folder: folder(),
            secret,
            store: None,
            writer: None,
            crawl_id: 0,
            replies: VecDeque::new(),
            records: 0,
        };
        real.open(now);
        real
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("sim.db")
    }

    /// Opens the file unless it is open.
    pub(crate) fn open(&mut self, now: i64) {
        if self.store.is_none() {
            let (path, secret) = (self.path(), self.secret);
            let opened = self.runtime.block_on(Store::open(&path, secret, now));
            self.store = Some(opened.expect("the file is whole"));
        }
    }

    /// A further crawl of the same file begins.
    pub(crate) fn begin(&mut self, seeds: &[CanonicalUrl], now: i64) {
        self.open(now);
        let seeds: Vec<_> = seeds.iter().map(ToString::to_string).collect();
        let store = self.store.as_mut().expect("it is open");
        let begun = self.runtime.block_on(store.begin(&seeds, String::new(), now));
        self.crawl_id = begun.expect("a crawl begins");
    }

    pub(crate) fn rejudge(&mut self, belonging: Belonging) -> Rejudged {
        let store = self.store.as_ref().expect("it is open");
        self.runtime.block_on(store.rejudge(self.crawl_id, belonging)).expect("it is writable")
    }

    pub(crate) fn reopen(&mut self, failures: Vec<Failure>) -> u64 {
        let store = self.store.as_ref().expect("it is open");
        self.runtime.block_on(store.reopen(self.crawl_id, failures)).expect("it is writable")
    }

    pub(crate) fn release_trap(&mut self, pattern: &str, now: i64) -> Option<u64> {
        let store = self.store.as_ref().expect("it is open");
        let released = self.runtime.block_on(store.release_trap(pattern.to_owned(), now));
        released.expect("it is writable")
    }

    pub(crate) fn resume(&mut self) {
        let store = self.store.as_ref().expect("it is open");
        let resumed = self.runtime.block_on(store.resume(self.crawl_id, String::new()));
        resumed.expect("it is writable");
    }

    /// What the file knows; the writer starts.
    pub(crate) fn load(&mut self, blank: Loaded, now: i64) -> Loaded {
        let crawl_id = self.crawl_id;
        let store = self.store.as_mut().expect("it is open");
        let loaded = store.load(crawl_id, "crawlite".to_owned(), blank, now);
        let loaded = self.runtime.block_on(loaded).expect("it is whole");
        let _guard = self.runtime.enter();
        let store = self.store.as_ref().expect("it is open");
        self.writer = Some(Writer::start(store, crawl_id, std::time::Instant::now(), 0));
        self.records = 0;
        self.replies.clear();
        loaded
    }

    /// Commits a batch, and keeps the answers.
    pub(crate) fn commit(&mut self, batch: Vec<Record>) {
        let (writer, _) = self.writer.as_mut().expect("a run is under way");
        let mut batch = batch.into_iter().peekable();
        while batch.peek().is_some() {
            let part: Vec<_> = batch.by_ref().take(AT_ONCE).collect();
            let is_question = |record: &&Record| {
                matches!(record, Record::Nearer { .. } | Record::Barrier | Record::Refill { .. })
            };
            let questions = part.iter().filter(is_question).count();
            self.records += part.len() as u64;
            let records = self.records;
            let replies = self.runtime.block_on(async {
                for record in part {
                    writer.inbox.send(record).await.expect("the writer lives");
                }
                let is_done = |committed: &crawlite::store::Committed| committed.records >= records;
                writer.committed.wait_for(is_done).await.expect("the writer lives");
                let mut replies = Vec::new();
                for _ in 0..questions {
                    replies.push(writer.replies.recv().await.expect("an answer"));
                }
                replies
            });
            self.replies.extend(replies);
        }
    }

    /// The oldest answer that was not asked for yet.
    pub(crate) fn next_reply(&mut self) -> Reply {
        self.replies.pop_front().expect("the real file answers, too")
    }

    pub(crate) fn touch(&self, touch: Touch) {
        let lock = self.store.as_ref().expect("it is open").lock();
        let touched = match touch {
            Touch::Occupied(slot, id) => lock.occupy(slot, id),
            Touch::Ended(slot, id) => lock.end(slot, id),
            Touch::Vacated(slot) => lock.vacate(slot),
        };
        touched.expect("the lock file is writable");
    }

    /// Every row is as the model says.
    pub(crate) fn compare(&self, model: &File) {
        rows::compare(&self.path(), self.crawl_id, model);
    }

    fn end_writer(&mut self) {
        let (writer, task) = self.writer.take().expect("a run is under way");
        drop(writer);
        self.runtime.block_on(task).expect("no panic").expect("everything is written");
    }

    /// The run ends well.
    pub(crate) fn finish(&mut self, finish: &Finish, now: i64) {
        self.end_writer();
        let store = self.store.take().expect("it is open");
        let finished = self.runtime.block_on(store.finish(self.crawl_id, finish, false, now));
        finished.expect("it is writable");
        let left = std::fs::read_dir(self.folder.path()).expect("a folder").count();
        assert_eq!(left, 1, "a clean end leaves one file");
    }

    /// The process dies: what lies on disk now is what there is.
    pub(crate) fn crash(&mut self) {
        let left = folder();
        for name in ["sim.db", "sim.db-wal", "sim.db.lock"] {
            let from = self.folder.path().join(name);
            if from.exists() {
                std::fs::copy(&from, left.path().join(name)).expect("a copy");
            }
        }
        self.end_writer();
        drop(self.store.take());
        self.folder = left;
    }
}

/// What a run begins with must be the same by the model and by the real file.
pub(crate) fn compare_loaded(model: &Loaded, real: &Loaded, urls: usize) {
    assert_eq!(format!("{:?}", model.origins), format!("{:?}", real.origins), "origins");
    assert_eq!(model.suspects, real.suspects, "suspects");
    assert_eq!(model.owing, real.owing, "URLs that owe an offer");
    assert_eq!((model.pages, model.bytes), (real.pages, real.bytes), "pages and bytes");
    assert_eq!(model.trap_patterns, real.trap_patterns, "patterns of traps");
    assert_eq!((model.known.len(), real.known.len()), (urls, urls), "known URLs");
    for id in (1..).map(UrlId).take(urls) {
        let of = |loaded: &Loaded| (loaded.known.depth(id), loaded.known.link_rank(id));
        assert_eq!(of(model), of(real), "depth and rank of {id:?}");
    }
}
