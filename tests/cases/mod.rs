//! The published conformance cases: JSON files in the folder that the
//! environment variable `CRAWLITE_CASES` names.

use std::io::Write;
use std::path::Path;

use serde_json::Value;

/// The cases in `file`; without the folder none, and a line that says so.
pub(crate) fn load(file: &str) -> Vec<Value> {
    let Some(folder) = std::env::var_os("CRAWLITE_CASES") else {
        say(&format!("{file}: skipped, CRAWLITE_CASES is not set"));
        return Vec::new();
    };
    let text = std::fs::read(Path::new(&folder).join(file)).expect(file);
    let mut content: Value = serde_json::from_slice(&text).expect(file);
    serde_json::from_value(content["cases"].take()).expect(file)
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
