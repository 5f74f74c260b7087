//! Which date does a text say?
//!
//! As ISO 8601 writes it: `2026-05-01`, or `2026-05-01T10:00:00Z` where a time
//! with its zone is said, or without the `Z` where the zone is not. Read are ISO
//! 8601, dates with the name of the month in English, German, French or Spanish,
//! and dates in digits that leave no doubt: 31.12.2026 and 2026/12/31, but
//! 12/31/2026 only if the rule says in which order they stand.

use regex::{Captures, Regex};

use crate::config::DateOrder;

/// Names of months; each may be cut after three letters.
const MONTHS: [[&str; 4]; 12] = [
    ["january", "januar", "janvier", "enero"],
    ["february", "februar", "février", "febrero"],
    ["march", "märz", "mars", "marzo"],
    ["april", "april", "avril", "abril"],
    ["may", "mai", "mai", "mayo"],
    ["june", "juni", "juin", "junio"],
    ["july", "juli", "juillet", "julio"],
    ["august", "august", "août", "agosto"],
    ["september", "september", "septembre", "septiembre"],
    ["october", "oktober", "octobre", "octubre"],
    ["november", "november", "novembre", "noviembre"],
    ["december", "dezember", "décembre", "diciembre"],
];

/// What finds dates.
#[derive(Clone, Debug)]
pub(super) struct Dates {
    iso: Regex,
    day_first: Regex,
    month_first: Regex,
    digits: Regex,
    time: Regex,
    order: Option<DateOrder>,
}

/// Year, month, day.
type Day = (i64, i64, i64);

impl Dates {
    pub(super) fn new(order: Option<DateOrder>) -> Self {
        let regex = |text| Regex::new(text).expect("a pattern that is right");
        Self {
            iso: regex(r"\b(\d{4})-(\d{2})-(\d{2})(?:T|\b)"),
            day_first: regex(
                r"(?i)\b(\d{1,2})(?:st|nd|rd|th|er|º|\.)?\s+(?:of\s+|de\s+)?(\p{L}{3,12})\.?,?\s+(?:de\s+)?(\d{4})\b",
            ),
            month_first: regex(r"(?i)\b(\p{L}{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b"),
            digits: regex(r"\b(\d{1,4})([./-])\s?(\d{1,2})([./-])\s?(\d{4}|\d{2})\b"),
            time: regex(
                r"(?i)\b(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([ap])?(?:\.?m\b\.?)?\s*(Z\b|UTC\b|GMT\b|[+-]\d{2}:?\d{2}\b)?",
            ),
            order,
        }
    }

    /// The first date in `text`.
    pub(super) fn read(&self, text: &str) -> Option<String> {
        let (day, end) = self.day(text)?;
        let Some(time) = self.time.captures(&text[end..]) else { return Some(written(day)) };
        // A time that belongs to something else stands further away.
        let distance = time.get(0).map_or(0, |it| it.start());
        let Some((minute, second, zone)) = of_day(&time).filter(|_| distance <= 12) else {
            return Some(written(day));
        };
        let (days, minute) = match zone {
            None => (0, minute),
            Some(zone) => {
                ((minute - zone).div_euclid(24 * 60), (minute - zone).rem_euclid(24 * 60))
            }
        };
        let day = if days == 0 { day } else { of_days(days_of(day) + days) };
        let zone = if zone.is_some() { "Z" } else { "" };
        Some(format!("{}T{:02}:{:02}:{second:02}{zone}", written(day), minute / 60, minute % 60))
    }

    /// The first day, and where its text ends.
    fn day(&self, text: &str) -> Option<(Day, usize)> {
        let number = |found: &Captures<'_>, at: usize| found[at].parse::<i64>().ok();
        let end = |found: &Captures<'_>| found.get(0).map_or(0, |it| it.end());
        let iso = |found: &Captures<'_>| {
            let day = (number(found, 1)?, number(found, 2)?, number(found, 3)?);
            Some((valid(day)?, end(found)))
        };
        let named = |found: &Captures<'_>, day: usize, name: usize| {
            let day = (number(found, 3)?, month(&found[name])?, number(found, day)?);
            Some((valid(day)?, end(found)))
        };
        let first = self.iso.captures_iter(text).find_map(|found| iso(&found));
        first
            .or_else(|| self.day_first.captures_iter(text).find_map(|found| named(&found, 1, 2)))
            .or_else(|| self.month_first.captures_iter(text).find_map(|found| named(&found, 2, 1)))
            .or_else(|| {
                let digits = |found: &Captures<'_>| Some((self.in_digits(found)?, end(found)));
                self.digits.captures_iter(text).find_map(|found| digits(&found))
            })
    }

    fn in_digits(&self, found: &Captures<'_>) -> Option<Day> {
        if found[2] != found[4] {
            return None;
        }
        let [first, middle, last] = [&found[1], &found[3], &found[5]];
        let number = |text: &str| text.parse::<i64>().ok();
        let order = match self.order {
            Some(order) => order,
            None if first.len() == 4 => DateOrder::Ymd,
            None if &found[2] == "." && last.len() == 4 => DateOrder::Dmy,
            None => return None,
        };
        let (year, month, day) = match order {
            DateOrder::Ymd => (first, middle, last),
            DateOrder::Dmy => (last, middle, first),
            DateOrder::Mdy => (last, first, middle),
        };
        valid((full_year(year)?, number(month)?, number(day)?))
    }
}

/// A year of four digits, or of two between 1970 and 2069.
fn full_year(text: &str) -> Option<i64> {
    let year: i64 = text.parse().ok()?;
    match text.len() {
        4 => Some(year),
        2 if year < 70 => Some(2000 + year),
        2 => Some(1900 + year),
        _ => None,
    }
}

/// Minute of the day, second, and minutes that the zone is ahead of UTC, if it is said.
fn of_day(time: &Captures<'_>) -> Option<(i64, i64, Option<i64>)> {
    let number = |at: usize| time.get(at).map_or(Some(0), |it| it.as_str().parse::<i64>().ok());
    let (mut hour, minute, second) = (number(1)?, number(2)?, number(3)?);
    if let Some(half) = time.get(4) {
        let is_afternoon = half.as_str().eq_ignore_ascii_case("p");
        hour = hour % 12 + if is_afternoon { 12 } else { 0 };
    }
    let zone = time.get(5).map(|zone| {
        let zone = zone.as_str();
        let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
        let ahead = match digits.split_at_checked(2) {
            Some((hours, minutes)) => {
                hours.parse().unwrap_or(0) * 60 + minutes.parse().unwrap_or(0)
            }
            None => 0,
        };
        if zone.starts_with('-') { -ahead } else { ahead }
    });
    (hour < 24 && minute < 60 && second <= 60).then_some((hour * 60 + minute, second, zone))
}

fn month(name: &str) -> Option<i64> {
    let name = name.to_lowercase();
    let mut months = (1..).zip(MONTHS);
    let found = months.find(|(_, names)| names.iter().any(|known| known.starts_with(&name)));
    found.map(|(month, _)| month)
}

fn valid(day: Day) -> Option<Day> {
    let (year, month, date) = day;
    let is_possible = (1..=9999).contains(&year) && (1..=12).contains(&month) && date >= 1;
    (is_possible && of_days(days_of(day)) == day).then_some(day)
}

fn written((year, month, day): Day) -> String {
    format!("{year:04}-{month:02}-{day:02}")
}

/// Days from 0000-03-01 on, in the Gregorian calendar; the year begins in March, so
/// that a leap day ends it.
fn days_of((year, month, day): Day) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let months = (month + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * months + 2) / 5
        + day
        - 1
}

/// The day that so many days lead to.
fn of_days(days: i64) -> Day {
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let months = (5 * of_year + 2) / 153;
    let day = of_year - (153 * months + 2) / 5 + 1;
    let month = if months < 10 { months + 3 } else { months - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}
