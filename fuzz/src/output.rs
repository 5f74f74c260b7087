//! What must hold of what is shown and exported, whatever strangers wrote? Case: a text.

use crawlite::cli::output::{Format, Printer, sanitize};
use crawlite::export::sitemap::{UrlSet, entry, index};
use crawlite::store::{Indexable, Value};
use quick_xml::events::Event;

use super::{is_harmful, report_page};

/// Panics where a law is broken.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let safe = sanitize(&text);
    assert!(!safe.contains(|c| is_harmful(c, &[])));
    assert_eq!(sanitize(&safe), safe, "nothing is left to do");
    assert_eq!(sanitize(&text) == text, !text.contains(|c| is_harmful(c, &[])));
    for width in [None, Some(0), Some(1), Some(40)] {
        table(&text, width);
    }
    csv(&text);
    json(&text);
    xml(&text);
    report_page::check(&text);
}

/// A column named so with a row of that text, and one of nothing.
fn printed(text: &str, format: Format, width: Option<usize>) -> String {
    let mut out = Vec::new();
    let mut printer = Printer::new(format, &mut out, width);
    printer.columns(&[text.to_owned(), "n".to_owned()]).expect("memory");
    printer.row(&[Value::Text(text.to_owned()), Value::Integer(-1)]).expect("memory");
    printer.row(&[Value::Null, Value::Blob(text.as_bytes().to_vec())]).expect("memory");
    printer.finish().expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

fn table(text: &str, width: Option<usize>) {
    let shown = printed(text, Format::Table, width);
    assert!(!shown.contains(|c| is_harmful(c, &['\n'])), "{shown:?}");
}

/// Read as RFC 4180 says, it has three rows of two cells, none of them a formula.
fn csv(text: &str) {
    let shown = printed(text, Format::Csv, None);
    assert!(!shown.contains(|c| is_harmful(c, &['\n', '\r', '\t'])), "{shown:?}");
    let rows = rows_of_csv(&shown);
    assert!(rows.len() == 3 && rows.iter().all(|row| row.len() == 2), "{shown:?}");
    let runs = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    assert!(!rows[0][0].starts_with(runs) && !rows[1][0].starts_with(runs), "{shown:?}");
    if !text.contains(|c| is_harmful(c, &['\n', '\r', '\t'])) {
        let is_marked = runs.iter().any(|run| text.starts_with(*run));
        let mark = if is_marked { "'" } else { "" };
        assert_eq!(rows[1][0], [mark, text].concat(), "what is harmless stays");
    }
}

fn rows_of_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut is_quoted) =
        (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(!is_quoted && cell.is_empty() && row.is_empty(), "{text:?}");
    rows
}

/// JSON is exact, and has nothing that a terminal could mistake.
fn json(text: &str) {
    for format in [Format::Json, Format::Jsonl] {
        let shown = printed(text, format, None);
        assert!(!shown.contains(|c| is_harmful(c, &['\n'])), "{shown:?}");
        let rows: Vec<serde_json::Value> = match format {
            Format::Json => serde_json::from_str(&shown).expect("JSON"),
            _ => shown.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(),
        };
        assert_eq!((rows.len(), rows[0][text].as_str()), (2, Some(text)), "{shown}");
    }
}

/// A sitemap is XML, whatever a site says of its pages.
fn xml(text: &str) {
    let said = Some(text.to_owned());
    let page = Indexable { url: text.to_owned(), last_modified: said.clone(), lastmod: said };
    let mut set = UrlSet::begin(Vec::new()).expect("memory");
    set.push(&entry(&page)).expect("memory");
    let set = String::from_utf8(set.finish().expect("memory")).expect("UTF-8");
    for document in [set, index([text].into_iter())] {
        let mut reader = quick_xml::Reader::from_str(&document);
        let mut starts = 0;
        loop {
            match reader.read_event().expect("XML") {
                Event::Start(_) => starts += 1,
                Event::Eof => break,
                _ => {}
            }
        }
        assert!((3..=4).contains(&starts), "no element of theirs: {document}");
    }
}
