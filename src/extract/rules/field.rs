//! What does a field of a rule take from an element?

use regex::{Regex, RegexBuilder};
use scraper::ElementRef;
use url::Url;

use super::date::Dates;
use super::number::{integer, number};
use super::{Cell, MAX_VALUE_BYTES, Room};
use crate::config::{Decimal, FieldConfig, FieldKind};
use crate::extract::element;
use crate::extract::selector::Selector;
use crate::extract::tree::Deadline;

/// Bytes of a compiled regular expression at most.
const REGEX_BYTES: usize = 1 << 20;

/// Attributes whose values are URLs.
const URL_ATTRIBUTES: [&str; 10] = [
    "action",
    "background",
    "cite",
    "data",
    "formaction",
    "href",
    "itemid",
    "longdesc",
    "poster",
    "src",
];

/// A column of a rule, ready to be filled.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// What is looked for; `None`: the element of the row.
    selector: Option<Selector>,
    source: Source,
    regex: Option<Regex>,
    kind: Kind,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Text, HTML, a URL, a date, a JSON array.
    Text,
    /// A number with decimals.
    Real,
    /// A number without.
    Integer,
}

/// Which text of an element is taken.
#[derive(Clone, Debug)]
enum Source {
    Text,
    Html,
    InnerHtml,
    Attribute(String),
    /// The URL that the element leads to or shows, or else its text.
    Reference,
}

/// What becomes of that text.
#[derive(Clone, Debug)]
enum Kind {
    Text,
    Url,
    Number(Option<Decimal>),
    Integer(Option<Decimal>),
    Date(Box<Dates>),
    /// That of every match, as URLs or as text.
    List {
        are_urls: bool,
    },
    /// How many matches there are.
    Count,
}

impl Field {
    /// A field; `has_each` says whether its rule gives a row per element.
    ///
    /// # Errors
    /// Why it cannot be used, in words.
    pub(super) fn new(name: &str, config: &FieldConfig, has_each: bool) -> Result<Self, String> {
        let config = without_scrapy(config)?;
        check(&config, has_each)?;
        let is_url = config.attr.as_deref().is_some_and(|attr| URL_ATTRIBUTES.contains(&attr));
        let default = if is_url { FieldKind::Url } else { FieldKind::Text };
        let wanted = config.kind.unwrap_or(default);
        let kind = match wanted {
            FieldKind::Text | FieldKind::Html | FieldKind::InnerHtml => Kind::Text,
            FieldKind::Url => Kind::Url,
            FieldKind::Number => Kind::Number(config.decimal),
            FieldKind::Integer => Kind::Integer(config.decimal),
            FieldKind::Date => Kind::Date(Box::new(Dates::new(config.order))),
            FieldKind::List => Kind::List { are_urls: is_url },
            FieldKind::Count => Kind::Count,
        };
        let source = match (config.attr, wanted) {
            (Some(attr), _) => Source::Attribute(attr),
            (None, FieldKind::Html) => Source::Html,
            (None, FieldKind::InnerHtml) => Source::InnerHtml,
            (None, FieldKind::Url) => Source::Reference,
            (None, _) => Source::Text,
        };
        let selector = config.css.map(|css| Selector::parse(&css)).transpose();
        let selector = selector.map_err(|error| error.to_string())?;
        let regex = config.regex.map(|text| regex(&text)).transpose()?;
        Ok(Self { name: name.to_owned(), selector, source, regex, kind })
    }

    /// The type of its column.
    pub(super) fn column(&self) -> Column {
        match self.kind {
            Kind::Number(_) => Column::Real,
            Kind::Integer(_) | Kind::Count => Column::Integer,
            _ => Column::Text,
        }
    }

    /// Whether a cell of it says that there is something.
    pub(super) fn is_found(&self, cell: &Cell) -> bool {
        match cell {
            Cell::Empty => false,
            Cell::Integer(0) => !matches!(self.kind, Kind::Count),
            _ => true,
        }
    }

    /// What it takes for the row of `scope`, which may be the whole page.
    pub(super) fn read(
        &self,
        scope: ElementRef<'_>,
        is_page: bool,
        base: &Url,
        room: &mut Room,
        deadline: &mut Deadline,
    ) -> Cell {
        let Some(selector) = &self.selector else {
            let text = self.text(scope, room);
            return text.map_or(Cell::Empty, |text| self.cell(text, base));
        };
        let mut found = selector.find(scope, is_page, deadline);
        match self.kind {
            Kind::Count => Cell::Integer(i64::try_from(found.count()).unwrap_or(i64::MAX)),
            Kind::List { are_urls } => {
                let texts = found.filter_map(|element| self.text(element, room));
                let absolute = |text: String| if are_urls { absolute(text, base) } else { text };
                list(texts.map(absolute))
            }
            _ => {
                let text = found.find_map(|element| self.text(element, room));
                text.map_or(Cell::Empty, |text| self.cell(text, base))
            }
        }
    }

    /// The text of an element that is taken, if there is some, and room for it.
    fn text(&self, element: ElementRef<'_>, room: &mut Room) -> Option<String> {
        // One more tells that there is more.
        let cap = MAX_VALUE_BYTES + 1;
        let attribute = |name: &str| element.attr(name).map(|value| value.trim().to_owned());
        let text = match &self.source {
            Source::Text => element::text(element, cap),
            Source::Html => element::html(element, false, cap),
            Source::InnerHtml => element::html(element, true, cap),
            Source::Attribute(name) => attribute(name)?,
            Source::Reference => ["href", "src", "data"]
                .into_iter()
                .find_map(attribute)
                .unwrap_or_else(|| element::text(element, cap)),
        };
        let text = match &self.regex {
            None => text,
            Some(regex) => {
                let found = regex.captures(&text)?;
                found.get(1).or_else(|| found.get(0))?.as_str().trim().to_owned()
            }
        };
        room.value(text).filter(|text| !text.is_empty())
    }

    /// The text as what it is wanted.
    fn cell(&self, text: String, base: &Url) -> Cell {
        match &self.kind {
            Kind::Text | Kind::Count | Kind::List { .. } => Cell::Text(text),
            Kind::Url => Cell::Text(absolute(text, base)),
            Kind::Number(decimal) => number(&text, *decimal).map_or(Cell::Empty, Cell::Real),
            Kind::Integer(decimal) => integer(&text, *decimal).map_or(Cell::Empty, Cell::Integer),
            Kind::Date(dates) => dates.read(&text).map_or(Cell::Empty, Cell::Text),
        }
    }
}

/// A JSON array, if there is something in it.
fn list(texts: impl Iterator<Item = String>) -> Cell {
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() {
        return Cell::Empty;
    }
    Cell::Text(serde_json::to_string(&texts).expect("strings are JSON"))
}

/// The URL that `text` means on a page with this base; as written if it means none.
fn absolute(text: String, base: &Url) -> String {
    base.join(&text).map(String::from).unwrap_or(text)
}

/// The field with what Scrapy writes into the selector in its place: `h1::text` and
/// `img::attr(src)`.
fn without_scrapy(config: &FieldConfig) -> Result<FieldConfig, String> {
    let mut config = config.clone();
    if let Some((css, what)) = config.css.as_deref().and_then(|css| css.rsplit_once("::")) {
        let attr = what.trim().strip_prefix("attr(").and_then(|attr| attr.strip_suffix(')'));
        if attr.is_some() && config.attr.is_some() {
            return Err(format!("`::{what}` and `attr` say the same twice; leave one out"));
        }
        if attr.is_some() || what.trim() == "text" {
            let attr = attr.map(str::to_owned);
            (config.css, config.attr) = (Some(css.to_owned()), attr.or(config.attr));
        }
    }
    config.attr = config.attr.map(|attr| attr.trim().to_ascii_lowercase());
    Ok(config)
}

/// What goes together.
fn check(config: &FieldConfig, has_each: bool) -> Result<(), String> {
    use FieldKind::{Count, Date, Html, InnerHtml, Integer, List, Number};
    let is = |kinds: &[FieldKind]| config.kind.is_some_and(|kind| kinds.contains(&kind));
    let wrong = [
        (config.css.is_none() && !has_each, "`css` is missing: which element is meant?"),
        (config.css.is_none() && is(&[List, Count]), "`css` is missing: what is to be listed?"),
        (config.attr.as_deref() == Some(""), "`attr` names no attribute"),
        (config.attr.is_some() && is(&[Html, InnerHtml]), "`attr` has no HTML; leave out `as`"),
        (config.regex.is_some() && is(&[Count]), "`regex` has no effect on a count"),
        (
            config.decimal.is_some() && !is(&[Number, Integer]),
            "`decimal` has an effect only with `as = \"number\"` or \"integer\"",
        ),
        (config.order.is_some() && !is(&[Date]), "`order` has an effect only with `as = \"date\"`"),
    ];
    match wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, why)) => Err(why.to_owned()),
        None => Ok(()),
    }
}

/// A regular expression of a user.
pub(super) fn regex(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).size_limit(REGEX_BYTES).build().map_err(|error| {
        let words = error.to_string();
        let last = words.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
        format!("`{text}` is no usable regular expression: {last}")
    })
}
