//! What does an element of a tree say: its text, its HTML, an attribute?

use std::io::{self, Write};

use ego_tree::iter::Edge;
use html5ever::serialize::{SerializeOpts, TraversalScope, serialize};
use scraper::{ElementRef, Node};

use super::page::is_inline;
use super::{folded_text, push_folded};

/// The text of an element, white space folded, at most `cap` bytes of it. Blocks and
/// line breaks stand apart; scripts and styles are no text, unless one is asked for.
pub(super) fn text(element: ElementRef<'_>, cap: usize) -> String {
    let mut folded = Vec::new();
    let mut hidden = None;
    for edge in element.traverse() {
        let (node, is_start) = match edge {
            Edge::Open(node) => (node, true),
            Edge::Close(node) => (node, false),
        };
        if hidden.is_some() {
            hidden = hidden.filter(|hidden| is_start || *hidden != node.id());
            continue;
        }
        match node.value() {
            Node::Text(text) if is_start => push_folded(&mut folded, text.as_bytes(), cap),
            Node::Element(inner) => {
                let is_hidden = matches!(inner.name(), "script" | "style");
                if is_hidden && is_start && node.id() != element.id() {
                    hidden = Some(node.id());
                } else if !is_inline(inner.name().as_bytes()) {
                    push_folded(&mut folded, b" ", cap);
                }
            }
            _ => {}
        }
        if folded.len() >= cap {
            break;
        }
    }
    folded_text(&folded)
}

/// The element as HTML, or what is within it; at most `cap` bytes.
pub(super) fn html(element: ElementRef<'_>, is_inner: bool, cap: usize) -> String {
    let traversal_scope =
        if is_inner { TraversalScope::ChildrenOnly(None) } else { TraversalScope::IncludeNode };
    let options =
        SerializeOpts { scripting_enabled: false, traversal_scope, create_missing_parent: false };
    let mut html = Capped { bytes: Vec::new(), cap };
    // It fails where the cap is reached, and what came before stays.
    serialize(&mut html, &element, options).ok();
    match String::from_utf8(html.bytes) {
        Ok(html) => html,
        Err(error) => {
            let end = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(end);
            String::from_utf8(bytes).expect("cut before what is none")
        }
    }
}

/// Takes bytes up to a cap.
struct Capped {
    bytes: Vec<u8>,
    cap: usize,
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.cap - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room { Err(io::ErrorKind::WriteZero.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use scraper::Selector;

    use super::*;
    use crate::extract::tree::{Deadline, tree};

    fn of<T>(page: &str, css: &str, take: impl Fn(ElementRef<'_>) -> T) -> T {
        let (html, _) = tree(page, &mut Deadline::never());
        let selector = Selector::parse(css).unwrap();
        take(html.select(&selector).next().unwrap())
    }

    #[test]
    fn text_is_what_is_read() {
        #[rustfmt::skip]
        let cases = [
            ("<p> a <b>b</b>c\n<i>d</i> </p>",               "p",      "a bc d"),
            ("<div><p>a</p><p>b</p>c<br>d</div>",            "div",    "a b c d"),
            ("<table><tr><td>a<td>b<tr><td>c</table>",       "table",  "a b c"),
            ("<div>a<script>b</script><style>c</style>d</div>", "div", "ad"),
            ("<div>a<template><p>b</p></template>c</div>",   "div",    "a c"),
            ("<script>b &amp; c</script>",                   "script", "b &amp; c"),
            ("<div>a<!-- b -->c</div>",                      "div",    "ac"),
        ];
        for (page, css, expected) in cases {
            assert_eq!(of(page, css, |element| text(element, 99)), expected, "{page}");
        }
        assert_eq!(of("<p>äöü", "p", |element| text(element, 3)), "ä");
    }

    #[test]
    fn html_is_as_it_would_be_written() {
        let page = "<p class=x>a <b>ä</b>&lt;<br></p>";
        let outer = r#"<p class="x">a <b>ä</b>&lt;<br></p>"#;
        assert_eq!(of(page, "p", |element| html(element, false, 999)), outer);
        assert_eq!(of(page, "p", |element| html(element, true, 999)), "a <b>ä</b>&lt;<br>");
        assert_eq!(of(page, "p", |element| html(element, true, 6)), "a <b>");
    }
}
