//! Whoever uses crawlite as a library can do what its command does.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::path::Path;

use crawlite::canonical::CanonicalUrl;
use crawlite::config::Config;
use crawlite::crawl::Controls;
use crawlite::crawler::Crawler;
use crawlite::engine::Finish;
use crawlite::store::{Query, QueryLimits};
use site::{Answer, Site};

/// 30 pages in a row, each linked from the one before.
fn row_of_pages() -> Site {
    Site::start(|request, _| {
        let n: u32 = request.path.trim_start_matches('/').parse().unwrap_or(0);
        let is_page = request.path == "/" || (1..30).contains(&n);
        is_page
            .then(|| Answer::html(&format!("<title>page {n}</title><a href='/{}'>next</a>", n + 1)))
    })
}

fn crawler(site: &Site, pages: Option<u64>) -> Crawler {
    let seed = CanonicalUrl::parse(&site.url("/")).unwrap();
    let mut config = Config::default();
    config.limits.pages = pages;
    config.fetch.allow_private.push(seed.host_and_port());
    Crawler::new(config, vec![seed.clone()], &[seed]).unwrap()
}

fn titles(file: &Path) -> u64 {
    let query = Query::open(file, QueryLimits::default()).unwrap();
    query.run("SELECT title FROM html_pages", |_| Ok(()), |_| Ok(())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_crawls_watches_the_numbers_and_reads_the_pages() {
    let (site, folder) = (row_of_pages(), tempfile::tempdir().unwrap());
    let file = folder.path().join("site.db");

    let (controls, numbers) = Controls::new();
    let loaded = crawler(&site, Some(10)).begin(&file).await.unwrap();
    assert_eq!(loaded.run(&controls).await.unwrap(), Finish::Pages);
    assert_eq!(titles(&file), 10);
    assert!(numbers.borrow().pages <= 10);

    let loaded = crawler(&site, None).resume(&file).await.unwrap().unwrap();
    let (controls, _numbers) = Controls::new();
    assert_eq!(loaded.run(&controls).await.unwrap(), Finish::Finished);
    assert_eq!(titles(&file), 30);
    let mut asked = site.paths();
    asked.dedup();
    assert_eq!(asked.len(), site.paths().len(), "nothing was asked for twice");
    assert!(crawler(&site, None).resume(&file).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_stops_a_crawl_and_goes_on_with_it() {
    let (site, folder) = (row_of_pages(), tempfile::tempdir().unwrap());
    let file = folder.path().join("site.db");

    let (controls, _numbers) = Controls::new();
    controls.stop.cancel();
    let loaded = crawler(&site, None).begin(&file).await.unwrap();
    assert_eq!(loaded.run(&controls).await.unwrap(), Finish::Stopped);

    let (controls, _numbers) = Controls::new();
    let loaded = crawler(&site, None).resume(&file).await.unwrap().unwrap();
    assert_eq!(loaded.run(&controls).await.unwrap(), Finish::Finished);
    assert_eq!(titles(&file), 30);
}
