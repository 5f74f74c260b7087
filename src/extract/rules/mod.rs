//! Which rows do the rules of a user make of a page?
//!
//! A rule ([`ExtractConfig`]) is made ready once, and refused with the place of
//! what is wrong with it; then it is read on every page whose URL it is for. All
//! rules of a page share one tree, one amount of room and one deadline. What is
//! cut off says so: rows are never silently fewer than the page has. A page that
//! takes too long gives no rows, rather than as many as the machine was fast.

mod date;
mod field;
mod names;
mod number;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use scraper::{ElementRef, Html};
use url::Url;

use super::base_url;
use super::selector::Selector;
use super::tree::{Cut, Deadline, tree};
use crate::config::ExtractConfig;
use field::Field;

pub use field::Column;

/// Counted up when the same rule gives other rows, so that stored pages are read again.
const VERSION: u32 = 1;
/// Rules at most, and fields of each.
const MAX_RULES: usize = 100;
/// The same.
const MAX_FIELDS: usize = 500;
/// Rows of a rule that are taken of one page.
const MAX_ROWS: usize = 10_000;
/// Bytes of one value at most.
const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Bytes of all values of a page.
const MAX_PAGE_BYTES: usize = 4 << 20;

/// Processor time that the rules may take on a page of so many bytes: ten times what
/// they take where nobody means harm.
pub fn allowance(bytes: usize) -> Duration {
    const FOR_EACH_100_KB: Duration = Duration::from_millis(50);
    FOR_EACH_100_KB * u32::try_from(bytes.div_ceil(100_000).max(1)).unwrap_or(u32::MAX)
}

/// The rules of a user, ready to be read.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

/// A rule that cannot be used: its place, and why.
#[derive(Debug, thiserror::Error)]
#[error("`{0}`: {1}")]
pub struct BadRule(String, String);

/// One of them.
#[derive(Clone, Debug)]
pub struct Rule {
    name: Arc<str>,
    text: String,
    url: Option<Regex>,
    each: Option<Selector>,
    fields: Vec<Field>,
}

/// What a rule makes of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleRows {
    /// The rule's name.
    pub rule: Arc<str>,
    /// In the order of the page; a cell for each field.
    pub rows: Vec<Vec<Cell>>,
    /// Why the page was not looked through whole.
    pub cut: Option<Cut>,
}

/// The value of a field in a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing was found.
    Empty,
    /// Text, HTML, a URL, a date, a JSON array.
    Text(String),
    /// A number with decimals.
    Real(f64),
    /// A number without.
    Integer(i64),
}

impl Cell {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Rules {
    /// Makes rules ready. `is_taken` says of a name in lower case whether the store
    /// has a table or view that is called so.
    ///
    /// # Errors
    /// If one is wrong; the message begins with its place.
    pub fn new(
        configs: &[ExtractConfig],
        is_taken: &dyn Fn(&str) -> bool,
    ) -> Result<Self, BadRule> {
        if configs.len() > MAX_RULES {
            let why = format!("{} rules are too many: at most {MAX_RULES}", configs.len());
            return Err(BadRule("extract".into(), why));
        }
        let mut names = HashSet::new();
        let mut rules = Vec::with_capacity(configs.len());
        for (at, config) in configs.iter().enumerate() {
            let rule = Rule::new(config, is_taken);
            let rule = rule.map_err(|(key, why)| BadRule(format!("extract[{at}]{key}"), why))?;
            if !names.insert(config.name.to_ascii_lowercase()) {
                let why = format!("there are two rules `{}`", config.name);
                return Err(BadRule(format!("extract[{at}].name"), why));
            }
            rules.push(rule);
        }
        Ok(Self(rules))
    }

    /// Each of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the rules that are for the page at `url` make of it, within the time that
    /// [`allowance`] gives. `clock` says what was spent so far; it is not asked if no
    /// rule is for the page.
    pub fn read(&self, url: &Url, html: &str, clock: fn() -> Duration) -> Vec<RuleRows> {
        let rules: Vec<_> = self.iter().filter(|rule| rule.is_for(url.as_str())).collect();
        if rules.is_empty() {
            return Vec::new();
        }
        let deadline = &Deadline::after(clock, allowance(html.len()));
        let (tree, cut) = tree(html, deadline);
        let base = base_of(&tree, url);
        let mut room = Room { bytes: MAX_PAGE_BYTES, is_cut: false };
        let mut read = |rule: &&Rule| {
            room.is_cut = false;
            let rows = rule.rows(tree.root_element(), &base, &mut room, deadline);
            let (rows, cut) = if deadline.is_over() {
                (Vec::new(), Some(Cut::Time))
            } else {
                (rows, cut.or(room.is_cut.then_some(Cut::Rows)))
            };
            RuleRows { rule: Arc::clone(&rule.name), rows, cut }
        };
        rules.iter().map(&mut read).collect()
    }
}

impl Rule {
    /// # Errors
    /// The key below the rule that is wrong, and why.
    fn new(
        config: &ExtractConfig,
        is_taken: &dyn Fn(&str) -> bool,
    ) -> Result<Self, (String, String)> {
        let at = |key: &str| {
            let key = key.to_owned();
            move |why: String| (key, why)
        };
        names::table(&config.name, is_taken).map_err(at(".name"))?;
        let url = config.url.as_deref().map(field::regex).transpose().map_err(at(".url"))?;
        let each = config.each.as_deref().map(Selector::parse).transpose();
        let each = each.map_err(|error| at(".each")(error.to_string()))?;
        if config.fields.is_empty() || config.fields.len() > MAX_FIELDS {
            let why = format!("a rule has between 1 and {MAX_FIELDS} fields");
            return Err(at(".fields")(why));
        }
        let mut names = HashSet::new();
        let mut fields = Vec::with_capacity(config.fields.len());
        for (name, field) in &config.fields {
            let at = at(&format!(".fields.{name}"));
            let is_new = names.insert(name.to_ascii_lowercase());
            let checked = names::column(name).and_then(|()| {
                if is_new { Ok(()) } else { Err("names differ in more than their case".into()) }
            });
            let field = checked.and_then(|()| Field::new(name, field, each.is_some()));
            fields.push(field.map_err(at)?);
        }
        // In TOML the order of fields would not be told apart.
        let text = serde_json::to_string(&(VERSION, config)).expect("a rule is JSON");
        Ok(Self { name: config.name.as_str().into(), text, url, each, fields })
    }

    /// Its name, which is that of its table.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The regular expression that a page's URL must match; `None`: any.
    pub fn pattern(&self) -> Option<&str> {
        self.url.as_ref().map(Regex::as_str)
    }

    /// Everything that its rows depend on besides the page. Another text, other rows.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its columns with their types, in their order.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Column)> {
        self.fields.iter().map(|field| (field.name.as_str(), field.column()))
    }

    /// Whether it is for the page at `url`.
    pub fn is_for(&self, url: &str) -> bool {
        self.url.as_ref().is_none_or(|pattern| pattern.is_match(url))
    }

    fn rows(
        &self,
        page: ElementRef<'_>,
        base: &Url,
        room: &mut Room,
        deadline: &Deadline,
    ) -> Vec<Vec<Cell>> {
        let Some(each) = &self.each else {
            let row = self.row(page, true, base, room, deadline);
            let is_found = self.fields.iter().zip(&row).any(|(field, cell)| field.is_found(cell));
            return if is_found { vec![row] } else { Vec::new() };
        };
        let elements: Vec<_> = each.find(page, true, deadline).take(MAX_ROWS + 1).collect();
        room.is_cut |= elements.len() > MAX_ROWS;
        let mut rows = Vec::new();
        for element in elements.into_iter().take(MAX_ROWS) {
            rows.push(self.row(element, false, base, room, deadline));
            if room.bytes == 0 || deadline.is_over() {
                break;
            }
        }
        rows
    }

    fn row(
        &self,
        element: ElementRef<'_>,
        is_page: bool,
        base: &Url,
        room: &mut Room,
        deadline: &Deadline,
    ) -> Vec<Cell> {
        let fields = self.fields.iter();
        fields.map(|field| field.read(element, is_page, base, room, deadline)).collect()
    }
}

/// What is left of [`MAX_PAGE_BYTES`], and whether anything was cut.
struct Room {
    bytes: usize,
    is_cut: bool,
}

impl Room {
    /// The value as far as it may be long, if there is room for it.
    fn value(&mut self, mut value: String) -> Option<String> {
        if value.len() > MAX_VALUE_BYTES {
            value.truncate(value.floor_char_boundary(MAX_VALUE_BYTES));
            self.is_cut = true;
        }
        let left = self.bytes.checked_sub(value.len());
        self.is_cut |= left.is_none();
        self.bytes = left.unwrap_or(0);
        left.map(|_| value)
    }
}

/// What references of the page are relative to.
fn base_of(tree: &Html, url: &Url) -> Url {
    let bases = tree.root_element().descendants().filter_map(ElementRef::wrap);
    let href = bases.filter(|it| it.value().name() == "base").find_map(|it| it.attr("href"));
    base_url(url, href)
}
