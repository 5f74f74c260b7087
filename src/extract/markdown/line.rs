//! How is the text of one block written: words, emphasis, links, code?
//!
//! White space is folded, and what Markdown would take for markup is escaped.
//! Emphasis and links are written around the words that they hold, so a blank
//! never stands just within them, and those without a word do not appear.

use super::Markup;

/// Emphasis and links within each other that are followed.
const MAX_MARKS: usize = 8;
/// Characters of the name of an entity.
const MAX_ENTITY: usize = 32;

/// What holds words together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Strong,
    Emphasis,
    Strike,
    /// Where it leads.
    Link(String),
    /// A link to a place of the same page: its text alone, if it has a word.
    InPage,
}

impl Mark {
    /// Whether `other` ends it.
    fn is_kind_of(&self, other: &Self) -> bool {
        let is_link = |mark: &Self| matches!(mark, Self::Link(_) | Self::InPage);
        self == other || (is_link(self) && is_link(other))
    }

    fn opening(&self) -> &'static str {
        match self {
            Self::Strong => "**",
            Self::Emphasis => "*",
            Self::Strike => "~~",
            Self::Link(_) => "[",
            Self::InPage => "",
        }
    }

    fn close(&self, text: &mut String) {
        match self {
            Self::Link(url) => {
                text.push_str("](");
                for c in url.chars() {
                    match c {
                        '(' => text.push_str("%28"),
                        ')' => text.push_str("%29"),
                        ' ' | '<' | '>' | '\\' => text.extend(c.escape_unicode()),
                        _ => text.push(c),
                    }
                }
                text.push(')');
            }
            other => text.push_str(other.opening()),
        }
    }
}

/// The text of a block, while it is read.
pub(super) struct Line {
    markup: Markup,
    text: String,
    /// Whether a blank, or a line break, is due before the next character.
    space: bool,
    breaks: bool,
    /// Each with the place of the text where it was written, if it was.
    marks: Vec<(Mark, Option<usize>)>,
    /// Inline code, and how many elements of it are open.
    code: String,
    code_depth: u32,
}

impl Line {
    pub(super) fn new(markup: Markup) -> Self {
        Self {
            markup,
            text: String::new(),
            space: false,
            breaks: false,
            marks: Vec::new(),
            code: String::new(),
            code_depth: 0,
        }
    }

    /// Whether a line break has just been asked for.
    pub(super) fn is_broken(&self) -> bool {
        self.breaks
    }

    /// A piece of text.
    pub(super) fn push(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.blank();
            } else if !is_removed(c) {
                if self.code_depth > 0 {
                    self.code.push(c);
                } else {
                    self.lead();
                    self.push_escaped(c);
                }
            }
        }
    }

    /// A blank, unless the line is empty.
    pub(super) fn blank(&mut self) {
        if self.code_depth > 0 && !self.code.is_empty() {
            if !self.code.ends_with(' ') {
                self.code.push(' ');
            }
        } else {
            self.space |= !self.text.is_empty();
        }
    }

    /// A line break, unless the line is empty.
    pub(super) fn line_break(&mut self) {
        self.breaks |= !self.text.is_empty();
        self.blank();
    }

    /// An image.
    pub(super) fn image(&mut self, alt: &str, url: Option<&str>) {
        let (Markup::Markdown, Some(url)) = (self.markup, url) else { return self.push(alt) };
        if self.code_depth > 0 {
            return self.push(alt);
        }
        self.lead();
        self.text.push_str("![");
        let (space, breaks) = (self.space, self.breaks);
        self.push(alt);
        (self.space, self.breaks) = (space, breaks);
        Mark::Link(url.to_owned()).close(&mut self.text);
    }

    /// Emphasis or a link begins. A link within a link ends the outer one.
    pub(super) fn open(&mut self, mark: Mark) {
        if matches!(mark, Mark::Link(_) | Mark::InPage) {
            self.close(&Mark::InPage);
        }
        let is_known = self.marks.iter().any(|(open, _)| open.is_kind_of(&mark));
        if !is_known && self.marks.len() < MAX_MARKS && self.code_depth == 0 {
            let at = (mark == Mark::InPage).then_some(self.text.len());
            self.marks.push((mark, at));
        }
    }

    /// Emphasis or a link ends; what was opened within it and not closed goes on.
    pub(super) fn close(&mut self, kind: &Mark) {
        let Some(at) = self.marks.iter().rposition(|(mark, _)| mark.is_kind_of(kind)) else {
            return;
        };
        self.write_closings(at);
        let (mark, from) = self.marks.remove(at);
        if let (Mark::InPage, Some(from)) = (mark, from)
            && !self.text.get(from..).is_some_and(|text| text.contains(char::is_alphanumeric))
        {
            self.text.truncate(from);
            for (_, written) in &mut self.marks {
                written.take_if(|written| *written >= from);
            }
        }
    }

    pub(super) fn open_code(&mut self) {
        self.code_depth = self.code_depth.saturating_add(1);
    }

    pub(super) fn close_code(&mut self) {
        self.code_depth = self.code_depth.saturating_sub(1);
        if self.code_depth == 0 {
            self.write_code();
        }
    }

    /// The whole line. What is open goes on in the next one.
    pub(super) fn take(&mut self) -> String {
        self.write_code();
        self.write_closings(0);
        for (mark, at) in &mut self.marks {
            *at = (*mark == Mark::InPage).then_some(0);
        }
        self.space = false;
        self.breaks = false;
        std::mem::take(&mut self.text)
    }

    /// What is due before the next character: a blank, and marks that hold it.
    fn lead(&mut self) {
        if std::mem::take(&mut self.breaks) {
            self.text.push_str(if self.markup == Markup::Markdown { "\\\n" } else { "\n" });
        } else if self.space && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.space = false;
        if self.markup == Markup::Markdown {
            for (mark, at) in &mut self.marks {
                if at.is_none() {
                    *at = Some(self.text.len());
                    self.text.push_str(mark.opening());
                }
            }
        }
    }

    /// Ends the marks from `first` on that are written; they are no longer.
    fn write_closings(&mut self, first: usize) {
        for (mark, at) in self.marks[first..].iter_mut().rev() {
            if *mark != Mark::InPage && at.take().is_some() {
                mark.close(&mut self.text);
            }
        }
    }

    fn write_code(&mut self) {
        let code = std::mem::take(&mut self.code);
        let trimmed = code.trim_end();
        if trimmed.is_empty() {
            return;
        }
        self.lead();
        if self.markup == Markup::Plain {
            self.text.push_str(trimmed);
        } else {
            let fence = "`".repeat(longest_run(trimmed, '`') + 1);
            let pad = if trimmed.starts_with('`') || trimmed.ends_with('`') { " " } else { "" };
            self.text.extend([&fence, pad, trimmed, pad, &fence]);
        }
        self.space = trimmed.len() < code.len();
    }

    /// Writes a character so that Markdown takes it for itself. What makes one
    /// before it special is only known now: then that one is escaped.
    fn push_escaped(&mut self, c: char) {
        if self.markup == Markup::Markdown {
            let last = self.text.chars().next_back();
            let is_late = match last {
                Some('<') => c.is_ascii_alphabetic() || "/!?".contains(c),
                Some('_') => !c.is_alphanumeric() && !self.text.ends_with("\\_"),
                _ => false,
            };
            if is_late {
                self.text.insert(self.text.len() - 1, '\\');
            }
            if let Some(at) = entity_start(&self.text).filter(|_| c == ';') {
                self.text.insert(at, '\\');
            }
            let is_special = match c {
                '\\' | '`' | '*' | '[' | ']' => true,
                '_' => !last.is_some_and(char::is_alphanumeric),
                '~' => last == Some('~'),
                _ => false,
            };
            if is_special {
                self.text.push('\\');
            }
        }
        self.text.push(c);
    }
}

/// The most times in a row that `c` stands in `text`.
pub(super) fn longest_run(text: &str, c: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for found in text.chars() {
        run = if found == c { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Characters that are neither seen nor wanted: controls, byte order marks, zero
/// width spaces and soft hyphens. Tabs and line breaks are white space.
pub(super) fn is_removed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{ad}')
}

/// Where the `&` stands with which `text` ends as an entity without its `;` does.
fn entity_start(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let name =
        bytes.iter().rev().take(MAX_ENTITY).take_while(|b| b.is_ascii_alphanumeric()).count();
    let rest = &bytes[..bytes.len() - name];
    let rest = rest.strip_suffix(b"#").unwrap_or(rest);
    (name > 0 && rest.ends_with(b"&") && !rest.ends_with(b"\\&")).then(|| rest.len() - 1)
}

/// Escapes what would make something else than a paragraph of a line
/// (`CommonMark` 4 and 5): the beginnings of headings, quotes, lists and rules.
pub(super) fn escape_starts(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            escaped.push('\n');
        }
        let at = special_start(line);
        if let Some(at) = at {
            escaped.push_str(&line[..at]);
            escaped.push('\\');
        }
        escaped.push_str(&line[at.unwrap_or(0)..]);
    }
    escaped
}

/// Where a line needs an escape so as not to begin a block.
fn special_start(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let run = |c: u8| bytes.iter().take_while(|byte| **byte == c).count();
    let ends_word = |at: usize| matches!(bytes.get(at), None | Some(b' '));
    match bytes.first()? {
        b'#' => (run(b'#') <= 6 && ends_word(run(b'#'))).then_some(0),
        b'>' => Some(0),
        b'-' | b'+' if ends_word(1) => Some(0),
        b'-' | b'=' if run(bytes[0]) == line.trim_end().len() => Some(0),
        b'0'..=b'9' => {
            let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let is_marker = digits <= 9
                && matches!(bytes.get(digits), Some(b'.' | b')'))
                && ends_word(digits + 1);
            is_marker.then_some(digits)
        }
        _ => None,
    }
}
