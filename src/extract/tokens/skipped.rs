//! Where do comments, declarations and CDATA sections end?

use memchr::{memchr, memchr_iter};

/// The end of the comment whose `<!--` precedes `at` (WHATWG HTML 13.2.5.43 to 52).
///
/// `<!` within a comment is an error but changes nothing about its end.
pub(super) fn comment_end(html: &[u8], at: usize) -> usize {
    let content = &html[at..];
    if content.starts_with(b">") {
        return at + 1;
    }
    if content.starts_with(b"->") {
        return at + 2;
    }
    let is_end = |close: &usize| {
        let before = &content[..*close];
        before.ends_with(b"--") || before.ends_with(b"--!")
    };
    memchr_iter(b'>', content).find(is_end).map_or(html.len(), |close| at + close + 1)
}

/// The end of a bogus comment or doctype: `>`, whatever stands before it
/// (13.2.5.41, 13.2.5.53 to 68).
pub(super) fn bogus_comment_end(html: &[u8], at: usize) -> usize {
    memchr(b'>', &html[at..]).map_or(html.len(), |close| at + close + 1)
}

/// Where the text of a CDATA section ends, and what follows it (13.2.5.69 to 71).
pub(super) fn cdata_end(html: &[u8], at: usize) -> (usize, usize) {
    let content = &html[at..];
    memchr_iter(b'>', content)
        .find(|close| content[..*close].ends_with(b"]]"))
        .map_or((html.len(), html.len()), |close| (at + close - 2, at + close + 1))
}
