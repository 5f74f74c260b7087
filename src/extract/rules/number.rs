//! Which number does a text say?
//!
//! People write 1,299.00 and 1.299,00 and 1 299,00 and mean the same. Where both
//! marks occur, the last is the decimal one. Where one occurs alone, a point is;
//! a comma is unless three digits follow it, as in 1,299.

use crate::config::Decimal;

/// Digits of a number at most.
const MAX_DIGITS: usize = 40;

/// The first number in `text`.
pub(super) fn number(text: &str, decimal: Option<Decimal>) -> Option<f64> {
    let text = text.trim();
    let is_plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    if decimal.is_none()
        && text.chars().all(is_plain)
        && let Ok(number) = text.parse::<f64>()
    {
        return Some(number).filter(|number| number.is_finite());
    }
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let (before, rest) = text.split_at(start);
    // .5 has nothing before its point.
    let (before, begins_with_mark) = match before.strip_suffix(['.', ',']) {
        Some(short) if !short.ends_with(char::is_alphanumeric) => (short, true),
        _ => (before, false),
    };
    let groups = groups(rest);
    let mark = if begins_with_mark { None } else { mark(&groups, decimal) };
    let mut digits = String::from(if begins_with_mark { "0." } else { "" });
    for (at, group) in groups.iter().enumerate() {
        match group.mark {
            '.' | ',' if begins_with_mark => break,
            mark_here @ ('.' | ',') if Some(mark_here) == mark => {
                digits.push('.');
                digits.push_str(group.digits);
                break;
            }
            '.' | ',' if at > 0 && !is_thousands(&groups[at..], group.mark) => break,
            _ => digits.push_str(group.digits),
        }
        if digits.len() > MAX_DIGITS {
            return None;
        }
    }
    let number: f64 = digits.parse().ok()?;
    Some(if is_negative(before) { -number } else { number })
}

/// The first number in `text`, without what follows its decimal mark.
pub(super) fn integer(text: &str, decimal: Option<Decimal>) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    let number = number(text, decimal)?.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "it is within the bounds")]
    (number.abs() <= EXACT).then_some(number as i64)
}

/// Digits, and the mark before them.
struct Group<'a> {
    mark: char,
    digits: &'a str,
}

/// The digits at the start of `text` that belong together.
fn groups(text: &str) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let (mut mark, mut rest) = ('\0', text);
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        // A blank joins only thousands: 5 000, but not 5 30.
        if digits.is_empty() || is_blank(mark) && digits.len() != 3 {
            return groups;
        }
        groups.push(Group { mark, digits });
        let mut chars = after.chars();
        match chars.next() {
            Some(next @ ('.' | ',' | '\'' | '’')) => (mark, rest) = (next, chars.as_str()),
            Some(next) if is_blank(next) => (mark, rest) = (next, chars.as_str()),
            _ => return groups,
        }
        if groups.len() >= MAX_DIGITS {
            return groups;
        }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}')
}

/// Which mark stands before the decimals.
fn mark(groups: &[Group<'_>], decimal: Option<Decimal>) -> Option<char> {
    match decimal {
        Some(Decimal::Point) => return Some('.'),
        Some(Decimal::Comma) => return Some(','),
        None => {}
    }
    let count = |mark| groups.iter().filter(|group| group.mark == mark).count();
    let last = groups.iter().rev().find(|group| matches!(group.mark, '.' | ','))?;
    match (count('.'), count(',')) {
        (1.., 1..) => (count(last.mark) == 1).then_some(last.mark),
        (1, 0) => Some('.'),
        (0, 1) => {
            let first = groups[0].digits;
            let is_thousand = last.digits.len() == 3 && first.len() <= 3 && first != "0";
            (!is_thousand).then_some(',')
        }
        // 1.2.3 is a version, and 1.299.000 a number.
        (2.., 0) => (!is_thousands(&groups[1..], '.')).then_some('.'),
        _ => None,
    }
}

/// Whether the groups from here on, as far as they have this mark, are thousands; in
/// India all but the last have two digits.
fn is_thousands(groups: &[Group<'_>], mark: char) -> bool {
    let digits: Vec<_> =
        groups.iter().take_while(|group| group.mark == mark).map(|it| it.digits.len()).collect();
    let Some((last, others)) = digits.split_last() else { return false };
    *last == 3 && (others.iter().all(|n| *n == 3) || others.iter().all(|n| *n == 2))
}

/// Whether what stands before a number makes it negative: a minus that is no hyphen.
fn is_negative(before: &str) -> bool {
    let before = before.trim_end_matches(['$', '€', '£', '¥', ' ', '\u{a0}']);
    before.strip_suffix(['-', '−']).is_some_and(|before| !before.ends_with(char::is_alphanumeric))
}
