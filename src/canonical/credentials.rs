//! What is left of a text once nobody's password is in it?

use std::borrow::Cow;

/// `text` without the credentials that it has if it is meant as a URL, whether it
/// is one or not: before the last `@` of what the URL standard would take for the
/// authority, however many slashes of either kind and line breaks stand before it.
pub fn without_credentials(text: &str) -> Cow<'_, str> {
    let Some(start) = authority_start(text) else { return text.into() };
    let without_slashes =
        |text: &str| text.len() - text.trim_start_matches(['/', '\\', '\t', '\n', '\r']).len();
    let start = start + without_slashes(&text[start..]);
    let mut rest = start;
    loop {
        let authority = &text[rest..];
        let end = authority.find(['/', '\\', '?', '#']).unwrap_or(authority.len());
        let Some(at) = authority[..end].rfind('@') else { break };
        // Without this one, what follows it may begin an authority in turn.
        rest += at + 1;
        rest += without_slashes(&text[rest..]);
    }
    if rest == start { text.into() } else { [&text[..start], &text[rest..]].concat().into() }
}

/// Where the slashes before an authority end or, behind a scheme that needs none, begin.
fn authority_start(text: &str) -> Option<usize> {
    let is_ignored = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r');
    let bytes = text.as_bytes();
    let blanks = bytes.iter().take_while(|byte| **byte <= b' ').count();
    if let Some(colon) = bytes[blanks..].iter().position(|byte| *byte == b':') {
        let letters = bytes[blanks..blanks + colon].iter().filter(|byte| !is_ignored(**byte));
        let scheme: Vec<u8> = letters.take(6).map(u8::to_ascii_lowercase).collect();
        if [&b"http"[..], b"https", b"ftp", b"ws", b"wss"].contains(&scheme.as_slice()) {
            return Some(blanks + colon + 1);
        }
    }
    let mut is_behind_slash = false;
    for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| !is_ignored(**byte)) {
        let is_slash = matches!(byte, b'/' | b'\\');
        if is_slash && is_behind_slash {
            return Some(at + 1);
        }
        is_behind_slash = is_slash;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_cut_from_whatever_was_meant_as_a_url() {
        #[rustfmt::skip]
        let cases = [
            ("ftp://a:b@c/d@e", "ftp://c/d@e"), ("//a@b@c", "//c"), ("http://a:b@[", "http://["),
            ("/x//a@b", "/x//b"), ("a@b", "a@b"), ("http://a/b", "http://a/b"), ("", ""),
            // As browsers read them.
            ("https:\\\\a:b@c", "https:\\\\c"), ("http:///a:b@c", "http:///c"), ("HTTPS:a:b@c", "HTTPS:c"),
            ("\\/a:b@c", "\\/c"), ("ht\ttp:/\n/a:b@c", "ht\ttp:/\n/c"), ("http:a@//b@c", "http:c"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_credentials(text), expected, "{text}");
        }
    }
}
