//! What do the numbers of a crawl look like?

use std::io::{self, Write};

use super::Page;
use super::about::length;
use super::course::{Course, course};
use super::escape::Text;
use super::plots::{ANSWERS, Column, answer_of, columns, percent, share, stacked_bar};
use crate::export::numbers::count;
use crate::store::{Answers, Severity};

/// Columns of depths; what is deeper shares the last.
const MAX_DEPTHS: usize = 24;
/// Milliseconds to the first byte at which columns end; the last has no end. Up to
/// 800 counts as good, beyond 1 800 as poor (web.dev, "Time to First Byte").
const TIMES: [u64; 8] = [25, 50, 100, 200, 400, 800, 1800, 4000];
/// Statuses that are named.
const MAX_STATUSES: usize = 8;

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

/// Writes the most important numbers.
pub(super) fn write_tiles(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    out.write_all(b"<section id=\"numbers\" aria-label=\"In numbers\"><ul class=\"tiles\">\n")?;
    for tile in tiles(page) {
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

fn tiles(page: &Page<'_>) -> Vec<Tile> {
    let overview = page.overview;
    let classes = by_class(&overview.answers, "page");
    let pages: u64 = classes.iter().sum();
    let tile = |name, number, note, link| Tile { class: "", name, number, note, link };
    let broken: u64 = classes[2..].iter().sum();
    let targets = page.findings(Severity::Error, "broken");
    let slowest = at_share(&overview.first_bytes, 95);
    let skipped: u64 = overview.skipped.iter().map(|(_, urls)| urls).sum();
    let most = overview
        .skipped
        .first()
        .map_or("nothing".to_owned(), |(reason, urls)| format!("{} {reason}", count(*urls)));
    vec![
        tile("Pages", count(pages), format!("of {} URLs met", count(overview.urls)), None),
        tile("Answered 2xx", share(classes[0], pages), pages_of(classes[0]), None),
        Tile {
            class: if targets > 0 { "error" } else { "good" },
            ..tile(
                "Broken link targets",
                count(targets),
                format!("{} broken", pages_of(broken)),
                Some("broken"),
            )
        },
        tile(
            "Redirects",
            count(classes[1]),
            format!("{} of all pages", share(classes[1], pages)),
            Some("redirects"),
        ),
        tile(
            "Indexable",
            count(overview.indexable),
            format!("{} of HTML pages", share(overview.indexable, overview.html_pages)),
            Some("non-indexable"),
        ),
        tile("Links", count(overview.links), "on all pages".into(), Some("inlinks")),
        tile(
            "First byte",
            at_share(&overview.first_bytes, 50).map_or("–".into(), milliseconds),
            slowest.map_or("nothing was timed".into(), |ms| {
                format!("95 % within {}", milliseconds(ms))
            }),
            Some("slow"),
        ),
        tile("Left out", count(skipped), most, Some("skipped")),
    ]
}

fn pages_of(number: u64) -> String {
    if number == 1 { "1 page".into() } else { format!("{} pages", count(number)) }
}

fn milliseconds(ms: u64) -> String {
    if ms == 0 { "<1 ms".into() } else { format!("{} ms", count(ms)) }
}

/// How many URLs of a kind gave each of [`ANSWERS`].
fn by_class(answers: &[Answers], kind: &str) -> [u64; 5] {
    let mut sums = [0; 5];
    for answer in answers.iter().filter(|answer| answer.kind == kind) {
        sums[answer_of(answer.status)] += answer.urls;
    }
    sums
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

/// Writes the plots.
pub(super) fn write_plots(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    if page.overview.answers.is_empty() {
        return Ok(());
    }
    out.write_all(b"<section id=\"pictures\"><h2>In pictures</h2>\n<div class=\"plots\">\n")?;
    write_answers(out, page)?;
    write_depths(out, page)?;
    write_times(out, page)?;
    write_course(out, page)?;
    out.write_all(b"</div></section>\n")
}

fn begin(out: &mut impl Write, title: &str, sentence: &str) -> io::Result<()> {
    write!(
        out,
        "<figure><figcaption><h3>{}</h3><p>{}</p></figcaption>",
        Text(title),
        Text(sentence)
    )
}

fn write_answers(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    begin(out, "Answers", "What the servers said to the last request for each URL.")?;
    for (kind, name) in [("page", "Pages"), ("asset", "Assets"), ("external", "Other sites")] {
        let sums = by_class(&page.overview.answers, kind);
        let all: u64 = sums.iter().sum();
        if all == 0 {
            continue;
        }
        let parts: Vec<_> = ANSWERS
            .iter()
            .zip(sums)
            .map(|((class, name), sum)| (*class, (*name).to_owned(), sum))
            .collect();
        let there = parts.iter().filter(|(.., sum)| *sum > 0);
        let says: Vec<_> = there.clone().map(|(_, name, sum)| format!("{name} {sum}")).collect();
        write!(out, "<h4>{name} <span>{}</span></h4>", count(all))?;
        stacked_bar(out, &format!("{name}: {}", says.join(", ")), &parts)?;
        out.write_all(b"<ul class=\"legend\">")?;
        for (class, name, sum) in there {
            let (sum, share) = (count(*sum), share(*sum, all));
            let codes = codes(&page.overview.answers, kind, class);
            write!(
                out,
                "<li><i class=\"{class}\"></i>{name} <b>{sum}</b> <span>{share}{codes}</span></li>"
            )?;
        }
        out.write_all(b"</ul>")?;
    }
    out.write_all(b"</figure>\n")
}

/// The statuses of a class, if they say more than the class.
fn codes(answers: &[Answers], kind: &str, class: &str) -> String {
    let of_class = answers.iter().filter(|answer| {
        answer.kind == kind
            && ANSWERS[answer_of(answer.status)].0 == class
            && answer.status != Some(200)
    });
    let mut all: Vec<_> =
        of_class.filter_map(|answer| answer.status.map(|status| (answer.urls, status))).collect();
    all.sort_by(|a, b| b.cmp(a));
    let more = if all.len() > MAX_STATUSES { " …" } else { "" };
    let all = all.iter().take(MAX_STATUSES);
    let all: String = all.map(|(urls, status)| format!(" · {status} × {}", count(*urls))).collect();
    all + more
}

fn write_depths(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    let mut depths: Vec<Column> = Vec::new();
    let mut only_sitemap = [0; 5];
    for (depth, hundreds, pages) in &page.overview.depths {
        let class = answer_of(hundreds.map(|hundreds| hundreds * 100));
        let Some(depth) = depth.map(usize::from) else {
            only_sitemap[class] += pages;
            continue;
        };
        let place = depth.min(MAX_DEPTHS - 1);
        while depths.len() <= place {
            depths.push(Column::default());
        }
        depths[place].parts.push((ANSWERS[class].0, *pages));
    }
    let last = depths.len().saturating_sub(1);
    for (depth, column) in depths.iter_mut().enumerate() {
        let more = if depth == MAX_DEPTHS - 1 { "+" } else { "" };
        column.name = format!("Depth {depth}{more}");
        // One label in three where there is little room.
        if last < 12 || depth % 3 == 0 {
            column.label = format!("{depth}{more}");
        }
    }
    if only_sitemap.iter().sum::<u64>() > 0 {
        let parts =
            ANSWERS.iter().zip(only_sitemap).map(|((class, _), sum)| (*class, sum)).collect();
        let name = "Only in a sitemap".to_owned();
        depths.push(Column { name, parts, label: "–".into(), ..Column::default() });
    }
    begin(
        out,
        "Depth",
        "Links from a seed to a page. What is deep is found late; – is known only from a sitemap.",
    )?;
    columns(out, &in_words(&depths), &depths, false)?;
    out.write_all(b"</figure>\n")
}

fn in_words(columns: &[Column]) -> String {
    let sum = |column: &Column| column.parts.iter().map(|(_, number)| number).sum::<u64>();
    let words: Vec<_> =
        columns.iter().map(|column| format!("{}: {}", column.name, count(sum(column)))).collect();
    words.join(", ")
}

fn write_times(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    let mut sums = [0; TIMES.len() + 1];
    for (ms, pages) in &page.overview.first_bytes {
        let place = TIMES.iter().position(|end| ms < end).unwrap_or(TIMES.len());
        sums[place] += pages;
    }
    let timed: u64 = sums.iter().sum();
    let words = |ms: u64| match ms {
        0..1000 => format!("{ms} ms"),
        _ if ms.is_multiple_of(1000) => format!("{} s", ms / 1000),
        _ => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
    };
    let all: Vec<Column> =
        sums.iter()
            .enumerate()
            .map(|(place, sum)| {
                let from = place.checked_sub(1).map(|before| TIMES[before]);
                let name = match (from, TIMES.get(place)) {
                    (None, Some(to)) => format!("Below {}", words(*to)),
                    (Some(from), Some(to)) => format!("{} to {}", words(from), words(*to)),
                    (from, None) => format!("{} and more", words(from.unwrap_or_default())),
                };
                let class = match place {
                    0..6 => "good",
                    6 => "middling",
                    _ => "poor",
                };
                // The unit stands once, and where it changes.
                let edge = from.map(|from| {
                    if from == 25 || from >= 1000 { words(from) } else { from.to_string() }
                });
                Column {
                    name,
                    parts: vec![(class, *sum)],
                    edge: edge.unwrap_or_default(),
                    ..Column::default()
                }
            })
            .collect();
    let good: u64 = sums[..6].iter().sum();
    let sentence = format!(
        "From the request to the first byte, of pages: {} below 800 ms, which counts as good.",
        share(good, timed)
    );
    begin(out, "Response times", &sentence)?;
    columns(out, &in_words(&all), &all, false)?;
    out.write_all(b"</figure>\n")
}

fn write_course(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    let overview = page.overview;
    let course = course(&overview.course, overview.course_unit, overview.elapsed_ms);
    let last = course.steps.len().saturating_sub(1);
    let step_ms = i64::try_from(course.step_ms).unwrap_or(i64::MAX);
    let at = |step: usize| {
        let ms = step_ms.saturating_mul(i64::try_from(step).unwrap_or(i64::MAX));
        if ms < 2000 { format!("{ms} ms") } else { length(ms) }
    };
    let all: Vec<Column> = course
        .steps
        .iter()
        .enumerate()
        .map(|(place, (pages, broken))| Column {
            name: format!("After {}", at(place)),
            parts: vec![("ok", pages - broken), ("client", *broken)],
            edge: if place > 0 && place % 15 == 0 && place < last {
                at(place)
            } else {
                String::new()
            },
            ..Column::default()
        })
        .collect();
    begin(out, "Pages over the time of the crawl", &course_sentence(&course))?;
    let pages: u64 = course.steps.iter().map(|(pages, _)| pages).sum();
    let says = format!("{} pages in {}", count(pages), at(course.steps.len()));
    columns(out, &says, &all, true)?;
    out.write_all(b"</figure>\n")
}

fn course_sentence(course: &Course) -> String {
    let pages: u64 = course.steps.iter().map(|(pages, _)| pages).sum();
    let most = course.steps.iter().map(|(pages, _)| *pages).max().unwrap_or_default();
    // A thousand times the pages of a millisecond.
    let rate = |pages: u64, ms: u64| {
        let rate = percent(pages * 10, ms);
        if rate < 10.0 { format!("{rate:.1}") } else { count(pages * 1000 / ms.max(1)) }
    };
    let whole = course.step_ms * course.steps.len() as u64;
    let mut sentence =
        format!("{} a second, {} at most.", rate(pages, whole), rate(most, course.step_ms));
    if !course.pauses.is_empty() {
        let pauses: u64 = course.pauses.iter().map(|(_, ms)| ms).sum();
        let length = length(i64::try_from(pauses).unwrap_or(i64::MAX));
        sentence += &match course.pauses.len() {
            1 => format!(" A pause of {length} is left out."),
            many => format!(" {} pauses of {length} together are left out.", count(many as u64)),
        };
    }
    sentence
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

    #[test]
    fn answers_are_summed_by_class() {
        let answers = [
            ("page", Some(200), 5),
            ("page", Some(404), 2),
            ("page", Some(410), 1),
            ("page", None, 3),
            ("asset", Some(500), 9),
        ]
        .map(|(kind, status, urls)| Answers { kind: kind.into(), status, urls });
        assert_eq!(by_class(&answers, "page"), [5, 0, 3, 0, 3]);
        assert_eq!(codes(&answers, "page", "client"), " · 404 × 2 · 410 × 1");
        assert_eq!(codes(&answers, "page", "ok"), "", "200 says no more than 2xx");
    }

    #[test]
    fn the_rate_is_pages_per_second() {
        let course =
            Course { steps: vec![(30, 0), (10, 0)], step_ms: 500, pauses: vec![(1, 60_000)] };
        assert_eq!(
            course_sentence(&course),
            "40 a second, 60 at most. A pause of 1 min 0 s is left out."
        );
    }
}
