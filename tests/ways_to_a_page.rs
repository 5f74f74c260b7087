//! Every way in which a page can lead to another is found, in every spelling, and nothing else is asked for.
//!
//! Each row of `fixtures/ways.tsv` is a page of its own, in a folder of its own; what is
//! asked for below that folder is what was found on it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::collections::BTreeSet;
use std::sync::Arc;

use site::{Answer, Desk, Site, links_to_rows, row_of};

struct Row {
    page: Answer,
    html: String,
    /// What is asked for, and what besides with --assets.
    pages: &'static str,
    parts: &'static str,
    why: &'static str,
}

fn spelt_out(cell: &str) -> String {
    let piece = |piece: &str| piece.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r");
    cell.split("\\\\").map(piece).collect::<Vec<_>>().join("\\")
}

fn rows() -> Arc<Vec<Row>> {
    let lines = include_str!("../fixtures/ways.tsv").lines();
    let row = |line: &'static str| {
        let cells: Vec<_> = line.split('\t').collect();
        let [headers, html, pages, parts, why] = cells[..] else {
            panic!("not five cells: {line}")
        };
        let html = spelt_out(html);
        let headers = headers.split(" | ").filter_map(|header| header.split_once(": "));
        let page = headers.fold(Answer::html(&html), |page, (name, value)| page.with(name, value));
        Row { page, html, pages, parts, why }
    };
    Arc::new(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(row).collect())
}

/// Serves the rows; whatever else is asked for is a text, or the stylesheet.
fn site_of(rows: &Arc<Vec<Row>>) -> Site {
    let rows = Arc::clone(rows);
    Site::start(move |request, _| {
        if request.path == "/" {
            return Some(links_to_rows(rows.len()));
        }
        let (n, rest) = row_of(&request.path)?;
        let row = rows.get(n)?;
        Some(match rest {
            "" => row.page.clone(),
            "s.css" => {
                Answer::new(200, "text/css", b"@import 'more.css'; a { background: url(bg.png) }")
            }
            _ => Answer::new(200, "text/plain", request.path.as_bytes()),
        })
    })
}

/// What was asked for in the folder of row `n`, but for the row itself.
fn asked(site: &Site, n: usize) -> BTreeSet<String> {
    let folder = format!("/r/{n}/");
    let below = |path: &String| path.strip_prefix(&folder).map(ToOwned::to_owned);
    site.paths().iter().filter_map(below).filter(|path| !path.is_empty()).collect()
}

fn names(cells: &[&str]) -> BTreeSet<String> {
    cells
        .iter()
        .flat_map(|cell| cell.split(' '))
        .filter(|it| !it.is_empty())
        .map(Into::into)
        .collect()
}

#[test]
fn every_way_to_another_page_is_found_in_every_spelling() {
    let rows = rows();
    for with_parts in [false, true] {
        let (site, desk) = (site_of(&rows), Desk::new());
        let seed = site.url("/");
        let mut args = vec!["crawl", &seed, "-o", "x.db", "-q", "--no-sitemaps", "--no-traps"];
        args.extend(with_parts.then_some("--assets"));
        let ran = desk.run(&args);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let mut wrong = Vec::new();
        for (n, row) in rows.iter().enumerate() {
            let expected = names(&[row.pages, if with_parts { row.parts } else { "" }]);
            let found = asked(&site, n);
            if found != expected {
                let Row { why, html, .. } = row;
                wrong.push(format!("{why}, --assets {with_parts}: {html}\n  {found:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let unexplained = "SELECT count(*) FROM urls WHERE state IN ('aside', 'refused')
                           AND (reason IS NULL OR detail IS NULL OR detail = '')";
        assert_eq!(desk.rows("x.db", unexplained), ["0"], "what was left out says why");
        let waiting = "SELECT count(*) FROM urls WHERE state = 'pending'";
        assert_eq!(desk.rows("x.db", waiting), ["0"]);
    }
}

/// A page in an encoding of old, a link of it, and how a browser asks for that: the path in
/// UTF-8, the query in the encoding of the page (URL standard, "encoding override").
#[test]
fn a_query_is_spelt_in_the_encoding_of_its_page() {
    #[rustfmt::skip]
    let rows: &[(&str, &[u8], &str)] = &[
        ("windows-1252", b"<a href='/t/\xe9?q=\xe9'>x</a>",           "/t/%C3%A9?q=%E9"),
        ("windows-1251", b"<a href='/t?q=\xe4\xe0'>x</a>",            "/t?q=%E4%E0"),
        ("shift_jis",    b"<a href='/t?q=\x93\xfa'>x</a>",            "/t?q=%93%FA"),
        ("gb18030",      b"<a href='/t?q=\xc4\xe3'>x</a>",            "/t?q=%C4%E3"),
        ("utf-8",        b"<a href='/t?q=\xc3\xa9'>x</a>",            "/t?q=%C3%A9"),
        // What the encoding does not have is asked for as a form would send it.
        ("windows-1252", b"<a href='/t?q=&#x65E5;&amp;r=\xe9'>x</a>", "/t?q=%26%2326085%3B&r=%E9"),
        ("shift_jis",    b"<meta http-equiv=refresh content='0;url=/t?q=\x93\xfa'>", "/t?q=%93%FA"),
        ("shift_jis",    b"<link rel=next href='/t?q=\x93\xfa'>",     "/t?q=%93%FA"),
        ("shift_jis",    b"<a href='/t?q=1#\x93\xfa'>x</a>",          "/t?q=1"),
    ];
    for (charset, html, expected) in rows {
        let page = Answer::new(200, &format!("text/html; charset={charset}"), html);
        let site = Site::start(move |request, _| match &*request.path {
            "/" => Some(page.clone()),
            _ => Some(Answer::new(200, "text/plain", b"x")),
        });
        let desk = Desk::new();
        let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(site.paths(), ["/", expected], "{charset}: {}", String::from_utf8_lossy(html));
        let desk_rows = desk.rows("x.db", "SELECT count(*) FROM pages WHERE rel_next IS NOT NULL");
        let names_next = html.starts_with(b"<link rel=next");
        assert_eq!(desk_rows, [usize::from(names_next).to_string()]);
    }
}
