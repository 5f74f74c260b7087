//! What could somebody write instead of HTML? (tests)
//!
//! Pages from a seed: the same seed gives the same page.

/// Pieces between which tokenizers change their state.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "<", "</", "<!", "<?", ">", "/>", "/", "!", "-", "--", "-->", "--!>", "<!--", "<!-->", "<!--->", "->", "=", "\"", "'",
    " ", "\n", "\t", "\x0c", "\r", "\r\n", "\0", "&", "#", ";", "x", "A", "a", "1", "z", "`", "?", "]", "]]", "]]>",
    "<![CDATA[", "<!DOCTYPE html>", "<!doctype x PUBLIC \"", "é", "日本", "𝒳", "\u{FFFD}", "\u{FEFF}", "\u{A0}",
    "<a ", "<a href=", "<a href=\"", " src='", " HREF=", " alt", " href=x ", " =", "==", "/=", "\"/", "'x",
    "<script", "<script>", "</script", "</script>", "<SCRIPT/", "<!--<script>", "<!--<script ", "</script\n", "-->x",
];

/// References, and what resembles them.
#[rustfmt::skip]
const REFERENCES: &[&str] = &[
    "&amp;", "&amp", "&lt", "&lt;", "&not", "&notin;", "&notit;", "&noti", "&no", "&copy=1", "&copy", "&COPY;", "&frac12",
    "&frac123;", "&nosuch;", "&NotEqualTilde;", "&CounterClockwiseContourIntegral;", "&CounterClockwiseContourIntegra;",
    "&#", "&#;", "&#x", "&#x;", "&#65", "&#65;", "&#x41", "&#X4a;", "&#0;", "&#128;", "&#x9f;", "&#13;", "&#xD800;",
    "&#x10FFFF;", "&#x110000;", "&#4294967361;", "&#99999999999999999999;", "&#x00000000000000000041;", "&a", "&AMP", "&&",
];

#[rustfmt::skip]
const ATTRIBUTES: &[&str] = &["href", "HREF", "src", "alt", "class", "rel", "name", "Content", "http-equiv", "data-x", "é", "x\"y"];

/// What begins a text with an end of its own, and what may look like that end.
#[rustfmt::skip]
const ENDS: &[(&str, &[&str])] = &[
    ("<!--",      &["-", "--", ">", "!", "->", "-->", "--!>", "<!--", "<!", "x"]),
    ("<![CDATA[", &["]", "]]", ">", "]>", "]]>", "x", "&amp;", "\0"]),
    ("<script>",  &["<!--", "<!-", "-->", "->", "--", ">", "<script>", "<script ", "</script>", "</script ", "</scrip", "x"]),
    ("<textarea>", &["</textarea", "</textarea>", "</texta", "</", "<", ">", " ", "/", "&amp", "x"]),
];

/// Elements whose content is read in every way, but for foreign ones and templates.
#[rustfmt::skip]
pub(super) const HTML: &[&str] = &[
    "a", "A", "b", "p", "div", "img", "h1", "title", "TITLE", "textarea", "style", "xmp", "iframe", "noembed", "noframes",
    "noscript", "script", "Script", "plaintext", "x-y:z_1",
];

/// Elements within svg that neither lead out of it nor hold HTML.
#[rustfmt::skip]
pub(super) const SVG: &[&str] = &[
    "a", "g", "use", "image", "style", "script", "textarea", "xmp", "plaintext", "Text", "linearGradient",
];

/// A source of choices (`SplitMix64`; Steele, Lea, Flood 2014).
pub(in crate::extract) struct Soup(u64);

impl Soup {
    pub(in crate::extract) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub(in crate::extract) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let end = u64::try_from(end).expect("small");
        usize::try_from((mixed ^ mixed >> 31) % end).expect("below end")
    }

    pub(in crate::extract) fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// A page of up to 40 pieces, with tags of these names.
    pub(super) fn page(&mut self, names: &[&str]) -> String {
        let length = 1 + self.below(40);
        (0..length).map(|_| self.piece(names)).collect()
    }

    fn piece(&mut self, names: &[&str]) -> String {
        match self.below(10) {
            0..=3 => self.one_of(PIECES).to_owned(),
            4 => self.text_with_an_end(),
            5 => self.one_of(REFERENCES).to_owned(),
            6 => format!("</{}{}", self.one_of(names), self.one_of(&[">", ">", " >", "/", "\n"])),
            7 => format!("<{}", self.one_of(names)),
            _ => self.tag(names),
        }
    }

    fn text_with_an_end(&mut self) -> String {
        let (begin, ends) = ENDS[self.below(ENDS.len())];
        (0..self.below(8)).fold(begin.to_owned(), |text, _| text + self.one_of(ends))
    }

    fn tag(&mut self, names: &[&str]) -> String {
        let mut tag = format!("<{}", self.one_of(names));
        for _ in 0..self.below(4) {
            let quote = self.one_of(&["", "'", "\""]);
            let name = self.one_of(ATTRIBUTES);
            let value = self.one_of(&[REFERENCES, &["x", "/y", "", "\0", "\r", "<a>"]].concat());
            tag.push_str(&format!(" {name}={quote}{value}{quote}"));
        }
        tag + self.one_of(&[">", ">", ">", "/>", " >", ""])
    }
}
