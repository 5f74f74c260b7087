//! Which of many rules decides about a path, at what cost?
//!
//! A file may have 20 000 rules and a page 100 000 links, so asking every rule
//! about every link is too much. Rules that are a plain beginning, as most are,
//! stand in alphabetical order, and a path is followed through them byte by
//! byte. Rules with wildcards are asked one by one, in order of precedence, but
//! only while it may matter, and only as long as [`MAX_WORK`] lasts. A file for
//! which that is not enough was made to keep us busy; what is left of it is then
//! read to our disadvantage, because we must never fetch what is disallowed.
//!
//! Invariant: `beginnings` are sorted by text, at most two of the same (one that
//! must also be the end); `wildcards` by precedence. `new` sees to it.

use std::cmp::Reverse;

use super::Rule;

/// Work for one verdict: bytes of the path that are looked at on behalf of
/// wildcards. A thousand rules on a URL of usual length.
const MAX_WORK: usize = 128 * 1024;

/// Rules by which the most specific one that matches is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Precedence {
    beginnings: Vec<Rule>,
    wildcards: Vec<Rule>,
}

/// The most octets win; then Allow; then the first in the file (RFC 9309 section 2.2.2).
fn rank(rule: &Rule) -> (Reverse<usize>, bool, u32) {
    (Reverse(rule.pattern.octets()), !rule.allow, rule.line)
}

fn text(rule: &Rule) -> &[u8] {
    rule.pattern.text().as_bytes()
}

impl Precedence {
    pub(super) fn new(mut rules: Vec<Rule>) -> Self {
        rules.sort_by(|a, b| a.pattern.cmp(&b.pattern).then_with(|| rank(a).cmp(&rank(b))));
        rules.dedup_by(|later, first| later.pattern == first.pattern);
        let (beginnings, mut wildcards): (Vec<_>, Vec<_>) =
            rules.into_iter().partition(|rule| !rule.pattern.has_wildcard());
        wildcards.sort_by_key(rank);
        Self { beginnings, wildcards }
    }

    /// The rule that decides about a path in its comparable spelling, if one matches.
    pub(super) fn decisive(&self, path: &str) -> Option<&Rule> {
        let beginning = self.beginning_of(path);
        let mut work = MAX_WORK;
        let wildcard = self
            .wildcards
            .iter()
            .take_while(|rule| beginning.is_none_or(|beginning| rank(rule) < rank(beginning)))
            .find(|rule| rule.pattern.matches(path, &mut work).unwrap_or(!rule.allow));
        wildcard.or(beginning)
    }

    /// The most specific rule without wildcards that matches.
    fn beginning_of(&self, path: &str) -> Option<&Rule> {
        let (mut rules, mut best) = (&*self.beginnings, None::<&Rule>);
        for at in 0..=path.len() {
            // All of these begin as the path does up to here; those that end here come first.
            let (ended, longer) =
                rules.split_at(rules.partition_point(|rule| text(rule).len() == at));
            let matching = ended.iter().filter(|rule| rule.pattern.may_end(at == path.len()));
            best = matching.chain(best).min_by_key(|rule| rank(rule));
            let Some(next) = path.as_bytes().get(at) else { break };
            let from = longer.partition_point(|rule| text(rule)[at] < *next);
            let to = longer.partition_point(|rule| text(rule)[at] <= *next);
            rules = &longer[from..to];
            if rules.is_empty() {
                break;
            }
        }
        best
    }
}
