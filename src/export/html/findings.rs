//! What is wrong with the site, the worst first, and what was looked for in vain?

use std::io::{self, Write};

use super::Page;
use super::escape::Text;
use crate::export::numbers::count;
use crate::store::{Gate, Severity, Tally};

/// How findings of a severity are named: class of the style, one, many.
pub(super) fn names(severity: Severity) -> (&'static str, &'static str, &'static str) {
    match severity {
        Severity::Error => ("error", "Error", "errors"),
        Severity::Warning => ("warning", "Warning", "warnings"),
        Severity::Notice => ("notice", "Notice", "notices"),
    }
}

/// The findings that are counted, the worst first: severity, gate, how many.
fn counted(tallies: &[Tally]) -> Vec<(Severity, &'static Gate, u64)> {
    let findings = tallies.iter().flat_map(|tally| &tally.findings);
    let mut counted: Vec<_> = findings
        .filter_map(|(gate, count)| gate.severity.map(|severity| (severity, *gate, *count)))
        .collect();
    counted.sort_by_key(|(severity, ..)| *severity);
    counted
}

/// The worst findings of a report.
pub(super) fn worst(tally: &Tally) -> Option<Severity> {
    let there = tally.findings.iter().filter(|(_, count)| *count > 0);
    there.filter_map(|(gate, _)| gate.severity).min()
}

/// Writes the section of the page that lists them.
pub(super) fn write(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    let counted = counted(page.tallies);
    out.write_all(b"<section id=\"findings\"><h2>Findings</h2>\n<ul class=\"sums\">")?;
    for severity in [Severity::Error, Severity::Warning, Severity::Notice] {
        let of_it = counted.iter().filter(|(it, ..)| *it == severity);
        let sum: u64 = of_it.map(|(.., count)| count).sum();
        let (class, one, many) = names(severity);
        let words = if sum == 1 { one.to_lowercase() } else { many.to_owned() };
        let class = if sum == 0 { "nothing" } else { class };
        write!(out, "<li class=\"{class}\"><b>{}</b> {words}</li>", count(sum))?;
    }
    out.write_all(b"</ul>\n")?;
    let (there, not_there): (Vec<_>, Vec<_>) =
        counted.into_iter().partition(|(.., count)| *count > 0);
    if !there.is_empty() {
        out.write_all(b"<ul class=\"findings\">\n")?;
        for (severity, gate, found) in there {
            let (class, one, _) = names(severity);
            writeln!(
                out,
                "<li class=\"{class}\"><a href=\"#{}\"><span class=\"tag\">{one}</span> <span>{}</span> <b>{}</b></a></li>",
                gate.report,
                Text(&capital(gate.counts)),
                count(found)
            )?;
        }
        out.write_all(b"</ul>\n")?;
    }
    write_new(out, page)?;
    write_nothing(out, page, &not_there)?;
    out.write_all(b"</section>\n")
}

/// What is broken that was not.
fn write_new(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    let findings = page.tallies.iter().flat_map(|tally| &tally.findings);
    let new = findings.filter(|(gate, _)| gate.name == "new-broken").map(|(_, count)| count).sum();
    match (page.overview.has_earlier, new) {
        (false, _) => Ok(()),
        (true, 0_u64) => {
            out.write_all(b"<p>No link target is broken that was not in the crawl before.</p>\n")
        }
        (true, 1) => out.write_all(b"<p>One broken link target was not in the crawl before.</p>\n"),
        (true, new) => {
            let new = count(new);
            writeln!(out, "<p>{new} of the broken link targets were not in the crawl before.</p>")
        }
    }
}

/// What was looked for and is not there.
fn write_nothing(
    out: &mut impl Write,
    page: &Page<'_>,
    not_there: &[(Severity, &'static Gate, u64)],
) -> io::Result<()> {
    let asked = page.config.is_some_and(|config| config.scope.check_fragments);
    let names: Vec<&str> = not_there
        .iter()
        .map(|(_, gate, _)| *gate)
        .filter(|gate| asked || gate.name != "broken-fragments")
        .map(|gate| gate.counts)
        .collect();
    if names.is_empty() || page.overview.answers.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<details class=\"clean\"><summary>{} further checks found nothing</summary><p>{}.</p></details>",
        names.len(),
        Text(&capital(&names.join("; ")))
    )
}

/// The findings of one report, below its name.
pub(super) fn write_of(out: &mut impl Write, tally: &Tally) -> io::Result<()> {
    let there = tally
        .findings
        .iter()
        .filter(|(gate, found)| *found > 0 && gate.severity.is_some() && *found < tally.rows);
    let mut is_first = true;
    for (gate, found) in there {
        out.write_all(if is_first { b"<ul class=\"of\">" } else { b"" })?;
        is_first = false;
        let (class, ..) = names(gate.severity.unwrap_or(Severity::Notice));
        write!(
            out,
            "<li class=\"{class}\"><b>{}</b> {}</li>",
            count(*found),
            Text(gate.counted(*found))
        )?;
    }
    out.write_all(if is_first { b"" } else { b"</ul>\n" })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
