//! In the published sitemaps of crawler-commons everything is found, and nothing else.

mod cases;

use std::io::Read;

use cases::{base64, load, say};
use crawlite::sitemap::{Kind, Limits, parse};
use flate2::read::MultiGzDecoder;

/// What a reader of sitemaps.org finds in each document, counted by hand.
#[rustfmt::skip]
const EXPECTED: [(&str, Kind, usize, usize, usize, &str); 20] = [
    // document                                 kind     entries dated problems  one of the URLs
    ("cc-rss/feed.rss",                         Kind::Feed,   3,  1, 1, "https://www.example.com/foo?q=a&l=fr"),
    ("cc-rss/xmlRss_pubDate.xml",               Kind::Feed,   7,  5, 0, "http://www.example.com/article_7"),
    ("cc-sitemaps/atom.xml",                    Kind::Feed,   1,  1, 0, "http://example.org/2003/12/13/atom03"),
    ("cc-sitemaps/do-not-visit.txt",            Kind::Text,   1,  0, 0, "http://www.example.com/do-not-visit-here"),
    ("cc-sitemaps/extension/hebdenbridgetimes-articles-sitemap.xml",
                                                Kind::Urls,  74, 74, 0, "http://www.hebdenbridgetimes.co.uk/news/local/now-you-see-it-now-you-don-t-it-s-off-the-wall-1-7229940"),
    ("cc-sitemaps/extension/pagemaps-sitemap.xml",
                                                Kind::Urls,   2,  0, 0, "http://www.example.com/bar"),
    ("cc-sitemaps/extension/shinpaideshou-news-sitemap.xml",
                                                Kind::Urls,   3,  0, 0, "https://shinpaideshou.wordpress.com/2017/04/25/job-opening-reischauer-policy-research-fellow/"),
    ("cc-sitemaps/extension/sitemap-images.xml", Kind::Urls,  1,  0, 0, "http://www.example.com/images/some_image_landing_page.html"),
    ("cc-sitemaps/extension/sitemap-links.xml", Kind::Urls,   3,  0, 0, "http://www.example.com/schweiz-deutsch/"),
    ("cc-sitemaps/extension/sitemap-mobile.xml", Kind::Urls,  3,  0, 0, "http://www.example.com/no-mobile/"),
    ("cc-sitemaps/extension/sitemap-news.xml",  Kind::Urls,   2,  0, 0, "http://www.example.org/empty_news_name.html"),
    ("cc-sitemaps/extension/sitemap-videos-tvshow.xml",
                                                Kind::Urls,   1,  0, 0, "https://example.org/my-tv-show/23/13/"),
    ("cc-sitemaps/extension/sitemap-videos.xml", Kind::Urls,  3,  0, 0, "http://www.example.com/videos/some_video_landing_page-3.html"),
    ("cc-sitemaps/sitemap-with-bom.txt",        Kind::Text,   2,  0, 0, "http://www.domain.com/page1.html"),
    ("cc-sitemaps/sitemap.badns.xml",           Kind::Urls,   2,  0, 0, "http://www.example.com/2"),
    ("cc-sitemaps/sitemap.index.xml",           Kind::Index, 15,  0, 0, "https://example.com/sitemap.jss?portalCode=2&lang=en"),
    ("cc-sitemaps/sitemap.ns.xml",              Kind::Urls,   2,  0, 0, "http://www.example.com/1"),
    ("cc-sitemaps/sitemap.txt",                 Kind::Text,   2,  0, 0, "http://www.domain.com/page2.html"),
    ("cc-sitemaps/sitemap.txt.gz",              Kind::Text,   5,  0, 0, "http://www.example.com/catalog?item=12&desc=vacation_hawaii"),
    ("cc-sitemaps/xmlSitemap.gz",               Kind::Urls,   5,  4, 0, "http://www.example.com/catalog?item=83&desc=vacation_usa"),
];

/// As the crawler hands it over: unzipped.
fn document(encoded: &str) -> Vec<u8> {
    let mut bytes = base64(encoded);
    if bytes.starts_with(&[0x1F, 0x8B]) {
        let mut unzipped = Vec::new();
        MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut unzipped).expect("gzip");
        bytes = unzipped;
    }
    bytes
}

#[test]
fn published_sitemaps_are_read_in_full() {
    let (mut passed, mut failures) = (0, Vec::new());
    for case in load("sitemaps-crawler-commons.json") {
        let id = case["id"].as_str().expect("id");
        let row = EXPECTED.iter().find(|row| row.0 == id).expect(id);
        let (_, kind, entries, dated, problems, url) = *row;
        let sitemap = parse(&document(case["file_b64"].as_str().expect(id)), Limits::default());
        let found = &sitemap.entries;
        if sitemap.kind == kind
            && found.len() == entries
            && found.iter().filter(|entry| entry.lastmod.is_some()).count() == dated
            && found.iter().any(|entry| entry.url == url)
            && sitemap.problems.len() == problems
        {
            passed += 1;
        } else {
            failures.push(format!("{id}: {sitemap:#?}"));
        }
    }
    say(&format!("sitemaps: {passed} passed, {} failed", failures.len()));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
