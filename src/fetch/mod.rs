//! How is one request made, and what came back?
//!
//! [`Fetcher::get`] is the only way out to the network. It knows nothing of
//! robots.txt, politeness or links: whoever calls has already decided that this
//! URL may be fetched now. Redirects are answers like any other. Every wait has
//! a deadline and every body a cap; beyond its first 512 KiB a body takes from a
//! budget that all visits share.

mod decode;
mod failure;
mod guard;
mod head;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::canonical::CanonicalUrl;
use crate::config::FetchConfig;
use failure::is_out_of_files;
use guard::GuardedResolver;

pub use decode::{Decoded, Undecodable, decode, gunzip};
pub use failure::FetchError;
pub use guard::{BadAllowance, Guard, is_global};
pub use head::Head;

/// Bytes of a body that every visit may hold by right.
const OWN_BYTES: usize = 512 * 1024;
/// Bytes that all bodies together may hold beyond that, at the least.
const SHARED_BYTES: usize = 64 << 20;
/// Bytes of a body that nobody wants which are read to keep the connection.
const DRAIN_BYTES: u64 = 64 * 1024;
/// The longest time for that: a new connection costs no more.
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// Between two tries where no file descriptor is left; idle connections end after 15 s.
const SCARCE_WAIT: Duration = Duration::from_millis(250);
/// Response headers that are accepted.
const MAX_HEADERS: usize = 256;

/// A response, as far as it was wanted.
#[derive(Debug)]
pub struct Fetched {
    /// Its head.
    pub head: Head,
    /// Which protocol.
    pub http_version: &'static str,
    /// Who answered.
    pub ip: Option<IpAddr>,
    /// From the start to the head.
    pub first_byte: Duration,
    /// The body as it came, if it was wanted.
    pub body: Option<Vec<u8>>,
    /// Whether the cap ended the body.
    pub is_cut: bool,
    /// Bytes of body received, wanted or not.
    pub wire_bytes: u64,
    /// What the body holds of the shared budget, until it is dropped.
    pub hold: Option<OwnedSemaphorePermit>,
}

/// Why no fetcher could be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `fetch.allow_private`
    #[error("allow_private: {0}")]
    Allowance(#[from] BadAllowance),
    /// A header that cannot be sent.
    #[error("header `{0}` cannot be sent: name and value must be plain text")]
    Header(String),
    /// `fetch.cacert`
    #[error("cannot read certificates from {0}: {1}")]
    Cacert(String, String),
    /// `fetch.proxy`
    #[error("the proxy cannot be used: {0}")]
    Proxy(String),
    /// The client cannot be made.
    #[error("cannot set up TLS: {0}")]
    Client(String),
}

/// Fetches over HTTP. Clones share one connection pool.
#[derive(Clone)]
pub struct Fetcher {
    /// For hosts that must be public.
    strict: Client,
    /// For hosts that are exempt from that.
    exempt: Client,
    guard: Arc<Guard>,
    has_proxy: bool,
    seed_origins: Arc<Vec<Box<str>>>,
    seed_headers: HeaderMap,
    timeout: Duration,
    idle_timeout: Duration,
    max_body: usize,
    budget: Arc<Semaphore>,
    /// File descriptors ran out once: no connection is kept any more. Those of many
    /// hosts that wait for a second request would take all there are.
    is_scarce: Arc<AtomicBool>,
}

impl Fetcher {
    /// A fetcher as `config` says. `typed` are the seeds typed by the user, whose
    /// hosts may be private; headers of the user go to the origins of `seeds` alone.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn new(
        config: &FetchConfig,
        typed: &[CanonicalUrl],
        seeds: &[CanonicalUrl],
    ) -> Result<Self, SetupError> {
        let guard = Arc::new(Guard::new(typed, &config.allow_private)?);
        let max_body = usize::try_from(config.max_body.0).unwrap_or(usize::MAX);
        let mut seed_origins: Vec<Box<str>> =
            seeds.iter().map(|seed| seed.origin().into()).collect();
        seed_origins.sort();
        seed_origins.dedup();
        Ok(Self {
            strict: client(config, GuardedResolver::new(Arc::clone(&guard), false))?,
            exempt: client(config, GuardedResolver::new(Arc::clone(&guard), true))?,
            guard,
            has_proxy: config.proxy.is_some(),
            seed_origins: Arc::new(seed_origins),
            seed_headers: seed_headers(config)?,
            timeout: config.timeout.0,
            idle_timeout: config.idle_timeout.0,
            max_body,
            budget: Arc::new(Semaphore::new(SHARED_BYTES.max(max_body) / 1024)),
            is_scarce: Arc::default(),
        })
    }

    /// Gets `url`. Once the head is there, `wants_body` decides whether the body is read.
    ///
    /// Dropping the future closes the connection; nothing else is left behind.
    ///
    /// # Errors
    /// See [`FetchError`]. Any status counts as success here.
    pub async fn get(
        &self,
        url: &CanonicalUrl,
        wants_body: impl Fn(&Head) -> bool,
    ) -> Result<Fetched, FetchError> {
        if !self.guard.admits_literal(url) {
            return Err(FetchError::Private);
        }
        let answer = tokio::time::timeout(self.timeout, self.read(url, wants_body));
        answer
            .await
            .map_err(|_| FetchError::Timeout(format!("{} s in all", self.timeout.as_secs_f32())))?
    }

    async fn read(
        &self,
        url: &CanonicalUrl,
        wants_body: impl Fn(&Head) -> bool,
    ) -> Result<Fetched, FetchError> {
        let began = Instant::now();
        let mut response = self.send(url).await?;
        let headers = std::mem::take(response.headers_mut());
        let head = Head::new(response.status().as_u16(), headers);
        let mut fetched = Fetched {
            http_version: if response.version() == Version::HTTP_2 { "HTTP/2" } else { "HTTP/1.1" },
            ip: response.remote_addr().map(|address| address.ip()),
            first_byte: began.elapsed(),
            body: None,
            is_cut: false,
            wire_bytes: 0,
            hold: None,
            head,
        };
        if wants_body(&fetched.head) {
            self.read_body(response, &mut fetched).await?;
        } else {
            // Half of what is left at most: the answer is here, and must not be lost to its body.
            let most = self.timeout.saturating_sub(began.elapsed()) / 2;
            let drain = drain(response, &mut fetched);
            tokio::time::timeout(DRAIN_TIME.min(most), drain).await.ok();
        }
        Ok(fetched)
    }

    /// Sends the request. Where no file descriptor is left it waits for one, as long
    /// as the deadline allows: that is not the URL's fault.
    async fn send(&self, url: &CanonicalUrl) -> Result<Response, FetchError> {
        let client =
            if self.guard.exempts(url) || self.has_proxy { &self.exempt } else { &self.strict };
        loop {
            let mut request = client.get(url.to_url());
            if self.seed_origins.iter().any(|origin| **origin == *url.origin()) {
                request = request.headers(self.seed_headers.clone());
            }
            if self.is_scarce.load(Ordering::Relaxed) {
                request = request.header(header::CONNECTION, HeaderValue::from_static("close"));
            }
            match request.send().await {
                Err(error) if is_out_of_files(&error) => {
                    self.is_scarce.store(true, Ordering::Relaxed);
                    tokio::time::sleep(SCARCE_WAIT).await;
                }
                sent => return sent.map_err(|error| FetchError::of(&error)),
            }
        }
    }

    async fn read_body(
        &self,
        mut response: Response,
        fetched: &mut Fetched,
    ) -> Result<(), FetchError> {
        let expected = fetched
            .head
            .get("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0_usize);
        let mut body = Vec::with_capacity(expected.min(OWN_BYTES));
        while let Some(chunk) = self.next_chunk(&mut response).await? {
            fetched.wire_bytes += chunk.len() as u64;
            if body.len() + chunk.len() > OWN_BYTES && fetched.hold.is_none() {
                fetched.hold = self.hold().await;
            }
            let room = self.max_body - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                fetched.is_cut = true;
                break;
            }
        }
        if let Some(hold) = &mut fetched.hold {
            let needed = body.len().saturating_sub(OWN_BYTES).div_ceil(1024);
            drop(hold.split(hold.num_permits().saturating_sub(needed)));
        }
        fetched.body = Some(body);
        Ok(())
    }

    /// Leave for one more body of the largest size; asked for once, so that no
    /// two visits can wait for each other.
    async fn hold(&self) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(self.max_body.saturating_sub(OWN_BYTES).div_ceil(1024))
            .unwrap_or(u32::MAX);
        Some(Arc::clone(&self.budget).acquire_many_owned(kib).await.expect("never closed"))
    }

    async fn next_chunk(
        &self,
        response: &mut Response,
    ) -> Result<Option<bytes::Bytes>, FetchError> {
        let chunk = tokio::time::timeout(self.idle_timeout, response.chunk());
        let chunk = chunk.await.map_err(|_| FetchError::Timeout("no byte of the body".into()))?;
        chunk.map_err(|error| FetchError::of(&error))
    }
}

/// Reads a short body to its end, so that the connection can be used again.
async fn drain(mut response: Response, fetched: &mut Fetched) {
    let length = fetched.head.get("content-length").and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > DRAIN_BYTES) {
        return;
    }
    while let Ok(Some(chunk)) = response.chunk().await {
        fetched.wire_bytes += chunk.len() as u64;
        if fetched.wire_bytes > DRAIN_BYTES {
            return;
        }
    }
}

fn client(config: &FetchConfig, resolver: GuardedResolver) -> Result<Client, SetupError> {
    let provider = rustls::crypto::ring::default_provider();
    // The first of two clients installs it; for the second it is there already.
    provider.install_default().ok();
    let accept =
        HeaderValue::from_static("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    let headers = HeaderMap::from_iter([
        (header::ACCEPT, accept),
        (header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, br, zstd, deflate")),
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
        .pool_idle_timeout(Duration::from_secs(15))
        .pool_max_idle_per_host(config.concurrency)
        .http1_max_headers(MAX_HEADERS)
        .http2_max_header_list_size(64 * 1024)
        .tls_danger_accept_invalid_certs(config.insecure);
    builder = match &config.proxy {
        Some(proxy) => {
            let proxy =
                reqwest::Proxy::all(proxy).map_err(|error| SetupError::Proxy(error.to_string()))?;
            builder.proxy(proxy)
        }
        None => builder.no_proxy(),
    };
    if let Some(path) = &config.cacert {
        let failed = |error: String| SetupError::Cacert(path.display().to_string(), error);
        let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| failed(error.to_string()))?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| SetupError::Client(error.to_string()))
}

fn seed_headers(config: &FetchConfig) -> Result<HeaderMap, SetupError> {
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
