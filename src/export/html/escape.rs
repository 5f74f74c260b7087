//! How does text of strangers stand on a page without becoming part of it?
//!
//! Everything that is written into the page goes through here, wherever it comes
//! from. What would end a text or a quoted value becomes a reference; what could
//! turn text round, hide it, or is no character of HTML, becomes a visible escape
//! such as `\u{1b}`.

use std::fmt::{self, Display, Formatter};

/// One line: text of an element, or a value in double quotes.
pub(super) struct Text<'a>(pub(super) &'a str);

/// Several lines: text of a `pre` element.
pub(super) struct Lines<'a>(pub(super) &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, false)
    }
}

impl Display for Lines<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0, true)
    }
}

/// A command, a `span` a word: a browser breaks lines between words alone, and not
/// within a flag.
pub(super) struct Command<'a>(pub(super) &'a str);

impl Display for Command<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("<code>")?;
        for (place, word) in self.0.split(' ').enumerate() {
            write!(f, "{}<span>{}</span>", if place > 0 { " " } else { "" }, Text(word))?;
        }
        f.write_str("</code>")
    }
}

fn write_escaped(f: &mut Formatter<'_>, text: &str, keeps_lines: bool) -> fmt::Result {
    let mut written = 0;
    for (at, c) in text.char_indices() {
        let reference = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&#39;",
            '\n' if keeps_lines => continue,
            c if is_unsafe(c) => "",
            _ => continue,
        };
        f.write_str(&text[written..at])?;
        if reference.is_empty() {
            write!(f, "{}", c.escape_default())?;
        } else {
            f.write_str(reference)?;
        }
        written = at + c.len_utf8();
    }
    f.write_str(&text[written..])
}

/// C0, DEL and C1, marks of direction, the byte order mark, line separators; and
/// what Unicode says is no character, which HTML forbids (HTML, section 13.2.3.5).
fn is_unsafe(c: char) -> bool {
    let code = u32::from(c);
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fdd0}'..='\u{fdef}')
        || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_written_is_markup() {
        #[rustfmt::skip]
        let cases = [
            ("plain, äöü, 漢字 🙂",             "plain, äöü, 漢字 🙂",                       "ordinary text"),
            ("<script>alert(1)</script>",      "&lt;script&gt;alert(1)&lt;/script&gt;",    "a tag"),
            ("\" onload=\"x",                  "&quot; onload=&quot;x",                    "the end of a value"),
            ("' onload='x",                    "&#39; onload=&#39;x",                      "the other end"),
            ("&lt;b&gt; &amp; &copy",          "&amp;lt;b&amp;gt; &amp;amp; &amp;copy",    "references stay what was said"),
            ("-->]]></style></title>",         "--&gt;]]&gt;&lt;/style&gt;&lt;/title&gt;", "ends of other things"),
            ("a\nb\r\tc\u{0}",                 "a\\nb\\r\\tc\\u{0}",                       "control characters"),
            ("\u{1b}[2J\u{9b}31m\u{7f}",       "\\u{1b}[2J\\u{9b}31m\\u{7f}",              "C0, C1 and DEL"),
            ("\u{202e}gpj.exe\u{2066}\u{200f}", "\\u{202e}gpj.exe\\u{2066}\\u{200f}",      "marks of direction"),
            ("\u{feff}\u{2028}\u{ffff}\u{fdd0}\u{1fffe}", "\\u{feff}\\u{2028}\\u{ffff}\\u{fdd0}\\u{1fffe}", "no characters"),
            ("a\u{200d}b",                     "a\u{200d}b",                               "what joins letters stays"),
        ];
        for (given, expected, why) in cases {
            assert_eq!(Text(given).to_string(), expected, "{why}");
        }
        assert_eq!(
            Command("a '<b>'").to_string(),
            "<code><span>a</span> <span>&#39;&lt;b&gt;&#39;</span></code>"
        );
        assert_eq!(Lines("a\n<b>\r\n").to_string(), "a\n&lt;b&gt;\\r\n");
    }
}
