//! Which URL of the file does a person mean?

use super::OnePageError;
use crate::canonical::CanonicalUrl;
use crate::store::Query;

/// URLs that are named where one is not found.
const MAX_NEAR: usize = 5;

/// The URL that `raw` means, or those that are near.
pub(super) fn find(
    query: &Query,
    raw: &str,
    seed: Option<&str>,
) -> Result<(i64, String), OnePageError> {
    let (read, no_url) = match readings(raw, seed) {
        Ok(urls) => (urls, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let near: Vec<String> = read.iter().flat_map(spellings).collect();
    // What is no URL that could be fetched may still be a row: a page had a link to it.
    let texts = read.iter().map(CanonicalUrl::as_str).chain([raw.trim()]);
    let wanted: Vec<&str> = texts.collect();
    let list = |urls: &[&str]| serde_json::to_string(urls).expect("strings are JSON");
    let near: Vec<&str> = near.iter().map(String::as_str).collect();
    // One pass over the URLs, which have no index on their text.
    let sql = "SELECT id, url, url IN (SELECT value FROM json_each(?1)) FROM url
         WHERE url IN (SELECT value FROM json_each(?1)) OR url IN (SELECT value FROM json_each(?2))
             OR lower(url) = lower(?3) OR substr(url, 1, length(?3) + 1) = ?3 || '?' LIMIT 1000";
    let found = query.all(sql, &[&list(&wanted), &list(&near), &wanted[0]], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
    })?;
    if let Some((id, url, _)) = found.iter().find(|(_, _, is_wanted)| *is_wanted) {
        return Ok((*id, url.clone()));
    }
    if let Some(why) = no_url {
        return Err(OnePageError::NoUrl(raw.to_owned(), why));
    }
    let near = found.into_iter().map(|(_, url, _)| url).take(MAX_NEAR).collect();
    Err(OnePageError::NotFound(wanted[0].to_owned(), near))
}

/// What a person may mean by `raw`, the likeliest first.
fn readings(raw: &str, seed: Option<&str>) -> Result<Vec<CanonicalUrl>, String> {
    let raw = raw.trim();
    let seed = seed.and_then(|seed| CanonicalUrl::parse(seed).ok());
    let texts = match seed {
        _ if raw.contains("://") => vec![raw.to_owned()],
        Some(seed) if raw.starts_with('/') => vec![format!("{}{raw}", seed.origin())],
        _ => vec![format!("https://{raw}"), format!("http://{raw}")],
    };
    texts.iter().map(|text| CanonicalUrl::parse(text).map_err(|why| why.to_string())).collect()
}

/// The spellings that are most easily mistaken for a URL: another scheme, with or
/// without www and a slash at the end.
fn spellings(url: &CanonicalUrl) -> Vec<String> {
    let host = url.host();
    let bare = host.strip_prefix("www.").unwrap_or(host);
    let (path, query) = url.path_and_query().split_at(url.path().len());
    let trimmed = path.trim_end_matches('/');
    let folder = trimmed.strip_suffix("/index.html").unwrap_or(trimmed);
    let paths =
        [trimmed, &format!("{trimmed}/"), &format!("{folder}/"), &format!("{folder}/index.html")]
            .map(ToOwned::to_owned);
    let mut spellings = Vec::new();
    for scheme in ["https", "http"] {
        for www in ["", "www."] {
            for path in &paths {
                spellings.push(format!("{scheme}://{www}{bare}{path}{query}"));
            }
        }
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_may_write_a_url_in_short() {
        let read = |raw| {
            let readings = readings(raw, Some("http://example.org:81/docs/"));
            readings.map(|urls| urls.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        #[rustfmt::skip]
        let cases: &[(&str, &[&str])] = &[
            ("HTTP://Example.ORG/a b#c",  &["http://example.org/a%20b"]),
            ("/x?y",                      &["http://example.org:81/x?y"]),
            ("example.org/x",             &["https://example.org/x", "http://example.org/x"]),
        ];
        for (raw, expected) in cases {
            assert_eq!(read(raw).unwrap(), *expected, "{raw}");
        }
        assert!(read("mailto://x").is_err() && read("https://").is_err());
    }

    #[test]
    fn near_spellings_differ_in_scheme_www_and_slash() {
        let near = spellings(&CanonicalUrl::parse("https://www.a.org/x/?q").unwrap());
        for expected in
            ["http://a.org/x/?q", "https://a.org/x?q", "https://www.a.org/x/index.html?q"]
        {
            assert!(near.iter().any(|url| url == expected), "{expected} in {near:?}");
        }
    }
}
