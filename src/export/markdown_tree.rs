//! Where does each page lie in a folder of Markdown files, and what is in its file?
//!
//! A path is made of a URL that somebody else chose, so nothing in it is taken
//! as it is: [`file_path`] gives names that every file system takes, that do not
//! hide, and that cannot lead out of the folder. Two URLs may get one path, also
//! on file systems that ignore case; then [`hashed_path`] is free.

use crate::canonical::CanonicalUrl;
use crate::hash::ContentHash;
use crate::store::StoredPage;

/// Bytes of a name; longer ones are cut and end with a hash.
const MAX_NAME_BYTES: usize = 100;
/// Folders within each other, and bytes of a whole path; what has more is hashed.
const MAX_FOLDERS: usize = 20;
const MAX_PATH_BYTES: usize = 180;

/// The path of a page's file within the folder, with `/` between names, such as
/// `example.org/docs/intro.md`.
pub fn file_path(url: &CanonicalUrl) -> String {
    let mut names: Vec<&str> = url.path()[1..].split('/').collect();
    let last = names.pop().unwrap_or_default();
    let stem = [".html", ".htm", ".xhtml"].iter().find_map(|ending| last.strip_suffix(ending));
    let stem = stem.unwrap_or(last);
    let mut file = if stem.is_empty() { "index".to_owned() } else { stem.to_owned() };
    if let Some((_, query)) = url.path_and_query().split_once('?') {
        file.push('@');
        file.push_str(query);
    }
    let host = safe_name(url.host());
    let folders = names.iter().map(|name| safe_name(name));
    let names: Vec<String> =
        std::iter::once(host).chain(folders).chain([safe_name(&file)]).collect();
    let path = names.join("/") + ".md";
    let is_long = names.len() > MAX_FOLDERS + 2 || path.len() > MAX_PATH_BYTES;
    if is_long { hashed_path(url) } else { path }
}

/// A path for a page whose own path is taken or too long.
pub fn hashed_path(url: &CanonicalUrl) -> String {
    format!("{}/_{}.md", safe_name(url.host()), hash(url.as_str(), 16))
}

/// The whole file of a page: its front matter as YAML, then its text.
pub fn document(page: &StoredPage, text: &str) -> String {
    let mut document = format!("---\nurl: {}\n", yaml(&page.url));
    for (name, value) in [("title", &page.title), ("description", &page.description)] {
        if let Some(value) = value {
            document.push_str(&format!("{name}: {}\n", yaml(value)));
        }
    }
    document.push_str(&format!("fetched_at: {}\n---\n\n{text}", page.fetched_at));
    document
}

/// A string of YAML: what JSON writes is one, once it holds no control characters.
fn yaml(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') {
                ' '
            } else {
                c
            }
        })
        .collect();
    serde_json::Value::String(plain).to_string()
}

/// One name of a path: percent-encoding undone, and everything replaced that
/// some file system or shell takes for something else.
fn safe_name(raw: &str) -> String {
    let mut name: String = percent_decoded(raw).chars().map(safe).collect();
    if name.starts_with(['.', '-', '~']) {
        name.insert(0, '_');
    }
    // Windows takes no dot or blank at the end, and no name of a device.
    if name.is_empty() || name.ends_with(['.', ' ']) {
        name.push('_');
    }
    if is_device(&name) {
        name.insert(0, '_');
    }
    if name.len() > MAX_NAME_BYTES {
        name.truncate(name.floor_char_boundary(MAX_NAME_BYTES - 10));
        name.push_str(&format!("~{}", hash(raw, 8)));
    }
    name
}

#[rustfmt::skip]
fn safe(c: char) -> char {
    let is_unsafe = c.is_control()
        || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%' | '$' | '`' | '\'' | '!')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if is_unsafe { '_' } else { c }
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    matches!(&*stem, "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.ends_with(|c: char| c.is_ascii_digit()))
}

/// The text with `%XX` undone, or as it is if that is no UTF-8.
fn percent_decoded(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = raw.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = escape.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).unwrap_or_else(|_| raw.to_owned())
}

/// The first `digits` hexadecimal digits of a hash.
fn hash(text: &str, digits: usize) -> String {
    let hash = ContentHash::of(text.as_bytes());
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..digits].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> String {
        file_path(&CanonicalUrl::parse(url).unwrap())
    }

    #[test]
    fn a_page_lies_where_one_looks_for_it() {
        #[rustfmt::skip]
        let cases = [
            ("https://example.org/",                    "example.org/index.md"),
            ("https://example.org/docs/",               "example.org/docs/index.md"),
            ("https://example.org/docs/a.html",         "example.org/docs/a.md"),
            ("https://example.org/docs/a",              "example.org/docs/a.md"),
            ("https://example.org/a.b.php",             "example.org/a.b.php.md"),
            ("http://127.0.0.1:8102/x",                 "127.0.0.1_8102/x.md"),
            ("http://[::1]:81/x",                       "[__1]_81/x.md"),
            ("https://a/s?q=a&b=c%2Fd",                 "a/s@q=a&b=c_d.md"),
            ("https://a/?q",                            "a/index@q.md"),
            ("https://a/%E6%BC%A2%20x",                 "a/漢 x.md"),
            ("https://a/%FF",                           "a/_FF.md"),
        ];
        for (url, expected) in cases {
            assert_eq!(path(url), expected);
        }
    }

    #[test]
    fn no_url_leads_out_of_the_folder_or_to_an_odd_name() {
        let long = format!("https://a/{}", "x/".repeat(500));
        let wide = format!("https://a/{}", "%E6%BC%A2".repeat(200));
        for url in [
            "https://a/%2e%2e/%2e%2e/etc/passwd",
            "https://a/..%2f..%2fetc/passwd",
            "https://a/%2e%2e%2f",
            "https://a/%5c..%5c..%5cx",
            "https://a/C:/x",
            "https://a//etc/passwd",
            "https://a/.git/config",
            "https://a/~/x",
            "https://a/-rf",
            "https://a/CON.txt",
            "https://a/aux",
            "https://a/com1.html",
            "https://a/x./y",
            "https://a/x%20/y",
            "https://a/%00x%0a%1b[31m",
            "https://a/%E2%80%AEgnp.exe",
            "https://a/$(x)`y`'z'",
            &long,
            &wide,
        ] {
            let path = path(url);
            assert!(path.len() <= MAX_PATH_BYTES, "{url}: {path}");
            assert_eq!(
                path.rsplit_once('.').map(|(_, ending)| ending),
                Some("md"),
                "{url}: {path}"
            );
            for name in path.split('/') {
                let bad = |c: char| c.is_control() || "\\:*?\"<>|$`'\u{202e}".contains(c);
                assert!(!name.is_empty() && !name.starts_with(['.', '-', '~']), "{url}: {path}");
                assert!(!name.contains(bad) && !name.ends_with(['.', ' ']), "{url}: {path}");
                assert!(!is_device(name), "{url}: {path}");
            }
        }
        assert_ne!(path(&wide), path(&format!("{wide}x")));
    }

    #[test]
    fn front_matter_holds_any_title() {
        let page = StoredPage {
            page_id: 1,
            url: "https://a/".into(),
            title: Some("a: \"b\"\u{1b}\u{85} # --- 漢".into()),
            description: None,
            fetched_at: "2026-11-23T20:04:55Z".into(),
            body: crate::store::Body {
                charset: "UTF-8".into(),
                is_xhtml: false,
                bytes: Vec::new(),
            },
        };
        assert_eq!(
            document(&page, "# A\n"),
            "---\nurl: \"https://a/\"\ntitle: \"a: \\\"b\\\"   # --- 漢\"\nfetched_at: 2026-11-23T20:04:55Z\n---\n\n# A\n"
        );
    }
}
