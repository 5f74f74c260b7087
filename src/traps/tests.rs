//! Is a URL judged as it should be? A table, and what must hold of any URL.

use std::collections::HashSet;

use super::*;

/// The year of all crawls here.
const YEAR: u16 = 2026;

pub(super) fn traps() -> Traps {
    Traps::new(UrlHasher::new([7; 16]), YEAR)
}

pub(super) fn url(text: &str) -> CanonicalUrl {
    CanonicalUrl::parse(text).unwrap()
}

/// Numbers without pattern, always the same.
pub(super) struct Random(pub(super) u64);

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

    pub(super) fn hex(&mut self, length: usize) -> String {
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
    let cycle = format!("{}/{}/", "x".repeat(250), "(".repeat(250));
    urls.push(format!("https://a.org/{}", cycle.repeat(3)));
    for part in ["a=1&", "a&", "&", "=", "a=1,", "=%2C", "2029-01-01&", "?"] {
        urls.push(format!("https://a.org/x?{}", part.repeat(1800 / part.len())));
    }
    for text in &urls {
        let url = url(text);
        for _ in 0..20 {
            if let Some(trap) = traps.judge(&url) {
                assert!(trap.pattern.len() <= MOST_TEXT_BYTES, "{}", trap.pattern.len());
                assert!(trap.evidence.len() <= MOST_TEXT_BYTES, "{}", trap.evidence.len());
                assert!(matches(&trap.pattern, &url), "{} is not {url}", trap.pattern);
            }
            traps.content(&url, &ContentHash::of(b"x"));
        }
    }
}

#[test]
fn what_a_url_shows_by_itself_is_parked_however_many_patterns_there_are() {
    let mut traps = traps();
    for server in 0..MOST_PATTERNS + 10 {
        let url = url(&format!("https://a{server}.org/a{server}/b/a{server}/b/a{server}/b"));
        let trap = traps.judge(&url).expect("it repeats itself");
        assert!(matches(&trap.pattern, &url), "{} is not {url}", trap.pattern);
    }
    assert_eq!(traps.parked_count, MOST_PATTERNS + 1);
    assert!(traps.judge(&url("https://a.org/a/b/a/b/")).is_none());
}
