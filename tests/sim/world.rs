//! What does the simulated web look like?
//!
//! A [`World`] follows from one number: origins with their robots.txt, and nodes,
//! which are the URLs that answer something. It is only data; [`super::driver`]
//! plays the servers, [`super::reference`] says what a crawl of it must find.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crawlite::canonical::CanonicalUrl;
use crawlite::config::{Preset, ScopeConfig};
use crawlite::engine::record::Outcome;
use crawlite::scope::Scope;

/// Numbers that follow from a seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("an index")
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Of every order of magnitude from 1 to `2^bits` alike.
    pub(crate) fn any_size(&mut self, bits: u64) -> u64 {
        let bits = self.below(bits + 1);
        self.below(1 << bits) + 1
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.index(list.len())]
    }
}

/// Where the name of a host leads: many names to few machines, some to none.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    match host.bytes().map(u64::from).sum::<u64>() % 5 {
        0 => None,
        last => Some(IpAddr::from([93, 184, 216, u8::try_from(last / 2).expect("small")])),
    }
}

/// What a URL answers once it answers well.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Page(Vec<Link>),
    Redirect(String),
    Status(u16),
    /// Pages, and further sitemaps.
    Sitemap(Vec<String>, Vec<String>),
    Private,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) to: String,
    pub(crate) nofollow: bool,
    pub(crate) asset: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) answer: Answer,
    /// What the first requests get instead.
    pub(crate) failures: Vec<Outcome>,
}

/// A time in which no connection comes about: to one server, or to any.
#[derive(Clone, Debug)]
pub(crate) struct Outage {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    pub(crate) server: Option<String>,
}

/// An origin, and how its robots.txt behaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) is_private: bool,
    /// The first requests that fail; `u64::MAX`: all.
    pub(crate) robots_failures: u64,
    /// The URLs that robots.txt redirects through.
    pub(crate) robots_hops: Vec<String>,
    /// `None`: 404.
    pub(crate) robots: Option<String>,
    pub(crate) disallow: Vec<String>,
    pub(crate) crawl_delay: Option<Duration>,
    pub(crate) sitemaps: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) sites: Vec<Site>,
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) outages: Vec<Outage>,
    pub(crate) seeds: Vec<CanonicalUrl>,
    pub(crate) scope: Scope,
    pub(crate) robots: bool,
    pub(crate) reads_sitemaps: bool,
    pub(crate) depth_limit: Option<u16>,
    pub(crate) retries: u8,
}

/// Redirects of robots.txt that are followed.
pub(crate) const ROBOTS_HOPS: usize = 5;

impl World {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let mut sites = sites(dice);
        let names: Vec<_> = sites.iter().map(|site| site.name.clone()).collect();
        let count = if dice.chance(20) { dice.between(200, 400) } else { dice.between(10, 120) };
        // Some worlds are mostly of one server.
        let crowded = if dice.chance(50) { dice.between(0, 90) } else { 0 };
        let mut urls = Vec::new();
        for number in 0..count {
            let folder = *dice.pick(&["", "", "", "private/", "a/", "a/b/"]);
            let name = if dice.chance(crowded) { &names[0] } else { dice.pick(&names) };
            urls.push(format!("{name}/{folder}{number}"));
        }
        let seed_count = dice.any_size(3).min(count);
        let seeds: Vec<_> = (0..seed_count).map(|_| parsed(dice.pick::<String>(&urls))).collect();
        let preset = if dice.chance(50) { Preset::Any } else { Preset::Host };
        let scope = ScopeConfig { preset, ..ScopeConfig::default() };
        let scope = Scope::new(&scope, &seeds).expect("no pattern is wrong");
        let reads_sitemaps = dice.chance(70);
        let mut nodes = BTreeMap::new();
        if reads_sitemaps {
            for site in &mut sites {
                add_sitemaps(dice, site, &urls, &mut nodes);
            }
        }
        let eager = dice.between(2, 10);
        for url in &urls {
            let home = &sites[site_of(&names, url)];
            let answer = answer(dice, url, home, &urls, eager);
            nodes.insert(url.clone(), Node { answer, failures: failures(dice) });
        }
        for seed in &seeds {
            if dice.chance(20) {
                continue;
            }
            let home = &sites[site_of(&names, seed.as_str())];
            let links = (0..dice.between(5, 40)).map(|_| link(dice, home, &urls)).collect();
            nodes.get_mut(seed.as_str()).expect("a node").answer = Answer::Page(links);
        }
        add_long_chain(dice, &urls, &mut nodes);
        for site in &mut sites {
            site.robots = robots_text(site);
        }
        let robots = dice.chance(90);
        let mut outages = outages(dice, &names);
        // Without a robots.txt that came before, a server that is away was never there.
        outages.retain(|outage| robots || outage.server.is_none());
        Self {
            sites,
            nodes,
            seeds,
            scope,
            robots,
            reads_sitemaps,
            depth_limit: dice.chance(35).then(|| u16::try_from(dice.below(6)).expect("small")),
            retries: u8::try_from(dice.below(4)).expect("small"),
            outages,
        }
    }

    /// Whether no connection to a server comes about now.
    pub(crate) fn is_away(&self, server: &str, now: Duration) -> bool {
        let here = |outage: &Outage| outage.server.as_deref().is_none_or(|it| it == server);
        self.outages.iter().any(|it| (it.from..it.to).contains(&now) && here(it))
    }

    pub(crate) fn site(&self, origin: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.name == origin)
    }
}

fn outages(dice: &mut Dice, names: &[String]) -> Vec<Outage> {
    let count = if dice.chance(30) { dice.between(1, 3) } else { 0 };
    let outage = |dice: &mut Dice| {
        let from = Duration::from_micros(dice.any_size(28));
        let to = from + Duration::from_micros(dice.any_size(29));
        let one = parsed(&format!("{}/", dice.pick(names))).server().to_owned();
        Outage { from, to, server: dice.chance(50).then_some(one) }
    };
    (0..count).map(|_| outage(dice)).collect()
}

pub(crate) fn parsed(url: &str) -> CanonicalUrl {
    CanonicalUrl::parse(url).expect("URLs of the world are canonical")
}

fn site_of(names: &[String], url: &str) -> usize {
    let origin = parsed(url).origin().to_owned();
    names.iter().position(|name| *name == origin).expect("every URL is of a site")
}

fn sites(dice: &mut Dice) -> Vec<Site> {
    let mut sites: Vec<Site> = Vec::new();
    let hosts = dice.any_size(4);
    let troubled = dice.chance(50);
    for host in 0..hosts {
        let twins = ["http://h", "https://h", "http://www.h", "https://www.h"];
        let first = dice.index(4);
        for (index, twin) in twins.iter().enumerate() {
            if index != first && !dice.chance(25) {
                continue;
            }
            let port = if dice.chance(10) { ":8080" } else { "" };
            let mut site = Site { name: format!("{twin}{host}.test{port}"), ..Site::default() };
            site.is_private = dice.chance(3);
            site.robots_failures = match dice.below(if troubled { 8 } else { 1000 }) {
                0 => u64::MAX,
                1 | 2 => dice.between(1, 6),
                _ => 0,
            };
            if dice.chance(50) {
                site.disallow.extend(dice.chance(70).then(|| "/private/".to_owned()));
                site.disallow.extend(dice.chance(20).then(|| "/a/b/".to_owned()));
                site.disallow.extend(dice.chance(3).then(|| "/".to_owned()));
                let delay = dice.between(100, 12_000);
                site.crawl_delay = dice.chance(30).then(|| Duration::from_millis(delay));
            }
            sites.push(site);
        }
    }
    for index in 0..sites.len() {
        let hops = if dice.chance(20) { dice.between(1, 7) } else { 0 };
        for hop in 0..hops {
            let host = if dice.chance(50) { index } else { dice.index(sites.len()) };
            let url = format!("{}/robots-{index}-{hop}", sites[host].name);
            sites[index].robots_hops.push(url);
        }
    }
    sites
}

/// Sitemaps of a site: those that robots.txt names, and what an index among them names.
fn add_sitemaps(
    dice: &mut Dice,
    site: &mut Site,
    urls: &[String],
    nodes: &mut BTreeMap<String, Node>,
) {
    let name = site.name.clone();
    let mut named = Vec::new();
    if dice.chance(30) {
        named.push(format!("{name}/sitemap.xml"));
    }
    for number in 0..dice.below(3) {
        let url = format!("{name}/map-{number}");
        site.sitemaps.push(url.clone());
        named.push(url);
    }
    let mut level = 0;
    while !named.is_empty() {
        level += 1;
        let mut next = Vec::new();
        for url in named {
            let pages = (0..dice.below(8)).map(|_| dice.pick(urls).clone()).collect();
            let mut maps: Vec<_> = (0..dice.below(4)).map(|map| format!("{url}-{map}")).collect();
            if level > 4 || dice.chance(60) {
                maps.clear();
            }
            next.extend(maps.iter().cloned());
            nodes.insert(
                url,
                Node { answer: Answer::Sitemap(pages, maps), failures: failures(dice) },
            );
        }
        named = next;
    }
}

fn answer(dice: &mut Dice, url: &str, home: &Site, urls: &[String], eager: u64) -> Answer {
    match dice.below(20) {
        0 | 1 => Answer::Status(*dice.pick(&[404, 410, 403, 200])),
        2 | 3 => Answer::Redirect(dice.pick(urls).clone()),
        4 if dice.chance(20) => Answer::Private,
        5 if dice.chance(20) => Answer::Redirect(url.to_owned()),
        _ => {
            let mut links: Vec<Link> = Vec::new();
            for _ in 0..dice.below(eager + 1) {
                links.push(link(dice, home, urls));
            }
            if dice.chance(20)
                && let Some(again) = links.first().cloned()
            {
                links.push(Link { nofollow: dice.chance(50), ..again });
            }
            Answer::Page(links)
        }
    }
}

fn link(dice: &mut Dice, home: &Site, urls: &[String]) -> Link {
    let to = match dice.below(40) {
        0 => "mailto:somebody@h0.test".to_owned(),
        1 => format!("https://elsewhere{}.test/", dice.below(3)),
        2 => format!("{}/nothing{}", home.name, dice.below(3)),
        3 => format!("{}/robots.txt", home.name),
        4 => home.sitemaps.first().unwrap_or(&urls[0]).clone(),
        _ => dice.pick(urls).clone(),
    };
    Link { to, nofollow: dice.chance(10), asset: dice.chance(8) }
}

/// A chain of about as many redirects as are followed. One link leads to its head,
/// none to what is behind: how many redirects are before a URL is that of the way
/// on which it was met first.
fn add_long_chain(dice: &mut Dice, urls: &[String], nodes: &mut BTreeMap<String, Node>) {
    let on = dice.pick(urls);
    let Some(Node { answer: Answer::Page(links), .. }) = nodes.get_mut(on) else { return };
    if !dice.chance(30) {
        return;
    }
    let url = |hop| format!("{}/chain/{hop}", parsed(on).origin());
    links.push(Link { to: url(0), nofollow: false, asset: false });
    let length = dice.between(8, 13);
    for hop in 0..=length {
        let last = hop == length;
        let answer = if last { Answer::Page(Vec::new()) } else { Answer::Redirect(url(hop + 1)) };
        nodes.insert(url(hop), Node { answer, failures: Vec::new() });
    }
}

fn failures(dice: &mut Dice) -> Vec<Outcome> {
    let often = if dice.chance(20) { dice.between(1, 5) } else { 0 };
    (0..often).map(|_| failure(dice)).collect()
}

pub(crate) fn failure(dice: &mut Dice) -> Outcome {
    let bits = if dice.chance(5) { 11 } else { 5 };
    let wait = Some(Duration::from_secs(dice.any_size(bits)));
    let failed = |code| Outcome::Failed { code, is_transient: true, no_connection: false };
    match dice.below(6) {
        0 => Outcome::Answer { status: 429, retry_after: wait },
        1 => Outcome::Answer { status: 503, retry_after: wait },
        2 => Outcome::Answer { status: 503, retry_after: None },
        3 => Outcome::Answer { status: 500, retry_after: None },
        4 => failed("timeout"),
        _ => failed("broken"),
    }
}

fn robots_text(site: &Site) -> Option<String> {
    if site.disallow.is_empty() && site.crawl_delay.is_none() && site.sitemaps.is_empty() {
        return None;
    }
    let mut lines = vec!["User-agent: *".to_owned()];
    lines.extend(site.disallow.iter().map(|path| format!("Disallow: {path}")));
    lines.extend(site.crawl_delay.map(|delay| format!("Crawl-delay: {}", delay.as_secs_f64())));
    lines.extend(site.sitemaps.iter().map(|url| format!("Sitemap: {url}")));
    Some(lines.join("\n"))
}
