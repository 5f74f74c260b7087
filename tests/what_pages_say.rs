//! What a page says of itself is in its row: fields, structured data, texts and regions, in any encoding.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use encoding_rs::Encoding;
use site::bombs::gzip_of;
use site::{Answer, Desk, Site};

/// A text of `count` different words.
fn words(count: usize) -> String {
    (0..count).map(|n| format!("word{n} ")).collect()
}

fn crawl(site: &Site) -> Desk {
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    desk
}

/// A page with one of everything.
fn full_page() -> String {
    let head = r#"<!doctype html><html lang=" de-CH "><head><title> A &amp;
        title </title><title>not this</title>
        <meta name=Description content="  What it &lt;is&gt; about ">
        <link rel=canonical href="/canonical?x#y"><link rel=next href=two><a rel=prev href=/zero></a>
        <link rel=alternate hreflang=en href=/en><link rel="alternate" hreflang="x-default" href="/">
        <meta property=og:title content="An OG title"><meta property="og:image" content=/i.png>
        <meta property=og:title content="not this"><meta name=twitter:card content=summary>
        <meta property=article:author content=Me><meta property=fb:app_id content=1>
        <script type="application/ld+json">{"@graph":[{"@type":"Article"},{"@type":["Person","Thing"]}]}</script>"#;
    let body = format!(
        r"<body><header>in the header <a href=/h>h</a></header><nav>in the nav <a href=/n>n</a></nav>
        <main><h1>One <b>two</b></h1><h2>Sub</h2><p>{}<a href=/m>m</a></p></main>
        <aside>in the aside <a href=/s>s</a></aside><a href=/b>b</a>
        <footer>in the footer <a href=/f>f</a><h3>Imprint</h3></footer>
        <script>not a word</script><style>nor these</style><noscript>nor one of these</noscript>",
        words(60)
    );
    [head, &body].concat()
}

#[test]
fn fields_are_in_the_row_of_the_page() {
    let page = full_page();
    let site = Site::start(move |request, _| {
        Some(if request.path == "/" { Answer::html(&page) } else { Answer::html("<p>x") })
    });
    let desk = crawl(&site);
    #[rustfmt::skip]
    let fields = [
        ("lang", "de-CH"), ("title", "A & title"), ("description", "What it <is> about"), ("h1", "One two"),
        ("claimed_canonical", "HERE/canonical?x"), ("rel_next", "HERE/two"), ("rel_prev", "HERE/zero"),
        ("hreflang", r#"[["en","HERE/en"],["x-default","HERE/"]]"#),
        ("headings", r#"[[1,"One two"],[2,"Sub"],[3,"Imprint"]]"#),
        ("jsonld_types", r#"["Article","Person","Thing"]"#),
        ("og", r#"{"article:author":"Me","og:image":"/i.png","og:title":"An OG title","twitter:card":"summary"}"#),
        // header 4, nav 4, main 3 + 60 + 1, aside 4, b, footer 4 + 1
        ("words", "82"), ("main_words", "64"), ("simhash IS NOT NULL", "1"), ("needs_javascript", ""),
        ("charset", "UTF-8"), ("indexability_reason", "canonical elsewhere"),
    ];
    let mut wrong = Vec::new();
    for (column, expected) in fields {
        let sql = format!("SELECT {column} FROM pages WHERE url = '{}'", site.url("/"));
        let found = desk.rows("x.db", &sql).concat().replace(&site.url(""), "HERE");
        if found != expected {
            wrong.push(format!("{column}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let regions = format!(
        "SELECT replace(target, '{}', ''), region FROM links WHERE kind = 'a' AND coalesce(rel, '') = '' ORDER BY position",
        site.url("")
    );
    assert_eq!(
        desk.rows("x.db", &regions),
        ["/h|header", "/n|nav", "/m|main", "/s|aside", "/b|body", "/f|footer"]
    );
}

#[test]
fn the_fingerprint_is_of_the_main_text_alone() {
    let page = |main: &str, around: &str| {
        Answer::html(&format!("<nav>{around}</nav><main>{main}</main><footer>{around}</footer>"))
    };
    let (one, other) = (words(300), words(300).replace("word1", "thing2"));
    let edited = one.replace("word7 ", "word7x ");
    let site = Site::of(&[
        ("/", Answer::html("<a href=/1>1</a><a href=/2>2</a><a href=/3>3</a><a href=/4>4</a>")),
        ("/1", page(&one, "home contact")),
        ("/2", page(&one, "another menu altogether")),
        ("/3", page(&edited, "home contact")),
        ("/4", page(&other, "home contact")),
    ]);
    let desk = crawl(&site);
    let near = format!(
        "SELECT replace(min(url, near_url), '{0}', ''), replace(max(url, near_url), '{0}', ''), bits = 0
         FROM near_duplicates ORDER BY 1, 2",
        site.url("")
    );
    assert_eq!(desk.rows("x.db", &near), ["/1|/2|1", "/1|/3|0", "/2|/3|0"]);
}

#[test]
fn a_page_that_says_nothing_without_scripts_is_known_by_its_evidence() {
    let full = words(80);
    #[rustfmt::skip]
    let rows: [(&str, String, &str); 8] = [
        ("an empty root",  "<div id=root></div><script src=/x.js></script>".into(), "application root #root (0 words, 0 links and 1 scripts)"),
        ("a plea",         "<noscript>Please enable JavaScript!</noscript><div></div><script>x</script>".into(),
                           "noscript: Please enable JavaScript! (0 words, 0 links and 1 scripts)"),
        ("little text",    "<p>Loading, please wait<script>x</script><script src=/y.js></script>".into(), "3 words, 0 links and 2 scripts"),
        ("a short page",   "<p>Nothing here".into(), ""),
        ("a full page",    format!("<div id=root>{full}</div><script>x</script>"), ""),
        ("a list of links", "<a href=/a>a</a><a href=/b>b</a><a href=/c>c</a><script>x</script>".into(), ""),
        ("data only",      "<p>Hello<script type=application/ld+json>{}</script>".into(), ""),
        ("a plea too many", format!("{full}<noscript>Please enable JavaScript!</noscript><script>x</script>"), ""),
    ];
    let pages = rows.clone();
    let site = Site::start(move |request, _| {
        if request.path == "/" {
            let links = (0..pages.len()).map(|n| format!("<a href=/r/{n}>{n}</a>"));
            return Some(Answer::html(&links.collect::<String>()));
        }
        let n: usize = request.path.strip_prefix("/r/")?.parse().ok()?;
        Some(Answer::html(&pages.get(n)?.1))
    });
    let desk = crawl(&site);
    for (n, (what, _, expected)) in rows.iter().enumerate() {
        let sql = format!(
            "SELECT evidence FROM javascript_pages WHERE url = '{}'",
            site.url(&format!("/r/{n}"))
        );
        assert_eq!(desk.rows("x.db", &sql).concat(), *expected, "{what}");
    }
    let report = desk.run(&["report", "x.db", "needs-javascript", "--format", "jsonl"]);
    assert_eq!(report.out.lines().count(), 3, "{}", report.out);
}

#[test]
fn a_site_that_needs_scripts_is_told_so_in_plain_words() {
    let said = |pages: &'static [&'static str]| {
        let site = Site::start(move |request, _| {
            let n: usize = if request.path == "/" { 0 } else { request.path[1..].parse().ok()? };
            let links = (1..pages.len()).map(|n| format!("<a href=/{n}></a>")).collect::<String>();
            Some(Answer::html(&format!("{}{links}", pages.get(n)?)))
        });
        let desk = Desk::new();
        let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "--no-sitemaps"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.err
    };
    let all = said(&[
        "<div id=app></div><script></script>",
        "<div id=root></div><script></script>",
        "<p>x",
    ]);
    assert!(all.contains("2 of 3 pages show their content only to those who run scripts"), "{all}");
    assert!(all.contains("crawlite report x.db needs-javascript"), "{all}");
    let few = said(&["<p>x", "<div id=app></div><script></script>", "<p>y"]);
    assert!(!few.contains("run scripts"), "{few}");
    let alone = said(&["<div id=app></div><script src=/x.js></script>"]);
    assert!(alone.contains("shows its content only to those who run scripts"), "{alone}");
}

/// `text` in the encoding of this name.
fn encoded(charset: &str, text: &str) -> Vec<u8> {
    match charset {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => Encoding::for_label(charset.as_bytes()).unwrap().encode(text).0.into_owned(),
    }
}

const RUSSIAN: &str = "Съешь же ещё этих мягких французских булок, да выпей чаю";
const JAPANESE: &str = "いろはにほへと ちりぬるを わかよたれそ つねならむ";
const CHINESE: &str = "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。";
const FRENCH: &str = "Portez ce vieux whisky au juge blond qui fume – « déjà vu », 5 €";
const GERMAN: &str = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich";
const KOREAN: &str = "다람쥐 헌 쳇바퀴에 타고파";
const GREEK: &str = "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία";

#[test]
fn every_encoding_comes_out_as_readable_titles_and_texts() {
    #[rustfmt::skip]
    let rows: &[(&str, &str, &str, &str, &str)] = &[
        // the bytes       header           meta            what it says  encoding found
        ("windows-1251",   "windows-1251",  "",             RUSSIAN,      "windows-1251"),
        ("windows-1251",   "",              "windows-1251", RUSSIAN,      "windows-1251"),
        ("windows-1251",   "",              "",             RUSSIAN,      "windows-1251"),
        ("koi8-r",         "",              "koi8-r",       RUSSIAN,      "KOI8-R"),
        ("iso-8859-5",     "iso-8859-5",    "",             RUSSIAN,      "ISO-8859-5"),
        ("shift_jis",      "shift_jis",     "",             JAPANESE,     "Shift_JIS"),
        ("shift_jis",      "",              "x-sjis",       JAPANESE,     "Shift_JIS"),
        ("shift_jis",      "",              "",             JAPANESE,     "Shift_JIS"),
        ("euc-jp",         "",              "",             JAPANESE,     "EUC-JP"),
        ("iso-2022-jp",    "",              "iso-2022-jp",  JAPANESE,     "ISO-2022-JP"),
        ("gb18030",        "gb18030",       "",             CHINESE,      "gb18030"),
        ("gb18030",        "",              "gb2312",       CHINESE,      "GBK"),
        ("gb18030",        "",              "",             CHINESE,      "GBK"),
        ("big5",           "",              "big5",         "天地玄黃",    "Big5"),
        ("euc-kr",         "",              "",             KOREAN,       "EUC-KR"),
        ("windows-1252",   "iso-8859-1",    "",             FRENCH,       "windows-1252"),
        ("windows-1252",   "",              "latin1",       FRENCH,       "windows-1252"),
        ("windows-1252",   "",              "",             GERMAN,       "windows-1252"),
        ("iso-8859-15",    "",              "iso-8859-15",  "5 €",        "ISO-8859-15"),
        ("windows-1253",   "",              "",             GREEK,        "windows-1253"),
        ("utf-16le",       "utf-16",        "",             JAPANESE,     "UTF-16LE"),
        ("utf-16le",       "utf-16le",      "",             FRENCH,       "UTF-16LE"),
        ("utf-16be",       "utf-16be",      "",             RUSSIAN,      "UTF-16BE"),
        ("utf-8",          "",              "",             CHINESE,      "UTF-8"),
        // The header decides against the meta element, but not if nobody knows its encoding.
        ("utf-8",          "utf-8",         "windows-1251", RUSSIAN,      "UTF-8"),
        ("windows-1251",   "windows-1251",  "utf-8",        RUSSIAN,      "windows-1251"),
        ("windows-1251",   "no-such",       "windows-1251", RUSSIAN,      "windows-1251"),
    ];
    let page = |n: usize| {
        let (charset, header, meta, text, _) = rows[n];
        let meta = if meta.is_empty() { String::new() } else { format!("<meta charset={meta}>") };
        let html = format!("<html><head>{meta}<title>{text}</title><body><h1>{text}</h1><p>{text}");
        let header = if header.is_empty() { String::new() } else { format!("; charset={header}") };
        Answer::new(200, &format!("text/html{header}"), &encoded(charset, &html))
    };
    let mut answers: Vec<_> = (0..rows.len()).map(page).collect();
    // A mark beats every other word.
    for charset in ["utf-8", "utf-16le", "utf-16be"] {
        let html =
            format!("\u{feff}<meta charset=latin1><title>{RUSSIAN}</title><h1>{RUSSIAN}</h1><p>x");
        answers.push(Answer::new(200, "text/html; charset=koi8-r", &encoded(charset, &html)));
    }
    let count = answers.len();
    let site = Site::start(move |request, _| {
        if request.path == "/" {
            let links = (0..count).map(|n| format!("<a href=/r/{n}>{n}</a>"));
            return Some(Answer::html(&links.collect::<String>()));
        }
        answers.get(request.path.strip_prefix("/r/")?.parse::<usize>().ok()?).cloned()
    });
    let desk = crawl(&site);
    let marked = [("UTF-8", RUSSIAN), ("UTF-16LE", RUSSIAN), ("UTF-16BE", RUSSIAN)];
    let expected = rows.iter().map(|row| (row.4, row.3)).chain(marked);
    let mut wrong = Vec::new();
    for (n, (charset, text)) in expected.enumerate() {
        let url = site.url(&format!("/r/{n}"));
        let sql = format!("SELECT charset, title, h1 FROM pages WHERE url = '{url}'");
        let found = desk.rows("x.db", &sql).concat();
        let main = desk.run(&["page", "x.db", &url, "--text"]).out;
        if found != format!("{charset}|{text}|{text}") || !main.contains(text) {
            wrong.push(format!("{n}: {found}, {main}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The gzip of its server is as good as ours, and was paid for.
#[test]
fn a_body_is_stored_as_the_gzip_it_came_in() {
    let long = format!("<title>Long</title><p>{}", "zebras and giraffes ".repeat(300));
    let short = "<title>S</title>";
    let half = gzip_of(format!("<title>Half</title>{long}").as_bytes());
    let packed = |body: &[u8]| Answer::new(200, "text/html", body).with("Content-Encoding", "gzip");
    let start = format!("{long}<a href=/long>l</a><a href=/short>s</a><a href=/half>h</a>");
    let site = Site::of(&[
        ("/", Answer::html(&start)),
        ("/long", packed(&gzip_of(long.as_bytes()))),
        ("/short", packed(&gzip_of(short.as_bytes()))),
        ("/half", packed(&half[..half.len() - 8])),
    ]);
    let desk = Desk::new();
    desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]);
    let codecs =
        "SELECT b.codec, p.title FROM body b JOIN page p ON p.body_id = b.id ORDER BY p.title";
    let stored = desk.rows("x.db", codecs);
    // What is cut, or hardly smaller, is packed anew.
    assert_eq!(stored, ["zstd|Half", "zstd|Long", "gzip|Long", "zstd|S"]);

    let body = desk.run(&["page", "x.db", &site.url("/long"), "--body"]);
    assert_eq!(body.out, long);
    let sql = "SELECT length(unpack(codec, bytes)) FROM body WHERE codec = 'gzip'";
    let length = desk.run(&["query", "x.db", sql, "--format", "csv"]);
    assert!(length.out.ends_with(&format!("\n{}\n", long.len())), "{}", length.out);
    assert!(desk.run(&["search", "x.db", "giraffes"]).out.contains("/long"));
}
