//! What does every request carry, and how is a connection made?

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use rustls::ClientConfig;

use super::cookies::Cookies;
use super::guard::{BadAllowance, GuardedResolver};
use super::kept::IDLE;
use super::trust::Authorities;
use crate::canonical::CanonicalUrl;
use crate::config::FetchConfig;

/// The `Accept` of every request.
pub const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// The `Accept-Encoding` of every request.
pub const ACCEPT_ENCODING: &str = "gzip, br, zstd, deflate";

/// Response headers that are accepted.
const MAX_HEADERS: usize = 256;

/// Why no fetcher could be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `fetch.allow_private`
    #[error("allow_private: {0}")]
    Allowance(#[from] BadAllowance),
    /// A header that cannot be sent.
    #[error("header `{0}` cannot be sent: name and value must be plain text")]
    Header(String),
    /// `fetch.header_origins`
    #[error("header_origins: `{0}` is no origin, such as https://www.example.org")]
    HeaderOrigin(String),
    /// `fetch.cacert`
    #[error("cannot read certificates from {0}: {1}")]
    Cacert(String, String),
    /// `fetch.cookie_jar`
    #[error("cannot read cookies from {0}: {1}")]
    CookieJar(String, String),
    /// `fetch.proxy`
    #[error("the proxy cannot be used: {0}")]
    Proxy(String),
    /// The client cannot be made.
    #[error("cannot set up TLS: {0}")]
    Client(String),
}

/// The jar of the run, if there is to be one.
pub(super) fn cookies(config: &FetchConfig) -> Result<Option<Arc<Cookies>>, SetupError> {
    if !config.cookies && config.cookie_jar.is_none() {
        return Ok(None);
    }
    let cookies = Cookies::new(config.cookies, config.cookie_jar.as_deref()).map_err(|error| {
        let path = config.cookie_jar.clone().unwrap_or_default();
        SetupError::CookieJar(path.display().to_string(), error)
    })?;
    Ok(Some(Arc::new(cookies)))
}

/// How TLS is spoken; `None` where no certificate is looked at.
pub(super) fn tls(config: &FetchConfig) -> Result<Option<ClientConfig>, SetupError> {
    if config.insecure {
        let provider = rustls::crypto::ring::default_provider();
        // Of two fetchers in a process the first installs it.
        provider.install_default().ok();
        return Ok(None);
    }
    Authorities::new(config.cacert.as_deref())?.tls().map(Some)
}

pub(super) fn client(
    config: &FetchConfig,
    tls: Option<ClientConfig>,
    resolver: GuardedResolver,
    cookies: Option<&Arc<Cookies>>,
) -> Result<Client, SetupError> {
    let headers = HeaderMap::from_iter([
        (header::ACCEPT, HeaderValue::from_static(ACCEPT)),
        (header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPT_ENCODING)),
    ]);
    let mut builder = Client::builder()
        .user_agent(config.user_agent())
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .dns_resolver(Arc::new(resolver))
        .connect_timeout(config.connect_timeout.0)
        .read_timeout(config.idle_timeout.0.max(Duration::from_mins(1)).min(config.timeout.0))
        .pool_idle_timeout(IDLE / 2) // looked at once in that time: some wait twice as long
        .pool_max_idle_per_host(config.concurrency)
        .http1_max_headers(MAX_HEADERS)
        .http2_max_header_list_size(64 * 1024);
    builder = match tls {
        Some(tls) => builder.tls_backend_preconfigured(tls),
        None => builder.tls_danger_accept_invalid_certs(true),
    };
    if let Some(cookies) = cookies {
        builder = builder.cookie_provider(Arc::clone(cookies));
    }
    builder = match &config.proxy {
        Some(proxy) => {
            let proxy =
                reqwest::Proxy::all(proxy).map_err(|error| SetupError::Proxy(error.to_string()))?;
            builder.proxy(proxy)
        }
        None => builder.no_proxy(),
    };
    builder.build().map_err(|error| SetupError::Client(error.to_string()))
}

/// Where the headers of the user go: to the origins of the seeds and those that are named.
pub(super) fn header_origins(
    config: &FetchConfig,
    seeds: &[CanonicalUrl],
) -> Result<Vec<Box<str>>, SetupError> {
    let mut origins: Vec<Box<str>> = seeds.iter().map(|seed| seed.origin().into()).collect();
    for named in &config.header_origins {
        let url = CanonicalUrl::parse(named).ok().filter(|url| url.path_and_query() == "/");
        let url = url.ok_or_else(|| SetupError::HeaderOrigin(named.clone()))?;
        origins.push(url.origin().into());
    }
    origins.sort();
    origins.dedup();
    Ok(origins)
}

pub(super) fn seed_headers(config: &FetchConfig) -> Result<HeaderMap, SetupError> {
    let mut headers = HeaderMap::new();
    for line in &config.headers {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let header =
            HeaderName::try_from(name.trim()).ok().zip(HeaderValue::try_from(value.trim()).ok());
        let (name, mut value) = header.ok_or_else(|| SetupError::Header(name.to_owned()))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    if let Some(user) = &config.user {
        let mut value = HeaderValue::try_from(format!("Basic {}", base64(user.as_bytes())))
            .expect("base64 is ASCII");
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(headers)
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let is_padding = at > chunk.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(ALPHABET[bits >> (18 - 6 * at) & 63])
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_the_rfc() {
        for (bytes, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
    }
}
