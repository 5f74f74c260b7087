//! What comes of one candidate, from its lease to the record of what came back?
//!
//! A visit makes one request on the event loop; then one call in the work pool
//! does the rest: undo the content encoding, read the page, join and judge its
//! links, compress. It always ends with a [`Visited`], whatever happens: a
//! failure, a panic included, is that URL's recorded outcome.

mod body;
mod challenge;
mod headers;
mod links;
mod page;
mod room;
mod sitemap;
mod stored;
mod wanted;

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;

use crate::canonical::{CanonicalUrl, join};
use crate::config::{Bodies, Config};
use crate::engine::record::{
    BodyRecord, Candidate, FetchRecord, Found, FoundBy, Kind, Outcome, PageRecord, RobotsAnswer,
    SitemapRecord, Visited,
};
use crate::extract::Rules;
use crate::fault::{self, panic_text};
use crate::fetch::{FetchError, Fetched, Fetcher, Head, Method};
use crate::hash::{ContentHash, UrlHasher};
use crate::pool::Pool;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::store::Earlier;
use body::{decoded_cap, is_gzip, judge_asset, read_body};
use room::Room;
use stored::Asked;
use wanted::{is_css, is_html, is_kept, needs_get};

pub use room::Hold;

/// What every visit shares. Clones are cheap.
#[derive(Clone)]
pub struct Visitor {
    fetcher: Fetcher,
    pool: Pool,
    room: Room,
    rules: Arc<PageRules>,
    /// What earlier crawls of the file have, if that is asked about.
    earlier: Option<Earlier>,
}

/// What the reading of a page depends on besides its bytes.
pub(crate) struct PageRules {
    pub(crate) scope: Arc<Scope>,
    pub(crate) hasher: UrlHasher,
    pub(crate) product_token: String,
    pub(crate) bodies: Bodies,
    /// Whether nofollow is honoured.
    pub(crate) nofollow: bool,
    /// Whether assets are fetched.
    pub(crate) assets: bool,
    /// Whether links to other sites are checked.
    pub(crate) check_external: bool,
    pub(crate) max_body: usize,
    /// Names of the headers that the user gives.
    pub(crate) given_headers: Vec<String>,
    /// Of the program and the settings that the reading of a page depends on.
    pub(crate) version: u64,
    /// Whether structured data is kept.
    pub(crate) items: bool,
    /// The user's rules.
    pub(crate) extraction: Rules,
}

/// What the pool made of a body.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) found: Vec<Found>,
    pub(crate) page: Option<Box<PageRecord>>,
    pub(crate) sitemap: SitemapRecord,
    pub(crate) robots: Option<RobotsAnswer>,
    /// The body of what is no HTML, if it is kept.
    pub(crate) body: Option<(ContentHash, BodyRecord)>,
    pub(crate) body_bytes: Option<u64>,
    pub(crate) is_cut: bool,
    /// Whether the body is one that was stored, and the server says that it still holds.
    pub(crate) is_unchanged: bool,
    pub(crate) error: Option<FetchError>,
}

impl Visitor {
    /// A visitor as `config` says.
    pub fn new(
        fetcher: Fetcher,
        pool: Pool,
        scope: Arc<Scope>,
        hasher: UrlHasher,
        extraction: Rules,
        config: &Config,
    ) -> Self {
        let version = hasher.hash_parts([
            env!("CARGO_PKG_VERSION"),
            if config.scope.nofollow { "nofollow" } else { "" },
            if config.scope.strip_tracking { "strip" } else { "" },
            &config.scope.strip_query.join("\n"),
            &config.fetch.product_token(),
        ]);
        let name = |header: &String| header.split(':').next().unwrap_or_default().trim().to_owned();
        let rules = PageRules {
            version,
            given_headers: config.fetch.headers.iter().map(name).collect(),
            scope,
            hasher,
            product_token: config.fetch.product_token(),
            bodies: config.store.bodies,
            nofollow: config.scope.nofollow,
            assets: config.scope.assets,
            check_external: config.scope.check_external,
            max_body: usize::try_from(config.fetch.max_body.0).unwrap_or(usize::MAX),
            items: config.store.items,
            extraction,
        };
        Self { fetcher, pool, room: Room::default(), rules: Arc::new(rules), earlier: None }
    }

    /// The same, asking for what earlier crawls have only if it changed.
    #[must_use]
    pub fn knowing(self, earlier: Option<Earlier>) -> Self {
        Self { earlier, ..self }
    }

    /// The address that stands for a host: the least of those its name leads to.
    /// `None` if it leads to none, or a proxy looks it up.
    pub async fn address(&self, host: &str) -> Option<IpAddr> {
        self.fetcher.address(host).await
    }

    /// Visits a candidate. The hold is to be dropped once what came of it is committed.
    ///
    /// Dropping the future gives the visit up; nothing of it is recorded.
    pub async fn visit(&self, candidate: Candidate) -> (Visited, Hold) {
        let began = Instant::now();
        let started_at = unix_ms();
        let received = AtomicU64::new(0);
        let attempt = self.attempt(&candidate, began, started_at, &received);
        let visit = AssertUnwindSafe(attempt).catch_unwind();
        let (mut visited, error) = match visit.await {
            Ok(Ok(ended)) => return ended,
            Ok(Err(error)) => (failed(candidate), error),
            Err(panic) => (failed(candidate), FetchError::Panic(panic_text(&*panic))),
        };
        visited.outcome = Outcome::Failed {
            code: error.code(),
            is_transient: error.is_transient(),
            no_connection: error.no_connection(),
        };
        visited.fetch.started_at = started_at;
        visited.fetch.elapsed_ms = millis(began.elapsed());
        visited.fetch.wire_bytes = received.into_inner();
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
        received: &AtomicU64,
    ) -> Result<(Visited, Hold), FetchError> {
        fault::strike("visit", candidate.url.path_and_query());
        let method = self.method(candidate);
        let Asked { mut fetched, elapsed, read, is_unconfirmed } =
            self.ask(candidate, method, began, received).await?;
        let head = fetched.head.clone();
        let (wire_bytes, http_version, ip) = (fetched.wire_bytes, fetched.http_version, fetched.ip);
        let first_byte = fetched.first_byte;
        let (read, hold) = match (read, fetched.body.take()) {
            (Some(read), _) => read,
            (None, Some(body)) => self.read(candidate, body, fetched).await?,
            (None, None) => {
                let error = challenge::is_named(&head).then_some(FetchError::Challenge);
                (Read { error, ..Read::default() }, Hold::default())
            }
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
            is_unchanged: read.is_unchanged,
            body: read.body,
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
            needs_get: is_unconfirmed || method == Method::Head && needs_get(candidate.kind, &head),
        };
        Ok((visited, hold))
    }

    /// Whether the head is enough: of links to other sites, and of assets that
    /// neither refer to further ones nor are kept. The second request is for all.
    fn method(&self, candidate: &Candidate) -> Method {
        let is_enough = match candidate.kind {
            Kind::External => true,
            Kind::Asset => {
                !matches!(self.rules.bodies, Bodies::All | Bodies::Documents)
                    && !candidate.url.path().to_ascii_lowercase().ends_with(".css")
            }
            _ => false,
        };
        if is_enough && candidate.attempts == 0 { Method::Head } else { Method::Get }
    }

    /// Whether the body behind `head` is read. Others are closed, or drained if short.
    fn wants_body(&self, kind: Kind, head: &Head) -> bool {
        let is_success = (200..300).contains(&head.status);
        let may_be_html = is_html(head) || head.media_type().is_empty();
        is_success
            && match kind {
                Kind::Robots | Kind::Sitemap => true,
                Kind::Page => may_be_html || is_kept(self.rules.bodies, head),
                Kind::Asset => may_be_html || is_css(head) || is_kept(self.rules.bodies, head),
                Kind::External => false,
            }
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

    /// As what the target of a redirect of `kind` would be fetched, and what is against it.
    fn judge_target(&self, kind: Kind, url: &CanonicalUrl) -> (Kind, Option<Refusal>) {
        match (judge_asset(url, &self.rules), kind) {
            ((Kind::Asset, None), Kind::External) => (Kind::Page, None),
            ((Kind::Asset, None), kind) => (kind, None),
            (judged, _) => judged,
        }
    }

    /// The target of a redirect, added to what was found; its index.
    fn redirect(&self, candidate: &Candidate, head: &Head, found: &mut Vec<Found>) -> Option<u32> {
        let location = head.location()?;
        let by = FoundBy::Redirect;
        let target = match join(&candidate.url.to_url(), &location) {
            Ok((url, _)) if !matches!(candidate.kind, Kind::Robots | Kind::Sitemap) => {
                let url = self.rules.scope.stripped(url);
                let (kind, refusal) = self.judge_target(candidate.kind, &url);
                Found {
                    hash: self.rules.hasher.hash(url.as_str()),
                    text: url.text(),
                    kind,
                    by,
                    refusal,
                }
            }
            Ok((url, _)) => Found {
                hash: self.rules.hasher.hash(url.as_str()),
                text: url.text(),
                kind: candidate.kind,
                by,
                refusal: None,
            },
            Err(unusable) => page::unusable(&location, &unusable, by, &self.rules.hasher),
        };
        found.push(target);
        u32::try_from(found.len() - 1).ok()
    }
}

fn failed(candidate: Candidate) -> Visited {
    Visited {
        candidate,
        outcome: Outcome::Failed { code: "panic", is_transient: false, no_connection: false },
        fetch: FetchRecord::default(),
        found: Vec::new(),
        redirect: None,
        page: None,
        sitemap: SitemapRecord::default(),
        robots: None,
        needs_get: false,
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
