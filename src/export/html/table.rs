//! How does a report look as a table?
//!
//! Rows are written as they come, once the first have shown which columns are
//! numbers and which have nothing in them. Only what is a URL in a column of URLs
//! becomes a link: what a page says of itself is text, whatever it looks like.

use std::io::{self, Write};

use super::escape::Text;
use crate::canonical::CanonicalUrl;
use crate::export::numbers::{bytes, count};
use crate::store::Value;

/// Rows that decide what the columns are.
const SAMPLE_ROWS: usize = 200;
/// Bytes from which on a text needs room to be read.
const LONG_TEXT: usize = 30;
/// Characters of a cell, or of one URL in it.
const MAX_CELL: usize = 400;
/// Bytes of a value that are looked at: five URLs fit, and a file that was tampered
/// with fills no memory.
const MAX_VALUE_BYTES: usize = 16 << 10;

/// Columns that hold URLs which were met; several are apart by blanks.
const URLS: [&str; 16] = [
    "url",
    "target",
    "source",
    "redirect_to",
    "final_url",
    "claimed_canonical",
    "alternate",
    "neighbour",
    "closest_match",
    "example",
    "linked_from",
    "found_on",
    "sitemap",
    "host",
    "mirror_of",
    "path",
];
/// Columns that answer yes or no.
const FLAGS: [&str; 3] = ["is_new", "is_cut", "loops"];

/// A table on its way.
pub struct Table<'w, W: Write> {
    out: &'w mut W,
    caption: String,
    place: Place,
    names: Vec<String>,
    sample: Vec<Vec<Value>>,
    columns: Option<Vec<Column>>,
    rows: u64,
}

/// Where the rows come from.
pub(super) struct Place {
    /// Of the seeds: URLs there are shown without it.
    pub(super) origin: String,
    /// The crawl's file, as a word of a command.
    pub(super) file: String,
}

/// A column that is shown.
struct Column {
    place: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    LongText,
    Urls,
    /// A command in which `FILE` stands for the crawl's file.
    Command,
    Flag,
    Number,
    Bytes,
}

impl<'w, W: Write> Table<'w, W> {
    pub(super) fn new(out: &'w mut W, caption: String, place: Place) -> Self {
        Self { out, caption, place, names: Vec::new(), sample: Vec::new(), columns: None, rows: 0 }
    }

    /// The names of the columns; once, before the first row.
    pub fn columns(&mut self, names: &[String]) {
        self.names = names.to_vec();
    }

    /// One row, as long as the names.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn row(&mut self, row: &[Value]) -> io::Result<()> {
        self.rows += 1;
        let row: Vec<_> = row.iter().map(bounded).collect();
        if self.columns.is_some() {
            return self.write_row(&row);
        }
        self.sample.push(row);
        if self.sample.len() > SAMPLE_ROWS { self.begin(false) } else { Ok(()) }
    }

    /// Ends the table; the number of its rows.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn finish(mut self) -> io::Result<u64> {
        if self.columns.is_none() {
            self.begin(true)?;
        }
        self.out.write_all(b"</tbody></table></div>\n")?;
        Ok(self.rows)
    }

    /// Writes the head and the rows that waited. If they are all rows, columns that
    /// have nothing are left out.
    fn begin(&mut self, are_all: bool) -> io::Result<()> {
        let sample = std::mem::take(&mut self.sample);
        let has_any = |place: usize| sample.iter().any(|row| row[place] != Value::Null);
        let columns: Vec<Column> = (0..self.names.len())
            .filter(|place| !are_all || has_any(*place))
            .map(|place| Column { place, kind: kind(&self.names[place], &sample, place) })
            .collect();
        write!(
            self.out,
            "<div class=\"box\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table class=\"rows\"><caption>{0}</caption><thead><tr>",
            Text(&self.caption)
        )?;
        for column in &columns {
            let name = self.names[column.place].replace('_', " ");
            write!(self.out, "<th scope=\"col\"{}>{}</th>", class(column.kind), Text(&name))?;
        }
        self.out.write_all(b"</tr></thead><tbody>\n")?;
        self.columns = Some(columns);
        sample.iter().try_for_each(|row| self.write_row(row))
    }

    fn write_row(&mut self, row: &[Value]) -> io::Result<()> {
        let columns = self.columns.as_deref().unwrap_or_default();
        self.out.write_all(b"<tr>")?;
        for Column { place, kind } in columns {
            write_cell(self.out, &row[*place], *kind, &self.place)?;
        }
        self.out.write_all(b"</tr>\n")
    }
}

/// A value without what is too much of it.
fn bounded(value: &Value) -> Value {
    match value {
        Value::Text(text) if text.len() > MAX_VALUE_BYTES => {
            Value::Text(text[..text.floor_char_boundary(MAX_VALUE_BYTES)].to_owned())
        }
        Value::Blob(bytes) => Value::Text(format!("{} bytes", count(bytes.len() as u64))),
        value => value.clone(),
    }
}

fn kind(name: &str, sample: &[Vec<Value>], place: usize) -> Kind {
    let values = sample.iter().map(|row| &row[place]).filter(|value| **value != Value::Null);
    let is_long = |value: &Value| matches!(value, Value::Text(text) if text.len() >= LONG_TEXT);
    if URLS.contains(&name) {
        Kind::Urls
    } else if name == "release" {
        Kind::Command
    } else if FLAGS.contains(&name) {
        Kind::Flag
    } else if values.clone().any(is_long) {
        Kind::LongText
    } else if !values.clone().all(|value| matches!(value, Value::Integer(_) | Value::Real(_))) {
        Kind::Text
    } else if name == "bytes" || name.ends_with("_bytes") {
        Kind::Bytes
    } else {
        Kind::Number
    }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Flag => " class=\"short\"",
        Kind::LongText | Kind::Command => " class=\"long\"",
        Kind::Urls => " class=\"url\"",
        Kind::Number | Kind::Bytes => " class=\"number\"",
    }
}

fn write_cell(out: &mut impl Write, value: &Value, kind: Kind, place: &Place) -> io::Result<()> {
    match (value, kind) {
        (Value::Null, _) => out.write_all(b"<td></td>"),
        (Value::Integer(flag), Kind::Flag) => {
            write!(out, "<td{}>{}</td>", class(kind), if *flag == 0 { "no" } else { "yes" })
        }
        (Value::Integer(number @ 0..), Kind::Bytes) => write!(
            out,
            "<td class=\"number\" data-value=\"{number}\">{}</td>",
            bytes(number.unsigned_abs())
        ),
        // Set apart from 1 000 on; to sort by it, a script reads the plain number.
        (Value::Integer(number @ 1000..), _) => write!(
            out,
            "<td class=\"number\" data-value=\"{number}\">{}</td>",
            count(number.unsigned_abs())
        ),
        (Value::Integer(number), _) => write!(out, "<td class=\"number\">{number}</td>"),
        (Value::Real(number), _) => write!(out, "<td class=\"number\">{number}</td>"),
        (Value::Text(text), Kind::Urls) => {
            out.write_all(b"<td class=\"url\">")?;
            write_urls(out, text, &place.origin)?;
            out.write_all(b"</td>")
        }
        (Value::Text(text), Kind::Command) => {
            write!(
                out,
                "<td class=\"long\">{}</td>",
                Cut(&text.replace(" FILE", &format!(" {}", place.file)))
            )
        }
        (Value::Text(text), _) => write!(out, "<td{}>{}</td>", class(kind), Cut(text)),
        (Value::Blob(_), _) => unreachable!("a blob is shown as text"),
    }
}

/// Text of which no more than [`MAX_CELL`] characters are shown.
struct Cut<'a>(&'a str);

impl std::fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (shown, more) = cut(self.0);
        write!(f, "{}{more}", Text(shown))
    }
}

/// What is shown of a text, and the mark for what is not.
fn cut(text: &str) -> (&str, &'static str) {
    match text.char_indices().nth(MAX_CELL) {
        None => (text, ""),
        Some((end, _)) => (&text[..end], "…"),
    }
}

/// A URL, cut as [`Cut`] is, that a browser breaks after a slash rather than within a name.
struct Address<'a>(&'a str);

impl std::fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (shown, more) = cut(self.0);
        let home = usize::from(shown.starts_with('/'));
        let start = if home > 0 { home } else { shown.find("://").map_or(0, |at| at + 3) };
        write!(f, "{}", Text(&shown[..start]))?;
        for (place, part) in shown[start..].split_inclusive('/').enumerate() {
            write!(f, "{}{}", if place > 0 { "<wbr>" } else { "" }, Text(part))?;
        }
        f.write_str(more)
    }
}

/// URLs apart by blanks, a line each, and what else stands between them.
fn write_urls(out: &mut impl Write, text: &str, origin: &str) -> io::Result<()> {
    let mut was_link = false;
    for (place, word) in text.split(' ').enumerate() {
        let is_link = CanonicalUrl::parse(word).is_ok();
        if place > 0 {
            out.write_all(if was_link && is_link { b"<br>" } else { b" " })?;
        }
        write_url(out, word, origin)?;
        was_link = is_link;
    }
    Ok(())
}

/// A URL as a link that says nothing of where it stands; anything else as text.
pub(super) fn write_url(out: &mut impl Write, text: &str, origin: &str) -> io::Result<()> {
    // Only http and https pass, and what passes holds no control character.
    let Ok(url) = CanonicalUrl::parse(text) else { return write!(out, "{}", Cut(text)) };
    let at_home = text.strip_prefix(origin).filter(|rest| rest.starts_with('/'));
    write!(
        out,
        "<a href=\"{}\" rel=\"noreferrer noopener\">{}</a>",
        Text(url.as_str()),
        Address(at_home.unwrap_or(text))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn written(names: &[&str], rows: &[Vec<Value>]) -> String {
        let mut out = Vec::new();
        let place = Place { origin: "http://a.org".into(), file: "'<x>.db'".into() };
        let mut table = Table::new(&mut out, "A & B".into(), place);
        table.columns(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        rows.iter().for_each(|row| table.row(row).unwrap());
        assert_eq!(table.finish().unwrap(), rows.len() as u64);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_urls_in_columns_of_urls_are_links() {
        #[rustfmt::skip]
        let cases = [
            ("url",         "http://a.org/x?a=1&b=2",  r#"<a href="http://a.org/x?a=1&amp;b=2" rel="noreferrer noopener">/x?a=1&amp;b=2</a>"#),
            ("url",         "http://a.org.evil/",      ">http://a.org.evil/</a>"),
            ("url",         "http://a.org/x/y/?/",     ">/x/<wbr>y/<wbr>?/</a>"),
            ("url",         "http://b.org/x/y",        ">http://b.org/<wbr>x/<wbr>y</a>"),
            ("target",      "https://b.org/",          r#"<a href="https://b.org/" rel="noreferrer noopener">https://b.org/</a>"#),
            ("url",         "javascript:alert(1)",     "<td class=\"url\">javascript:alert(1)</td>"),
            ("url",         "data:text/html,<b>",      "<td class=\"url\">data:text/html,&lt;b&gt;</td>"),
            ("example",     "//b.org/x",               "<td class=\"url\">//b.org/x</td>"),
            ("url",         "http://a.org/\"onx=\"",   "<a href=\"http://a.org/%22onx=%22\" rel=\"noreferrer noopener\">/&quot;onx=&quot;</a>"),
            ("linked_from", "http://a.org/1 http://b.org/2", r#"/1</a><br><a href="http://b.org/2""#),
            ("path",        "http://a.org/1 -> http://a.org/2", "/1</a> -&gt; <a"),
            ("title",       "http://a.org/",           "<td class=\"short\">http://a.org/</td>"),
            ("title",       "<img src=x onerror=1>",   "<td class=\"short\">&lt;img src=x onerror=1&gt;</td>"),
        ];
        for (name, value, expected) in cases {
            let page = written(&[name], &[vec![text(value)]]);
            assert!(page.contains(expected), "{name} {value}: {page}");
        }
    }

    #[test]
    fn values_are_shown_as_what_they_are() {
        #[rustfmt::skip]
        let cases = [
            ("count",       Value::Integer(12),        "<td class=\"number\">12</td>"),
            ("count",       Value::Integer(12_345),    "<td class=\"number\" data-value=\"12345\">12 345</td>"),
            ("count",       Value::Integer(-3),        "<td class=\"number\">-3</td>"),
            ("wire_bytes",  Value::Integer(2048),      "<td class=\"number\" data-value=\"2048\">2.0 KiB</td>"),
            ("percent",     Value::Real(12.5),         "<td class=\"number\">12.5</td>"),
            ("release",     text("x FILE --y"),        "<td class=\"long\">x &#39;&lt;x&gt;.db&#39; --y</td>"),
            ("is_new",      Value::Integer(1),         "<td class=\"short\">yes</td>"),
            ("title",       text(&"x".repeat(999)),    &("<td class=\"long\">".to_owned() + &"x".repeat(MAX_CELL) + "…</td>")),
        ];
        for (name, value, expected) in cases {
            let page = written(&[name], &[vec![value]]);
            assert!(page.contains(expected), "{name}: {page}");
        }
        assert!(written(&["a"], &[]).contains("aria-label=\"A &amp; B\""));
    }

    #[test]
    fn columns_without_a_value_are_left_out_only_if_all_rows_were_seen() {
        let row = || vec![Value::Integer(1), Value::Null];
        assert!(!written(&["one", "two_words"], &[row(), row()]).contains("two words"));
        let many: Vec<_> = (0..=SAMPLE_ROWS).map(|_| row()).collect();
        assert!(written(&["one", "two_words"], &many).contains("two words"));
    }
}
