//! Small documents, good and bad; then large hostile ones.

use super::{Flaw, Kind, Limits, Sitemap, parse};

fn read(document: &str) -> Sitemap {
    parse(document.as_bytes(), Limits::default())
}

fn urls(sitemap: &Sitemap) -> Vec<&str> {
    sitemap.entries.iter().map(|entry| entry.url.as_str()).collect()
}

#[test]
fn the_urls_of_a_document_are_found_and_no_others() {
    use Kind::{Feed, Index, Text, Urls};
    #[rustfmt::skip]
    let cases: [(&str, Kind, &[&str], &str); 24] = [
        // document                                                       kind   URLs          why
        ("<urlset><url><loc> a </loc></url></urlset>",                    Urls,  &["a"],       "blanks around it"),
        ("<x:urlset><x:url><x:loc>a</x:loc></x:url></x:urlset>",          Urls,  &["a"],       "any prefix"),
        ("<url><loc>a</loc></url><url><loc>b</loc></url>",                Urls,  &["a", "b"],  "no root"),
        ("<sitemapindex><sitemap><loc>a</loc></sitemap></sitemapindex>",  Index, &["a"],       "an index"),
        ("<sitemapindex><sitemap>http://a</sitemap></sitemapindex>",      Index, &["http://a"], "an index without loc"),
        ("<urlset><url><i:loc>b</i:loc><loc>a</loc></url></urlset>",      Urls,  &["a"],       "the loc of an extension"),
        ("<urlset><url><i><loc>b</loc></i><loc>a</loc></url></urlset>",   Urls,  &["a"],       "the loc of a child"),
        ("<urlset><url><x:link rel='alternate' href='b'/><loc>a</loc></url></urlset>", Urls, &["a"], "alternates"),
        ("<urlset><url><loc>?a=1&amp;b=2&#38;c<![CDATA[&d]]></loc></url></urlset>", Urls, &["?a=1&b=2&c&d"], "references"),
        ("<urlset><url><loc>?a=1&b=2&c;</loc></url></urlset>",            Urls,  &["?a=1&b=2&c;"], "& not escaped"),
        ("<urlset><url><loc>a</loc><loc>b</loc></url></urlset>",          Urls,  &["a"],       "the first of two"),
        ("<urlset><url><loc>a</loc><url><loc>b</loc></url></urlset>",     Urls,  &["a", "b"],  "a record not closed"),
        ("<urlset><url><loc>a</url><url><loc>b</lok></url></urlset>",     Urls,  &["a", "b"],  "fields not closed"),
        ("<urlset><url><loc>a</loc></url><url><loc>http://exam",          Urls,  &["a"],       "half a URL"),
        ("<sitemapindex><sitemap>http://exam",                            Index, &[],          "half a URL"),
        ("<urlset><url><loc>a</loc><lastmo",                              Urls,  &["a"],       "half a record"),
        ("<urlset><!oops><url><loc>a</loc></url></urlset>",               Urls,  &["a"],       "a syntax error"),
        ("\r\n \u{1F4A5} PHP warning\n<?xml version='1.0'?><urlset><url><loc>a</loc></url></urlset>", Urls, &["a"], "garbage in front"),
        ("<rss><channel><link>b</link><item><guid>c</guid><link>a</link></item></channel></rss>", Feed, &["a"], "items only"),
        ("<feed><entry><link rel='self' href='b'/><link href='a?x&amp;y'/></entry></feed>", Feed, &["a?x&y"], "Atom"),
        ("<feed><entry><content>b</content></entry></feed>",              Feed,  &[],          "an entry without link"),
        ("<html><a href='b'>b</a></html>",                                Urls,  &[],          "not a sitemap"),
        ("\u{FEFF}http://a\r\n\r\nHTTPS://b\n",                           Text,  &["http://a", "HTTPS://b"], "text"),
        ("Not found: http://a",                                           Text,  &[],          "text without URLs"),
    ];
    for (document, kind, expected, why) in cases {
        let sitemap = read(document);
        assert_eq!(urls(&sitemap), expected, "{why}: {document}");
        assert_eq!(sitemap.kind, kind, "{why}: {document}");
        assert!(!sitemap.cut, "{why}: {document}");
    }
}

#[test]
fn what_a_site_claims_is_kept_as_written() {
    let sitemap = read(
        "<urlset><url><loc>a</loc><lastmod> 2026-01-02 </lastmod><changefreq>daily</changefreq>\
         <priority>0.8</priority></url><url><loc>b</loc><priority>9</priority></url></urlset>",
    );
    let entry = &sitemap.entries[0];
    assert_eq!(entry.lastmod.as_deref(), Some("2026-01-02"));
    assert_eq!(entry.changefreq.as_deref(), Some("daily"));
    assert_eq!(entry.priority, Some(0.8));
    assert_eq!(sitemap.entries[1].priority, None, "out of range");
    assert_eq!(sitemap.problems, []);
}

fn said(sitemap: &Sitemap) -> Vec<String> {
    sitemap.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn problems_say_where_and_what() {
    #[rustfmt::skip]
    let cases = [
        ("<urlset>\n<url>\n</url></urlset>",                     "line 2: an entry without a URL"),
        ("<urlset><url>\n<loc>?a&b</loc></url></urlset>",        "line 2: & that should be &amp;"),
        ("<urlset><url><loc>a&b;</loc></url></urlset>",          "line 1: an unknown entity, or & that should be &amp;"),
        ("<urlset>\n",                                           "line 2: an element is not closed; is the end of the file missing?"),
        ("<html></html>",                                        "line 1: neither <urlset>, <sitemapindex>, <rss> nor <feed>"),
        ("http://a\n# comment",                                  "line 2: not a URL"),
    ];
    for (document, expected) in cases {
        assert_eq!(said(&read(document)), [expected], "{document}");
    }
    assert_eq!(read(&"x\n".repeat(100)).problems.len(), 20);
    let latin = parse(b"<urlset><url><loc>caf\xE9</loc></url></urlset>", Limits::default());
    assert_eq!(said(&latin), ["line 1: neither UTF-8 nor UTF-16"]);
    assert_eq!(latin.problems[0].byte, None, "places have moved");
    let marked = read("\u{FEFF}<urlset>\n<url></url></urlset>");
    assert_eq!((marked.problems[0].line, marked.problems[0].byte), (Some(2), Some(12)));
    let entry = &read("<urlset>\n\n<url><loc>a</loc></url></urlset>").entries[0];
    assert_eq!(entry.line, 3);
}

#[test]
fn utf_16_is_read_with_or_without_its_mark() {
    let document = "<urlset><url><loc>http://a/ツ</loc></url></urlset>";
    for mark in ["\u{FEFF}", ""] {
        let units: Vec<u16> = mark.encode_utf16().chain(document.encode_utf16()).collect();
        for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let bytes: Vec<u8> = units.iter().flat_map(|&unit| to_bytes(unit)).collect();
            assert_eq!(urls(&parse(&bytes, Limits::default())), ["http://a/ツ"]);
        }
    }
}

#[test]
fn limits_cut_between_urls() {
    let two = Limits { max_urls: 2, ..Limits::default() };
    let record = "<url><loc>a</loc></url>";
    assert!(!parse(record.repeat(2).as_bytes(), two).cut, "as many as allowed");
    let sitemap = parse(record.repeat(3).as_bytes(), two);
    assert!(sitemap.cut && sitemap.entries.len() == 2);
    assert_eq!(said(&sitemap), ["line 1: more than 2 URLs; the rest is not read"]);

    let short = Limits { max_bytes: 12, ..Limits::default() };
    let sitemap = parse(b"http://a\nhttp://b", short);
    assert_eq!(urls(&sitemap), ["http://a"], "not half of the second");
    assert!(sitemap.cut && sitemap.problems[0].flaw == Flaw::TooLarge);
    let broken = read(&"<urlset><!oops>".repeat(60));
    assert!(broken.cut && broken.problems.len() == 21, "{:?}", broken.problems);
    assert_eq!(broken.problems[20].what, "more than 20 errors; the rest is not read");
}

#[test]
fn hostile_documents_cost_little_and_yield_nothing() {
    let entities = (1..30).map(|n| format!("<!ENTITY e{n} '&e{0};&e{0};'>", n - 1));
    let entities = entities.collect::<Vec<_>>().concat();
    #[rustfmt::skip]
    let cases = [
        ("unclosed tags",    format!("<urlset><url>{}", "<a>".repeat(200_000))),
        ("one long text",    format!("<urlset><url><loc>{}</loc></url></urlset>", "x".repeat(100_000))),
        ("many attributes",  format!("<feed><entry><link {}/></entry></feed>", "a='b' ".repeat(40_000))),
        ("open quotes",      "<url a=\"<url a='".repeat(50_000)),
        ("open comments",    format!("<urlset>{}", "<!--".repeat(100_000))),
        ("open DOCTYPE",     format!("<!DOCTYPE a [{}", "<!ENTITY a '".repeat(50_000))),
        ("stray &",          format!("<urlset><url><loc>{}", "&".repeat(100_000))),
        ("end tags",         format!("<urlset>{}", "</a>".repeat(100_000))),
        ("a bomb",           format!("<!DOCTYPE a [<!ENTITY e0 'http://a'>{entities}]><urlset><url><loc>&e29;</loc>")),
    ];
    for (name, document) in cases {
        let sitemap = read(&document);
        assert!(sitemap.entries.iter().all(|entry| entry.url == "&e29;"), "{name}");
        assert!(sitemap.problems.len() <= 22, "{name}");
        assert!(sitemap.problems.iter().all(|problem| problem.what.len() < 200), "{name}");
    }
}
