//! On real pages the tags say the same as the tree that a browser would build.
//!
//! `CRAWLITE_PAGES` names folders (separated by colons) whose `.html` files are read;
//! without it nothing is compared. The links of each page are those of html5ever's
//! tree, found by a walk of their own, and so are title, first heading and the texts
//! of links.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use crawlite::extract::{LinkKind, decode, extract};
use html5ever::ParseOpts;
use html5ever::tendril::TendrilSink;
use html5ever::tree_builder::TreeBuilderOpts;
use scraper::{ElementRef, Html, HtmlTreeSink, Node};

/// Elements and the attributes of theirs that link, as the standard lists them
/// (WHATWG HTML, "Attributes" index, type "valid URL").
#[rustfmt::skip]
const LINKING: &[(&str, &str, LinkKind)] = &[
    ("a", "href", LinkKind::A), ("area", "href", LinkKind::Area), ("iframe", "src", LinkKind::Iframe),
    ("frame", "src", LinkKind::Frame), ("link", "href", LinkKind::Link), ("img", "src", LinkKind::Img),
    ("img", "longdesc", LinkKind::Cite), ("script", "src", LinkKind::Script), ("source", "src", LinkKind::Source),
    ("video", "src", LinkKind::Video), ("video", "poster", LinkKind::Poster), ("audio", "src", LinkKind::Audio),
    ("track", "src", LinkKind::Track), ("embed", "src", LinkKind::Embed), ("object", "data", LinkKind::Object),
    ("input", "src", LinkKind::Input), ("form", "action", LinkKind::Form), ("body", "background", LinkKind::Background),
    ("table", "background", LinkKind::Background), ("td", "background", LinkKind::Background),
    ("th", "background", LinkKind::Background), ("blockquote", "cite", LinkKind::Cite), ("q", "cite", LinkKind::Cite),
    ("ins", "cite", LinkKind::Cite), ("del", "cite", LinkKind::Cite),
];

/// What a page says, so that it can be compared: each line with how often it is there.
type Said = BTreeMap<String, usize>;

fn add(said: &mut Said, line: String) {
    *said.entry(line).or_default() += 1;
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// No longer than what is kept of it.
fn kept(text: &str) -> String {
    let text = folded(text);
    text.chars().take(200).collect()
}

fn among_tags(text: &str) -> Said {
    let page = extract(text, "crawlite");
    let mut said = Said::new();
    for link in &page.links {
        let href = page.texts.get(link.href);
        add(&mut said, format!("{} {href}", link.kind.as_str()));
        if link.kind == LinkKind::A {
            add(&mut said, format!("text of {href}: {}", kept(page.texts.get(link.anchor))));
        }
    }
    add(&mut said, format!("title {}", kept(page.title.as_deref().unwrap_or_default())));
    add(&mut said, format!("h1 {}", kept(page.h1.as_deref().unwrap_or_default())));
    said
}

/// Text as a person would see it, with the alternative texts of images; scripts,
/// styles and templates are none.
fn shown(element: ElementRef<'_>, text: &mut String) {
    for child in element.children() {
        match child.value() {
            Node::Text(piece) => text.push_str(piece),
            Node::Element(inner) => match inner.name() {
                "script" | "style" | "template" | "textarea" | "iframe" | "noembed"
                | "noframes" => {}
                "img" => text.push_str(&format!(" {} ", inner.attr("alt").unwrap_or_default())),
                name => {
                    let is_block = ["br", "p", "div", "li", "td", "th", "h1", "h2", "h3", "tr"]
                        .contains(&name);
                    text.push_str(if is_block { " " } else { "" });
                    shown(ElementRef::wrap(child).expect("an element"), text);
                    text.push_str(if is_block { " " } else { "" });
                }
            },
            _ => {}
        }
    }
}

fn text_of(element: ElementRef<'_>) -> String {
    let mut text = String::new();
    shown(element, &mut text);
    kept(&text)
}

fn in_tree(text: &str) -> Said {
    // Scripting is off, so that noscript is markup.
    let tree_builder = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let options = ParseOpts { tree_builder, ..ParseOpts::default() };
    let sink = HtmlTreeSink::new(Html::new_document());
    let tree = html5ever::driver::parse_document(sink, options).one(text);
    let mut said = Said::new();
    let (mut title, mut h1) = (None, None);
    for node in tree.tree.root().descendants() {
        let Some(element) = ElementRef::wrap(node) else { continue };
        let is_in_template = element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .any(|it| it.value().name() == "template");
        if is_in_template {
            continue;
        }
        let name = element.value().name();
        for (element_name, attribute, kind) in LINKING {
            if let Some(href) = element.value().attr(attribute).filter(|_| *element_name == name) {
                add(&mut said, format!("{} {href}", kind.as_str()));
                if *kind == LinkKind::A {
                    add(&mut said, format!("text of {href}: {}", text_of(element)));
                }
            }
        }
        for url in element
            .value()
            .attr("srcset")
            .unwrap_or_default()
            .split(", ")
            .filter(|it| !it.is_empty())
        {
            add(&mut said, format!("srcset {}", url.split_whitespace().next().unwrap_or_default()));
        }
        let is_refresh =
            element.value().attr("http-equiv").is_some_and(|it| it.eq_ignore_ascii_case("refresh"));
        if let Some((_, target)) =
            element.value().attr("content").filter(|_| is_refresh).and_then(|it| it.split_once('='))
        {
            add(&mut said, format!("meta-refresh {}", target.trim().trim_matches(['"', '\''])));
        }
        match name {
            "title" if title.is_none() => title = Some(kept(&element.text().collect::<String>())),
            "h1" if h1.is_none() => h1 = Some(text_of(element)),
            _ => {}
        }
    }
    add(&mut said, format!("title {}", title.unwrap_or_default()));
    add(&mut said, format!("h1 {}", h1.unwrap_or_default()));
    said
}

/// Lines that one has more often than the other.
fn without(one: &Said, other: &Said) -> Vec<String> {
    let more =
        one.iter().filter(|(line, count)| **count > other.get(*line).copied().unwrap_or_default());
    more.map(|(line, _)| line.clone()).collect()
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|it| it == "html" || it == "htm") {
            found.push(path);
        }
    }
}

#[test]
fn links_titles_and_texts_are_those_of_the_tree() {
    let mut out = std::io::stdout();
    let Some(folders) = std::env::var_os("CRAWLITE_PAGES") else {
        writeln!(out, "extraction: skipped, CRAWLITE_PAGES is not set").expect("stdout is open");
        return;
    };
    let mut files = Vec::new();
    std::env::split_paths(&folders).for_each(|folder| pages(&folder, &mut files));
    let (mut same, mut lines, mut failures) = (0, 0, Vec::new());
    for file in &files {
        let bytes = std::fs::read(file).expect("a page");
        let (text, _) = decode(&bytes, None);
        let (ours, tree) = (among_tags(&text), in_tree(&text));
        lines += ours.values().sum::<usize>();
        let (missing, extra) = (without(&tree, &ours), without(&ours, &tree));
        if missing.is_empty() && extra.is_empty() {
            same += 1;
        } else {
            let name = file.display();
            failures.push(format!(
                "{name}:\n  only in the tree: {missing:?}\n  only among the tags: {extra:?}"
            ));
        }
    }
    let all = files.len();
    let summary = format!(
        "extraction: {all} pages, {lines} lines: {same} pages the same, {} not",
        failures.len()
    );
    writeln!(out, "{summary}").expect("stdout is open");
    assert!(same > 0, "no page in {}", folders.display());
    assert!(failures.is_empty(), "{summary}\n{}", failures[..failures.len().min(40)].join("\n"));
}
