//! What does a stylesheet refer to?
//!
//! `url(...)` and `@import` as CSS Syntax Level 3 tokenizes them (sections 4.3.4
//! to 4.3.6): comments and strings are skipped, escapes resolved.

/// References that are taken of one stylesheet.
const MAX_REFERENCES: usize = 10_000;

/// The references of a stylesheet, as written, escapes resolved; data URLs left out.
pub fn css_references(css: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = css;
    while found.len() < MAX_REFERENCES {
        let Some(at) = rest.find(['/', '"', '\'', '@', 'u', 'U']) else { break };
        rest = &rest[at..];
        let name =
            |name: &str| rest.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name));
        let reference = if rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, after)| after);
            continue;
        } else if rest.starts_with(['"', '\'']) {
            rest = string(rest).1;
            continue;
        } else if name("@import") {
            rest = rest["@import".len()..].trim_start();
            if !rest.starts_with(['"', '\'']) {
                continue;
            }
            let (text, after) = string(rest);
            rest = after;
            text
        } else if name("url(") {
            let (text, after) = url(&rest["url(".len()..]);
            rest = after;
            text
        } else {
            rest = &rest[1..];
            continue;
        };
        let reference = reference.trim();
        if !reference.is_empty()
            && !reference.get(..5).is_some_and(|it| it.eq_ignore_ascii_case("data:"))
        {
            found.push(reference.to_owned());
        }
    }
    found
}

/// The string that `text` begins with, and what follows it; a line break ends a bad one.
fn string(text: &str) -> (String, &str) {
    let quote = text.chars().next().expect("it begins with a quote");
    let body = &text[1..];
    let mut is_escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\n' => return (String::new(), &body[at + 1..]),
            _ if c == quote => return (unescaped(&body[..at]), &body[at + 1..]),
            _ => {}
        }
    }
    (unescaped(body), "")
}

/// The inside of a `url(`, and what follows its end.
fn url(text: &str) -> (String, &str) {
    let inside = text.trim_start();
    if inside.starts_with(['"', '\'']) {
        let (reference, after) = string(inside);
        return (reference, after.split_once(')').map_or("", |(_, after)| after));
    }
    match inside.split_once(')') {
        Some((reference, after)) => (unescaped(reference.trim_end()), after),
        None => (unescaped(inside.trim_end()), ""),
    }
}

/// Escapes resolved: a backslash with up to six hexadecimal digits and one blank,
/// or before the character itself.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        let mut code = 0_u32;
        let mut digits = 0;
        while digits < 6
            && let Some(digit) = chars.peek().and_then(|c| c.to_digit(16))
        {
            code = code << 4 | digit;
            digits += 1;
            chars.next();
        }
        if digits > 0 {
            chars.next_if(char::is_ascii_whitespace);
            plain.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        } else if let Some(next) = chars.next_if(|c| *c != '\n') {
            plain.push(next);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_and_nothing_else() {
        #[rustfmt::skip]
        let cases: &[(&str, &[&str])] = &[
            ("a { background: url(a.png) }",                      &["a.png"]),
            ("a{b:URL( 'a b.png' ) , url(\"c.png\")}",            &["a b.png", "c.png"]),
            ("@import 'x.css'; @IMPORT url(y.css) print;",        &["x.css", "y.css"]),
            ("/* url(no.png) */ b { c: url(yes.png) }",           &["yes.png"]),
            ("a::before { content: 'url(no.png)' }",              &[]),
            ("a { b: url(data:image/png;base64,x), url() }",      &[]),
            ("a { b: url(a\\29 b.png) url(\"q\\\"r\") }",         &["a)b.png", "q\"r"]),
            ("@font-face { src: url(f.woff2?#iefix) format('x')", &["f.woff2?#iefix"]),
            ("/* unclosed url(x)",                                &[]),
            ("a { b: url(unclosed.png",                           &["unclosed.png"]),
            ("curl(x) urls url",                                  &["x"]),
        ];
        for (css, expected) in cases {
            assert_eq!(css_references(css), *expected, "{css}");
        }
    }

    #[test]
    fn floods_cost_no_more_than_their_length() {
        for flood in ["url(", "/*", "\"", "@import ", "\\", "u"] {
            css_references(&flood.repeat(300_000));
        }
        assert_eq!(css_references(&"url(a)".repeat(20_000)).len(), MAX_REFERENCES);
    }
}
