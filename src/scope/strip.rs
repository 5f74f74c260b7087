//! Which query parameters say nothing about the page?
//!
//! Nothing is stripped unless asked for: a parameter that looks like tracking may
//! choose the page. What is left keeps its order and spelling.

use crate::canonical::CanonicalUrl;

/// Parameters that only say where a visitor came from.
const TRACKING: [&str; 18] = [
    "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "fbclid", "msclkid", "twclid", "ttclid",
    "yclid", "igshid", "mc_cid", "mc_eid", "_ga", "_gl", "_hsenc", "_hsmi", "vero_id",
];
/// What tracking parameters begin with.
const TRACKING_PREFIXES: [&str; 3] = ["utm_", "pk_", "mtm_"];

/// What is taken out of queries.
#[derive(Clone, Debug, Default)]
pub(super) struct Strip {
    names: Vec<String>,
    tracking: bool,
}

impl Strip {
    /// Strips parameters with these names (`*` at the end stands for any rest; `*`
    /// alone for all), and those of tracking.
    pub(super) fn new(names: &[String], tracking: bool) -> Self {
        Self { names: names.to_vec(), tracking }
    }

    /// The URL without them.
    pub(super) fn apply(&self, url: CanonicalUrl) -> CanonicalUrl {
        if self.names.is_empty() && !self.tracking {
            return url;
        }
        let Some((before, query)) = url.as_str().split_once('?') else { return url };
        let is_kept = |part: &&str| !self.strips(part.split('=').next().unwrap_or_default());
        if query.split('&').all(|part| is_kept(&part)) {
            return url;
        }
        let kept: Vec<_> = query.split('&').filter(is_kept).collect();
        let question = if kept.is_empty() { "" } else { "?" };
        CanonicalUrl::from_stored(format!("{before}{question}{}", kept.join("&")))
    }

    fn strips(&self, name: &str) -> bool {
        let is_named = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        };
        let is_tracking = || {
            let lower = name.to_ascii_lowercase();
            TRACKING.contains(&&*lower)
                || TRACKING_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
        };
        self.names.iter().any(is_named) || self.tracking && is_tracking()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_taken_out() {
        #[rustfmt::skip]
        let cases = [
            ("",       true,  "/a?utm_source=x&id=1&UTM_medium=y", "/a?id=1"),
            ("",       true,  "/a?fbclid=1",                       "/a"),
            ("",       false, "/a?utm_source=x",                   "/a?utm_source=x"),
            ("sid",    false, "/a?sid=9&b=2&sid",                  "/a?b=2"),
            ("sid",    false, "/a?side=9",                         "/a?side=9"),
            ("f_*",    false, "/a?f_color=1&g=2&f_size=3",         "/a?g=2"),
            ("*",      false, "/a?x=1&y",                          "/a"),
            ("sid",    true,  "/a?b=%26sid&c",                     "/a?b=%26sid&c"),
        ];
        for (names, tracking, path, expected) in cases {
            let names: Vec<_> = names.split_whitespace().map(str::to_owned).collect();
            let url = CanonicalUrl::parse(&format!("http://h{path}")).unwrap();
            let stripped = Strip::new(&names, tracking).apply(url);
            assert_eq!(stripped.path_and_query(), expected, "{names:?} {tracking}");
        }
    }
}
