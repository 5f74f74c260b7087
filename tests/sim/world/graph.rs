//! What is at the URLs of a world, and which links lead there?

use hashbrown::HashMap;

use super::failures::{LAST_WORDS, failed, failure, lasting};
use super::{Answer, How, Link, Node, Said, World, mazes, parsed};
use crate::Scale;
use crate::dice::Dice;

/// How the pages of a world are linked.
struct Manner {
    /// Links of a page at most.
    eager: u64,
    /// Links in a hundred to what is no page.
    images: u64,
    /// Nodes in a hundred that are no pages.
    files: u64,
    failing: u64,
}

impl World {
    /// Puts URLs on the sites, and links between them.
    pub(super) fn grow(&mut self, dice: &mut Dice, scale: Scale) {
        let has_images = dice.chance(40);
        let manner = Manner {
            eager: dice.between(2, 10),
            images: if has_images { 25 } else { 8 },
            files: if has_images { 15 } else { 3 },
            failing: *dice.pick(&[0, 10, 20, 40]),
        };
        self.name_urls(dice, scale);
        let seed_count = dice.any_size(3).min(self.urls.len() as u64);
        self.seeds = (0..seed_count).map(|_| parsed(dice.pick::<String>(&self.urls))).collect();
        self.add_sitemaps(dice);
        for url in self.urls.clone() {
            if !self.is_mirrored(&url) {
                let node = self.node(dice, &url, &manner);
                self.nodes.insert(url, node);
            }
        }
        for seed in self.seeds.clone() {
            if dice.chance(20) {
                continue;
            }
            let most = if dice.chance(1) { scale.urls * 4 } else { 40 };
            let count = dice.between(5, most.max(5));
            let links = (0..count).map(|_| self.link(dice, seed.origin(), &manner)).collect();
            let node = self.nodes.get_mut(seed.as_str());
            // A seed on a mirror is a page of the original.
            if let Some(node) = node {
                node.answer = Answer::Page { links, nofollow: false };
            }
        }
        self.add_long_chain(dice);
        self.add_mazes(dice);
    }

    fn name_urls(&mut self, dice: &mut Dice, scale: Scale) {
        let count = if dice.chance(20) { dice.between(200, 400) } else { dice.between(10, 120) };
        // Some worlds are mostly of one site.
        let crowded = if dice.chance(50) { dice.between(0, 90) } else { 0 };
        for number in 0..count.min(scale.urls) {
            let folder = *dice.pick(&["", "", "", "", "private/", "a/", "a/b/"]);
            let site = if dice.chance(crowded) { &self.sites[0] } else { dice.pick(&self.sites) };
            let word = if dice.chance(3) { "/logout" } else { "" };
            // A mirror has what the original has.
            let original = site.original.map(|at| &self.sites[at].name);
            let there = self.urls.iter().filter_map(|url| url.strip_prefix(original?.as_str()));
            let there: Vec<_> = there.filter(|path| path.starts_with('/')).collect();
            let url = if there.is_empty() {
                format!("{}/{folder}{number}{word}", site.name)
            } else {
                format!("{}{}", site.name, dice.pick(&there))
            };
            self.urls.push(url);
        }
        self.urls.sort();
        self.urls.dedup();
    }

    fn is_mirrored(&self, url: &str) -> bool {
        self.site(parsed(url).origin()).is_some_and(|site| site.original.is_some())
    }

    /// For the next crawl: some pages say something else, are gone, or have come.
    pub(crate) fn change(&mut self, dice: &mut Dice) {
        let manner = Manner { eager: 6, images: 10, files: 5, failing: 10 };
        for url in self.urls.clone() {
            if dice.chance(25) && !self.is_mirrored(&url) {
                let content = dice.below(1 << 50) << 8;
                let node = self.node(dice, &url, &manner);
                self.nodes.insert(url, Node { content, ..node });
            }
        }
    }

    fn node(&self, dice: &mut Dice, url: &str, manner: &Manner) -> Node {
        let answer = self.answer(dice, url, manner);
        let often = if dice.chance(manner.failing) { dice.between(1, 5) } else { 0 };
        let number =
            self.urls.binary_search_by(|other| (**other).cmp(url)).unwrap_or_default() as u64;
        Node {
            failures: (0..often).map(|_| failure(dice)).collect(),
            refuses_head: dice.chance(20),
            content: (number + 1) << 8,
            answer,
        }
    }

    fn answer(&self, dice: &mut Dice, url: &str, manner: &Manner) -> Answer {
        if dice.chance(manner.files) {
            if dice.chance(70) {
                return Answer::File;
            }
            let refers = (0..dice.below(4)).map(|_| dice.pick(&self.urls).clone());
            return Answer::Css(refers.collect());
        }
        match dice.below(20) {
            0 | 1 => Answer::Status(*dice.pick(&LAST_WORDS)),
            2 | 3 => {
                let code = *dice.pick(&[301, 301, 302, 303, 307, 308]);
                Answer::Redirect(code, self.redirect_target(dice))
            }
            4 if dice.chance(20) => Answer::Failure(lasting(dice)),
            5 if dice.chance(20) => Answer::Redirect(302, url.to_owned()),
            6 if dice.chance(20) => Answer::Failure(failed("undecodable", false)),
            _ => {
                let origin = parsed(url).origin().to_owned();
                let count = dice.below(manner.eager + 1);
                let mut links: Vec<_> =
                    (0..count).map(|_| self.link(dice, &origin, manner)).collect();
                if dice.chance(20)
                    && let Some(again) = links.first().cloned()
                {
                    links.push(Link { how: *dice.pick(&[How::Follow, How::Nofollow]), ..again });
                }
                Answer::Page { links, nofollow: dice.chance(3) }
            }
        }
    }

    fn redirect_target(&self, dice: &mut Dice) -> String {
        match dice.below(20) {
            0 => format!("https://elsewhere{}.test/", dice.below(3)),
            1 => "mailto:somebody@h0.test".to_owned(),
            _ => dice.pick(&self.urls).clone(),
        }
    }

    fn link(&self, dice: &mut Dice, home: &str, manner: &Manner) -> Link {
        let sitemaps = self.site(home).and_then(|site| site.rulebook()).map(|it| &it.sitemaps);
        let to = match dice.below(40) {
            0 => "mailto:somebody@h0.test".to_owned(),
            1 => format!("https://elsewhere{}.test/", dice.below(3)),
            2 => format!("{home}/nothing{}", dice.below(3)),
            3 => format!("{home}/robots.txt"),
            4 => sitemaps.and_then(|them| them.first()).unwrap_or(&self.urls[0]).clone(),
            _ => dice.pick(&self.urls).clone(),
        };
        let how = if dice.chance(manner.images) {
            if dice.chance(90) { How::Image } else { How::Form }
        } else if dice.chance(10) {
            How::Nofollow
        } else {
            How::Follow
        };
        Link { to, how }
    }

    /// Sitemaps that robots.txt names, the usual one, and what an index among them names.
    fn add_sitemaps(&mut self, dice: &mut Dice) {
        for at in 0..self.sites.len() {
            let name = self.sites[at].name.clone();
            let mut named = Vec::new();
            if dice.chance(30) {
                named.push(format!("{name}/sitemap.xml"));
            }
            let count = if self.sites[at].is_fickle() { 0 } else { dice.below(3) };
            if let Said::Rules(rules) = &mut self.sites[at].says[0].1 {
                let maps = (0..count).map(|number| format!("{name}/map-{number}"));
                rules.sitemaps.extend(maps);
                named.extend(rules.sitemaps.iter().cloned());
                // One with strangers, which is not asked for.
                rules.sitemaps.extend(dice.chance(5).then(|| "https://elsewhere0.test/map".into()));
            }
            let urls = &self.urls;
            add_maps(dice, named, urls, &mut self.nodes);
        }
    }

    /// A chain of about as many redirects as are followed. One link leads to its head,
    /// none to what is behind: how many redirects are before a URL is that of the way
    /// on which it was met first.
    fn add_long_chain(&mut self, dice: &mut Dice) {
        let on = dice.pick(&self.urls).clone();
        let Some(Node { answer: Answer::Page { links, .. }, .. }) = self.nodes.get_mut(&on) else {
            return;
        };
        if !dice.chance(30) {
            return;
        }
        let url = |hop| format!("{}/chain/{hop}", parsed(&on).origin());
        links.push(Link { to: url(0), how: How::Follow });
        let length = dice.between(8, 13);
        for hop in 0..=length {
            let page = Answer::Page { links: Vec::new(), nofollow: false };
            let last = hop == length;
            let answer = if last { page } else { Answer::Redirect(301, url(hop + 1)) };
            self.nodes.insert(url(hop), Node::new(answer, (1 << 59) | hop));
        }
    }

    fn add_mazes(&mut self, dice: &mut Dice) {
        let count = if dice.chance(12) { dice.between(1, 2) } else { 0 };
        for number in 0..count {
            let on = dice.pick(&self.urls).clone();
            let origin = parsed(&on).origin().to_owned();
            let number = usize::try_from(number).expect("small");
            if let Some(Node { answer: Answer::Page { links, .. }, .. }) = self.nodes.get_mut(&on) {
                let mut pages = HashMap::new();
                let maze = mazes::add(dice, &origin, number, &mut pages);
                links.push(Link { to: maze.entry.clone(), how: How::Follow });
                self.nodes.extend(pages);
                self.mazes.push(maze);
            }
        }
    }
}

fn add_maps(
    dice: &mut Dice,
    mut named: Vec<String>,
    urls: &[String],
    nodes: &mut HashMap<String, Node>,
) {
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
            let answer = match dice.below(20) {
                0 => Answer::Redirect(302, format!("{url}-moved")),
                1 if dice.chance(30) => Answer::Redirect(301, "https://elsewhere1.test/map".into()),
                1 => Answer::Status(404),
                2 => Answer::Page { links: Vec::new(), nofollow: false },
                _ => Answer::Sitemap(pages, maps),
            };
            let often = if dice.chance(20) { dice.between(1, 5) } else { 0 };
            let failures = (0..often).map(|_| failure(dice)).collect();
            nodes.insert(url, Node { failures, ..Node::new(answer, dice.below(1 << 50) << 8) });
        }
        named = next;
    }
}
