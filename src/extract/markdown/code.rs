//! What does a block of code hold, and in which language is it?

use super::line::{is_removed, longest_run};
use super::{MAX_TEXT_BYTES, Markup};
use crate::extract::tokens::{Attribute, Tag};

/// Bytes of the name of a language.
const MAX_LANGUAGE_BYTES: usize = 32;

/// The open `<pre>`: its text as it stands there.
pub(super) struct Code {
    text: String,
    language: Option<String>,
    /// Elements of that name that are open.
    depth: u32,
}

impl Code {
    pub(super) fn new(language: Option<String>) -> Self {
        Self { text: String::new(), language, depth: 1 }
    }

    /// A piece of text.
    pub(super) fn push(&mut self, text: &str) {
        let room = MAX_TEXT_BYTES.saturating_sub(self.text.len());
        let text = &text[..text.floor_char_boundary(room.min(text.len()))];
        self.text.extend(text.chars().filter(|&c| c == '\n' || c == '\t' || !is_removed(c)));
    }

    /// A tag within, of which only the text is wanted.
    pub(super) fn tag(&mut self, tag: &Tag<'_>) {
        match tag.name {
            b"br" => self.text.push('\n'),
            b"pre" => self.depth = self.depth.saturating_add(1),
            b"code" if self.language.is_none() => self.language = language(tag, false),
            _ => {}
        }
    }

    /// A line that is an element of its own ends.
    pub(super) fn end_line(&mut self) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// A `</pre>`; whether it is the last.
    pub(super) fn end(&mut self) -> bool {
        self.depth -= 1;
        self.depth == 0
    }

    /// The block; empty if there is no code in it.
    pub(super) fn finish(self, markup: Markup) -> String {
        let text = self.text.trim_end().trim_start_matches('\n');
        if text.is_empty() || markup == Markup::Plain {
            return text.to_owned();
        }
        let fence = "`".repeat(longest_run(text, '`').max(2) + 1);
        let language = self.language.unwrap_or_default();
        format!("{fence}{language}\n{text}\n{fence}")
    }
}

/// The language that the classes of an element name: `language-x` (WHATWG HTML
/// 4.5.15) or `lang-x`; `is_around` also as Sphinx and GitHub write it around code.
pub(super) fn language(tag: &Tag<'_>, is_around: bool) -> Option<String> {
    let class = tag.get(Attribute::Class)?;
    let of = |name: &str| {
        let name = name
            .strip_prefix("language-")
            .or_else(|| name.strip_prefix("lang-"))
            .or_else(|| name.strip_prefix("highlight-source-").filter(|_| is_around))
            .or_else(|| name.strip_prefix("highlight-").filter(|_| is_around))?;
        let is_name = !name.is_empty()
            && name.len() <= MAX_LANGUAGE_BYTES
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+#-_.".contains(&b));
        (is_name && name != "default" && name != "none").then(|| name.to_ascii_lowercase())
    };
    class.split_ascii_whitespace().find_map(of)
}
