//! What must hold of a sitemap, whatever it says? Case: the file.

use std::time::Duration;

use crawlite::sitemap::{Limits, Sitemap, parse};

use super::{repeated, within};

/// Panics where a law is broken.
pub fn check(data: &[u8]) {
    let limits = Limits { max_bytes: 1 << 20, max_urls: 1000 };
    let read = |body: &[u8], limits| {
        let sitemap = within(Duration::from_secs(1), || parse(body, limits));
        bounds(&sitemap, limits);
        sitemap
    };
    let whole = read(data, limits);
    assert_eq!(read(data, limits), whole, "the same every time");
    let few = read(data, Limits { max_urls: 2, ..limits });
    assert_eq!(few.entries, whole.entries[..few.entries.len()], "the first are the first");
    assert!(few.cut || few.entries == whole.entries, "what is left out is said");
    read(data, Limits { max_bytes: data.len() / 2, ..limits });
    if data.len() < 1024 {
        read(&repeated(data), limits);
    }
}

fn bounds(sitemap: &Sitemap, limits: Limits) {
    // Twenty, and what ended the reading: the bytes, the number of URLs.
    assert!(sitemap.entries.len() <= limits.max_urls && sitemap.problems.len() <= 22);
    for entry in &sitemap.entries {
        assert!((1..=8192).contains(&entry.url.len()) && entry.url.trim() == entry.url);
        assert!(entry.priority.is_none_or(|priority| (0.0..=1.0).contains(&priority)));
    }
}
