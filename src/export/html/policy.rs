//! What may the page do in a browser? Show its own style, run its own script, and
//! nothing else.
//!
//! The Content Security Policy names both by their hash (CSP level 3, section
//! 8.4), so that nothing that slipped in could run or restyle it, and forbids to
//! load anything. That rules out `style` attributes as well.

use ring::digest::{SHA256, digest};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("sort.js");

/// The content of the one `style` element.
pub(super) fn style() -> String {
    as_parsed(STYLE)
}

/// The content of the one `script` element.
pub(super) fn script() -> String {
    as_parsed(SCRIPT)
}

/// The policy.
pub(super) fn policy() -> String {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        source_of(&style()),
        source_of(&script())
    )
}

/// With the line ends that a browser has before it takes the hash, whatever those
/// of the checkout were.
fn as_parsed(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn source_of(text: &str) -> String {
    format!("sha256-{}", base64(digest(&SHA256, text.as_bytes()).as_ref()))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, &byte| bits << 8 | usize::from(byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[bits >> (18 - 6 * place) & 63];
            text.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        for (given, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(given.as_bytes()), expected);
        }
    }

    #[test]
    fn the_policy_holds_hashes_and_nothing_loads() {
        // `printf "alert('Hello, world.');"`, the example of CSP level 3, section 8.4.
        assert_eq!(
            source_of("alert('Hello, world.');"),
            "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng="
        );
        assert!(policy().starts_with("default-src 'none'; style-src 'sha256-"), "{}", policy());
        for text in [style(), script()] {
            assert!(!text.contains("</") && !text.contains("<!--"), "it would end its element");
            assert!(!text.contains("url(") && !text.contains("@import") && !text.contains("://"));
        }
    }
}
