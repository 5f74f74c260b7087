//! Why is a URL not fetched, and what could change that?

use std::fmt;

/// The rule that refused a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// On another site than the seeds.
    External,
    /// On the site, but not where the scope is.
    OutOfScope,
    /// An exclude pattern matches.
    Excluded,
    /// No include pattern matches.
    NotIncluded,
    /// An image, script, stylesheet or the like.
    Asset,
    /// Every link to it asks not to be followed.
    Nofollow,
    /// robots.txt disallows it.
    Robots,
    /// Further from the seeds than the depth limit.
    Depth,
    /// Behind more redirects than are followed.
    Redirects,
    /// A sitemap behind more sitemap indexes or files than are read.
    Sitemaps,
    /// Of a pattern of URLs that would never end.
    Trap,
    /// Beyond the budget of its host or path.
    Budget,
    /// It could end the login of the crawl, or delete something.
    Session,
    /// Its origin shows the same pages as another of the same server.
    Mirror,
    /// Its host has a private address.
    Private,
    /// The process ended three times while it was visited.
    Crashed,
    /// Longer than a URL may be.
    TooLong,
    /// Not http or https.
    Scheme,
    /// No URL at all.
    Invalid,
}

/// All reasons, for lists of them.
pub const REASONS: [Reason; 19] = [
    Reason::External,
    Reason::OutOfScope,
    Reason::Excluded,
    Reason::NotIncluded,
    Reason::Asset,
    Reason::Nofollow,
    Reason::Robots,
    Reason::Depth,
    Reason::Redirects,
    Reason::Sitemaps,
    Reason::Trap,
    Reason::Budget,
    Reason::Session,
    Reason::Mirror,
    Reason::Private,
    Reason::Crashed,
    Reason::TooLong,
    Reason::Scheme,
    Reason::Invalid,
];

impl Reason {
    /// The name that the store keeps: never rename one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::OutOfScope => "out-of-scope",
            Self::Excluded => "excluded",
            Self::NotIncluded => "not-included",
            Self::Asset => "asset",
            Self::Nofollow => "nofollow",
            Self::Robots => "robots",
            Self::Depth => "depth",
            Self::Redirects => "redirects",
            Self::Sitemaps => "sitemaps",
            Self::Trap => "trap",
            Self::Budget => "budget",
            Self::Session => "session",
            Self::Mirror => "mirror",
            Self::Private => "private-address",
            Self::Crashed => "crashed",
            Self::TooLong => "too-long",
            Self::Scheme => "scheme",
            Self::Invalid => "invalid",
        }
    }

    /// Whether a changed setting may release the URL: it is set aside, not
    /// refused for good.
    pub fn is_aside(self) -> bool {
        !matches!(self, Self::TooLong | Self::Scheme | Self::Invalid)
    }

    /// How near a URL is to being fetched if the reason lies in the link to it
    /// rather than in itself: another link with a higher rank, or with nothing
    /// against it, decides. 0 if no other link can change it.
    pub fn link_rank(self) -> u8 {
        match self {
            // A link to another site may be one that is checked, or not.
            Self::External | Self::Asset => 1,
            Self::Nofollow => 2,
            Self::Redirects => 3,
            Self::Depth => 4,
            _ => 0,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A reason and its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule.
    pub reason: Reason,
    /// Which host, pattern, line or number; never empty.
    pub detail: Box<str>,
}

impl Refusal {
    /// A refusal for `reason`, with its evidence.
    pub fn new(reason: Reason, detail: impl Into<Box<str>>) -> Self {
        Self { reason, detail: detail.into() }
    }
}
