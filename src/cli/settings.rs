//! Which flags set which settings?
//!
//! Flags become a table that is laid over the file and `--set`, so that there is
//! one way in which settings are read and checked.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use toml::{Table, Value};

use crate::config::{Config, Preset, Size, Span, Statuses, overlay};

/// Settings shared by crawl, resume and explain
#[derive(Debug, Default, Args)]
pub(super) struct Settings {
    /// Stay within this many links of a seed; 0 fetches the seeds alone
    #[arg(short, long, value_name = "N", help_heading = "Limits")]
    pub depth: Option<u16>,
    /// Stop after this many pages, exactly
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub max_pages: Option<u64>,
    /// Fetch at most this many pages of each host
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub max_per_host: Option<u64>,
    /// Fetch at most so many pages below a path of each host, such as /blog/=100; can be repeated
    #[arg(long, value_name = "PATH=N", help_heading = "Limits")]
    pub budget: Vec<String>,
    /// Stop after this time, such as 90s, 10m, 2h: nothing starts after it; all runs together
    #[arg(long, value_name = "TIME", help_heading = "Limits")]
    pub max_time: Option<Span>,
    /// Stop after this many bytes of bodies received, such as 500MiB; what is in flight then still counts
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub max_bytes: Option<Size>,

    /// How far around the seeds to go
    #[arg(long, value_name = "SCOPE", help_heading = "Scope")]
    pub scope: Option<ScopeArg>,
    /// Fetch only URLs that match this regular expression (seeds pass always); can be repeated
    #[arg(long, value_name = "REGEX", help_heading = "Scope")]
    pub include: Vec<String>,
    /// Leave out URLs that match this regular expression; wins over include; can be repeated
    #[arg(long, value_name = "REGEX", help_heading = "Scope")]
    pub exclude: Vec<String>,
    /// The same as --include with a glob over the whole URL, such as '*/docs/*'
    #[arg(long, value_name = "GLOB", help_heading = "Scope")]
    pub include_glob: Vec<String>,
    /// The same as --exclude with a glob over the whole URL
    #[arg(long, value_name = "GLOB", help_heading = "Scope")]
    pub exclude_glob: Vec<String>,
    /// Stay at or below the folder of the seed; the same as --scope path
    #[arg(long, conflicts_with = "scope", help_heading = "Scope")]
    pub no_parent: bool,
    /// Take these query parameters out of every URL, such as sid or 'filter_*'
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Scope")]
    pub strip_query: Vec<String>,
    /// Take tracking parameters (utm_*, gclid, fbclid, ...) out of every URL
    #[arg(long, help_heading = "Scope")]
    pub strip_tracking: bool,
    /// Fetch images, scripts, stylesheets and what they refer to, as far as they are in scope
    #[arg(long, help_heading = "Scope")]
    pub assets: bool,
    /// See whether links to other sites work: one request each, not followed
    #[arg(long, help_heading = "Scope")]
    pub check_external: bool,
    /// See whether the places that links name (#...) are on the pages they lead to
    #[arg(long, help_heading = "Scope")]
    pub check_fragments: bool,
    /// Follow links that say nofollow, too
    #[arg(long, help_heading = "Scope")]
    pub follow_nofollow: bool,
    /// Do not look for traps: patterns of URLs that would never end
    #[arg(long, help_heading = "Scope")]
    pub no_traps: bool,
    /// Do not read sitemaps
    #[arg(long, help_heading = "Scope")]
    pub no_sitemaps: bool,

    /// Requests in flight over all hosts
    #[arg(short, long, value_name = "N", help_heading = "Politeness and speed")]
    pub concurrency: Option<usize>,
    /// Requests in flight to one host
    #[arg(long, value_name = "N", help_heading = "Politeness and speed")]
    pub per_host: Option<usize>,
    /// Time between the starts of two requests to one host, such as 500ms; a longer Crawl-delay wins
    #[arg(long, value_name = "TIME", help_heading = "Politeness and speed")]
    pub delay: Option<Span>,
    /// Requests per second over all hosts
    #[arg(long, value_name = "N", help_heading = "Politeness and speed")]
    pub rate: Option<f64>,
    /// The site is yours: no delay and 16 requests at once; everything else stays on
    #[arg(long, help_heading = "Politeness and speed")]
    pub my_site: bool,
    /// Do not obey robots.txt: only for sites that are yours
    #[arg(long, help_heading = "Politeness and speed")]
    pub ignore_robots: bool,

    /// Request header 'Name: value' for the seeds' hosts, never stored; can be repeated
    #[arg(short = 'H', long, value_name = "HEADER", help_heading = "Requests")]
    pub header: Vec<String>,
    /// The whole User-Agent header; its first word is matched against robots.txt
    #[arg(short = 'U', long, value_name = "NAME", help_heading = "Requests")]
    pub user_agent: Option<String>,
    /// Mail address or URL that joins the user agent, so that site owners can ask
    #[arg(long, value_name = "WHERE", help_heading = "Requests")]
    pub contact: Option<String>,
    /// Basic authentication at the seeds' hosts, never stored
    #[arg(
        short,
        long,
        value_name = "NAME:PASSWORD",
        env = "CRAWLITE_USER",
        hide_env_values = true,
        help_heading = "Requests"
    )]
    pub user: Option<String>,
    /// Keep the cookies that servers set, for this run; they are never stored
    #[arg(long, help_heading = "Requests")]
    pub cookies: bool,
    /// Send the cookies of this file (Netscape format); links that log out or delete are left alone
    #[arg(long, value_name = "FILE", help_heading = "Requests")]
    pub cookie_jar: Option<PathBuf>,
    /// Proxy for every request: http, https or socks5 URL
    #[arg(short = 'x', long, value_name = "URL", help_heading = "Requests")]
    pub proxy: Option<String>,
    /// Accept any TLS certificate
    #[arg(short = 'k', long, help_heading = "Requests")]
    pub insecure: bool,
    /// PEM file with further certificate authorities
    #[arg(long, value_name = "FILE", help_heading = "Requests")]
    pub cacert: Option<PathBuf>,
    /// Give a request up after this time
    #[arg(short, long, value_name = "TIME", help_heading = "Requests")]
    pub timeout: Option<Span>,
    /// Further tries of a URL after a transient failure
    #[arg(long, value_name = "N", help_heading = "Requests")]
    pub retries: Option<u8>,
    /// Read at most this much of a body
    #[arg(long, value_name = "SIZE", help_heading = "Requests")]
    pub max_body: Option<Size>,
    /// On a further crawl of a file, fetch pages whole that did not change, too
    #[arg(long, help_heading = "Requests")]
    pub no_conditional: bool,
    /// Allow a private address besides the seeds: name[:port] or 10.0.0.0/8; can be repeated
    #[arg(long, value_name = "HOST", help_heading = "Requests")]
    pub allow_private: Vec<String>,

    /// Statuses that do not count as broken, such as 403, 5xx or 500-504; several separated by commas
    #[arg(long, value_name = "CODES", value_delimiter = ',', help_heading = "Links")]
    pub accept: Vec<Statuses>,

    /// Which bodies to keep
    #[arg(long, value_name = "WHICH", help_heading = "Store")]
    pub store: Option<BodiesArg>,

    /// Settings file; `crawlite init` writes one
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
    /// Any setting of the settings file, such as `politeness.max_wait=1h`; can be repeated
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Settings")]
    pub set: Vec<String>,
}

/// The scope presets as words of the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ScopeArg {
    /// The seed's host, with and without www, http and https (the default)
    Host,
    /// Every host under the seed's registrable domain
    Domain,
    /// The seed's host and the hosts below it
    Subdomains,
    /// The seed's host, at or below the folder of the seed
    Path,
    /// Everything; only limits end such a crawl
    Any,
}

/// Which bodies are kept, as words of the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum BodiesArg {
    /// HTML and XHTML (the default)
    Html,
    /// HTML, PDF and office documents
    Documents,
    /// Everything that is fetched
    All,
    /// None; links and fields are extracted all the same
    None,
}

impl Settings {
    /// The settings: file, `--set` and flags over the defaults.
    ///
    /// # Errors
    /// See [`Config::load`].
    pub(super) fn load(&self) -> anyhow::Result<Config> {
        Config::load(self.config.as_deref(), &self.set, self.to_table())
    }

    /// The settings over those that a file keeps.
    ///
    /// # Errors
    /// See [`Config::layered`].
    pub(super) fn over(&self, stored: Table) -> anyhow::Result<Config> {
        let mut base = stored;
        if let Some(path) = &self.config {
            let given = Config::load(Some(path), &[], Table::new())?;
            overlay(&mut base, Table::try_from(given)?);
        }
        Config::layered(base, &self.set, self.to_table())
    }

    /// The flags that were given.
    fn to_table(&self) -> Table {
        let mut table = Table::new();
        let mut put = |section: &str, key: &str, value: Option<Value>| {
            if let Some(value) = value {
                let section = table.entry(section).or_insert_with(|| Table::new().into());
                section.as_table_mut().expect("made as a table").insert(key.to_owned(), value);
            }
        };
        let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let text = |text: &dyn ToString| Value::String(text.to_string());
        let list = |items: &[String]| (!items.is_empty()).then(|| Value::from(items.to_vec()));

        put("limits", "depth", self.depth.map(|depth| number(depth.into())));
        put("limits", "pages", self.max_pages.map(number));
        put("limits", "per_host", self.max_per_host.map(number));
        put("limits", "budgets", list(&self.budget));
        put("limits", "time", self.max_time.as_ref().map(|time| text(time)));
        put("limits", "bytes", self.max_bytes.map(|size| Value::String(size.into())));
        put("scope", "preset", self.scope.map(|scope| text(&Preset::from(scope).as_str())));
        put("scope", "preset", self.no_parent.then(|| text(&Preset::Path.as_str())));
        put("scope", "traps", self.no_traps.then_some(Value::Boolean(false)));
        put("scope", "assets", self.assets.then_some(Value::Boolean(true)));
        put("scope", "check_external", self.check_external.then_some(Value::Boolean(true)));
        put("scope", "check_fragments", self.check_fragments.then_some(Value::Boolean(true)));
        put("scope", "nofollow", self.follow_nofollow.then_some(Value::Boolean(false)));
        put("scope", "strip_query", list(&self.strip_query));
        put("scope", "strip_tracking", self.strip_tracking.then_some(Value::Boolean(true)));
        put("scope", "include", list(&self.include));
        put("scope", "exclude", list(&self.exclude));
        put("scope", "include_glob", list(&self.include_glob));
        put("scope", "exclude_glob", list(&self.exclude_glob));
        put("scope", "sitemaps", self.no_sitemaps.then_some(Value::Boolean(false)));
        if self.my_site {
            put("politeness", "per_host", Some(number(16)));
            put("politeness", "delay", Some(Value::String("0s".into())));
        }
        put("fetch", "concurrency", self.concurrency.map(|count| number(count as u64)));
        put("politeness", "per_host", self.per_host.map(|count| number(count as u64)));
        put("politeness", "delay", self.delay.as_ref().map(|delay| text(delay)));
        put("politeness", "rate", self.rate.map(Value::Float));
        put("politeness", "robots", self.ignore_robots.then_some(Value::Boolean(false)));
        put("fetch", "headers", list(&self.header));
        put("fetch", "user_agent", self.user_agent.as_ref().map(|name| text(name)));
        put("fetch", "contact", self.contact.as_ref().map(|contact| text(contact)));
        put("fetch", "user", self.user.as_ref().map(|user| text(user)));
        put("fetch", "cookies", self.cookies.then_some(Value::Boolean(true)));
        put("fetch", "cookie_jar", self.cookie_jar.as_ref().map(|path| text(&path.display())));
        put("fetch", "proxy", self.proxy.as_ref().map(|proxy| text(proxy)));
        put("fetch", "insecure", self.insecure.then_some(Value::Boolean(true)));
        put("fetch", "cacert", self.cacert.as_ref().map(|path| text(&path.display())));
        put("fetch", "timeout", self.timeout.as_ref().map(|timeout| text(timeout)));
        put("fetch", "retries", self.retries.map(|retries| number(retries.into())));
        put("fetch", "max_body", self.max_body.map(|size| Value::String(size.into())));
        put("fetch", "conditional", self.no_conditional.then_some(Value::Boolean(false)));
        put("fetch", "allow_private", list(&self.allow_private));
        let accept: Vec<_> = self.accept.iter().map(ToString::to_string).collect();
        put("check", "accept", list(&accept));
        put(
            "store",
            "bodies",
            self.store.map(|bodies| {
                text(&match bodies {
                    BodiesArg::Html => "html",
                    BodiesArg::Documents => "documents",
                    BodiesArg::All => "all",
                    BodiesArg::None => "none",
                })
            }),
        );
        table
    }
}

impl From<ScopeArg> for Preset {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Host => Self::Host,
            ScopeArg::Domain => Self::Domain,
            ScopeArg::Subdomains => Self::Subdomains,
            ScopeArg::Path => Self::Path,
            ScopeArg::Any => Self::Any,
        }
    }
}

/// What differs between two settings, a line each: `limits.depth: 3 -> 5`.
pub(super) fn differences(before: &Table, after: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    let sections = before.keys().chain(after.keys()).collect::<std::collections::BTreeSet<_>>();
    for section in sections {
        match (before.get(section), after.get(section)) {
            (Some(Value::Table(before)), Some(Value::Table(after))) => {
                let inner = differences(before, after);
                lines.extend(inner.into_iter().map(|line| format!("{section}.{line}")));
            }
            (before, after) if before != after => {
                let [before, after] = [before, after].map(shown);
                // Of rules only the names are shown: those that changed are said elsewhere.
                if before != after {
                    lines.push(format!("{section}: {before} -> {after}"));
                }
            }
            _ => {}
        }
    }
    lines
}

/// A setting in one line; of rules their names.
fn shown(value: Option<&Value>) -> String {
    let name = |rule: &Value| Some(rule.get("name")?.as_str()?.to_owned());
    let names = |rules: &Vec<Value>| rules.iter().map(name).collect::<Option<Vec<_>>>();
    match value {
        None => "unset".to_owned(),
        Some(value) => match value.as_array().filter(|all| !all.is_empty()).and_then(names) {
            Some(names) => names.join(", "),
            None => value.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_and_my_site_gives_way_to_what_is_said() {
        let settings =
            Settings { my_site: true, per_host: Some(3), depth: Some(2), ..Settings::default() };
        let config = settings.load().unwrap();
        assert_eq!(config.politeness.per_host, 3);
        assert_eq!(config.politeness.delay, Some(Span(std::time::Duration::ZERO)));
        assert_eq!(config.limits.depth, Some(2));
    }

    #[test]
    fn each_difference_is_a_line() {
        let before: Table = "a = 1\n[limits]\ndepth = 3".parse().unwrap();
        let after: Table = "a = 1\n[limits]\ndepth = 5\npages = 1".parse().unwrap();
        assert_eq!(
            differences(&before, &after),
            ["limits.depth: 3 -> 5", "limits.pages: unset -> 1"]
        );
        let rule = |css: &str| format!("[[extract]]\nname = \"a\"\nfields = {{ x = \"{css}\" }}\n");
        let table = |text: &str| text.parse::<Table>().unwrap();
        let (one, other) = (table(&rule("p")), table(&rule("b")));
        assert_eq!(differences(&one, &other), [""; 0], "that a rule changed is said elsewhere");
        assert_eq!(differences(&Table::new(), &one), ["extract: unset -> a"]);
    }
}
