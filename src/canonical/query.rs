//! In which encoding does a page spell the queries of its links?
//!
//! A browser sends the query of a link in the encoding of the page it stands on (WHATWG
//! HTML, "encoding-parse a URL"); paths are in UTF-8 everywhere. A server that was
//! written for such pages understands nothing else.

use std::borrow::Cow;

use encoding_rs::{Encoder, EncoderResult, Encoding, UTF_8};
use url::{ParseError, Url};

/// Room for the longest character of any encoding, with what may stand around it.
const STEP_BYTES: usize = 64;

/// An encoding other than UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryEncoding(&'static Encoding);

impl QueryEncoding {
    /// That of a page in the encoding of this name; `None` stands for UTF-8.
    pub fn of(charset: &str) -> Option<Self> {
        let encoding = Encoding::for_label(charset.as_bytes())?.output_encoding();
        (encoding != UTF_8).then_some(Self(encoding))
    }

    pub(super) fn join(self, base: &Url, raw: &str) -> Result<Url, ParseError> {
        Url::options()
            .base_url(Some(base))
            .encoding_override(Some(&|query| Cow::Owned(self.bytes(query))))
            .parse(raw)
    }

    /// What the encoding does not have becomes a character reference, its own signs
    /// escaped (URL standard, "percent-encode after encoding").
    fn bytes(self, query: &str) -> Vec<u8> {
        if query.is_ascii() {
            return query.as_bytes().to_vec();
        }
        let mut encoder = self.0.new_encoder();
        let (mut bytes, mut rest) = (Vec::with_capacity(query.len() + STEP_BYTES), query);
        loop {
            bytes.reserve(STEP_BYTES);
            let (result, read) = step(&mut encoder, rest, &mut bytes);
            rest = &rest[read..];
            match result {
                EncoderResult::InputEmpty => return bytes,
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(c) => {
                    bytes.extend(format!("%26%23{}%3B", u32::from(c)).into_bytes());
                }
            }
        }
    }
}

fn step(encoder: &mut Encoder, text: &str, bytes: &mut Vec<u8>) -> (EncoderResult, usize) {
    encoder.encode_from_utf8_to_vec_without_replacement(text, bytes, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_in_the_encoding_of_the_page_and_the_path_is_not() {
        let base = Url::parse("http://a/").unwrap();
        #[rustfmt::skip]
        let rows = [
            ("windows-1252", "/é?é=€&日#é",  "http://a/%C3%A9?%E9=%80&%26%2326085%3B#%C3%A9"),
            ("Shift_JIS",    "?日本é",        "http://a/?%93%FA%96{%26%23233%3B"),
            ("ISO-2022-JP",  "?a日b",         "http://a/?a%1B$BF|%1B(Bb"),
            ("GBK",          "?你\n好 \"x",   "http://a/?%C4%E3%BA%C3%20%22x"),
            ("Big5",         "//b/?中",       "http://b/?%A4%A4"),
            ("KOI8-R",       "ws://b/?ф",     "ws://b/?%D1%84"),
        ];
        for (charset, raw, expected) in rows {
            let encoding = QueryEncoding::of(charset).expect(charset);
            assert_eq!(encoding.join(&base, raw).unwrap().as_str(), expected, "{charset}");
            let long = "é日".repeat(700);
            assert!(encoding.join(&base, &format!("?{long}")).unwrap().as_str().is_ascii());
        }
        for charset in ["UTF-8", "UTF-16LE", "UTF-16BE", "replacement", "no-such"] {
            assert_eq!(QueryEncoding::of(charset), None, "{charset}");
        }
    }
}
