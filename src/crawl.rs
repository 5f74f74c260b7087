//! How are the engine's decisions carried out?
//!
//! The only place with a `select!`, and without a decision of its own. Channels:
//!
//! * visits → here: [`Visited`], at most `VISITED` waiting
//! * here → writer: records, by `reserve`, never by a send that waits; what the
//!   engine gave beyond the writer's room waits in `outbox`, and as long as
//!   something is there, no further visit is taken in, so it stays short
//! * writer → here: answers, always taken
//!
//! Visits wait for us, we wait for nobody alone, the writer waits for the disk.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::canonical::CanonicalUrl;
use crate::engine::record::{Candidate, Moment, Record, ServerId, UrlId, Visited};
use crate::engine::{Action, Engine, Event, Finish, Progress};
use crate::fault;
use crate::store::{OwnerLock, Writer};
use crate::visit::{Hold, Visitor, unix_ms};

/// Ended visits that wait to be taken in at most.
const VISITED: usize = 32;

/// What a crawl counts while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// How the engine stands.
    pub engine: Progress,
    /// Pages started, earlier runs included.
    pub pages: u64,
    /// Requests answered or failed in this run.
    pub visits: u64,
    /// Of them without an answer, or with 4xx or 5xx; pages only.
    pub errors: u64,
    /// Bytes received, earlier runs included.
    pub bytes: u64,
    /// HTML pages that came in this run.
    pub html: u64,
    /// Of them, those that show their content only to those who run scripts.
    pub scripted: u64,
}

/// Why a crawl could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The writer ended; its own error says why.
    #[error("the writer ended")]
    Writer,
    /// The lock file cannot be written.
    #[error("cannot write the lock file: {0}")]
    Lock(#[from] std::io::Error),
}

/// Tells a crawl to stop, and watches it.
#[derive(Clone, Debug)]
pub struct Controls {
    /// Start nothing any more, let visits end.
    pub stop: CancellationToken,
    /// Give up what is in flight.
    pub abort: CancellationToken,
    /// The numbers, now and then.
    pub numbers: watch::Sender<Numbers>,
}

impl Controls {
    /// Controls, and the numbers they send.
    pub fn new() -> (Self, watch::Receiver<Numbers>) {
        let (numbers, watched) = watch::channel(Numbers::default());
        (Self { stop: CancellationToken::new(), abort: CancellationToken::new(), numbers }, watched)
    }
}

/// Runs a crawl to its end. Records are handed to `writer` in order; when this
/// returns, all of them are handed over, not yet committed.
///
/// Dropping the future gives up what is in flight; the file stays resumable.
///
/// # Errors
/// If the store can no longer be written.
pub async fn run(
    mut engine: Engine,
    seeds: Vec<CanonicalUrl>,
    visitor: Visitor,
    mut writer: Writer,
    lock: &OwnerLock,
    controls: &Controls,
) -> Result<Finish, Broken> {
    let (ended, mut visited) = mpsc::channel::<(Visited, Hold)>(VISITED);
    let mut carrier = Carrier::new(ended, visitor, lock);
    let mut numbers = Numbers::default();
    carrier.carry_out(engine.on(Event::Begin(seeds), now()))?;
    let mut show = tokio::time::interval(Duration::from_millis(200));
    let (mut stopped, mut aborted) = (false, false);
    loop {
        if carrier.finish.is_some() && carrier.outbox.is_empty() {
            return carrier.finish.take().ok_or(Broken::Writer);
        }
        let event = tokio::select! {
            biased;
            () = controls.abort.cancelled(), if !aborted => {
                aborted = true;
                carrier.visits.abort_all();
                Event::Aborted
            }
            () = controls.stop.cancelled(), if !stopped => { stopped = true; Event::Stop }
            permit = writer.inbox.reserve(), if !carrier.outbox.is_empty() => {
                let record = carrier.outbox.pop_front().expect("it is not empty");
                permit.map_err(|_| Broken::Writer)?.send(record);
                continue;
            }
            // Before the replies: an answer means that what was asked before it is committed.
            change = writer.committed.changed() => {
                change.map_err(|_| Broken::Writer)?;
                let committed = writer.committed.borrow_and_update().records;
                carrier.slots.vacate(committed)?;
                while carrier.holds.pop_front_if(|(record, _)| *record <= committed).is_some() {}
                continue;
            }
            reply = writer.replies.recv() => Event::Replied(reply.ok_or(Broken::Writer)?),
            one = visited.recv(), if carrier.outbox.is_empty() && !aborted => {
                let (one, hold) = one.expect("we hold a sender");
                while carrier.visits.try_join_next().is_some() {}
                fault::strike("engine", one.candidate.url.path_and_query());
                numbers.count(&one);
                let actions = engine.on(Event::Visited(Box::new(one)), now());
                carrier.carry_out(actions)?;
                carrier.holds.push_back((carrier.slots.records, hold));
                continue;
            }
            Some(found) = carrier.lookups.join_next(), if !carrier.lookups.is_empty() => {
                let (server, address) = found.expect("a lookup neither panics nor is cancelled");
                Event::LookedUp(server, address)
            }
            () = wake(carrier.wake), if carrier.wake.is_some() => { carrier.wake = None; Event::Tick }
            _ = show.tick() => {
                (numbers.pages, numbers.bytes) = engine.totals();
                numbers.engine = engine.progress(Instant::now());
                controls.numbers.send_replace(numbers.clone());
                continue;
            }
        };
        let actions = engine.on(event, now());
        carrier.carry_out(actions)?;
    }
}

fn now() -> Moment {
    Moment { at: Instant::now(), unix_ms: unix_ms() }
}

async fn wake(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}

impl Numbers {
    fn count(&mut self, visited: &Visited) {
        self.visits += 1;
        let is_page = visited.candidate.kind == crate::engine::record::Kind::Page;
        if let Some(page) = visited.page.as_ref().filter(|_| visited.fetch.status == Some(200)) {
            self.html += 1;
            self.scripted += u64::from(page.needs_javascript.is_some());
        }
        self.errors +=
            u64::from(is_page && visited.fetch.status.is_none_or(|status| status >= 400));
    }
}

struct Carrier<'a> {
    visits: JoinSet<()>,
    /// At most as many as the engine asks for at once.
    lookups: JoinSet<(ServerId, Option<IpAddr>)>,
    ended: mpsc::Sender<(Visited, Hold)>,
    visitor: Visitor,
    outbox: VecDeque<Record>,
    wake: Option<Instant>,
    finish: Option<Finish>,
    slots: Slots<'a>,
    /// The room that results have, until the record of that number is committed.
    holds: VecDeque<(u64, Hold)>,
}

impl<'a> Carrier<'a> {
    fn new(ended: mpsc::Sender<(Visited, Hold)>, visitor: Visitor, lock: &'a OwnerLock) -> Self {
        Self {
            visits: JoinSet::new(),
            lookups: JoinSet::new(),
            ended,
            visitor,
            outbox: VecDeque::new(),
            wake: None,
            finish: None,
            slots: Slots::new(lock),
            holds: VecDeque::new(),
        }
    }

    fn carry_out(&mut self, actions: Vec<Action>) -> Result<(), Broken> {
        for action in actions {
            match action {
                Action::Start(candidate) => self.start(candidate)?,
                Action::LookUp(server, host) => {
                    let visitor = self.visitor.clone();
                    self.lookups.spawn(async move { (server, visitor.address(&host).await) });
                }
                Action::Write(record) => {
                    self.slots.hand_over(&record)?;
                    self.outbox.push_back(record);
                }
                Action::WakeAt(at) => self.wake = Some(at),
                Action::End(finish) => self.finish = Some(finish),
            }
        }
        Ok(())
    }

    fn start(&mut self, candidate: Candidate) -> Result<(), Broken> {
        self.slots.occupy(candidate.id)?;
        let (visitor, ended) = (self.visitor.clone(), self.ended.clone());
        // In memory of its own: tokio aligns a task to 128 bytes, and the room that glibc cuts
        // off around such a block is soon taken by what stays, so that no other block fits there.
        self.visits.spawn(Box::pin(async move {
            // The receiver lives as long as the crawl; without it nobody wants the visit.
            ended.send(visitor.visit(candidate).await).await.ok();
        }));
        Ok(())
    }
}

/// Which slot of the lock file names which visit, until it is committed.
struct Slots<'a> {
    lock: &'a OwnerLock,
    free: Vec<usize>,
    used: usize,
    in_flight: Vec<(UrlId, usize)>,
    /// Slots by the number of the record that frees them.
    handed_over: VecDeque<(u64, usize)>,
    records: u64,
}

impl<'a> Slots<'a> {
    fn new(lock: &'a OwnerLock) -> Self {
        Self {
            lock,
            free: Vec::new(),
            used: 0,
            in_flight: Vec::new(),
            handed_over: VecDeque::new(),
            records: 0,
        }
    }

    fn occupy(&mut self, id: UrlId) -> Result<(), Broken> {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        });
        self.lock.occupy(slot, id)?;
        self.in_flight.push((id, slot));
        Ok(())
    }

    /// A record goes to the writer; that of a visit frees its slot once committed.
    fn hand_over(&mut self, record: &Record) -> Result<(), Broken> {
        self.records += 1;
        if let Record::Visit(visit) = record
            && let Some(at) = self.in_flight.iter().position(|(id, _)| *id == visit.candidate.id)
        {
            let (id, slot) = self.in_flight.swap_remove(at);
            self.lock.end(slot, id)?;
            self.handed_over.push_back((self.records, slot));
        }
        Ok(())
    }

    fn vacate(&mut self, committed: u64) -> Result<(), Broken> {
        while let Some((_, slot)) =
            self.handed_over.pop_front_if(|(record, _)| *record <= committed)
        {
            self.lock.vacate(slot)?;
            self.free.push(slot);
        }
        Ok(())
    }
}
