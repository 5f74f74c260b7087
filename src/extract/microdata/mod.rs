//! Which items does a page say in microdata (WHATWG HTML 5)?
//!
//! Read beside all else, on pages that have an `itemscope` only. Only the elements that
//! matter become nodes: those with `itemscope`, `itemprop`, or an `id` that an `itemref`
//! may name. So memory grows with them, and not with the page; `open` says where an
//! element ends, `graph` which property belongs to which item.
//!
//! The value of a property is what the standard says (5.2.4), with two exceptions:
//! `content` counts on every element, as the W3C's note of 2018 and search engines
//! have it; and text is written as everywhere here, white space folded, blocks apart,
//! at most [`MAX_FIELD_BYTES`](super::MAX_FIELD_BYTES) of it.

mod graph;
mod open;

#[cfg(test)]
mod against_tree;

use memchr::memmem;
use url::Url;

use super::fields::cut;
use super::items::{Item, ItemFormat};
use super::page::is_inline;
use super::tokens::{Attribute, Sink, Tag};
use super::{MAX_FIELD_BYTES, folded_text, push_folded};
use graph::{Graph, Node, Scope, Value};
use open::{OpenElements, is_void};

/// Names of properties, types and references of one element that are kept.
const MAX_NAMES: usize = 32;
/// Bytes of each.
const MAX_NAME_BYTES: usize = 256;

/// The microdata of a page that was read; its items are put together once the base of
/// its references is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Microdata(Graph);

impl Microdata {
    /// The items; `base` is what the references of the page are relative to.
    pub(super) fn items(self, base: &Url) -> Vec<Item> {
        let Self(mut graph) = self;
        graph.resolve(base);
        let mut items = graph.items();
        if graph.is_cut {
            let why = "cut: the page has too many properties, or too much in them";
            items.push(Item::broken(ItemFormat::Microdata, why.into()));
        }
        items.finish()
    }
}

/// How much microdata a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    Nothing,
    /// Items.
    Items,
    /// Items that refer to elements elsewhere on the page, by their ids.
    References,
}

impl Extent {
    /// That of a page which writes its attributes in small letters, as nearly all do.
    pub(super) fn guess(html: &str) -> Self {
        let has = |name: &str| memmem::find(html.as_bytes(), name.as_bytes()).is_some();
        match has("itemscope") {
            false => Self::Nothing,
            true if has("itemref") => Self::References,
            true => Self::Items,
        }
    }

    /// What a tag adds.
    pub(super) fn of(tag: &Tag<'_>) -> Self {
        match tag.has(Attribute::ItemScope) {
            false => Self::Nothing,
            true if tag.has(Attribute::ItemRef) => Self::References,
            true => Self::Items,
        }
    }
}

/// The microdata of a page, while it is read.
pub(super) struct Reading {
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

impl Reading {
    /// For a page of so many bytes.
    pub(super) fn new(extent: Extent, bytes: usize) -> Self {
        Self {
            has_refs: extent == Extent::References,
            open: OpenElements::default(),
            graph: Graph::new(),
            text: Vec::new(),
            texts: Vec::new(),
            cap: bytes,
        }
    }

    pub(super) fn finish(mut self) -> Microdata {
        let Self { open, graph, text, texts, .. } = &mut self;
        open.finish(|node| close(graph, text, texts, node));
        Microdata(self.graph)
    }

    /// The node of an element, if it is one that matters.
    fn node(&self, tag: &Tag<'_>) -> Option<Node> {
        let id = tag.get(Attribute::Id).filter(|_| self.has_refs);
        let names = tag.get(Attribute::ItemProp).map(|it| names(&it)).unwrap_or_default();
        let scope = tag.has(Attribute::ItemScope).then(|| Scope {
            types: tag.get(Attribute::ItemType).map(|it| self::names(&it)).unwrap_or_default(),
            id: tag.get(Attribute::ItemId).map(|id| reference(&id)),
            refs: tag.get(Attribute::ItemRef).map(|it| self::names(&it)).unwrap_or_default(),
        });
        if id.is_none() && names.is_empty() && scope.is_none() {
            return None;
        }
        let value = if scope.is_none() && !names.is_empty() { value(tag) } else { Value::None };
        let id = id.map(|id| cut(&id, MAX_NAME_BYTES));
        Some(Node { parent: self.open.nodes().next(), id, names, scope, value })
    }

    /// Text of the page. Of the innermost property more than is kept adds nothing, and
    /// those around it have as much.
    fn push(&mut self, text: &[u8]) {
        if let Some((_, from)) = self.texts.last()
            && self.text.len() < from + MAX_FIELD_BYTES + 2
        {
            push_folded(&mut self.text, text, self.cap);
        }
    }
}

impl Sink for Reading {
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

/// The value of a property, as far as its start tag says it (5.2.4).
fn value(tag: &Tag<'_>) -> Value {
    let text = |attribute| tag.get(attribute).map(|it| cut(it.trim(), MAX_FIELD_BYTES));
    let url = |attribute| Value::Url(tag.get(attribute).map(|it| reference(&it)));
    if let Some(content) = text(Attribute::Content) {
        return Value::Text(content);
    }
    match tag.name {
        b"meta" => Value::Text(String::new()),
        b"audio" | b"embed" | b"iframe" | b"img" | b"source" | b"track" | b"video" => {
            url(Attribute::Src)
        }
        b"a" | b"area" | b"link" => url(Attribute::Href),
        b"object" => url(Attribute::Data),
        b"data" | b"meter" => Value::Text(text(Attribute::Value).unwrap_or_default()),
        b"time" => text(Attribute::DateTime).map_or(Value::Open, Value::Text),
        _ => Value::Open,
    }
}

/// A reference, as it is kept until the base is known.
fn reference(href: &str) -> String {
    cut(href.trim(), MAX_FIELD_BYTES)
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
        crate::extract::items(html, &Url::parse("https://example.org/").unwrap())
    }

    #[test]
    fn items_are_found_however_and_wherever_they_are_written() {
        for page in [
            "<div itemscope itemref=x><p id=x itemprop=a>b",
            "<SPAN ITEMSCOPE ItemRef=x></SPAN><p id=x itemprop=a>b",
            "<p id=x itemprop=a>b</p><span itemscope ITEMREF=x>",
            "<a itemscope><i itemprop=a> b </i></a>",
        ] {
            let json: Vec<_> = items(page).into_iter().map(|item| item.json.unwrap()).collect();
            assert_eq!(json, [r#"{"a":"b"}"#], "{page}");
        }
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
