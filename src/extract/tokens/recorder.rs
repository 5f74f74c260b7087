//! What did the reader give? (tests)

use super::attributes::{ATTRIBUTES, OF_TEXT};
use super::{Attribute, Sink, Tag, read};

/// Something that came out of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Start {
        name: String,
        attributes: Vec<(String, String)>,
        self_closing: bool,
        is_foreign: bool,
    },
    End(String),
    /// Neighbouring pieces are one text.
    Text {
        text: String,
        raw: Option<String>,
    },
}

/// Adds a text to the one before it if they belong together.
pub(super) fn push_text(events: &mut Vec<Event>, piece: &str, raw: Option<&str>) {
    match events.last_mut() {
        Some(Event::Text { text, raw: before }) if before.as_deref() == raw => text.push_str(piece),
        _ if piece.is_empty() => {}
        _ => events.push(Event::Text { text: piece.to_owned(), raw: raw.map(str::to_owned) }),
    }
}

#[derive(Default)]
struct Recorder(Vec<Event>);

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("pieces end between characters")
}

impl Sink for Recorder {
    fn start(&mut self, tag: &Tag<'_>) {
        let attributes = tag.all();
        for (name, attribute) in ATTRIBUTES {
            let expected = attributes.iter().find(|(known, _)| known.as_bytes() == *name);
            assert_eq!(tag.get(*attribute).as_deref(), expected.map(|(_, value)| &**value));
        }
        let leads = |(name, _): &(String, String)| {
            let is_it = |(known, attribute): &&(&[u8], Attribute)| {
                *known == name.as_bytes() && OF_TEXT & 1 << *attribute as u32 == 0
            };
            ATTRIBUTES.iter().any(|known| is_it(&known))
        };
        assert_eq!(tag.has_attributes(), attributes.iter().any(leads));
        self.0.push(Event::Start {
            name: text_of(tag.name),
            attributes,
            self_closing: tag.self_closing,
            is_foreign: tag.is_foreign,
        });
    }

    fn end(&mut self, name: &[u8]) {
        self.0.push(Event::End(text_of(name)));
    }

    fn text(&mut self, text: &[u8], raw: Option<&[u8]>) {
        assert!(!text.is_empty(), "no empty pieces");
        push_text(&mut self.0, &text_of(text), raw.map(text_of).as_deref());
    }
}

/// Everything that comes out of `html`.
pub(super) fn events(html: &str) -> Vec<Event> {
    read(html, Recorder::default()).0
}

/// The same in one line: foreign elements with `:` before their names, raw text in braces.
pub(super) fn spelled(html: &str) -> String {
    let spell = |event: Event| match event {
        Event::Start { name, attributes, self_closing, is_foreign } => {
            let colon = if is_foreign { ":" } else { "" };
            let attributes: String =
                attributes.iter().map(|(name, value)| format!(" {name}={value:?}")).collect();
            let slash = if self_closing { "/" } else { "" };
            format!("<{colon}{name}{attributes}{slash}>")
        }
        Event::End(name) => format!("</{name}>"),
        Event::Text { text, raw: None } => text,
        Event::Text { text, raw: Some(raw) } => format!("{{{raw}: {text}}}"),
    };
    events(html).into_iter().map(spell).collect()
}
