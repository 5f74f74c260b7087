//! What does each element mean for the text?

use url::Url;

use super::blocks::{Block, Blocks};
use super::code::{Code, language};
use super::line::{Line, Mark, escape_starts};
use super::regions::{Effect, Regions};
use super::table::{Row, Tables};
use super::{MainText, Markup};
use crate::canonical::MAX_URL_BYTES;
use crate::extract::tokens::{Attribute, Sink, Tag};

/// A page, while it is read.
pub(super) struct Reading {
    markup: Markup,
    base: Url,
    has_base: bool,
    regions: Regions,
    blocks: Blocks,
    line: Line,
    tables: Tables,
    /// The level of the open heading.
    heading: Option<u8>,
    /// Where each heading stands in the text, and what it says.
    headings: Vec<(usize, String)>,
    code: Option<Code>,
    /// The language that an element around the next code names.
    language: Option<String>,
}

impl Reading {
    pub(super) fn new(url: &Url, markup: Markup) -> Self {
        Self {
            markup,
            base: url.clone(),
            has_base: false,
            regions: Regions::default(),
            blocks: Blocks::new(markup),
            line: Line::new(markup),
            tables: Tables::default(),
            heading: None,
            headings: Vec::new(),
            code: None,
            language: None,
        }
    }

    pub(super) fn finish(mut self) -> MainText {
        self.end_code(true);
        while self.tables.is_open() {
            self.end_table();
        }
        self.end_block();
        let ranges = self.regions.finish(self.blocks.len());
        let all = self.blocks.into_text();
        let mut main = MainText::default();
        let mut headings = self.headings.iter().peekable();
        for range in ranges {
            let part = all[range.clone()].trim_matches('\n');
            if part.is_empty() {
                continue;
            }
            if !main.text.is_empty() {
                main.text.push('\n');
            }
            main.text.extend([part, "\n"]);
            while let Some((at, heading)) = headings.next_if(|(at, _)| *at < range.end) {
                if range.contains(at) {
                    main.headings.extend([heading, "\n"]);
                }
            }
        }
        main
    }

    fn push(&mut self, text: &str) {
        match &mut self.code {
            Some(code) => code.push(text),
            None => self.line.push(text),
        }
    }

    /// The block so far is over; in a cell of a table, its words are.
    fn end_block(&mut self) {
        if self.tables.is_in_cell() {
            return self.line.blank();
        }
        let text = self.line.take();
        if text.is_empty() {
            return;
        }
        match self.heading {
            Some(level) => {
                let text = text.replace("\\\n", " ").replace('\n', " ");
                let marks = "#".repeat(usize::from(level)) + " ";
                let is_plain = self.markup == Markup::Plain;
                let line = if is_plain { text.clone() } else { marks + &text };
                self.blocks.write(Block::Heading(level), &line);
                // Where its last line stands, whatever was written before it.
                self.headings.push((self.blocks.len().saturating_sub(1), text));
            }
            None if self.markup == Markup::Markdown => {
                self.blocks.write(Block::Paragraph, &escape_starts(&text));
            }
            None => self.blocks.write(Block::Paragraph, &text),
        }
        self.language = None;
    }

    /// Something begins that no cell of a table of data holds.
    fn leave_table(&mut self) {
        if self.tables.is_in_cell() {
            let last = self.line.take();
            for cell in self.tables.demote().into_iter().chain([last]) {
                self.blocks.write(Block::Paragraph, &cell);
            }
        }
        self.end_block();
    }

    fn end_cell(&mut self) {
        if self.tables.is_in_cell() {
            let mut text = self.line.take().replace("\\\n", " ").replace('\n', " ");
            if self.markup == Markup::Markdown {
                text = text.replace('|', "\\|");
            }
            self.tables.end_cell(text);
        } else {
            self.end_block();
        }
    }

    fn end_row(&mut self) {
        self.end_cell();
        let Some(Row { cells, is_first }) = self.tables.end_row() else { return };
        if cells.len() == 1 {
            return self.blocks.write(Block::Paragraph, &cells[0].replace("\\|", "|"));
        }
        let kind = if is_first { Block::FirstRow } else { Block::Row };
        if self.markup == Markup::Plain {
            return self.blocks.write(kind, &cells.join("\t"));
        }
        let mut lines = format!("| {} |", cells.join(" | "));
        if is_first {
            lines.push_str("\n|");
            lines.push_str(&" --- |".repeat(cells.len()));
        }
        self.blocks.write(kind, &lines);
    }

    fn end_table(&mut self) {
        self.end_row();
        self.tables.end();
    }

    fn start_code(&mut self, tag: &Tag<'_>) {
        self.leave_table();
        self.heading = None;
        let language = language(tag, false).or_else(|| self.language.take());
        self.code = Some(Code::new(language));
    }

    /// A `</pre>`, or the end of the page.
    fn end_code(&mut self, at_once: bool) {
        if self.code.as_mut().is_some_and(|code| code.end() || at_once)
            && let Some(code) = self.code.take()
        {
            self.blocks.write(Block::Code, &code.finish(self.markup));
        }
    }

    fn start_block(&mut self, tag: &Tag<'_>) {
        match tag.name {
            [b'h', level @ b'1'..=b'6'] => {
                self.leave_table();
                self.heading = Some(level - b'0');
            }
            b"pre" => self.start_code(tag),
            b"hr" => {
                self.leave_table();
                self.heading = None;
                if self.markup == Markup::Markdown {
                    self.blocks.write(Block::Paragraph, "---");
                }
            }
            b"blockquote" => {
                self.leave_table();
                self.blocks.open_quote();
            }
            b"table" => {
                self.leave_table();
                let role = tag.get(Attribute::Role).unwrap_or_default();
                self.tables.start(matches!(&*role, "presentation" | "none"));
            }
            b"tr" | b"thead" | b"tbody" | b"tfoot" => self.end_row(),
            b"td" | b"th" => {
                self.end_cell();
                self.tables.start_cell();
            }
            _ => {
                self.end_block();
                self.language = language(tag, true).or_else(|| self.language.take());
            }
        }
    }

    fn start_list(&mut self, tag: &Tag<'_>) {
        self.end_block();
        if self.tables.is_in_cell() {
            return;
        }
        self.heading = None;
        match tag.name {
            b"ol" => {
                let start = tag.get(Attribute::Start).and_then(|start| start.trim().parse().ok());
                self.blocks.open_list(Some(start.unwrap_or(1).min(999_999_999)));
            }
            b"ul" | b"menu" | b"dir" | b"dl" => self.blocks.open_list(None),
            b"dd" if self.blocks.is_in_item() => {}
            _ => self.blocks.open_item(),
        }
    }

    fn start_inline(&mut self, tag: &Tag<'_>) {
        match tag.name {
            b"b" | b"strong" => self.line.open(Mark::Strong),
            b"i" | b"em" => self.line.open(Mark::Emphasis),
            b"s" | b"del" | b"strike" => self.line.open(Mark::Strike),
            b"code" | b"kbd" | b"samp" | b"tt" => self.line.open_code(),
            b"a" => {
                self.line.close(&Mark::InPage);
                if let Some(mark) = self.link(tag) {
                    self.line.open(mark);
                }
            }
            b"img" => {
                let alt = tag.get(Attribute::Alt).unwrap_or_default();
                if !alt.trim().is_empty() {
                    let url = tag.get(Attribute::Src).and_then(|src| self.absolute(&src));
                    self.line.image(alt.trim(), url.as_deref());
                }
            }
            b"br" if self.line.is_broken() && !self.tables.is_in_cell() => self.end_block(),
            b"br" => self.line.line_break(),
            b"base" if !self.has_base => {
                let base = tag.get(Attribute::Href).and_then(|href| self.base.join(&href).ok());
                // A long one would make every short link long.
                if let Some(base) = base.filter(|base| base.as_str().len() <= MAX_URL_BYTES) {
                    self.base = base;
                    self.has_base = true;
                }
            }
            _ => {}
        }
    }

    fn link(&self, tag: &Tag<'_>) -> Option<Mark> {
        let href = tag.get(Attribute::Href)?;
        let href = href.trim();
        if href.starts_with('#') {
            return Some(Mark::InPage);
        }
        self.absolute(href).map(Mark::Link)
    }

    /// The URL that a reference means, if it leads anywhere.
    fn absolute(&self, href: &str) -> Option<String> {
        let url = self.base.join(href.trim()).ok()?;
        let leads = matches!(url.scheme(), "http" | "https" | "mailto");
        (leads && url.as_str().len() <= MAX_URL_BYTES).then(|| url.into())
    }
}

impl Sink for Reading {
    fn start(&mut self, tag: &Tag<'_>) {
        match self.regions.start(tag) {
            Effect::Skip => return,
            Effect::Boundary => {
                self.leave_table();
                self.regions.enter(tag, self.blocks.len());
            }
            Effect::None => {}
        }
        if let Some(code) = &mut self.code {
            return code.tag(tag);
        }
        match kind(tag.name) {
            Kind::Block => self.start_block(tag),
            Kind::List => self.start_list(tag),
            Kind::Inline => self.start_inline(tag),
        }
    }

    fn end(&mut self, name: &[u8]) {
        let effect = self.regions.end(name);
        if effect == Effect::Skip {
            return;
        }
        match (name, &mut self.code) {
            (b"pre", Some(_)) => self.end_code(false),
            // Lines of code that are blocks of their own.
            (b"div" | b"li" | b"p", Some(code)) => code.end_line(),
            (_, Some(_)) => {}
            (b"b" | b"strong", _) => self.line.close(&Mark::Strong),
            (b"i" | b"em", _) => self.line.close(&Mark::Emphasis),
            (b"s" | b"del" | b"strike", _) => self.line.close(&Mark::Strike),
            (b"code" | b"kbd" | b"samp" | b"tt", _) => self.line.close_code(),
            (b"a", _) => self.line.close(&Mark::InPage),
            (b"td" | b"th", _) => self.end_cell(),
            (b"tr" | b"thead" | b"tbody" | b"tfoot", _) => self.end_row(),
            (b"table", _) => self.end_table(),
            ([b'h', b'1'..=b'6'], _) => {
                self.end_block();
                self.heading = None;
            }
            (b"blockquote", _) => {
                self.end_block();
                self.blocks.close_quote();
            }
            (b"ul" | b"ol" | b"menu" | b"dir" | b"dl", _) => {
                self.end_block();
                if !self.tables.is_in_cell() {
                    self.blocks.close_list();
                }
            }
            (b"li", _) => {
                self.end_block();
                if !self.tables.is_in_cell() {
                    self.blocks.close_item();
                }
            }
            _ if kind(name) == Kind::Block => self.end_block(),
            _ => {}
        }
        if effect == Effect::Boundary {
            self.end_block();
            self.regions.leave(self.blocks.len());
        }
    }

    fn text(&mut self, text: &[u8], raw: Option<&[u8]>) {
        if self.regions.is_skipping() || !matches!(raw, None | Some(b"xmp" | b"plaintext")) {
            return;
        }
        self.push(&String::from_utf8_lossy(text));
    }
}

/// How an element takes part in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Block,
    List,
    Inline,
}

fn kind(name: &[u8]) -> Kind {
    match name {
        b"ul" | b"ol" | b"menu" | b"dir" | b"dl" | b"li" | b"dt" | b"dd" => Kind::List,
        [b'h', b'1'..=b'6'] => Kind::Block,
        b"address" | b"article" | b"blockquote" | b"body" | b"caption" | b"center" | b"details"
        | b"div" | b"fieldset" | b"figcaption" | b"figure" | b"footer" | b"form" | b"head"
        | b"header" | b"hgroup" | b"hr" | b"html" | b"main" | b"nav" | b"p" | b"pre"
        | b"section" | b"summary" | b"table" | b"tbody" | b"td" | b"tfoot" | b"th" | b"thead"
        | b"tr" | b"xmp" | b"plaintext" | b"optgroup" => Kind::Block,
        _ => Kind::Inline,
    }
}
