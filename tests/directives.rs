//! What a site asks of robots on its pages is done, and shown.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};

/// Headers, page, whether its link is followed, indexable, why not.
type Row = (&'static [(&'static str, &'static str)], &'static str, bool, bool, &'static str);

const TAG: &str = "X-Robots-Tag";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // headers, what stands in the page                                     followed indexable reason
    (&[], "",                                                               true,  true,  ""),
    (&[], "<meta name=robots content=noindex>",                             true,  false, "noindex"),
    (&[], "<meta name=ROBOTS content='NoFollow'>",                          false, true,  ""),
    (&[], "<meta name=robots content='noindex, nofollow'>",                 false, false, "noindex"),
    (&[], "<meta name=robots content=none>",                                false, false, "noindex"),
    (&[], "<meta name=robots content='all, index, follow'>",                true,  true,  ""),
    (&[], "<meta name=robots content=noarchive>",                           true,  true,  ""),
    (&[], "<meta name=crawlite content='noindex'>",                         true,  false, "noindex"),
    (&[], "<meta name=CrawLite content='nofollow'>",                        false, true,  ""),
    (&[], "<meta name=otherbot content='none'>",                            true,  true,  ""),
    (&[], "<meta name=robots content=index><meta name=robots content=noindex>", true, false, "noindex"),
    (&[], "<!--<meta name=robots content=none>--><template><meta name=robots content=none></template>", true, true, ""),
    (&[(TAG, "noindex")], "",                                               true,  false, "noindex"),
    (&[(TAG, "NOFOLLOW")], "",                                              false, true,  ""),
    (&[(TAG, "noindex"), (TAG, "nofollow")], "",                            false, false, "noindex"),
    (&[(TAG, "crawlite: none")], "",                                        false, false, "noindex"),
    (&[(TAG, "otherbot: none")], "",                                        true,  true,  ""),
    (&[(TAG, "otherbot: noindex"), (TAG, "crawlite: nofollow")], "",        false, true,  ""),
    (&[(TAG, "otherbot: noindex, crawlite: nofollow")], "",                 false, true,  ""),
    (&[(TAG, "noindex, otherbot: nofollow, noarchive")], "",                true,  false, "noindex"),
    (&[(TAG, "max-snippet: 3, noindex")], "",                               true,  false, "noindex"),
    (&[(TAG, "unavailable_after: 25 Jun 2010 15:00:00 PST")], "",           true,  true,  ""),
    (&[(TAG, "unavailable_after: Friday, 25-Jun-10 15:00:00 GMT, nofollow")], "", false, true, ""),
    (&[(TAG, "noindex")], "<meta name=robots content=nofollow>",            false, false, "noindex"),
    (&[], "<link rel=canonical href=/>",                                    true,  false, "canonical elsewhere"),
    (&[], "<link rel=canonical href='?'>",                                  true,  false, "canonical elsewhere"),
    (&[], "<link rel=canonical href='#self'>",                              true,  true,  ""),
    (&[("Link", "</>; rel=canonical")], "",                                 true,  false, "canonical elsewhere"),
    (&[("Link", "</de>; rel=alternate; hreflang=de")], "",                  true,  true,  ""),
];

fn site() -> Site {
    Site::start(|request, _| {
        if request.path == "/" {
            let links = (0..ROWS.len()).map(|n| format!("<a href=/r/{n}/>{n}</a>"));
            return Some(Answer::html(&links.collect::<String>()));
        }
        let (n, rest) = request.path.strip_prefix("/r/")?.split_once('/')?;
        let (headers, html, ..) = ROWS.get(n.parse::<usize>().ok()?)?;
        let page = Answer::html(&format!("{html}<a href=t>x</a>"));
        let page = headers.iter().fold(page, |page, (name, value)| page.with(name, value));
        Some(if rest.is_empty() { page } else { Answer::html("<p>x") })
    })
}

const FLAGS: [&str; 5] = ["-o", "x.db", "-q", "--no-sitemaps", "--no-traps"];

#[test]
fn pages_say_whether_they_may_be_indexed_and_their_links_followed() {
    let (site, desk) = (site(), Desk::new());
    let ran = desk.run(&[&["crawl", &site.url("/")], &FLAGS[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let paths = site.paths();
    let mut wrong = Vec::new();
    for (n, (headers, html, is_followed, is_indexable, reason)) in ROWS.iter().enumerate() {
        let folder = format!("/r/{n}/");
        let sql = format!(
            "SELECT indexable, indexability_reason FROM pages WHERE url = '{}'",
            site.url(&folder)
        );
        let found = desk.rows("x.db", &sql).concat();
        let target = format!("{folder}t");
        let state = desk.rows(
            "x.db",
            &format!("SELECT state, reason, detail FROM urls WHERE url = '{}'", site.url(&target)),
        );
        let expected =
            if *is_followed { "done||" } else { "aside|nofollow|the page says nofollow" };
        if found != format!("{}|{reason}", u8::from(*is_indexable))
            || paths.contains(&target) != *is_followed
            || state != [expected]
        {
            wrong.push(format!("{headers:?} {html}: {found}, {state:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let said = "SELECT robots_directives FROM pages WHERE robots_directives IS NOT NULL AND url LIKE '%/r/23/'";
    assert_eq!(desk.rows("x.db", said), ["nofollow, noindex"]);
    let by_header = format!(
        "SELECT replace(claimed_canonical, '{0}', ''), replace(hreflang, '{0}', '') FROM pages
         WHERE url IN ('{0}/r/27/', '{0}/r/28/') ORDER BY url",
        site.url("")
    );
    assert_eq!(desk.rows("x.db", &by_header), ["/|", "|[[\"de\",\"/de\"]]"]);
}

#[test]
fn whoever_wants_to_follows_all_the_same() {
    let (site, desk) = (site(), Desk::new());
    let ran = desk.run(&[&["crawl", &site.url("/"), "--follow-nofollow"], &FLAGS[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let followed = site.paths().iter().filter(|path| path.ends_with("/t")).count();
    assert_eq!(followed, ROWS.len());
}

#[test]
fn rel_on_a_link_is_kept_and_nofollow_alone_holds_it() {
    let site = Site::start(|request, _| {
        Some(Answer::html(match &*request.path {
            "/" => {
                "<a rel=nofollow href=/n>n</a><a rel='ugc' href=/u>u</a><a rel='sponsored' href=/s>s</a>
                 <a rel='UGC NoFollow' href=/un>un</a><a rel='external noopener' href=/e>e</a>
                 <a rel=nofollow href=/both>1</a><a href=/both>2</a>"
            }
            _ => "<p>x",
        }))
    });
    let desk = Desk::new();
    let ran = desk.run(&[&["crawl", &site.url("/")], &FLAGS[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(site.paths(), ["/", "/both", "/e", "/s", "/u"]);
    let links = format!(
        "SELECT replace(target, '{}', ''), rel, follow FROM links ORDER BY position",
        site.url("")
    );
    assert_eq!(
        desk.rows("x.db", &links),
        [
            "/n|nofollow|0",
            "/u|ugc|1",
            "/s|sponsored|1",
            "/un|UGC NoFollow|0",
            "/e|external noopener|1",
            "/both|nofollow|0",
            "/both||1"
        ]
    );
    let held = "SELECT DISTINCT reason, detail FROM skipped";
    assert_eq!(desk.rows("x.db", held), ["nofollow|rel=nofollow"]);
}
