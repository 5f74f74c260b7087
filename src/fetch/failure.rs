//! Why did a fetch give no usable response?

use std::error::Error as StdError;

use super::Undecodable;
use super::guard::LookupError;
use crate::engine::record::CHALLENGE;

/// Why a fetch gave no usable response.
///
/// A status such as 404 is a response, not an error. [`FetchError::code`] is
/// what the store keeps: never rename one.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The host name does not resolve.
    #[error("no such host")]
    Dns(String),
    /// The address is private and was not allowed.
    #[error("private address")]
    Private,
    /// Nobody listens there.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The certificate or the handshake is not acceptable.
    #[error("TLS: {0}")]
    Tls(String),
    /// No complete answer in time.
    #[error("no answer in time: {0}")]
    Timeout(String),
    /// No connection in time, or no address.
    #[error("no connection in time: {0}")]
    ConnectTimeout(String),
    /// The server broke the protocol or hung up midway.
    #[error("broken response: {0}")]
    Broken(String),
    /// The body is not what its headers say.
    #[error("{0}")]
    Undecodable(#[from] Undecodable),
    /// A 304 to a request that asked for the whole.
    #[error("the server says that nothing changed, but was not asked that")]
    NotAsked,
    /// An answer that only a person is to get past.
    #[error("it asks visitors to prove that they are human")]
    Challenge,
    /// The code that visited the URL failed.
    #[error("a fault in crawlite: {0}")]
    Panic(String),
}

impl FetchError {
    /// A stable one-word name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Private => "private-address",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Timeout(_) | Self::ConnectTimeout(_) => "timeout",
            Self::Broken(_) => "broken",
            Self::Undecodable(_) => "undecodable",
            Self::NotAsked => "not-asked",
            Self::Challenge => CHALLENGE,
            Self::Panic(_) => "panic",
        }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        self.no_connection() || matches!(self, Self::Timeout(_) | Self::Broken(_))
    }

    /// Whether not even a connection came about.
    pub fn no_connection(&self) -> bool {
        matches!(self, Self::Dns(_) | Self::Connect(_) | Self::ConnectTimeout(_))
    }

    /// Sorts an error of the client by what lies at its root.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut source: Option<&(dyn StdError + 'static)> = Some(error);
        let mut root = String::new();
        while let Some(cause) = source {
            match cause.downcast_ref::<LookupError>() {
                Some(LookupError::Private) => return Self::Private,
                Some(LookupError::Timeout) => return Self::ConnectTimeout("DNS".into()),
                Some(LookupError::NotFound(io)) => return Self::Dns(io.to_string()),
                None => {}
            }
            if let Some(tls) = tls_error(cause) {
                return Self::Tls(tls.to_string());
            }
            root = cause.to_string();
            source = cause.source();
        }
        if error.is_timeout() {
            if error.is_connect() { Self::ConnectTimeout(root) } else { Self::Timeout(root) }
        } else if error.is_connect() {
            Self::Connect(root)
        } else {
            Self::Broken(root)
        }
    }
}

/// The TLS error that `error` is, or hides: one in an `io::Error` is no source of
/// it, and one `io::Error` may be in another.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref() {
        return Some(tls);
    }
    tls_error(error.downcast_ref::<std::io::Error>()?.get_ref()?)
}

/// Whether the system, or this process, has no file descriptor left.
#[cfg(unix)]
pub(super) fn is_out_of_files(error: &reqwest::Error) -> bool {
    use rustix::io::Errno;
    let codes = [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error()));
    let mut source: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = source {
        let io = cause.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| codes.contains(&io.raw_os_error())) {
            return true;
        }
        source = cause.source();
    }
    false
}

#[cfg(not(unix))]
pub(super) fn is_out_of_files(_: &reqwest::Error) -> bool {
    false
}
