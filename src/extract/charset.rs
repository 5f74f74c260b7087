//! In which encoding is a page written?
//!
//! The order of WHATWG HTML 13.2.3.2: byte order mark, Content-Type header, meta
//! elements; then UTF-8 if the bytes are valid, else a
//! guess from the first 8 KiB.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes in which meta elements are looked for. The standard's prescan ends at
/// 1024, but a meta element that the parser meets later still changes the
/// encoding (WHATWG HTML 13.2.3.5), so the scan just goes on.
const PRESCAN_BYTES: usize = 64 * 1024;
/// Bytes from which an undeclared encoding is guessed.
const GUESS_BYTES: usize = 8192;

/// The text of `body`, and the name of its encoding. `charset` is the parameter
/// of the Content-Type header. What is no character becomes U+FFFD.
pub fn decode<'a>(body: &'a [u8], charset: Option<&str>) -> (Cow<'a, str>, &'static str) {
    let (encoding, mark) = match Encoding::for_bom(body) {
        Some((encoding, length)) => (encoding, length),
        None => (declared(body, charset).unwrap_or_else(|| undeclared(body)), 0),
    };
    let (text, _) = encoding.decode_without_bom_handling(&body[mark..]);
    (text, encoding.name())
}

fn declared(body: &[u8], charset: Option<&str>) -> Option<&'static Encoding> {
    let header = charset.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
    header.or_else(|| prescan(&body[..body.len().min(PRESCAN_BYTES)]))
}

fn undeclared(body: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(body).is_ok() {
        return UTF_8;
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    // A page that is ASCII for long tells nothing: begin at the first byte that does.
    let start = body.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    let sample = &body[start..body.len().min(start + GUESS_BYTES)];
    detector.feed(sample, start + sample.len() == body.len());
    detector.guess(None, chardetng::Utf8Detection::Allow)
}

/// The encoding that a meta element declares (WHATWG HTML 13.2.3.2, "prescan a
/// byte stream to determine its encoding").
fn prescan(bytes: &[u8]) -> Option<&'static Encoding> {
    let mut scan = Scan { bytes, at: 0 };
    while scan.at < bytes.len() {
        if scan.starts_with(b"<!--") {
            scan.at += 2;
            scan.skip_past(b"-->")?;
        } else if scan.starts_with(b"<meta")
            && scan.byte(5).is_some_and(|b| is_blank(b) || b == b'/')
        {
            scan.at += 6;
            if let Some(encoding) = scan.meta() {
                return Some(encoding);
            }
        } else if scan.at_tag() {
            scan.skip_while(|b| !is_blank(b) && b != b'>');
            while scan.attribute().is_some() {}
        } else if scan.starts_with(b"<!") || scan.starts_with(b"</") || scan.starts_with(b"<?") {
            scan.skip_past(b">")?;
        } else {
            scan.at += 1;
        }
    }
    None
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn starts_with(&self, prefix: &[u8]) -> bool {
        self.bytes[self.at..]
            .get(..prefix.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(prefix))
    }

    /// `<` or `</` and a letter.
    fn at_tag(&self) -> bool {
        let letter = |ahead| self.byte(ahead).is_some_and(|byte: u8| byte.is_ascii_alphabetic());
        self.byte(0) == Some(b'<') && (letter(1) || (self.byte(1) == Some(b'/') && letter(2)))
    }

    fn skip_past(&mut self, end: &[u8]) -> Option<()> {
        let found = self.bytes[self.at..].windows(end.len()).position(|window| window == end)?;
        self.at += found + end.len();
        Some(())
    }

    fn skip_while(&mut self, skip: impl Fn(u8) -> bool) {
        while self.byte(0).is_some_and(&skip) {
            self.at += 1;
        }
    }

    /// The attributes of a meta element, and the encoding they declare.
    fn meta(&mut self) -> Option<&'static Encoding> {
        const NAMES: [&[u8]; 3] = [b"http-equiv", b"content", b"charset"];
        let (mut seen, mut got_pragma, mut need_pragma, mut charset) =
            ([false; 3], false, None, None);
        while let Some((name, value)) = self.attribute() {
            let Some(at) = NAMES.iter().position(|known| *known == name) else { continue };
            // The first of its name counts.
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            match &*name {
                b"http-equiv" => got_pragma |= value == b"content-type",
                b"content" if charset.is_none() => {
                    if let Some(found) = charset_in(&value) {
                        (charset, need_pragma) = (Some(found), Some(true));
                    }
                }
                b"charset" => (charset, need_pragma) = (Encoding::for_label(&value), Some(false)),
                _ => {}
            }
        }
        if need_pragma? && !got_pragma {
            return None;
        }
        charset.map(|charset| {
            let name = charset.name();
            if charset == UTF_16BE || charset == UTF_16LE {
                UTF_8
            } else if name == "x-user-defined" {
                WINDOWS_1252
            } else {
                charset
            }
        })
    }

    /// The next attribute of the tag, in lower case; `None` at its end ("get an attribute").
    fn attribute(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.skip_while(|b| is_blank(b) || b == b'/');
        if self.byte(0)? == b'>' {
            self.at += 1;
            return None;
        }
        let mut name = Vec::new();
        loop {
            let byte = self.byte(0)?;
            match byte {
                b'=' if !name.is_empty() => break,
                b'/' | b'>' => return Some((name, Vec::new())),
                _ if is_blank(byte) => {
                    self.skip_while(is_blank);
                    if self.byte(0)? != b'=' {
                        return Some((name, Vec::new()));
                    }
                    break;
                }
                _ => name.push(byte.to_ascii_lowercase()),
            }
            self.at += 1;
        }
        self.at += 1;
        self.skip_while(is_blank);
        let value = self.value()?;
        Some((name, value))
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        let first = self.byte(0)?;
        let mut value = Vec::new();
        if matches!(first, b'"' | b'\'') {
            loop {
                self.at += 1;
                let byte = self.byte(0)?;
                if byte == first {
                    self.at += 1;
                    return Some(value);
                }
                value.push(byte.to_ascii_lowercase());
            }
        }
        loop {
            let byte = self.byte(0)?;
            if is_blank(byte) || byte == b'>' {
                return Some(value);
            }
            value.push(byte.to_ascii_lowercase());
            self.at += 1;
        }
    }
}

/// The encoding in a `content` attribute (WHATWG HTML 2.6.5, "extracting a
/// character encoding from a meta element"); `content` is in lower case.
fn charset_in(content: &[u8]) -> Option<&'static Encoding> {
    let mut rest = content;
    loop {
        let at = rest.windows(7).position(|window| window == b"charset")?;
        rest = rest[at + 7..].trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b"=") {
            rest = after.trim_ascii_start();
            break;
        }
    }
    let label = if let quote @ (b'"' | b'\'') = rest.first()? {
        let end = rest[1..].iter().position(|byte| byte == quote)?;
        &rest[1..=end]
    } else {
        let end = rest.iter().position(|byte| is_blank(*byte) || *byte == b';');
        &rest[..end.unwrap_or(rest.len())]
    };
    Encoding::for_label(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_says_decides() {
        #[rustfmt::skip]
        let cases: &[(&[u8], Option<&str>, &str, &str, &str)] = &[
            (b"\xef\xbb\xbf\xc3\xa9", Some("latin1"), "UTF-8", "é", "the mark beats the header"),
            (b"<meta charset=utf-8>\xe9", Some("latin1"), "windows-1252", "<meta charset=utf-8>é", "the header beats meta"),
            (b"<meta charset=latin1>\xe9", None, "windows-1252", "<meta charset=latin1>é", "meta"),
            (b"<meta charset=latin1>\xe9", Some("nonsense"), "windows-1252", "<meta charset=latin1>é", "an unknown label says nothing"),
            (b"\xc3\xa9", None, "UTF-8", "é", "valid UTF-8"),
            (b"\xff\xfeh\0i\0", None, "UTF-16LE", "hi", "UTF-16 by its mark"),
            (b"<meta charset=utf-16>x", None, "UTF-8", "<meta charset=utf-16>x", "meta cannot say UTF-16"),
        ];
        for (bytes, header, name, text, why) in cases {
            let (found, encoding) = decode(bytes, *header);
            assert_eq!((&*found, encoding), (*text, *name), "{why}");
        }
    }

    #[test]
    fn an_undeclared_encoding_is_guessed() {
        let (text, name) =
            decode(b"\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0! \xca\xe0\xea \xe4\xe5\xeb\xe0?", None);
        assert_eq!((&*text, name), ("Привет, мир! Как дела?", "windows-1251"));
    }
}
