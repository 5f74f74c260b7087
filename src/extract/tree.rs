//! How does a page become a tree that cannot explode?
//!
//! Only for what a user asks for by CSS is a page a tree. Tree builders make
//! much of little: a page of 40 KB can become four million nodes. So this one
//! stands between the parser and the tree, and takes no more once there are too
//! many nodes, too much text in them or too many within each other; the page is
//! fed in small pieces, and the clock looked at between them.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute, ParseOpts, QualName};
use scraper::{Html, HtmlTreeSink};

/// Nodes of a tree at most: 40 MiB. A page of 4 MB written by people has 245 000.
const MAX_NODES: usize = 300_000;
/// Nodes that any page may have, however short it is.
const FEW_NODES: usize = 4096;
/// Bytes of text and attributes in a tree at most.
const MAX_BYTES: usize = 16 << 20;
/// Bytes that an attribute takes besides its value.
const ATTRIBUTE_BYTES: usize = 48;
/// Elements within each other at most, as in browsers.
const MAX_DEPTH: usize = 512;
/// Bytes that are fed before it is asked whether to go on. Each three may become as
/// many nodes as elements stand within each other; fewer cost more to feed.
const PIECE: usize = 256;
/// What it takes to feed one, in steps of [`Deadline`].
const STEPS_OF_PIECE: u32 = 8;

/// Why a page was not looked through whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its tree has too many nodes, or too much in them.
    Size,
    /// Its elements stand too deep within each other.
    Depth,
    /// It takes too long.
    Time,
    /// It gives too many rows, or too much in them.
    Rows,
}

impl Cut {
    /// The name that the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Depth => "depth",
            Self::Time => "time",
            Self::Rows => "rows",
        }
    }
}

/// Steps between two looks at the clock: an element that is looked at is one.
pub(super) const LOOK_EVERY: u32 = 32;

/// How long a page may take.
#[derive(Clone, Debug)]
pub(super) struct Deadline {
    clock: fn() -> Duration,
    end: Duration,
    /// Since the clock was looked at.
    steps: Cell<u32>,
    is_over: Cell<bool>,
}

impl Deadline {
    /// Once `clock`, which says what was spent so far, is `allowance` further.
    pub(super) fn after(clock: fn() -> Duration, allowance: Duration) -> Self {
        Self { clock, end: clock().saturating_add(allowance), ..Self::never() }
    }

    /// Never.
    pub(super) fn never() -> Self {
        let (steps, is_over) = (Cell::new(0), Cell::new(false));
        Self { clock: || Duration::ZERO, end: Duration::MAX, steps, is_over }
    }

    /// Whether it has passed. To ask the clock takes as long as [`LOOK_EVERY`] `steps`,
    /// so it is looked at once they were made.
    pub(super) fn has_passed(&self, steps: u32) -> bool {
        self.steps.set(self.steps.get().saturating_add(steps));
        if !self.is_over.get() && self.steps.get() >= LOOK_EVERY {
            self.steps.set(0);
            self.is_over.set((self.clock)() > self.end);
        }
        self.is_over.get()
    }

    /// Whether it was found to have passed.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.get()
    }
}

/// The tree of a page, as far as it was let grow, and what ended that.
pub(super) fn tree(html: &str, deadline: &Deadline) -> (Html, Option<Cut>) {
    let mut options = ParseOpts::default();
    // We run no scripts, so noscript is markup.
    options.tree_builder.scripting_enabled = false;
    let mut parser = html5ever::driver::parse_document(Capped::new(html.len()), options);
    let mut rest = html;
    let mut cut = None;
    while !rest.is_empty() && cut.is_none() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE.min(rest.len())));
        parser.process(piece.into());
        rest = after;
        let is_late = !rest.is_empty() && deadline.has_passed(STEPS_OF_PIECE);
        cut = parser.tokenizer.sink.sink.cut.get().or(is_late.then_some(Cut::Time));
    }
    (parser.finish(), cut)
}

/// A tree that grows no further than it may.
struct Capped {
    tree: HtmlTreeSink,
    max_nodes: usize,
    /// What is left of [`MAX_BYTES`].
    room: Cell<usize>,
    cut: Cell<Option<Cut>>,
    /// The contents of each template, which hang nowhere.
    templates: RefCell<HashMap<<Self as TreeSink>::Handle, <Self as TreeSink>::Handle>>,
}

impl Capped {
    fn new(page_bytes: usize) -> Self {
        // What a page is written with has fewer nodes than bytes, unless it is made to explode.
        let max_nodes = page_bytes.saturating_add(FEW_NODES).min(MAX_NODES);
        Self {
            tree: HtmlTreeSink::new(Html::new_document()),
            max_nodes,
            room: Cell::new(MAX_BYTES),
            cut: Cell::new(None),
            templates: RefCell::default(),
        }
    }

    /// Whether there is room for a node and for so many bytes, which then are taken.
    fn takes(&self, bytes: usize) -> bool {
        let left = self.room.get().checked_sub(bytes);
        let takes = left.is_some() && self.tree.0.borrow().tree.nodes().len() < self.max_nodes;
        match left {
            Some(left) if takes => self.room.set(left),
            _ => self.cut.set(self.cut.get().or(Some(Cut::Size))),
        }
        takes
    }

    /// The text, if there is room for it.
    fn text(&self, text: StrTendril) -> StrTendril {
        if self.takes(text.len()) { text } else { StrTendril::new() }
    }

    /// The attributes, if there is room for them.
    fn attributes(&self, attributes: Vec<Attribute>) -> Vec<Attribute> {
        let bytes = attributes.iter().map(|it| ATTRIBUTE_BYTES + it.value.len()).sum();
        if self.takes(bytes) { attributes } else { Vec::new() }
    }

    /// What is to be hung up below or beside `place`.
    fn child(
        &self,
        place: <Self as TreeSink>::Handle,
        child: NodeOrText<<Self as TreeSink>::Handle>,
    ) -> NodeOrText<<Self as TreeSink>::Handle> {
        match child {
            NodeOrText::AppendText(text) => NodeOrText::AppendText(self.text(text)),
            node @ NodeOrText::AppendNode(_) => {
                let html = self.tree.0.borrow();
                let place = html.tree.get(place).expect("the parser names what is there");
                if place.ancestors().take(MAX_DEPTH).count() == MAX_DEPTH {
                    self.cut.set(self.cut.get().or(Some(Cut::Depth)));
                }
                node
            }
        }
    }
}

impl TreeSink for Capped {
    type Handle = <HtmlTreeSink as TreeSink>::Handle;
    type Output = Html;
    type ElemName<'a> = <HtmlTreeSink as TreeSink>::ElemName<'a>;

    fn finish(self) -> Html {
        self.tree.finish()
    }

    /// A page may have as many errors as bytes, and nobody asks for them.
    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Self::Handle {
        self.tree.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a Self::Handle) -> Self::ElemName<'a> {
        self.tree.elem_name(target)
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        flags: ElementFlags,
    ) -> Self::Handle {
        let is_template = flags.template;
        let element = self.tree.create_element(name, self.attributes(attributes), flags);
        if is_template {
            // What is in it is no part of the page.
            let mut html = self.tree.0.borrow_mut();
            let mut template = html.tree.get_mut(element).expect("it was just made");
            let mut contents = template.first_child().expect("a template is made with contents");
            contents.detach();
            self.templates.borrow_mut().insert(element, contents.id());
        }
        element
    }

    fn create_comment(&self, text: StrTendril) -> Self::Handle {
        self.tree.create_comment(self.text(text))
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Self::Handle {
        self.tree.create_pi(self.text(target), self.text(data))
    }

    fn append(&self, parent: &Self::Handle, child: NodeOrText<Self::Handle>) {
        self.tree.append(parent, self.child(*parent, child));
    }

    fn append_before_sibling(&self, sibling: &Self::Handle, child: NodeOrText<Self::Handle>) {
        self.tree.append_before_sibling(sibling, self.child(*sibling, child));
    }

    fn append_based_on_parent_node(
        &self,
        element: &Self::Handle,
        previous: &Self::Handle,
        child: NodeOrText<Self::Handle>,
    ) {
        let child = self.child(*element, child);
        self.tree.append_based_on_parent_node(element, previous, child);
    }

    fn append_doctype_to_document(
        &self,
        name: StrTendril,
        public_id: StrTendril,
        system_id: StrTendril,
    ) {
        let [name, public_id, system_id] = [name, public_id, system_id].map(|it| self.text(it));
        self.tree.append_doctype_to_document(name, public_id, system_id);
    }

    fn get_template_contents(&self, target: &Self::Handle) -> Self::Handle {
        self.templates.borrow()[target]
    }

    fn same_node(&self, one: &Self::Handle, other: &Self::Handle) -> bool {
        self.tree.same_node(one, other)
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.tree.set_quirks_mode(mode);
    }

    fn add_attrs_if_missing(&self, target: &Self::Handle, attributes: Vec<Attribute>) {
        self.tree.add_attrs_if_missing(target, self.attributes(attributes));
    }

    fn remove_from_parent(&self, target: &Self::Handle) {
        self.tree.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &Self::Handle, new_parent: &Self::Handle) {
        self.tree.reparent_children(node, new_parent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(html: &str) -> Option<Cut> {
        tree(html, &Deadline::never()).1
    }

    #[test]
    fn hostile_pages_are_cut_and_others_are_not() {
        let formatting: String = (0..3000).map(|n| format!("<b a{n}><p>")).collect();
        // What comes behind `</body>` hangs near the root, whatever is still open.
        let hidden = format!("{}</body><!---->", "<div>".repeat(10)).repeat(2000);
        assert_eq!(cut(&formatting), Some(Cut::Size));
        assert_eq!(cut(&hidden), Some(Cut::Depth));
        assert_eq!(cut(&"<div>".repeat(64_000)), Some(Cut::Depth));
        assert_eq!(cut(&"<div>".repeat(400)), None);
        assert_eq!(cut(&"<br>".repeat(310_000)), Some(Cut::Size));
        assert_eq!(cut(&format!("<p>{}", "x".repeat(17 << 20))), Some(Cut::Size));
        assert_eq!(cut(&"<table><tr><td>x</table>".repeat(9000)), None);
    }

    #[test]
    fn clones_of_large_elements_take_room() {
        let attributes: String = (0..20_000).map(|n| format!(" a{n}={n}")).collect();
        let page = format!("<p><b{attributes}></p>{}", "<p>x".repeat(100));
        let (html, cut) = tree(&page, &Deadline::never());
        assert_eq!(cut, Some(Cut::Size));
        let attributes = html.tree.values().filter_map(|node| node.as_element());
        let bytes: usize = attributes.map(|element| element.attrs.len() * ATTRIBUTE_BYTES).sum();
        assert!(bytes <= MAX_BYTES, "{bytes}");
    }

    #[test]
    fn a_page_that_takes_too_long_is_cut() {
        use std::sync::atomic::{AtomicU64, Ordering};
        static TICKS: AtomicU64 = AtomicU64::new(0);
        let clock = || Duration::from_secs(TICKS.fetch_add(1, Ordering::Relaxed));
        let deadline = Deadline::after(clock, Duration::from_secs(3));
        let (html, cut) = tree(&"<p>x".repeat(90_000), &deadline);
        assert_eq!(cut, Some(Cut::Time));
        assert!(html.tree.nodes().len() < 90_000);
    }
}
