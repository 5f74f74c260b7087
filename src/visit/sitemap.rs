//! What does a sitemap become: URLs, what it says of them, and what is wrong with it?

use super::body::is_gzip;
use super::{PageRules, Read, page};
use crate::canonical::{CanonicalUrl, join};
use crate::engine::record::{Candidate, Found, FoundBy, Kind, SitemapEntry, SitemapRecord};
use crate::fetch::gunzip;
use crate::refusal::{Reason, Refusal};
use crate::sitemap::{self, Entry, Flaw, Limits, Problem, is_w3c_date};

/// Bytes of an entry that a problem quotes.
const QUOTED_BYTES: usize = 200;

/// Bytes before a cut in which nothing is a problem.
const END_BYTES: usize = 1024;

/// Reads a sitemap whose content encoding was undone.
pub(super) fn read(candidate: &Candidate, body: Vec<u8>, is_cut: bool, rules: &PageRules) -> Read {
    let mut problems = Vec::new();
    if is_cut {
        let what = format!("only the first {} bytes were read: --max-body", body.len());
        problems.push(Problem::whole(Flaw::TooLarge, what));
    }
    let body = unzipped(body, is_cut, &mut problems);
    if sitemap::is_html(&body) {
        problems.push(Problem::whole(Flaw::Html, "an HTML page, not a sitemap"));
        let sitemap = SitemapRecord { problems, ..SitemapRecord::default() };
        return Read { sitemap, ..Read::default() };
    }
    let sitemap = sitemap::parse(&body, Limits::default());
    // What a cut does to its surroundings is no problem of its own.
    let end =
        if problems.is_empty() { u64::MAX } else { body.len().saturating_sub(END_BYTES) as u64 };
    // It may be 50 MiB, and its URLs as much again.
    drop(body);
    let is_own = |problem: &Problem| problem.byte.is_none_or(|byte| byte < end);
    problems.extend(sitemap.problems.into_iter().filter(is_own));
    let mut read = Read::default();
    let mut tally = Tally::new(candidate, sitemap.entries.len());
    let base = candidate.url.to_url();
    let is_feed = sitemap.kind == sitemap::Kind::Feed;
    let (kind, by) = match sitemap.kind {
        sitemap::Kind::Index => (Kind::Sitemap, FoundBy::Link),
        _ => (Kind::Page, FoundBy::Sitemap),
    };
    for entry in sitemap.entries {
        let found = match join(&base, &entry.url) {
            Ok((url, _)) => {
                tally.count_host(&entry, &url);
                let url = if kind == Kind::Page { rules.scope.stripped(url) } else { url };
                let refusal = against_entry(kind, &url, rules);
                Found { hash: rules.hasher.hash(url.as_str()), text: url.text(), kind, by, refusal }
            }
            Err(unusable) => {
                tally.not_a_url.count(&entry, &entry.url);
                page::unusable(&entry.url, &unusable, by, &rules.hasher)
            }
        };
        if let Some(lastmod) = entry.lastmod.as_ref().filter(|it| !is_feed && !is_w3c_date(it)) {
            tally.lastmod.count(&entry, lastmod);
        }
        let target = u32::try_from(read.found.len()).expect("entries are capped");
        read.found.push(found);
        read.sitemap.entries.push(SitemapEntry {
            target,
            lastmod: entry.lastmod,
            changefreq: entry.changefreq,
            priority: entry.priority,
        });
    }
    problems.extend(tally.problems());
    read.sitemap.problems = problems;
    read
}

/// Undoes the packing of a `.gz`.
fn unzipped(body: Vec<u8>, is_cut: bool, problems: &mut Vec<Problem>) -> Vec<u8> {
    if !is_gzip(&body) {
        return body;
    }
    let most = Limits::default().max_bytes;
    match gunzip(&body, most) {
        Ok(decoded) => {
            if decoded.is_cut && decoded.bytes.len() < most && !is_cut {
                let what = format!("only {} bytes could be unzipped", decoded.bytes.len());
                problems.push(Problem::whole(Flaw::Gzip, what));
            } else if decoded.is_cut && !is_cut {
                let what = format!("larger than {most} bytes; the rest is not read");
                problems.push(Problem::whole(Flaw::TooLarge, what));
            }
            decoded.bytes
        }
        Err(error) => {
            problems.push(Problem::whole(Flaw::Gzip, error.to_string()));
            Vec::new()
        }
    }
}

/// What stands against a URL that a sitemap names. A sitemap of the site may lie
/// outside the scope's folder and patterns, but not with strangers.
fn against_entry(kind: Kind, url: &CanonicalUrl, rules: &PageRules) -> Option<Refusal> {
    let refusal = rules.scope.judge(url).err();
    refusal.filter(|refusal| kind == Kind::Page || refusal.reason == Reason::External)
}

/// Entries with the same problem are one problem.
struct Tally {
    entries: usize,
    origin: String,
    other_host: Counted,
    not_a_url: Counted,
    lastmod: Counted,
}

/// How many there are, and the first of them.
#[derive(Default)]
struct Counted {
    count: usize,
    line: u32,
    first: String,
}

impl Counted {
    fn count(&mut self, entry: &Entry, text: &str) {
        if self.count == 0 {
            self.line = entry.line;
            text[..text.floor_char_boundary(QUOTED_BYTES)].clone_into(&mut self.first);
        }
        self.count += 1;
    }
}

impl Tally {
    fn new(candidate: &Candidate, entries: usize) -> Self {
        let (other_host, not_a_url, lastmod) = Default::default();
        Self { entries, origin: candidate.url.origin().into(), other_host, not_a_url, lastmod }
    }

    /// A sitemap speaks for its own host (sitemaps.org, "Sitemap file location").
    fn count_host(&mut self, entry: &Entry, url: &CanonicalUrl) {
        if *url.origin() != *self.origin {
            self.other_host.count(entry, &entry.url);
        }
    }

    fn problems(self) -> impl Iterator<Item = Problem> {
        let entries = self.entries;
        let of = |counted: &Counted| format!("{} of {entries}", counted.count);
        let (other, odd, dates) = (self.other_host, self.not_a_url, self.lastmod);
        let rows = [
            (Flaw::OtherHost, format!("{} URLs are on another host", of(&other)), other),
            (Flaw::NotAUrl, format!("{} are no URLs that can be fetched", of(&odd)), odd),
            (Flaw::Lastmod, format!("{} lastmod are no dates", of(&dates)), dates),
        ];
        rows.into_iter().filter(|(.., counted)| counted.count > 0).map(|(flaw, what, counted)| {
            let what = format!("{what}, the first is {}", counted.first);
            Problem { flaw, line: Some(counted.line), byte: None, what }
        })
    }
}
