//! Does the crawl of a site that never ends come to an end, and after how many pages?

use std::collections::{HashSet, VecDeque};

use super::tests::{Random, traps, url};
use super::*;

/// How a crawl of a site without end went.
#[derive(Debug, Default)]
struct Went {
    /// Pages fetched until nothing was left.
    fetched: usize,
    /// URLs set aside.
    aside: usize,
    patterns: Vec<(Kind, String)>,
}

/// Crawls a site, breadth first, as long as there is anything to fetch. `links`
/// says what the page of a URL leads to, and what is its content if that may be
/// the same elsewhere.
fn crawl(
    start: &str,
    mut links: impl FnMut(&str, usize) -> (Vec<String>, Option<&'static str>),
) -> Went {
    let (mut traps, mut went) = (traps(), Went::default());
    let mut known = HashSet::from([start.to_owned()]);
    let mut frontier = VecDeque::from([url(start)]);
    while let Some(page) = frontier.pop_front() {
        if traps.parked(&page).is_some() {
            went.aside += 1;
            continue;
        }
        went.fetched += 1;
        assert!(went.fetched < 20_000, "it never ends: {:?}, {page}", went.patterns);
        let (found, content) = links(page.path_and_query(), went.fetched);
        let own = format!("{page} {}", went.fetched);
        let content = ContentHash::of(content.unwrap_or(&own).as_bytes());
        let mut parked: Vec<Trap> = traps.content(&page, &content).into_iter().collect();
        for link in found {
            let url = CanonicalUrl::parse(page.to_url().join(&link).unwrap().as_str()).unwrap();
            if !known.insert(url.to_string()) {
                continue;
            }
            match traps.judge(&url) {
                None => frontier.push_back(url),
                Some(trap) => {
                    assert!(matches(&trap.pattern, &url), "{} is not {url}", trap.pattern);
                    went.aside += 1;
                    parked.push(trap);
                }
            }
        }
        for trap in parked {
            let name = (trap.kind, trap.pattern.into_string());
            if !went.patterns.contains(&name) {
                went.patterns.push(name);
            }
        }
    }
    went
}

fn assert_ends(went: &Went, most: usize, patterns: &[(Kind, &str)]) {
    let found: Vec<_> = went.patterns.iter().map(|(kind, text)| (*kind, &**text)).collect();
    assert_eq!(found, patterns);
    assert!(went.fetched <= most, "{} pages were fetched, {most} expected", went.fetched);
    assert!(went.aside > 0);
}

/// The months before and after the one that is `months` after January of the year 0.
fn months_around(months: i32) -> [(i32, i32); 2] {
    [months - 1, months + 1].map(|months| (months.div_euclid(12), months.rem_euclid(12) + 1))
}

#[test]
fn a_calendar_by_month_ends() {
    let went = crawl("https://a.org/cal/2026/07", |path, _| {
        let numbers: Vec<i32> = path.split('/').filter_map(|part| part.parse().ok()).collect();
        let around = months_around(numbers[0] * 12 + numbers[1] - 1);
        (around.map(|(year, month)| format!("/cal/{year}/{month:02}")).into(), None)
    });
    // From 2016 to 2028, and the thirteenth month after closes it: nothing more.
    let pattern = (Kind::Calendar, "a.org/cal/{year not 2016-2028}/{month}");
    assert_ends(&went, 13 * 12 + 12, &[pattern]);
}

#[test]
fn a_calendar_by_day_in_a_parameter_ends() {
    // Days as a calendar of 31 days a month has them; each also links to its month.
    let went = crawl("https://a.org/?view=day&date=2026-07-15", |path, _| {
        let date = path.rsplit('=').next().unwrap();
        let numbers: Vec<i32> = date.split('-').map(|part| part.parse().unwrap()).collect();
        let days = (numbers[0] * 12 + numbers[1] - 1) * 31 + numbers[2] - 1;
        let links = [days - 1, days + 1].map(|days| {
            let (year, month, day) = (days / 372, days / 31 % 12 + 1, days % 31 + 1);
            format!("/?view=day&date={year}-{month:02}-{day:02}")
        });
        (links.into(), None)
    });
    let pattern = (Kind::Calendar, "a.org/?date={date not 2016-2028}&view=*");
    assert_ends(&went, 13 * 372 + 27, &[pattern]);
}

#[test]
fn a_site_with_session_ids_is_fetched_once() {
    // Every answer begins a session of its own, and puts its id into all links.
    for name in ["sid", "visit"] {
        let mut random = Random(3);
        let went = crawl("https://a.org/0", |path, _| {
            let session = random.hex(32);
            let number: usize = path.split('?').next().unwrap()[1..].parse().unwrap();
            let targets = (1..=5).map(|k| (number * 5 + k) % 200).chain(0..5);
            (targets.map(|target| format!("/{target}?{name}={session}")).collect(), None)
        });
        let pattern = format!("a.org/**?{name}={{session}}");
        // 200 pages, and the first without a session; an unknown name is learnt first,
        // and what was met until then is fetched.
        assert_ends(&went, if name == "sid" { 201 } else { 1200 }, &[(Kind::Session, &pattern)]);
    }
}

#[test]
fn a_path_that_grows_by_one_link_ends() {
    let went = crawl("https://a.org/en/", |_, _| (vec!["about/".into()], None));
    assert_ends(&went, 4, &[(Kind::Repeated, "a.org/**/(about)+")]);

    let went = crawl("https://a.org/en/", |_, _| {
        (vec!["www.b.com/intl/de/policies/privacy/partners/".into()], None)
    });
    let cycle = "a.org/**/(www.b.com/intl/de/policies/privacy/partners)+";
    assert_ends(&went, 3, &[(Kind::Repeated, cycle)]);

    let went = crawl("https://a.org/", |_, fetched| (vec![format!("level{fetched}/")], None));
    assert_ends(&went, 40, &[(Kind::Growing, "a.org/{over 40 segments}")]);
}

#[test]
fn a_path_that_grows_by_several_links_ends() {
    let words = ["about", "blog", "contact", "imprint", "jobs", "news", "shop", "team"];
    for (count, most) in [(2, 100), (3, 200), (8, 1500)] {
        let went = crawl("https://a.org/", |_, _| {
            (words[..count].iter().map(|word| format!("{word}/")).collect(), None)
        });
        let pattern = format!("a.org/({}){{4,}}", words[..count].join("|"));
        assert!(went.patterns.contains(&(Kind::Growing, pattern)), "{:?}", went.patterns);
        let fetched = went.fetched;
        assert!(fetched <= most, "{fetched} pages of {count} words, {:?}", went.patterns);
    }
}

/// All ways to add one value of a filter to the query, in the order of the clicks
/// or sorted.
fn filters(path: &str, names: usize, values: usize, is_sorted: bool) -> Vec<String> {
    let (start, query) = path.split_once('?').unwrap_or((path, ""));
    let chosen: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    let mut links = Vec::new();
    for name in ["brand", "color", "material", "price", "size"].iter().take(names) {
        if chosen.iter().any(|pair| pair.starts_with(name)) {
            continue;
        }
        for value in 0..values {
            let pair = format!("{name}={value}");
            let mut pairs = chosen.clone();
            pairs.push(&pair);
            if is_sorted {
                pairs.sort_unstable();
            }
            links.push(format!("{start}?{}", pairs.join("&")));
        }
    }
    links
}

#[test]
fn a_shop_with_filters_ends() {
    // 10 lists of five filters of four values each: 31 250 URLs.
    let went = crawl("https://a.org/shop", |path, _| {
        if path == "/shop" {
            return ((0..10).map(|list| format!("/shop/list{list}")).collect(), None);
        }
        (filters(path, 5, 4, true), None)
    });
    let names = "{3 of brand,color,material,price,size}";
    let lists = (0..8).map(|list| format!("a.org/shop/list{list}?{names}"));
    let expected: Vec<_> = lists.chain([format!("a.org/**?{names}")]).collect();
    let found: Vec<_> = went.patterns.iter().map(|(_, pattern)| pattern.clone()).collect();
    assert_eq!(found, expected);
    // All lists with no, one and two filters, and the evidence.
    let all = 10 * (1 + 5 * 4 + 10 * 16);
    assert!((all..all + 9 * 1000).contains(&went.fetched), "{}", went.fetched);
}

#[test]
fn filters_in_the_order_of_the_clicks_are_fetched_once() {
    let went = crawl("https://a.org/shop", |path, _| (filters(path, 4, 3, false), None));
    // (1 + 3) to the fourth, and the evidence.
    let pattern = (Kind::Parameters, "a.org/shop?{other order}");
    assert_ends(&went, 256 + 5, &[pattern]);
}

#[test]
fn one_content_under_many_urls_ends() {
    // A list that goes on after its end.
    let went = crawl("https://a.org/list?page=1", |path, _| {
        let page: usize = path.rsplit('=').next().unwrap().parse().unwrap();
        let content = (page > 300).then_some("nothing more");
        (vec![format!("/list?page={}", page + 1)], content)
    });
    assert_ends(&went, 350, &[(Kind::SameContent, "a.org/list?page=*")]);

    // A router that shows the same whatever follows.
    let mut count = 0;
    let went = crawl("https://a.org/app/", |_, _| {
        count += 1;
        (vec![format!("/app/x{count}/about"), format!("/app/y{count}")], Some("app"))
    });
    let patterns = [(Kind::SameContent, "a.org/app/*"), (Kind::SameContent, "a.org/**/about")];
    let found: Vec<_> = went.patterns.iter().map(|(kind, text)| (*kind, &**text)).collect();
    assert!(patterns.iter().all(|pattern| found.contains(pattern)), "{found:?}");
    assert!(went.fetched <= 150, "{}", went.fetched);
}
