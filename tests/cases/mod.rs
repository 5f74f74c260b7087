//! The published conformance cases: JSON files in the folder that the
//! environment variable `CRAWLITE_CASES` names.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Write;
use std::path::Path;

use serde_json::Value;

/// The cases in `file`; without the folder none, and a line that says so.
pub(crate) fn load(file: &str) -> Vec<Value> {
    let Some(folder) = std::env::var_os("CRAWLITE_CASES") else {
        say(&format!("{file}: skipped, CRAWLITE_CASES is not set"));
        return Vec::new();
    };
    let text = std::fs::read_to_string(Path::new(&folder).join(file)).expect(file);
    let mut content: Value = serde_json::from_str(&without_lone_surrogates(&text)).expect(file);
    serde_json::from_value(content["cases"].take()).expect(file)
}

/// Escapes of half a surrogate pair name no character; the URL standard reads U+FFFD there.
fn without_lone_surrogates(json: &str) -> String {
    let unit = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    let (mut text, mut at) = (String::with_capacity(json.len()), 0);
    while let Some(c) = json[at..].chars().next() {
        let (first, second) = (unit(at), unit(at + 6));
        let (piece, length) = match (first, second) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (&json[at..at + 12], 12),
            (Some(0xD800..=0xDFFF), _) => ("\\uFFFD", 6),
            _ if json[at..].starts_with("\\\\") => (&json[at..at + 2], 2),
            _ => (&json[at..at + c.len_utf8()], c.len_utf8()),
        };
        text.push_str(piece);
        at += length;
    }
    text
}

/// Straight to the terminal, past the capture of passing tests.
pub(crate) fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout is open");
}

/// The bytes that `encoded` stands for in base64 (RFC 4648 §4).
pub(crate) fn base64(encoded: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in encoded.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte)) {
        bits = bits << 6 | u32::try_from(digit).expect("at most 63");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xFF) as u8);
        }
    }
    bytes
}
