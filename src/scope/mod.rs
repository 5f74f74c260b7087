//! Does this URL belong to the crawl, and if not, by which rule?
//!
//! Pure: the presets are read off the seeds once, then every URL is judged on
//! its own. Order: exclude, then how far around the seeds, then include. Seeds
//! pass the preset and include always, so that nobody's own words shut them
//! out; exclude wins over all.

mod patterns;
mod session;
mod strip;

use std::collections::HashSet;

use crate::canonical::{CanonicalUrl, without_www};
use crate::config::{Preset, ScopeConfig};
use crate::refusal::{Reason, Refusal};
use patterns::Patterns;
use strip::Strip;

pub use patterns::BadPattern;

/// The rules that say which URLs belong to the crawl.
#[derive(Clone, Debug)]
pub struct Scope {
    preset: Preset,
    around: Vec<Around>,
    seeds: HashSet<CanonicalUrl>,
    include: Patterns,
    exclude: Patterns,
    strip: Strip,
    /// Whether what could end a login is left alone.
    spares_session: bool,
}

/// One seed, as the presets see it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Around {
    server: Box<str>,
    /// Host name without `www.` or port.
    name: Box<str>,
    /// Registrable domain; the name itself where there is none.
    domain: Box<str>,
    /// The folder of the seed's path, ending in a slash.
    folder: Box<str>,
}

impl Scope {
    /// The scope around `seeds`.
    ///
    /// # Errors
    /// If a pattern cannot be used.
    pub fn new(config: &ScopeConfig, seeds: &[CanonicalUrl]) -> Result<Self, BadPattern> {
        let mut around: Vec<_> = seeds.iter().map(Around::new).collect();
        around.sort_by(|a, b| (&a.server, &a.folder).cmp(&(&b.server, &b.folder)));
        around.dedup();
        Ok(Self {
            preset: config.preset,
            around,
            seeds: seeds.iter().cloned().collect(),
            include: Patterns::new(&config.include, &config.include_glob)?,
            exclude: Patterns::new(&config.exclude, &config.exclude_glob)?,
            strip: Strip::new(&config.strip_query, config.strip_tracking),
            spares_session: false,
        })
    }

    /// The same for a crawl that is logged in: what could end that, or delete
    /// something, is set aside.
    #[must_use]
    pub fn sparing_session(mut self, spares_session: bool) -> Self {
        self.spares_session = spares_session;
        self
    }

    /// The URL without the query parameters that are to be stripped.
    pub fn stripped(&self, url: CanonicalUrl) -> CanonicalUrl {
        self.strip.apply(url)
    }

    /// Whether `url` belongs to the crawl.
    ///
    /// # Errors
    /// The rule that says it does not.
    pub fn judge(&self, url: &CanonicalUrl) -> Result<(), Refusal> {
        if let Some(pattern) = self.exclude.first_match(url.as_str()) {
            return Err(Refusal::new(Reason::Excluded, pattern));
        }
        if self.seeds.contains(url) {
            return Ok(());
        }
        if self.spares_session
            && let Some(word) = session::ending_word(url)
        {
            return Err(Refusal::new(Reason::Session, word));
        }
        self.judge_preset(url)?;
        if !self.include.is_empty() && self.include.first_match(url.as_str()).is_none() {
            return Err(Refusal::new(Reason::NotIncluded, "matches no include pattern"));
        }
        Ok(())
    }

    fn judge_preset(&self, url: &CanonicalUrl) -> Result<(), Refusal> {
        let name = without_www(url.host_name());
        let same_server = |around: &&Around| *around.server == *url.server();
        let inside = match self.preset {
            Preset::Any => true,
            Preset::Host => self.around.iter().any(|around| same_server(&around)),
            Preset::Path => {
                let mut same = self.around.iter().filter(same_server).peekable();
                if let Some(first) = same.peek() {
                    let folder = first.folder.clone();
                    if !same.any(|around| url.path().starts_with(&*around.folder)) {
                        return Err(Refusal::new(
                            Reason::OutOfScope,
                            format!("not below {folder}"),
                        ));
                    }
                    return Ok(());
                }
                false
            }
            Preset::Domain => {
                let domain = registrable(name);
                self.around.iter().any(|around| *around.domain == *domain)
            }
            Preset::Subdomains => self.around.iter().any(|around| {
                name.strip_suffix(&*around.name)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }),
        };
        if inside { Ok(()) } else { Err(Refusal::new(Reason::External, url.host())) }
    }

    /// The scope in words, for the first lines of a crawl, with what is easily missed.
    pub fn in_words(&self) -> String {
        let extent = self.extent();
        let below = (self.preset == Preset::Host)
            .then(|| self.around.iter().find(|around| &*around.folder != "/"));
        match below.flatten() {
            Some(around) => format!(
                "{extent}; the seed is below {}: `--scope path` to stay there",
                around.folder
            ),
            None => extent,
        }
    }

    /// How far it reaches, in words.
    pub fn extent(&self) -> String {
        let mut names: Vec<&str> = self
            .around
            .iter()
            .map(|around| match self.preset {
                Preset::Domain => &*around.domain,
                Preset::Subdomains => &*around.name,
                _ => &*around.server,
            })
            .collect();
        names.dedup();
        let more = names.len().saturating_sub(3);
        let mut list = names[..names.len() - more].join(", ");
        if more > 0 {
            list = format!("{list} and {more} more");
        }
        let place = match self.preset {
            Preset::Any => "every host".to_owned(),
            Preset::Host => format!("all of {list}"),
            Preset::Domain => format!("every host under {list}"),
            Preset::Subdomains => format!("{list} and the hosts below"),
            Preset::Path => {
                let folders: Vec<_> = self
                    .around
                    .iter()
                    .take(3)
                    .map(|around| format!("{}{}", around.server, around.folder))
                    .collect();
                format!("below {}", folders.join(", "))
            }
        };
        let patterns = match (self.include.is_empty(), self.exclude.is_empty()) {
            (true, true) => "",
            (false, true) => ", what matches include",
            (true, false) => ", but what matches exclude",
            (false, false) => ", what matches include and not exclude",
        };
        format!("{place}{patterns}")
    }
}

impl Around {
    fn new(seed: &CanonicalUrl) -> Self {
        let name = without_www(seed.host_name());
        let path = seed.path();
        let folder = &path[..=path.rfind('/').expect("a path begins with a slash")];
        Self {
            server: seed.server().into(),
            name: name.into(),
            domain: registrable(name).into(),
            folder: folder.into(),
        }
    }
}

/// The registrable domain of a host name; the name itself where it has none.
pub fn registrable(name: &str) -> &str {
    psl::domain_str(name)
        .filter(|_| !name.starts_with('[') && name.parse::<std::net::Ipv4Addr>().is_err())
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(preset: &str, seed: &str, include: &str, exclude: &str) -> Scope {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let preset = toml::Value::String(preset.to_owned()).try_into().unwrap();
        let (include_glob, include) =
            list(include).into_iter().partition(|p| p.contains('*') && !p.contains(".*"));
        let config = ScopeConfig {
            preset,
            include,
            include_glob,
            exclude: list(exclude),
            ..ScopeConfig::default()
        };
        Scope::new(&config, &[CanonicalUrl::parse(seed).unwrap()]).unwrap()
    }

    #[test]
    fn every_row_of_the_table_is_judged_as_it_says() {
        let mut count = 0;
        for line in include_str!("../../fixtures/scope.tsv").lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let cells: Vec<_> = line.split('\t').collect();
            let [preset, seed, include, exclude, url, expected, why] = cells[..] else {
                panic!("{line}")
            };
            let dash = |cell: &'static str| if cell == "-" { "" } else { cell };
            let verdict = scope(preset, seed, dash(include), dash(exclude))
                .judge(&CanonicalUrl::parse(url).unwrap());
            let found = verdict.map_or_else(|refusal| refusal.reason.as_str(), |()| "in");
            assert_eq!(found, expected, "{why}: {url} with {preset} of {seed}");
            count += 1;
        }
        assert!(count > 25, "the table was read");
    }

    #[test]
    fn a_pattern_that_cannot_be_used_is_quoted() {
        let config = ScopeConfig { include: vec!["(".into()], ..ScopeConfig::default() };
        assert!(Scope::new(&config, &[]).unwrap_err().to_string().contains("`(`"));
        let config = ScopeConfig { exclude_glob: vec!["[".into()], ..ScopeConfig::default() };
        assert!(Scope::new(&config, &[]).unwrap_err().to_string().contains("`[`"));
    }

    #[test]
    fn the_scope_is_said_in_words() {
        assert_eq!(scope("host", "https://www.a.org/", "", "").in_words(), "all of a.org");
        assert_eq!(
            scope("host", "https://a.org/3/x", "", "").in_words(),
            "all of a.org; the seed is below /3/: `--scope path` to stay there"
        );
        assert_eq!(
            scope("path", "https://a.org/3/x", "", "x").in_words(),
            "below a.org/3/, but what matches exclude"
        );
    }
}
