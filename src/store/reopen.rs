//! Which URLs that failed, or that a trap held back, are to be fetched after all?

use std::fmt;
use std::str::FromStr;

use tokio_rusqlite::rusqlite::{Connection, TransactionBehavior, params};

use super::Error;
use crate::refusal::Reason;

/// A kind of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Every one: no answer, or 400 and above, or no visit that was survived.
    Any,
    /// Answers with this status.
    Status(u16),
    /// Answers of this hundred: 4 or 5.
    Class(u16),
    /// No answer, or none that could be used, for this reason (`timeout`, `dns`, ...).
    Code(String),
    /// Set aside because the process ended three times while it was visited.
    Crashed,
}

impl FromStr for Failure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        match (lower.as_str(), lower.parse::<u16>()) {
            ("all" | "any", _) => Ok(Self::Any),
            ("4xx", _) => Ok(Self::Class(4)),
            ("5xx", _) => Ok(Self::Class(5)),
            ("crashed", _) => Ok(Self::Crashed),
            (_, Ok(status @ 400..=999)) => Ok(Self::Status(status)),
            ("dns" | "connect" | "tls" | "timeout" | "broken" | "undecodable" | "panic", _) => {
                Ok(Self::Code(lower))
            }
            _ => Err(format!(
                "`{text}` is no failure: use all, 4xx, 5xx, a status such as 403, or \
                 dns, connect, tls, timeout, broken, undecodable, panic, crashed"
            )),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("all"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Class(class) => write!(f, "{class}xx"),
            Self::Code(code) => f.write_str(code),
            Self::Crashed => f.write_str(Reason::Crashed.as_str()),
        }
    }
}

/// Makes the URLs of a crawl pending again whose last request failed so; how many.
pub(super) fn reopen(db: &Connection, crawl_id: i64, failures: &[Failure]) -> Result<u64, Error> {
    let mut reopened = 0;
    for failure in failures {
        if matches!(failure, Failure::Any | Failure::Crashed) {
            reopened += reopen_crashed(db, crawl_id)?;
        }
        let (condition, value) = match failure {
            Failure::Any => ("f.status >= 400 OR f.error IS NOT NULL AND ?2", "1".to_owned()),
            Failure::Status(status) => ("f.status = CAST(?2 AS INTEGER)", status.to_string()),
            Failure::Class(class) => ("f.status / 100 = CAST(?2 AS INTEGER)", class.to_string()),
            Failure::Code(code) => ("f.error = ?2", code.clone()),
            Failure::Crashed => continue,
        };
        let sql = format!(
            "UPDATE state SET state = 'pending', attempts = 0, not_before = NULL, crashes = 0
             WHERE crawl_id = ?1 AND state = 'done' AND fetch_id IN
                 (SELECT f.id FROM fetch f WHERE f.crawl_id = ?1 AND ({condition}))"
        );
        reopened += db.execute(&sql, params![crawl_id, value])?;
    }
    Ok(reopened as u64)
}

fn reopen_crashed(db: &Connection, crawl_id: i64) -> Result<usize, Error> {
    let sql = "UPDATE state SET state = 'pending', reason = NULL, detail = NULL, attempts = 0, crashes = 0
               WHERE crawl_id = ?1 AND state = 'aside' AND reason = ?2";
    Ok(db.execute(sql, params![crawl_id, Reason::Crashed.as_str()])?)
}

/// Releases a trap and what it held back; how many URLs, `None` if there is no such trap.
pub(super) fn release_trap(
    db: &mut Connection,
    pattern: &str,
    now: i64,
) -> Result<Option<u64>, Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known = tx.execute(
        "UPDATE trap SET released_at = ?2 WHERE pattern = ?1 OR pattern = host || ?1",
        params![pattern, now],
    )?;
    let urls = tx.execute(
        "UPDATE state SET state = 'pending', reason = NULL, detail = NULL, attempts = 0, crashes = 0
         WHERE crawl_id = (SELECT max(id) FROM crawl) AND state = 'aside' AND reason = 'trap'
           AND detail IN (SELECT pattern FROM trap WHERE pattern = ?1 OR pattern = host || ?1)",
        [pattern],
    )?;
    tx.commit()?;
    Ok((known > 0).then_some(urls as u64))
}
