//! What can be wrong with a sitemap?

use std::fmt;

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Of what kind.
    pub flaw: Flaw,
    /// From 1; of the first place if there are several.
    pub line: Option<u32>,
    /// From 0, in the file once it is unzipped; `None` if its text had to be converted.
    pub byte: Option<u64>,
    /// In words.
    pub what: String,
}

impl Problem {
    /// A problem with the whole.
    pub fn whole(flaw: Flaw, what: impl Into<String>) -> Self {
        Self { flaw, line: None, byte: None, what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// The kinds of problems. Their names are stored: never rename one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is no XML there.
    Syntax,
    /// An entry has no URL, or too long a text.
    Entry,
    /// Neither UTF-8 nor UTF-16.
    Encoding,
    /// XML of another kind.
    Format,
    /// More URLs than a sitemap may have.
    TooMany,
    /// Longer than a sitemap may be, or than is read.
    TooLarge,
    /// A page for people.
    Html,
    /// Not what `.gz` promises.
    Gzip,
    /// URLs of another host, which it may not speak for.
    OtherHost,
    /// What is listed is no URL that can be fetched.
    NotAUrl,
    /// A time of change that is no W3C date.
    Lastmod,
}

impl Flaw {
    /// The name that the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Entry => "entry",
            Self::Encoding => "encoding",
            Self::Format => "format",
            Self::TooMany => "too-many",
            Self::TooLarge => "too-large",
            Self::Html => "html",
            Self::Gzip => "gzip",
            Self::OtherHost => "other-host",
            Self::NotAUrl => "not-a-url",
            Self::Lastmod => "lastmod",
        }
    }
}

/// Whether `text` is a date or time as sitemaps write them (W3C note datetime):
/// `2026`, `2026-11`, `2026-11-27`, `2026-11-27T08:00Z`, `2026-11-27T08:00:30.5+01:00`.
pub fn is_w3c_date(text: &str) -> bool {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let is_date = parts.next().is_some_and(|year| number(year, 4, 0..=9999))
        && parts.next().is_none_or(|month| number(month, 2, 1..=12))
        && parts.next().is_none_or(|day| number(day, 2, 1..=31))
        && parts.next().is_none();
    is_date && time.is_none_or(|time| date.len() == 10 && is_time(time))
}

/// Hours and minutes, perhaps seconds, and the zone.
fn is_time(text: &str) -> bool {
    let is_clock = |text: &str| {
        text.split_once(':')
            .is_some_and(|(hour, minute)| number(hour, 2, 0..=24) && number(minute, 2, 0..=59))
    };
    let clock = match text.strip_suffix('Z') {
        Some(clock) => clock,
        None => match text.rfind(['+', '-']) {
            Some(at) if is_clock(&text[at + 1..]) => &text[..at],
            _ => return false,
        },
    };
    let Some(minutes) = clock.get(..5) else { return false };
    let Some(seconds) = clock[5..].strip_prefix(':') else { return is_clock(clock) };
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    is_clock(minutes) && number(whole, 2, 0..=60) && is_fraction
}

/// Whether `text` is so many digits that mean a number in the range.
fn number(text: &str, digits: usize, range: std::ops::RangeInclusive<u16>) -> bool {
    text.len() == digits
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse().is_ok_and(|number| range.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_w3c_note() {
        #[rustfmt::skip]
        let right = [
            "2026", "2026-11", "2026-11-27", "2026-11-27T08:00Z", "2026-11-27T08:00+01:00",
            "2026-11-27T08:00:30Z", "2026-11-27T08:00:30.123-05:30", "1997-07-16T19:20:30.45+01:00",
        ];
        #[rustfmt::skip]
        let wrong = [
            "", "yesterday", "26-11-27", "2026-13-01", "2026-11-32", "2026-11-27 08:00", "2026-11-27T08:00",
            "2026-11T08:00Z", "2026-11-27T25:00Z", "2026-11-27T08:00:61Z", "2026-11-27T08:00:30.Z", "27.11.2026",
            "2026-11-27T08Z", "2026-11-27T0é:00Z", "Fri, 27 Nov 2026 08:00:00 GMT", "2026-1-2", "+026-01-02",
        ];
        for text in right {
            assert!(is_w3c_date(text), "{text}");
        }
        for text in wrong {
            assert!(!is_w3c_date(text), "{text}");
        }
    }
}
