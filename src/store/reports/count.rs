//! How many rows does each report have, and how many of them are findings?

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::parts::threads;
use super::{GATES, Gate, REPORTS, Report, Reports, number};
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
    /// hands them over in the order of the list. The first failure of `on_tally` ends it.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn tally_all(
        &self,
        crawl_id: i64,
        mut on_tally: impl FnMut(Tally) -> io::Result<()>,
    ) -> Result<(), QueryError> {
        self.ask_all(|file, report| file.tally(report, crawl_id), |_, tally| on_tally(tally))
    }

    fn tally(&self, report: &'static Report, crawl_id: i64) -> Result<Tally, QueryError> {
        let gates = GATES.iter().filter(|gate| gate.report == report.name);
        let counts: String = gates
            .clone()
            .map(|gate| format!(", count(*) FILTER (WHERE {})", gate.condition))
            .collect();
        let part = report.part(Some(crawl_id));
        let rows = self.rows(&format!("SELECT count(*){counts} FROM (\n{part}\n)"))?;
        let mut counts = rows.iter().flatten().map(|value| number(value).unsigned_abs());
        let rows = counts.next().unwrap_or_default();
        Ok(Tally { report, rows, findings: gates.zip(counts).collect() })
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
