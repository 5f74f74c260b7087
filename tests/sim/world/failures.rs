//! In which ways does a request fail?

use std::time::Duration;

use crawlite::engine::record::Outcome;

use crate::dice::Dice;

pub(crate) fn status(status: u16) -> Outcome {
    Outcome::Answer { status, retry_after: None }
}

/// No answer, though a connection came about.
pub(crate) fn failed(code: &'static str, is_transient: bool) -> Outcome {
    Outcome::Failed { code, is_transient, no_connection: false }
}

/// A failure that may be gone next time.
pub(crate) fn failure(dice: &mut Dice) -> Outcome {
    let bits = if dice.chance(5) { 11 } else { 5 };
    let wait = Some(Duration::from_secs(dice.any_size(bits)));
    match dice.below(8) {
        0 => Outcome::Answer { status: 429, retry_after: wait },
        1 => Outcome::Answer { status: 503, retry_after: wait },
        2 => Outcome::Answer { status: 503, retry_after: odd_wait(dice) },
        3 => status(*dice.pick(&[500, 502, 504])),
        4 => status(*dice.pick(&[408, 425, 429])),
        5 => failed("timeout", true),
        _ => failed("broken", true),
    }
}

/// A failure that says nothing of what a robots.txt allows.
pub(crate) fn no_rules(dice: &mut Dice) -> Outcome {
    match failure(dice) {
        Outcome::Answer { status: 408 | 425, .. } => failed("tls", false),
        failure => failure,
    }
}

/// What else stands in a Retry-After, read: nothing, 0, a date in the past, parts of
/// a second, a day and more, a date in the far future, digits without end.
fn odd_wait(dice: &mut Dice) -> Option<Duration> {
    let waits = [
        None,
        None,
        None,
        Some(Duration::ZERO),
        Some(Duration::from_micros(dice.any_size(21))),
        Some(Duration::from_hours(20)),
        Some(Duration::from_hours(30)),
        Some(Duration::from_secs(250_000_000_000)),
        Some(Duration::from_secs(u64::MAX)),
        Some(Duration::MAX),
    ];
    // Most worlds have no time for the long ones.
    let count = if dice.chance(4) { waits.len() } else { 5 };
    waits[dice.index(count)]
}

/// A failure that stays one.
pub(crate) fn lasting(dice: &mut Dice) -> Outcome {
    match dice.below(4) {
        0 => failed("tls", false),
        1 => failed("private-address", false),
        2 => failed("panic", false),
        _ => failure(dice),
    }
}

/// How a server answers that does not want us, or cannot bear us.
pub(crate) fn refusal(dice: &mut Dice) -> Outcome {
    match dice.below(9) {
        0 | 1 => status(403),
        2 => status(401),
        3 => Outcome::Answer { status: 429, retry_after: Some(Duration::from_secs(30)) },
        4 => status(429),
        5 => status(503),
        6 => status(500),
        7 => failed("broken", true),
        _ => failed("timeout", true),
    }
}

/// Answers that are the last word on a URL.
pub(crate) const LAST_WORDS: [u16; 24] = [
    200, 204, 206, 300, 304, 305, 400, 401, 402, 403, 404, 404, 404, 405, 409, 410, 418, 431, 451,
    501, 505, 511, 101, 999,
];
