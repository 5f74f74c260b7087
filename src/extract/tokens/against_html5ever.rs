//! Does html5ever's tokenizer say the same of tag soup? (tests)
//!
//! Its sink here knows two things only: which elements hold raw text, and whether
//! the whole page is foreign. So a page is either HTML without svg, math and
//! template, or the content of one svg from which no tag leads out.

use std::cell::RefCell;

use html5ever::buffer_queue::BufferQueue;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::recorder::{Event, events, push_text};
use super::soup::{HTML, SVG, Soup};

/// Pages that are compared.
const PAGES: u64 = 5000;

/// What html5ever's tokenizer gives.
struct Reference {
    events: RefCell<Vec<Event>>,
    raw: RefCell<Option<String>>,
    is_foreign: bool,
}

impl Reference {
    fn text(&self, text: &str) {
        push_text(&mut self.events.borrow_mut(), text, self.raw.borrow().as_deref());
    }

    fn tag(&self, tag: &Tag) -> TokenSinkResult<()> {
        self.raw.take();
        let name = tag.name.to_string();
        if tag.kind == TagKind::EndTag {
            self.events.borrow_mut().push(Event::End(name));
            return TokenSinkResult::Continue;
        }
        let kind = match &*name {
            "title" | "textarea" => Some(RawKind::Rcdata),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => Some(RawKind::Rawtext),
            "script" => Some(RawKind::ScriptData),
            _ => None,
        };
        let kind = kind.filter(|_| !self.is_foreign);
        let is_plaintext = name == "plaintext" && !self.is_foreign;
        if kind.is_some() || is_plaintext {
            self.raw.replace(Some(name.clone()));
        }
        let attributes = tag.attrs.iter().map(|a| (a.name.local.to_string(), a.value.to_string()));
        self.events.borrow_mut().push(Event::Start {
            name,
            attributes: attributes.collect(),
            self_closing: tag.self_closing,
            is_foreign: self.is_foreign,
        });
        match kind {
            Some(kind) => TokenSinkResult::RawData(kind),
            None if is_plaintext => TokenSinkResult::Plaintext,
            None => TokenSinkResult::Continue,
        }
    }
}

impl TokenSink for Reference {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => return self.tag(&tag),
            Token::CharacterTokens(text) => self.text(&text),
            Token::NullCharacterToken if self.is_foreign => self.text("\u{FFFD}"),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.is_foreign
    }
}

fn reference(html: &str, is_foreign: bool) -> Vec<Event> {
    let sink = Reference { events: RefCell::default(), raw: RefCell::default(), is_foreign };
    let options = TokenizerOpts { discard_bom: false, ..TokenizerOpts::default() };
    let tokenizer = Tokenizer::new(sink, options);
    let input = BufferQueue::default();
    input.push_back(html.into());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.events.into_inner()
}

/// Compares one page, as HTML or as the content of an svg.
fn compare(seed: u64, html: &str, is_foreign: bool) {
    let ours = if is_foreign { events(&format!("<svg>{html}")).split_off(1) } else { events(html) };
    assert_eq!(ours, reference(html, is_foreign), "seed {seed}, foreign {is_foreign}: {html:?}");
}

#[test]
fn tag_soup_comes_out_as_from_html5ever() {
    for seed in 0..PAGES {
        let mut soup = Soup::new(seed);
        compare(seed, &soup.page(HTML), false);
        compare(seed, &soup.page(SVG), true);
    }
}
