//! What stands in a sitemap or feed of XML?
//!
//! A record is a `<url>`, `<sitemap>`, `<item>` or `<entry>`; its fields are its
//! own children. Names are compared without their namespace, as many files have
//! a wrong one or none; but a field has the prefix of its record or none, so
//! that `<image:loc>` and `<xhtml:link>` are not taken for the page's URL.
//!
//! No tree and no stack: a counter tells how deep below its record an element
//! stands, and the record's own end tag resets it, so that an unclosed tag
//! spoils one record at most.

use quick_xml::Reader;
use quick_xml::errors::Error;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::{Entry, Flaw, Kind, Limits, Sitemap, looks_like_url};

/// The longest text of a field; a longer one is ignored.
pub(super) const MAX_TEXT_BYTES: usize = 8192;
/// Elements open at once. The reader keeps their names; more than one unclosed
/// tag for each URL of a full sitemap can only be an attack.
const MAX_DEPTH: usize = 100_000;
/// Syntax errors survived. Each may cost a look at the whole rest.
const MAX_SYNTAX_ERRORS: usize = 20;

/// Reads all entries of `text`.
pub(super) fn read(text: &str, limits: Limits) -> Sitemap {
    let mut document = Document {
        text,
        limits,
        sitemap: Sitemap::new(Kind::Urls),
        kind: None,
        record: None,
        depth: 0,
    };
    let mut from = 0;
    for _ in 0..MAX_SYNTAX_ERRORS {
        match document.read_from(from) {
            Some(behind_error) => from = behind_error,
            None => return document.finish(),
        }
    }
    document.sitemap.cut = true;
    let what = format!("more than {MAX_SYNTAX_ERRORS} errors; the rest is not read");
    document.sitemap.end_with(text, from, Flaw::Syntax, &what);
    document.finish()
}

/// A document while it is read.
struct Document<'a> {
    text: &'a str,
    limits: Limits,
    sitemap: Sitemap,
    /// Known from the first element that tells.
    kind: Option<Kind>,
    record: Option<Record>,
    /// Elements open, as far as end tags can be trusted.
    depth: usize,
}

/// A record while it is read.
struct Record {
    /// With its prefix.
    name: String,
    /// Where it begins in the text.
    at: usize,
    /// Elements open inside it: 0 in its own text, 1 in that of its children.
    depth: usize,
    /// The child being read, if it is a field.
    field: Option<Field>,
    /// The text of `field`.
    field_text: String,
    /// The text between the children.
    own_text: String,
    entry: Entry,
}

/// What a child of a record may tell.
#[derive(Clone, Copy)]
enum Field {
    Url,
    LastModified,
    ChangeFrequency,
    Priority,
}

impl Document<'_> {
    /// Reads on from byte `from` to the end, or to where one can go on after a
    /// syntax error, because the reader itself does not.
    fn read_from(&mut self, from: usize) -> Option<usize> {
        let mut reader = Reader::from_str(&self.text[from..]);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        let place = |at: u64| from + usize::try_from(at).expect("a place in a text in memory");

        while !self.sitemap.cut {
            let at = place(reader.buffer_position());
            match reader.read_event() {
                Ok(Event::Eof) => return None,
                Ok(event) => self.on_event(&event, at),
                // The reader is behind it already.
                Err(Error::IllFormed(error)) => self.report(at, Flaw::Syntax, &error.to_string()),
                Err(error) => {
                    let at = place(reader.error_position());
                    self.report(at, Flaw::Syntax, &error.to_string());
                    return Some(self.text.ceil_char_boundary(at + 1));
                }
            }
        }
        None
    }

    fn on_event(&mut self, event: &Event, at: usize) {
        match event {
            Event::Start(tag) => self.on_start(tag, at),
            Event::Empty(tag) => {
                self.on_start(tag, at);
                self.on_end(tag.name().as_ref(), at);
            }
            Event::End(tag) => self.on_end(tag.name().as_ref(), at),
            Event::Text(text) => {
                if text.starts_with('&') && self.current_text().is_some() {
                    self.report(at, Flaw::Syntax, "& that should be &amp;");
                }
                self.on_text(text);
            }
            Event::CData(text) => self.on_text(text),
            Event::GeneralRef(reference) => self.on_reference(reference, at),
            // Comments, declarations; a DOCTYPE, whose entities we do not want.
            _ => {}
        }
    }

    fn on_start(&mut self, tag: &BytesStart, at: usize) {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.report(at, Flaw::Syntax, "too many elements inside each other");
            self.sitemap.cut = true;
            return;
        }
        let name = tag.name();
        let (prefix, local) = split(name.as_ref());
        self.kind = self.kind.or_else(|| kind_of(local));
        let Some(kind) = self.kind else { return };

        let starts_record = self.record.as_ref().is_none_or(|record| record.name == name.as_ref());
        if starts_record && is_record(kind, local) {
            self.close_record(true);
            self.record = Some(Record::new(name.as_ref(), at));
        } else if let Some(record) = &mut self.record {
            record.depth += 1;
            let is_own = prefix.is_empty() || prefix == split(&record.name).0;
            let field = field_of(kind, local).filter(|_| is_own && record.depth == 1);
            if let Some(field) = field {
                record.begin(field, tag);
            }
        }
    }

    fn on_end(&mut self, name: &str, at: usize) {
        self.depth = self.depth.saturating_sub(1);
        let Some(record) = &mut self.record else { return };
        if record.name == name {
            self.close_record(true);
            return;
        }
        record.depth = record.depth.saturating_sub(1);
        if record.depth == 0 && !record.end_field() {
            self.report(at, Flaw::Entry, "a text of more than 8 KiB");
        }
    }

    fn on_text(&mut self, text: &str) {
        let Some(current) = self.current_text() else { return };
        let text = if current.is_empty() { text.trim_start() } else { text };
        // One byte more than the limit tells that there was more.
        let room = (MAX_TEXT_BYTES + 1).saturating_sub(current.len());
        current.push_str(&text[..text.ceil_char_boundary(room)]);
    }

    /// `&name;`: replaced if XML itself defines it, kept as written if not.
    fn on_reference(&mut self, reference: &BytesRef, at: usize) {
        match resolve(reference) {
            Some(text) => self.on_text(&text),
            None if self.current_text().is_some() => {
                self.report(at, Flaw::Syntax, "an unknown entity, or & that should be &amp;");
                for text in ["&", reference, ";"] {
                    self.on_text(text);
                }
            }
            None => {}
        }
    }

    /// Where text belongs at this place, if it matters.
    fn current_text(&mut self) -> Option<&mut String> {
        match self.record.as_mut()? {
            Record { depth: 0, own_text, .. } => Some(own_text),
            Record { depth: 1, field: Some(_), field_text, .. } => Some(field_text),
            _ => None,
        }
    }

    /// Takes what the record tells. If it is not `complete`, because the text
    /// ends in it, then without what it is just telling: half a URL is another URL.
    fn close_record(&mut self, complete: bool) {
        let Some(mut record) = self.record.take() else { return };
        if complete && !record.end_field() {
            self.report(record.at, Flaw::Entry, "a text of more than 8 KiB");
        }
        let mut entry = record.entry;
        // Some write <sitemap>https://…</sitemap>, without <loc>.
        let own_text = record.own_text.trim();
        if entry.url.is_empty() && complete && looks_like_url(own_text) {
            own_text.clone_into(&mut entry.url);
        }
        if entry.url.is_empty() {
            self.report(record.at, Flaw::Entry, "an entry without a URL");
        } else {
            self.sitemap.push(entry, self.text, record.at, self.limits);
        }
    }

    fn finish(mut self) -> Sitemap {
        let end = self.text.len();
        if !self.sitemap.cut && self.depth > 0 {
            self.report(
                end,
                Flaw::Syntax,
                "an element is not closed; is the end of the file missing?",
            );
        }
        self.close_record(false);
        match self.kind {
            Some(kind) => self.sitemap.kind = kind,
            None => {
                self.report(0, Flaw::Format, "neither <urlset>, <sitemapindex>, <rss> nor <feed>");
            }
        }
        self.sitemap
    }

    fn report(&mut self, at: usize, flaw: Flaw, what: &str) {
        self.sitemap.report(self.text, at, flaw, what);
    }
}

impl Record {
    fn new(name: &str, at: usize) -> Self {
        Self {
            name: name.to_owned(),
            at,
            depth: 0,
            field: None,
            field_text: String::new(),
            own_text: String::new(),
            entry: Entry::default(),
        }
    }

    /// Begins to read a field; that of an Atom link is in the tag itself.
    fn begin(&mut self, field: Field, tag: &BytesStart) {
        self.field_text.clear();
        match (field, link_of(tag)) {
            (Field::Url, Link::To(url)) => self.set(field, &url),
            (Field::Url, Link::Other) => {}
            _ => self.field = Some(field),
        }
    }

    /// Takes the field just read, if any; says whether it was short enough.
    fn end_field(&mut self) -> bool {
        let Some(field) = self.field.take() else { return true };
        let text = std::mem::take(&mut self.field_text);
        self.set(field, text.trim());
        text.trim().len() <= MAX_TEXT_BYTES
    }

    /// The first of several counts.
    fn set(&mut self, field: Field, text: &str) {
        if text.is_empty() || text.len() > MAX_TEXT_BYTES {
            return;
        }
        let entry = &mut self.entry;
        match field {
            Field::Url if entry.url.is_empty() => text.clone_into(&mut entry.url),
            Field::Url => {}
            Field::LastModified => _ = entry.lastmod.get_or_insert_with(|| text.to_owned()),
            Field::ChangeFrequency => _ = entry.changefreq.get_or_insert_with(|| text.to_owned()),
            Field::Priority => {
                let priority = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
                entry.priority = entry.priority.or(priority);
            }
        }
    }
}

/// The attributes of a field's tag, as Atom uses them (RFC 4287 §4.2.7).
enum Link {
    /// To the entry's page: `rel` is `alternate` or absent.
    To(String),
    /// To something else.
    Other,
    /// No `href`: not Atom, the text is the value.
    None,
}

/// Reads attributes up to the first that cannot be read.
fn link_of(tag: &BytesStart) -> Link {
    let (mut href, mut is_page) = (None, true);
    // Without checks: comparing each attribute with all others would be quadratic.
    for attribute in tag.attributes().with_checks(false).map_while(Result::ok) {
        match attribute.key.as_ref() {
            "href" => href = Some(resolve_all(attribute.value.trim())),
            "rel" => is_page = attribute.value.eq_ignore_ascii_case("alternate"),
            _ => {}
        }
    }
    match href {
        Some(url) if is_page => Link::To(url),
        Some(_) => Link::Other,
        None => Link::None,
    }
}

/// What `&name;` stands for in XML without a DOCTYPE.
fn resolve(reference: &BytesRef) -> Option<String> {
    match reference.resolve_char_ref() {
        Ok(Some(char)) => Some(char.into()),
        Ok(None) => resolve_predefined_entity(reference).map(str::to_owned),
        Err(_) => None,
    }
}

/// `text` with all references replaced that [`resolve`] knows.
fn resolve_all(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut pieces = text.split('&');
    resolved.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let known = piece
            .split_once(';')
            .and_then(|(name, after)| resolve(&BytesRef::new(name)).map(|text| (text, after)));
        let (replaced, after) = known.unwrap_or_else(|| ("&".to_owned(), piece));
        resolved.push_str(&replaced);
        resolved.push_str(after);
    }
    resolved
}

/// Prefix and local part of an element's name.
fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

/// The kind of sitemap in which an element stands, if only one has it.
fn kind_of(element: &str) -> Option<Kind> {
    match element {
        "urlset" | "url" => Some(Kind::Urls),
        "sitemapindex" | "sitemap" => Some(Kind::Index),
        "rss" | "RDF" | "feed" => Some(Kind::Feed),
        _ => None,
    }
}

fn is_record(kind: Kind, element: &str) -> bool {
    match kind {
        Kind::Urls => element == "url",
        Kind::Index => element == "sitemap",
        Kind::Feed => element == "item" || element == "entry",
        Kind::Text => false,
    }
}

fn field_of(kind: Kind, element: &str) -> Option<Field> {
    match (kind, element) {
        (Kind::Urls | Kind::Index, "loc") | (Kind::Feed, "link") => Some(Field::Url),
        (Kind::Urls | Kind::Index, "lastmod") | (Kind::Feed, "pubDate" | "updated") => {
            Some(Field::LastModified)
        }
        (Kind::Urls, "changefreq") => Some(Field::ChangeFrequency),
        (Kind::Urls, "priority") => Some(Field::Priority),
        _ => None,
    }
}
