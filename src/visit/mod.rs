//! What comes of one candidate, from its lease to the record of what came back?
//!
//! A visit makes one request on the event loop; then one call in the work pool
//! does the rest: undo the content encoding, read the page, join and judge its
//! links, compress. It always ends with a [`Visited`], whatever happens: a
//! failure, a panic included, is that URL's recorded outcome.

mod page;
mod room;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;

use crate::canonical::{CanonicalUrl, join};
use crate::config::{Bodies, Config};
use crate::engine::record::{
    Candidate, FetchRecord, Found, FoundBy, Kind, Outcome, PageRecord, RobotsAnswer, SitemapEntry,
    Visited,
};
use crate::fault::{self, panic_text};
use crate::fetch::{FetchError, Fetched, Fetcher, Head, decode, gunzip};
use crate::hash::UrlHasher;
use crate::pool::Pool;
use crate::refusal::{Reason, Refusal};
use crate::robots::{MAX_ROBOTS_BYTES, Rules};
use crate::scope::Scope;
use crate::sitemap;
use room::Room;

pub use room::Hold;

/// What every visit shares. Clones are cheap.
#[derive(Clone)]
pub struct Visitor {
    fetcher: Fetcher,
    pool: Pool,
    room: Room,
    rules: Arc<PageRules>,
}

/// What the reading of a page depends on besides its bytes.
pub(crate) struct PageRules {
    pub(crate) scope: Arc<Scope>,
    pub(crate) hasher: UrlHasher,
    pub(crate) product_token: String,
    pub(crate) bodies: Bodies,
    /// Whether nofollow is honoured.
    pub(crate) nofollow: bool,
    pub(crate) max_body: usize,
}

/// What the pool made of a body.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) found: Vec<Found>,
    pub(crate) page: Option<Box<PageRecord>>,
    pub(crate) sitemap: Vec<SitemapEntry>,
    pub(crate) robots: Option<RobotsAnswer>,
    pub(crate) body_bytes: Option<u64>,
    pub(crate) is_cut: bool,
    pub(crate) error: Option<FetchError>,
}

impl Visitor {
    /// A visitor as `config` says.
    pub fn new(
        fetcher: Fetcher,
        pool: Pool,
        scope: Arc<Scope>,
        hasher: UrlHasher,
        config: &Config,
    ) -> Self {
        let rules = PageRules {
            scope,
            hasher,
            product_token: config.fetch.product_token(),
            bodies: config.store.bodies,
            nofollow: config.scope.nofollow,
            max_body: usize::try_from(config.fetch.max_body.0).unwrap_or(usize::MAX),
        };
        Self { fetcher, pool, room: Room::default(), rules: Arc::new(rules) }
    }

    /// Visits a candidate. The hold is to be dropped once what came of it is committed.
    ///
    /// Dropping the future gives the visit up; nothing of it is recorded.
    pub async fn visit(&self, candidate: Candidate) -> (Visited, Hold) {
        let began = Instant::now();
        let started_at = unix_ms();
        let visit = AssertUnwindSafe(self.attempt(&candidate, began, started_at)).catch_unwind();
        let (mut visited, error) = match visit.await {
            Ok(Ok(ended)) => return ended,
            Ok(Err(error)) => (failed(candidate), error),
            Err(panic) => (failed(candidate), FetchError::Panic(panic_text(&*panic))),
        };
        visited.outcome =
            Outcome::Failed { code: error.code(), is_transient: error.is_transient() };
        visited.fetch.started_at = started_at;
        visited.fetch.elapsed_ms = millis(began.elapsed());
        visited.fetch.error = Some(error.code());
        visited.fetch.error_detail = Some(cut(error.to_string(), 300));
        tracing::debug!(url = %visited.candidate.url, error = error.code(), "no answer");
        (visited, Hold::default())
    }

    async fn attempt(
        &self,
        candidate: &Candidate,
        began: Instant,
        started_at: i64,
    ) -> Result<(Visited, Hold), FetchError> {
        fault::strike("visit", candidate.url.path_and_query());
        let kind = candidate.kind;
        let mut fetched = self.fetcher.get(&candidate.url, |head| wants_body(kind, head)).await?;
        let head = fetched.head.clone();
        let elapsed = began.elapsed();
        let (wire_bytes, http_version, ip) = (fetched.wire_bytes, fetched.http_version, fetched.ip);
        let first_byte = fetched.first_byte;
        let (read, hold) = match fetched.body.take() {
            None => (Read::default(), Hold::default()),
            Some(body) => self.read(candidate, body, fetched).await?,
        };
        let mut found = read.found;
        let redirect = self.redirect(candidate, &head, &mut found);
        let retry_after = head.retry_after(SystemTime::now());
        let fetch = FetchRecord {
            started_at,
            elapsed_ms: millis(elapsed),
            first_byte_ms: Some(millis(first_byte)),
            status: Some(head.status),
            error: read.error.as_ref().map(FetchError::code),
            error_detail: read.error.map(|error| cut(error.to_string(), 300)),
            http_version: Some(http_version),
            ip,
            wire_bytes,
            body_bytes: read.body_bytes,
            content_type: head.get("content-type").map(|value| cut(value.to_owned(), 200)),
            headers: Some(head.to_json()),
            is_cut: read.is_cut,
        };
        tracing::debug!(url = %candidate.url, status = head.status, bytes = wire_bytes, "fetched");
        let visited = Visited {
            candidate: candidate.clone(),
            outcome: Outcome::Answer { status: head.status, retry_after },
            fetch,
            found,
            redirect,
            page: read.page,
            sitemap: read.sitemap,
            robots: read.robots,
        };
        Ok((visited, hold))
    }

    /// The one call in the pool.
    async fn read(
        &self,
        candidate: &Candidate,
        body: Vec<u8>,
        fetched: Fetched,
    ) -> Result<(Read, Hold), FetchError> {
        let rules = Arc::clone(&self.rules);
        let candidate = candidate.clone();
        let is_packed = fetched.head.get("content-encoding").is_some() || is_gzip(&body);
        let most = decoded_cap(candidate.kind, &rules);
        let mut hold = self.room.for_body(body.len(), is_packed, most).await;
        let read = self.pool.run(move || {
            fault::strike("pool", candidate.url.path_and_query());
            read_body(&candidate, body, &fetched, &rules)
        });
        let read = read.await.map_err(|panic| FetchError::Panic(panic.0))?;
        hold.shrink_to(&read);
        Ok((read, hold))
    }

    /// The target of a redirect, added to what was found; its index.
    fn redirect(&self, candidate: &Candidate, head: &Head, found: &mut Vec<Found>) -> Option<u32> {
        let location = head.location()?;
        let by = FoundBy::Redirect;
        let target = match join(&candidate.url.to_url(), &location) {
            Ok((url, _)) => {
                let refusal = match candidate.kind {
                    Kind::Page => self.rules.scope.judge(&url).err(),
                    Kind::Robots | Kind::Sitemap => None,
                };
                Found {
                    hash: self.rules.hasher.hash(url.as_str()),
                    text: url.text(),
                    kind: candidate.kind,
                    by,
                    refusal,
                }
            }
            Err(unusable) => page::unusable(&location, &unusable, by, &self.rules.hasher),
        };
        found.push(target);
        u32::try_from(found.len() - 1).ok()
    }
}

/// Whether the body behind `head` is read. Others are closed, or drained if short.
fn wants_body(kind: Kind, head: &Head) -> bool {
    let is_success = (200..300).contains(&head.status);
    match kind {
        Kind::Robots | Kind::Sitemap => is_success,
        Kind::Page => is_success && (is_html(head) || head.media_type().is_empty()),
    }
}

fn is_html(head: &Head) -> bool {
    matches!(&*head.media_type(), "text/html" | "application/xhtml+xml")
}

/// Bytes of a body that are read once its encoding is undone.
fn decoded_cap(kind: Kind, rules: &PageRules) -> usize {
    match kind {
        // One more tells that there is more.
        Kind::Robots => MAX_ROBOTS_BYTES + 1,
        Kind::Sitemap => sitemap::Limits::default().max_bytes,
        Kind::Page => rules.max_body,
    }
}

fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(&[0x1f, 0x8b])
}

fn read_body(candidate: &Candidate, body: Vec<u8>, fetched: &Fetched, rules: &PageRules) -> Read {
    let head = &fetched.head;
    let encoding = head.get_all("content-encoding").collect::<Vec<_>>().join(",");
    let cap = decoded_cap(candidate.kind, rules);
    let decoded = match decode(body, &encoding, cap) {
        Ok(decoded) => decoded,
        Err(error) => return Read { error: Some(error.into()), ..Read::default() },
    };
    let is_cut = fetched.is_cut || decoded.is_cut;
    let body_bytes = Some(decoded.bytes.len() as u64);
    let read = match candidate.kind {
        Kind::Robots => {
            let rules = Arc::new(Rules::parse(&decoded.bytes, &rules.product_token));
            Read { robots: Some(RobotsAnswer { rules, body: decoded.bytes }), ..Read::default() }
        }
        Kind::Sitemap => read_sitemap(candidate, decoded.bytes, head, rules),
        Kind::Page if is_html(head) || page::looks_like_html(&decoded.bytes) => {
            page::read(candidate, &decoded.bytes, is_cut, head, rules)
        }
        Kind::Page => Read::default(),
    };
    Read { body_bytes, is_cut, ..read }
}

fn read_sitemap(candidate: &Candidate, body: Vec<u8>, head: &Head, rules: &PageRules) -> Read {
    if is_html(head) {
        return Read::default();
    }
    let limits = sitemap::Limits::default();
    let unzipped = is_gzip(&body).then(|| gunzip(&body, limits.max_bytes).ok()).flatten();
    let body = unzipped.map_or(body, |decoded| decoded.bytes);
    let sitemap = sitemap::parse(&body, limits);
    // It may be 50 MiB, and its URLs as much again.
    drop(body);
    let base = candidate.url.to_url();
    let mut read = Read::default();
    let (kind, by) = match sitemap.kind {
        sitemap::Kind::Index => (Kind::Sitemap, FoundBy::Link),
        _ => (Kind::Page, FoundBy::Sitemap),
    };
    for entry in sitemap.entries {
        let found = match join(&base, &entry.url) {
            Ok((url, _)) => {
                let refusal = against_sitemap_entry(kind, &url, rules);
                Found { hash: rules.hasher.hash(url.as_str()), text: url.text(), kind, by, refusal }
            }
            Err(unusable) => page::unusable(&entry.url, &unusable, by, &rules.hasher),
        };
        let target = u32::try_from(read.found.len()).expect("entries are capped");
        read.found.push(found);
        read.sitemap.push(SitemapEntry {
            target,
            lastmod: entry.lastmod,
            changefreq: entry.changefreq,
            priority: entry.priority,
        });
    }
    read
}

/// What stands against a URL that a sitemap names. A sitemap of the site may lie
/// outside the scope's folder and patterns, but not with strangers.
fn against_sitemap_entry(kind: Kind, url: &CanonicalUrl, rules: &PageRules) -> Option<Refusal> {
    let refusal = rules.scope.judge(url).err();
    refusal.filter(|refusal| kind == Kind::Page || refusal.reason == Reason::External)
}

fn failed(candidate: Candidate) -> Visited {
    Visited {
        candidate,
        outcome: Outcome::Failed { code: "panic", is_transient: false },
        fetch: FetchRecord::default(),
        found: Vec::new(),
        redirect: None,
        page: None,
        sitemap: Vec::new(),
        robots: None,
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Milliseconds since 1970 UTC.
pub fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn cut(mut text: String, cap: usize) -> String {
    text.truncate(text.floor_char_boundary(cap));
    text
}
