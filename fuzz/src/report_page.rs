//! What must hold of a report as a page of HTML, whatever strangers wrote? Part of `output`: a text.

use std::collections::BTreeSet;

use crawlite::export::html::{Html, Map, Page, Section};
use crawlite::store::{Overview, Started, Tally, Value, report};
use scraper::Html as Document;

use super::is_harmful;

/// Elements of which a text may give more or fewer: links are made of URLs alone, `wbr` stands
/// after their slashes, and a command has a `span` for each word.
const COUNT_AS_NONE: [&str; 4] = ["a", "br", "span", "wbr"];
/// What a page of harmless texts has, so that every kind of cell and link is there.
const HARMLESS: &str = "http://a.org/x http://b.org/y?z=1";

/// A page that has the text wherever strangers, or a file that was tampered with, can put one
/// has the elements and attributes of one with a harmless text, and none of its links runs.
pub(crate) fn check(text: &str) {
    let page = written(text);
    assert!(!page.contains(|c| is_harmful(c, &['\n'])));
    let (page, harmless) = (read(&page), read(&written(HARMLESS)));
    assert_eq!(elements(&page), elements(&harmless), "no element of theirs");
    let known = attributes(&harmless);
    let theirs: Vec<_> = attributes(&page).difference(&known).cloned().collect();
    assert!(theirs.is_empty(), "attributes of theirs: {theirs:?}");
}

fn read(page: &str) -> Document {
    let page = Document::parse_document(page);
    assert_eq!(page.errors, Vec::<&str>::new(), "it is well-formed");
    page
}

fn tags(page: &Document) -> impl Iterator<Item = &scraper::node::Element> {
    page.tree.nodes().filter_map(|node| node.value().as_element())
}

fn elements(page: &Document) -> Vec<&str> {
    tags(page)
        .map(scraper::node::Element::name)
        .filter(|name| !COUNT_AS_NONE.contains(name))
        .collect()
}

/// Element and attribute; and a link's scheme, since its target is what strangers choose.
fn attributes(page: &Document) -> BTreeSet<String> {
    let of = |tag: &scraper::node::Element| -> Vec<String> {
        let named = tag.attrs().map(|(name, value)| match name {
            "href" => format!(
                "{} {name}={}",
                tag.name(),
                value.split([':', '#']).next().unwrap_or_default()
            ),
            _ => format!("{} {name}", tag.name()),
        });
        named.collect()
    };
    tags(page).flat_map(of).chain(["a href=https".to_owned()]).collect()
}

/// A page that has the text everywhere.
fn written(text: &str) -> String {
    let said = || text.to_owned();
    let overview = Overview {
        seeds: vec![said(), format!("http://a.org/{text}")],
        config: said(),
        version: said(),
        finish: Some(said()),
        course: vec![Started { at: 1, pages: 1, broken: 0 }],
        skipped: vec![(said(), 3), ("external".to_owned(), 1)],
        parked: vec![(said(), said())],
        ..Overview::default()
    };
    let section =
        |level| Section { name: said(), place: said(), level, pages: 2, ..Section::default() };
    let sections = [section(0), section(1)];
    let titles = report("titles").expect("it is in the list");
    let tallies = [Tally { report: titles, rows: 9, findings: Vec::new(), failure: None }];
    let page = Page {
        file: text,
        file_bytes: 1,
        overview: &overview,
        config: None,
        is_running: false,
        is_named: true,
        written_at: 1,
        tallies: &tallies,
        map: Map { sections: &sections, links: vec![0, 1, 1, 0] },
    };
    let mut html = Html::begin(Vec::new(), &page).expect("memory");
    html.begin_report(&tallies[0]).expect("memory");
    let mut table = html.table(&tallies[0], Some(1));
    // A column of each kind, and one that nobody expects.
    let names = ["url", "path", "release", "is_new", "title", "bytes", text];
    table.columns(&names.map(str::to_owned));
    for value in [Value::Text(said()), Value::Null, Value::Blob(text.as_bytes().to_vec())] {
        table.row(&vec![value; names.len()]).expect("memory");
    }
    assert_eq!(table.finish().expect("memory"), 3);
    html.failed(text).expect("memory");
    html.end_report(&tallies[0], 3).expect("memory");
    String::from_utf8(html.finish().expect("memory")).expect("UTF-8")
}
