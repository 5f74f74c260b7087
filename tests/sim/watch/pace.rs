//! Is every server asked as slowly, and as little at once, as it may be?

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use crawlite::engine::MAX_HOLD;
use crawlite::engine::record::{Candidate, Outcome, ServerId, Visited};

use super::Terms;

/// The least wait after an answer that asks for less, and the most.
const LEAST_BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_mins(1);
/// Requests at once to one address, and the time between two, unless more is allowed
/// to one server.
const AT_ADDRESS: usize = 4;
const ADDRESS_GAP: Duration = Duration::from_millis(100);

/// Times are since the world began.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last_start: HashMap<String, Duration>,
    last_start_at: HashMap<IpAddr, Duration>,
    /// Of this run, by server.
    holds: HashMap<String, Duration>,
    crawl_delays: HashMap<String, Duration>,
    /// The last starts of this run.
    starts: VecDeque<Duration>,
    /// What the engine was told of names, in this run.
    addresses: HashMap<ServerId, IpAddr>,
}

impl Pace {
    /// A run begins; `is_new` if nothing says that anything was ever asked.
    pub(super) fn begin(&mut self, is_new: bool) {
        if is_new {
            self.last_start.clear();
        }
        // Across runs every server waits for its own delay.
        self.last_start_at.clear();
        self.holds.clear();
        self.crawl_delays.clear();
        self.starts.clear();
        self.addresses.clear();
    }

    /// A robots.txt asks for a delay.
    pub(super) fn delay(&mut self, terms: Terms<'_>, server: &str, delay: Option<Duration>) {
        let cap = terms.config.politeness.max_crawl_delay.map_or(Duration::MAX, |cap| cap.0);
        let known = self.crawl_delays.entry(server.to_owned()).or_default();
        *known = (*known).max(delay.unwrap_or_default().min(cap));
    }

    /// A server is to be left alone until then.
    pub(super) fn hold(&mut self, server: &str, until: Duration) {
        let hold = self.holds.entry(server.to_owned()).or_default();
        *hold = (*hold).max(until);
    }

    pub(super) fn looked_up(&mut self, server: ServerId, address: Option<IpAddr>) {
        self.addresses.extend(address.map(|address| (server, address)));
    }

    fn least_delay(&self, terms: Terms<'_>, candidate: &Candidate) -> Duration {
        let configured = terms.config.politeness.delay(candidate.url.host_name());
        let asked = self.crawl_delays.get(candidate.url.server()).copied().unwrap_or_default();
        configured.max(asked)
    }

    pub(super) fn start(
        &mut self,
        terms: Terms<'_>,
        candidate: &Candidate,
        in_flight: &[Candidate],
        now: Duration,
    ) {
        let (url, server) = (candidate.url.as_str(), candidate.url.server());
        let hold = self.holds.get(server).copied().unwrap_or_default();
        assert!(now >= hold, "{url} starts at {now:?}, held until {hold:?}");
        let delay = self.least_delay(terms, candidate);
        if let Some(last) = self.last_start.insert(server.to_owned(), now) {
            let gap = now.checked_sub(last).expect("time goes forward");
            assert!(gap >= delay, "{url} starts {gap:?} after the last, not {delay:?}");
        }
        let beside = in_flight.iter().filter(|other| other.url.server() == server).count();
        assert!(beside < terms.config.politeness.per_host, "{url} is one too many of its server");
        assert!(in_flight.len() < terms.config.fetch.concurrency, "{url} is one too many");
        self.check_address(terms, candidate, in_flight, now);
        self.check_rate(terms, url, now);
    }

    /// Servers that share an address share its limits.
    fn check_address(
        &mut self,
        terms: Terms<'_>,
        candidate: &Candidate,
        in_flight: &[Candidate],
        now: Duration,
    ) {
        let Some(address) = self.addresses.get(&candidate.server) else { return };
        let (url, politeness) = (&candidate.url, &terms.config.politeness);
        let here = |other: &&Candidate| self.addresses.get(&other.server) == Some(address);
        let beside = in_flight.iter().filter(here).count();
        let most = politeness.per_host.max(AT_ADDRESS);
        assert!(beside < most, "{url} is one too many at {address}");
        let least = politeness.delay.map_or(Duration::MAX, |delay| delay.0).min(ADDRESS_GAP);
        if let Some(last) = self.last_start_at.insert(*address, now) {
            let gap = now.checked_sub(last).expect("time goes forward");
            assert!(gap >= least, "{url} starts {gap:?} after the last at {address}");
        }
    }

    /// A burst of 10 ms, and one request that had leave before, are allowed.
    fn check_rate(&mut self, terms: Terms<'_>, url: &str, now: Duration) {
        let Some(rate) = terms.config.politeness.rate else { return };
        let burst = if rate >= 200.0 { 2 } else { 1 };
        self.starts.push_back(now);
        // Over any time: the burst, one more, and as many as the rate gives.
        for (count, first) in (1_u32..).zip(self.starts.iter().rev()) {
            let most =
                f64::from(burst + 1) + rate * now.saturating_sub(*first).as_secs_f64() + 0.001;
            assert!(f64::from(count) <= most, "{url} is one of {count} starts since {first:?}");
        }
        if self.starts.len() > 16 {
            self.starts.pop_front();
        }
    }

    pub(super) fn end(&mut self, terms: Terms<'_>, visited: &Visited, now: Duration) {
        let server = visited.candidate.url.server();
        if let Outcome::Answer { status: 429 | 503, retry_after: Some(wait) } = visited.outcome {
            let wait = wait.clamp(Duration::from_secs(1), MAX_HOLD);
            self.hold(server, now + wait);
        }
        let asks_for_less = match visited.outcome {
            Outcome::Answer { status, .. } => matches!(status, 429 | 503),
            Outcome::Failed { code, .. } => code == "timeout",
        };
        if asks_for_less {
            let least = (self.least_delay(terms, &visited.candidate) * 2).max(LEAST_BACKOFF);
            self.hold(server, now + least.min(MAX_BACKOFF));
        }
    }

    /// How long a server may have to be left alone at most.
    pub(super) fn longest_wait(&self, now: Duration) -> Duration {
        let holds = self.holds.values().map(|until| until.saturating_sub(now)).max();
        let delays = self.crawl_delays.values().max().copied();
        holds.unwrap_or_default().max(delays.unwrap_or_default()).max(MAX_BACKOFF)
    }
}
