//! Which of the user's patterns matches a URL?

use globset::{Glob, GlobSet, GlobSetBuilder};
use regex::{RegexSet, RegexSetBuilder};

/// Patterns of one kind that are accepted at most.
const MAX_PATTERNS: usize = 1000;

/// A pattern that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPattern {
    /// Not a regular expression, or one too large.
    #[error("`{0}` is no usable regular expression: {1}")]
    Regex(String, String),
    /// Not a glob.
    #[error("`{0}` is no glob: {1}")]
    Glob(String, String),
    /// More than can be tested on every URL.
    #[error("{0} patterns are too many: at most {MAX_PATTERNS}")]
    TooMany(usize),
}

/// Regular expressions and globs, any of which may match.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    regex: RegexSet,
    glob: GlobSet,
    glob_texts: Vec<String>,
}

impl Patterns {
    pub(super) fn new(regexes: &[String], globs: &[String]) -> Result<Self, BadPattern> {
        let count = regexes.len() + globs.len();
        if count > MAX_PATTERNS {
            return Err(BadPattern::TooMany(count));
        }
        for pattern in regexes {
            RegexSetBuilder::new([pattern])
                .size_limit(1 << 20)
                .build()
                .map_err(|error| BadPattern::Regex(pattern.clone(), last_line(&error)))?;
        }
        let regex = RegexSetBuilder::new(regexes)
            .size_limit(32 << 20)
            .dfa_size_limit(8 << 20)
            .build()
            .map_err(|error| BadPattern::Regex(regexes.join(" "), last_line(&error)))?;
        let mut set = GlobSetBuilder::new();
        for pattern in globs {
            let glob = Glob::new(pattern);
            set.add(glob.map_err(|error| BadPattern::Glob(pattern.clone(), last_line(&error)))?);
        }
        let all = globs.join(" ");
        let glob = set.build().map_err(|error| BadPattern::Glob(all, last_line(&error)))?;
        Ok(Self { regex, glob, glob_texts: globs.to_vec() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.regex.is_empty() && self.glob_texts.is_empty()
    }

    /// The text of the first pattern that matches.
    pub(super) fn first_match(&self, url: &str) -> Option<&str> {
        // Most crawls have none, and even sets of none take their time.
        if self.is_empty() {
            return None;
        }
        if let Some(index) = self.regex.matches(url).iter().next() {
            return Some(&self.regex.patterns()[index]);
        }
        self.glob.matches(url).first().map(|index| self.glob_texts[*index].as_str())
    }
}

fn last_line(error: &impl ToString) -> String {
    error
        .to_string()
        .lines()
        .last()
        .unwrap_or_default()
        .trim()
        .trim_start_matches("error: ")
        .to_owned()
}
