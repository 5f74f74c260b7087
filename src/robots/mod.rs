//! robots.txt: what does this origin allow us?
//!
//! [`Rules::parse`] reads one robots.txt and keeps only what concerns us: the
//! rules of every group that names our product token, merged, or else those of
//! the groups for `*` (RFC 9309 §2.2.1). It knows nothing of how the file was
//! fetched, how long it is valid or what a missing one means; the engine does.
//!
//! bytes → lines → `field: value` → groups → `Rules` → a [`Verdict`] per path.
//!
//! Broken files are read the way Google's parser reads them, because that is
//! the parser their authors tested with: a forgotten colon, any line ending, a
//! byte order mark and unknown lines are all harmless.
//!
mod pattern;
mod precedence;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use pattern::Pattern;
use precedence::Precedence;

/// Bytes of a robots.txt that are read; the rest is ignored, and so is the line
/// that lies across the limit (RFC 9309 §2.5 asks for at least 500 KiB).
///
/// To let [`Rules::parse`] see that a file is longer, hand it one byte more.
pub const MAX_ROBOTS_BYTES: usize = 512 * 1024;

/// Rules kept of a file, so that a verdict stays a matter of milliseconds.
const MAX_RULES: usize = 20_000;
/// Sitemap lines kept of a file.
const MAX_SITEMAPS: usize = 500;
/// The longest text of a line shown in a [`Verdict`].
const MAX_SHOWN_BYTES: usize = 200;
/// The longest crawl delay we take seriously.
const MAX_CRAWL_DELAY: Duration = Duration::from_hours(24);

/// What the robots.txt of one origin says to one product token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    rules: Precedence,
    crawl_delay: Option<Duration>,
    sitemaps: Vec<String>,
}

/// Whether a path may be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// No rule matches, or the most specific one that does is an Allow.
    Allowed,
    /// The most specific rule that matches is a Disallow.
    Disallowed {
        /// Number of its line in the file, from 1.
        line: u32,
        /// That line without blanks around it and comment, such as
        /// `Disallow: /private/`; at most 200 bytes. Text from the network.
        rule: &'a str,
    },
}

/// One Allow or Disallow line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    pattern: Pattern,
    allow: bool,
    line: u32,
    /// As a [`Verdict`] shows it.
    text: String,
}

impl Rules {
    /// Reads what the robots.txt `body` says to `product_token`, such as `crawlite`.
    ///
    /// Never fails: what is not understood is skipped, as RFC 9309 §2.2 asks.
    /// Reads [`MAX_ROBOTS_BYTES`] of `body` and keeps the first 20 000 rules, in
    /// time linear in both. Only `*` means an empty `product_token`.
    pub fn parse(body: &[u8], product_token: &str) -> Self {
        let mut reader = Reader { product_token, ..Reader::default() };
        for (number, line) in lines(without_byte_order_mark(within_limit(body))) {
            reader.on_line(number, line);
        }
        reader.finish()
    }

    /// The rules of an origin without robots.txt: a 4xx answer (RFC 9309 §2.3.1.3).
    pub fn allow_all() -> Arc<Self> {
        static ALL: LazyLock<Arc<Rules>> = LazyLock::new(Arc::default);
        Arc::clone(&ALL)
    }

    /// Whether `path_and_query`, such as `/a/b?c=d`, may be fetched.
    ///
    /// The longest matching rule decides, Allow if two are equally long (RFC
    /// 9309 §2.2.2); `/robots.txt` itself is always allowed. Whatever the rules,
    /// it takes less than a millisecond: see `precedence` for what becomes of
    /// files that would take longer.
    pub fn verdict(&self, path_and_query: &str) -> Verdict<'_> {
        if path_and_query == "/robots.txt" {
            return Verdict::Allowed;
        }
        let path = pattern::comparable(path_and_query);
        match self.rules.decisive(&path) {
            Some(Rule { allow: false, line, text, .. }) => {
                Verdict::Disallowed { line: *line, rule: text }
            }
            _ => Verdict::Allowed,
        }
    }

    /// The shortest time between two requests that our group asks for, 0 to 24 h.
    ///
    /// Not part of RFC 9309. Of several the longest counts; one that is not a
    /// number of seconds of at least 0 is ignored, a longer one counts as 24 h.
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.crawl_delay
    }

    /// The values of the first 500 Sitemap lines, as written and in order.
    ///
    /// They belong to no group (RFC 9309 §2.2.4); they may be relative, on
    /// another host or no URL at all.
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }
}

/// The rules gathered for one name.
#[derive(Default)]
struct Group {
    /// Some user-agent line names it, so it exists, even if it has no rules.
    exists: bool,
    /// The rule lines being read are meant for it.
    open: bool,
    rules: Vec<Rule>,
    crawl_delay: Option<Duration>,
}

/// Reads a file line by line.
#[derive(Default)]
struct Reader<'a> {
    product_token: &'a str,
    /// Where our product token is named.
    ours: Group,
    /// `User-agent: *`
    everyone: Group,
    /// A rule line came after the last user-agent line, so the next user-agent
    /// line begins a group instead of adding a name to this one.
    in_rules: bool,
    sitemaps: Vec<String>,
}

impl Reader<'_> {
    fn on_line(&mut self, number: u32, line: &[u8]) {
        let line = without_comment(line);
        let Some((field, value)) = field_and_value(line) else { return };
        match field.to_ascii_lowercase().as_slice() {
            b"user-agent" => self.on_user_agent(value),
            b"allow" => self.on_rule(true, value, number, line),
            b"disallow" => self.on_rule(false, value, number, line),
            b"crawl-delay" => self.on_crawl_delay(value),
            b"sitemap" if self.sitemaps.len() < MAX_SITEMAPS => {
                self.sitemaps.push(String::from_utf8_lossy(value).into_owned());
            }
            _ => {}
        }
    }

    fn on_user_agent(&mut self, name: &[u8]) {
        if self.in_rules {
            self.in_rules = false;
            self.ours.open = false;
            self.everyone.open = false;
        }
        let first_word = name.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let named = if first_word == b"*" {
            &mut self.everyone
        } else if names(first_word, self.product_token.as_bytes()) {
            &mut self.ours
        } else {
            return;
        };
        named.exists = true;
        named.open = true;
    }

    fn on_rule(&mut self, allow: bool, path: &[u8], number: u32, line: &[u8]) {
        self.in_rules = true;
        let mut patterns = vec![path];
        let directory = directory_of_index_page(path).filter(|_| allow);
        patterns.extend(directory.as_deref());
        for pattern in patterns.into_iter().filter_map(Pattern::new) {
            for group in self.open_groups().filter(|group| group.rules.len() < MAX_RULES) {
                let (pattern, text) = (pattern.clone(), shown(line));
                group.rules.push(Rule { pattern, allow, line: number, text });
            }
        }
    }

    /// Like every field beyond RFC 9309, this does not end the list of names
    /// (§2.2.4): it counts for the names so far.
    fn on_crawl_delay(&mut self, value: &[u8]) {
        let seconds = str::from_utf8(value).ok().and_then(|value| value.parse::<f64>().ok());
        let Some(seconds) = seconds.filter(|seconds| *seconds >= 0.0) else { return };
        let delay = Duration::try_from_secs_f64(seconds).unwrap_or(MAX_CRAWL_DELAY);
        for group in self.open_groups() {
            group.crawl_delay = group.crawl_delay.max(Some(delay.min(MAX_CRAWL_DELAY)));
        }
    }

    fn open_groups(&mut self) -> impl Iterator<Item = &mut Group> {
        [&mut self.ours, &mut self.everyone].into_iter().filter(|group| group.open)
    }

    fn finish(self) -> Rules {
        let Group { rules, crawl_delay, .. } =
            if self.ours.exists { self.ours } else { self.everyone };
        Rules { rules: Precedence::new(rules), crawl_delay, sitemaps: self.sitemaps }
    }
}

/// Whether the first word of a user-agent line means the crawler `product_token`.
///
/// A product token has letters, `_` and `-` only (RFC 9309 §2.2.1); so
/// `crawlite/1.0` in a file means `crawlite`. A token that breaks that rule,
/// such as `Bot9000`, is still obeyed where it stands as it is.
fn names(word: &[u8], product_token: &[u8]) -> bool {
    let of_token = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-');
    let token_end = word.iter().position(|byte| !of_token(byte)).unwrap_or(word.len());
    !product_token.is_empty()
        && (word.eq_ignore_ascii_case(product_token)
            || word[..token_end].eq_ignore_ascii_case(product_token))
}

/// `/docs/$` for `/docs/index.html`: who allows the page means both its URLs, as
/// Google reads it.
fn directory_of_index_page(path: &[u8]) -> Option<Vec<u8>> {
    let name = path.iter().rposition(|&byte| byte == b'/')? + 1;
    path[name..].starts_with(b"index.htm").then(|| [&path[..name], b"$"].concat())
}

/// The part of `body` that is read: whole lines only, because half a rule such
/// as `Disallow: /` may mean something else entirely.
fn within_limit(body: &[u8]) -> &[u8] {
    let Some(start) = body.get(..=MAX_ROBOTS_BYTES) else { return body };
    let last_break = start.iter().rposition(|byte| matches!(byte, b'\r' | b'\n'));
    &start[..last_break.unwrap_or(0)]
}

/// Also takes off the beginning of a mark that was cut short, as Google does.
fn without_byte_order_mark(body: &[u8]) -> &[u8] {
    let mark = b"\xEF\xBB\xBF".iter().zip(body).take_while(|(mark, byte)| mark == byte).count();
    &body[mark..]
}

/// Lines ending in LF, CR LF or CR (RFC 9309 §2.2), numbered from 1.
fn lines(body: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = body;
    let lines = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.strip_prefix(b"\r\n").or(after.get(1..)).unwrap_or_default();
        Some(line)
    });
    (1..).zip(lines)
}

/// A NUL ends a line's text like a `#`: nothing behind one was ever meant to be read.
fn without_comment(line: &[u8]) -> &[u8] {
    line.split(|byte| matches!(byte, b'#' | 0)).next().unwrap_or_default().trim_ascii()
}

/// `field: value`, or `field value` if it is just two words: some forget the colon.
fn field_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':');
    let separator = colon.or_else(|| line.iter().position(u8::is_ascii_whitespace))?;
    let (field, value) = (line[..separator].trim_ascii(), line[separator + 1..].trim_ascii());
    let too_many_words = colon.is_none() && value.iter().any(u8::is_ascii_whitespace);
    (!too_many_words).then_some((field, value))
}

/// The text of a line as a [`Verdict`] shows it.
fn shown(line: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&line[..line.len().min(MAX_SHOWN_BYTES)]).into_owned();
    text.truncate(text.floor_char_boundary(MAX_SHOWN_BYTES));
    text
}

#[cfg(test)]
mod tests;
