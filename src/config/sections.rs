//! Which settings are there, and what holds if they are unset?

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Size, Span, Statuses};

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
    /// Fetch images, scripts, stylesheets and the like that are in scope.
    pub assets: bool,
    /// See whether links to other sites work: one request each, not followed.
    pub check_external: bool,
    /// See whether the places that links name (`#...`) are on the pages they lead to.
    pub check_fragments: bool,
    /// Set aside URLs of patterns that would never end.
    pub traps: bool,
    /// Read the sitemaps that robots.txt names, and `/sitemap.xml`.
    pub sitemaps: bool,
    /// Query parameters that are taken out of every URL; `*` at the end of a name
    /// stands for any rest.
    pub strip_query: Vec<String>,
    /// Take tracking parameters (`utm_*`, `gclid`, `fbclid`, ...) out of every URL.
    pub strip_tracking: bool,
    /// Fetch hosts that show the same pages (www and bare name, http and https) each
    /// for itself, instead of one of them.
    pub mirrors: bool,
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
    /// Further request headers, `Name: value`, sent to the seeds' origins and `header_origins`.
    pub headers: Vec<String>,
    /// `user:password` for basic authentication at the same origins.
    pub user: Option<String>,
    /// Origins besides those of the seeds to which `headers` and `user` go, such as
    /// `https://www.example.org`.
    pub header_origins: Vec<String>,
    /// Keep the cookies that servers set, for this run alone; they are never stored.
    pub cookies: bool,
    /// Netscape cookie file that is read at the start, and never written.
    pub cookie_jar: Option<PathBuf>,
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
    /// Ask for pages that an earlier crawl of the file stored only if they changed.
    pub conditional: bool,
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
    /// The same on each host.
    pub per_host: Option<u64>,
    /// Pages below a path on each host, such as `/blog/=100`.
    pub budgets: Vec<String>,
    /// Time of the crawl, all its runs together.
    pub time: Option<Span>,
    /// Bytes received in bodies.
    pub bytes: Option<Size>,
}

/// `[check]`: what counts as broken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckConfig {
    /// Statuses from 400 on that links may lead to all the same, such as `"403"` or
    /// `"500-504"`.
    pub accept: Vec<Statuses>,
}

/// Which bodies are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bodies {
    /// HTML and XHTML.
    #[default]
    Html,
    /// HTML, PDF and office documents.
    Documents,
    /// Everything that is fetched.
    All,
    /// None; links and fields are extracted all the same.
    None,
}

/// `[store]`: what is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Which bodies are kept.
    pub bodies: Bodies,
    /// Keep structured data: the items that pages say in JSON-LD and microdata.
    pub items: bool,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { bodies: Bodies::Html, items: true }
    }
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
            assets: false,
            check_external: false,
            check_fragments: false,
            traps: true,
            sitemaps: true,
            strip_query: Vec::new(),
            strip_tracking: false,
            mirrors: false,
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
            header_origins: Vec::new(),
            cookies: false,
            cookie_jar: None,
            proxy: None,
            insecure: false,
            cacert: None,
            timeout: Span(Duration::from_mins(2)),
            connect_timeout: Span(Duration::from_secs(10)),
            idle_timeout: Span(Duration::from_secs(15)),
            retries: 2,
            max_body: Size(10 << 20),
            conditional: true,
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

/// Headers that browsers and proxies send for everybody.
const COMMON_HEADERS: [&str; 14] = [
    "cache-control",
    "connection",
    "dnt",
    "forwarded",
    "from",
    "origin",
    "pragma",
    "priority",
    "referer",
    "te",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-requested-with",
];
/// What others of them begin with.
const COMMON_PREFIXES: [&str; 4] = ["accept", "if-", "sec-", "x-forwarded-"];

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

    /// Whether requests carry what may make a server take us for a person it knows:
    /// any header but those that every browser sends, since tokens have many names.
    pub fn is_logged_in(&self) -> bool {
        let is_login = |header: &String| {
            let name = header.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
            let is_common = COMMON_HEADERS.contains(&&*name);
            !is_common && !COMMON_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        };
        self.user.is_some() || self.cookie_jar.is_some() || self.headers.iter().any(is_login)
    }

    /// The first word of the user agent, which robots.txt is matched against
    /// (RFC 9309 section 2.2.1).
    pub fn product_token(&self) -> String {
        let is_token = |c: char| c.is_ascii_alphabetic() || c == '-' || c == '_';
        self.user_agent().chars().take_while(|c| is_token(*c)).collect()
    }
}
