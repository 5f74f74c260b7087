//! Which numbers of a crawl come first?

use std::io::{self, Write};

use super::Page;
use super::escape::Text;
use super::figures::by_class;
use super::plots::share;
use crate::export::numbers::count;
use crate::store::Severity;

/// A number with its name.
struct Tile {
    class: &'static str,
    name: &'static str,
    number: String,
    /// What it means.
    note: String,
    /// The section that says more.
    link: Option<&'static str>,
}

/// Writes them.
pub(super) fn write(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    out.write_all(b"<section id=\"numbers\" aria-label=\"In numbers\"><ul class=\"tiles\">\n")?;
    for tile in answers(page).into_iter().chain(others(page)) {
        let (class, name, number) = (tile.class, tile.name, Text(&tile.number));
        write!(out, "<li class=\"{class}\"><span>{name}</span> <b>{number}</b> <small>")?;
        match tile.link.filter(|link| page.has_section(link)) {
            Some(link) => write!(out, "<a href=\"#{link}\">{}</a>", Text(&tile.note))?,
            None => write!(out, "{}", Text(&tile.note))?,
        }
        out.write_all(b"</small></li>\n")?;
    }
    out.write_all(b"</ul></section>\n")
}

fn tile(name: &'static str, number: String, note: String, link: Option<&'static str>) -> Tile {
    Tile { class: "", name, number, note, link }
}

/// What came back.
fn answers(page: &Page<'_>) -> [Tile; 4] {
    let classes = by_class(&page.overview.answers, "page");
    let pages: u64 = classes.iter().sum();
    let broken: u64 = classes[2..].iter().sum();
    let targets = page.findings(Severity::Error, "broken");
    let met = format!("of {} URLs met", count(page.overview.urls));
    let redirects = format!("{} of all pages", share(classes[1], pages));
    let broken = format!("{} broken", pages_of(broken));
    [
        tile("Pages", count(pages), met, None),
        tile("Answered 2xx", share(classes[0], pages), pages_of(classes[0]), None),
        Tile {
            class: if targets > 0 { "error" } else { "good" },
            ..tile("Broken link targets", count(targets), broken, Some("broken"))
        },
        tile("Redirects", count(classes[1]), redirects, Some("redirects")),
    ]
}

/// What is on the pages, how fast they came, and what was left out.
fn others(page: &Page<'_>) -> [Tile; 4] {
    let overview = page.overview;
    let indexable = format!("{} of HTML pages", share(overview.indexable, overview.html_pages));
    let median = at_share(&overview.first_bytes, 50).map_or("–".into(), milliseconds);
    let slowest = at_share(&overview.first_bytes, 95)
        .map_or("nothing was timed".into(), |ms| format!("95 % within {}", milliseconds(ms)));
    let skipped: u64 = overview.skipped.iter().map(|(_, urls)| urls).sum();
    let most = overview.skipped.first();
    let most = most.map_or("nothing".into(), |(reason, urls)| format!("{} {reason}", count(*urls)));
    [
        tile("Indexable", count(overview.indexable), indexable, Some("non-indexable")),
        tile("Links", count(overview.links), "on all pages".into(), Some("inlinks")),
        tile("First byte", median, slowest, Some("slow")),
        tile("Left out", count(skipped), most, Some("skipped")),
    ]
}

fn pages_of(number: u64) -> String {
    if number == 1 { "1 page".into() } else { format!("{} pages", count(number)) }
}

fn milliseconds(ms: u64) -> String {
    if ms == 0 { "<1 ms".into() } else { format!("{} ms", count(ms)) }
}

/// The time within which so many percent lie.
fn at_share(times: &[(u64, u64)], percent: u64) -> Option<u64> {
    let all: u64 = times.iter().map(|(_, pages)| pages).sum();
    let mut before = 0;
    times.iter().find_map(|(ms, pages)| {
        before += pages;
        (before * 100 >= all * percent).then_some(*ms)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_by_their_share() {
        let times = [(10, 50), (20, 45), (900, 5)];
        assert_eq!(
            [50, 51, 95, 96].map(|share| at_share(&times, share)),
            [10, 20, 20, 900].map(Some)
        );
        assert_eq!(at_share(&[], 50), None);
    }
}
