//! The canonical form is a fixed point, whatever it is made from, and making it never panics.
//!
//! Random references from the pieces that URLs go wrong in, each printed with its seed
//! when it fails; `CRAWLITE_URLS` says how many. And every input of the published cases.

mod cases;

use cases::{load, say};
use crawlite::canonical::{
    CanonicalUrl, MAX_URL_BYTES, join, split_plain_fragment, without_credentials, without_www,
};
use crawlite::config::{Preset, ScopeConfig};
use crawlite::scope::Scope;
use url::Url;

/// What references are made of.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "http:", "https:", "HTTP:", "hTTps:", "http", "ftp:", "javascript:", "data:", "mailto:", ":", "/", "//", "///", "\\",
    "\\\\", "?", "#", "@", "user:pw@", "user@", ":@", "a@b@", "example.org", "www.example.org", "EXAMPLE.org.", "www.",
    "bücher.example", "xn--bcher-kva.example", "xn--", "xn--a", "ａ.example", "١٢٧.0.0.1", "127.0.0.1", "127.1", "0x7f.1",
    "2130706433", "0", "256.256.256.256", "[::1]", "[::ffff:127.0.0.1]", "[", "]", "[v1.x]", "%31%32%37.0.0.1", "%00",
    "a%2fb", "ß", "\u{ad}", "\u{200d}", "\u{feff}", "\u{202e}", "\u{fffd}", "\u{10ffff}", ":80", ":443", ":8080", ":0",
    ":65535", ":65536", ":x", ":", ".", "..", "./", "../", "%2e", "%2E%2e/", "/.", "/..", "a", "b/c", "a b", "a\tb",
    "a\nb", "\r", "\0", "\u{1f}", " ", "\u{a0}", "\u{3000}", "%", "%2", "%zz", "%25", "%2525", "%C3%A9", "%c3%a9", "é",
    "日本", "?sid=1&", "&utm_source=x", "?q", "&amp;", "&", "=", "q=1", "sid=%zz", ";", "|", "^", "`", "{", "}", "\"", "<", ">", "'", "~", "+", "*", "$", "!",
];

const BASES: &[&str] = &[
    "http://example.org/a/b/c?d#e",
    "https://user:pw@example.org:8443/x/",
    "http://[::1]:81/?q",
    "data:text/html,x",
    "mailto:a@b",
    "file:///etc/passwd",
    "about:blank",
];

/// `SplitMix64`: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).expect("small")
    }

    fn reference(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(12) {
            match self.below(24) {
                0 => text
                    .extend(char::from_u32(u32::try_from(self.below(0x11_0000)).expect("small"))),
                1 => text.push_str(&PIECES[self.below(PIECES.len())].repeat(1 + self.below(700))),
                2 => text = text.chars().rev().collect(),
                _ => text.push_str(PIECES[self.below(PIECES.len())]),
            }
        }
        text
    }
}

/// Looks at what `raw` becomes on `base`; whether it becomes a URL.
fn look_at(base: &Url, raw: &str) -> bool {
    let anonymous = without_credentials(raw);
    assert_eq!(without_credentials(&anonymous), anonymous, "credentials are gone at once");
    let (head, fragment) = split_plain_fragment(raw);
    assert!(fragment.is_none_or(|fragment| raw.contains(fragment)) && raw.contains(head));
    CanonicalUrl::parse(raw).map_or_else(|error| drop(error.to_string()), |url| is_settled(&url));
    let joined = join(base, raw);
    let in_two = join(base, head).map(|(url, found)| (url, fragment.map(Into::into).or(found)));
    assert_eq!(in_two.ok(), joined.clone().ok(), "in two parts it means what it means in one");
    let Ok((url, fragment)) = joined else { return false };
    assert_ne!(fragment.as_deref(), Some(""));
    is_settled(&url);
    if url.as_str().contains('?') {
        let stripped = strip(&url);
        is_settled(&stripped);
        assert_eq!(strip(&stripped), stripped, "what was stripped is stripped again");
    }
    true
}

/// Whether a canonical URL is what the rest of the program takes it for.
fn is_settled(url: &CanonicalUrl) {
    let text = url.as_str();
    assert_eq!(CanonicalUrl::parse(text).as_ref(), Ok(url), "reading it again changes it");
    for base in [text, "http://other.example/x?y#z", "about:blank"] {
        let base = Url::parse(base).expect("a base");
        assert_eq!(join(&base, text), Ok((url.clone(), None)), "joining it to {base} changes it");
    }
    assert_eq!(url.to_url().as_str(), text, "the parser spells it otherwise");
    assert!(
        text.len() <= MAX_URL_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic()),
        "{text:?}"
    );
    assert!(!text.contains('#') && !url.origin().contains('@'), "{text}");
    assert_eq!(format!("{}{}", url.origin(), url.path_and_query()), text);
    assert!(url.path_and_query().starts_with(url.path()) && url.path().starts_with('/'));
    assert!(url.origin().ends_with(url.host()) && url.host().starts_with(url.host_name()));
    assert!(url.host().ends_with(url.server()) && !url.server().is_empty());
    assert_eq!(without_www(url.host()), url.server());
    assert!(
        url.host_and_port().rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
    );
}

/// Takes the parameters out that people most often do.
fn strip(url: &CanonicalUrl) -> CanonicalUrl {
    let config = ScopeConfig {
        preset: Preset::Any,
        strip_query: vec!["sid".into(), "q*".into()],
        strip_tracking: true,
        ..ScopeConfig::default()
    };
    let seed = CanonicalUrl::parse("http://example.org/").expect("a seed");
    Scope::new(&config, &[seed]).expect("a scope").stripped(url.clone())
}

#[test]
fn whatever_becomes_a_url_stays_as_it_is() {
    let count = std::env::var("CRAWLITE_URLS").ok().and_then(|count| count.parse().ok());
    let bases: Vec<Url> = BASES.iter().map(|base| Url::parse(base).expect("a base")).collect();
    let mut urls = 0;
    for seed in 0..count.unwrap_or(30_000) {
        let mut dice = Dice(seed);
        let (base, raw) = (&bases[dice.below(bases.len())], dice.reference());
        let looked = std::panic::catch_unwind(|| look_at(base, &raw));
        urls += usize::from(looked.unwrap_or_else(|_| panic!("seed {seed}: {raw:?} on {base}")));
    }
    assert!(urls > 5_000, "only {urls} become URLs: the pieces fit together too rarely");
    say(&format!("canonical form: {urls} URLs settled"));
}

#[test]
fn so_does_every_input_of_the_published_cases() {
    let bases: Vec<Url> = BASES.iter().map(|base| Url::parse(base).expect("a base")).collect();
    let mut urls = 0;
    for case in load("urls-wpt.json") {
        let input = case["input"].as_str().expect("an input");
        let own = case["base"].as_str().and_then(|base| Url::parse(base).ok());
        for base in own.iter().chain(&bases) {
            urls += usize::from(look_at(base, input));
        }
    }
    say(&format!("canonical form: {urls} URLs of published cases settled"));
}
