//! What do the numbers of a crawl look like as plots?

use std::io::{self, Write};

use super::Page;
use super::about::length;
use super::course::{Course, course};
use super::escape::Text;
use super::plots::{ANSWERS, Column, answer_of, columns, percent, share, stacked_bar};
use crate::export::numbers::count;
use crate::store::Answers;

/// Columns of depths; what is deeper shares the last.
const MAX_DEPTHS: usize = 24;
/// Milliseconds to the first byte at which columns end; the last has no end.
const TIMES: [u64; 8] = [25, 50, 100, 200, 400, GOOD, POOR, 4000];
/// What is longer is not good (web.dev, "Time to First Byte").
const GOOD: u64 = 800;
/// What is longer is poor (the same).
const POOR: u64 = 1800;
/// Statuses that are named.
const MAX_STATUSES: usize = 8;

/// How many URLs of a kind gave each of [`ANSWERS`].
pub(super) fn by_class(answers: &[Answers], kind: &str) -> [u64; 5] {
    let mut sums = [0; 5];
    for answer in answers.iter().filter(|answer| answer.kind == kind) {
        sums[answer_of(answer.status)] += answer.urls;
    }
    sums
}

/// Writes the plots.
pub(super) fn write(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
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
    // A line may end between two of them, never within one.
    let one = |status: u16, urls| format!("{status} × {}", count(urls)).replace(' ', "\u{a0}");
    let all: String = all.map(|(urls, status)| format!(" · {}", one(*status, *urls))).collect();
    all + more
}

fn write_depths(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    let all = depth_columns(&page.overview.depths);
    begin(
        out,
        "Depth",
        "Links from a seed to a page. What is deep is found late; – is known only from a sitemap.",
    )?;
    columns(out, &in_words(&all), &all, false)?;
    out.write_all(b"</figure>\n")
}

/// A column for each depth, and one for what only a sitemap names.
fn depth_columns(depths: &[(Option<u16>, Option<u16>, u64)]) -> Vec<Column> {
    let (mut sums, mut only_sitemap) = (Vec::new(), [0; 5]);
    for (depth, hundreds, pages) in depths {
        let class = answer_of(hundreds.map(|hundreds| hundreds.saturating_mul(100)));
        if let Some(depth) = depth {
            let place = usize::from(*depth).min(MAX_DEPTHS - 1);
            sums.resize(sums.len().max(place + 1), [0; 5]);
            sums[place][class] += pages;
        } else {
            only_sitemap[class] += pages;
        }
    }
    let few = sums.len() <= 12;
    let column = |name, label, sums: [u64; 5]| {
        let parts = ANSWERS.iter().zip(sums).map(|((class, _), sum)| (*class, sum)).collect();
        Column { name, parts, label, ..Column::default() }
    };
    let mut all: Vec<_> = sums
        .into_iter()
        .enumerate()
        .map(|(depth, sums)| {
            let more = if depth == MAX_DEPTHS - 1 { "+" } else { "" };
            // One label in three where there is little room.
            let label =
                if few || depth % 3 == 0 { format!("{depth}{more}") } else { String::new() };
            column(format!("Depth {depth}{more}"), label, sums)
        })
        .collect();
    if only_sitemap.iter().sum::<u64>() > 0 {
        all.push(column("Only in a sitemap".into(), "–".into(), only_sitemap));
    }
    all
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
    let all: Vec<Column> =
        sums.iter().enumerate().map(|(place, pages)| time_column(place, *pages)).collect();
    let good =
        TIMES.iter().zip(sums).filter(|(end, _)| **end <= GOOD).map(|(_, pages)| pages).sum();
    let sentence = format!(
        "From the request to the first byte, of pages: {} below 800 ms, which counts as good.",
        share(good, sums.iter().sum())
    );
    begin(out, "Response times", &sentence)?;
    columns(out, &in_words(&all), &all, false)?;
    out.write_all(b"</figure>\n")
}

/// The column of the times up to a place in [`TIMES`].
fn time_column(place: usize, pages: u64) -> Column {
    let words = |ms: u64| match ms {
        0..1000 => format!("{ms} ms"),
        _ if ms.is_multiple_of(1000) => format!("{} s", ms / 1000),
        _ => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
    };
    let from = place.checked_sub(1).map(|before| TIMES[before]);
    let name = match (from, TIMES.get(place)) {
        (None, Some(to)) => format!("Below {}", words(*to)),
        (Some(from), Some(to)) => format!("{} to {}", words(from), words(*to)),
        (from, None) => format!("{} and more", words(from.unwrap_or_default())),
    };
    let class = match from {
        Some(POOR..) => "poor",
        Some(GOOD..) => "middling",
        _ => "good",
    };
    // The unit stands once, and where it changes.
    let edge = match from {
        Some(25 | 1000..) => from.map(words),
        _ => from.map(|from| from.to_string()),
    };
    let edge = edge.unwrap_or_default();
    Column { name, parts: vec![(class, pages)], edge, ..Column::default() }
}

fn write_course(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    let overview = page.overview;
    let course = course(&overview.course, overview.course_unit, overview.elapsed_ms);
    let last = course.steps.len().saturating_sub(1);
    let step_ms = i64::try_from(course.step_ms).unwrap_or(i64::MAX);
    let is_short = course.step_ms * (course.steps.len() as u64) < 2000;
    let at = |step: usize| {
        let ms = step_ms.saturating_mul(i64::try_from(step).unwrap_or(i64::MAX));
        if is_short { format!("{ms} ms") } else { length(ms) }
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
        assert_eq!(codes(&answers, "page", "client"), " · 404\u{a0}×\u{a0}2 · 410\u{a0}×\u{a0}1");
        assert_eq!(codes(&answers, "page", "ok"), "", "200 says no more than 2xx");
    }

    #[test]
    fn pages_stand_in_the_column_of_their_depth() {
        let depths = [
            (None, Some(2), 4),
            (Some(0), Some(2), 1),
            (Some(2), None, 2),
            (Some(2), Some(4), 3),
            (Some(99), Some(2), 5),
        ];
        let all = depth_columns(&depths);
        assert_eq!(all.len(), MAX_DEPTHS + 1);
        let shown = |place: usize| {
            let there = all[place].parts.iter().filter(|(_, pages)| *pages > 0);
            (&*all[place].name, there.copied().collect::<Vec<_>>())
        };
        assert_eq!(shown(2), ("Depth 2", vec![("client", 3), ("none", 2)]));
        assert_eq!(shown(MAX_DEPTHS - 1), ("Depth 23+", vec![("ok", 5)]));
        assert_eq!(shown(MAX_DEPTHS), ("Only in a sitemap", vec![("ok", 4)]));
    }

    #[test]
    fn times_are_good_or_not() {
        let shown: Vec<_> = (0..=TIMES.len())
            .map(|place| time_column(place, 1))
            .map(|column| format!("{} {} {}", column.name, column.edge, column.parts[0].0))
            .collect();
        assert_eq!(shown[0], "Below 25 ms  good");
        assert_eq!(shown[5], "400 ms to 800 ms 400 good");
        assert_eq!(shown[6], "800 ms to 1.8 s 800 middling");
        assert_eq!(shown[8], "4 s and more 4 s poor");
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
