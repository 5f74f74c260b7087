//! How is one request made, and what came back?
//!
//! [`Fetcher::get`] is the only way out to the network. It knows nothing of
//! robots.txt, politeness or links: whoever calls has already decided that this
//! URL may be fetched now. Redirects are answers like any other. Every wait has
//! a deadline and every body a cap; beyond its first 512 KiB a body takes from a
//! budget that all visits share.

mod client;
mod condition;
mod cookies;
mod decode;
mod failure;
mod guard;
mod head;
mod kept;
mod trust;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Response, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::canonical::CanonicalUrl;
use crate::config::FetchConfig;
use client::{client, cookies, header_origins, seed_headers, tls};
use failure::is_out_of_files;
use guard::GuardedResolver;
use kept::Kept;

pub use client::{ACCEPT, ACCEPT_ENCODING, SetupError};
pub use condition::Condition;
pub use decode::{Decoded, Undecodable, decode, gunzip};
pub use failure::FetchError;
pub use guard::{BadAllowance, Guard, is_global, is_inside};
pub use head::Head;

/// Bytes of a body that every visit may hold by right.
const OWN_BYTES: usize = 512 * 1024;
/// Bytes that all bodies together may hold beyond that, at the least.
const SHARED_BYTES: usize = 64 << 20;
/// Bytes of a body that nobody wants which are read to keep the connection.
const DRAIN_BYTES: u64 = 64 * 1024;
/// The longest time for that: a new connection costs no more.
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// Between two tries where no file descriptor is left; idle connections end by themselves.
const SCARCE_WAIT: Duration = Duration::from_millis(250);

/// What is asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The whole.
    Get,
    /// The head alone.
    Head,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// For what.
    pub url: &'a CanonicalUrl,
    /// How much of it.
    pub method: Method,
    /// Only if this holds, where there is one.
    pub condition: Option<&'a Condition>,
    /// Counts the bytes of the body as they come, also where no answer comes of them.
    pub received: &'a AtomicU64,
}

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
    /// The body as it came, if it was wanted; of a refusal the beginning.
    pub body: Option<Vec<u8>>,
    /// Whether the cap ended the body.
    pub is_cut: bool,
    /// Bytes of body received, wanted or not.
    pub wire_bytes: u64,
    /// What the body holds of the shared budget, until it is dropped.
    pub hold: Option<OwnedSemaphorePermit>,
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
    header_origins: Arc<Vec<Box<str>>>,
    seed_headers: HeaderMap,
    timeout: Duration,
    idle_timeout: Duration,
    max_body: usize,
    budget: Arc<Semaphore>,
    kept: Arc<Kept>,
}

impl Fetcher {
    /// A fetcher as `config` says. `typed` are the seeds typed by the user, whose
    /// hosts may be private; headers of the user go to the origins of `seeds` and those named.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn new(
        config: &FetchConfig,
        typed: &[CanonicalUrl],
        seeds: &[CanonicalUrl],
    ) -> Result<Self, SetupError> {
        let guard = Arc::new(Guard::new(typed, &config.allow_private)?);
        let cookies = cookies(config)?;
        let tls = tls(config)?;
        let client_of = |is_exempt| {
            let resolver = GuardedResolver::new(Arc::clone(&guard), is_exempt);
            client(config, tls.clone(), resolver, cookies.as_ref())
        };
        let max_body = usize::try_from(config.max_body.0).unwrap_or(usize::MAX);
        Ok(Self {
            strict: client_of(false)?,
            exempt: client_of(true)?,
            guard,
            has_proxy: config.proxy.is_some(),
            header_origins: Arc::new(header_origins(config, seeds)?),
            seed_headers: seed_headers(config)?,
            timeout: config.timeout.0,
            idle_timeout: config.idle_timeout.0,
            max_body,
            budget: Arc::new(Semaphore::new(SHARED_BYTES.max(max_body) / 1024)),
            kept: Arc::default(),
        })
    }

    /// The least address of those that `host` leads to. `None` if it leads to none,
    /// or a proxy looks it up. Ends within 5 s.
    pub async fn address(&self, host: &str) -> Option<IpAddr> {
        if self.has_proxy {
            return None;
        }
        guard::addresses(host).await.into_iter().min()
    }

    /// Makes a request. Once the head is there, `wants_body` decides whether the body
    /// is read.
    ///
    /// Dropping the future closes the connection; nothing else is left behind.
    ///
    /// # Errors
    /// See [`FetchError`]. Any status counts as success here.
    pub async fn get(
        &self,
        request: Request<'_>,
        wants_body: impl Fn(&Head) -> bool,
    ) -> Result<Fetched, FetchError> {
        if !self.guard.admits_literal(request.url) {
            return Err(FetchError::Private);
        }
        let answer = tokio::time::timeout(self.timeout, self.read(request, wants_body));
        answer
            .await
            .map_err(|_| FetchError::Timeout(format!("{} s in all", self.timeout.as_secs_f32())))?
    }

    async fn read(
        &self,
        request: Request<'_>,
        wants_body: impl Fn(&Head) -> bool,
    ) -> Result<Fetched, FetchError> {
        let began = Instant::now();
        let mut response = self.send(request).await?;
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
        if request.method == Method::Head {
            return Ok(fetched);
        }
        if wants_body(&fetched.head) {
            self.read_body(response, &mut fetched, request.received).await?;
        } else {
            // Half of what is left at most: the answer is here, and must not be lost to its body.
            let most = self.timeout.saturating_sub(began.elapsed()) / 2;
            let drain = drain(response, &mut fetched);
            tokio::time::timeout(DRAIN_TIME.min(most), drain).await.ok();
            request.received.fetch_add(fetched.wire_bytes, Ordering::Relaxed);
        }
        Ok(fetched)
    }

    /// Sends the request. Where no file descriptor is left it waits for one, as long
    /// as the deadline allows: that is not the URL's fault.
    async fn send(&self, asked: Request<'_>) -> Result<Response, FetchError> {
        let Request { url, method, condition, .. } = asked;
        let client =
            if self.guard.exempts(url) || self.has_proxy { &self.exempt } else { &self.strict };
        loop {
            let mut request = match method {
                Method::Get => client.get(url.to_url()),
                Method::Head => client.head(url.to_url()),
            };
            if self.header_origins.iter().any(|origin| **origin == *url.origin()) {
                request = request.headers(self.seed_headers.clone());
            }
            if let Some(condition) = condition {
                request = request.headers(condition.headers());
            }
            if !self.kept.keeps(url.origin(), Instant::now()) {
                request = request.header(header::CONNECTION, HeaderValue::from_static("close"));
            }
            match request.send().await {
                Err(error) if is_out_of_files(&error) => {
                    self.kept.ran_out_of_files();
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
        received: &AtomicU64,
    ) -> Result<(), FetchError> {
        let expected = fetched
            .head
            .get("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0_usize);
        let mut body = Vec::with_capacity(expected.min(OWN_BYTES));
        while let Some(chunk) = self.next_chunk(&mut response).await? {
            fetched.wire_bytes += chunk.len() as u64;
            received.fetch_add(chunk.len() as u64, Ordering::Relaxed);
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

    /// Leave to have a body of `bytes` that did not come over the network; none is
    /// needed for a short one. Asked for once, by who has none.
    pub async fn room_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = bytes.saturating_sub(OWN_BYTES).div_ceil(1024);
        let kib = u32::try_from(kib.min(self.max_body / 1024)).unwrap_or(u32::MAX);
        if kib == 0 {
            return None;
        }
        Some(Arc::clone(&self.budget).acquire_many_owned(kib).await.expect("never closed"))
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

/// Reads a short body to its end, so that the connection can be used again. Its beginning
/// is kept where a server refuses: it may say why.
async fn drain(mut response: Response, fetched: &mut Fetched) {
    let is_refusal = matches!(fetched.head.status, 403 | 429 | 503);
    let length = fetched.head.get("content-length").and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > DRAIN_BYTES) && !is_refusal {
        return;
    }
    while let Ok(Some(chunk)) = response.chunk().await {
        fetched.wire_bytes += chunk.len() as u64;
        if is_refusal {
            fetched.body.get_or_insert_default().extend_from_slice(&chunk);
        }
        if fetched.wire_bytes > DRAIN_BYTES {
            return;
        }
    }
}
