//! Are traps found, and nothing else? A table of URLs, and sites that never end.

use std::collections::{HashSet, VecDeque};

use super::*;

/// The year of all crawls here.
const YEAR: u16 = 2026;

fn traps() -> Traps {
    Traps::new(UrlHasher::new([7; 16]), YEAR)
}

fn url(text: &str) -> CanonicalUrl {
    CanonicalUrl::parse(text).unwrap()
}

/// Numbers without pattern, always the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // Knuth's MMIX generator; its upper bits are the better ones.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        let size = alphabet.len() as u64;
        let at = |random: &mut Self| usize::try_from(random.next() % size).unwrap();
        (0..length).map(|_| char::from(alphabet[at(self)])).collect()
    }

    fn hex(&mut self, length: usize) -> String {
        self.text(b"0123456789abcdef", length)
    }
}

/// What stands between `<` and `>` in the table, as the texts it takes in turn.
fn choices(name: &str) -> Vec<String> {
    if let Some((from, to)) = name.split_once("..") {
        let width = if from.starts_with('0') { from.len() } else { 1 };
        let numbers = from.parse::<u32>().unwrap()..=to.parse().unwrap();
        return numbers.map(|number| format!("{number:0width$}")).collect();
    }
    if let Some(times) = name.strip_prefix('x').and_then(|times| times.parse().ok()) {
        return vec![String::new(); times];
    }
    let is_random =
        name == "uuid" || name == "sha1" || name.starts_with("hex") || name.starts_with("token");
    if is_random { vec![format!("<{name}>")] } else { name.split('|').map(str::to_owned).collect() }
}

/// All URLs of a cell of the table.
fn expand(cell: &str, random: &mut Random) -> Vec<String> {
    let mut urls = vec![String::new()];
    for part in cell.split_inclusive('>') {
        let (text, name) =
            part.strip_suffix('>').and_then(|part| part.split_once('<')).unwrap_or((part, ""));
        let choices = if name.is_empty() { vec![String::new()] } else { choices(name) };
        urls = urls
            .iter()
            .flat_map(|start| choices.iter().map(move |choice| format!("{start}{text}{choice}")))
            .collect();
    }
    let fill = |url: &String| {
        let mut url = url.clone();
        while let Some((start, rest)) = url.split_once('<') {
            let (name, end) = rest.split_once('>').unwrap();
            let value = match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
                "hex" => random.hex(name[3..].parse().unwrap()),
                "token" => random.text(b"abcdefghXYZ0123456789", name[5..].parse().unwrap()),
                "sha" => random.hex(40),
                _ => [8, 4, 4, 4, 12].map(|length| random.hex(length)).join("-"),
            };
            url = format!("{start}{value}{end}");
        }
        url
    };
    urls.iter().map(fill).collect()
}

#[test]
fn every_row_of_the_table_is_judged_as_it_says() {
    let (mut count, mut wrong) = (0, Vec::new());
    for line in include_str!("../../fixtures/traps.tsv").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<_> = line.split('\t').collect();
        let [urls, kind, passing, pattern, why] = cells[..] else { panic!("{line}") };
        let (mut traps, mut passed, mut found) = (traps(), 0, Vec::new());
        for text in expand(urls, &mut Random(1)) {
            let url = url(&text);
            let Some(trap) = traps.judge(&url) else {
                passed += 1;
                continue;
            };
            assert!(matches(&trap.pattern, &url), "{why}: {} is not {url}", trap.pattern);
            if !found.contains(&trap) {
                found.push(trap);
            }
        }
        let names: Vec<_> = found.iter().map(|trap| (trap.kind.as_str(), &*trap.pattern)).collect();
        let expected = if kind == "-" { vec![] } else { vec![(kind, pattern)] };
        if (&names, passed) != (&expected, passing.parse().unwrap()) {
            wrong.push(format!("{why}: {urls}: {passed} passed, {names:?}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "not as the table says:\n{}", wrong.join("\n"));
    assert!(count > 80, "the table was read");
}

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
    for name in ["brand", "color", "material", "price", "size", "sort"].iter().take(names) {
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
    // 20 lists of six filters of five values each: 933 120 URLs.
    let went = crawl("https://a.org/shop", |path, _| {
        if path == "/shop" {
            return ((0..20).map(|list| format!("/shop/list{list}")).collect(), None);
        }
        (filters(path, 6, 5, true), None)
    });
    let names = "{3 of brand,color,material,price,size,sort}";
    let lists = (0..8).map(|list| format!("a.org/shop/list{list}?{names}"));
    let expected: Vec<_> = lists.chain([format!("a.org/**?{names}")]).collect();
    let found: Vec<_> = went.patterns.iter().map(|(_, pattern)| pattern.clone()).collect();
    assert_eq!(found, expected);
    // All lists with no, one and two filters, and the evidence.
    let all = 20 * (1 + 6 * 5 + 15 * 25);
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

#[test]
fn pages_that_differ_now_and_then_are_fetched() {
    let mut traps = traps();
    for page in 0..2000 {
        let text = if page % 40 == 0 { format!("page {page}") } else { "not found".to_owned() };
        for place in ["https://a.org/list?page=", "https://a.org/blog/post", "https://a.org/x/y/"] {
            let url = url(&format!("{place}{page}"));
            assert_eq!(traps.content(&url, &ContentHash::of(text.as_bytes())), None);
            let empty = CanonicalUrl::parse(&format!("{url}/__init__.py")).unwrap();
            assert_eq!(traps.content(&empty, &ContentHash::of(b"")), None);
        }
    }
}

/// URLs of all kinds, traps among them, each once.
fn mixed() -> Vec<CanonicalUrl> {
    let mut random = Random(5);
    let mut urls = Vec::new();
    for line in
        include_str!("../../fixtures/traps.tsv").lines().filter(|line| !line.starts_with('#'))
    {
        let Some((cell, rest)) = line.split_once('\t') else { continue };
        let most = if rest.starts_with('-') { 150 } else { 2000 };
        urls.extend(expand(cell, &mut random).into_iter().take(most).map(|text| url(&text)));
    }
    for at in (1..urls.len()).rev() {
        urls.swap(at, usize::try_from(random.next()).unwrap() % (at + 1));
    }
    let mut known = HashSet::new();
    urls.retain(|url| known.insert(url.clone()));
    urls
}

#[test]
fn after_a_crash_the_verdicts_are_as_if_there_had_been_none() {
    let urls = mixed();
    let content = |url: &CanonicalUrl| {
        let same = url.path() == "/list";
        ContentHash::of(if same { b"same" } else { url.as_str().as_bytes() })
    };
    let mut whole = traps();
    let mut found: Vec<Trap> = Vec::new();
    let mut verdicts = Vec::new();
    let mut crashed: Option<(usize, Traps)> = None;
    for (at, url) in urls.iter().enumerate() {
        if at % 4000 == 1700 {
            let mut resumed = traps();
            resumed.load(found.clone(), []);
            for url in &urls[..at] {
                resumed.judge(url);
            }
            for url in &urls[..at] {
                resumed.content(url, &content(url));
            }
            crashed = Some((at, resumed));
        }
        let verdict = (whole.judge(url), whole.content(url, &content(url)));
        if let Some((since, resumed)) = &mut crashed {
            let again = (resumed.judge(url), resumed.content(url, &content(url)));
            assert_eq!(again, verdict, "{url}, {at}, resumed at {since}");
        }
        for trap in [&verdict.0, &verdict.1].into_iter().flatten() {
            if !found.contains(trap) {
                found.push(trap.clone());
            }
        }
        verdicts.push(verdict);
    }
    assert!(found.len() > 20 && crashed.is_some(), "{} patterns", found.len());
    assert!(KINDS.iter().all(|kind| found.iter().any(|trap| trap.kind == *kind)));
}

#[test]
fn a_released_pattern_is_let_be() {
    let mut traps = traps();
    let months = |from: u16| {
        let months = (from..from + 3).flat_map(|year| (1..=12).map(move |month| (year, month)));
        months.map(|(year, month)| url(&format!("https://a.org/calendar/{year}/{month}")))
    };
    let found: Vec<_> = months(2029).filter_map(|url| traps.judge(&url)).collect();
    assert_eq!(found.len(), 24);
    let late = url("https://a.org/calendar/2040/1");
    assert_eq!(traps.parked(&late), Some(&found[0]));
    for without_server in [false, true] {
        let pattern = &found[0].pattern[if without_server { "a.org".len() } else { 0 }..];
        let mut other = self::traps();
        other.load(found[..1].to_vec(), []);
        assert!(other.release(pattern));
        assert!(other.parked(&late).is_none());
        assert_eq!(months(2032).filter_map(|url| other.judge(&url)).count(), 0);
        let mut later = self::traps();
        later.load([], [pattern]);
        assert_eq!(months(2032).filter_map(|url| later.judge(&url)).count(), 0);
    }
    assert!(!traps.release("no pattern"));
}

#[test]
fn every_pattern_is_read_as_it_is_written() {
    let mut traps = traps();
    let mut patterns: HashSet<Box<str>> = HashSet::new();
    for url in mixed() {
        let found = [traps.judge(&url), traps.content(&url, &ContentHash::of(b"x"))];
        for trap in found.into_iter().flatten() {
            patterns.insert(trap.pattern);
        }
    }
    for list in traps.parked.values() {
        for (pattern, trap) in list {
            assert_eq!(Pattern::parse(&trap.pattern).as_ref(), Some(pattern));
        }
    }
    assert!(patterns.len() > 30, "{}", patterns.len());
    for text in ["", "a.org", "https:", "{year not 2016-2028}"] {
        assert!(Pattern::parse(text).is_none(), "{text}");
    }
}

#[test]
fn hostile_urls_are_judged_in_bounded_time() {
    let mut traps = traps();
    let mut urls: Vec<_> =
        ["a/", "/", "ab/cd/", ";a=b", "(S(", "2029/01/", "*", "%252525", "%C3%A9/", "é/"]
            .map(|part| format!("https://a.org/{}", part.repeat(600 / part.len())))
            .into();
    for part in ["a=1&", "a&", "&", "=", "a=1,", "=%2C", "2029-01-01&", "?"] {
        urls.push(format!("https://a.org/x?{}", part.repeat(1800 / part.len())));
    }
    for text in &urls {
        let url = url(text);
        for _ in 0..20 {
            if let Some(trap) = traps.judge(&url) {
                assert!(trap.pattern.len() < 2200, "{}", trap.pattern.len());
                assert!(matches(&trap.pattern, &url), "{} is not {url}", trap.pattern);
            }
            traps.content(&url, &ContentHash::of(b"x"));
        }
    }
}
