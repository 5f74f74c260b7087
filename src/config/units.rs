//! How do people write durations, sizes and statuses?
//!
//! `500ms`, `0.5s`, `2h`; `10MiB`, `1.5GB`. A bare number is refused, because
//! `--delay 1` means something else to each of the tools people come from.
//! Statuses are `403`, `5xx` or `500-504`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time as people write it: a number and `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// A number of bytes as people write it: a number and `B`, `kB`, `KiB`, `MB`, `MiB`, `GB` or `GiB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

/// Statuses as people write them: one, a hundred of them, or from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Statuses {
    /// The first.
    pub first: u16,
    /// The last, itself among them.
    pub last: u16,
}

const SPANS: &[(&str, f64)] =
    &[("ms", 0.001), ("s", 1.0), ("m", 60.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)];

const SIZES: &[(&str, f64)] = &[
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("KiB", 1024.0),
    ("MB", 1e6),
    ("MiB", 1_048_576.0),
    ("GB", 1e9),
    ("GiB", 1_073_741_824.0),
];

/// The number before the unit, times the unit; `None` if either is unknown.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..end].parse().ok()?;
    let unit = text[end..].trim();
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    Some(number * factor)
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "0" {
            return Ok(Self(Duration::ZERO));
        }
        scaled(text, SPANS)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no duration: give a number and a unit, such as 500ms, 0.5s, 10m or 2h"))
    }
}

impl FromStr for Size {
    type Err = String;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range"
    )]
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "0" {
            return Ok(Self(0));
        }
        scaled(text, SIZES)
            .filter(|bytes| *bytes < 1e18)
            .map(|bytes| Self(bytes as u64))
            .ok_or_else(|| {
                format!(
                    "`{text}` is no size: give a number and a unit, such as 512KiB, 10MiB or 1.5GB"
                )
            })
    }
}

impl FromStr for Statuses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let status =
            |text: &str| text.trim().parse().ok().filter(|status| (100..=999).contains(status));
        let lower = text.trim().to_ascii_lowercase();
        let hundred = lower.strip_suffix("xx").and_then(|digit| digit.parse::<u16>().ok());
        let ends = match (hundred, lower.split_once("..=").or_else(|| lower.split_once('-'))) {
            (Some(hundred @ 1..=9), _) => Some((hundred * 100, hundred * 100 + 99)),
            (None, Some((first, last))) => status(first).zip(status(last)),
            (None, None) => status(&lower).map(|status| (status, status)),
            _ => None,
        };
        ends.filter(|(first, last)| first <= last)
            .map(|(first, last)| Self { first, last })
            .ok_or_else(|| format!("`{text}` is no status: give one such as 403, 5xx or 500-504"))
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl TryFrom<String> for Statuses {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Statuses> for String {
    fn from(statuses: Statuses) -> Self {
        statuses.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        match ms {
            0 => f.write_str("0s"),
            _ if ms.is_multiple_of(3_600_000) => write!(f, "{}h", ms / 3_600_000),
            _ if ms.is_multiple_of(60_000) => write!(f, "{}m", ms / 60_000),
            _ if ms.is_multiple_of(1000) => write!(f, "{}s", ms / 1000),
            _ => write!(f, "{ms}ms"),
        }
    }
}

impl fmt::Display for Size {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, factor) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if self.0 >= factor {
                return if self.0.is_multiple_of(factor) {
                    write!(f, "{}{unit}", self.0 / factor)
                } else {
                    write!(f, "{:.1}{unit}", self.0 as f64 / factor as f64)
                };
            }
        }
        write!(f, "{}B", self.0)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        // Exact, so that a stored configuration is read back as it was.
        if size.0.is_multiple_of(1024) { size.to_string() } else { format!("{}B", size.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_with_their_unit() {
        for (text, ms) in
            [("500ms", 500), ("0.5s", 500), ("2h", 7_200_000), ("10 m", 600_000), ("0", 0)]
        {
            assert_eq!(text.parse(), Ok(Span(Duration::from_millis(ms))), "{text}");
        }
        for (text, bytes) in
            [("10MiB", 10 << 20), ("1.5kB", 1500), ("512kib", 512 << 10), ("7B", 7)]
        {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["1", "", "ms", "-1s", "1 fortnight", "1e9999s", "nan"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn statuses_are_read_alone_by_the_hundred_and_from_to() {
        #[rustfmt::skip]
        let cases = [
            ("403",       Some((403, 403))),
            (" 999 ",     Some((999, 999))),
            ("5xx",       Some((500, 599))),
            ("4XX",       Some((400, 499))),
            ("500-504",   Some((500, 504))),
            ("200..=204", Some((200, 204))),
            ("504-500",   None),
            ("0xx",       None),
            ("10xx",      None),
            ("99",        None),
            ("1000",      None),
            ("500..504",  None),
            ("",          None),
            ("-",         None),
            ("timeout",   None),
        ];
        for (text, expected) in cases {
            let found = text.parse::<Statuses>().ok();
            assert_eq!(found.map(|it| (it.first, it.last)), expected, "{text}");
            if let Some(found) = found {
                assert_eq!(found.to_string().parse(), Ok(found), "{text}");
            }
        }
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same() {
        for ms in [0, 1, 250, 1000, 1500, 60_000, 90_000, 7_200_000] {
            let span = Span(Duration::from_millis(ms));
            assert_eq!(span.to_string().parse(), Ok(span));
        }
        for bytes in [0, 1, 1000, 1024, 10 << 20, (10 << 20) + 1] {
            assert_eq!(String::from(Size(bytes)).parse(), Ok(Size(bytes)));
        }
    }
}
