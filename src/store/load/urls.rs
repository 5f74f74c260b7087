//! Which URLs does the file know, and where do they stand?
//!
//! One pass over two tables that lie in the order of the URLs' ids: a look-up for each
//! of ten million URLs would take a minute.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio_rusqlite::rusqlite::{Connection, Result, Row, Rows};

use super::{text, wrong};
use crate::canonical::CanonicalUrl;
use crate::engine::record::{Depth, UrlId};
use crate::engine::{Budgets, Known};
use crate::hash::UrlHash;
use crate::refusal::{REASONS, Reason};
use crate::store::Error;
use crate::traps::Traps;

/// What is known of the URLs.
#[derive(Default)]
pub(super) struct Urls {
    pub(super) known: Known,
    /// Pages that were asked for.
    pub(super) pages: u64,
    /// What waits at each origin, in the order of their ids.
    pub(super) waiting: Vec<Waiting>,
}

/// What waits at an origin.
#[derive(Clone, Copy, Default)]
pub(super) struct Waiting {
    pub(super) pending: u64,
    /// Whether links that are only checked are among it.
    pub(super) is_external: bool,
}

/// Where a URL stands.
struct Standing {
    id: u32,
    is_pending: bool,
    is_done: bool,
    reason: Option<Reason>,
    kind: Kind,
    depth: u16,
    was_found: bool,
    was_asked: bool,
    origin: Option<u32>,
}

/// As far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    Sitemap,
    External,
    Other,
}

impl Standing {
    const COLUMNS: &str =
        "url_id, state, reason, kind, depth, found_on IS NOT NULL, attempts > 0, origin_id";

    fn of(row: &Row<'_>) -> Result<Self> {
        let state = text(row, 1)?;
        let reason = row.get_ref(2)?.as_str_or_null()?;
        let is_done = state == "done";
        Ok(Self {
            id: row.get(0)?,
            is_pending: state == "pending",
            is_done,
            reason: reason.and_then(|name| REASONS.into_iter().find(|it| it.as_str() == name)),
            kind: match text(row, 3)? {
                "page" => Kind::Page,
                "sitemap" => Kind::Sitemap,
                "external" => Kind::External,
                _ => Kind::Other,
            },
            depth: row.get(4)?,
            was_found: row.get(5)?,
            was_asked: is_done || row.get(6)?,
            origin: row.get(7)?,
        })
    }

    fn next(rows: &mut Rows<'_>) -> Result<Option<Self>> {
        rows.next()?.map(Self::of).transpose()
    }

    /// The depth that counts, and the rank of what stands against the URL.
    fn depth_and_rank(&self) -> (Depth, u8) {
        let depth = match self.reason {
            // What a sitemap's depth counts are indexes; others have none that matters.
            _ if self.kind == Kind::Sitemap => Depth::new(0),
            // A link that is not followed is no way from a seed.
            Some(Reason::Asset | Reason::External | Reason::Nofollow) => Depth::NONE,
            _ => Depth::from_rank(self.depth),
        };
        (depth, self.reason.map_or(0, Reason::link_rank))
    }

    /// Whether it is a page that was asked for.
    fn is_asked_page(&self) -> bool {
        self.kind == Kind::Page && self.was_asked
    }

    /// Whether the traps have counted it.
    fn may_be_trap(&self) -> bool {
        self.kind == Kind::Page
            && self.was_found
            && (self.is_pending || self.is_done || self.reason == Some(Reason::Trap))
    }
}

/// A URL as it is read, for [`Counted::add`].
struct UrlRow {
    id: UrlId,
    hash: UrlHash,
    standing: Option<Standing>,
    /// Its text, where traps or budgets count it.
    url: Option<Arc<str>>,
}

/// URLs for which room is made at once; a damaged file may say that it has many more.
const MOST_AT_ONCE: u32 = 20_000_000;
/// Rows that are handed over at once, and how often while nobody takes them.
const BATCH: usize = 4096;
const BATCHES: usize = 4;

/// What counts the URLs of a crawl.
struct Counted<'a> {
    known: Known,
    traps: Option<&'a mut Traps>,
    budgets: &'a mut Budgets,
}

impl Counted<'_> {
    fn add(&mut self, row: UrlRow) {
        let UrlRow { id, hash, standing, url } = row;
        let Some(standing) = standing else { return self.known.load(id, hash) };
        let (depth, rank) = standing.depth_and_rank();
        self.known.load_standing(id, hash, depth, rank);
        let Some(url) = url.and_then(CanonicalUrl::from_file) else { return };
        if let Some(traps) = self.traps.as_deref_mut().filter(|_| standing.may_be_trap()) {
            traps.judge(&url);
        }
        if standing.is_asked_page() {
            self.budgets.count(&url);
        }
    }
}

impl Urls {
    /// Those of the file, of which one crawl has met some. Lets `traps` count them, and
    /// `budgets` those that were asked for.
    pub(super) fn load(
        db: &Connection,
        crawl_id: i64,
        origins: usize,
        traps: Option<&mut Traps>,
        budgets: &mut Budgets,
    ) -> Result<Self, Error> {
        let mut all = Self { waiting: vec![Waiting::default(); origins], ..Self::default() };
        let (counts_traps, counts_budgets) = (traps.is_some(), !budgets.is_empty());
        let is_counted = |standing: &Standing| {
            counts_traps && standing.may_be_trap() || counts_budgets && standing.is_asked_page()
        };
        let urls: u32 =
            db.query_row("SELECT coalesce(max(id), 0) FROM url", [], |row| row.get(0))?;
        let known = Known::with_capacity(urls.min(MOST_AT_ONCE) as usize);
        let mut counted = Counted { known, traps, budgets };
        // Reading takes as long as counting does, and there are two cores.
        let (sender, receiver) = sync_channel::<Vec<UrlRow>>(BATCHES);
        let read = std::thread::scope(|scope| {
            let counting = scope.spawn(move || {
                receiver.into_iter().flatten().for_each(|row| counted.add(row));
                counted.known
            });
            let read = all.read(db, crawl_id, is_counted, &sender);
            drop(sender);
            all.known = counting.join().unwrap_or_else(|panic| resume_unwind(panic));
            read
        });
        read.map(|()| all)
    }

    /// Reads the URLs and sends them on.
    fn read(
        &mut self,
        db: &Connection,
        crawl_id: i64,
        is_counted: impl Fn(&Standing) -> bool,
        sender: &SyncSender<Vec<UrlRow>>,
    ) -> Result<(), Error> {
        let mut urls = db.prepare("SELECT id, hash, url FROM url ORDER BY id")?;
        let mut urls = urls.query([])?;
        let columns = Standing::COLUMNS;
        let sql = format!("SELECT {columns} FROM state WHERE crawl_id = ?1 ORDER BY url_id");
        let mut standings = db.prepare(&sql)?;
        let mut standings = standings.query([crawl_id])?;
        let mut next = Standing::next(&mut standings)?;
        let mut batch = Vec::with_capacity(BATCH);
        let mut last = 0;
        while let Some(row) = urls.next()? {
            let id = UrlId(row.get(0)?);
            last += 1;
            // They are given in order and never freed, and tables in memory are as long as the largest.
            if id.0 != last {
                return Err(wrong(0, "a row of a URL is missing").into());
            }
            let standing = next.take_if(|next| next.id == id.0);
            let mut url = None;
            if let Some(standing) = &standing {
                next = Standing::next(&mut standings)?;
                self.count(standing)?;
                if is_counted(standing) {
                    url = Some(text(row, 2)?.into());
                }
            }
            batch.push(UrlRow { id, hash: UrlHash(row.get(1)?), standing, url });
            if batch.len() == BATCH {
                // Who does not take it any more panicked, which is said in the end.
                sender.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).ok();
            }
        }
        sender.send(batch).ok();
        if next.is_some() {
            return Err(wrong(0, "a URL that is not there has a state").into());
        }
        Ok(())
    }

    fn count(&mut self, standing: &Standing) -> Result<()> {
        self.pages += u64::from(standing.is_asked_page());
        if !standing.is_pending {
            return Ok(());
        }
        let place = standing.origin.and_then(|id| (id as usize).checked_sub(1));
        let waiting = place.and_then(|place| self.waiting.get_mut(place));
        let waiting = waiting.ok_or_else(|| wrong(7, "a pending URL belongs to no origin"))?;
        waiting.pending += 1;
        waiting.is_external |= standing.kind == Kind::External;
        Ok(())
    }
}
