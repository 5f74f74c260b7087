//! What does the engine take in, and what does it give out?
//!
//! Plain data, as [`record`](super::record) is: events and actions, the settings,
//! what the file knows when a run begins, and how the crawl stands.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::budget::Budgets;
use super::known::Known;
use super::record::{Candidate, OriginId, PendingRow, Record, Reply, ServerId, UrlId, Visited};
use crate::canonical::CanonicalUrl;
use crate::config::{LimitsConfig, PolitenessConfig};
use crate::robots::Rules;
use crate::traps::Traps;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The crawl begins, or goes on, with these seeds. Comes first, and once.
    Begin(Vec<CanonicalUrl>),
    /// A visit ended; its record has not been written yet.
    Visited(Box<Visited>),
    /// The writer answers; what was handed to it before the question is committed.
    Replied(Reply),
    /// The name of a server leads to this address, as [`Action::LookUp`] asked;
    /// `None` if nobody knows, or a proxy asks.
    LookedUp(ServerId, Option<IpAddr>),
    /// The wake-up that was asked for, or an earlier one.
    Tick,
    /// Start nothing any more; what is in flight may end.
    Stop,
    /// What was in flight has been given up.
    Aborted,
}

/// What to do, in this order.
#[derive(Debug)]
pub enum Action {
    /// Start a visit now.
    Start(Candidate),
    /// Look up the address of this host; answered by [`Event::LookedUp`].
    LookUp(ServerId, Box<str>),
    /// Write this; it becomes true with everything sent before it.
    Write(Record),
    /// Come back with [`Event::Tick`] no later than this.
    WakeAt(Instant),
    /// Nothing is left to do.
    End(Finish),
}

/// Why a crawl ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Everything is fetched.
    Finished,
    /// Everything but the URLs of servers that gave no rules, refuse us or are away.
    Parked,
    /// No seed's server gave an answer.
    NoAnswer,
    /// The page limit.
    Pages,
    /// The time limit.
    Time,
    /// The byte limit.
    Bytes,
    /// Nothing may start for longer than `max_wait`.
    Waiting {
        /// Which server is first.
        server: Box<str>,
        /// In how long.
        wait: Duration,
    },
    /// It was told to stop.
    Stopped,
}

impl Finish {
    /// The name that the store keeps.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Parked => "parked",
            Self::NoAnswer => "no-answer",
            Self::Pages => "page-limit",
            Self::Time => "time-limit",
            Self::Bytes => "byte-limit",
            Self::Waiting { .. } => "waiting",
            Self::Stopped => "stopped",
        }
    }

    /// Whether nothing is left for a resume.
    pub fn is_complete(&self) -> bool {
        *self == Self::Finished
    }
}

/// The settings that decisions depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Requests in flight over all servers.
    pub concurrency: usize,
    /// Further tries after a transient failure.
    pub retries: u8,
    /// Whether sitemaps are read.
    pub sitemaps: bool,
    /// Whether origins that show the same pages are all fetched.
    pub mirrors: bool,
    /// Delays and robots.
    pub politeness: PolitenessConfig,
    /// When to stop.
    pub limits: LimitsConfig,
}

/// What the file knows when a crawl begins or goes on.
#[derive(Default)]
pub struct Loaded {
    /// Every URL of the file.
    pub known: Known,
    /// Every origin, in the order of ids from 1.
    pub origins: Vec<LoadedOrigin>,
    /// What was being visited when the process ended without saying so.
    pub suspects: Vec<PendingRow>,
    /// URLs that came nearer when what they lead to was not yet offered again
    /// (see [`Record::Nearer`]).
    pub owing: Vec<UrlId>,
    /// Pages of this crawl that were started before.
    pub pages: u64,
    /// Bytes that this crawl received before.
    pub bytes: u64,
    /// Time that this crawl took before.
    pub elapsed: Duration,
    /// Traps found so far, with what is counted to find more; `None`: not looked for.
    pub traps: Option<Traps>,
    /// The patterns of the file's traps.
    pub trap_patterns: Vec<Box<str>>,
    /// Budgets, with what earlier runs used of them.
    pub budgets: Budgets,
}

/// An origin as the file has it.
#[derive(Clone, Debug)]
pub struct LoadedOrigin {
    /// `scheme://host`.
    pub name: Box<str>,
    /// Pending rows of this crawl, less the suspects.
    pub pending: u64,
    /// Rules not older than a day, and their age.
    pub rules: Option<(Arc<Rules>, Duration)>,
    /// Ask nothing before this time (ms since 1970 UTC).
    pub hold_until: Option<i64>,
    /// Whether its pending rows are links to be checked, which need no rules.
    pub is_external: bool,
    /// The origin whose pages it shows, too.
    pub mirror_of: Option<OriginId>,
}

/// How a crawl stands, for people to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Requests in flight.
    pub in_flight: usize,
    /// Candidates that wait, parked ones excepted.
    pub waiting: u64,
    /// Servers that are slowed by throttling, and their delay.
    pub slowed: Vec<(Box<str>, Duration)>,
    /// The server that may be asked next, its delay, and in how long.
    pub next: Option<(Box<str>, Duration, Duration)>,
    /// For how long no connection came about to any server, if several tries failed.
    pub unreachable: Option<Duration>,
    /// Origins that are parked.
    pub parked: Vec<Box<str>>,
}
