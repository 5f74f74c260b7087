//! Are the items those of a tree? (tests)
//!
//! The same items are read from html5ever's tree, by the standard's words, and
//! compared: on a table of pages with what is expected, and on soup from seeds. What
//! differs from the tree has a name in [`DIFFERENCES`], and the soup avoids it.

use scraper::{ElementRef, Html};
use serde_json::{Map, Value, json};

use super::*;
use crate::extract::element;
use crate::extract::items::kind;
use crate::extract::tokens::soup::Soup;
use crate::extract::tree::{Deadline, tree};

fn base() -> Url {
    Url::parse("https://example.org/docs/page.html").unwrap()
}

fn among_tags(html: &str) -> Vec<Value> {
    let items = crate::extract::items(html, &base()).into_iter();
    items.map(|item| serde_json::from_str(&item.json.unwrap()).unwrap()).collect()
}

fn in_tree(html: &str) -> Vec<Value> {
    let (tree, cut) = tree(html, &Deadline::never());
    assert_eq!(cut, None);
    let elements = tree.root_element().descendants().filter_map(ElementRef::wrap);
    let tops =
        elements.filter(|it| it.attr("itemscope").is_some() && it.attr("itemprop").is_none());
    tops.map(|top| {
        let mut item = item(&tree, top, &[]);
        let is_schema = top.attr("itemtype").is_some_and(|it| it.contains("schema.org"));
        if is_schema {
            item["@context"] = "https://schema.org".into();
        }
        item
    })
    .collect()
}

/// An item by WHATWG HTML 5.2.5.
fn item(tree: &Html, root: ElementRef<'_>, around: &[ElementRef<'_>]) -> Value {
    let words = |name: &str| root.attr(name).unwrap_or_default().split_whitespace();
    let (mut results, mut memory) = (Vec::new(), vec![root]);
    let children = |of: ElementRef<'_>| of.child_elements().map(|it| it.id()).collect::<Vec<_>>();
    let mut pending = children(root);
    for id in words("itemref") {
        let all = tree.root_element().descendants().filter_map(ElementRef::wrap);
        pending.extend(all.filter(|it| it.attr("id") == Some(id)).take(1).map(|it| it.id()));
    }
    while let Some(id) = pending.pop() {
        let current = ElementRef::wrap(tree.tree.get(id).unwrap()).unwrap();
        if memory.contains(&current) {
            continue;
        }
        memory.push(current);
        if current.attr("itemscope").is_none() {
            pending.extend(children(current));
        }
        if current.attr("itemprop").is_some_and(|names| !names.trim().is_empty()) {
            results.push(current);
        }
    }
    let order: Vec<_> = tree.root_element().descendants().map(|node| node.id()).collect();
    results.sort_by_key(|it| order.iter().position(|id| *id == it.id()));
    let mut properties: Map<String, Value> = Map::new();
    for found in results {
        let around = [around, &[root]].concat();
        let value = match found.attr("itemscope") {
            Some(_) if around.contains(&found) => "ERROR".into(),
            Some(_) => item(tree, found, &around),
            None => value(found).into(),
        };
        for name in names(found.attr("itemprop").unwrap()) {
            let values = properties.entry(name).or_insert_with(|| json!([]));
            values.as_array_mut().unwrap().push(value.clone());
        }
    }
    for values in properties.values_mut() {
        if let [only] = &values.as_array().unwrap()[..] {
            *values = only.clone();
        }
    }
    let types: Vec<String> = words("itemtype").map(kind).collect();
    match &types[..] {
        [] => {}
        [only] => drop(properties.insert("@type".into(), only.as_str().into())),
        _ => drop(properties.insert("@type".into(), types.into())),
    }
    if let Some(id) = root.attr("itemid") {
        properties.insert("@id".into(), String::from(base().join(id).unwrap()).into());
    }
    Value::Object(properties)
}

/// The value of a property by WHATWG HTML 5.2.4.
fn value(of: ElementRef<'_>) -> String {
    let url = |name| of.attr(name).map(|it| String::from(base().join(it).unwrap()));
    if let Some(content) = of.attr("content") {
        return content.trim().to_owned();
    }
    match of.value().name() {
        "meta" => Some(String::new()),
        "audio" | "embed" | "iframe" | "img" | "source" | "track" | "video" => {
            Some(url("src").unwrap_or_default())
        }
        "a" | "area" | "link" => Some(url("href").unwrap_or_default()),
        "object" => Some(url("data").unwrap_or_default()),
        "data" | "meter" => Some(of.attr("value").unwrap_or_default().to_owned()),
        "time" => of.attr("datetime").map(str::to_owned),
        _ => None,
    }
    .unwrap_or_else(|| element::text(of, MAX_FIELD_BYTES))
}

#[test]
fn every_row_of_the_table_gives_its_items() {
    let mut count = 0;
    for line in include_str!("../../../fixtures/microdata.tsv").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<_> = line.split('\t').collect();
        let [html, expected, why] = cells[..] else { panic!("not three cells: {line}") };
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(Value::Array(among_tags(html)), expected, "{why}: {html}");
        assert_eq!(Value::Array(in_tree(html)), expected, "{why}, in a tree: {html}");
        count += 1;
    }
    assert!(count > 40, "the table was read");
}

/// Why the tree has other items, with a page on which it does.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "a formatting element that a block ends is repeated in the next",
        "<div itemscope><p><b itemprop=a>x</p>y</div>",
    ),
    (
        "a formatting element that ends around a block is repeated in it",
        "<div itemscope><b itemprop=a>x<p>y</b>z</div>",
    ),
    (
        "what stands astray in a table is moved before it",
        "<table itemscope><p itemprop=a>x</table>",
    ),
    ("parts of a table outside of one are ignored", "<div itemscope><td itemprop=a>x</div>"),
    ("a form within a form is ignored", "<form itemscope><form itemprop=a>x</form></form>"),
];

#[test]
fn what_differs_from_the_tree_has_a_name() {
    for (why, html) in DIFFERENCES {
        assert_ne!(among_tags(html), in_tree(html), "{why}: {html}");
    }
}

/// Elements whose end tags may be left out, or are ignored, and what else matters.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "div", "div", "p", "p", "span", "span", "ul", "ol", "li", "li", "dl", "dt", "dd", "h1", "h2", "section", "article", "q",
    "img", "br", "hr", "link", "meta", "time", "data", "object", "button", "option", "optgroup", "x-y", "noscript", "ruby", "rt",
    "rp", "rb", "rtc", "pre", "blockquote", "center", "marquee", "label",
];

/// Pages of items in any order, and tables with what may stand in them.
struct Pages(Soup);

impl Pages {
    fn attributes(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..=self.0.below(2) {
            text += self.0.one_of(&[
                "",
                "",
                " itemprop=a",
                " itemprop='b c'",
                " itemscope",
                " itemscope itemtype=https://schema.org/X",
                " id=i",
                " id=j",
                " itemscope itemref='i j'",
                " content=x",
                " href=/h src=/s data=/d",
                " value=5",
                " datetime=2026",
            ]);
        }
        text
    }

    fn piece(&mut self, depth: u32) -> String {
        let name = self.0.one_of(NAMES);
        match self.0.below(10) {
            0..=4 => format!("<{name}{}>", self.attributes()),
            5..=6 => format!("</{name}>"),
            7 => {
                let inner =
                    self.0.one_of(&["", "<g itemprop=a>x</g>", "<desc><p itemprop=a>x</p></desc>"]);
                let end = self.0.one_of(&["</svg>", "</svg>", "<p>", "</p>"]);
                format!("<svg{}>{inner}{end}", self.attributes())
            }
            8 if depth == 0 && self.0.below(4) == 0 => {
                let tags: &[&str] =
                    &["<option>", "<optgroup>", "<option itemprop=a>", "x", "</optgroup>"];
                let options: String = (0..self.0.below(6)).map(|_| self.0.one_of(tags)).collect();
                format!("<select{}>{options}</select>", self.attributes())
            }
            8 if depth < 2 => {
                let cell = |pages: &mut Self| {
                    let tags: &[&str] = &["<td", "<tr", "<th", "<tbody", "<caption", "<tr><td"];
                    let tag = pages.0.one_of(tags);
                    let is_cell = tag.ends_with("td") || tag.ends_with("th");
                    let inner = if is_cell { pages.piece(depth + 1) } else { String::new() };
                    let end = pages.0.one_of(&["", "", "</td>", "</tr>", "</tbody>", "</th>"]);
                    format!("{tag}{}>{inner}{end}", pages.attributes())
                };
                let cells: String = (0..self.0.below(4)).map(|_| cell(self)).collect();
                format!("<table{}>{cells}</table>", self.attributes())
            }
            _ => self.0.one_of(&["x ", "y&amp;", " z\n"]).to_owned(),
        }
    }

    fn page(&mut self) -> String {
        let begin = self.0.one_of(&["<!doctype html>", "<!doctype html><html itemscope><body>"]);
        let pieces: String = (0..=self.0.below(30)).map(|_| self.piece(0)).collect();
        format!("{begin}<body>{pieces}")
    }
}

#[test]
fn soup_has_the_items_of_the_tree() {
    for seed in 0..3000 {
        let html = Pages(Soup::new(seed)).page();
        assert_eq!(among_tags(&html), in_tree(&html), "seed {seed}: {html}");
    }
}
