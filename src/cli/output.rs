//! How results look: a table for people; csv, json, jsonl for programs.
//!
//! All four are written row by row, so that a result may be larger than memory.
//! What comes from the network never reaches a terminal as it is: see
//! [`sanitize`]. The formats:
//!
//! - **table**: widths from the first rows, numbers to the right, NULL as `NULL`,
//!   a blob as its first bytes and its size. Cut with `…` only on a terminal.
//! - **csv**: RFC 4180 with `\n` ends, as `sqlite3 -csv` writes and Excel reads.
//!   NULL is empty, an empty text `""`, a blob lower-case hex. A text that a
//!   spreadsheet would run as a formula gets a `'` before it. Control and
//!   direction characters are escaped as in a table, line breaks and tabs stay.
//! - **json**, **jsonl**: one array of objects, or one object a line; keys in
//!   column order, a second `name` becomes `name_2`; a blob is lower-case hex, a
//!   number that is not finite null. Exact: control characters are `\u` escapes.
//!
//! A terminal has each row as soon as it is known, anything else many at once.
//! A closed pipe is an [`io::Error`] like any other here; [`stream`] ends quietly.

mod shown;
mod stream;
mod table;

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufWriter, Write};

use clap::ValueEnum;

use crate::store::Value;
pub(super) use shown::Shown;
pub use stream::{stream, terminal_width};
use table::Table;

/// How to print rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people
    #[default]
    Table,
    /// Comma-separated values with a header, safe to open in a spreadsheet
    Csv,
    /// One array of objects
    Json,
    /// One object a line
    Jsonl,
}

/// Prints one result: [`Printer::columns`], then rows, then [`Printer::finish`].
pub struct Printer<'a, W: Write> {
    out: BufWriter<&'a mut W>,
    is_terminal: bool,
    shape: Shape,
    /// Made distinct for JSON.
    names: Vec<String>,
    rows: u64,
}

enum Shape {
    Table(Table),
    Csv,
    Json,
    Jsonl,
}

impl<'a, W: Write> Printer<'a, W> {
    /// `width` is that of the terminal in columns; `None` where `out` is none,
    /// then nothing is cut.
    pub fn new(format: Format, out: &'a mut W, width: Option<usize>) -> Self {
        let shape = match format {
            Format::Table => Shape::Table(Table::new(width)),
            Format::Csv => Shape::Csv,
            Format::Json => Shape::Json,
            Format::Jsonl => Shape::Jsonl,
        };
        let (out, is_terminal) = (BufWriter::with_capacity(64 << 10, out), width.is_some());
        Self { out, is_terminal, shape, names: Vec::new(), rows: 0 }
    }

    /// The same for people who asked no question of their own: in a table NULL is
    /// left blank, and so is on a terminal a column that has nothing else.
    #[must_use]
    pub fn without_nulls(mut self) -> Self {
        if let Shape::Table(table) = &mut self.shape {
            table.leave_nulls_out();
        }
        self
    }

    /// The header; once, before the first row.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn columns(&mut self, columns: &[String]) -> io::Result<()> {
        let out = &mut self.out;
        match &mut self.shape {
            Shape::Table(table) => table.columns(columns),
            Shape::Csv => {
                for (position, name) in columns.iter().enumerate() {
                    csv_separate(out, position)?;
                    csv_text(out, name)?;
                }
                out.write_all(b"\n")?;
            }
            Shape::Json => out.write_all(b"[")?,
            Shape::Jsonl => {}
        }
        self.names = distinct(columns);
        Ok(())
    }

    /// One row, as long as the header.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn row(&mut self, row: &[Value]) -> io::Result<()> {
        let first = self.rows == 0;
        self.rows += 1;
        let out = &mut self.out;
        match &mut self.shape {
            Shape::Table(table) => table.row(out, row),
            Shape::Csv => {
                for (position, value) in row.iter().enumerate() {
                    csv_separate(out, position)?;
                    csv_value(out, value)?;
                }
                out.write_all(b"\n")
            }
            Shape::Json => {
                out.write_all(if first { b"\n" } else { b",\n" })?;
                json_object(out, &self.names, row)
            }
            Shape::Jsonl => {
                json_object(out, &self.names, row)?;
                out.write_all(b"\n")
            }
        }?;
        if self.is_terminal { out.flush() } else { Ok(()) }
    }

    /// Writes what is left and flushes. Needed after an error of the query, too,
    /// to see the rows before it.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        match &mut self.shape {
            Shape::Table(table) => table.finish(&mut self.out)?,
            Shape::Json if self.rows > 0 => self.out.write_all(b"\n]\n")?,
            Shape::Json => self.out.write_all(b"]\n")?,
            Shape::Csv | Shape::Jsonl => {}
        }
        self.out.flush()
    }
}

/// Whether what goes to a terminal, if it is one, may have colours: the
/// environment variable `NO_COLOR` (no-color.org) says no.
pub(super) fn has_colours(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Makes text from the network safe to show: what could move the cursor, hide or
/// turn round text, or break the line, becomes a visible escape (`\n`, `\u{1b}`).
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

/// C0, DEL and C1, marks of direction, the byte order mark, line separators.
#[rustfmt::skip]
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                     | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn csv_separate(out: &mut impl Write, position: usize) -> io::Result<()> {
    if position > 0 { out.write_all(b",") } else { Ok(()) }
}

fn csv_value(out: &mut impl Write, value: &Value) -> io::Result<()> {
    match value {
        Value::Null => Ok(()),
        Value::Integer(number) => write!(out, "{number}"),
        Value::Real(number) => write!(out, "{}", real(*number)),
        Value::Text(text) => csv_text(out, text),
        Value::Blob(bytes) => hex(out, bytes),
    }
}

fn csv_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let quoted = text.is_empty() || text.contains([',', '"', '\n', '\r']) || text.starts_with(' ');
    let escaped = |c: char| is_unsafe(c) && !matches!(c, '\n' | '\r' | '\t');
    if quoted {
        out.write_all(b"\"")?;
    }
    if formula {
        out.write_all(b"'")?;
    }
    write_pieces(
        out,
        text,
        |c| escaped(c) || c == '"',
        |out, c| match c {
            '"' => out.write_all(b"\"\""),
            _ => write!(out, "{}", c.escape_default()),
        },
    )?;
    if quoted { out.write_all(b"\"") } else { Ok(()) }
}

fn json_object(out: &mut impl Write, names: &[String], row: &[Value]) -> io::Result<()> {
    out.write_all(b"{")?;
    for (position, (name, value)) in names.iter().zip(row).enumerate() {
        csv_separate(out, position)?;
        json_text(out, name)?;
        out.write_all(b":")?;
        match value {
            Value::Integer(number) => write!(out, "{number}")?,
            Value::Real(number) if number.is_finite() => write!(out, "{}", real(*number))?,
            Value::Null | Value::Real(_) => out.write_all(b"null")?,
            Value::Text(text) => json_text(out, text)?,
            Value::Blob(bytes) => {
                out.write_all(b"\"")?;
                hex(out, bytes)?;
                out.write_all(b"\"")?;
            }
        }
    }
    out.write_all(b"}")
}

/// As JSON wants it, and with everything a terminal could mistake as `\u` escapes.
fn json_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    write_pieces(
        out,
        text,
        |c| is_unsafe(c) || c == '"' || c == '\\',
        |out, c| match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => out.write_all(b"\\n"),
            '\r' => out.write_all(b"\\r"),
            '\t' => out.write_all(b"\\t"),
            _ => write!(out, "\\u{:04x}", u32::from(c)), // none is beyond U+FFFF
        },
    )?;
    out.write_all(b"\"")
}

/// Writes `text`, those characters that are `special` through `replace`. Nothing
/// is built in memory, however long the text.
fn write_pieces<W: Write>(
    out: &mut W,
    text: &str,
    special: impl Fn(char) -> bool,
    replace: impl Fn(&mut W, char) -> io::Result<()>,
) -> io::Result<()> {
    for piece in text.split_inclusive(&special) {
        let last = piece.chars().next_back().filter(|&c| special(c));
        let plain = piece.len() - last.map_or(0, char::len_utf8);
        out.write_all(&piece.as_bytes()[..plain])?;
        if let Some(c) = last {
            replace(out, c)?;
        }
    }
    Ok(())
}

fn hex(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

/// A number that reads back as the same number, with a point or an exponent.
fn real(number: f64) -> String {
    format!("{number:?}")
}

/// The same names, a repeated one with `_2`, `_3`, … behind it.
pub(super) fn distinct(columns: &[String]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let given: HashSet<&str> = columns.iter().map(String::as_str).collect();
    let mut names = Vec::with_capacity(columns.len());
    for column in columns {
        let mut name = column.clone();
        let mut number = 2;
        while taken.contains(&name) || (number > 2 && given.contains(name.as_str())) {
            name = format!("{column}_{number}");
            number += 1;
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(format: Format, columns: &[&str], rows: &[Vec<Value>]) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(format, &mut out, None);
        let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
        printer.columns(&columns).expect("memory");
        for row in rows {
            printer.row(row).expect("memory");
        }
        printer.finish().expect("memory");
        String::from_utf8(out).expect("text")
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn nothing_from_the_network_moves_the_cursor() {
        #[rustfmt::skip]
        let cases = [
            ("plain, äöü, 漢字",    "plain, äöü, 漢字",                 "ordinary text is untouched"),
            ("a\u{1b}[2Jb",         "a\\u{1b}[2Jb",                     "ESC"),
            ("a\nb\tc\r",           "a\\nb\\tc\\r",                     "line breaks and tabs"),
            ("a\u{9b}31m\u{7f}",    "a\\u{9b}31m\\u{7f}",               "C1 and DEL"),
            ("\u{202e}gpj.exe",     "\\u{202e}gpj.exe",                 "text turned round"),
            ("\u{2066}\u{200f}",    "\\u{2066}\\u{200f}",               "marks of direction"),
            ("\u{feff}\u{2028}",    "\\u{feff}\\u{2028}",               "byte order mark, line separator"),
        ];
        for (given, expected, why) in cases {
            assert_eq!(sanitize(given), expected, "{why}");
            assert_eq!(sanitize(expected), expected, "{why}: once is enough");
        }
    }

    #[test]
    fn csv_cells_are_quoted_and_never_formulas() {
        #[rustfmt::skip]
        let cases = [
            (text("a"),                   "a",                "plain"),
            (text("a,b"),                 "\"a,b\"",          "separator"),
            (text("say \"a\"\nb"),        "\"say \"\"a\"\"\nb\"", "quotes and line breaks"),
            (text(""),                    "\"\"",             "empty is not NULL"),
            (Value::Null,                 "",                 "NULL is empty"),
            (text("=1+1"),                "'=1+1",            "formula"),
            (text("-12.5"),               "'-12.5",           "text that looks like a number is text"),
            (Value::Real(-12.5),          "-12.5",            "a number stays"),
            (Value::Integer(-3),          "-3",               "a whole one, too"),
            (text("＝1"),                 "'＝1",             "full-width"),
            (text("\tx"),                 "'\tx",             "tab"),
            (text("@a,\"b\""),            "\"'@a,\"\"b\"\"\"", "both"),
            (text("a\u{1b}b"),            "a\\u{1b}b",        "no raw ESC"),
            (Value::Blob(vec![0, 255]),   "00ff",             "bytes"),
        ];
        for (given, expected, why) in cases {
            assert_eq!(
                print(Format::Csv, &["c"], &[vec![given]]),
                format!("c\n{expected}\n"),
                "{why}"
            );
        }
        assert_eq!(print(Format::Csv, &["=a", "b"], &[]), "'=a,b\n", "header cells as well");
    }

    #[test]
    fn json_is_exact_and_its_keys_are_distinct() {
        let odd = "\u{1b}\u{9b}\u{202e}\"\\\n/ä\u{0}";
        let row = vec![
            text(odd),
            Value::Real(f64::INFINITY),
            Value::Real(1.0),
            Value::Blob(vec![1, 171]),
        ];
        let rows = [row.clone(), row];
        let names = ["a", "a", "a_2", "b"];

        let json = print(Format::Json, &names, &rows);
        let jsonl = print(Format::Jsonl, &names, &rows);

        let all: Vec<serde_json::Value> = serde_json::from_str(&json).expect("an array");
        let expected = serde_json::json!({"a": odd, "a_3": null, "a_2": 1.0, "b": "01ab"});
        assert_eq!(all, [expected.clone(), expected.clone()]);
        for line in jsonl.lines() {
            let one: serde_json::Value = serde_json::from_str(line).expect("an object");
            assert_eq!(one, expected);
        }
        assert!(jsonl.starts_with("{\"a\":"), "keys in column order: {jsonl}");
        assert!(!json.contains(['\u{1b}', '\u{9b}', '\u{202e}']));
        assert_eq!(print(Format::Json, &names, &[]), "[]\n");
        assert_eq!(print(Format::Jsonl, &names, &[]), "");
    }
}
