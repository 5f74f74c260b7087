//! Does a piece of a URL name a date?

/// A month or a day, as a piece of a URL names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    /// 1000 to 9999.
    pub(super) year: u16,
    /// 1 to 12.
    pub(super) month: u8,
    /// 1 to 31; none if the month is meant.
    pub(super) day: Option<u8>,
}

/// What a piece with the look of a date is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A date.
    Date(Date),
    /// Numbers in the places of a date that are none, such as a 13th month: so
    /// its like are none either.
    Impossible,
}

impl Reading {
    /// What the numbers say.
    pub(super) fn of(year: u16, month: &str, day: Option<&str>) -> Option<Self> {
        let month = number(month)?;
        let day = match day {
            Some(day) => Some(number(day)?),
            None => None,
        };
        let is_date = (1..=12).contains(&month) && day.is_none_or(|day| (1..=31).contains(&day));
        Some(if is_date { Self::Date(Date { year, month, day }) } else { Self::Impossible })
    }

    /// Reads `2024-05`, `2024-05-17` and `2024-05-17T…`, with `-` or `_`.
    pub(super) fn of_piece(text: &str) -> Option<Self> {
        let year = year(text.get(..4)?)?;
        let mark = text[4..].chars().next().filter(|mark| matches!(mark, '-' | '_'))?;
        let rest = &text[5..];
        let rest = rest.split_once('T').map_or(rest, |(date, _)| date);
        match rest.split_once(mark) {
            Some((month, day)) if month.len() == 2 && day.len() == 2 => {
                Self::of(year, month, Some(day))
            }
            None if rest.len() == 2 => Self::of(year, rest, None),
            _ => None,
        }
    }

    /// Reads `20240517`. Eight digits are more often something else: the name of
    /// the parameter must speak for it.
    pub(super) fn of_eight_digits(text: &str) -> Option<Self> {
        (text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
        match Self::of(year(&text[..4])?, &text[4..6], Some(&text[6..])) {
            Some(Self::Date(date)) => Some(Self::Date(date)),
            _ => None,
        }
    }
}

/// A year of four digits.
pub(super) fn year(text: &str) -> Option<u16> {
    let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|year| is_year && *year >= 1000)
}

/// A number of one or two digits.
pub(super) fn number(text: &str) -> Option<u8> {
    let is_number = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_from_other_numbers() {
        let date = |year, month, day| Some(Reading::Date(Date { year, month, day }));
        #[rustfmt::skip]
        let cases = [
            ("2024-05",             date(2024, 5, None)),
            ("2024_05_17",          date(2024, 5, Some(17))),
            ("2024-05-17T10:00:00", date(2024, 5, Some(17))),
            ("2024-13",             Some(Reading::Impossible)),
            ("2024-05-32",          Some(Reading::Impossible)),
            ("2024-5",              None),
            ("2024-05_17",          None),
            ("2024-05-17-title",    None),
            ("0024-05",             None),
            ("202405",              None),
            ("2024é05",             None),
            ("",                    None),
        ];
        for (text, expected) in cases {
            assert_eq!(Reading::of_piece(text), expected, "{text}");
        }
        assert_eq!(Reading::of_eight_digits("20240517"), date(2024, 5, Some(17)));
        assert_eq!(Reading::of_eight_digits("20241317"), None);
    }
}
