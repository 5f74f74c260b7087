//! How do blocks stand below and within each other?
//!
//! Takes finished blocks and writes them with what lists and quotes put before
//! their lines. Whatever is open is closed by its end tag, or by that of
//! something around it.

use super::{MAX_TEXT_BYTES, Markup};

/// Lists, list items and quotes within each other; deeper ones are written flat,
/// so that what stands before a line is bounded.
const MAX_NESTING: usize = 24;
/// Bytes that may stand before a line and above a block: 24 markers of 11.
const MARGIN: usize = 1024;

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Lines of text.
    Paragraph,
    /// Of level 1 to 6.
    Heading(u8),
    /// The first row of a table.
    FirstRow,
    /// Another row of a table, which stands close to the one before.
    Row,
    /// Lines that are not text.
    Code,
}

/// What stands around a block.
enum Container {
    Quote,
    /// The number of the next item, if its items are numbered.
    List(Option<u32>),
    /// What stands before the first line of an item, and whether it was written.
    Item(String, bool),
}

/// The text so far.
pub(super) struct Blocks {
    out: String,
    markup: Markup,
    /// Each with a number of its own.
    open: Vec<(u64, Container)>,
    opened: u64,
    /// The numbers of the containers of the last block.
    last_path: Vec<u64>,
    last_was_row: bool,
    /// Whether the last block was the first of a list item.
    last_was_item: bool,
}

impl Blocks {
    pub(super) fn new(markup: Markup) -> Self {
        Self {
            out: String::new(),
            markup,
            open: Vec::new(),
            opened: 0,
            last_path: Vec::new(),
            last_was_row: false,
            last_was_item: false,
        }
    }

    /// Bytes of text so far.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn into_text(self) -> String {
        self.out
    }

    pub(super) fn open_quote(&mut self) {
        self.push(Container::Quote);
    }

    pub(super) fn close_quote(&mut self) {
        self.close(|container| matches!(container, Container::Quote));
    }

    /// A list begins; `start` is its first number, if its items are numbered.
    pub(super) fn open_list(&mut self, start: Option<u32>) {
        self.push(Container::List(start));
    }

    pub(super) fn close_list(&mut self) {
        self.close(|container| matches!(container, Container::List(_)));
    }

    /// An item begins; the one before it in the same list ends.
    pub(super) fn open_item(&mut self) {
        let list = self.open.iter().rposition(|(_, open)| matches!(open, Container::List(_)));
        let marker = if let Some(list) = list {
            self.open.truncate(list + 1);
            match &mut self.open[list].1 {
                Container::List(Some(number)) => {
                    let marker = format!("{number}. ");
                    *number = number.saturating_add(1);
                    marker
                }
                _ => "- ".to_owned(),
            }
        } else {
            self.close_item();
            "- ".to_owned()
        };
        self.push(Container::Item(marker, false));
    }

    pub(super) fn close_item(&mut self) {
        let last = self
            .open
            .iter()
            .rposition(|(_, open)| matches!(open, Container::Item(..) | Container::List(_)));
        if let Some(last) = last.filter(|last| matches!(self.open[*last].1, Container::Item(..))) {
            self.open.truncate(last);
        }
    }

    /// Whether the innermost list has an item that is open.
    pub(super) fn is_in_item(&self) -> bool {
        let is_list = |open: &&(u64, Container)| !matches!(open.1, Container::Quote);
        self.open.iter().rev().find(is_list).is_some_and(|(_, open)| {
            matches!(open, Container::Item(..)) // the item of a list lies within it
        })
    }

    /// Writes a block below those before it.
    pub(super) fn write(&mut self, kind: Block, text: &str) {
        if text.is_empty() || self.out.len() + text.len() + MARGIN > MAX_TEXT_BYTES {
            return;
        }
        let is_first_of_item =
            self.open.iter().any(|(_, open)| matches!(open, Container::Item(_, false)));
        self.separate(kind, is_first_of_item);
        for line in text.split('\n') {
            if self.out.len() + line.len() + MARGIN > MAX_TEXT_BYTES {
                break;
            }
            self.write_line(line);
        }
        self.last_path = self.open.iter().map(|(number, _)| *number).collect();
        self.last_was_row = matches!(kind, Block::FirstRow | Block::Row);
        self.last_was_item = is_first_of_item;
    }

    /// A blank line before a block, unless it belongs closely to the one before.
    fn separate(&mut self, kind: Block, is_first_of_item: bool) {
        if self.out.is_empty() {
            return;
        }
        let shared = self.last_path.iter().zip(&self.open).take_while(|(a, (b, _))| *a == b);
        let shared = shared.count();
        let is_close = match kind {
            Block::Row => self.last_was_row && self.last_path.len() == shared,
            // Items of one list, and the first item of a list below the text of its item.
            _ => is_first_of_item && self.last_was_item && (shared > 0 || self.open.len() == 1),
        };
        if is_close {
            return;
        }
        if self.markup == Markup::Markdown {
            let quotes = self.open[..shared].iter().map(|(_, open)| match open {
                Container::Quote => "> ".to_owned(),
                Container::Item(marker, _) => " ".repeat(marker.len()),
                Container::List(_) => String::new(),
            });
            let line: String = quotes.collect();
            self.out.push_str(line.trim_end());
        }
        self.out.push('\n');
    }

    fn write_line(&mut self, line: &str) {
        let begin = self.out.len();
        for (_, open) in self.open.iter_mut().filter(|_| self.markup == Markup::Markdown) {
            match open {
                Container::Quote => self.out.push_str("> "),
                Container::List(_) => {}
                Container::Item(marker, written) if !*written => {
                    self.out.push_str(marker);
                    *written = true;
                }
                Container::Item(marker, _) => {
                    self.out.extend(std::iter::repeat_n(' ', marker.len()));
                }
            }
        }
        if self.markup == Markup::Plain {
            for (_, open) in &mut self.open {
                if let Container::Item(_, written) = open {
                    *written = true;
                }
            }
        }
        self.out.push_str(line);
        self.out.truncate(begin + self.out[begin..].trim_end_matches(' ').len());
        self.out.push('\n');
    }

    fn push(&mut self, container: Container) {
        if self.open.len() < MAX_NESTING {
            self.opened += 1;
            self.open.push((self.opened, container));
        }
    }

    fn close(&mut self, is_it: impl Fn(&Container) -> bool) {
        if let Some(at) = self.open.iter().rposition(|(_, open)| is_it(open)) {
            self.open.truncate(at);
        }
    }
}
