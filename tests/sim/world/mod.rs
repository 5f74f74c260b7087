//! What does the simulated web look like?
//!
//! A [`World`] follows from a seed: machines that may be away or begin to refuse,
//! the sites on them with their robots.txt, and nodes, which are the URLs that
//! answer something. It is only data; [`super::servers`] plays it,
//! [`super::reference`] says what a crawl of it must find.

mod failures;
mod graph;
mod mazes;
mod sites;

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::IpAddr;
use std::time::Duration;

use crawlite::canonical::CanonicalUrl;
use crawlite::engine::record::Outcome;
use hashbrown::HashMap;

use super::Scale;
use super::dice::Dice;

pub(crate) use failures::{failed, no_rules};
pub(crate) use mazes::Maze;
pub(crate) use sites::{Machine, Mood, Outage, Said, Site};

/// Redirects of robots.txt that are followed.
pub(crate) const ROBOTS_HOPS: usize = 5;

/// How a link is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Follow,
    Nofollow,
    Image,
    Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) to: String,
    pub(crate) how: How,
}

/// What a URL answers once it answers well.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A page; whether it asks that none of its links be followed.
    Page {
        links: Vec<Link>,
        nofollow: bool,
    },
    /// Something that is no page: an image, a PDF.
    File,
    /// A stylesheet, and what it refers to.
    Css(Vec<String>),
    Redirect(u16, String),
    /// Any answer without more.
    Status(u16),
    /// Pages, and further sitemaps.
    Sitemap(Vec<String>, Vec<String>),
    /// No answer, for good.
    Failure(Outcome),
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) answer: Answer,
    /// What the first requests get instead.
    pub(crate) failures: Vec<Outcome>,
    /// Whether it has no answer to HEAD.
    pub(crate) refuses_head: bool,
    /// What a page says; two with the same number say the same.
    pub(crate) content: u64,
}

impl Node {
    pub(crate) fn new(answer: Answer, content: u64) -> Self {
        Self { answer, failures: Vec::new(), refuses_head: false, content }
    }
}

/// A node as one of its URLs shows it.
pub(crate) struct Served<'a> {
    pub(crate) node: &'a Node,
    /// Of a mirror: the origin whose pages it shows, and its own.
    rebased: Option<(&'a str, &'a str)>,
}

impl Served<'_> {
    /// Where a link that is written as `to` leads: links within a site are relative.
    pub(crate) fn target<'t>(&self, to: &'t str) -> Cow<'t, str> {
        let path = self.rebased.and_then(|(original, _)| to.strip_prefix(original));
        match (path, self.rebased) {
            (Some(path), Some((_, own))) if path.starts_with('/') => format!("{own}{path}").into(),
            _ => to.into(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) machines: Vec<Machine>,
    by_server: HashMap<String, usize>,
    pub(crate) sites: Vec<Site>,
    by_origin: HashMap<String, usize>,
    /// URLs that crawls may come upon, besides sitemaps and mazes.
    urls: Vec<String>,
    nodes: HashMap<String, Node>,
    pub(crate) mazes: Vec<Maze>,
    pub(crate) outages: Vec<Outage>,
    pub(crate) seeds: Vec<CanonicalUrl>,
}

impl World {
    pub(crate) fn new(dice: &mut Dice, scale: Scale) -> Self {
        let (machines, sites) = sites::sites(dice, scale);
        let index = |(at, name): (usize, &String)| (name.clone(), at);
        let by_server = machines.iter().map(|machine| &machine.server).enumerate();
        let by_origin = sites.iter().map(|site| &site.name).enumerate();
        let mut world = Self {
            by_server: by_server.map(index).collect(),
            by_origin: by_origin.map(index).collect(),
            outages: sites::outages(dice, &machines),
            machines,
            sites,
            urls: Vec::new(),
            nodes: HashMap::new(),
            mazes: Vec::new(),
            seeds: Vec::new(),
        };
        world.grow(dice, scale);
        world
    }

    /// Whether no connection to a machine comes about now, and why.
    pub(crate) fn is_away(&self, machine: &Machine, now: Duration) -> Option<Outcome> {
        let here =
            |outage: &&Outage| outage.server.as_deref().is_none_or(|it| *it == machine.server);
        let now_here = |outage: &&Outage| (outage.from..outage.to).contains(&now) && here(outage);
        let outage = self.outages.iter().find(now_here).map(|outage| outage.code);
        let code = machine.is_dead.or(outage)?;
        Some(Outcome::Failed { code, is_transient: true, no_connection: true })
    }

    /// Whether any connection to a machine may fail to come about.
    pub(crate) fn may_be_away(&self, machine: &Machine) -> bool {
        let here = |outage: &Outage| outage.server.as_ref().is_none_or(|it| *it == machine.server);
        machine.is_dead.is_some() || self.outages.iter().any(here)
    }

    /// When the last outage, bad mood and change of mind is over.
    pub(crate) fn settles_at(&self) -> Duration {
        let outages = self.outages.iter().map(|outage| outage.to);
        let moods = self.machines.iter().filter_map(|machine| Some(machine.mood?.until));
        outages.chain(moods).max().unwrap_or_default()
    }

    /// What a name leads to, unless names lead nowhere now.
    pub(crate) fn address(&self, host: &str, now: Duration) -> Option<IpAddr> {
        let is_down = |it: &Outage| it.server.is_none() && (it.from..it.to).contains(&now);
        if self.outages.iter().any(is_down) {
            return None;
        }
        self.machines.iter().find(|it| host_name(&it.server) == host)?.address
    }

    pub(crate) fn site(&self, origin: &str) -> Option<&Site> {
        self.by_origin.get(origin).map(|at| &self.sites[*at])
    }

    pub(crate) fn machine(&self, server: &str) -> Option<&Machine> {
        self.by_server.get(server).map(|at| &self.machines[*at])
    }

    /// What a URL shows; `None`: 404.
    pub(crate) fn served(&self, url: &str) -> Option<Served<'_>> {
        if let Some(node) = self.nodes.get(url) {
            return Some(Served { node, rebased: None });
        }
        let path_at = url.find("//")? + 2;
        let (own, path) = url.split_at(path_at + url[path_at..].find('/')?);
        let original = &self.sites[self.site(own)?.original?].name;
        let node = self.nodes.get(&format!("{original}{path}"))?;
        let own = &self.site(own)?.name;
        Some(Served { node, rebased: Some((original, own)) })
    }

    /// Whether a URL lies in a maze, whichever mirror shows it.
    pub(crate) fn is_in_maze(&self, url: &CanonicalUrl) -> bool {
        self.mazes.iter().any(|maze| {
            let start = parsed(&maze.start);
            url.server() == start.server() && url.path().starts_with(start.path())
        })
    }
}

/// The host of a server, without its port.
fn host_name(server: &str) -> &str {
    server.split(':').next().expect("a name")
}

/// The URLs of worlds that are remembered parsed.
const MAX_PARSED: usize = 4096;

thread_local! {
    static PARSED: RefCell<HashMap<Box<str>, CanonicalUrl>> = RefCell::default();
}

pub(crate) fn parsed(url: &str) -> CanonicalUrl {
    PARSED.with_borrow_mut(|known| {
        if let Some(known) = known.get(url) {
            return known.clone();
        }
        if known.len() == MAX_PARSED {
            known.clear();
        }
        let new = CanonicalUrl::parse(url).expect("URLs of the world are canonical");
        known.insert(url.into(), new.clone());
        new
    })
}
