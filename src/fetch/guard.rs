//! May this address be connected to?
//!
//! Pages are written by strangers, and a link to `http://10.0.0.1/` asks us to
//! reach into our user's network. So only global unicast addresses are allowed,
//! by a list of what is special (IANA special-purpose registries), and it is
//! enforced where the address is used: on the parsed host for literals, and in
//! the resolver for names, on every answer, so that a name that changes its
//! address between check and use gains nothing. Hosts that were of the inside when
//! the user typed them, and those allowed by setting, are exempt; cloud metadata
//! addresses never are.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::canonical::CanonicalUrl;

/// Longest time for a look-up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Look-ups at once: each takes a thread while it lasts.
const MAX_LOOKUPS: usize = 64;
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// What may be connected to besides public addresses.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// `name` or `name:port`.
    hosts: HashSet<Box<str>>,
    networks: Vec<(IpAddr, u8)>,
}

/// An entry of `allow_private` that is neither host nor network.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither a host (name or name:port) nor a network (10.0.0.0/8)")]
pub struct BadAllowance(String);

impl Guard {
    /// A guard that lets the hosts of `typed` pass, exactly as typed, and what `allowed` names.
    ///
    /// # Errors
    /// If an entry of `allowed` cannot be read.
    pub fn new(typed: &[CanonicalUrl], allowed: &[String]) -> Result<Self, BadAllowance> {
        let mut guard = Self::default();
        guard.hosts.extend(typed.iter().map(|url| Box::from(url.host_and_port())));
        for entry in allowed {
            match entry.split_once('/') {
                Some((address, bits)) => {
                    let address: Option<IpAddr> = address.parse().ok();
                    let bits = bits.parse().ok().filter(|bits| {
                        *bits <= if address.is_some_and(|a| a.is_ipv4()) { 32 } else { 128 }
                    });
                    let network = address.zip(bits).ok_or_else(|| BadAllowance(entry.clone()))?;
                    guard.networks.push(network);
                }
                None if entry.is_empty() || entry.contains(['@', ' ', '?', '#']) => {
                    return Err(BadAllowance(entry.clone()));
                }
                None => {
                    guard.hosts.insert(entry.to_ascii_lowercase().into());
                }
            }
        }
        Ok(guard)
    }

    /// Whether a URL's host is exempt by its name, with or without its port.
    pub(super) fn exempts(&self, url: &CanonicalUrl) -> bool {
        self.hosts.contains(&*url.host_and_port()) || self.hosts.contains(url.host_name())
    }

    /// Whether the host of `url`, if it is an address, may be connected to.
    pub(super) fn admits_literal(&self, url: &CanonicalUrl) -> bool {
        let name = url.host_name().trim_matches(['[', ']']);
        name.parse().map_or(true, |address| self.admits(address, self.exempts(url)))
    }

    /// Whether an address may be connected to.
    fn admits(&self, address: IpAddr, is_exempt: bool) -> bool {
        if is_metadata(address) {
            return false;
        }
        is_exempt
            || is_global(address)
            || self.networks.iter().any(|(network, bits)| contains(*network, *bits, address))
    }
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let prefix = |bytes: u128, width: u8| bytes.checked_shr(u32::from(width - bits)).unwrap_or(0);
    match (network, address.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            prefix(a.to_bits().into(), 32) == prefix(b.to_bits().into(), 32)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => prefix(a.to_bits(), 128) == prefix(b.to_bits(), 128),
        _ => false,
    }
}

/// Addresses under which clouds tell their machines secrets.
fn is_metadata(address: IpAddr) -> bool {
    let address = embedded(address);
    [
        IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
        IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
        IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
        IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    ]
    .contains(&address)
}

/// The IPv4 address within an IPv6 one that is translated to it; otherwise itself.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let segments = v6.segments();
    let low = Ipv4Addr::from_bits(u32::from(segments[6]) << 16 | u32::from(segments[7]));
    match segments {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => IpAddr::V4(low),
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => IpAddr::V4(low),
        [0x2002, high, low, ..] => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => address,
    }
}

/// Whether an address is global unicast, by the IANA special-purpose registries.
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) => match embedded(address) {
            // Translated and mapped addresses have no business in a public name.
            IpAddr::V4(_) => false,
            IpAddr::V6(_) => is_global_v6(v6),
        },
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    #[rustfmt::skip]
    let special: [([u8; 4], u32); 16] = [
        ([0, 0, 0, 0], 8), ([10, 0, 0, 0], 8), ([100, 64, 0, 0], 10), ([127, 0, 0, 0], 8), ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12), ([192, 0, 0, 0], 24), ([192, 0, 2, 0], 24), ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16), ([198, 18, 0, 0], 15), ([198, 51, 100, 0], 24), ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 4), ([240, 0, 0, 0], 4), ([168, 63, 129, 16], 32),
    ];
    let bits = address.to_bits();
    !special.iter().any(|(network, length)| {
        let mask = u32::MAX << (32 - length);
        bits & mask == u32::from_be_bytes(*network) & mask
    })
}

/// Only `2000::/3` is assigned for global unicast; parts of it are special.
fn is_global_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    segments[0] & 0xe000 == 0x2000
        && !(segments[0] == 0x2001 && segments[1] < 0x200)
        && !(segments[0] == 0x2001 && segments[1] == 0xdb8)
        && segments[0] != 0x2002
        && !(segments[0] == 0x3fff && segments[1] < 0x1000)
}

/// Why a name gave no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    #[error("no such host")]
    NotFound(#[source] std::io::Error),
    #[error("no answer from DNS within 5 s")]
    Timeout,
    #[error("every address of the host is private")]
    Private,
}

/// Looks names up and gives only addresses that may be connected to.
#[derive(Clone)]
pub(super) struct GuardedResolver {
    guard: Arc<Guard>,
    /// Whether the names asked for are exempt.
    is_exempt: bool,
    lookups: Arc<Semaphore>,
}

impl GuardedResolver {
    pub(super) fn new(guard: Arc<Guard>, is_exempt: bool) -> Self {
        Self { guard, is_exempt, lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }

    async fn lookup(self, name: String) -> Result<Vec<SocketAddr>, LookupError> {
        let _permit = self.lookups.acquire().await.expect("never closed");
        let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((name, 0)));
        let found =
            found.await.map_err(|_| LookupError::Timeout)?.map_err(LookupError::NotFound)?;
        let admitted: Vec<_> = found
            .filter(|address| self.guard.admits(address.ip(), self.is_exempt))
            .take(MAX_ADDRESSES)
            .collect();
        if admitted.is_empty() { Err(LookupError::Private) } else { Ok(admitted) }
    }
}

/// The addresses of a host, allowed or not: nothing is connected to.
pub(super) async fn addresses(host: &str) -> Vec<IpAddr> {
    let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, 0))).await;
    let Ok(Ok(found)) = found else { return Vec::new() };
    found.take(MAX_ADDRESSES).map(|address| address.ip()).collect()
}

/// Whether a host is one of the inside: a private address, or a name that leads to no
/// public one now. Only such a host is meant to be private when it is typed: a stranger's
/// name that leads inside later gains nothing by having been typed.
pub async fn is_inside(url: &CanonicalUrl) -> bool {
    let name = url.host_name().trim_matches(['[', ']']);
    let found = match name.parse() {
        Ok(address) => vec![address],
        Err(_) => addresses(name).await,
    };
    !found.is_empty() && !found.into_iter().any(is_global)
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.clone().lookup(name.as_str().to_owned());
        Box::pin(async move {
            let addresses = lookup.await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_global_unicast_is_global() {
        #[rustfmt::skip]
        let cases = [
            ("93.184.216.34", true), ("8.8.8.8", true), ("2606:2800:220:1::1", true), ("2a00::1", true),
            ("0.0.0.0", false), ("10.1.2.3", false), ("100.64.0.1", false), ("127.0.0.1", false), ("169.254.1.1", false),
            ("172.16.0.1", false), ("172.31.255.255", false), ("172.32.0.1", true), ("192.168.1.1", false),
            ("192.0.2.1", false), ("198.18.0.1", false), ("224.0.0.1", false), ("255.255.255.255", false),
            ("::", false), ("::1", false), ("::ffff:10.0.0.1", false), ("::ffff:8.8.8.8", false), ("::7f00:1", false),
            ("64:ff9b::a00:1", false), ("2002:a00:1::", false), ("fc00::1", false), ("fe80::1", false),
            ("ff02::1", false), ("2001:db8::1", false), ("2001::1", false), ("3fff::1", false), ("fec0::1", false),
        ];
        for (address, expected) in cases {
            assert_eq!(is_global(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[tokio::test]
    async fn only_what_leads_nowhere_else_is_of_the_inside() {
        let cases = [
            ("http://127.0.0.1:8080/", true),
            ("http://[fd00::1]/", true),
            ("http://localhost/", true),
            ("http://8.8.8.8/", false),
            ("http://[2606:2800:220:1::1]/", false),
            ("http://no.such.name.invalid/", false),
        ];
        for (url, expected) in cases {
            let url = CanonicalUrl::parse(url).unwrap();
            assert_eq!(is_inside(&url).await, expected, "{url:?}");
        }
    }

    #[test]
    fn what_the_user_typed_is_exempt_and_metadata_never() {
        let url = |text: &str| CanonicalUrl::parse(text).unwrap();
        let allowed = ["10.0.0.0/8".to_owned(), "intra:8080".to_owned(), "Other".to_owned()];
        let guard =
            Guard::new(&[url("http://127.0.0.1:8080/x"), url("http://169.254.169.254/")], &allowed)
                .unwrap();
        #[rustfmt::skip]
        let cases = [
            ("http://127.0.0.1:8080/", true), ("http://127.0.0.1/", false), ("http://127.0.0.1:8081/", false),
            ("http://10.9.9.9/", true), ("http://[::ffff:10.9.9.9]/", true), ("http://11.0.0.1/", true),
            ("http://192.168.0.1/", false), ("http://169.254.169.254/", false), ("http://[::1]:8080/", false),
        ];
        for (literal, expected) in cases {
            assert_eq!(guard.admits_literal(&url(literal)), expected, "{literal}");
        }
        assert!(guard.exempts(&url("http://intra:8080/")) && !guard.exempts(&url("http://intra/")));
        assert!(guard.exempts(&url("http://other:99/")));
        for bad in ["", "10.0.0.0/33", "x/8", "a b"] {
            assert!(Guard::new(&[], &[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
