//! How many rows does each report have, how many of them are findings, and which stand for them?

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::parts::threads;
use super::sample::{Sample, Sampling};
use super::{GATES, Gate, REPORTS, Report, Reports, Value, number};
use crate::store::QueryError;

/// How much a report has to say of a crawl.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Which.
    pub report: &'static Report,
    /// Its rows.
    pub rows: u64,
    /// The gates on it, with their findings.
    pub findings: Vec<(&'static Gate, u64)>,
    /// Why it could not be made: it would take too long, or too much memory. Then the
    /// numbers are not known.
    pub failure: Option<String>,
}

impl QueryError {
    /// Whether a question was too much rather than wrong, and others may be answered.
    pub fn is_too_much(&self) -> bool {
        matches!(self, Self::TooLong(_) | Self::TooMuchMemory(_) | Self::TooLarge(_))
    }
}

impl Reports {
    /// How many rows a report has.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn count(&self, report: &Report, crawl_id: Option<i64>) -> Result<u64, QueryError> {
        let rows = self.rows(&format!("SELECT count(*) FROM (\n{}\n)", report.part(crawl_id)))?;
        Ok(rows.first().map(|row| number(&row[0]).unsigned_abs()).unwrap_or_default())
    }

    /// Counts the rows of every report, on all cores, and hands them over in the
    /// order of the list. The first failure of `on_count` ends it.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn count_all(
        &self,
        crawl_id: Option<i64>,
        on_count: impl FnMut(&'static Report, u64) -> io::Result<()>,
    ) -> Result<(), QueryError> {
        self.ask_all(|file, report| file.count(report, crawl_id), on_count)
    }

    /// Counts the rows and the findings of every report of a crawl, on all cores, and
    /// hands them over in the order of the list, with `most` rows that stand for them. The
    /// first failure of `on_tally` ends it.
    ///
    /// # Errors
    /// See [`QueryError`]; that a report needs too much is no error but its [`Tally::failure`].
    pub fn tally_all(
        &self,
        crawl_id: i64,
        most: usize,
        mut on_tally: impl FnMut(Tally, Sample) -> io::Result<()>,
    ) -> Result<(), QueryError> {
        self.ask_all(
            |file, report| file.tally(report, crawl_id, most),
            |_, (tally, sample)| on_tally(tally, sample),
        )
    }

    fn tally(
        &self,
        report: &'static Report,
        crawl_id: i64,
        most: usize,
    ) -> Result<(Tally, Sample), QueryError> {
        let gates: Vec<_> = GATES.iter().filter(|gate| gate.report == report.name).collect();
        let mut counts = vec![0; gates.len()];
        let sampling = RefCell::new(Sampling::new(most));
        let on_columns = |names: &[String]| {
            sampling.borrow_mut().columns(&names[..names.len() - gates.len()]);
            Ok(())
        };
        let on_row = |row: &[Value]| {
            let judged = &row[row.len() - gates.len()..];
            counts.iter_mut().zip(judged).for_each(|(sum, is)| *sum += number(is).unsigned_abs());
            sampling.borrow_mut().row(row);
            Ok(())
        };
        let outcome = if gates.is_empty() {
            self.run(report, Some(crawl_id), None, on_columns, on_row)
        } else {
            let part = report.part(Some(crawl_id));
            let judged: String =
                gates.iter().map(|gate| format!(", ({}) IS TRUE", gate.condition)).collect();
            self.query.run(&format!("SELECT *{judged} FROM (\n{part}\n)"), on_columns, on_row)
        };
        match outcome {
            Err(error) if error.is_too_much() => {
                let failure = Some(error.to_string());
                Ok((Tally { report, rows: 0, findings: Vec::new(), failure }, Sample::default()))
            }
            Err(error) => Err(error),
            Ok(_) => {
                let (rows, sample) = sampling.into_inner().finish();
                let findings = gates.into_iter().zip(counts).collect();
                Ok((Tally { report, rows, findings, failure: None }, sample))
            }
        }
    }

    /// Asks every report something, on all cores, and hands the answers over in the
    /// order of the list.
    fn ask_all<T: Send>(
        &self,
        ask: impl Fn(&Self, &'static Report) -> Result<T, QueryError> + Sync,
        mut on_answer: impl FnMut(&'static Report, T) -> io::Result<()>,
    ) -> Result<(), QueryError> {
        let next = AtomicUsize::new(0);
        let (sender, answers) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..threads() {
                let (sender, next, path, ask) = (sender.clone(), &next, &self.path, &ask);
                scope.spawn(move || {
                    while let Some(report) = REPORTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let answer = Self::open(path).and_then(|file| ask(&file, report));
                        if sender.send((report.name, answer)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            // Dropped with what is under way, so that the threads end soon.
            let (answers, mut early) = (answers, HashMap::new());
            for report in &REPORTS {
                while !early.contains_key(report.name) {
                    let (name, answer) = answers.recv().expect("every report is asked");
                    early.insert(name, answer?);
                }
                let answer = early.remove(report.name).expect("it is there");
                on_answer(report, answer).map_err(QueryError::Output)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::migrate;
    use super::super::fact;
    use super::*;
    use tokio_rusqlite::rusqlite::Connection;

    static GREEDY: Report =
        fact("greedy", "", "SELECT 1 WHERE replace(hex(randomblob(8000000)), '0', 'xx') <> '';");

    #[test]
    fn that_a_report_needs_too_much_is_told_and_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut db = Connection::open(&path).unwrap();
        migrate::create(&mut db, [0; 16], 0).unwrap();
        migrate::renew_views(&mut db).unwrap();
        drop(db);
        let reports = Reports::open(&path).unwrap();
        let (tally, _) = reports.tally(&GREEDY, 1, 1).unwrap();
        let failure = tally.failure.expect("it is greedy");
        assert!(failure.starts_with("a value would exceed"), "{failure}");
        let mut failures = Vec::new();
        let keep = |tally: Tally, _| {
            failures.push(tally.failure);
            Ok(())
        };
        reports.tally_all(1, 1, keep).unwrap();
        assert_eq!(failures, vec![None; REPORTS.len()]);
    }
}
