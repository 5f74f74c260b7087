//! Is this a calendar that goes on for ever?
//!
//! A month's or day's page in the future is no trap: archives, lists of events and
//! ids that look like dates have them. An unbroken row of them beyond any sense
//! is. What is parked then are the pages outside of [`YEARS_BEFORE`] and
//! [`YEARS_AFTER`] the crawl: whatever the order in which pages are met, those
//! inside are fetched.

use super::date::{Date, Reading, number, year};
use super::parts::Parts;
use super::pattern::{Piece, Shape, Years};
use super::{Finding, Kind};

/// Years after that of the crawl whose dates are never in question: events are
/// announced that long ahead.
const YEARS_AFTER: u16 = 2;
/// Years before that of the crawl that are fetched of an endless calendar.
const YEARS_BEFORE: u16 = 10;
/// The first newspaper is of 1605: what is older was not published day by day.
const EARLIEST: u16 = 1605;
/// Months without a gap that make a row: one more than a year, so that it passes
/// from one year into the next, which chapters and pages of a number do not.
const MONTHS: u32 = 13;
/// Days without a gap that make a row: any month has them.
const DAYS: u32 = 28;

/// The dates beyond sense of one pattern.
#[derive(Default)]
pub(super) struct Calendar {
    /// Which of 64 months, or days, around the first one met were met.
    met: u64,
    base: i32,
    /// Numbers that cannot be a date were met in the same place.
    is_none: bool,
}

impl Calendar {
    /// Counts a date; whether there is an unbroken row now.
    fn count(&mut self, date: Date) -> bool {
        let month = i32::from(date.year) * 12 + i32::from(date.month) - 1;
        // 31 places for each month: the row of days is shorter than any month.
        let index = date.day.map_or(month, |day| month * 31 + i32::from(day) - 1);
        if self.met == 0 {
            self.base = index - 31;
        }
        if let Ok(bit @ 0..64) = u32::try_from(index - self.base) {
            self.met |= 1 << bit;
        }
        let length = if date.day.is_some() { DAYS } else { MONTHS };
        (1..length).fold(self.met, |row, _| row & (row << 1)) != 0
    }
}

/// Where in a URL a date was found.
enum Place<'a> {
    /// Year and month, maybe a day, in segments of their own from this one on.
    Segments { at: usize, has_day: bool },
    /// In one segment.
    Segment(usize),
    /// Year and month, maybe a day, in parameters of their own.
    Parameters([Option<&'a str>; 3]),
    /// In one parameter.
    Parameter(&'a str),
}

/// Looks for a date in `parts` and counts it with the calendar that `of` its shape
/// gives. A finding if the crawl of `this_year` is in an endless one.
pub(super) fn judge<'c>(
    parts: &Parts<'_>,
    this_year: u16,
    of: impl FnOnce(&Shape) -> &'c mut Calendar,
) -> Option<Finding> {
    let (place, reading) = in_path(parts).or_else(|| in_query(parts))?;
    let last = this_year.saturating_add(YEARS_AFTER);
    if let Reading::Date(date) = reading
        && (EARLIEST..=last).contains(&date.year)
    {
        return None;
    }
    let shape =
        shape(parts, &place, Years { from: this_year.saturating_sub(YEARS_BEFORE), to: last });
    let calendar = of(&shape);
    let Reading::Date(date) = reading else {
        calendar.is_none = true;
        return None;
    };
    if !calendar.count(date) || calendar.is_none {
        return None;
    }
    let (count, unit) = if date.day.is_some() { (DAYS, "days") } else { (MONTHS, "months") };
    let side = if date.year < EARLIEST { "before" } else { "after" };
    let bound = if date.year < EARLIEST { EARLIEST } else { last };
    let evidence = format!("{count} {unit} in a row {side} {bound}");
    Some(Finding { shape, kind: Kind::Calendar, evidence })
}

fn in_path<'a>(parts: &Parts<'a>) -> Option<(Place<'a>, Reading)> {
    let segments = &*parts.segments;
    for (at, segment) in segments.iter().enumerate() {
        if let Some(reading) = Reading::of_piece(segment) {
            return Some((Place::Segment(at), reading));
        }
        let Some(year) = year(segment) else { continue };
        let Some(month) = segments.get(at + 1).filter(|month| number(month).is_some()) else {
            continue;
        };
        // `/2031/7` is more often an id with a page than a month.
        if month.len() < 2 && !speaks_of_time(parts.path) {
            continue;
        }
        let day = segments.get(at + 2).copied().filter(|day| number(day).is_some());
        let reading = Reading::of(year, month, day)?;
        return Some((Place::Segments { at, has_day: day.is_some() }, reading));
    }
    None
}

fn in_query<'a>(parts: &Parts<'a>) -> Option<(Place<'a>, Reading)> {
    parts.query?;
    let mut found: [Option<(&str, &str)>; 3] = [None; 3];
    for (name, value) in parts.pairs() {
        let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
        let reading = Reading::of_piece(value)
            .or_else(|| Reading::of_eight_digits(value).filter(|_| speaks_of_time(name)));
        if let Some(reading) = reading {
            return Some((Place::Parameter(name), reading));
        }
        let unit = if is(&["year", "yr", "y", "jahr", "annee", "ano"]) {
            0
        } else if is(&["month", "mon", "mo", "m", "monat", "mois", "mes"]) {
            1
        } else if is(&["day", "d", "tag", "jour", "dia"]) {
            2
        } else {
            continue;
        };
        found[unit] = found[unit].or(Some((name, value)));
    }
    let [Some((_, year_text)), Some((_, month)), day] = found else { return None };
    let day = day.filter(|(_, value)| number(value).is_some());
    let reading = Reading::of(year(year_text)?, month, day.map(|(_, value)| value))?;
    let names = [found[0], found[1], day].map(|pair| pair.map(|(name, _)| name));
    Some((Place::Parameters(names), reading))
}

fn speaks_of_time(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["cal", "date", "day", "event", "kalender", "month", "schedul", "agenda"]
        .iter()
        .any(|word| text.contains(word))
}

/// The URL with the date, and other numbers of its path, left open.
fn shape(parts: &Parts<'_>, place: &Place<'_>, years: Years) -> Shape {
    let path = parts.segments.iter().enumerate();
    let path = path.map(|(index, segment)| match place {
        Place::Segments { at, .. } if index == *at => Piece::Year(years),
        Place::Segments { at, .. } if index == at + 1 => Piece::Month,
        Place::Segments { at, has_day: true } if index == at + 2 => Piece::Day,
        Place::Segment(at) if index == *at => date_piece(segment, years),
        _ if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) => {
            Piece::Number
        }
        _ => Piece::literal(segment),
    });
    let path = path.collect();
    let names = parts.query.map(|_| {
        parts.pairs().map(|(name, value)| {
            let piece = match place {
                Place::Parameters([year, _, _]) if *year == Some(name) => Piece::Year(years),
                Place::Parameters([_, month, _]) if *month == Some(name) => Piece::Month,
                Place::Parameters([_, _, day]) if *day == Some(name) => Piece::Day,
                Place::Parameter(date) if *date == name => date_piece(value, years),
                _ => Piece::Any,
            };
            (name, piece)
        })
    });
    Shape::glob(path, names)
}

fn date_piece(text: &str, years: Years) -> Piece {
    match Reading::of_piece(text) {
        Some(Reading::Date(Date { day: None, .. })) => Piece::YearMonth(years),
        _ => Piece::Date(years),
    }
}
