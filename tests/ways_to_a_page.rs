//! Every way in which a page can lead to another is found, in every spelling, and nothing else is asked for.
//!
//! Each row is a page of its own, in a folder of its own; what is asked for below that
//! folder is what was found on it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::collections::BTreeSet;

use site::{Answer, Desk, Site};

/// Response headers of a row: name and value.
type Headers = &'static [(&'static str, &'static str)];
/// Headers, page, pages asked for, parts asked for besides with --assets, why.
type Row = (Headers, &'static str, &'static str, &'static str, &'static str);

const NONE: Headers = &[];

/// Ways to other documents, and to parts of the page. `t`, `u`, `v` are in the row's folder.
#[rustfmt::skip]
const WAYS: &[Row] = &[
    // headers, page                                                         pages    parts    why
    (NONE, "<a href=t>x</a>",                                                "t",     "",      "a link"),
    (NONE, "<map><area href=t></map>",                                       "t",     "",      "an area of an image map"),
    (NONE, "<iframe src=t></iframe>",                                        "t",     "",      "an iframe"),
    (NONE, "<frameset><frame src=t><frame src=u></frameset>",                "t u",   "",      "frames"),
    (NONE, "<meta http-equiv=refresh content='0; url=t'>",                   "t",     "",      "a refresh"),
    (&[("Refresh", "0;url=t")], "<p>x",                                      "t",     "",      "a refresh by header"),
    (&[("Link", "<t>; rel=next, <u>; rel=\"prev\"")], "<p>x",                "t u",   "",      "links by header"),
    (&[("Link", "<t>; rel=next")], "<base href=sub/><a href=u>x</a>",        "sub/u t", "",    "a header knows nothing of the page's base"),
    (&[("Refresh", "0;url=t")], "<base href=sub/><a href=u>x</a>",           "sub/u t", "",    "nor does a refresh by header"),
    (&[("Link", "<t>; rel=preload; as=image, <u>; rel=preconnect")], "<p>x", "",      "t",     "a part by header, and a hint"),
    (NONE, "<link rel=next href=t><link rel=prev href=u>",                   "t u",   "",      "rel next and prev"),
    (NONE, "<link rel=canonical href=t><link rel=alternate hreflang=de href=u>", "t u", "",    "canonical and hreflang"),
    (NONE, "<link rel='help license' href=t><link rel=amphtml href=u>",      "t u",   "",      "other documents"),
    (NONE, "<link rel=alternate type=text/html href=t><link rel=alternate type=application/rss+xml href=u>", "t", "u", "of alternates, those that are pages"),
    (NONE, "<link rel='Shortcut Icon' href=t><link rel=manifest href=u><link rel=modulepreload href=v>", "", "t u v", "rel of parts"),
    (NONE, "<link rel=preconnect href=t><link rel=dns-prefetch href=u>",     "",      "",      "hints name servers"),
    (NONE, "<svg><a href=t><text>x</text></a><a xlink:href=u></a></svg>",    "t u",   "",      "links in svg"),
    (NONE, "<math><mi><a href=t>x</a></mi></math>",                          "t",     "",      "a link in math"),
    (NONE, "<noscript><a href=t>x</a></noscript>",                           "t",     "",      "for those who run no scripts"),
    (NONE, "<img src=t>",                                                    "",      "t",     "an image"),
    (NONE, "<img srcset='t 1x, u 2x'><img srcset='v,w 100w, z 1.5x'>",       "",      "t u v,w z", "srcset with descriptors and commas"),
    (NONE, "<picture><source srcset=t media='(x)'><img src=u></picture>",    "",      "t u",   "a picture"),
    (NONE, "<video src=t poster=u><source src=v><track src=w></video>",      "",      "t u v w", "a video"),
    (NONE, "<audio src=t><source src=u></audio>",                            "",      "t u",   "sound"),
    (NONE, "<script src=t></script>",                                        "",      "t",     "a script"),
    (NONE, "<link rel=preload as=image imagesrcset='t 1x, u 2x'>",           "",      "t u",   "an image to be loaded early"),
    (NONE, "<link rel=stylesheet href=s.css>",                               "",      "bg.png more.css s.css", "a stylesheet, what it imports and refers to"),
    (NONE, "<object data=t></object><embed src=u>",                          "",      "t u",   "object and embed"),
    (NONE, "<body background=t><table background=u>",                        "",      "t u",   "backgrounds"),
    (NONE, "<svg><image href=t /><use xlink:href=u /></svg>",                "",      "t u",   "images in svg"),
    (NONE, "<form action=t><input type=image src=u><button formaction=v></form>", "", "u",     "a form is never submitted"),
    (NONE, "<blockquote cite=t></blockquote><img longdesc=u>",               "",      "",      "citations"),
];

/// Spellings, and what only looks like a link.
#[rustfmt::skip]
const SPELLINGS: &[Row] = &[
    (NONE, "<base href=sub/><a href=t>x</a>",                                "sub/t", "",      "a base"),
    (NONE, "<a href=t>x</a><base href=sub/>",                                "sub/t", "",      "a base behind the link"),
    (NONE, "<base target=x><base href=sub/><base href=no/><a href=t>x</a>",  "sub/t", "",      "the first base with an address"),
    (NONE, "<base href='http://['><a href=t>x</a>",                          "t",     "",      "a base that cannot be"),
    (NONE, "<base href='data:,x'><a href=t>x</a>",                           "t",     "",      "a base that may not be"),
    (NONE, "<svg><base href=no/></svg><a href=t>x</a>",                      "t",     "",      "a base in svg is none"),
    (NONE, "<template><base href=no/></template><a href=t>x</a>",            "t",     "",      "a base in a template is none"),
    (NONE, "<!--<base href=no/>--><a href=t>x</a>",                          "t",     "",      "a base in a comment is none"),
    (NONE, "<a href='t?a=1&amp;b=2&#38;c'>x</a>",                            "t?a=1&b=2&c", "", "character references"),
    (NONE, "<a href='t?a=1&b=2&copy=3'>x</a>",                               "t?a=1&b=2&copy=3", "", "a bare ampersand"),
    (NONE, "<a href=' \n\tt\r\n '>x</a>",                                    "t",     "",      "blanks around"),
    (NONE, "<a href='t/\n\t u'>x</a>",                                       "t/%20u", "",     "line breaks within, and a blank"),
    (NONE, "<A\nHREF\n=\nt\n>x</A>",                                         "t",     "",      "upper case, line breaks between"),
    (NONE, "<a href=t href=no>x</a>",                                        "t",     "",      "the first of duplicates"),
    (NONE, "<a title='>' href=t>x</a>",                                      "t",     "",      "a bracket in a value"),
    (NONE, "<a href=t/>x</a>",                                               "t/",    "",      "a slash belongs to the value"),
    (NONE, "<a/href=t>x</a>",                                                "t",     "",      "a slash for a blank"),
    (NONE, "<a href='t#part'>x</a><a href='#top'>x</a>",                     "t",     "",      "fragments"),
    (NONE, "<a href='sub\\t'>x</a>",                                         "sub/t", "",      "a backslash is a slash"),
    (NONE, "<a href=./a/../t>x</a><a href='%74'>x</a>",                      "%74 t", "",      "dots are resolved, escapes stay"),
    (NONE, "<a href=é>x</a><a href='?q=é ü'>x</a>",                          "%C3%A9 ?q=%C3%A9%20%C3%BC", "", "letters beyond ASCII"),
    (NONE, "<a href=t>x<a href=u>x",                                         "t u",   "",      "never closed"),
    (NONE, "<table><a href=t>x</a><tr><a href=u>x</a></table>",              "t u",   "",      "astray in a table"),
    (NONE, "<select><option><a href=t>x</a></select>",                       "t",     "",      "astray in a select"),
    (NONE, "<a href=javascript:x>x</a><a href=mailto:a@b.c>x</a><a href=tel:1>x</a><a href=data:,x>x</a>", "", "", "other schemes"),
    (NONE, "<a href>x</a><a href=''>x</a><a name=t>x</a><a>x</a>",           "",      "",      "none at all"),
    (NONE, "<!-- <a href=t> --><!-- > <a href=u> -- --!><a href=v>x</a>",    "v",     "",      "in comments"),
    (NONE, "<script>'<a href=t>'</script><style><a href=u></style>",         "",      "",      "in scripts and styles"),
    (NONE, "<script><!--<script></script><a href=t>--></script><a href=u>",  "u",     "",      "in a script in a script"),
    (NONE, "<textarea><a href=t></textarea><title><a href=u></title>",       "",      "",      "in texts"),
    (NONE, "<xmp><a href=t></xmp><noembed><a href=u></noembed><noframes><a href=v></noframes>", "", "", "in raw text"),
    (NONE, "<iframe><a href=t></iframe><template><a href=u></template>",     "",      "",      "in an iframe and a template"),
    (NONE, "<svg><style><a href=t></style><title><a href=u></title></svg>",  "t u",   "",      "style and title of svg are markup"),
    (NONE, "<svg><![CDATA[<a href=t>]]></svg><![CDATA[<a href=u>]]>",        "",      "",      "character data"),
    (NONE, "</a href=t><a title=\"<a href=u>\">",                            "",      "",      "in end tags and values"),
    (NONE, "<plaintext><a href=t>",                                          "",      "",      "behind plaintext"),
];

/// Serves the rows; whatever else is asked for is a text, or the stylesheet.
fn site_of(rows: &'static [Row]) -> Site {
    Site::start(move |request, _| {
        if request.path == "/" {
            let links = (0..rows.len()).map(|n| format!("<a href=/r/{n}/>{n}</a>"));
            return Some(Answer::html(&links.collect::<String>()));
        }
        let (n, rest) = request.path.strip_prefix("/r/")?.split_once('/')?;
        let (headers, html, ..) = rows.get(n.parse::<usize>().ok()?)?;
        Some(match rest {
            "" => headers
                .iter()
                .fold(Answer::html(html), |answer, (name, value)| answer.with(name, value)),
            "s.css" => {
                Answer::new(200, "text/css", b"@import 'more.css'; a { background: url(bg.png) }")
            }
            _ => Answer::new(200, "text/plain", request.path.as_bytes()),
        })
    })
}

/// What was asked for in the folder of row `n`, but for the row itself.
fn asked(site: &Site, n: usize) -> BTreeSet<String> {
    let folder = format!("/r/{n}/");
    let below = |path: &String| path.strip_prefix(&folder).map(ToOwned::to_owned);
    site.paths().iter().filter_map(below).filter(|path| !path.is_empty()).collect()
}

fn names(cells: &[&str]) -> BTreeSet<String> {
    cells
        .iter()
        .flat_map(|cell| cell.split(' '))
        .filter(|it| !it.is_empty())
        .map(Into::into)
        .collect()
}

fn check(rows: &'static [Row]) {
    for with_parts in [false, true] {
        let (site, desk) = (site_of(rows), Desk::new());
        let seed = site.url("/");
        let mut args = vec!["crawl", &seed, "-o", "x.db", "-q", "--no-sitemaps", "--no-traps"];
        args.extend(with_parts.then_some("--assets"));
        let ran = desk.run(&args);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let mut wrong = Vec::new();
        for (n, (_, html, pages, parts, why)) in rows.iter().enumerate() {
            let expected = names(&[*pages, if with_parts { *parts } else { "" }]);
            let found = asked(&site, n);
            if found != expected {
                wrong.push(format!("{why}, --assets {with_parts}: {html}\n  {found:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let unexplained = "SELECT count(*) FROM urls WHERE state IN ('aside', 'refused')
                           AND (reason IS NULL OR detail IS NULL OR detail = '')";
        assert_eq!(desk.rows("x.db", unexplained), ["0"], "what was left out says why");
        let waiting = "SELECT count(*) FROM urls WHERE state = 'pending'";
        assert_eq!(desk.rows("x.db", waiting), ["0"]);
    }
}

#[test]
fn every_way_to_another_page_is_found() {
    check(WAYS);
}

#[test]
fn every_spelling_means_what_it_means_in_a_browser() {
    check(SPELLINGS);
}

/// A page in an encoding of old, a link of it, and how a browser asks for that: the path in
/// UTF-8, the query in the encoding of the page (URL standard, "encoding override").
#[test]
fn a_query_is_spelt_in_the_encoding_of_its_page() {
    #[rustfmt::skip]
    let rows: &[(&str, &[u8], &str)] = &[
        ("windows-1252", b"<a href='/t/\xe9?q=\xe9'>x</a>",           "/t/%C3%A9?q=%E9"),
        ("windows-1251", b"<a href='/t?q=\xe4\xe0'>x</a>",            "/t?q=%E4%E0"),
        ("shift_jis",    b"<a href='/t?q=\x93\xfa'>x</a>",            "/t?q=%93%FA"),
        ("gb18030",      b"<a href='/t?q=\xc4\xe3'>x</a>",            "/t?q=%C4%E3"),
        ("utf-8",        b"<a href='/t?q=\xc3\xa9'>x</a>",            "/t?q=%C3%A9"),
        // What the encoding does not have is asked for as a form would send it.
        ("windows-1252", b"<a href='/t?q=&#x65E5;&amp;r=\xe9'>x</a>", "/t?q=%26%2326085%3B&r=%E9"),
        ("shift_jis",    b"<meta http-equiv=refresh content='0;url=/t?q=\x93\xfa'>", "/t?q=%93%FA"),
        ("shift_jis",    b"<link rel=next href='/t?q=\x93\xfa'>",     "/t?q=%93%FA"),
        ("shift_jis",    b"<a href='/t?q=1#\x93\xfa'>x</a>",          "/t?q=1"),
    ];
    for (charset, html, expected) in rows {
        let page = Answer::new(200, &format!("text/html; charset={charset}"), html);
        let site = Site::start(move |request, _| match &*request.path {
            "/" => Some(page.clone()),
            _ => Some(Answer::new(200, "text/plain", b"x")),
        });
        let desk = Desk::new();
        let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(site.paths(), ["/", expected], "{charset}: {}", String::from_utf8_lossy(html));
        let desk_rows = desk.rows("x.db", "SELECT count(*) FROM pages WHERE rel_next IS NOT NULL");
        let names_next = html.starts_with(b"<link rel=next");
        assert_eq!(desk_rows, [usize::from(names_next).to_string()]);
    }
}
