//! What passes between the engine and the world?
//!
//! Plain data. [`Candidate`] goes out to be visited, [`Visited`] comes back,
//! [`Record`] goes to the writer. Records become true in the order in which they
//! are handed over.

mod answer;
mod place;

use std::sync::Arc;
use std::time::Duration;

use crate::canonical::CanonicalUrl;
use crate::hash::UrlHash;
use crate::refusal::Refusal;
use crate::traps::Trap;

pub use answer::{
    BodyRecord, CHALLENGE, FetchRecord, LinkRecord, PageRecord, RobotsAnswer, SitemapEntry,
    SitemapRecord,
};
pub use place::{Depth, Moment, OriginId, ServerId, UrlId};

/// As what a URL is visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A page.
    Page,
    /// The robots.txt of the candidate's origin, or what it redirects to.
    Robots,
    /// A sitemap; its depth counts the indexes above it.
    Sitemap,
    /// An image, script, stylesheet or the like; a page after all if it is HTML.
    Asset,
    /// A link to another site, which is only checked: its links are not looked at.
    External,
}

impl Kind {
    /// The name that the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Robots => "robots",
            Self::Sitemap => "sitemap",
            Self::Asset => "asset",
            Self::External => "external",
        }
    }

    /// The kind with this name; a page if there is none.
    pub fn from_stored(name: &str) -> Self {
        [Self::Robots, Self::Sitemap, Self::Asset, Self::External]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .unwrap_or(Self::Page)
    }

    /// Whether it has a distance from the seeds that matters: a part of a page may turn
    /// out to be one itself, and a link to another site may lead back.
    pub fn has_depth(self) -> bool {
        matches!(self, Self::Page | Self::Asset | Self::External)
    }

    /// Whether robots.txt of its server decides. One request to see whether a link
    /// works is no crawl of the server it leads to.
    pub fn obeys_robots(self) -> bool {
        !matches!(self, Self::Robots | Self::External)
    }
}

/// A URL that may be fetched, and what a visit must know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its row.
    pub id: UrlId,
    /// What to fetch.
    pub url: CanonicalUrl,
    /// Its origin; for robots the one whose rules are asked for.
    pub origin: OriginId,
    /// Whom the visit must be polite to.
    pub server: ServerId,
    /// As what.
    pub kind: Kind,
    /// How far from the seeds.
    pub depth: Depth,
    /// Redirects behind it.
    pub hops: u8,
    /// Requests already made for it in this crawl.
    pub attempts: u8,
    /// Whether an earlier crawl of the file knows it.
    pub revisit: bool,
}

/// A URL that a visit found, judged by the rules that need no state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The canonical URL, or the text as written where it is none.
    pub text: Arc<str>,
    /// Of the text.
    pub hash: UrlHash,
    /// As what it would be visited.
    pub kind: Kind,
    /// Whether it has its own depth or none.
    pub by: FoundBy,
    /// The rule against it, if there is one.
    pub refusal: Option<Refusal>,
}

/// How a found URL is reached from where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// One link further than its source.
    Link,
    /// As far as its source, one redirect behind it.
    Redirect,
    /// By a sitemap: no way from a seed.
    Sitemap,
}

/// What came back, as far as decisions need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status, and how long it asks us to stay away.
    Answer {
        /// HTTP status code.
        status: u16,
        /// From the Retry-After header.
        retry_after: Option<Duration>,
    },
    /// No answer.
    Failed {
        /// The stable code of the failure.
        code: &'static str,
        /// Whether trying again may help.
        is_transient: bool,
        /// Whether not even a connection came about, which says nothing of the URL.
        no_connection: bool,
    },
}

impl Outcome {
    /// Whether the server asks for less, or is too weak for what it gets.
    pub fn is_throttled(&self) -> bool {
        match self {
            Self::Answer { status, .. } => matches!(status, 429 | 503),
            Self::Failed { code, .. } => *code == "timeout",
        }
    }

    /// Whether a server that does not want us, or cannot bear us, answers so.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Answer { status, .. } => matches!(status, 401 | 403 | 429 | 500..),
            Self::Failed { code, .. } => matches!(*code, "timeout" | "broken"),
        }
    }

    /// Whether trying again later may give something else.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Answer { status, .. } => {
                matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            Self::Failed { is_transient, .. } => *is_transient,
        }
    }
}

/// A visit that ended.
#[derive(Clone, Debug)]
pub struct Visited {
    /// What was visited.
    pub candidate: Candidate,
    /// How it went.
    pub outcome: Outcome,
    /// For the store.
    pub fetch: FetchRecord,
    /// Distinct URLs found, the redirect's target among them.
    pub found: Vec<Found>,
    /// Index of the redirect's target in `found`.
    pub redirect: Option<u32>,
    /// What a page says, if one came.
    pub page: Option<Box<PageRecord>>,
    /// What a sitemap says, if one came.
    pub sitemap: SitemapRecord,
    /// What a robots.txt says, if one came.
    pub robots: Option<RobotsAnswer>,
    /// Whether only the head was asked for, and the whole must be asked for to know.
    pub needs_get: bool,
}

/// What was met for the first time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// Origins of candidates: row, `scheme://host`.
    pub origins: Vec<(OriginId, Box<str>)>,
    /// URLs, parents before children.
    pub urls: Vec<Discovery>,
}

/// A URL that was met, for the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Its row.
    pub id: UrlId,
    /// Its text and hash if the file does not have it yet.
    pub new: Option<(Arc<str>, UrlHash)>,
    /// Where it stands now; `None` leaves that as it is.
    pub standing: Option<Standing>,
}

/// Where a URL stands in this crawl when it is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The rule against it; `None`: pending.
    pub refusal: Option<Refusal>,
    /// As what.
    pub kind: Kind,
    /// How far from the seeds.
    pub depth: Depth,
    /// Where it was found.
    pub found_on: Option<UrlId>,
    /// Redirects behind it.
    pub hops: u8,
    /// Its origin, if it is or may become a candidate.
    pub origin: Option<OriginId>,
}

/// How the pending state of a visited URL goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is done.
    Done,
    /// It is tried again, not before this time (ms since 1970 UTC).
    Retry {
        /// Requests made so far.
        attempts: u8,
        /// Milliseconds since 1970 UTC.
        not_before: i64,
    },
    /// It was refused after all.
    Refused(Refusal),
    /// It was no URL of its own: a further hop of a robots.txt.
    Untouched,
}

/// The state of an origin, for the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginRecord {
    /// Its row.
    pub id: OriginId,
    /// When its robots.txt was asked for (ms since 1970 UTC).
    pub robots_at: i64,
    /// The status of robots.txt, after redirects.
    pub robots_status: Option<u16>,
    /// Its text.
    pub robots_body: Option<Vec<u8>>,
    /// Crawl-delay in milliseconds.
    pub crawl_delay_ms: Option<u64>,
    /// Why its URLs stay pending, if they do.
    pub parked: Option<String>,
}

/// A visit, with everything that becomes true with it.
#[derive(Clone, Debug)]
pub struct VisitRecord {
    /// What was visited.
    pub candidate: Candidate,
    /// The request.
    pub fetch: FetchRecord,
    /// The row of the redirect's target.
    pub redirect_to: Option<UrlId>,
    /// What it met for the first time.
    pub met: Met,
    /// The rows of the found URLs.
    pub ids: Vec<UrlId>,
    /// What a page says.
    pub page: Option<Box<PageRecord>>,
    /// What a sitemap says.
    pub sitemap: SitemapRecord,
    /// How its pending state goes on.
    pub ending: Ending,
}

/// A part of the truth, in the order in which it becomes true.
#[derive(Clone, Debug)]
pub enum Record {
    /// URLs were met otherwise than by a visit: seeds, robots.txt and what it names.
    Met(Met),
    /// A visit ended.
    Visit(Box<VisitRecord>),
    /// What is known of an origin changed.
    Origin(Box<OriginRecord>),
    /// A server is held until then (ms since 1970 UTC); by one of its origins.
    Hold(OriginId, i64),
    /// A pending URL was refused after all.
    Refused(UrlId, Refusal),
    /// URLs that were done are pending again: their server refused them when it
    /// began to refuse everything.
    Reopened(Vec<UrlId>),
    /// A trap was found.
    Trap {
        /// The server it is on.
        host: Box<str>,
        /// What it is.
        trap: Trap,
        /// Milliseconds since 1970 UTC.
        at: i64,
    },
    /// An origin shows the same pages as another, which is the second.
    Mirror(OriginId, OriginId),
    /// The URLs of an origin stay pending until a resume, and why.
    Parked(OriginId, Box<str>),
    /// URLs met again nearer to a seed. Answered by [`Reply::Nearer`]. A row among them that
    /// is done and leads somewhere owes an offer until [`Record::Offered`] names it, also
    /// across runs.
    Nearer {
        /// Row, depth, found on.
        urls: Vec<(UrlId, Depth, Option<UrlId>)>,
        /// Whether to answer with the texts of what is set aside for depth.
        with_far: bool,
    },
    /// What these rows lead to was offered again; they owe nothing any more.
    Offered(Vec<UrlId>),
    /// Asks to be told when everything before it is on disk: [`Reply::Passed`].
    Barrier,
    /// Asks for the pending rows of an origin from a key on, at most so many.
    /// Answered by [`Reply::Refilled`].
    Refill {
        /// Whose.
        origin: OriginId,
        /// The first depth and id.
        from: (Depth, UrlId),
        /// At most so many rows.
        limit: u32,
    },
}

/// A pending row that comes back from disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRow {
    /// Its row.
    pub id: UrlId,
    /// What to fetch.
    pub url: CanonicalUrl,
    /// As what.
    pub kind: Kind,
    /// As stored; the engine knows better if they differ.
    pub depth: Depth,
    /// Redirects behind it.
    pub hops: u8,
    /// Requests made for it.
    pub attempts: u8,
    /// Not before this time (ms since 1970 UTC).
    pub not_before: Option<i64>,
    /// Whether an earlier crawl of the file knows it.
    pub revisit: bool,
}

/// A URL that was met again nearer to a seed, as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearerRow {
    /// Its row.
    pub id: UrlId,
    /// Present while it is pending.
    pub pending: Option<PendingRow>,
    /// If it was fetched: the URLs its links and its redirect lead to, and
    /// whether it is the redirect. Present with their text if they are set aside for depth.
    pub leads_to: Vec<(UrlId, FoundBy, Option<Arc<str>>)>,
    /// If it is set aside because its origin shows the same pages as another.
    pub mirror: Option<CanonicalUrl>,
}

impl NearerRow {
    /// Whether what it leads to, or stands for, must be offered again.
    pub fn owes_an_offer(&self) -> bool {
        !self.leads_to.is_empty() || self.mirror.is_some()
    }
}

/// What the writer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The rows asked for by [`Record::Refill`], and whether there may be more.
    Refilled {
        /// Whose.
        origin: OriginId,
        /// In order of depth and id.
        rows: Vec<PendingRow>,
        /// Whether the limit ended the reading.
        more: bool,
    },
    /// The rows asked for by [`Record::Nearer`].
    Nearer(Vec<NearerRow>),
    /// What was handed over before a [`Record::Barrier`] is on disk.
    Passed,
}
