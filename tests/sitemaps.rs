//! What a site lists in its sitemaps is found, in every format, and so is what they say of it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::bombs::gzip_of;
use site::{Answer, Desk, Site};

const NAMESPACE: &str = "xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'";

fn file(name: &str, here: &str) -> Option<Answer> {
    let xml = |text: String| Answer::new(200, "application/xml", text.as_bytes());
    Some(match name {
        "index.xml" => xml(format!(
            "<?xml version='1.0'?><sitemapindex {NAMESPACE}><sitemap><loc>{here}/maps/part.xml</loc>\
             <lastmod>2026-01-02</lastmod></sitemap><sitemap><loc>packed.xml.gz</loc></sitemap></sitemapindex>"
        )),
        "part.xml" => xml(format!(
            "<urlset {NAMESPACE} xmlns:image='http://www.google.com/schemas/sitemap-image/1.1'>\
             <url><loc> {here}/p/part?a=1&amp;b=2 </loc><lastmod>2026-01-02T03:04:05Z</lastmod>\
             <changefreq>weekly</changefreq><priority>0.5</priority>\
             <image:image><image:loc>{here}/p/no-page.png</image:loc></image:image></url></urlset>"
        )),
        // Servers give a .gz as what it is, or as what is in it.
        "packed.xml.gz" => Answer::new(
            200,
            "application/gzip",
            &gzip_of(format!("<urlset><url><loc>{here}/p/packed</loc></url></urlset>").as_bytes()),
        ),
        "packed.txt.gz" => {
            Answer::new(200, "text/plain", &gzip_of(format!("{here}/p/packed-text\n").as_bytes()))
                .with("Content-Encoding", "gzip")
        }
        "list.txt" => Answer::new(
            200,
            "text/plain",
            format!("\u{feff}{here}/p/text-1\r\n\r\n{here}/p/text-2\n").as_bytes(),
        ),
        "rss.xml" => xml(format!(
            "<rss version='2.0'><channel><link>{here}/p/no-item</link><item><title>x</title>\
             <link>{here}/p/rss</link><pubDate>Fri, 02 Jan 2026 03:04:05 GMT</pubDate></item></channel></rss>"
        )),
        "rdf.xml" => xml(format!(
            "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'>\
             <item rdf:about='x'><link>{here}/p/rdf</link></item></rdf:RDF>"
        )),
        "atom.xml" => xml(format!(
            "<feed xmlns='http://www.w3.org/2005/Atom'><link href='{here}/p/no-entry'/><entry>\
             <link rel='self' href='{here}/p/no-alternate'/><link href='{here}/p/atom'/>\
             <updated>2026-01-02T03:04:05Z</updated></entry></feed>"
        )),
        "prefix.xml" => xml(format!(
            "<s:urlset xmlns:s='http://www.sitemaps.org/schemas/sitemap/0.9'><s:url><s:loc>{here}/p/prefix</s:loc></s:url></s:urlset>"
        )),
        "no-namespace.xml" => {
            xml(format!("<urlset><url><loc><![CDATA[{here}/p/bare]]></loc></url></urlset>"))
        }
        "broken.xml" => xml(format!(
            "<urlset><url><loc>{here}/p/before</loc></url>\n<!oops>\n<url><loc>{here}/p/un&closed</loc>\n\
             <url><loc>{here}/p/after</loc></url></urlset>"
        )),
        "hosts.xml" => xml(format!(
            "<urlset><url><loc>http://elsewhere.invalid/p/x</loc></url><url><loc>{here}/p/own</loc></url></urlset>"
        )),
        "typed-as-html.xml" => Answer::html(&format!(
            "<?xml version='1.0'?><urlset><url><loc>{here}/p/as-html</loc></url></urlset>"
        )),
        _ => return None,
    })
}

const NAMED: [&str; 10] = [
    "index.xml",
    "packed.txt.gz",
    "list.txt",
    "rss.xml",
    "rdf.xml",
    "atom.xml",
    "prefix.xml",
    "no-namespace.xml",
    "broken.xml",
    "hosts.xml",
];

fn site() -> Site {
    Site::start(|request, _| {
        let here = format!("http://{}", request.headers["host"]);
        match &*request.path {
            "/robots.txt" => {
                let lines = NAMED.map(|name| format!("Sitemap: {here}/maps/{name}\n")).concat();
                // Whatever group they stand in, and however they are written.
                let text = format!(
                    "User-agent: otherbot\nDisallow: /\n{lines}SITEMAP : /maps/typed-as-html.xml # ours\n"
                );
                Some(Answer::new(200, "text/plain", text.as_bytes()))
            }
            "/" => Some(Answer::html("<a href=/p/own>o</a><a href=/p/only-linked>l</a>")),
            "/sitemap.xml" => Some(Answer::new(
                200,
                "application/xml",
                b"<urlset><url><loc>/p/usual</loc></url></urlset>",
            )),
            path if path.starts_with("/p/") => Some(Answer::html("<p>x")),
            path => file(path.strip_prefix("/maps/")?, &here),
        }
    })
}

#[test]
fn every_format_is_read_and_every_page_in_it_found() {
    let (site, desk) = (site(), Desk::new());
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-traps"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut paths = site.paths();
    paths.retain(|path| path.starts_with("/p/"));
    #[rustfmt::skip]
    assert_eq!(paths, [
        "/p/after", "/p/as-html", "/p/atom", "/p/bare", "/p/before", "/p/only-linked", "/p/own", "/p/packed",
        "/p/packed-text", "/p/part?a=1&b=2", "/p/prefix", "/p/rdf", "/p/rss", "/p/text-1", "/p/text-2",
        "/p/un&closed", "/p/usual",
    ]);

    let said = format!(
        "SELECT replace(url, '{0}', ''), replace(sitemap, '{0}', ''), lastmod, changefreq, priority, state
         FROM sitemap_urls WHERE lastmod IS NOT NULL ORDER BY 1",
        site.url("")
    );
    assert_eq!(
        desk.rows("x.db", &said),
        [
            "/maps/part.xml|/maps/index.xml|2026-01-02|||done",
            "/p/atom|/maps/atom.xml|2026-01-02T03:04:05Z|||done",
            "/p/part?a=1&b=2|/maps/part.xml|2026-01-02T03:04:05Z|weekly|0.5|done",
            "/p/rss|/maps/rss.xml|Fri, 02 Jan 2026 03:04:05 GMT|||done",
        ]
    );
    let orphans = desk.rows("x.db", "SELECT count(*), count(DISTINCT url) FROM orphans");
    assert_eq!(orphans, ["15|15"], "all but what is linked");
    let linked = format!(
        "SELECT count(*) FROM orphans WHERE url IN ('{0}/p/own', '{0}/p/only-linked')",
        site.url("")
    );
    assert_eq!(desk.rows("x.db", &linked), ["0"]);
    let elsewhere = "SELECT state, reason FROM sitemap_urls WHERE url LIKE 'http://elsewhere%'";
    assert_eq!(desk.rows("x.db", elsewhere), ["aside|external"], "a sitemap widens no scope");
    let problems = format!(
        "SELECT replace(sitemap, '{}', ''), problem, line, detail FROM sitemap_problems ORDER BY 1, line",
        site.url("")
    );
    assert_eq!(
        desk.rows("x.db", &problems),
        [
            "/maps/broken.xml|syntax|2|syntax error: unknown or missed symbol in markup",
            "/maps/broken.xml|syntax|3|& that should be &amp;",
            "/maps/broken.xml|syntax|4|an element is not closed; is the end of the file missing?",
            "/maps/hosts.xml|other-host|1|1 of 2 URLs are on another host, the first is http://elsewhere.invalid/p/x",
        ],
    );
}
