//! Which tags and texts does a page consist of?
//!
//! html5gum's tokenizer with an emitter of our own, which keeps of each tag only
//! the attributes that somebody asks for, in one reused buffer. It also plays
//! the small part of the tree builder without which a tokenizer goes wrong: the
//! raw-text elements (WHATWG HTML 13.2.6.4), and whether we are inside svg or
//! math (13.2.6.5), where those rules are off. noscript is read as markup, since
//! we run no scripts.

use std::convert::Infallible;

use html5gum::emitters::Emitter;
use html5gum::{Error, State, Tokenizer};

/// Bytes of an attribute's value that are kept; longer ones are cut.
const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Foreign elements whose nesting is followed.
const MAX_FOREIGN: usize = 256;

macro_rules! attributes {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// The attributes that are kept.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Attribute { $($name),* }

        const ATTRIBUTES: usize = [$(Attribute::$name),*].len();

        fn attribute(name: &[u8]) -> Option<Attribute> {
            match name { $($text => Some(Attribute::$name),)* _ => None }
        }
    };
}

attributes! {
    Action = b"action", Alt = b"alt", Background = b"background", Cite = b"cite",
    Content = b"content", Data = b"data", Encoding = b"encoding", Href = b"href",
    Hreflang = b"hreflang", HttpEquiv = b"http-equiv", Id = b"id", ImageSrcset = b"imagesrcset",
    Lang = b"lang", LongDesc = b"longdesc", Name = b"name", Poster = b"poster",
    Property = b"property", Rel = b"rel", Src = b"src", Srcset = b"srcset",
    Type = b"type", XlinkHref = b"xlink:href",
}

/// Where the tags and texts go.
pub(super) trait Sink {
    /// A start tag outside of templates; `self_closing` as written.
    fn start(&mut self, tag: &Tag<'_>);
    /// An end tag, its name in lower case.
    fn end(&mut self, name: &[u8]);
    /// A piece of text of the element `raw` if it is one of raw text; pieces may
    /// end within a character.
    fn text(&mut self, text: &[u8], raw: Option<&[u8]>);
}

/// A start tag with the attributes that are kept.
pub(super) struct Tag<'a> {
    /// In lower case.
    pub(super) name: &'a [u8],
    /// Whether the tag stands inside svg or math.
    pub(super) is_foreign: bool,
    values: &'a Values,
    buffer: &'a [u8],
}

impl Tag<'_> {
    /// Whether the tag has any of the attributes that are kept.
    pub(super) fn has_attributes(&self) -> bool {
        self.values.present != 0
    }

    /// The value of `attribute`, entities resolved; the first wins if there are several.
    pub(super) fn get(&self, attribute: Attribute) -> Option<std::borrow::Cow<'_, str>> {
        let (start, end) = self.values.get(attribute)?;
        Some(String::from_utf8_lossy(&self.buffer[start as usize..end as usize]))
    }
}

/// Where in the buffer the values of a tag's attributes lie.
#[derive(Default)]
struct Values {
    /// A bit for each attribute that the tag has; the places of others are old.
    present: u32,
    places: [(u32, u32); ATTRIBUTES],
}

impl Values {
    fn get(&self, attribute: Attribute) -> Option<(u32, u32)> {
        (self.present & 1 << attribute as u32 != 0).then(|| self.places[attribute as usize])
    }
}

/// Reads `html` into `sink` and gives it back.
pub(super) fn read<S: Sink>(html: &str, sink: S) -> S {
    let mut emitter = TagEmitter::new(sink);
    let tokenizer = Tokenizer::new_with_emitter(html, &mut emitter);
    let Ok(()) = tokenizer.finish();
    emitter.sink
}

struct TagEmitter<S> {
    sink: S,
    name: Vec<u8>,
    is_end: bool,
    self_closing: bool,
    last_start: Vec<u8>,
    attribute_name: Vec<u8>,
    current: Option<Attribute>,
    in_attribute: bool,
    values: Values,
    buffer: Vec<u8>,
    /// Whether the text that comes is that of `last_start`, which is a raw-text element.
    in_raw_text: bool,
    templates: u32,
    foreign: Vec<Foreign>,
}

/// An open element that decides whether its content is foreign.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Foreign {
    Svg,
    Math,
    /// An integration point: HTML within svg or math.
    Html(&'static [u8]),
}

impl<S> TagEmitter<S> {
    fn new(sink: S) -> Self {
        Self {
            sink,
            name: Vec::new(),
            is_end: false,
            self_closing: false,
            last_start: Vec::new(),
            attribute_name: Vec::new(),
            current: None,
            in_attribute: false,
            values: Values::default(),
            buffer: Vec::new(),
            in_raw_text: false,
            templates: 0,
            foreign: Vec::new(),
        }
    }

    fn is_foreign(&self) -> bool {
        matches!(self.foreign.last(), Some(Foreign::Svg | Foreign::Math))
    }

    fn begin_tag(&mut self, is_end: bool) {
        self.name.clear();
        self.is_end = is_end;
        self.self_closing = false;
        self.in_attribute = false;
        self.current = None;
        self.values.present = 0;
        self.buffer.clear();
    }

    /// Decides whether the attribute whose name just ended is kept: the first of its name is.
    fn end_attribute_name(&mut self) {
        if !self.in_attribute {
            return;
        }
        self.in_attribute = false;
        let found = attribute(&self.attribute_name);
        self.current = found.filter(|found| self.values.get(*found).is_none());
        if let Some(current) = self.current {
            let start = u32::try_from(self.buffer.len()).expect("bounded by the attributes kept");
            self.values.present |= 1 << current as u32;
            self.values.places[current as usize] = (start, start);
        }
    }

    /// Follows svg and math and their integration points (WHATWG HTML 13.2.6.5).
    fn enter(&mut self) {
        if self.is_foreign() && is_breakout(&self.name) {
            while self.is_foreign() {
                self.foreign.pop();
            }
        }
        if self.self_closing && (self.is_foreign() || self.name == b"svg" || self.name == b"math") {
            return;
        }
        let element = match (&*self.name, self.foreign.last()) {
            (b"svg", _) => Some(Foreign::Svg),
            (b"math", _) => Some(Foreign::Math),
            (name, Some(Foreign::Svg)) => [b"foreignobject".as_slice(), b"desc", b"title"]
                .into_iter()
                .find(|point| *point == name)
                .map(Foreign::Html),
            (name, Some(Foreign::Math)) => {
                [b"mi".as_slice(), b"mo", b"mn", b"ms", b"mtext", b"annotation-xml"]
                    .into_iter()
                    .find(|point| *point == name)
                    .map(Foreign::Html)
            }
            _ => None,
        };
        if let Some(element) = element.filter(|_| self.foreign.len() < MAX_FOREIGN) {
            self.foreign.push(element);
        }
    }

    fn leave(&mut self) {
        let name = &*self.name;
        let is_match = |element: &Foreign| match element {
            Foreign::Svg => name == b"svg",
            Foreign::Math => name == b"math",
            Foreign::Html(point) => name == *point,
        };
        if let Some(at) = self.foreign.iter().rposition(is_match) {
            self.foreign.truncate(at);
        }
    }
}

impl<S: Sink> TagEmitter<S> {
    fn emit_start(&mut self) -> Option<State> {
        std::mem::swap(&mut self.last_start, &mut self.name);
        self.name.clone_from(&self.last_start);
        let was_title_of_svg = self.is_foreign();
        self.enter();
        if self.templates == 0 {
            let is_foreign = was_title_of_svg || self.is_foreign();
            let Self { sink, name, values, buffer, .. } = self;
            sink.start(&Tag { name, is_foreign, values, buffer });
        }
        if was_title_of_svg && self.foreign.last().is_some() {
            return None;
        }
        if &*self.name == b"template" {
            self.templates += 1;
        }
        let state = raw_text_state(&self.name);
        self.in_raw_text = state.is_some();
        state
    }

    fn emit_end(&mut self) {
        if &*self.name == b"template" {
            self.templates = self.templates.saturating_sub(1);
        }
        self.in_raw_text = false;
        self.leave();
        if self.templates == 0 {
            self.sink.end(&self.name);
        }
    }
}

/// The state in which the content of an element is read, if it is not markup.
fn raw_text_state(name: &[u8]) -> Option<State> {
    match name {
        b"title" | b"textarea" => Some(State::RcData),
        b"style" | b"xmp" | b"iframe" | b"noembed" | b"noframes" => Some(State::RawText),
        b"script" => Some(State::ScriptData),
        b"plaintext" => Some(State::PlainText),
        _ => None,
    }
}

/// Start tags that end svg and math (WHATWG HTML 13.2.6.5).
#[rustfmt::skip]
fn is_breakout(name: &[u8]) -> bool {
    matches!(
        name,
        b"b" | b"big" | b"blockquote" | b"body" | b"br" | b"center" | b"code" | b"dd" | b"div" | b"dl" | b"dt" | b"em"
        | b"embed" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"head" | b"hr" | b"i" | b"img" | b"li"
        | b"listing" | b"menu" | b"meta" | b"nobr" | b"ol" | b"p" | b"pre" | b"ruby" | b"s" | b"small" | b"span"
        | b"strong" | b"strike" | b"sub" | b"sup" | b"table" | b"tt" | b"u" | b"ul" | b"var"
    )
}

impl<S: Sink> Emitter for &mut TagEmitter<S> {
    type Token = Infallible;

    fn init_start_tag(&mut self) {
        self.begin_tag(false);
    }

    fn init_end_tag(&mut self) {
        self.begin_tag(true);
    }

    fn push_tag_name(&mut self, name: &[u8]) {
        if self.name.len() < 64 {
            self.name.extend_from_slice(name);
        }
    }

    fn set_self_closing(&mut self) {
        self.self_closing = true;
    }

    fn init_attribute(&mut self) {
        self.end_attribute_name();
        self.in_attribute = true;
        self.attribute_name.clear();
        self.current = None;
    }

    fn push_attribute_name(&mut self, name: &[u8]) {
        if self.attribute_name.len() < 64 {
            self.attribute_name.extend_from_slice(name);
        }
    }

    fn init_attribute_value(&mut self) {
        self.end_attribute_name();
    }

    fn push_attribute_value(&mut self, value: &[u8]) {
        self.end_attribute_name();
        let Some(current) = self.current else { return };
        let (start, end) = &mut self.values.places[current as usize];
        let room = MAX_VALUE_BYTES.saturating_sub((*end - *start) as usize);
        self.buffer.extend_from_slice(&value[..value.len().min(room)]);
        *end = u32::try_from(self.buffer.len()).expect("bounded by the attributes kept");
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        self.end_attribute_name();
        if self.is_end {
            self.emit_end();
            None
        } else {
            self.emit_start()
        }
    }

    fn emit_string(&mut self, text: &[u8]) {
        if self.templates == 0 {
            let raw = self.in_raw_text.then_some(&*self.last_start);
            self.sink.text(text, raw);
        }
    }

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.is_end && !self.name.is_empty() && self.name == self.last_start
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        self.is_foreign()
    }

    fn set_last_start_tag(&mut self, name: Option<&[u8]>) {
        self.last_start = name.unwrap_or_default().to_vec();
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn pop_token(&mut self) -> Option<Infallible> {
        None
    }

    fn emit_eof(&mut self) {}
    fn emit_error(&mut self, _: Error) {}
    fn init_comment(&mut self) {}
    fn push_comment(&mut self, _: &[u8]) {}
    fn emit_current_comment(&mut self) {}
    fn init_doctype(&mut self) {}
    fn push_doctype_name(&mut self, _: &[u8]) {}
    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}
    fn set_force_quirks(&mut self) {}
    fn emit_current_doctype(&mut self) {}
}
