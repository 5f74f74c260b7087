//! What must hold of decoding, whatever the bytes? Case: the charset of the header, a line break, the bytes.

use std::time::Duration;

use crawlite::extract::decode;

use super::{Case, within};

/// Panics where a law is broken.
pub fn check(data: &[u8]) {
    let case = Case::of(data);
    for charset in [Some(case.head.as_str()), None] {
        let (text, name) = within(Duration::from_secs(1), || decode(&case.body, charset));
        assert!(!name.is_empty() && name.is_ascii());
        // A mark at the start of the text is one of the text: its own was taken off.
        let (again, _) = decode(text.as_bytes(), Some("utf-8"));
        assert_eq!(again, text.strip_prefix('\u{feff}').unwrap_or(&text), "it is UTF-8 now");
        if case.body.starts_with(b"\xEF\xBB\xBF") {
            assert_eq!(name, "UTF-8", "the mark comes before what is declared");
        }
        if case.body.is_ascii() && name == "UTF-8" {
            assert_eq!(text.as_bytes(), case.body);
        }
    }
}
