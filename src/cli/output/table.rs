//! Aligned columns for people, written while the rows come.
//!
//! Widths are those of the first rows, which wait until there are enough of
//! them; later rows follow. On a terminal the widest columns shrink until a line
//! fits, and what does not fit its column is cut with `…`: a text at its end, a
//! URL before it, since its end tells pages apart. Elsewhere nothing is cut: a
//! cell wider than its column moves the rest of its line to the right.

use std::borrow::Cow;
use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{hex, is_unsafe, real, sanitize, write_pieces};
use crate::store::Value;

/// Rows that decide the widths.
const SAMPLE_ROWS: usize = 200;

/// Bytes of them at most: larger rows are decided on sooner.
const SAMPLE_BYTES: usize = 1 << 20;

/// A column is padded to this at most where nothing is cut.
const MAX_PAD: usize = 80;

/// A column shrinks to this at least, unless it is narrower.
const MIN_WIDTH: usize = 8;

/// Below this a URL that is cut keeps its end alone: what is left of its beginning would be
/// little more than its scheme.
const HOST_WIDTH: usize = 40;

/// Between two columns.
const GAP: &str = "  ";

/// Bytes of a blob that are shown.
const BLOB_BYTES: usize = 8;

pub(super) struct Table {
    /// Of the terminal, in columns.
    terminal: Option<usize>,
    names: Vec<String>,
    /// Rows that wait for the widths; none once these are decided.
    sample: Vec<Vec<Value>>,
    sample_bytes: usize,
    widths: Option<Vec<usize>>,
    /// NULL is blank.
    without_nulls: bool,
    /// The columns to print; all of them unless some are nothing but blanks.
    shown: Vec<usize>,
}

impl Table {
    pub(super) fn new(terminal: Option<usize>) -> Self {
        Self {
            terminal,
            names: Vec::new(),
            sample: Vec::new(),
            sample_bytes: 0,
            widths: None,
            without_nulls: false,
            shown: Vec::new(),
        }
    }

    /// NULL is blank, and on a terminal so is a column that has nothing else.
    pub(super) fn leave_nulls_out(&mut self) {
        self.without_nulls = true;
    }

    pub(super) fn columns(&mut self, columns: &[String]) {
        self.names = columns.iter().map(|name| sanitize(name).into_owned()).collect();
        self.shown = (0..columns.len()).collect();
    }

    pub(super) fn row(&mut self, out: &mut impl Write, row: &[Value]) -> io::Result<()> {
        if let Some(widths) = &self.widths {
            return self.line(out, widths, row);
        }
        self.sample_bytes += row.iter().map(size).sum::<usize>();
        if self.sample_bytes < SAMPLE_BYTES && self.sample.len() < SAMPLE_ROWS {
            self.sample.push(row.to_vec());
            return Ok(());
        }
        self.begin(out)?;
        self.row(out, row)
    }

    pub(super) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.widths.is_some() || self.names.is_empty() {
            return Ok(());
        }
        // These are all rows, so a column without a value in them has none.
        if self.without_nulls && self.terminal.is_some() && !self.sample.is_empty() {
            let sample = &self.sample;
            self.shown.retain(|&column| sample.iter().any(|row| row[column] != Value::Null));
        }
        self.begin(out)
    }

    /// Decides the widths and writes the header and the rows that waited.
    fn begin(&mut self, out: &mut impl Write) -> io::Result<()> {
        let sample = std::mem::take(&mut self.sample);
        let widest = |column: usize| {
            let values = sample.iter().map(|row| self.show(&row[column]).width()).max();
            values.unwrap_or(0).max(self.names[column].width()).max(1)
        };
        let mut widths: Vec<usize> = self.shown.iter().map(|&column| widest(column)).collect();
        match self.terminal {
            Some(columns) => shrink(&mut widths, columns),
            None => widths.iter_mut().for_each(|width| *width = MAX_PAD.min(*width)),
        }

        let right = |column: usize| {
            !sample.is_empty()
                && sample.iter().all(|row| is_number(&row[column]) || row[column] == Value::Null)
                && sample.iter().any(|row| is_number(&row[column]))
        };
        for (place, &column) in self.shown.iter().enumerate() {
            self.cell(out, &widths, place, &self.names[column], right(column))?;
        }
        for (place, width) in widths.iter().enumerate() {
            write!(out, "{}{}", if place > 0 { GAP } else { "" }, "─".repeat(*width))?;
        }
        out.write_all(b"\n")?;
        for row in &sample {
            self.line(out, &widths, row)?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    fn line(&self, out: &mut impl Write, widths: &[usize], row: &[Value]) -> io::Result<()> {
        for (place, value) in self.shown.iter().map(|&column| &row[column]).enumerate() {
            match value {
                // Long ones are not built in memory a second time, escaped.
                Value::Text(text) if text.len() > SAMPLE_BYTES && self.terminal.is_none() => {
                    long(out, place, text, place + 1 == widths.len())?;
                }
                Value::Text(text) if text.len() > SAMPLE_BYTES => {
                    let start = sanitize(&text[..text.floor_char_boundary(SAMPLE_BYTES)]);
                    self.cell(out, widths, place, &start, false)?;
                }
                _ => self.cell(out, widths, place, &self.show(value), is_number(value))?,
            }
        }
        Ok(())
    }

    /// A value as people read it, without anything a terminal would obey.
    fn show<'a>(&self, value: &'a Value) -> Cow<'a, str> {
        match value {
            Value::Null if self.without_nulls => Cow::Borrowed(""),
            Value::Null => Cow::Borrowed("NULL"),
            Value::Integer(number) => number.to_string().into(),
            Value::Real(number) => real(*number).into(),
            Value::Text(text) => sanitize(text),
            Value::Blob(bytes) => {
                let mut shown = Vec::from(*b"x'");
                let more = if bytes.len() > BLOB_BYTES { "…" } else { "" };
                hex(&mut shown, &bytes[..bytes.len().min(BLOB_BYTES)])
                    .and_then(|()| write!(shown, "{more}' ({} B)", bytes.len()))
                    .expect("memory takes all");
                String::from_utf8_lossy(&shown).into_owned().into()
            }
        }
    }

    /// Writes one cell with the gap before it, or the line end after it.
    fn cell(
        &self,
        out: &mut impl Write,
        widths: &[usize],
        place: usize,
        text: &str,
        right: bool,
    ) -> io::Result<()> {
        let width = widths[place];
        let text = if self.terminal.is_some() { cut(text, width) } else { Cow::Borrowed(text) };
        let blanks = width.saturating_sub(text.width());
        let last = place + 1 == widths.len();
        let (before, after) = match (right, last) {
            (true, _) => (blanks, 0),
            (false, true) => (0, 0), // no blanks at the end of a line
            (false, false) => (0, blanks),
        };
        let gap = if place > 0 { GAP } else { "" };
        let end = if last { "\n" } else { "" };
        write!(out, "{gap}{:before$}{text}{:after$}{end}", "", "")
    }
}

/// A cell without its padding, escaped while it is written.
fn long(out: &mut impl Write, place: usize, text: &str, last: bool) -> io::Result<()> {
    out.write_all(if place > 0 { GAP.as_bytes() } else { b"" })?;
    write_pieces(out, text, is_unsafe, |out, c| write!(out, "{}", c.escape_default()))?;
    out.write_all(if last { b"\n" } else { b"" })
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Integer(_) | Value::Real(_))
}

/// Bytes a waiting value takes, roughly.
fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => 32 + text.len(),
        Value::Blob(bytes) => 32 + bytes.len(),
        _ => 32,
    }
}

/// Takes from the widest columns until a line fits, or none can give any more.
fn shrink(widths: &mut [usize], terminal: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    // What a column would need beyond the terminal is lost anyway.
    for width in widths.iter_mut() {
        *width = (*width).min(terminal.max(1));
    }
    while widths.iter().sum::<usize>() + gaps > terminal {
        let Some(widest) = widths.iter_mut().max() else { return };
        if *widest <= MIN_WIDTH {
            return;
        }
        *widest -= 1;
    }
}

/// What of `text` fits, with `…` for what is left out: the end, the middle of a URL, or its
/// beginning; of several URLs all but the first.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let is_url = text.starts_with("http") && text.contains("://");
    if is_url
        && width > MIN_WIDTH
        && let Some((first, _)) = text.split_once(' ')
    {
        return Cow::Owned(cut(first, width - 2).into_owned() + " …");
    }
    let behind = match width {
        _ if !is_url => 0,
        ..HOST_WIDTH => width.saturating_sub(1),
        _ => width * 3 / 5,
    };
    let start: String = fitting(text.chars(), width.saturating_sub(behind + 1)).collect();
    let mut end: Vec<char> = fitting(text.chars().rev(), behind).collect();
    end.reverse();
    Cow::Owned(start + "…" + &String::from_iter(end))
}

/// As many characters as fit.
fn fitting(characters: impl Iterator<Item = char>, width: usize) -> impl Iterator<Item = char> {
    let mut used = 0;
    characters.take_while(move |c| {
        used += c.width().unwrap_or(0);
        used <= width
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn print(width: Option<usize>, columns: &[&str], rows: &[Vec<Value>]) -> String {
        let mut out = Vec::new();
        let mut table = Table::new(width);
        table.columns(&columns.iter().map(ToString::to_string).collect::<Vec<_>>());
        for row in rows {
            table.row(&mut out, row).expect("memory");
        }
        table.finish(&mut out).expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn columns_are_aligned_and_numbers_stand_right() {
        let rows = [
            vec![text("http://a/"), Value::Integer(200), Value::Null],
            vec![text("漢字\u{1b}[1m"), Value::Integer(7), Value::Blob(vec![7; 20])],
        ];
        let expected = "\
url              n  body
─────────────  ───  ───────────────────────────
http://a/      200  NULL
漢字\\u{1b}[1m    7  x'0707070707070707…' (20 B)
";
        let shown = print(None, &["url", "n", "body"], &rows);
        assert_eq!(shown, expected, "{shown}");
    }

    #[test]
    fn only_a_terminal_cuts() {
        let rows = [vec![Value::Integer(1), text(&"x".repeat(100)), text("漢字漢字漢字漢字漢字")]];
        let wide = print(None, &["n", "a", "b"], &rows);
        assert!(wide.contains(&"x".repeat(100)) && !wide.contains('…'), "{wide}");
        for width in [24, 30, 40] {
            let narrow = print(Some(width), &["n", "a", "b"], &rows);
            assert!(narrow.contains("x…"), "{narrow}");
            assert!(narrow.lines().all(|line| line.width() <= width), "{width}: {narrow}");
        }
    }

    #[test]
    fn a_url_keeps_its_end() {
        let url = "https://docs.example.org/a/long/way/to/the-page.html";
        assert_eq!(cut(url, 45), "https://docs.exam…a/long/way/to/the-page.html");
        assert_eq!(cut(url, 25), "…ong/way/to/the-page.html");
        assert_eq!(cut(url, 1), "…");
        assert_eq!(cut(&format!("{url} {url}"), 12), "…page.html …");
    }

    #[test]
    fn without_nulls_a_column_of_nothing_else_is_left_out_on_a_terminal() {
        let rows = [
            vec![Value::Integer(1), Value::Null, text("a")],
            vec![Value::Null, Value::Null, text("b")],
        ];
        for (width, expected) in
            [(Some(80), "n  t\n─  ─\n1  a\n   b\n"), (None, "n  m  t\n─  ─  ─\n1     a\n      b\n")]
        {
            let mut out = Vec::new();
            let mut table = Table::new(width);
            table.leave_nulls_out();
            table.columns(&["n", "m", "t"].map(str::to_owned));
            for row in &rows {
                table.row(&mut out, row).expect("memory");
            }
            table.finish(&mut out).expect("memory");
            assert_eq!(String::from_utf8(out).expect("text"), expected);
        }
    }

    #[test]
    fn rows_beyond_the_sample_follow_its_widths() {
        let mut rows = vec![vec![Value::Integer(1), text("a")]; SAMPLE_ROWS];
        rows.push(vec![Value::Integer(1_000_000), text("b")]);
        let shown = print(None, &["n", "t"], &rows);
        assert_eq!(shown.lines().count(), 2 + rows.len());
        assert!(shown.ends_with("\n1  a\n1000000  b\n"), "{shown}");
    }

    #[test]
    fn no_rows_still_have_a_header() {
        assert_eq!(print(None, &["a", "b"], &[]), "a  b\n─  ─\n");
        assert_eq!(print(None, &[], &[]), "");
    }
}
