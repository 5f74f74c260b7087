//! What belongs to a crawl now that its settings have changed?
//!
//! Runs between two runs, before anything is loaded. What waits or was set aside is
//! judged as a crawl with these settings would have judged it, by the pages that were
//! fetched. Nothing that was fetched is touched, but for links to other sites that
//! were only checked, if they belong to the crawl now.

mod follow;
mod ways;

use std::collections::HashMap;
use std::sync::Arc;

use tokio_rusqlite::rusqlite::{Connection, Result, Transaction, TransactionBehavior, params};

use super::{Error, load, save};
use crate::canonical::CanonicalUrl;
use crate::config::ScopeConfig;
use crate::engine::record::{Depth, Kind};
use crate::engine::too_deep;
use crate::refusal::{Reason, Refusal};
use crate::scope::Scope;
use ways::{Way, Ways};

/// Rows that are looked at together.
const BATCH: i64 = 4096;

/// The settings that say what belongs to a crawl.
#[derive(Clone, Debug)]
pub struct Belonging {
    /// Which URLs.
    pub scope: Arc<Scope>,
    /// What else is followed, fetched and checked.
    pub wishes: ScopeConfig,
    /// Links from a seed at most.
    pub depth: Option<u16>,
}

/// How many URLs stand otherwise than before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejudged {
    /// That may be fetched and could not.
    pub released: u64,
    /// That may not be fetched and could.
    pub set_aside: u64,
}

/// The reasons that a changed setting may lift.
const LIFTED: [Reason; 13] = [
    Reason::External,
    Reason::OutOfScope,
    Reason::Excluded,
    Reason::NotIncluded,
    Reason::Robots,
    Reason::Depth,
    Reason::Private,
    Reason::Mirror,
    Reason::Asset,
    Reason::Nofollow,
    Reason::Session,
    Reason::Trap,
    Reason::Budget,
];

/// A URL as it stands.
struct Standing {
    id: i64,
    url: CanonicalUrl,
    kind: Kind,
    depth: Depth,
    found_on: Option<i64>,
    /// What is against it; `None` if it waits, or is a checked link to another site.
    refusal: Option<Refusal>,
    is_done: bool,
}

/// What becomes of it.
enum Verdict {
    Stays,
    Fetch(Kind, Option<Way>),
    Aside(Refusal, Option<Way>),
}

/// Judges every URL again that waits or was set aside for one of those reasons.
pub(super) fn rejudge(
    db: &mut Connection,
    crawl_id: i64,
    belonging: &Belonging,
) -> Result<Rejudged, Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    save::index_targets(&tx)?;
    let is_any_shunned = follow::renew(&tx, crawl_id, belonging.wishes.nofollow)?;
    let mut judge = Judge {
        ways: Ways::load(&tx, crawl_id, belonging.wishes.nofollow)?,
        origins: Origins::load(&tx)?,
        rejudged: Rejudged::default(),
        tx: &tx,
        crawl_id,
        belonging,
        is_any_shunned,
    };
    let mut last = 0;
    loop {
        let batch = standings(&tx, crawl_id, last)?;
        let Some(end) = batch.last() else { break };
        last = end.id;
        for standing in batch {
            let verdict = judge.verdict(&standing)?;
            judge.settle(&standing, verdict)?;
        }
    }
    let rejudged = judge.rejudged;
    tx.commit()?;
    Ok(rejudged)
}

/// The next URLs that may stand otherwise now, by row.
fn standings(tx: &Transaction<'_>, crawl_id: i64, after: i64) -> Result<Vec<Standing>> {
    let reasons = LIFTED.map(|reason| format!("'{reason}'")).join(", ");
    let mut statement = tx.prepare_cached(&format!(
        "SELECT s.url_id, u.url, s.kind, s.depth, s.found_on, s.reason, s.detail, s.state = 'done'
         FROM state s JOIN url u ON u.id = s.url_id
         WHERE s.crawl_id = ?1 AND s.url_id > ?2
           AND (s.state = 'pending' OR s.state = 'aside' AND s.reason IN ({reasons})
                OR s.state = 'done' AND s.kind = 'external')
         ORDER BY s.url_id LIMIT ?3"
    ))?;
    let rows = statement.query_map(params![crawl_id, after, BATCH], |row| {
        let name: Option<String> = row.get(5)?;
        let reason = LIFTED.into_iter().find(|reason| Some(reason.as_str()) == name.as_deref());
        let detail: Option<String> = row.get(6)?;
        Ok(Standing {
            id: row.get(0)?,
            url: load::url_of(row, 1)?,
            kind: Kind::from_stored(&row.get::<_, String>(2)?),
            depth: Depth::from_rank(row.get(3)?),
            found_on: row.get(4)?,
            refusal: reason.zip(detail).map(|(reason, detail)| Refusal::new(reason, detail)),
            is_done: row.get(7)?,
        })
    })?;
    rows.collect()
}

struct Judge<'a> {
    tx: &'a Transaction<'a>,
    crawl_id: i64,
    belonging: &'a Belonging,
    /// Whether a link that was followed is not any more.
    is_any_shunned: bool,
    ways: Ways,
    origins: Origins,
    rejudged: Rejudged,
}

impl Judge<'_> {
    fn verdict(&mut self, it: &Standing) -> Result<Verdict> {
        let belongs = self.belonging.scope.judge(&it.url);
        let is_far = matches!(&belongs, Err(refusal) if refusal.reason == Reason::External);
        let verdict = match belongs {
            _ if it.kind == Kind::Sitemap && !is_far => match it.refusal {
                Some(_) => Verdict::Fetch(Kind::Sitemap, None),
                None => Verdict::Stays,
            },
            Err(refusal) if is_far => self.checked(it, refusal)?,
            Err(refusal) => Verdict::Aside(refusal, None),
            Ok(()) => {
                let verdict = self.belonging_now(it)?;
                self.held_back(it, verdict)
            }
        };
        // What a link was found to lead to stays known.
        Ok(if it.is_done && matches!(verdict, Verdict::Aside(..)) {
            Verdict::Stays
        } else {
            verdict
        })
    }

    /// A link to another site: is it one that is checked?
    fn checked(&mut self, it: &Standing, refusal: Refusal) -> Result<Verdict> {
        if it.kind == Kind::External && it.refusal.is_none() {
            let is_wanted = self.belonging.wishes.check_external;
            return Ok(if is_wanted { Verdict::Stays } else { Verdict::Aside(refusal, None) });
        }
        if !self.belonging.wishes.check_external {
            return Ok(Verdict::Aside(refusal, None));
        }
        Ok(match self.ways.of(self.tx, it)?.asked {
            Some(way) => Verdict::Fetch(Kind::External, Some(way)),
            None => Verdict::Aside(refusal, None),
        })
    }

    /// What lies in the scope.
    fn belonging_now(&mut self, it: &Standing) -> Result<Verdict> {
        use Reason::{Asset, Budget, Depth, Mirror, Nofollow, Private, Robots, Trap};
        let wishes = &self.belonging.wishes;
        match it.refusal.as_ref().map(|refusal| refusal.reason) {
            None if it.kind == Kind::Page => {
                let too_deep = self.too_deep(it.depth);
                Ok(too_deep.map_or(Verdict::Stays, |refusal| Verdict::Aside(refusal, None)))
            }
            None if it.kind == Kind::Asset => Ok(Verdict::Stays),
            Some(Nofollow) if wishes.nofollow && !wishes.assets => Ok(Verdict::Stays),
            Some(Asset) if !wishes.assets => Ok(Verdict::Stays),
            // Only what a followed link leads to comes as far; is it followed still?
            Some(Robots | Depth | Private | Mirror | Trap | Budget)
                if it.kind == Kind::Page && !self.is_any_shunned && !wishes.assets =>
            {
                let too_deep = self.too_deep(it.depth);
                let fetch = Verdict::Fetch(Kind::Page, None);
                Ok(too_deep.map_or(fetch, |refusal| Verdict::Aside(refusal, None)))
            }
            _ => self.by_links(it),
        }
    }

    /// A trap goes on to hold back the page that it held, if nothing else is against it.
    fn held_back(&self, it: &Standing, verdict: Verdict) -> Verdict {
        let trap = it.refusal.as_ref().filter(|refusal| refusal.reason == Reason::Trap);
        match (verdict, trap.filter(|_| self.belonging.wishes.traps)) {
            (Verdict::Fetch(Kind::Page, way), Some(trap)) => Verdict::Aside(trap.clone(), way),
            (verdict, _) => verdict,
        }
    }

    /// What the links to a URL say.
    fn by_links(&mut self, it: &Standing) -> Result<Verdict> {
        let found = self.ways.of(self.tx, it)?;
        let far = found.page.map(|way| (way, self.too_deep(way.depth)));
        if let Some((way, None)) = far {
            return Ok(Verdict::Fetch(Kind::Page, Some(way)));
        }
        // A part of a page is never too far; it may be a page itself, and is as near as that.
        if let Some(part) = found.part.filter(|_| self.belonging.wishes.assets) {
            let nearer = found.page.filter(|page| page.depth < part.depth);
            return Ok(Verdict::Fetch(Kind::Asset, nearer.or(Some(part))));
        }
        if let Some((way, Some(refusal))) = far {
            return Ok(Verdict::Aside(refusal, Some(way)));
        }
        let refusal = match (found.nofollow, found.what) {
            (Some(detail), _) => Refusal::new(Reason::Nofollow, detail),
            (None, Some(what)) => Refusal::new(Reason::Asset, what),
            (None, None) => Refusal::new(Reason::Asset, "no followed link leads to it"),
        };
        Ok(Verdict::Aside(refusal, None))
    }

    fn too_deep(&self, depth: Depth) -> Option<Refusal> {
        self.belonging.depth.and_then(|limit| too_deep(depth, limit))
    }

    fn settle(&mut self, it: &Standing, verdict: Verdict) -> Result<()> {
        let (tx, crawl_id) = (self.tx, self.crawl_id);
        let way = match &verdict {
            Verdict::Stays => return Ok(()),
            Verdict::Aside(refusal, None) if it.refusal.as_ref() == Some(refusal) => return Ok(()),
            Verdict::Fetch(_, way) | Verdict::Aside(_, way) => *way,
        };
        if let Some(Way { depth, found_on }) = way {
            let sql =
                "UPDATE state SET depth = ?3, found_on = ?4 WHERE crawl_id = ?1 AND url_id = ?2";
            tx.prepare_cached(sql)?.execute(params![crawl_id, it.id, depth.rank(), found_on])?;
        }
        match verdict {
            Verdict::Stays => {}
            Verdict::Fetch(kind, _) => {
                let origin = self.origins.id(tx, it.url.origin())?;
                let sql = "UPDATE state SET state = 'pending', reason = NULL, detail = NULL, origin_id = ?3, kind = ?4,
                               attempts = 0, not_before = NULL, crashes = 0 WHERE crawl_id = ?1 AND url_id = ?2";
                tx.prepare_cached(sql)?.execute(params![crawl_id, it.id, origin, kind.as_str()])?;
                self.rejudged.released += u64::from(it.refusal.is_some() || it.is_done);
            }
            Verdict::Aside(refusal, _) => {
                // What was tried and told nothing does not count as a page any more.
                let sql = "UPDATE state SET state = 'aside', reason = ?3, detail = ?4, attempts = 0
                           WHERE crawl_id = ?1 AND url_id = ?2";
                let row = params![crawl_id, it.id, refusal.reason.as_str(), &*refusal.detail];
                tx.prepare_cached(sql)?.execute(row)?;
                self.rejudged.set_aside += u64::from(it.refusal.is_none());
            }
        }
        Ok(())
    }
}

/// The rows of origins, to which new candidates may add.
struct Origins(HashMap<String, i64>);

impl Origins {
    fn load(tx: &Transaction<'_>) -> Result<Self> {
        let mut statement = tx.prepare("SELECT origin, id FROM origin")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_>>().map(Self)
    }

    fn id(&mut self, tx: &Transaction<'_>, origin: &str) -> Result<i64> {
        if let Some(id) = self.0.get(origin) {
            return Ok(*id);
        }
        let id = i64::try_from(self.0.len()).expect("fewer origins than rows") + 1;
        tx.execute("INSERT INTO origin (id, origin) VALUES (?1, ?2)", params![id, origin])?;
        self.0.insert(origin.to_owned(), id);
        Ok(id)
    }
}
