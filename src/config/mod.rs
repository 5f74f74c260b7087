//! What may the user set, where does it come from, and what holds if unset?
//!
//! Four layers, each over the one before: the defaults here, `crawl.toml`,
//! `--set key=value`, the named flags. All are merged as TOML tables and then
//! read once, so there is one struct, one set of defaults and one check.

mod units;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

pub use units::{Size, Span};

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
    /// `[store]`
    pub store: StoreConfig,
}

/// How far around the seeds a crawl goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// The seed's host, with and without `www.`, over http and https.
    #[default]
    Host,
    /// Every host under the seed's registrable domain (public suffix list).
    Domain,
    /// The seed's host and the hosts below it.
    Subdomains,
    /// The seed's host, at or below the folder of the seed's path.
    Path,
    /// Everything. Only limits end such a crawl.
    Any,
}

impl Preset {
    /// The word for it in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Domain => "domain",
            Self::Subdomains => "subdomains",
            Self::Path => "path",
            Self::Any => "any",
        }
    }
}

/// `[scope]`: which URLs belong to the crawl.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScopeConfig {
    /// How far around the seeds.
    pub preset: Preset,
    /// Regular expressions of which a URL must match one; seeds pass always.
    pub include: Vec<String>,
    /// Regular expressions of which a URL must match none; exclude wins.
    pub exclude: Vec<String>,
    /// The same as globs over the whole URL; `*` also matches `/`.
    pub include_glob: Vec<String>,
    /// The same as globs over the whole URL; `*` also matches `/`.
    pub exclude_glob: Vec<String>,
    /// Honour rel=nofollow and robots directives of pages when following links.
    pub nofollow: bool,
    /// Read the sitemaps that robots.txt names, and `/sitemap.xml`.
    pub sitemaps: bool,
}

/// `[politeness]`: what a server is spared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolitenessConfig {
    /// Shortest time between the starts of two requests to one host; a longer
    /// Crawl-delay wins. Unset: 250 ms, and none on loopback.
    pub delay: Option<Span>,
    /// Requests in flight to one host.
    pub per_host: usize,
    /// Requests started per second over all hosts; unset: no such limit.
    pub rate: Option<f64>,
    /// Obey robots.txt.
    pub robots: bool,
    /// Longest Crawl-delay of robots.txt that is honoured; unset: any.
    pub max_crawl_delay: Option<Span>,
    /// If nothing may start before this time has passed, the crawl stops.
    pub max_wait: Span,
}

/// `[fetch]`: how a request is made and when it is given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FetchConfig {
    /// Requests in flight over all hosts.
    pub concurrency: usize,
    /// The whole User-Agent header; its first word is matched against robots.txt.
    pub user_agent: Option<String>,
    /// A mail address or URL that joins the user agent, so that site owners can ask.
    pub contact: Option<String>,
    /// Further request headers, `Name: value`, sent to the seeds' origins only.
    pub headers: Vec<String>,
    /// `user:password` for basic authentication at the seeds' origins.
    pub user: Option<String>,
    /// Proxy for every request (http, https or socks5 URL).
    pub proxy: Option<String>,
    /// Accept any TLS certificate.
    pub insecure: bool,
    /// PEM file with further certificate authorities.
    pub cacert: Option<PathBuf>,
    /// Longest time for one request, from its start to the last byte.
    pub timeout: Span,
    /// Longest time to connect.
    pub connect_timeout: Span,
    /// Longest time without a byte.
    pub idle_timeout: Span,
    /// Further tries of a URL after a transient failure.
    pub retries: u8,
    /// Largest body that is read, on the wire and decoded.
    pub max_body: Size,
    /// Hosts (`name[:port]`) and networks (`10.0.0.0/8`) that may be reached
    /// though their addresses are private.
    pub allow_private: Vec<String>,
}

/// `[limits]`: when a crawl stops though there is more. Unset: no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Links from a seed; 0 fetches the seeds alone.
    pub depth: Option<u16>,
    /// Pages fetched, whatever came back.
    pub pages: Option<u64>,
    /// Time of the crawl, all its runs together.
    pub time: Option<Span>,
    /// Bytes received in bodies.
    pub bytes: Option<Size>,
}

/// Which bodies are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bodies {
    /// HTML and XHTML.
    #[default]
    Html,
    /// None; links and fields are extracted all the same.
    None,
}

/// `[store]`: what is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Which bodies are kept.
    pub bodies: Bodies,
}

impl Default for ScopeConfig {
    fn default() -> Self {
        Self {
            preset: Preset::Host,
            include: Vec::new(),
            exclude: Vec::new(),
            include_glob: Vec::new(),
            exclude_glob: Vec::new(),
            nofollow: true,
            sitemaps: true,
        }
    }
}

impl Default for PolitenessConfig {
    fn default() -> Self {
        Self {
            delay: None,
            per_host: 2,
            rate: None,
            robots: true,
            max_crawl_delay: None,
            max_wait: Span(Duration::from_mins(10)),
        }
    }
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            concurrency: 32,
            user_agent: None,
            contact: None,
            headers: Vec::new(),
            user: None,
            proxy: None,
            insecure: false,
            cacert: None,
            timeout: Span(Duration::from_mins(2)),
            connect_timeout: Span(Duration::from_secs(10)),
            idle_timeout: Span(Duration::from_secs(15)),
            retries: 2,
            max_body: Size(10 << 20),
            allow_private: Vec::new(),
        }
    }
}

impl PolitenessConfig {
    /// The delay of a host for which robots.txt asks for none.
    pub fn delay(&self, host_name: &str) -> Duration {
        let is_loopback = host_name == "localhost"
            || host_name
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        match self.delay {
            Some(delay) => delay.0,
            None if is_loopback => Duration::ZERO,
            None => Duration::from_millis(250),
        }
    }
}

impl FetchConfig {
    /// The User-Agent header that is sent.
    pub fn user_agent(&self) -> String {
        let agent = self.user_agent.clone();
        let agent =
            agent.unwrap_or_else(|| concat!("crawlite/", env!("CARGO_PKG_VERSION")).to_owned());
        match &self.contact {
            Some(contact) => format!("{agent} (+{contact})"),
            None => agent,
        }
    }

    /// The first word of the user agent, which robots.txt is matched against
    /// (RFC 9309 section 2.2.1).
    pub fn product_token(&self) -> String {
        let is_token = |c: char| c.is_ascii_alphabetic() || c == '-' || c == '_';
        self.user_agent().chars().take_while(|c| is_token(*c)).collect()
    }
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
    let Some((unknown, known)) = quoted.split_first().filter(|_| message.contains("unknown field"))
    else {
        return message.to_owned();
    };
    let similarity = |key: &&&str| (strsim::jaro_winkler(unknown, key) * 1000.0).round();
    let nearest = known.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    let place =
        message.split("; in ").nth(1).map(|place| format!(" in {place}")).unwrap_or_default();
    match nearest {
        Some(nearest) => format!("unknown key `{unknown}`{place}; did you mean `{nearest}`?"),
        None => format!("unknown key `{unknown}`{place}"),
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
            "allow_private",
            "depth",
            "pages",
            "time",
            "bytes",
            "bodies",
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
                    .filter(|rest| rest.contains(" = ") && !rest.starts_with('`'))
                    .unwrap_or(line)
            })
            .map(|line| format!("{line}\n"))
            .collect();
        toml::from_str::<Config>(&all).unwrap();
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
