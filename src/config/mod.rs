//! What may the user set, where does it come from, and what holds if unset?
//!
//! Four layers, each over the one before: the defaults here, `crawl.toml`,
//! `--set key=value`, the named flags. All are merged as TOML tables and then
//! read once, so there is one struct, one set of defaults and one check.

mod extract;
mod sections;
mod units;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

pub use extract::{DateOrder, Decimal, ExtractConfig, FieldConfig, FieldKind};
pub use sections::{
    Bodies, CheckConfig, FetchConfig, LimitsConfig, PolitenessConfig, Preset, ScopeConfig,
    StoreConfig,
};
pub use units::{Size, Span, Statuses};

/// What the store keeps in place of a secret.
pub const SECRET: &str = "<secret>";

/// The effective settings of a crawl.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// URLs to start from, besides those given on the command line.
    pub seeds: Vec<String>,
    /// `[scope]`
    pub scope: ScopeConfig,
    /// `[politeness]`
    pub politeness: PolitenessConfig,
    /// `[fetch]`
    pub fetch: FetchConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[check]`
    pub check: CheckConfig,
    /// `[store]`
    pub store: StoreConfig,
    /// `[[extract]]`
    #[serde(deserialize_with = "extract::read", skip_serializing_if = "Vec::is_empty")]
    pub extract: Vec<ExtractConfig>,
}

impl Config {
    /// Reads `file` if there is one, lays `settings` (`section.key=value`) and
    /// then `flags` over it.
    ///
    /// # Errors
    /// If the file cannot be read, a key is unknown, or a value makes no sense.
    /// The message names the file or setting at fault.
    pub fn load(file: Option<&Path>, settings: &[String], flags: Table) -> anyhow::Result<Self> {
        let mut table = Table::new();
        if let Some(file) = file {
            let name = file.display();
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
            table = text.parse().map_err(|error: toml::de::Error| {
                anyhow::anyhow!("{name} is not TOML: {}", one_line(&error))
            })?;
            read(&table).with_context(|| format!("in {name}"))?;
        }
        Self::layered(table, settings, flags)
    }

    /// Lays `settings` and then `flags` over the table `base`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn layered(mut base: Table, settings: &[String], flags: Table) -> anyhow::Result<Self> {
        for setting in settings {
            overlay(&mut base, parse_setting(setting)?);
        }
        overlay(&mut base, flags);
        let config = read(&base)?;
        config.check()?;
        Ok(config)
    }

    /// The settings that a file keeps, to read in: where there were secrets they hold
    /// [`SECRET`], so no crawl can be run with them.
    ///
    /// # Errors
    /// If a key is unknown, as in a file of another version.
    pub fn stored(text: &str) -> anyhow::Result<Self> {
        read(&text.parse()?)
    }

    /// The settings as a table, every secret replaced by [`SECRET`].
    pub fn without_secrets(&self) -> Table {
        let mut config = self.clone();
        let hide = |secret: &mut Option<String>| {
            if secret.is_some() {
                *secret = Some(SECRET.to_owned());
            }
        };
        hide(&mut config.fetch.user);
        if config.fetch.proxy.as_deref().is_some_and(|proxy| proxy.contains('@')) {
            hide(&mut config.fetch.proxy);
        }
        for header in &mut config.fetch.headers {
            let name = header.split(':').next().unwrap_or_default();
            *header = format!("{name}: {SECRET}");
        }
        Table::try_from(config).expect("settings are TOML")
    }

    fn check(&self) -> anyhow::Result<()> {
        let (fetch, politeness) = (&self.fetch, &self.politeness);
        ensure!(fetch.concurrency > 0, "`fetch.concurrency` must be at least 1");
        ensure!(fetch.concurrency <= 4096, "`fetch.concurrency` must be at most 4096");
        ensure!(politeness.per_host > 0, "`politeness.per_host` must be at least 1");
        ensure!(
            politeness.rate.is_none_or(|rate| rate > 0.0),
            "`politeness.rate` must be more than 0"
        );
        ensure!(fetch.timeout.0 > Duration::ZERO, "`fetch.timeout` must be more than 0");
        ensure!(
            (1024..=1 << 30).contains(&fetch.max_body.0),
            "`fetch.max_body` must be between 1KiB and 1GiB"
        );
        ensure!(
            self.limits.pages != Some(0),
            "`limits.pages` must be at least 1; leave it out for no limit"
        );
        for header in &fetch.headers {
            ensure!(header.contains(':'), "header `{header}` is not `Name: value`");
            ensure!(
                !header.ends_with(SECRET),
                "the value of header `{}` is not in the file: give it again with -H",
                header.split(':').next().unwrap_or_default()
            );
        }
        ensure!(
            fetch.user.as_deref() != Some(SECRET),
            "user and password are not in the file: give them again with -u or CRAWLITE_USER"
        );
        ensure!(
            fetch.proxy.as_deref() != Some(SECRET),
            "the proxy's password is not in the file: give it again with -x"
        );
        ensure!(
            !fetch.product_token().is_empty(),
            "`fetch.user_agent` must begin with a name, such as my-crawler/1.0"
        );
        Ok(())
    }
}

/// `section.key=value` as a table; a value that is not TOML is a string.
fn parse_setting(setting: &str) -> anyhow::Result<Table> {
    let Some((key, value)) = setting.split_once('=') else {
        bail!("`--set {setting}` is not key=value")
    };
    let (key, value) = (key.trim(), value.trim());
    let value = format!("x = {value}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("x"))
        .unwrap_or_else(|| Value::String(value.to_owned()));
    let mut keys = key.rsplit('.');
    let last = keys.next().filter(|key| !key.is_empty());
    let last = last.with_context(|| format!("`--set {setting}` names no key"))?;
    let table = Table::from_iter([(last.to_owned(), value)]);
    Ok(keys.fold(table, |inner, key| Table::from_iter([(key.to_owned(), Value::Table(inner))])))
}

/// Puts every value of `over` into `base`, table by table.
pub fn overlay(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => overlay(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn read(table: &Table) -> anyhow::Result<Config> {
    table.clone().try_into().map_err(|error| anyhow::anyhow!(with_nearest_key(&one_line(&error))))
}

/// A TOML error's own words, without its picture of the line.
fn one_line(error: &toml::de::Error) -> String {
    error
        .to_string()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

/// Adds the nearest known key to serde's message on an unknown one, which
/// quotes first the unknown key and then the known ones.
fn with_nearest_key(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let what = match message {
        _ if message.starts_with("unknown field") => "unknown key",
        _ if message.starts_with("unknown variant") => "unknown",
        // An error of a rule has said its place itself.
        _ if message.starts_with("`extract[") => {
            return message.split("; in `extract").next().unwrap_or(message).to_owned();
        }
        _ => return message.to_owned(),
    };
    let Some((unknown, known)) = quoted.split_first() else { return message.to_owned() };
    let similarity = |key: &&&str| (strsim::jaro_winkler(unknown, key) * 1000.0).round();
    let nearest = known.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    let place =
        message.split("; in ").nth(1).map(|place| format!(" in {place}")).unwrap_or_default();
    match nearest {
        Some(nearest) => format!("{what} `{unknown}`{place}; did you mean `{nearest}`?"),
        None => format!("{what} `{unknown}`{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(settings: &[&str]) -> anyhow::Result<Config> {
        let settings: Vec<_> = settings.iter().map(ToString::to_string).collect();
        Config::load(None, &settings, Table::new())
    }

    #[test]
    fn crawl_toml_says_the_defaults() {
        let text = include_str!("../../crawl.toml");
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn crawl_toml_names_every_key() {
        let text = include_str!("../../crawl.toml");
        for key in [
            "seeds",
            "preset",
            "include",
            "exclude",
            "include_glob",
            "exclude_glob",
            "nofollow",
            "sitemaps",
            "mirrors",
            "traps",
            "check_fragments",
            "budgets",
            "assets",
            "check_external",
            "strip_query",
            "strip_tracking",
            "cookies",
            "cookie_jar",
            "delay",
            "per_host",
            "rate",
            "robots",
            "max_crawl_delay",
            "max_wait",
            "concurrency",
            "user_agent",
            "contact",
            "headers",
            "user",
            "proxy",
            "insecure",
            "cacert",
            "timeout",
            "connect_timeout",
            "idle_timeout",
            "retries",
            "max_body",
            "conditional",
            "allow_private",
            "depth",
            "pages",
            "time",
            "bytes",
            "accept",
            "bodies",
            "items",
            "name",
            "url",
            "each",
        ] {
            let named = text
                .lines()
                .any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} =")));
            assert!(named, "{key} is not in crawl.toml");
        }
    }

    #[test]
    fn every_line_that_is_commented_out_is_a_valid_setting() {
        let text = include_str!("../../crawl.toml");
        let all: String = text
            .lines()
            .map(|line| {
                line.strip_prefix("# ")
                    .filter(|rest| rest.contains(" = ") || rest.starts_with('['))
                    .filter(|rest| !rest.starts_with('`'))
                    .unwrap_or(line)
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let config = toml::from_str::<Config>(&all).unwrap();
        assert_eq!(config.extract[0].fields.len(), 8);
    }

    #[test]
    fn later_layers_win_key_by_key() {
        let file: Table =
            "[limits]\ndepth = 1\npages = 5\n[politeness]\ndelay = \"1s\"".parse().unwrap();
        let flags: Table = "limits.pages = 7".parse().unwrap();
        let settings = ["limits.depth=2".to_owned(), "politeness.delay=2s".to_owned()];
        let config = Config::layered(file, &settings, flags).unwrap();
        assert_eq!(config.limits.depth, Some(2));
        assert_eq!(config.limits.pages, Some(7));
        assert_eq!(config.politeness.delay, Some(Span(Duration::from_secs(2))));
    }

    #[test]
    fn a_wrong_setting_is_named_with_the_nearest_right_one() {
        #[rustfmt::skip]
        let cases = [
            ("politeness.dely=1s",       "did you mean `delay`"),
            ("polteness.delay=1s",       "did you mean `politeness`"),
            ("fetch.concurrency=0",      "`fetch.concurrency` must be at least 1"),
            ("fetch.timeout=5",          "invalid type"),
            ("fetch.timeout=5 foo",      "is no duration"),
            ("nonsense",                 "is not key=value"),
            ("fetch.headers=[\"x\"]",    "is not `Name: value`"),
        ];
        for (setting, expected) in cases {
            let message = format!("{:#}", load(&[setting]).unwrap_err());
            assert!(message.contains(expected), "{setting}: {message}");
            assert!(!message.contains('\n'), "one line: {message}");
        }
    }

    #[test]
    fn secrets_leave_no_trace_in_the_stored_settings() {
        let config = load(&[
            "fetch.user=a:hunter2",
            "fetch.headers=[\"X-Key: hunter2\"]",
            "fetch.proxy=http://u:hunter2@p/",
        ])
        .unwrap();
        let stored = config.without_secrets().to_string();
        assert!(!stored.contains("hunter2"), "{stored}");
        let again = Config::layered(stored.parse().unwrap(), &[], Table::new()).unwrap_err();
        assert!(again.to_string().contains("give it again with -H"), "{again}");
    }

    #[test]
    fn only_loopback_is_spared_no_delay() {
        let politeness = PolitenessConfig::default();
        for (host, ms) in [
            ("localhost", 0),
            ("127.0.0.1", 0),
            ("[::1]", 0),
            ("example.org", 250),
            ("10.0.0.1", 250),
        ] {
            assert_eq!(politeness.delay(host), Duration::from_millis(ms), "{host}");
        }
    }
}
