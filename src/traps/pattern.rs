//! How is a trap named, so that a person can read it and a URL be held against it?
//!
//! A pattern is a text: the server, then what its URLs have in common, such as
//! `example.org/calendar/{year not 2016-2028}/{month}`. Without a server it speaks
//! of every one. `* ( ) { } | ,` in a URL are written in it as a `%` escape.
//!
//! | text | means |
//! | --- | --- |
//! | `/**/(b/c)+` | these segments again and again, anywhere in the path; `(*)`: any |
//! | `/(about\|contact)+` | a path of only these segments, two of them more than once |
//! | `/{over 40 segments}` | a path of more segments |
//! | `/**%252525**` | this text anywhere |
//! | `/**?(a)+` | this parameter with the same value again and again; `(*)`: any |
//! | `/**?sid={session}` | with this session id; `;sid=` in the path, `(S(…))` a segment |
//! | `/shop/*?{other order}` | the same parameters as another URL, in another order |
//! | `/shop/*?{3 of color,size,sort}` | with three or more of these parameters |
//! | else | segment by segment, and all parameters in whatever order: `*` anything, `**` any segments, `{n}` a number, `{year not A-B}`, `{month}`, `{day}`, `{year-month not A-B}`, `{date not A-B}` |

use std::borrow::Cow;
use std::fmt;

use super::date::{Reading, number, year};
use super::filters::{self, FILTERS};
use super::parts::{MAX_SEGMENTS, Parts};
use super::{path, session};

/// A pattern that URLs can be held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Empty: any server.
    pub(super) server: Box<str>,
    pub(super) shape: Shape,
}

/// What URLs have in common. Its texts are as [`plain`] writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Segments again and again; none: any.
    Cycle(Vec<Box<str>>),
    /// Only these segments, and so many of them at least.
    Words(Vec<Box<str>>, usize),
    /// More than [`MAX_SEGMENTS`].
    Deep,
    /// This text.
    Nested(Box<str>),
    /// A parameter with one value again and again; empty: any.
    Pair(Box<str>),
    /// A session id.
    Session(session::Place),
    /// Parameters in another order.
    Order(Vec<Piece>),
    /// Several of these parameters.
    Filters(Vec<Piece>, Vec<Box<str>>),
    /// Segment by segment, parameter by parameter (sorted by name).
    Glob(Vec<Piece>, Option<Vec<(Box<str>, Piece)>>),
}

/// A segment, or the value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This text.
    Literal(Box<str>),
    /// Anything.
    Any,
    /// Any number of segments; only the first can be.
    Anywhere,
    /// Digits.
    Number,
    /// Four digits, but not these years.
    Year(Years),
    /// 1 to 12.
    Month,
    /// 1 to 31.
    Day,
    /// `2024-05`, but not in these years.
    YearMonth(Years),
    /// A date of whatever spelling, but not in these years.
    Date(Years),
}

/// From one year to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Years {
    pub(super) from: u16,
    pub(super) to: u16,
}

impl Years {
    fn has(self, year: u16) -> bool {
        (self.from..=self.to).contains(&year)
    }

    fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        Some(Self { from: from.parse().ok()?, to: to.parse().ok()? })
    }
}

/// `text` without the characters that mean something in a pattern.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    const MEANING: [char; 7] = ['*', '(', ')', '{', '}', '|', ','];
    if !text.contains(MEANING) {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if MEANING.contains(&c) {
            plain.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            plain.push(c);
        }
    }
    plain.into()
}

impl Piece {
    /// This text, whatever is in it.
    pub(super) fn literal(text: &str) -> Self {
        Self::Literal(plain(text).into())
    }

    fn matches(&self, text: &str) -> bool {
        let outside = |reading: Option<Reading>, has_day: bool, years: Years| {
            matches!(reading, Some(Reading::Date(date))
                if date.day.is_some() == has_day && !years.has(date.year))
        };
        match self {
            Self::Literal(literal) => **literal == *plain(text),
            Self::Any | Self::Anywhere => true,
            Self::Number => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Year(years) => year(text).is_some_and(|year| !years.has(year)),
            Self::Month => number(text).is_some_and(|month| (1..=12).contains(&month)),
            Self::Day => number(text).is_some_and(|day| (1..=31).contains(&day)),
            Self::YearMonth(years) => outside(Reading::of_piece(text), false, *years),
            Self::Date(years) => {
                let reading = Reading::of_piece(text).or_else(|| Reading::of_eight_digits(text));
                outside(reading, true, *years)
            }
        }
    }

    fn parse(text: &str) -> Self {
        let years = |start| {
            let rest: Option<&str> = text.strip_prefix(start);
            rest.and_then(|rest| rest.strip_suffix('}')).and_then(Years::parse)
        };
        match text {
            "*" => Self::Any,
            "**" => Self::Anywhere,
            "{n}" => Self::Number,
            "{month}" => Self::Month,
            "{day}" => Self::Day,
            _ => (years("{year not ").map(Self::Year))
                .or_else(|| years("{year-month not ").map(Self::YearMonth))
                .or_else(|| years("{date not ").map(Self::Date))
                .unwrap_or_else(|| Self::Literal(text.into())),
        }
    }
}

impl Shape {
    /// A path and, if the URLs have a query, all its parameters.
    pub(super) fn glob<'a>(
        path: Vec<Piece>,
        parameters: Option<impl Iterator<Item = (&'a str, Piece)>>,
    ) -> Self {
        let parameters = parameters.map(|parameters| {
            let mut list: Vec<_> =
                parameters.map(|(name, piece)| (plain(name).into(), piece)).collect();
            list.sort_by(|(a, _): &(Box<str>, Piece), (b, _)| a.cmp(b));
            list
        });
        Self::Glob(path, parameters)
    }

    /// The same for whatever segments, path or parameter; none if that would say too much.
    pub(super) fn wider(&self) -> Option<Self> {
        let anywhere = || vec![Piece::Anywhere];
        match self {
            Self::Cycle(_) => Some(Self::Cycle(Vec::new())),
            Self::Pair(_) => Some(Self::Pair("".into())),
            Self::Order(_) => Some(Self::Order(anywhere())),
            Self::Filters(_, names) => Some(Self::Filters(anywhere(), names.clone())),
            _ => None,
        }
    }

    /// Whether a URL shows it by itself, without others.
    pub(super) fn is_in_one_url(&self) -> bool {
        matches!(self, Self::Cycle(_) | Self::Pair(_) | Self::Deep | Self::Nested(_))
    }

    /// Just this path, letter by letter.
    pub(super) fn path(segments: &[&str]) -> Vec<Piece> {
        segments.iter().map(|segment| Piece::literal(segment)).collect()
    }

    fn matches(&self, parts: &Parts<'_>) -> bool {
        let names = parts.segments.names();
        match self {
            Self::Cycle(unit) => path::has_cycle(names, unit),
            Self::Words(words, least) => names.len() >= *least && path::is_made_of(names, words),
            Self::Deep => parts.segments.len() > MAX_SEGMENTS,
            Self::Nested(text) => {
                parts.path.contains(&**text)
                    || parts.query.is_some_and(|query| query.contains(&**text))
            }
            Self::Pair(name) => path::repeated_pair(parts)
                .is_some_and(|repeated| name.is_empty() || **name == *plain(repeated)),
            Self::Session(place) => session::has(parts, place),
            Self::Order(path) => parts.query.is_some() && match_path(path, &parts.segments),
            Self::Filters(path, names) => {
                match_path(path, &parts.segments) && filters::count(parts, names) >= FILTERS
            }
            Self::Glob(path, parameters) => {
                match_path(path, &parts.segments) && match_query(parameters.as_deref(), parts)
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let list = |text: &str, mark: char| text.split(mark).map(Into::into).collect::<Vec<_>>();
        let inside = |start: &str, end: &str| text.strip_prefix(start)?.strip_suffix(end);
        if text == format!("/{{over {MAX_SEGMENTS} segments}}") {
            return Some(Self::Deep);
        }
        if let Some(place) = session::Place::parse(text) {
            return Some(Self::Session(place));
        }
        if let Some(name) = inside("/**?(", ")+") {
            return Some(Self::Pair(if name == "*" { "".into() } else { name.into() }));
        }
        if let Some(unit) = inside("/**/(", ")+") {
            return Some(Self::Cycle(if unit == "*" { Vec::new() } else { list(unit, '/') }));
        }
        if let Some((words, least)) = inside("/(", ",}").and_then(|text| text.split_once("){")) {
            return Some(Self::Words(list(words, '|'), least.parse().ok()?));
        }
        if let Some(text) = inside("/**", "**").filter(|text| !text.is_empty()) {
            return Some(Self::Nested(text.into()));
        }
        let (path, query) = match text.strip_prefix('/')?.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&text[1..], None),
        };
        let path: Vec<_> = path.split('/').map(Piece::parse).collect();
        let query = match query {
            Some("{other order}") => return Some(Self::Order(path)),
            Some(query) => query,
            None => return Some(Self::Glob(path, None)),
        };
        let few = query.strip_prefix(&format!("{{{FILTERS} of "));
        if let Some(names) = few.and_then(|names| names.strip_suffix('}')) {
            return Some(Self::Filters(path, list(names, ',')));
        }
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "*")));
        Some(Self::glob(path, Some(pairs.map(|(name, value)| (name, Piece::parse(value))))))
    }
}

fn match_path(path: &[Piece], segments: &[&str]) -> bool {
    let (path, segments) = match path {
        [Piece::Anywhere, rest @ ..] if segments.len() > rest.len() => {
            (rest, &segments[segments.len() - rest.len()..])
        }
        _ => (path, segments),
    };
    path.len() == segments.len()
        && path.iter().zip(segments).all(|(piece, segment)| piece.matches(segment))
}

fn match_query(parameters: Option<&[(Box<str>, Piece)]>, parts: &Parts<'_>) -> bool {
    let Some(parameters) = parameters else { return parts.query.is_none() };
    if parts.query.is_none() || parts.pairs().len() != parameters.len() {
        return false;
    }
    let mut pairs: Vec<_> = parts.pairs().map(|(name, value)| (plain(name), value)).collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut both = parameters.iter().zip(pairs);
    both.all(|((name, piece), (other, value))| **name == *other && piece.matches(value))
}

impl Pattern {
    /// Reads a pattern's text; none if it is no pattern.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (server, shape) = text.split_at(text.find('/')?);
        Some(Self { server: server.into(), shape: Shape::parse(shape)? })
    }

    /// Whether the URL has what the pattern says.
    pub(super) fn matches(&self, parts: &Parts<'_>) -> bool {
        (self.server.is_empty() || *self.server == *parts.server) && self.shape.matches(parts)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.server, self.shape)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = |text: String| if text.is_empty() { "*".to_owned() } else { text };
        match self {
            Self::Cycle(unit) => {
                write!(f, "/**/({})+", if unit.is_empty() { "*".into() } else { unit.join("/") })
            }
            Self::Words(words, least) => write!(f, "/({}){{{least},}}", words.join("|")),
            Self::Deep => write!(f, "/{{over {MAX_SEGMENTS} segments}}"),
            Self::Nested(text) => write!(f, "/**{text}**"),
            Self::Pair(name) => write!(f, "/**?({})+", any(name.to_string())),
            Self::Session(place) => write!(f, "{place}"),
            Self::Order(path) => write!(f, "{}?{{other order}}", Path(path)),
            Self::Filters(path, names) => {
                write!(f, "{}?{{{FILTERS} of {}}}", Path(path), names.join(","))
            }
            Self::Glob(path, None) => write!(f, "{}", Path(path)),
            Self::Glob(path, Some(parameters)) => {
                let pairs = parameters.iter().map(|(name, piece)| format!("{name}={piece}"));
                write!(f, "{}?{}", Path(path), pairs.collect::<Vec<_>>().join("&"))
            }
        }
    }
}

/// Pieces with slashes before them.
struct Path<'a>(&'a [Piece]);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| write!(f, "/{piece}"))
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Any => f.write_str("*"),
            Self::Anywhere => f.write_str("**"),
            Self::Number => f.write_str("{n}"),
            Self::Month => f.write_str("{month}"),
            Self::Day => f.write_str("{day}"),
            Self::Year(Years { from, to }) => write!(f, "{{year not {from}-{to}}}"),
            Self::YearMonth(Years { from, to }) => write!(f, "{{year-month not {from}-{to}}}"),
            Self::Date(Years { from, to }) => write!(f, "{{date not {from}-{to}}}"),
        }
    }
}
