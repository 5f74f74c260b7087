//! Under which numbers are URLs and contents known?
//!
//! A URL is known by a keyed hash, so that no site can craft two URLs that hide
//! each other; the key is a secret of the file. A content is known by BLAKE3.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

/// The first 96 bits of SipHash-1-3-128 of a URL: at a thousand million URLs the
/// chance that two share one is below 10⁻¹⁰.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UrlHash(pub [u8; 12]);

/// Hashes the URLs of one file.
#[derive(Clone, Copy)]
pub struct UrlHasher {
    secret: [u8; 16],
}

impl UrlHasher {
    /// A hasher under the `secret` of a file.
    pub fn new(secret: [u8; 16]) -> Self {
        Self { secret }
    }

    /// The hash of a URL's text.
    pub fn hash(&self, url: &str) -> UrlHash {
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        hasher.write(url.as_bytes());
        let hash = hasher.finish128().as_bytes();
        UrlHash(*hash.first_chunk().expect("12 of 16 bytes"))
    }

    /// A hash of `parts` in their order, for tables that live as long as the
    /// process; where one part ends and the next begins makes a difference.
    pub fn hash_parts<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        for part in parts {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff); // no byte of UTF-8
        }
        hasher.finish()
    }
}

impl fmt::Debug for UrlHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlHasher(<secret>)")
    }
}

/// BLAKE3 of a body's bytes after its content encoding was undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}
