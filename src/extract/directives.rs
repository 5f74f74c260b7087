//! What do robots directives and refreshes ask of us?

/// Bytes of directives that are kept; all of them count.
const MAX_TEXT_BYTES: usize = 512;

/// Whether a page may be kept in an index and its links followed, as meta
/// elements and X-Robots-Tag headers say (RFC 9309 leaves these to practice).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directives {
    /// `noindex` and `none` were not said.
    pub index: bool,
    /// `nofollow` and `none` were not said.
    pub follow: bool,
    /// What was said to us, in lower case, comma-separated, as far as there was room; empty
    /// if nothing.
    pub text: String,
}

impl Default for Directives {
    fn default() -> Self {
        Self { index: true, follow: true, text: String::new() }
    }
}

impl Directives {
    /// Adds what one meta element or header says.
    pub fn add(&mut self, content: &str) {
        for word in content.split(',').map(|word| word.trim().to_ascii_lowercase()) {
            self.index &= !matches!(&*word, "noindex" | "none");
            self.follow &= !matches!(&*word, "nofollow" | "none");
            if word.is_empty() || self.text.len() + word.len() > MAX_TEXT_BYTES {
                continue;
            }
            if !self.text.is_empty() {
                self.text.push_str(", ");
            }
            self.text.push_str(&word);
        }
    }

    /// Adds an X-Robots-Tag header. What follows `otherbot:` is for that crawler alone, up
    /// to the next name: where a server says several headers, what stands between may have
    /// made one of them.
    pub fn add_header(&mut self, value: &str, product_token: &str) {
        let mut is_ours = true;
        for word in value.split(',') {
            let word = match word.split_once(':') {
                Some((name, word)) if is_crawler(name) => {
                    is_ours = name.trim().eq_ignore_ascii_case(product_token);
                    word
                }
                _ => word,
            };
            if is_ours {
                self.add(word);
            }
        }
    }

    /// Adds the directives of another source.
    pub fn merge(&mut self, other: &Self) {
        self.add(&other.text);
        // What there was no room for counts as well.
        self.index &= other.index;
        self.follow &= other.follow;
    }
}

/// Whether what stands before a colon names a crawler: it is one word, and no directive
/// that has a value.
fn is_crawler(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let is_directive = name.starts_with("max-") || name == "unavailable_after";
    !is_directive && !name.is_empty() && !name.contains(|c: char| c.is_ascii_whitespace())
}

/// The target of a refresh, as `<meta http-equiv=refresh>` or a Refresh header
/// spells it (WHATWG HTML 4.2.5.3, shared declarative refresh steps). `None` if
/// the page only reloads itself.
pub fn refresh_target(content: &str) -> Option<&str> {
    let text = content.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let after = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if after.len() == text.len() {
        return None;
    }
    let blank = |c: char| c.is_ascii_whitespace();
    let rest = after.trim_start_matches(blank);
    if rest.len() == after.len() && !rest.starts_with([';', ',']) {
        return None;
    }
    let rest = rest.strip_prefix([';', ',']).unwrap_or(rest).trim_start_matches(blank);
    let rest = strip_url_equals(rest).unwrap_or(rest);
    let url = match rest.chars().next()? {
        quote @ ('"' | '\'') => rest[1..].split(quote).next().unwrap_or_default(),
        _ => rest,
    };
    Some(url.trim_matches(blank)).filter(|url| !url.is_empty())
}

/// What follows `url =`, in any case.
fn strip_url_equals(text: &str) -> Option<&str> {
    let name = text.get(..3).filter(|name| name.eq_ignore_ascii_case("url"))?;
    let rest = text[name.len()..].trim_start_matches(|c: char| c.is_ascii_whitespace());
    Some(rest.strip_prefix('=')?.trim_start_matches(|c: char| c.is_ascii_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_is_read_in_all_its_spellings() {
        #[rustfmt::skip]
        let cases = [
            ("0;url=/a",         Some("/a")), ("0; URL=/a",       Some("/a")), ("5;/a",           Some("/a")),
            ("5,url='/a b'",     Some("/a b")), (" 1.5 ; url = \"/a\" x", Some("/a")), ("0 url=/a", Some("/a")),
            ("5",                None), ("5;",             None), ("url=/a",         None), ("x;url=/a", None),
            ("0;url=",           None), ("0;urls",         Some("urls")), (".5;url=/a",  Some("/a")), ("", None),
            ("0;url='/a",        Some("/a")),
        ];
        for (content, expected) in cases {
            assert_eq!(refresh_target(content), expected, "{content}");
        }
    }

    #[test]
    fn directives_add_up_and_others_names_are_not_ours() {
        let said = |headers: &[&str]| {
            let mut directives = Directives::default();
            headers.iter().for_each(|header| directives.add_header(header, "crawlite"));
            (directives.index, directives.follow)
        };
        assert_eq!(said(&["noindex", "nofollow"]), (false, false));
        assert_eq!(said(&["none"]), (false, false));
        assert_eq!(said(&["otherbot: noindex"]), (true, true));
        assert_eq!(said(&["Crawlite: noindex, nofollow"]), (false, false));
        assert_eq!(said(&["max-snippet: 3, noindex"]), (false, true));
        assert_eq!(said(&["all"]), (true, true));
        assert_eq!(said(&["otherbot: noindex, crawlite: nofollow"]), (true, false));
        assert_eq!(said(&["noindex, otherbot: nofollow, nosnippet"]), (false, true));
        assert_eq!(
            said(&["unavailable_after: Friday, 25-Jun-10 15:00:00 GMT, none"]),
            (false, false)
        );
        let full = "x".repeat(300) + "," + &"y".repeat(300) + ",none";
        assert_eq!(said(&[&full]), (false, false), "also what there is no room to keep");
        let (mut page, mut header) = (Directives::default(), Directives::default());
        header.add(&full);
        page.merge(&header);
        assert_eq!((page.index, page.follow), (false, false));
    }
}
