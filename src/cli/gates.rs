//! Which findings make the command end with exit code 2, and who is told?
//!
//! The person on stderr; a CI server by JUnit's XML; GitHub, where its runner is
//! recognised, by annotations (workflow commands, which it reads from stderr as
//! well).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::summary::count;
use super::{Exit, Usage, say};
use crate::store::{GATES, Gate, Judgement, Report, Reports, gate, report};

/// Findings that are named on stderr.
const EXAMPLES: u32 = 5;
/// Findings that the XML names.
const XML_EXAMPLES: u32 = 100;

/// As a gate in CI
#[derive(Debug, Default, Args)]
pub(super) struct GateArgs {
    /// End with exit code 2 if there are any of these, separated by commas
    #[arg(long, value_name = "GATES", value_delimiter = ',', help_heading = "As a gate",
          value_parser = PossibleValuesParser::new(GATES.iter().map(|gate| gate.name)), hide_possible_values = true,
          long_help = long_help())]
    pub fail_on: Vec<String>,
    /// End with exit code 2 if more than this many link targets are broken
    #[arg(long, value_name = "N", help_heading = "As a gate")]
    pub max_broken: Option<u64>,
    /// Write what the gates found as JUnit XML, one test case per gate
    #[arg(long, value_name = "FILE", help_heading = "As a gate")]
    pub junit: Option<PathBuf>,
}

fn long_help() -> String {
    let gates = GATES.iter().map(|gate| format!("\n  {:23} {}", gate.name, gate.counts));
    format!(
        "End with exit code 2 if there are any of these, separated by commas. Targets and pages are counted, \
         not links: a broken link in every footer is one finding.{}",
        gates.collect::<String>()
    )
}

impl GateArgs {
    /// The gates asked for.
    ///
    /// # Errors
    /// If the XML has no gate to speak of, or no folder to lie in.
    pub(super) fn checked(&self) -> Result<Gates, Usage> {
        let mut gates: Vec<(&'static Gate, u64)> = Vec::new();
        let max_broken = self.max_broken.map(|_| "broken".to_owned());
        for name in self.fail_on.iter().chain(&max_broken) {
            let gate = gate(name).expect("clap allows only gates");
            let allowed = if gate.name == "broken" { self.max_broken.unwrap_or(0) } else { 0 };
            if !gates.iter().any(|(known, _)| known.name == gate.name) {
                gates.push((gate, allowed));
            }
        }
        if let Some(path) = &self.junit {
            if gates.is_empty() {
                return Err(Usage(anyhow!(
                    "--junit needs gates: --fail-on GATES or --max-broken N"
                )));
            }
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                return Err(Usage(anyhow!(
                    "--junit {}: there is no folder {}",
                    path.display(),
                    folder.display()
                )));
            }
        }
        Ok(Gates { gates, junit: self.junit.clone() })
    }
}

/// The gates to judge a crawl by, each with how many findings it allows.
#[derive(Debug, Default)]
pub(super) struct Gates {
    gates: Vec<(&'static Gate, u64)>,
    junit: Option<PathBuf>,
}

/// What came of one gate.
#[derive(Debug)]
struct Verdict {
    gate: &'static Gate,
    allowed: u64,
    found: Judgement,
    took: Duration,
}

impl Verdict {
    fn has_failed(&self) -> bool {
        self.found.count > self.allowed
    }

    fn sentence(&self) -> String {
        let allowed = match self.allowed {
            0 => String::new(),
            allowed => format!(", {} allowed", count(allowed)),
        };
        format!("{} {}{allowed}", count(self.found.count), self.gate.counted(self.found.count))
    }
}

/// What came of all gates.
#[derive(Debug, Default)]
pub(super) struct Judged {
    verdicts: Vec<Verdict>,
    /// Why they were not judged, with their names.
    not_judged: Option<(&'static str, Vec<&'static str>)>,
    junit: Option<PathBuf>,
}

impl Gates {
    /// The reports whose rows decide.
    pub(super) fn reports(&self) -> impl Iterator<Item = &'static Report> {
        self.gates.iter().map(|(gate, _)| report(gate.report).expect("a gate names a report"))
    }

    /// Judges a crawl.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn judge(&self, path: &Path, crawl_id: i64) -> anyhow::Result<Judged> {
        if self.gates.is_empty() {
            return Ok(Judged::default());
        }
        let reports = Reports::open(path)?;
        let examples = if self.junit.is_some() { XML_EXAMPLES } else { EXAMPLES };
        let mut verdicts = Vec::new();
        for (gate, allowed) in &self.gates {
            let began = Instant::now();
            let found = reports.judge(gate, crawl_id, examples)?;
            verdicts.push(Verdict { gate, allowed: *allowed, found, took: began.elapsed() });
            if gate.name == "new-broken"
                && !reports.shown(Some(crawl_id))?.is_some_and(|it| it.has_earlier)
            {
                say("note: new-broken has no earlier finished crawl in the file to compare with");
            }
        }
        Ok(Judged { verdicts, not_judged: None, junit: self.junit.clone() })
    }

    /// Judges the crawl that a run ended with, unless it came to nothing.
    ///
    /// # Errors
    /// As [`Gates::judge`].
    pub(super) fn judge_run(
        &self,
        path: &Path,
        crawl_id: i64,
        exit: Exit,
    ) -> anyhow::Result<Judged> {
        let why = match exit {
            Exit::Finished | Exit::Unfinished => return self.judge(path, crawl_id),
            Exit::Interrupted | Exit::Terminated => "the crawl was interrupted",
            _ => "no seed gave an answer",
        };
        let names: Vec<_> = self.gates.iter().map(|(gate, _)| gate.name).collect();
        let not_judged = (!names.is_empty()).then_some((why, names));
        Ok(Judged { verdicts: Vec::new(), not_judged, junit: self.junit.clone() })
    }
}

impl Judged {
    /// With which code to end instead of `otherwise`.
    pub(super) fn exit(&self, otherwise: Exit) -> Exit {
        if self.verdicts.iter().any(Verdict::has_failed) { Exit::Findings } else { otherwise }
    }

    /// Says which gates failed, with `examples` if they are wanted; and which held, unless `quiet`.
    pub(super) fn say(&self, path: &Path, quiet: bool, examples: bool) {
        if let Some((why, names)) = &self.not_judged {
            say(&format!("\nGates not judged, since {why}: {}", names.join(", ")));
        }
        if !self.verdicts.is_empty() && !quiet {
            say("");
        }
        for verdict in &self.verdicts {
            let name = verdict.gate.name;
            if verdict.has_failed() {
                say(&format!("FAILED  {name}: {}", verdict.sentence()));
                if !examples {
                    continue;
                }
                let shown = verdict.found.examples.iter().take(EXAMPLES as usize);
                shown.clone().for_each(|example| say(&format!("          {example}")));
                let more = verdict.found.count - shown.len() as u64;
                if more > 0 {
                    let report = verdict.gate.report;
                    say(&format!(
                        "          and {} more: crawlite report {} {report}",
                        count(more),
                        path.display()
                    ));
                }
            } else if !quiet {
                say(&format!("passed  {name}: {}", verdict.sentence()));
            }
        }
        if std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true") {
            self.verdicts.iter().filter(|verdict| verdict.has_failed()).for_each(annotate);
        }
    }

    /// The gates in the summary object of a crawl.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let gate = |verdict: &Verdict| {
            serde_json::json!({
                "gate": verdict.gate.name,
                "count": verdict.found.count,
                "allowed": verdict.allowed,
                "failed": verdict.has_failed(),
            })
        };
        self.verdicts.iter().map(gate).collect()
    }

    /// Writes the XML, if it was asked for.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn write_junit(&self) -> anyhow::Result<()> {
        let Some(path) = &self.junit else { return Ok(()) };
        std::fs::write(path, self.junit_xml())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn junit_xml(&self) -> String {
        let failures = self.verdicts.iter().filter(|verdict| verdict.has_failed()).count();
        let (why, unjudged) = self.not_judged.clone().unwrap_or_default();
        let (tests, errors) = (self.verdicts.len() + unjudged.len(), unjudged.len());
        let took: Duration = self.verdicts.iter().map(|verdict| verdict.took).sum();
        let numbers = format!(
            r#"name="crawlite" tests="{tests}" failures="{failures}" errors="{errors}" time="{:.3}""#,
            took.as_secs_f64()
        );
        let mut cases = String::new();
        for verdict in &self.verdicts {
            let time = verdict.took.as_secs_f64();
            cases += &format!(
                r#"    <testcase classname="crawlite" name="{}" time="{time:.3}""#,
                verdict.gate.name
            );
            cases += &if verdict.has_failed() {
                let lines = xml(&verdict.found.examples.join("\n"));
                let message = xml(&verdict.sentence());
                format!(
                    ">\n      <failure type=\"{}\" message=\"{message}\">{lines}</failure>\n    </testcase>\n",
                    verdict.gate.name
                )
            } else {
                "/>\n".to_owned()
            };
        }
        for name in unjudged {
            cases += &format!(
                "    <testcase classname=\"crawlite\" name=\"{name}\">\n      <error type=\"not judged\" message=\"{}\"/>\n    </testcase>\n",
                xml(why)
            );
        }
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {numbers}>\n  <testsuite {numbers}>\n{cases}  </testsuite>\n</testsuites>\n"
        )
    }
}

/// An error at the run, as GitHub's runner reads it.
fn annotate(verdict: &Verdict) {
    let mut message = verdict.sentence();
    for example in verdict.found.examples.iter().take(EXAMPLES as usize) {
        message += &format!("\n{example}");
    }
    let escaped = message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    // The name of a gate has nothing to escape in a property.
    say(&format!("::error title=crawlite {}::{escaped}", verdict.gate.name));
}

/// Text for XML 1.0, which has no way to write most control characters.
fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\n' => safe.push('\n'),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_safe_whatever_a_page_says() {
        assert_eq!(
            xml("a<b>&\"c\"\u{1b}\u{0}\u{ffff}\n"),
            "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}\u{fffd}\u{fffd}\n"
        );
    }

    #[test]
    fn the_xml_counts_what_it_holds() {
        let verdict = |count, allowed| Verdict {
            gate: gate("broken").unwrap(),
            allowed,
            found: Judgement { count, examples: vec!["404 http://a/?x=1&y=2".into()] },
            took: Duration::from_millis(12),
        };
        let judged = Judged { verdicts: vec![verdict(1, 0), verdict(1, 1)], ..Judged::default() };
        let xml = judged.junit_xml();
        assert!(xml.contains(r#"tests="2" failures="1" errors="0" time="0.024""#), "{xml}");
        assert!(xml.contains("404 http://a/?x=1&amp;y=2</failure>"), "{xml}");
        assert_eq!(judged.exit(Exit::Unfinished), Exit::Findings);
    }

    #[test]
    fn a_tolerance_speaks_of_broken_alone() {
        let args = GateArgs { fail_on: vec!["orphans".into()], max_broken: Some(3), junit: None };
        let gates = args.checked().unwrap().gates;
        let named: Vec<_> = gates.iter().map(|(gate, allowed)| (gate.name, *allowed)).collect();
        assert_eq!(named, [("orphans", 0), ("broken", 3)]);
    }
}
