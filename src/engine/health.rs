//! Does a server still answer us, or is it, or the network, away?
//!
//! That no connection to a server comes about which had answered says nothing about
//! a URL: it goes back to the queue uncounted, and its server is left alone for ever
//! longer. If others are reached meanwhile, the server is parked; if none is, the
//! network may be down, and the crawl waits for it. A server that never answered
//! while others do is not there: that is its URLs' answer. A server that had worked
//! and then refuses most of what it is asked is parked too, and what it refused goes
//! back to pending: a resume asks for it again. So is one that asks whether we are
//! human, at once if that is all it ever said, else three times in a row.
//!
//! reached → failing (held) → reached again, or parked

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::record::{
    CHALLENGE, Ending, Kind, Moment, OriginId, Outcome, Record, ServerId, UrlId, Visited,
};
use super::{Action, Engine};

/// Answers that are looked at.
const RING: usize = 20;
/// Challenges in a row after which a server that gave pages is taken at its word.
const CHALLENGES: usize = 3;
/// Good answers after which a server is one that had worked.
const WORKED: u32 = 10;
/// Tries without a connection after which a server may be parked.
const MIN_FAILURES: u32 = 3;
/// The wait after the first; each further one is four times as long.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait between two tries.
const MAX_WAIT: Duration = Duration::from_mins(1);
/// How long a network that is down is waited for.
const PATIENCE: Duration = Duration::from_mins(30);

/// How a server has answered in this run.
#[derive(Debug, Default)]
pub(super) struct Health {
    last: VecDeque<Answered>,
    good: u32,
    /// Present since no connection comes about.
    failing: Option<Box<Failing>>,
    has_connected: bool,
    is_refusing: bool,
    /// Whether any page came.
    has_answered: bool,
    /// URLs of the challenges since the last answer of another kind.
    challenged: Vec<Answered>,
}

/// Tries in a row without a connection.
#[derive(Debug)]
struct Failing {
    tries: u32,
    since: Instant,
    last: Instant,
    last_but_one: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Answered {
    id: UrlId,
    origin: OriginId,
    is_refusal: bool,
    /// Whether its URL is done, so that it would not be asked again.
    is_done: bool,
}

/// What an answer means for the URL that was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is the URL's answer.
    Counts,
    /// It says nothing of the URL, which waits as it did before.
    PutBack,
}

impl Health {
    /// No connection came about; until when the server is left alone.
    fn failed(&mut self, now: Instant) -> Instant {
        let failing = match &mut self.failing {
            Some(failing) => {
                failing.tries += 1;
                failing.last_but_one = Some(std::mem::replace(&mut failing.last, now));
                failing
            }
            none => none.insert(Box::new(Failing {
                tries: 1,
                since: now,
                last: now,
                last_but_one: None,
            })),
        };
        let wait = FIRST_WAIT * 4_u32.pow((failing.tries - 1).min(3));
        now + wait.min(MAX_WAIT)
    }

    /// Whether the server itself is away, given when any server was reached last.
    fn is_away(&self, reached_at: Option<Instant>, now: Instant) -> bool {
        self.failing.as_ref().filter(|failing| failing.tries >= MIN_FAILURES).is_some_and(
            |failing| {
                reached_at.is_none()
                    || reached_at > failing.last_but_one
                    || now - failing.since >= PATIENCE
            },
        )
    }

    fn reached(&mut self) {
        self.failing = None;
        self.has_connected = true;
    }

    /// Takes a challenge in; whether that is all that is to be had from the server.
    fn is_challenged(&mut self, answered: Answered) -> bool {
        self.challenged.push(answered);
        self.challenged.len() >= CHALLENGES || !self.has_answered
    }

    /// Takes an answer in; whether the server refuses us by now.
    fn answered(&mut self, answered: Answered) -> bool {
        self.good = self.good.saturating_add(u32::from(!answered.is_refusal));
        if self.last.len() == RING {
            self.last.pop_front();
        }
        self.last.push_back(answered);
        let refusals = self.last.iter().filter(|answered| answered.is_refusal).count();
        self.good >= WORKED && self.last.len() == RING && refusals > RING / 2
    }
}

impl Engine {
    /// What an answer means for its URL, its server being taken note of.
    pub(super) fn meaning(&mut self, visited: &Visited, now: Moment) -> Meaning {
        let server = visited.candidate.server;
        // A link to another site is broken if nobody is there.
        if visited.candidate.kind == Kind::External {
            return Meaning::Counts;
        }
        if matches!(visited.outcome, Outcome::Failed { no_connection: true, .. }) {
            let is_anyone_there = self.reached_at.is_some();
            let health = self.health(server);
            if is_anyone_there && !health.has_connected {
                return Meaning::Counts;
            }
            let until = health.failed(now.at);
            self.frontier.hold(server, until);
            let reached_at = self.reached_at;
            if self.health(server).is_away(reached_at, now.at) {
                self.park_server(server, &format!("no connection: {}", said(visited)));
            }
            return Meaning::PutBack;
        }
        self.note_reached(visited, now.at);
        let health = self.health(server);
        if !health.is_refusing || !visited.outcome.is_refusal() {
            return Meaning::Counts;
        }
        // It may be of an origin that was met since its server was parked.
        self.park_server(server, &format!("refuses us: {}", said(visited)));
        Meaning::PutBack
    }

    /// Whatever came of a request, a robots.txt or a page: its server was reached, unless
    /// no connection came about, or what was sent over one may have been lost on the way.
    pub(super) fn note_reached(&mut self, visited: &Visited, now: Instant) {
        match visited.outcome {
            Outcome::Failed { no_connection: true, .. } => {}
            Outcome::Failed { code: "timeout", .. } => {
                self.health(visited.candidate.server).has_connected = true;
            }
            _ => {
                self.reached_at = Some(now);
                self.health(visited.candidate.server).reached();
            }
        }
    }

    /// Counts an answer that counts; parks the server if it refuses most by now.
    pub(super) fn count_answer(&mut self, visited: &Visited, ending: &Ending) {
        if visited.candidate.kind != Kind::Page {
            return;
        }
        let server = visited.candidate.server;
        let answered = Answered {
            id: visited.candidate.id,
            origin: visited.candidate.origin,
            is_refusal: visited.outcome.is_refusal(),
            is_done: *ending == Ending::Done,
        };
        let is_challenge = visited.fetch.error == Some(CHALLENGE);
        let health = self.health(server);
        if health.is_refusing {
            return;
        }
        if is_challenge && health.is_challenged(answered.clone()) {
            let refused = std::mem::take(&mut health.challenged);
            return self.set_back(server, refused, "it asks visitors to prove that they are human");
        }
        if !is_challenge {
            health.has_answered = true;
            health.challenged.clear();
        }
        if health.answered(answered) {
            let refused: Vec<_> = health.last.drain(..).filter(|it| it.is_refusal).collect();
            let why = format!(
                "began refusing us: {} of the last {RING} answers, the last was {}",
                refused.len(),
                said(visited)
            );
            self.set_back(server, refused, &why);
        }
    }

    /// Parks a server that refuses us; what it refused is to be asked for again.
    fn set_back(&mut self, server: ServerId, refused: Vec<Answered>, why: &str) {
        self.health(server).is_refusing = true;
        self.park_server(server, why);
        for answered in refused.into_iter().filter(|answered| answered.is_done) {
            self.known.set_taken(answered.id, false);
            self.frontier.reopen(answered.origin);
            self.pages -= 1;
            self.reopened.push(answered.id);
        }
    }

    /// Says which refused URLs are pending again; after the record of the last of them.
    pub(super) fn write_reopened(&mut self) {
        if !self.reopened.is_empty() {
            let ids = std::mem::take(&mut self.reopened);
            self.actions.push(Action::Write(Record::Reopened(ids)));
        }
    }

    /// The server of a loaded origin answered in an earlier run.
    pub(super) fn note_known(&mut self, server: ServerId) {
        self.health(server).has_connected = true;
    }

    /// Whether nothing was answered in this run, and no server that was asked was there.
    pub(super) fn is_nobody_there(&self) -> bool {
        let servers = self.servers.len();
        !self.any_answer
            && self.healths.len() == servers
            && self.healths.iter().all(|health| health.failing.is_some())
    }

    /// Since when no connection came about to any server, if several tries failed.
    pub(super) fn unreachable_since(&self) -> Option<Instant> {
        let failing = self.healths.iter().filter_map(|health| health.failing.as_ref());
        let failing = failing.filter(|failing| failing.tries >= MIN_FAILURES);
        let since = failing.map(|failing| failing.since).min()?;
        (self.reached_at <= Some(since)).then_some(since)
    }

    /// Whether it is the network that is down, as far as that can be told, and waited for.
    pub(super) fn is_network_down(&self, now: Instant) -> bool {
        self.unreachable_since().is_some_and(|since| now - since < PATIENCE)
    }

    fn park_server(&mut self, server: ServerId, why: &str) {
        for origin in self.frontier.park_server(server) {
            self.actions.push(Action::Write(Record::Parked(origin, why.into())));
        }
    }

    fn health(&mut self, server: ServerId) -> &mut Health {
        let index = server.0 as usize;
        if index >= self.healths.len() {
            self.healths.resize_with(index + 1, Health::default);
        }
        &mut self.healths[index]
    }
}

/// What came back, in a word.
fn said(visited: &Visited) -> String {
    match visited.outcome {
        Outcome::Answer { status, .. } => status.to_string(),
        Outcome::Failed { code, .. } => {
            visited.fetch.error_detail.clone().unwrap_or_else(|| code.to_owned())
        }
    }
}
