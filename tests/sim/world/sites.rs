//! Which machines are there, which sites are on them, and how do they behave?

use std::net::IpAddr;
use std::time::Duration;

use crawlite::engine::record::Outcome;

use super::failures::refusal;
use crate::Scale;
use crate::dice::Dice;

/// Whom a crawl must be polite to: a server.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) server: String,
    /// Where its name leads: many names to few addresses, some to none.
    pub(crate) address: Option<IpAddr>,
    /// Why no connection ever comes about.
    pub(crate) is_dead: Option<&'static str>,
    pub(crate) mood: Option<Mood>,
    /// By how many powers of two slower it is than others.
    pub(crate) slowness: u64,
}

/// From some answer on a machine has enough of us, for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mood {
    pub(crate) after: u64,
    pub(crate) until: Duration,
    /// `None`: it shows everybody the same page, which asks whether they are people.
    pub(crate) outcome: Option<Outcome>,
}

/// A time in which no connection comes about: to one server, or to any.
#[derive(Clone, Debug)]
pub(crate) struct Outage {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    pub(crate) server: Option<String>,
    pub(crate) code: &'static str,
}

/// An origin, and how its robots.txt behaves.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) machine: usize,
    /// The site whose pages it shows, too.
    pub(crate) original: Option<usize>,
    pub(crate) is_private: bool,
    /// The first requests for robots.txt that fail; `u64::MAX`: all.
    pub(crate) robots_failures: u64,
    /// The URLs that robots.txt redirects through.
    pub(crate) robots_hops: Vec<String>,
    /// What it says, from when on.
    pub(crate) says: Vec<(Duration, Said)>,
}

/// What a robots.txt says.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// No failure, and no rules: everything is allowed.
    Status(u16),
    Rules(Rulebook),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rulebook {
    pub(crate) disallow: Vec<String>,
    pub(crate) crawl_delay: Option<Duration>,
    pub(crate) sitemaps: Vec<String>,
}

impl Site {
    /// What its robots.txt says at a time.
    pub(crate) fn said(&self, now: Duration) -> &Said {
        let (_, said) = self.says.iter().rev().find(|(from, _)| *from <= now).expect("from 0 on");
        said
    }

    /// Whether what robots.txt says depends on when it is asked.
    pub(crate) fn is_fickle(&self) -> bool {
        self.says.len() > 1
    }

    /// The rules, if they are always the same.
    pub(crate) fn rulebook(&self) -> Option<&Rulebook> {
        match &self.says[0].1 {
            Said::Rules(rules) => Some(rules),
            Said::Status(_) => None,
        }
    }
}

impl Rulebook {
    pub(crate) fn text(&self) -> String {
        let mut lines = vec!["User-agent: *".to_owned()];
        lines.extend(self.disallow.iter().map(|path| format!("Disallow: {path}")));
        lines.extend(self.crawl_delay.map(|delay| format!("Crawl-delay: {}", delay.as_secs_f64())));
        lines.extend(self.sitemaps.iter().map(|url| format!("Sitemap: {url}")));
        lines.join("\n")
    }

    pub(crate) fn disallows(&self, path: &str) -> bool {
        path != "/robots.txt" && self.disallow.iter().any(|start| path.starts_with(&**start))
    }
}

/// What is the matter with a world's sites, if anything.
struct Matters {
    robots: bool,
    moods: bool,
    deaths: bool,
    mirrors: bool,
    fickle: bool,
    slow: bool,
    one_address: bool,
}

pub(super) fn sites(dice: &mut Dice, scale: Scale) -> (Vec<Machine>, Vec<Site>) {
    let matters = Matters {
        robots: dice.chance(40),
        moods: dice.chance(15),
        deaths: dice.chance(10),
        mirrors: dice.chance(20),
        fickle: dice.chance(8),
        slow: dice.chance(15),
        one_address: dice.chance(10),
    };
    let bits = if matters.one_address { 4 } else { 3 };
    let hosts = dice.any_size(bits).min(scale.hosts);
    let (mut machines, mut sites) = (Vec::new(), Vec::new());
    for host in 0..hosts {
        add_host(dice, host, &matters, &mut machines, &mut sites);
    }
    for index in 0..sites.len() {
        let hops = if dice.chance(20) { dice.between(1, 7) } else { 0 };
        let is_loop = dice.chance(10);
        for hop in 0..hops {
            let host = if dice.chance(50) { index } else { dice.index(sites.len()) };
            let url = format!("{}/robots-{index}-{hop}", sites[host].name);
            let again = sites[index].robots_hops.first().filter(|_| is_loop).cloned();
            sites[index].robots_hops.push(again.unwrap_or(url));
        }
    }
    (machines, sites)
}

/// A name with and without `www.`, over http and https, of which some are there.
fn add_host(
    dice: &mut Dice,
    host: u64,
    matters: &Matters,
    machines: &mut Vec<Machine>,
    sites: &mut Vec<Site>,
) {
    let own_sites = sites.len();
    let twins = ["http://h", "https://h", "http://www.h", "https://www.h"];
    let first = dice.index(4);
    let shows_the_same = matters.mirrors && dice.chance(60);
    for (index, twin) in twins.iter().enumerate() {
        if index != first && !dice.chance(if shows_the_same { 60 } else { 25 }) {
            continue;
        }
        let port = if dice.chance(10) { ":8080" } else { "" };
        let name = format!("{twin}{host}.test{port}");
        let server = format!("h{host}.test{port}");
        let machine = machines.iter().position(|machine| machine.server == server);
        let machine = machine.unwrap_or_else(|| {
            machines.push(machine_of(dice, server, matters));
            machines.len() - 1
        });
        let original = sites[own_sites..].iter().position(|other| other.machine == machine);
        let original = original.map(|at| at + own_sites).filter(|_| shows_the_same);
        sites.push(site(dice, name, machine, original, matters));
    }
}

fn machine_of(dice: &mut Dice, server: String, matters: &Matters) -> Machine {
    let place = if matters.one_address { 3 } else { dice.below(5) };
    let address = IpAddr::from([93, 184, 216, u8::try_from(place / 2).expect("small")]);
    let mood = (matters.moods && dice.chance(50)).then(|| Mood {
        after: dice.any_size(6),
        until: Duration::from_micros(dice.any_size(31)),
        outcome: dice.chance(85).then(|| refusal(dice)),
    });
    let codes = ["connect", "dns", "timeout"];
    Machine {
        server,
        address: (place > 0).then_some(address),
        is_dead: (matters.deaths && dice.chance(30)).then(|| *dice.pick(&codes)),
        mood,
        slowness: if matters.slow && dice.chance(40) { dice.below(6) } else { 0 },
    }
}

fn site(
    dice: &mut Dice,
    name: String,
    machine: usize,
    original: Option<usize>,
    matters: &Matters,
) -> Site {
    let robots_failures = match dice.below(if matters.robots { 8 } else { 1000 }) {
        0 => u64::MAX,
        1 | 2 => dice.between(1, 6),
        _ => 0,
    };
    let mut says = vec![(Duration::ZERO, said(dice))];
    if matters.fickle && dice.chance(60) {
        for _ in 0..dice.between(1, 2) {
            says.push((Duration::from_micros(dice.any_size(38)), said(dice)));
        }
        says.sort_by_key(|(from, _)| *from);
    }
    let is_private = dice.chance(3);
    Site { name, machine, original, is_private, robots_failures, robots_hops: Vec::new(), says }
}

fn said(dice: &mut Dice) -> Said {
    if dice.chance(40) {
        return Said::Status(*dice.pick(&[404, 404, 404, 410, 401, 403, 400, 451, 204, 302, 304]));
    }
    let mut rules = Rulebook::default();
    rules.disallow.extend(dice.chance(60).then(|| "/private/".to_owned()));
    rules.disallow.extend(dice.chance(20).then(|| "/a/b/".to_owned()));
    rules.disallow.extend(dice.chance(3).then(|| "/".to_owned()));
    let delay = dice.between(100, 12_000);
    rules.crawl_delay = dice.chance(30).then(|| Duration::from_millis(delay));
    Said::Rules(rules)
}

pub(super) fn outages(dice: &mut Dice, machines: &[Machine]) -> Vec<Outage> {
    let count = if dice.chance(25) { dice.between(1, 3) } else { 0 };
    let outage = |dice: &mut Dice| {
        let from = Duration::from_micros(dice.any_size(29));
        let to = from + Duration::from_micros(dice.any_size(30));
        let server = dice.chance(50).then(|| dice.pick(machines).server.clone());
        let codes = ["connect", "connect", "dns", "timeout"];
        Outage { from, to, server, code: codes[dice.index(codes.len())] }
    };
    (0..count).map(|_| outage(dice)).collect()
}
