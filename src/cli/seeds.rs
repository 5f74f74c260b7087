//! Where does the crawl start, and what is its file called?

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::Usage;
use crate::canonical::CanonicalUrl;
use crate::config::FetchConfig;
use crate::fetch::{is_global, is_inside};

/// Seeds that are read from a file at most.
const MAX_SEEDS: usize = 1_000_000;
/// Bytes of a seed file at most.
const MAX_SEED_BYTES: u64 = 256 << 20;
/// Seeds that are named at the start.
const MAX_SAID: usize = 3;

/// The seeds of a crawl.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    /// All of them, each once.
    pub(super) urls: Vec<CanonicalUrl>,
    /// Those typed on the command line whose hosts may be private, as they are now.
    pub(super) typed: Vec<CanonicalUrl>,
}

impl Seeds {
    /// Reads the seeds typed, those of `file` (`-` is stdin) and those of the settings.
    pub(super) async fn read(
        typed: &[String],
        file: Option<&Path>,
        configured: &[String],
        fetch: &FetchConfig,
    ) -> Result<Self, Usage> {
        let mut seeds = Self::default();
        for text in typed {
            let url = parse(text, true).await.map_err(Usage)?;
            // A proxy looks names up itself, and may reach what we cannot.
            if fetch.proxy.is_some() || is_inside(&url).await {
                seeds.typed.push(url.clone());
            }
            seeds.urls.push(url);
        }
        for text in configured {
            seeds.urls.push(parse(text, false).await.map_err(Usage)?);
        }
        if let Some(file) = file {
            for line in lines(file).map_err(Usage)? {
                seeds.urls.push(
                    parse(&line, false)
                        .await
                        .with_context(|| format!("in {}", file.display()))
                        .map_err(Usage)?,
                );
            }
        }
        let mut met = std::collections::HashSet::new();
        seeds.urls.retain(|url| met.insert(url.clone()));
        if seeds.urls.is_empty() {
            return Err(Usage(anyhow::anyhow!(
                "nothing to crawl: give a URL, such as crawlite https://example.org"
            )));
        }
        Ok(seeds)
    }

    /// Those that were typed without a scheme, as they are asked for.
    pub(super) fn completed(&self, typed: &[String]) -> Vec<String> {
        let pairs = typed.iter().zip(&self.typed);
        let completed = pairs.filter(|(text, _)| !text.contains("://"));
        completed.map(|(_, url)| url.to_string()).take(MAX_SAID).collect()
    }

    /// The seeds of a file's crawl. Those that were typed are allowed in its settings by
    /// [`Seeds::allow_typed`]; the others came from a list, which is not trusted as far.
    pub(super) fn of_crawl(seeds: &[String], allowed: &[&str]) -> Self {
        let urls: Vec<_> = seeds.iter().filter_map(|seed| CanonicalUrl::parse(seed).ok()).collect();
        let is_typed = |url: &&CanonicalUrl| allowed.contains(&&*url.host_and_port());
        Self { typed: urls.iter().filter(is_typed).cloned().collect(), urls }
    }

    /// Lets the hosts of the typed seeds be private, for this run and, as the settings
    /// are kept, for every resume.
    pub(super) fn allow_typed(&self, config: &mut FetchConfig) {
        for url in &self.typed {
            let address = url.host_name().trim_matches(['[', ']']).parse();
            let host = url.host_and_port();
            if !address.is_ok_and(is_global) && !config.allow_private.contains(&host) {
                config.allow_private.push(host);
            }
        }
    }
}

/// Characters of a host in the name of a file; file systems take 255, and SQLite adds some.
const MAX_NAME: usize = 200;

/// The name of the file for a crawl of `seed`: only harmless characters.
pub(super) fn default_file(seed: &CanonicalUrl) -> PathBuf {
    let name: String = seed
        .host()
        .chars()
        .take(MAX_NAME)
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' })
        .collect();
    PathBuf::from(format!("{}.db", name.trim_matches(['-', '.'])))
}

/// A seed as a person types it: without a scheme it is https, or http if nobody
/// answers there. Only if it `is_typed` are private addresses tried out.
async fn parse(text: &str, is_typed: bool) -> anyhow::Result<CanonicalUrl> {
    let text = text.trim();
    if text.contains("://") {
        return CanonicalUrl::parse(text)
            .with_context(|| format!("`{text}` is no URL that can be crawled"));
    }
    let looks_like_host = text.contains('.') || text.contains(':') || text.starts_with("localhost");
    ensure!(
        looks_like_host && !text.starts_with('-'),
        "`{text}` is no URL: give one such as https://example.org"
    );
    if let Some((scheme, _)) = text.split_once(':')
        && ["mailto", "javascript", "data", "file", "ftp"].contains(&scheme)
    {
        bail!("`{text}` is no URL that can be crawled: only http and https are");
    }
    let https = CanonicalUrl::parse(&format!("https://{text}"))
        .with_context(|| format!("`{text}` is no URL"))?;
    let http = CanonicalUrl::parse(&format!("http://{text}"))
        .with_context(|| format!("`{text}` is no URL"))?;
    let has_port = https.host().len() > https.host_name().len();
    if has_port { Ok(http) } else { Ok(if answers(&https, is_typed).await { https } else { http }) }
}

async fn answers(url: &CanonicalUrl, is_typed: bool) -> bool {
    let host = url.host_name().trim_matches(['[', ']']).to_owned();
    let connect = async {
        let found = tokio::net::lookup_host((host, 443)).await?;
        let admitted: Vec<_> =
            found.filter(|address| is_typed || is_global(address.ip())).collect();
        tokio::net::TcpStream::connect(&*admitted).await
    };
    let answer = tokio::time::timeout(Duration::from_secs(5), connect).await;
    answer.is_ok_and(|connected| connected.is_ok())
}

/// The lines of a seed file, less blank ones and comments.
fn lines(file: &Path) -> anyhow::Result<Vec<String>> {
    let name = file.display();
    let reader: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(file).with_context(|| format!("cannot read {name}"))?)
    };
    let mut lines = Vec::new();
    for line in std::io::BufReader::new(reader.take(MAX_SEED_BYTES)).lines() {
        let line = line.with_context(|| format!("cannot read {name}"))?;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        ensure!(lines.len() < MAX_SEEDS, "{name} has more than {MAX_SEEDS} URLs");
        lines.push(line.to_owned());
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_named_after_the_host() {
        #[rustfmt::skip]
        let cases = [
            ("https://www.Example.org/x", "www.example.org.db"), ("http://127.0.0.1:8080/", "127.0.0.1-8080.db"),
            ("http://[::1]:80/",          "1.db"),
        ];
        for (url, expected) in cases {
            assert_eq!(default_file(&CanonicalUrl::parse(url).unwrap()), Path::new(expected));
        }
    }

    #[tokio::test]
    async fn what_is_no_url_is_named() {
        for text in ["nonsense", "mailto:a@b.c", "http://", "ftp://a/", "--depht"] {
            let message = format!("{:#}", parse(text, true).await.unwrap_err());
            assert!(message.contains(&format!("`{text}`")), "{message}");
        }
        assert_eq!(parse("127.0.0.1:9/x", true).await.unwrap().as_str(), "http://127.0.0.1:9/x");
    }
}
