//! What is exported is what the site served, whole, in the format that was asked for, and nowhere else.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use site::{Answer, Desk, Site};
use tokio_rusqlite::rusqlite::Connection;

const DATE: &str = "Wed, 07 Oct 2026 12:35:07 GMT";

/// A small site: pages, a redirect, a page that is gone, one that is not to be indexed.
fn site() -> Site {
    Site::of(&[
        (
            "/",
            Answer::html(
                "<title>Home</title><main><h1>Home</h1><p>Welcome <b>all</b>.</p>\
                 <a href=/docs/>Docs</a> <a href=/old>Old</a> <a href=/gone>Gone</a> <a href=/hidden>H</a></main>",
            )
            .with("Last-Modified", DATE),
        ),
        ("/docs/", Answer::html("<title>=Docs \"1\", é</title><p>Read <a href=/>home</a>, <a href=/docs/>self</a>.")),
        ("/old", Answer::redirect(301, "/docs/")),
        ("/hidden", Answer::html("<meta name=robots content=noindex><title>Hidden</title>hidden words")),
    ])
}

fn crawled(site: &Site) -> Desk {
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "s.db", "-q"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    desk
}

/// Runs an export and gives what it says.
fn export(desk: &Desk, args: &[&str]) -> String {
    let ran = desk.run(&[&["export", "s.db"], args].concat());
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
    ran.err
}

fn read(desk: &Desk, name: &str) -> String {
    String::from_utf8(std::fs::read(desk.path(name)).unwrap()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn rows_are_those_of_the_view_or_query() {
    let site = site();
    let desk = crawled(&site);

    let said =
        export(&desk, &["csv", "--query", "SELECT url, status, title FROM pages ORDER BY url"]);
    let host = site.url("");
    assert_eq!(
        read(&desk, "s-query.csv"),
        format!(
            "url,status,title\n{host}/,200,Home\n{host}/docs/,200,\"'=Docs \"\"1\"\", é\"\n{host}/gone,404,\n\
             {host}/hidden,200,Hidden\n{host}/old,301,\n"
        )
    );
    assert!(said.contains("s-query.csv: 5 rows"), "{said}");

    export(
        &desk,
        &["jsonl", "--view", "html_pages", "--with", "html,text,markdown", "-o", "p.jsonl"],
    );
    let pages: BTreeMap<String, serde_json::Value> = read(&desk, "p.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|page| (page["url"].as_str().unwrap().to_owned(), page))
        .collect();
    let home = &pages[&site.url("/")];
    assert_eq!(pages.len(), 3);
    assert!(home["html"].as_str().unwrap().starts_with("<title>Home"));
    assert!(home["text"].as_str().unwrap().starts_with("Home\n\nWelcome all.\n"));
    assert!(home["markdown"].as_str().unwrap().starts_with("# Home\n\nWelcome **all**.\n"));
    assert!(home["markdown"].as_str().unwrap().contains(&format!("[Docs]({host}/docs/)")));
    assert!(home.get("page_id").is_none(), "private columns stay private");

    for view in ["pages", "html_pages", "links", "skipped", "hosts", "redirect_chains"] {
        let out = desk.run(&["export", "s.db", "jsonl", "--view", view, "-o", "-", "-q"]);
        let count = &desk.rows("s.db", &format!("SELECT count(*) FROM {view}"))[0];
        assert_eq!(out.out.lines().count().to_string(), *count, "{view}: {}", out.err);
    }
}

#[test]
fn nothing_is_replaced_unasked_and_nothing_half_done_is_left() {
    let site = site();
    let desk = crawled(&site);
    std::fs::write(desk.path("mine.csv"), "precious").unwrap();
    std::fs::create_dir(desk.path("folder")).unwrap();
    std::fs::write(desk.path("folder/mine"), "precious").unwrap();
    let before = names(desk.folder.path());

    #[rustfmt::skip]
    let cases: &[(&[&str], &str)] = &[
        (&["csv", "-o", "mine.csv"],                                 "mine.csv exists"),
        (&["csv", "-o", "s.db", "--force"],                          "s.db is the crawl itself"),
        (&["csv", "-o", "folder"],                                   "folder is no plain file"),
        (&["csv", "-o", "folder", "--force"],                        "folder is no plain file"),
        (&["markdown", "-o", "folder", "--force"],                   "was not made by crawlite export"),
        (&["markdown", "-o", "mine.csv", "--force"],                 "was not made by crawlite export"),
        (&["markdown", "-o", "-"],                                   "jsonl --with markdown"),
        (&["csv", "--view", "page"],                                 "did you mean `pages`?"),
        (&["csv", "--view", "state"],                                "there is no view `state`. `crawlite schema"),
        (&["csv", "--with", "html"],                                 "`--with` means nothing for csv"),
        (&["warc", "--view", "pages"],                               "`--view` means nothing for warc"),
        (&["parquet", "--gz"],                                       "`--gz` means nothing for parquet"),
        (&["jsonl", "--view", "links", "--with", "html"],            "`links` has no bodies"),
        (&["jsonl", "--query", "SELECT 1", "--with", "html"],        "go with --view"),
        (&["csv", "--view", "hosts", "--since", "1"],                "crawl 1 is no earlier crawl"),
        (&["csv", "--since", "7"],                                   "it shows crawl 1, its first"),
        (&["sitemap", "--origin", "https://a.invalid"],              "no page of https://a.invalid"),
        (&["nonsense"],                                              "possible values: csv, jsonl"),
    ];
    for (args, expected) in cases {
        let ran = desk.run(&[&["export", "s.db"], *args].concat());
        assert_eq!(ran.code, Some(3), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{args:?}: {}", ran.err);
    }
    #[rustfmt::skip]
    let failures: &[(&[&str], &str)] = &[
        (&["csv", "--query", "DELETE FROM page", "-o", "d.csv"],     "only SELECT is allowed"),
        (&["csv", "--query", "SELECT nonsense", "-o", "d.csv"],      "no such column: nonsense"),
        (&["csv", "-o", "no/such/folder/x.csv"],                     "cannot write beside no/such/folder/x.csv"),
    ];
    for (args, expected) in failures {
        let ran = desk.run(&[&["export", "s.db"], *args].concat());
        assert_eq!(ran.code, Some(1), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{args:?}: {}", ran.err);
        assert_eq!(ran.err.trim().lines().count(), 1, "{args:?}: {}", ran.err);
    }
    assert_eq!(names(desk.folder.path()), before);
    assert_eq!(read(&desk, "mine.csv"), "precious");

    export(&desk, &["csv", "-o", "mine.csv", "--force"]);
    assert!(read(&desk, "mine.csv").starts_with("url,status"));
    assert_eq!(desk.run(&["export", "missing.db", "csv"]).code, Some(3));
}

#[test]
fn a_sitemap_lists_what_search_engines_may_show() {
    let site = site();
    let desk = crawled(&site);
    export(&desk, &["sitemap"]);
    let xml = read(&desk, "sitemap.xml");
    let expected = format!(
        "<url><loc>{}</loc><lastmod>2026-10-07T12:35:07Z</lastmod></url>\n<url><loc>{}</loc></url>\n</urlset>\n",
        site.url("/"),
        site.url("/docs/"),
    );
    assert!(xml.ends_with(&expected), "{xml}");
    export(&desk, &["sitemap", "--gz"]);
    let packed = std::fs::File::open(desk.path("sitemap.xml.gz")).unwrap();
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, xml);
}

#[test]
fn a_large_sitemap_is_split_and_its_index_names_the_parts() {
    let site = site();
    let desk = crawled(&site);
    let db = Connection::open(desk.path("s.db")).unwrap();
    // 60 000 copies of the home page.
    db.execute_batch(
        "CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
             SELECT i + 1000 AS id FROM n;
         INSERT INTO url SELECT id, zeroblob(12), (SELECT url FROM url WHERE id = 1) || id FROM n;
         INSERT INTO fetch (id, crawl_id, url_id, started_at, elapsed_ms, status, wire_bytes, is_cut, page_id)
             SELECT n.id, 1, n.id, 0, 0, 200, 0, 0, f.page_id FROM n JOIN fetch f ON f.url_id = 1;
         INSERT INTO state (crawl_id, url_id, state, kind, depth, hops, origin_id, fetch_id)
             SELECT 1, n.id, 'done', 'page', 1, 0, s.origin_id, n.id FROM n JOIN state s ON s.url_id = 1;",
    )
    .unwrap();
    db.close().unwrap();

    let said = export(&desk, &["sitemap", "-o", "map.xml"]);
    assert!(said.contains("60 002 URLs in 2 files and an index"), "{said}");
    let index = read(&desk, "map.xml");
    for part in ["map-1.xml", "map-2.xml"] {
        assert!(index.contains(&format!("<loc>{}/{part}</loc>", site.url(""))), "{index}");
    }
    let count = |name: &str| read(&desk, name).matches("<url>").count();
    assert_eq!((count("map-1.xml"), count("map-2.xml")), (50_000, 10_002));

    let again = desk.run(&["export", "s.db", "sitemap", "-o", "-"]);
    assert_eq!((again.code, again.out.len()), (Some(3), 0), "{}", again.err);
    export(&desk, &["sitemap", "-o", "map.xml", "--force"]);
    let hidden = names(desk.folder.path()).into_iter().filter(|name| name.starts_with('.'));
    assert_eq!(hidden.count(), 0);
}

#[test]
fn a_folder_of_markdown_holds_every_page_and_nothing_lies_outside() {
    let paths = [
        "/a/b.html",
        "/a/B.html",
        "/a/b",
        "/a/",
        "/a",
        "/a.md/x",
        "/%2e%2e%2f%2e%2e%2fetc",
        "/..%5c..%5cx",
        "/.hidden",
        "/CON",
        "/q?x=/../..",
        "/%00%0a",
        "/long/long/long",
    ];
    let links: String = paths.iter().map(|path| format!("<a href='{path}'>l</a>")).collect();
    let site = Site::start(move |request, _| {
        let body = format!("<title>{}</title><p>text of the page {links}", request.path);
        Some(Answer::html(&body))
    });
    let desk = crawled(&site);
    export(&desk, &["markdown", "-o", "pages"]);

    assert_eq!(names(desk.folder.path()), ["pages", "s.db"]);
    let index = read(&desk, "pages/crawlite-index.jsonl");
    let pages: Vec<serde_json::Value> =
        index.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(pages.len() > paths.len(), "{index}");
    let root = desk.path("pages").canonicalize().unwrap();
    let mut files = std::collections::HashSet::new();
    for page in &pages {
        let file = page["file"].as_str().unwrap();
        let path = root.join(file).canonicalize().unwrap();
        assert!(path.starts_with(&root), "{file}");
        assert!(files.insert(path.clone()), "{file} is that of two pages");
        let text = std::fs::read_to_string(path).unwrap();
        let url = page["url"].as_str().unwrap();
        assert!(text.starts_with(&format!("---\nurl: \"{url}\"\ntitle: ")), "{text}");
        assert!(
            text.contains("\nfetched_at: 20") && text.contains("\n---\n\ntext of the page"),
            "{text}"
        );
    }

    let again = desk.run(&["export", "s.db", "markdown", "-o", "pages"]);
    assert!(again.err.contains("pages exists"), "{}", again.err);
    std::fs::write(desk.path("pages/stale.md"), "old").unwrap();
    export(&desk, &["markdown", "-o", "pages", "--force"]);
    assert!(!desk.path("pages/stale.md").exists());
    assert_eq!(names(desk.folder.path()), ["pages", "s.db"]);
}

/// The records of an archive: headers and block.
fn records(mut archive: &[u8]) -> Vec<(BTreeMap<String, String>, Vec<u8>)> {
    let mut records = Vec::new();
    while !archive.is_empty() {
        let end = archive.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&archive[..end]).unwrap();
        let mut lines = head.split("\r\n");
        assert_eq!(lines.next(), Some("WARC/1.1"));
        let fields: BTreeMap<String, String> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let length: usize = fields["Content-Length"].parse().unwrap();
        let block = archive[end + 4..end + 4 + length].to_vec();
        assert_eq!(&archive[end + 4 + length..end + 8 + length], b"\r\n\r\n");
        archive = &archive[end + 8 + length..];
        records.push((fields, block));
    }
    records
}

fn sha1(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    let mut bits =
        digest.as_ref().iter().fold(String::new(), |all, byte| all + &format!("{byte:08b}"));
    let mut text = String::from("sha1:");
    while !bits.is_empty() {
        let rest = bits.split_off(5);
        let digit = usize::from_str_radix(&bits, 2).unwrap();
        text.push(char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[digit]));
        bits = rest;
    }
    text
}

#[test]
fn a_web_archive_holds_what_the_server_sent() {
    let page = b"<title>Packed</title>packed words".repeat(50);
    let packed = site::bombs::gzip_of(&page);
    let plain = "<title>Plain</title><a href=/packed>p</a><a href=/gone>g</a>";
    let site = Site::of(&[
        ("/", Answer::html(plain).with("Set-Cookie", "sid=hunter2")),
        ("/packed", Answer::new(200, "text/html", &packed).with("Content-Encoding", "gzip")),
    ]);
    let desk = crawled(&site);
    let said = export(&desk, &["warc"]);
    assert!(said.contains("2 answers,") && said.contains("1 answer is not in it"), "{said}");

    let archive = std::fs::read(desk.path("s.warc")).unwrap();
    let records = records(&archive);
    let types: Vec<_> = records.iter().map(|(fields, _)| &*fields["WARC-Type"]).collect();
    assert_eq!(types, ["warcinfo", "response", "request", "response", "request"]);
    let ids: std::collections::HashSet<_> =
        records.iter().map(|(fields, _)| &fields["WARC-Record-ID"]).collect();
    assert_eq!(ids.len(), records.len());
    for (fields, block) in &records {
        assert_eq!(fields["WARC-Block-Digest"], sha1(block));
    }
    let about = String::from_utf8_lossy(&records[0].1).into_owned();
    assert!(
        about.contains("robots: obey") && about.contains("X-Crawler-Content-Encoding"),
        "{about}"
    );
    for (at, path, body) in [(1, "/", plain.as_bytes()), (3, "/packed", &*page)] {
        let (fields, block) = &records[at];
        assert_eq!(fields["WARC-Target-URI"], site.url(path));
        assert_eq!(fields["WARC-IP-Address"], "127.0.0.1");
        assert_eq!(fields["WARC-Payload-Digest"], sha1(body));
        assert_eq!(records[at + 1].0["WARC-Concurrent-To"], fields["WARC-Record-ID"]);
        let head = &block[..block.len() - body.len()];
        assert_eq!(&block[head.len()..], body);
        let head = String::from_utf8_lossy(head);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        assert_eq!(
            head.matches(&format!("Content-Length: {}\r\n", body.len())).count(),
            1,
            "{head}"
        );
        assert!(!head.contains("\r\ncontent-encoding") && !head.contains("hunter2"), "{head}");
    }
    assert!(
        String::from_utf8_lossy(&records[3].1).contains("X-Crawler-Content-Encoding: gzip\r\n")
    );
    let request = String::from_utf8_lossy(&records[4].1).into_owned();
    let sent = site.requests().into_iter().find(|request| request.path == "/packed").unwrap();
    assert!(request.starts_with("GET /packed HTTP/1.1\r\n"), "{request}");
    for name in ["host", "user-agent", "accept", "accept-encoding"] {
        let line =
            request.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        assert_eq!(line.unwrap().split_once(": ").unwrap().1.trim(), sent.headers[name], "{name}");
    }

    export(&desk, &["warc", "--gz"]);
    let packed = std::fs::File::open(desk.path("s.warc.gz")).unwrap();
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(packed).read_to_end(&mut unpacked).unwrap();
    assert_eq!(self::records(&unpacked).len(), records.len());
}

#[test]
fn a_graph_has_the_pages_and_links_of_the_site() {
    let site = site();
    let desk = crawled(&site);
    export(&desk, &["dot"]);
    let dot = read(&desk, "s.dot");
    let id = |path: &str| {
        let url = format!("URL=\"{}\"", site.url(path));
        let line = dot.lines().find(|line| line.contains(&url)).expect(path);
        line.trim().split(' ').next().unwrap().to_owned()
    };
    let mut expected = vec![
        format!("{} -> {}", id("/"), id("/docs/")),
        format!("{} -> {}", id("/"), id("/old")),
        format!("{} -> {}", id("/"), id("/gone")),
        format!("{} -> {}", id("/"), id("/hidden")),
        format!("{} -> {}", id("/docs/"), id("/")),
        format!("{} -> {} [kind=redirect, style=dashed]", id("/old"), id("/docs/")),
    ];
    let mut found: Vec<_> = dot
        .lines()
        .filter(|line| line.contains(" -> "))
        .map(|line| line.trim().to_owned())
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let docs = dot.lines().find(|line| line.contains("label=\"/docs/\"")).unwrap();
    assert!(docs.contains("section=\"/docs/\", depth=1, status=200, inlinks=2"), "{docs}");

    export(&desk, &["gexf", "--limit", "2"]);
    let gexf = read(&desk, "s.gexf");
    assert_eq!((gexf.matches("<node ").count(), gexf.matches("<edge ").count()), (2, 2), "{gexf}");
    assert!(
        gexf.contains("label=\"/docs/\"") && gexf.contains("label=\"/\""),
        "those with most inlinks"
    );
    export(&desk, &["gexf", "--limit", "0", "--force"]);
    assert_eq!(read(&desk, "s.gexf").matches("<node ").count(), 5);
}

#[test]
fn a_parquet_file_reads_back_as_the_rows() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    let site = site();
    let desk = crawled(&site);
    let sql =
        "SELECT url, status, status * 0.5 AS half, title, content_hash, NULL AS none, 1 AS status
               FROM pages ORDER BY url";
    export(&desk, &["parquet", "--query", sql]);
    let file = std::fs::File::open(desk.path("s-query.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let rows: Vec<Vec<(String, Field)>> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().get_column_iter().map(|(n, f)| (n.clone(), f.clone())).collect())
        .collect();
    assert_eq!(rows.len(), 5);
    let names: Vec<_> = rows[0].iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["url", "status", "half", "title", "content_hash", "none", "status_2"]);
    let value = |row: usize, column: usize| rows[row][column].1.clone();
    assert_eq!(value(0, 0), Field::Str(site.url("/")));
    assert_eq!(value(2, 1), Field::Long(404));
    assert_eq!(value(2, 2), Field::Double(202.0));
    assert_eq!((value(0, 3), value(2, 3)), (Field::Str("Home".into()), Field::Null));
    assert!(matches!(value(0, 4), Field::Bytes(bytes) if bytes.len() == 32));
    assert_eq!(value(0, 5), Field::Null);
}

#[test]
fn since_a_crawl_means_new_or_changed() {
    let site = Site::start(|request, before| {
        Some(match (&*request.path, before) {
            ("/", 0) => Answer::html(
                "<title>v1</title><a href=/same>s</a><a href=/edited>e</a><a href=/gone>g</a><a href=/lost>l</a>",
            ),
            ("/", _) => Answer::html(
                "<title>v1</title><a href=/same>s</a><a href=/edited>e</a><a href=/gone>g</a><a href=/lost>l</a><a href=/new>n</a>",
            ),
            ("/edited", 0) => Answer::html("<title>before</title>"),
            ("/edited", _) => Answer::html("<title>after</title>"),
            ("/gone", 0) | ("/same" | "/new", _) => Answer::html("<title>a page</title>"),
            _ => Answer::status(404),
        })
    });
    let desk = crawled(&site);
    assert_eq!(desk.run(&["crawl", &site.url("/"), "-o", "s.db", "-q"]).code, Some(0));
    let since = |args: &[&str]| {
        let ran =
            desk.run(&[&["export", "s.db"], args, &["--since", "1", "-o", "-", "-q"]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out
    };
    let urls = |text: &str| {
        let mut urls: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|row| row["url"].as_str().unwrap().replace(&site.url(""), ""))
            .collect();
        urls.sort();
        urls
    };
    assert_eq!(urls(&since(&["jsonl"])), ["/", "/edited", "/gone", "/new"]);
    assert_eq!(urls(&since(&["jsonl", "--view", "html_pages"])), ["/", "/edited", "/new"]);
    let links = since(&["csv", "--view", "links"]);
    assert_eq!(links.lines().count(), 6, "links of the one page that changed: {links}");
    assert_eq!(since(&["sitemap"]).matches("<url>").count(), 3);
    export(&desk, &["markdown", "--since", "1", "-o", "new"]);
    assert_eq!(read(&desk, "new/crawlite-index.jsonl").lines().count(), 3);
    let said = export(&desk, &["warc", "--since", "1", "-o", "new.warc"]);
    assert!(said.contains("1 answer is not in it"), "/gone alone, not /lost: {said}");
    let archive = std::fs::read(desk.path("new.warc")).unwrap();
    assert_eq!(records(&archive).len(), 7);
    let refused = desk.run(&["export", "s.db", "csv", "--view", "hosts", "--since", "1"]);
    assert!(refused.err.contains("only pages, html_pages and links can"), "{}", refused.err);
}

#[test]
fn an_archive_of_a_crawl_with_a_password_is_written_without_it() {
    let site = site();
    let desk = Desk::new();
    let ran = desk.run(&[
        "crawl",
        &site.url("/"),
        "-o",
        "s.db",
        "-q",
        "-u",
        "me:sesame",
        "-H",
        "X-Key: sesame",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    export(&desk, &["warc"]);
    let archive =
        String::from_utf8_lossy(&std::fs::read(desk.path("s.warc")).unwrap()).into_owned();
    assert!(archive.contains("WARC-Type: response") && !archive.contains("sesame"), "{archive}");
}
