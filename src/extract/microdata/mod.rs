//! Which items does a page say in microdata (WHATWG HTML 5)?
//!
//! A pass of its own over the tags, made only for pages that have an `itemscope`.
//! Only the elements that matter become nodes: those with `itemscope`, `itemprop`,
//! or an `id` that an `itemref` may name. So memory grows with them, and not with
//! the page; `open` says where an element ends, `graph` which property belongs to
//! which item.
//!
//! The value of a property is what the standard says (5.2.4), with two exceptions:
//! `content` counts on every element, as the W3C's note of 2018 and search engines
//! have it; and text is written as everywhere here, white space folded, blocks apart,
//! at most [`MAX_FIELD_BYTES`](super::MAX_FIELD_BYTES) of it.

mod graph;
mod open;

#[cfg(test)]
mod against_tree;

use url::Url;

use super::fields::cut;
use super::items::{Item, ItemFormat};
use super::page::is_inline;
use super::tokens::{self, Attribute, Sink, Tag};
use super::{MAX_FIELD_BYTES, folded_text, push_folded};
use graph::{Graph, Node, Scope, Value};
use open::{OpenElements, is_void};

/// Names of properties, types and references of one element that are kept.
const MAX_NAMES: usize = 32;
/// Bytes of each.
const MAX_NAME_BYTES: usize = 256;

/// The items that a page says in microdata; `base` is what its references are relative
/// to, `has_refs` whether it has an `itemref`.
///
/// Linear in the length of `html`, which the caller has capped.
pub(super) fn microdata(html: &str, base: &Url, has_refs: bool) -> Vec<Item> {
    let reading = Reading {
        base,
        has_refs,
        open: OpenElements::default(),
        graph: Graph::new(),
        text: Vec::new(),
        texts: Vec::new(),
        cap: html.len(),
    };
    let mut reading = tokens::read(html, reading);
    let Reading { open, graph, text, texts, .. } = &mut reading;
    open.finish(|node| close(graph, text, texts, node));
    let mut items = graph.items();
    if graph.is_cut {
        let why = "cut: the page has too many properties, or too much in them";
        items.push(Item::broken(ItemFormat::Microdata, why.into()));
    }
    items.finish()
}

/// A page, while it is read.
struct Reading<'a> {
    base: &'a Url,
    has_refs: bool,
    open: OpenElements,
    graph: Graph,
    /// The text since the outermost property began whose value is text.
    text: Vec<u8>,
    /// The open properties whose value is text, and where it begins.
    texts: Vec<(u32, usize)>,
    /// Bytes of text at most.
    cap: usize,
}

impl Reading<'_> {
    /// The node of an element, if it is one that matters.
    fn node(&self, tag: &Tag<'_>) -> Option<Node> {
        let id = tag.get(Attribute::Id).filter(|_| self.has_refs);
        let names = tag.get(Attribute::ItemProp).map(|it| names(&it)).unwrap_or_default();
        let scope = tag.has(Attribute::ItemScope).then(|| Scope {
            types: tag.get(Attribute::ItemType).map(|it| self::names(&it)).unwrap_or_default(),
            id: tag.get(Attribute::ItemId).map(|id| self.absolute(&id)),
            refs: tag.get(Attribute::ItemRef).map(|it| self::names(&it)).unwrap_or_default(),
        });
        if id.is_none() && names.is_empty() && scope.is_none() {
            return None;
        }
        let is_text = scope.is_none() && !names.is_empty();
        let value = if is_text { self.value(tag) } else { Value::None };
        let id = id.map(|id| cut(&id, MAX_NAME_BYTES));
        Some(Node { parent: self.open.nodes().next(), id, names, scope, value })
    }

    /// The value of a property, as far as its start tag says it (5.2.4).
    fn value(&self, tag: &Tag<'_>) -> Value {
        let text = |attribute| tag.get(attribute).map(|it| cut(it.trim(), MAX_FIELD_BYTES));
        let url = |attribute| tag.get(attribute).map(|it| self.absolute(&it)).unwrap_or_default();
        if let Some(content) = text(Attribute::Content) {
            return Value::Text(content);
        }
        match tag.name {
            b"meta" => Value::Text(String::new()),
            b"audio" | b"embed" | b"iframe" | b"img" | b"source" | b"track" | b"video" => {
                Value::Text(url(Attribute::Src))
            }
            b"a" | b"area" | b"link" => Value::Text(url(Attribute::Href)),
            b"object" => Value::Text(url(Attribute::Data)),
            b"data" | b"meter" => Value::Text(text(Attribute::Value).unwrap_or_default()),
            b"time" => text(Attribute::DateTime).map_or(Value::Open, Value::Text),
            _ => Value::Open,
        }
    }

    /// The URL that a reference means; as written if it means none.
    fn absolute(&self, href: &str) -> String {
        let href = cut(href.trim(), MAX_FIELD_BYTES);
        self.base.join(&href).map(String::from).unwrap_or(href)
    }

    fn push(&mut self, text: &[u8]) {
        if !self.texts.is_empty() {
            push_folded(&mut self.text, text, self.cap);
        }
    }
}

impl Sink for Reading<'_> {
    fn start(&mut self, tag: &Tag<'_>) {
        let has_content = if tag.is_foreign { !tag.self_closing() } else { !is_void(tag.name) };
        let Self { graph, text, texts, .. } = self;
        let is_block = self.open.before(tag, |node| close(graph, text, texts, node));
        if is_block || !is_inline(tag.name) {
            self.push(b" ");
        }
        let node = self.node(tag).and_then(|node| {
            let is_open = matches!(node.value, Value::Open);
            let at = self.graph.push(node)?;
            if is_open {
                if self.texts.is_empty() {
                    self.text.clear();
                }
                self.texts.push((at, self.text.len()));
            }
            Some(at)
        });
        if !has_content || !self.open.push(tag, node) {
            let Self { graph, text, texts, .. } = self;
            node.into_iter().for_each(|node| close(graph, text, texts, node));
        }
    }

    fn end(&mut self, name: &[u8]) {
        let Self { graph, text, texts, .. } = self;
        let is_block = self.open.end(name, |node| close(graph, text, texts, node));
        if is_block {
            self.push(b" ");
        }
    }

    fn text(&mut self, text: &[u8], raw: Option<&[u8]>) {
        if !matches!(raw, Some(b"script" | b"style")) {
            self.push(text);
        }
    }
}

/// An element with a node has ended: its text is known.
fn close(graph: &mut Graph, text: &[u8], texts: &mut Vec<(u32, usize)>, node: u32) {
    let Some(at) = texts.iter().rposition(|(open, _)| *open == node) else { return };
    let (_, from) = texts.remove(at);
    let whole = text[from..].trim_ascii_start();
    let mut value = folded_text(&whole[..whole.len().min(MAX_FIELD_BYTES)]);
    if whole.len() > MAX_FIELD_BYTES {
        value.push('…');
    }
    graph.set_text(node, value);
}

/// The words of an attribute, each once.
fn names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split_ascii_whitespace() {
        if names.len() >= MAX_NAMES {
            break;
        }
        let name = cut(name, MAX_NAME_BYTES);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(html: &str) -> Vec<Item> {
        microdata(html, &Url::parse("https://example.org/").unwrap(), true)
    }

    #[test]
    fn long_texts_are_cut() {
        let page = format!("<div itemscope><p itemprop=a>{}", "ä".repeat(MAX_FIELD_BYTES));
        let json = items(&page)[0].json.clone().unwrap();
        assert!(json.len() < MAX_FIELD_BYTES + 20 && json.ends_with("ä…\"}"), "{}", json.len());
    }

    #[test]
    fn hostile_pages_cost_no_more_than_their_length() {
        let refs: String = (0..300)
            .map(|n| {
                format!("<p id=i{n} itemprop=a itemscope itemref='i{} i{}'></p>", n + 1, n + 2)
            })
            .collect();
        let refs = items(&format!("<div itemscope itemref=i0></div>{refs}"));
        assert!(refs[0].error.as_deref().is_some_and(|error| error.starts_with("cut: ")));
        assert!(refs[0].json.as_ref().is_some_and(|json| json.len() < 2 << 20));
        for unit in [
            "<div itemscope>",
            "<p itemprop=a itemscope>",
            "<b itemprop=a>x",
            "<li itemprop=a>x",
            "<td itemscope>",
            "<b itemprop='a b c d e f g h'>xyz xyz xyz xyz",
        ] {
            let page = "<div itemscope itemref='a b'>".to_owned() + &unit.repeat(30_000);
            let items = items(&page);
            let last = items.last().unwrap();
            assert!(items.len() <= 1001 && last.error.is_some(), "{unit}: {}", items.len());
            let bytes: usize =
                items.iter().filter_map(|item| item.json.as_ref()).map(String::len).sum();
            assert!(bytes < 4 << 20, "{unit}: {bytes}");
        }
    }
}
