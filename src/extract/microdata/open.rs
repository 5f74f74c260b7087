//! Which elements are open, and which does a tag close?
//!
//! As much of tree construction (WHATWG HTML 13.2.6.4) as it takes to say where an
//! element ends whose end tag is left out. Formatting elements are not repeated, and
//! what stands astray in a table is left where it stands.

use crate::extract::page::is_inline;
use crate::extract::tokens::Tag;

/// Elements within each other at most, as in browsers; those beyond are closed at once.
const MAX_OPEN: usize = 512;

/// An open element.
#[derive(Clone, Copy)]
struct Open {
    name: Name,
    traits: u16,
    /// What was handed over with it.
    node: Option<u32>,
}

/// A name, as its FNV-1a hash: who makes two collide harms only the own page.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Name(u64);

const fn name(text: &[u8]) -> Name {
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325, 0);
    while at < text.len() {
        hash = (hash ^ text[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    Name(hash)
}

// What an element is to the tags that come.
/// Special (13.2.4.2): an end tag of another element does not reach beyond it.
const SPECIAL: u16 = 1;
/// A marker of scopes (13.2.4.2): end tags of blocks do not reach beyond it.
const SCOPE: u16 = 2;
/// `ol` and `ul`: `</li>` does not reach beyond it.
const LIST: u16 = 4;
/// A heading.
const HEADING: u16 = 8;
/// `table`, and what a row or a cell stands in.
const TABLE: u16 = 16;
/// A formatting element, which may end around a block.
const FORMATTING: u16 = 32;
/// An element of svg or math that holds no HTML.
const FOREIGN: u16 = 64;
/// Its end tag may be left out wherever it is not needed (13.2.6.3).
const IMPLIED: u16 = 256;
/// Its words stand apart from those around it.
const BLOCK: u16 = 128;

/// The open elements of a page, as far as its tags say.
#[derive(Default)]
pub(super) struct OpenElements(Vec<Open>);

impl OpenElements {
    /// Closes what a start tag ends before its element opens; whether a block is among
    /// that. `closed` is given the nodes of what it closes.
    pub(super) fn before(&mut self, tag: &Tag<'_>, mut closed: impl FnMut(u32)) -> bool {
        if tag.is_foreign {
            return false;
        }
        let is_block = self.leave_foreign(&mut closed);
        let is_block = self.close_before(tag.name, &mut closed) | is_block;
        self.imply(tag.name);
        is_block
    }

    /// Opens an element; `false` if there are too many within each other.
    pub(super) fn push(&mut self, tag: &Tag<'_>, node: Option<u32>) -> bool {
        let has_room = self.0.len() < MAX_OPEN;
        if has_room {
            let traits = match (tag.is_foreign, holds_html(tag.name)) {
                (true, false) => FOREIGN,
                (true, true) => SPECIAL | SCOPE,
                (false, _) => traits(tag.name),
            };
            let block = if is_inline(tag.name) { 0 } else { BLOCK };
            self.0.push(Open { name: name(tag.name), traits: traits | block, node });
        }
        has_room
    }

    /// An end tag; whether a block ends. `closed` is given the nodes of what it closes.
    pub(super) fn end(&mut self, tag: &[u8], mut closed: impl FnMut(u32)) -> bool {
        if matches!(tag, b"p" | b"br") {
            self.leave_foreign(&mut closed);
        }
        let this = name(tag);
        let is_this = |open: &Open| open.name == this;
        let at = match tag {
            // What follows them still stands in them.
            b"body" | b"html" => None,
            b"p" => self.find(is_this, |open| open.traits & SCOPE != 0 || open.name == BUTTON),
            b"li" => self.find(is_this, |open| open.traits & (SCOPE | LIST) != 0),
            [b'h', b'1'..=b'6'] => {
                self.find(|open| open.traits & HEADING != 0, |open| open.traits & SCOPE != 0)
            }
            b"table" | b"tr" | b"td" | b"th" | b"tbody" | b"thead" | b"tfoot" | b"caption" => {
                self.find(is_this, |open| open.name == TABLE_NAME && !is_this(open))
            }
            b"template" => self.find(is_this, |_| false),
            _ if traits(tag) & FORMATTING != 0 => return self.end_formatting(this, &mut closed),
            b"applet" | b"button" | b"marquee" | b"object" | b"select" => {
                self.find(is_this, |open| open.traits & SCOPE != 0 && !is_this(open))
            }
            _ if closes_paragraph(tag) => self.find(is_this, |open| open.traits & SCOPE != 0),
            _ => self.find(is_this, |open| open.traits & SPECIAL != 0),
        };
        // An end of no paragraph is an empty one, and that of no line break is one.
        self.close(at, &mut closed) || at.is_none() && matches!(tag, b"p" | b"br")
    }

    /// The page ends.
    pub(super) fn finish(&mut self, mut closed: impl FnMut(u32)) {
        self.close_from(0, &mut closed);
    }

    /// The nodes of the open elements, the innermost first.
    pub(super) fn nodes(&self) -> impl Iterator<Item = u32> {
        self.0.iter().rev().filter_map(|open| open.node)
    }

    /// What a start tag closes before it opens.
    fn close_before(&mut self, tag: &[u8], closed: &mut impl FnMut(u32)) -> bool {
        let mut is_block = self.close(self.item_before(tag), closed);
        if closes_paragraph(tag) {
            let is_barrier = |open: &Open| open.traits & SCOPE != 0 || open.name == BUTTON;
            let paragraph = self.find(|open| open.name == PARAGRAPH, is_barrier);
            is_block |= self.close(paragraph, closed);
        }
        let at = match tag {
            [b'h', b'1'..=b'6'] => self.last(|open| open.traits & HEADING != 0),
            b"a" | b"nobr" => return self.end_formatting(name(tag), closed),
            b"button" => self.find(|open| open.name == BUTTON, |open| open.traits & SCOPE != 0),
            b"option" | b"optgroup" => self.option(tag),
            b"rt" | b"rp" | b"rb" | b"rtc" => self.part_of_ruby(tag),
            b"body" => self.find(|open| open.name == name(b"head"), |_| false),
            // Not within a cell: the table before was not closed.
            b"table" if self.last(|open| open.traits & TABLE != 0).is_some() => {
                self.find(|open| open.name == TABLE_NAME, |_| false)
            }
            b"td" | b"th" | b"tr" | b"tbody" | b"thead" | b"tfoot" | b"caption" | b"colgroup" => {
                self.part_of_table(tag)
            }
            _ => None,
        };
        self.close(at, closed) | is_block
    }

    /// The item of a list before the one that opens.
    fn item_before(&self, tag: &[u8]) -> Option<usize> {
        let is_passed = [name(b"address"), name(b"div"), PARAGRAPH];
        let stops = |open: &Open| open.traits & SPECIAL != 0 && !is_passed.contains(&open.name);
        match tag {
            b"li" => self.find(|open| open.name == name(b"li"), stops),
            b"dd" | b"dt" => {
                self.find(|open| open.name == name(b"dd") || open.name == name(b"dt"), stops)
            }
            _ => None,
        }
    }

    /// Opens the body and the row of a table that a row or a cell stands in.
    fn imply(&mut self, tag: &[u8]) {
        let (needs_body, needs_row) = match tag {
            b"tr" => (true, false),
            b"td" | b"th" => (true, true),
            _ => return,
        };
        let Some(last) = self.0.last().filter(|open| open.traits & TABLE != 0) else { return };
        let (is_table, is_row) = (last.name == TABLE_NAME, last.name == name(b"tr"));
        let implied: [(bool, &[u8]); 2] =
            [(needs_body && is_table, b"tbody"), (needs_row && !is_row, b"tr")];
        for (_, tag) in implied.into_iter().filter(|(is_needed, _)| *is_needed) {
            self.0.push(Open { name: name(tag), traits: traits(tag) | BLOCK, node: None });
        }
    }

    /// From where on an option, or a group of them, closes what is open.
    fn option(&self, tag: &[u8]) -> Option<usize> {
        if self.find(|open| open.name == name(b"select"), |open| open.traits & SCOPE != 0).is_none()
        {
            return self.last(|open| open.name == name(b"option"));
        }
        self.implied((tag == b"option").then_some(name(b"optgroup")))
    }

    /// From where on a part of a ruby closes what is open in it.
    fn part_of_ruby(&self, tag: &[u8]) -> Option<usize> {
        self.find(|open| open.name == name(b"ruby"), |open| open.traits & SCOPE != 0)?;
        self.implied(matches!(tag, b"rt" | b"rp").then_some(name(b"rtc")))
    }

    /// The outermost of those at the end whose end tags are not needed.
    fn implied(&self, except: Option<Name>) -> Option<usize> {
        let is_kept = |open: &Open| open.traits & IMPLIED == 0 || Some(open.name) == except;
        self.0.iter().rposition(is_kept).map(|at| at + 1)
    }

    /// Svg and math end where a tag stands that cannot stand in them (13.2.6.5).
    fn leave_foreign(&mut self, closed: &mut impl FnMut(u32)) -> bool {
        let at = self.0.iter().rposition(|open| open.traits & FOREIGN == 0);
        self.close_from(at.map_or(0, |at| at + 1), closed)
    }

    /// From where on a part of a table closes what is open in it.
    fn part_of_table(&self, tag: &[u8]) -> Option<usize> {
        let holds = |open: &Open| match tag {
            b"td" | b"th" => open.traits & TABLE != 0,
            b"tr" => open.traits & TABLE != 0 && open.name != name(b"tr"),
            _ => open.name == TABLE_NAME,
        };
        self.find(holds, |open| open.name == TABLE_NAME && !holds(open)).map(|at| at + 1)
    }

    /// Ends a formatting element; blocks within it go on without it (13.2.6.4.7, the
    /// adoption agency).
    fn end_formatting(&mut self, this: Name, closed: &mut impl FnMut(u32)) -> bool {
        let at = self.find(|open| open.name == this, |open| open.traits & SCOPE != 0);
        let Some(at) = at else { return false };
        if self.0[at..].iter().any(|open| open.traits & SPECIAL != 0) {
            self.0.remove(at).node.into_iter().for_each(closed);
            false
        } else {
            self.close_from(at, closed)
        }
    }

    /// The innermost open element that `is_it`, unless a barrier stands within it.
    fn find(
        &self,
        is_it: impl Fn(&Open) -> bool,
        is_barrier: impl Fn(&Open) -> bool,
    ) -> Option<usize> {
        let at = self.0.iter().rposition(|open| is_it(open) || is_barrier(open))?;
        is_it(&self.0[at]).then_some(at)
    }

    /// The innermost open element, if it `is_it`.
    fn last(&self, is_it: impl Fn(&Open) -> bool) -> Option<usize> {
        self.0.last().filter(|open| is_it(open)).map(|_| self.0.len() - 1)
    }

    fn close(&mut self, at: Option<usize>, closed: &mut impl FnMut(u32)) -> bool {
        at.is_some_and(|at| self.close_from(at, closed))
    }

    /// Closes an element and all within it; whether a block is among them.
    fn close_from(&mut self, at: usize, closed: &mut impl FnMut(u32)) -> bool {
        let mut is_block = false;
        for open in self.0[at.min(self.0.len())..].iter().rev() {
            is_block |= open.traits & BLOCK != 0;
            open.node.into_iter().for_each(&mut *closed);
        }
        self.0.truncate(at);
        is_block
    }
}

const PARAGRAPH: Name = name(b"p");
const BUTTON: Name = name(b"button");
const TABLE_NAME: Name = name(b"table");

/// Elements without content (13.1.2), and those of old that have none.
pub(super) fn is_void(tag: &[u8]) -> bool {
    matches!(
        tag,
        b"area"
            | b"base"
            | b"basefont"
            | b"bgsound"
            | b"br"
            | b"col"
            | b"embed"
            | b"frame"
            | b"hr"
            | b"image"
            | b"img"
            | b"input"
            | b"keygen"
            | b"link"
            | b"meta"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
    )
}

/// Whether an element of svg or math holds HTML.
fn holds_html(tag: &[u8]) -> bool {
    matches!(tag, b"foreignobject" | b"desc" | b"title" | b"mi" | b"mo" | b"mn" | b"ms" | b"mtext")
}

fn closes_paragraph(tag: &[u8]) -> bool {
    matches!(
        tag,
        b"address"
            | b"article"
            | b"aside"
            | b"blockquote"
            | b"center"
            | b"dd"
            | b"details"
            | b"dialog"
            | b"dir"
            | b"div"
            | b"dl"
            | b"dt"
            | b"fieldset"
            | b"figcaption"
            | b"figure"
            | b"footer"
            | b"form"
            | b"h1"
            | b"h2"
            | b"h3"
            | b"h4"
            | b"h5"
            | b"h6"
            | b"header"
            | b"hgroup"
            | b"hr"
            | b"li"
            | b"listing"
            | b"main"
            | b"menu"
            | b"nav"
            | b"ol"
            | b"p"
            | b"plaintext"
            | b"pre"
            | b"search"
            | b"section"
            | b"summary"
            | b"table"
            | b"ul"
            | b"xmp"
    )
}

fn traits(tag: &[u8]) -> u16 {
    match tag {
        b"table" => SPECIAL | SCOPE | TABLE,
        b"tbody" | b"thead" | b"tfoot" | b"tr" => SPECIAL | TABLE,
        b"applet" | b"caption" | b"html" | b"marquee" | b"object" | b"select" | b"td"
        | b"template" | b"th" => SPECIAL | SCOPE,
        b"dd" | b"dt" | b"li" | b"p" => SPECIAL | IMPLIED,
        b"optgroup" | b"option" | b"rb" | b"rp" | b"rt" | b"rtc" => IMPLIED,
        b"ol" | b"ul" => SPECIAL | LIST,
        b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" => SPECIAL | HEADING,
        b"a" | b"b" | b"big" | b"code" | b"em" | b"font" | b"i" | b"nobr" | b"s" | b"small"
        | b"strike" | b"strong" | b"tt" | b"u" => FORMATTING,
        b"body" | b"button" | b"colgroup" | b"frameset" | b"head" | b"iframe" | b"noembed"
        | b"noframes" | b"noscript" | b"script" | b"style" | b"textarea" | b"title" => SPECIAL,
        _ if closes_paragraph(tag) => SPECIAL,
        _ => 0,
    }
}
