//! Are the elements with their attributes those of html5ever's tree? (tests)
//!
//! The tree is built with scripting off, and the contents of templates left out.
//! Elements are compared as a set: a tree repeats formatting elements, and moves
//! what stands astray in a table. What still differs has a name in
//! [`DIFFERENCES`], and the soup here avoids it.

use std::collections::BTreeSet;

use html5ever::tendril::TendrilSink;
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{ParseOpts, ns};
use scraper::node::Element;
use scraper::{Html, HtmlTreeSink};

use super::recorder::{Event, events};
use super::soup::Soup;

/// Pages that are compared.
const PAGES: u64 = 2000;

/// Why the tree lacks elements that stand on the page or has others, with a page
/// on which it does, and what is only in the tree, only among the tags.
#[rustfmt::skip]
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    ("parts of a table outside of one are ignored",
        "<td background=/1><tr><col>", "", "td /1"),
    ("frames outside of a frameset are ignored, and all else within one",
        "<frame src=/1><frameset><a href=/2></frameset><a href=/3>", "", "a /2|a /3|frame /1"),
    ("a second head and a head too late are ignored, a second body only adds attributes",
        "<body href=/1><head href=/2><body href=/3>", "", "body /3|head /2"),
    ("a second html only adds attributes",
        "<html href=/1><html href=/2>", "", "html /2"),
    ("a form within a form is ignored",
        "<form action=/1><form action=/2>", "", "form /2"),
    ("a select within a select is its end tag, a noscript within a noscript of the head is ignored",
        "<noscript><noscript href=/1></noscript><select><select href=/2>", "", "noscript /1|select /2"),
    ("the end tag of an element around an svg or math ends that",
        "<b><svg></b><title><a href=/1>", "", "a /1"),
    ("an HTML element left open within an integration point keeps it open",
        "<svg><desc><b></desc><title><a href=/1>", "", "a /1"),
    ("within another element mglyph is none of MathML",
        "<math><mi><b><mglyph href=/1><title><a href=/2>", "mglyph /1", ":a /2|:mglyph /1"),
    ("html5ever takes no foreign element for special, as the standard does",
        "<li><svg><desc><li></desc><a href=/1>", "a /1", ":a /1"),
    ("scraper has no integration point in annotation-xml, as the standard does",
        "<math><annotation-xml encoding=text/html><title><a href=/1>", ":a /1", ""),
    ("a formatting element left open in a template may go on behind it",
        "<template><b href=/1><object></template>x", "b /1", ""),
];

fn names_and_values<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> Vec<String> {
    values.filter(|value| value.starts_with('/')).map(|value| format!("{name} {value}")).collect()
}

fn in_tree(html: &str) -> BTreeSet<String> {
    let tree_builder = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let options = ParseOpts { tree_builder, ..ParseOpts::default() };
    let sink = HtmlTreeSink::new(Html::new_document());
    let tree = html5ever::driver::parse_document(sink, options).one(html).tree;
    let is_template =
        |element: &Element| element.name.ns == ns!(html) && element.name() == "template";
    let mut found = BTreeSet::new();
    for node in tree.nodes() {
        let Some(element) = node.value().as_element() else { continue };
        let mut around = node.ancestors().filter_map(|node| node.value().as_element());
        if around.any(is_template) {
            continue;
        }
        let colon = if element.name.ns == ns!(html) { "" } else { ":" };
        let name = format!("{colon}{}", element.name().to_ascii_lowercase());
        found.extend(names_and_values(&name, element.attrs().map(|(_, value)| value)));
    }
    found
}

fn among_tags(html: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for event in events(html) {
        let Event::Start { name, attributes, is_foreign, .. } = event else { continue };
        let name = match &*name {
            "image" if !is_foreign => "img".to_owned(), // the tree builder renames it
            _ if is_foreign => format!(":{name}"),
            _ => name,
        };
        found.extend(names_and_values(&name, attributes.iter().map(|(_, value)| &**value)));
    }
    found
}

/// Pages of well-formed tags in any order; svg and math begin and end within one
/// element, and templates hold no formatting elements.
struct Pages {
    soup: Soup,
    count: u32,
}

#[rustfmt::skip]
const HTML: &[&str] = &[
    "a", "a", "a", "area", "p", "div", "b", "i", "nobr", "font", "ul", "li", "h1", "img", "image", "link", "meta", "base",
    "script", "style", "title", "textarea", "iframe", "noframes", "noembed", "xmp", "video", "source", "object",
    "embed", "q", "blockquote", "span", "button", "input", "table", "option", "optgroup", "hr", "pre", "dd", "dt",
    "rt", "center", "marquee", "br", "desc", "foreignobject", "mi", "annotation-xml",
];
const PLAIN: &[&str] =
    &["div", "p", "img", "style", "script", "title", "ul", "h1", "iframe", "template"];
const SVG: &[&str] =
    &["g", "use", "image", "style", "script", "textarea", "xmp", "noframes", "template"];
/// Foreign elements, an element within each, and whether that holds HTML.
const POINTS: &[(&str, &str, bool)] = &[
    ("svg", "desc", true),
    ("svg", "title", true),
    ("svg", "foreignObject", true),
    ("svg", "svg", false),
    ("svg", "mi", false),
    ("math", "mi", true),
    ("math", "mtext", true),
    ("math", "annotation-xml", false),
    ("math", "math", false),
    ("math", "desc", false),
];

impl Pages {
    fn tag(&mut self, names: &[&str]) -> String {
        let end = self.soup.one_of(&[">", ">", " color=x>", " />"]);
        let name = self.soup.one_of(names);
        self.start(name) + end
    }

    /// A start tag that does not end yet.
    fn start(&mut self, name: &str) -> String {
        self.count += 1;
        let attribute = self.soup.one_of(&["href", "src", "data", "xlink:href", "cite"]);
        format!("<{name} {attribute}=/{}", self.count)
    }

    fn page(&mut self) -> String {
        (0..=self.soup.below(25)).map(|_| self.piece()).collect()
    }

    fn piece(&mut self) -> String {
        match self.soup.below(20) {
            0..=10 => self.tag(HTML),
            11..=15 => format!("</{}>", self.soup.one_of(HTML)),
            16 => {
                let around = self.soup.one_of(&["template", "noscript"]);
                format!("<{around}>{}</{around}>", self.within(PLAIN))
            }
            17 | 18 => self.foreign(),
            _ => {
                self.soup.one_of(&["x", "<!--<a href=/0>-->", "<![CDATA[<a href=/0>]]>"]).to_owned()
            }
        }
    }

    /// Some tags with their end tags.
    fn within(&mut self, names: &[&str]) -> String {
        let pair = |pages: &mut Self| {
            let name = pages.soup.one_of(names);
            format!("{}>x</{name}>", pages.start(name))
        };
        (0..self.soup.below(3)).map(|_| pair(self)).collect()
    }

    /// An svg or math, ended in one of the ways that the standard knows.
    fn foreign(&mut self) -> String {
        let (open, root) = self.open_foreign(2);
        let end = format!("</{root}>");
        open + self.soup.one_of(&[&end, &end, "<p>", "</p>", "</br>", "<font size=1>", "<img>"])
    }

    /// One that is still open, and its name.
    fn open_foreign(&mut self, depth: usize) -> (String, &'static str) {
        let (root, point, is_html) = POINTS[self.soup.below(POINTS.len())];
        let mut text = self.start(root) + ">" + &self.within(SVG) + &self.start(point) + ">";
        if is_html && depth > 0 {
            let (inner, name) = self.open_foreign(depth - 1);
            text += &format!("{}{inner}</{name}>{}", self.within(PLAIN), self.within(PLAIN));
        } else if !is_html {
            text += &self.within(SVG);
        }
        text += &format!("</{point}>");
        text += &self.tag(SVG);
        text += self.soup.one_of(&["", "<![CDATA[<a href=/0>]]>", "<font>"]);
        (text, root)
    }
}

#[test]
fn tag_soup_has_the_elements_of_the_tree() {
    for seed in 0..PAGES {
        let html = Pages { soup: Soup::new(seed), count: 0 }.page();
        assert_eq!(among_tags(&html), in_tree(&html), "seed {seed}: {html}");
    }
}

#[test]
fn what_differs_from_the_tree_has_a_name() {
    for (why, html, only_tree, only_tags) in DIFFERENCES {
        let (tree, tags) = (in_tree(html), among_tags(html));
        let without = |one: &BTreeSet<String>, other| {
            one.difference(other).map(String::as_str).collect::<Vec<_>>().join("|")
        };
        assert_eq!(without(&tree, &tags), *only_tree, "{why}: {html}");
        assert_eq!(without(&tags, &tree), *only_tags, "{why}: {html}");
    }
}
