//! Which parts of a site deserve a name of their own?
//!
//! URLs are sorted into a tree: host, folders, and below a folder what file names
//! begin with (`sql-` of `sql-select.html`), since many a site has all its pages in
//! one folder. The parts with most pages become sections; what lies in none of
//! them belongs to the section around it. Pure, and the same for the same pages in
//! the same order.
//!
//! Memory: [`MAX_NODES`] parts of [`MAX_NAME`] bytes; pages beyond count for the
//! part in which they lie.

use std::collections::HashMap;

use crate::canonical::CanonicalUrl;

/// Sections of a site at most: as many as can be told apart at a glance.
const MAX_SECTIONS: usize = 18;
/// A section has at least this share of all pages.
const MIN_SHARE: u64 = 200;
/// Parts that are counted at most.
const MAX_NODES: usize = 50_000;
/// Bytes of the name of a part.
const MAX_NAME: usize = 80;
/// Folders in folders, at most.
const MAX_LEVELS: usize = 8;
/// The whole site.
const ROOT: u32 = 0;

/// Pages sorted by where they lie.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    children: HashMap<(u32, Box<str>), u32>,
}

#[derive(Debug, Default)]
struct Node {
    name: Box<str>,
    parent: u32,
    pages: u64,
    broken: u64,
}

/// A part of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// What sets it apart from the section around it: `/docs/`, `sql-`, a host.
    pub name: String,
    /// Where it lies: path, or host and path if there are several hosts.
    pub place: String,
    /// Sections around it.
    pub level: usize,
    /// Whether other sections lie in it, whose pages are not counted here.
    pub has_parts: bool,
    /// Its pages.
    pub pages: u64,
    /// Of these, those with status 4xx, 5xx or no answer.
    pub broken: u64,
}

/// The sections of a site, in the order of their places.
#[derive(Debug)]
pub struct Sections {
    tree: Tree,
    list: Vec<Section>,
    /// By node: its place in `list`, of itself or of what is around it.
    of_node: Vec<u16>,
}

impl Tree {
    /// Adds a page.
    pub fn add(&mut self, url: &str, status: Option<u16>) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let is_broken = u64::from(status.is_none_or(|status| status >= 400));
        let url = CanonicalUrl::from_stored(url);
        let mut node = ROOT;
        self.count(node, is_broken);
        for part in parts(&url) {
            let Some(child) = self.child(node, part) else { return };
            node = child;
            self.count(node, is_broken);
        }
    }

    fn count(&mut self, node: u32, is_broken: u64) {
        let node = &mut self.nodes[node as usize];
        node.pages += 1;
        node.broken += is_broken;
    }

    /// The part of that name, made if there is room.
    fn child(&mut self, parent: u32, name: &str) -> Option<u32> {
        if name.len() > MAX_NAME {
            return None;
        }
        let key = (parent, Box::from(name));
        if let Some(child) = self.children.get(&key) {
            return Some(*child);
        }
        let id = u32::try_from(self.nodes.len()).ok().filter(|_| self.nodes.len() < MAX_NODES)?;
        self.nodes.push(Node { name: key.1.clone(), parent, pages: 0, broken: 0 });
        self.children.insert(key, id);
        Some(id)
    }

    /// The parts with most pages, as many as can be shown.
    pub fn sections(self) -> Sections {
        let all = self.nodes.first().map_or(0, |root| root.pages);
        let mut by_size: Vec<(u64, String, u32)> = self
            .nodes
            .iter()
            .zip(0..)
            .filter(|(node, _)| node.pages >= 3.max(all / MIN_SHARE) || node.pages == all)
            .filter(|(node, _)| !self.says_nothing(node))
            .map(|(node, id)| (node.pages, self.place(id), id))
            .collect();
        // What is around something has at least as many pages, and a shorter place.
        by_size.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        // Pages of each chosen part that lie in none chosen within it.
        let mut rest: HashMap<u32, (u64, u64)> = HashMap::new();
        for (_, _, id) in &by_size {
            let node = &self.nodes[*id as usize];
            let before = rest.clone();
            if let Some((pages, broken)) = self.around(*id, &rest).and_then(|it| rest.get_mut(&it))
            {
                (*pages, *broken) = (*pages - node.pages, *broken - node.broken);
            }
            rest.insert(*id, (node.pages, node.broken));
            if rest.values().filter(|(pages, _)| *pages > 0).count() > MAX_SECTIONS {
                rest = before;
                break;
            }
        }
        rest.retain(|_, (pages, _)| *pages > 0);
        Sections::new(self, &rest)
    }

    /// Whether it is the beginning of all file names of a folder.
    fn says_nothing(&self, node: &Node) -> bool {
        node.name.ends_with(['-', '_']) && node.pages == self.nodes[node.parent as usize].pages
    }

    /// The nearest of `chosen` around a part.
    fn around(&self, id: u32, chosen: &HashMap<u32, (u64, u64)>) -> Option<u32> {
        let mut id = id;
        while id != ROOT {
            id = self.nodes[id as usize].parent;
            if chosen.contains_key(&id) {
                return Some(id);
            }
        }
        None
    }

    /// The names on the way to a part, beginning after `from`.
    fn names(&self, id: u32, from: u32) -> String {
        let mut names = Vec::new();
        let mut id = id;
        while id != from && id != ROOT {
            let node = &self.nodes[id as usize];
            names.push(&*node.name);
            id = node.parent;
        }
        names.into_iter().rev().collect()
    }

    fn place(&self, id: u32) -> String {
        self.names(id, ROOT)
    }
}

impl Sections {
    fn new(tree: Tree, chosen: &HashMap<u32, (u64, u64)>) -> Self {
        let hosts = tree.nodes.iter().skip(1).filter(|node| node.parent == ROOT).count();
        let mut ids: Vec<u32> = chosen.keys().copied().collect();
        ids.sort_by_key(|id| tree.place(*id));
        let level = |id: u32| {
            std::iter::successors(tree.around(id, chosen), |id| tree.around(*id, chosen)).count()
        };
        let list = ids.iter().map(|&id| {
            let around = tree.around(id, chosen).unwrap_or(ROOT);
            // With one host its name says nothing.
            let host = tree.place(id).find('/').filter(|_| hosts == 1).unwrap_or_default();
            let place = tree.place(id)[host..].to_owned();
            let name = if around == ROOT { place.clone() } else { tree.names(id, around) };
            let (pages, broken) = chosen[&id];
            let has_parts = ids.iter().any(|&other| tree.around(other, chosen) == Some(id));
            Section { name, place, level: level(id), has_parts, pages, broken }
        });
        let list: Vec<_> = list.collect();
        let mut of_node = Vec::with_capacity(tree.nodes.len());
        for (node, id) in tree.nodes.iter().zip(0..) {
            let own = ids.iter().position(|chosen| *chosen == id);
            let own = own.map(|place| u16::try_from(place).expect("few sections"));
            // What is around a part comes before it.
            let around = of_node.get(node.parent as usize).copied().unwrap_or(u16::MAX);
            of_node.push(own.unwrap_or(around));
        }
        Self { tree, list, of_node }
    }

    /// All of them.
    pub fn list(&self) -> &[Section] {
        &self.list
    }

    /// The place in the list of the section in which a page lies; beyond its end if
    /// it lies in none.
    pub fn of(&self, url: &str) -> u16 {
        let url = CanonicalUrl::from_stored(url);
        let mut node = ROOT;
        for part in parts(&url) {
            match self.tree.children.get(&(node, Box::from(part))) {
                Some(child) => node = *child,
                None => break,
            }
        }
        self.of_node.get(node as usize).copied().unwrap_or(u16::MAX)
    }
}

/// Host, folders, and what the file name begins with.
fn parts(url: &CanonicalUrl) -> impl Iterator<Item = &str> {
    let path = url.path();
    let (folders, file) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
    let begins = file.find(['-', '_']).filter(|at| (2..file.len() - 1).contains(at));
    let begins = begins.map(|at| &file[..=at]);
    // The first slash belongs to no folder.
    let root = folders.get(..1).into_iter();
    let folders = folders.get(1..).unwrap_or_default().split_inclusive('/').take(MAX_LEVELS);
    [url.host()].into_iter().chain(root).chain(folders).chain(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(urls: &[String]) -> Sections {
        let mut tree = Tree::default();
        urls.iter()
            .for_each(|url| tree.add(url, Some(if url.contains("gone") { 404 } else { 200 })));
        tree.sections()
    }

    fn shown(sections: &Sections) -> Vec<String> {
        let line = |it: &Section| {
            let more = if it.has_parts { " rest" } else { "" };
            format!("{}{} {}/{}{more}", "  ".repeat(it.level), it.name, it.broken, it.pages)
        };
        sections.list().iter().map(line).collect()
    }

    fn pages(start: &str, count: usize) -> Vec<String> {
        (0..count).map(|n| format!("http://a.org{start}{n}.html")).collect()
    }

    #[test]
    fn a_deep_site_is_divided_by_folders() {
        let urls = [
            pages("/", 2),
            pages("/docs/", 10),
            pages("/docs/api/", 50),
            pages("/docs/api/old/gone", 20),
            pages("/blog/2020/", 30),
            pages("/blog/2021/", 30),
        ]
        .concat();
        let sections = sections(&urls);
        assert_eq!(
            shown(&sections),
            [
                "/ 0/2 rest",
                "  blog/2020/ 0/30",
                "  blog/2021/ 0/30",
                "  docs/ 0/10 rest",
                "    api/ 0/50 rest",
                "      old/ 20/20",
            ]
        );
        for (url, section) in [
            ("http://a.org/9.html", 0),
            ("http://a.org/blog/2021/x/y", 2),
            ("http://a.org/docs/api/old/gone7.html", 5),
            ("http://a.org/blog/", 0),
        ] {
            assert_eq!(sections.of(url), section, "{url}");
        }
        assert_eq!(sections.of("http://elsewhere.org/docs/"), u16::MAX);
    }

    #[test]
    fn a_flat_site_is_divided_by_how_names_begin() {
        let urls =
            [pages("/sql-", 40), pages("/app-", 10), pages("/", 30), pages("/x-", 20)].concat();
        assert_eq!(shown(&sections(&urls)), ["/ 0/50 rest", "  app- 0/10", "  sql- 0/40"]);
    }

    #[test]
    fn names_that_all_begin_alike_divide_nothing() {
        let urls = [pages("/x/page-", 9), pages("/y/page-", 9), pages("/y/", 1)].concat();
        assert_eq!(shown(&sections(&urls)), ["/x/ 0/9", "/y/ 0/1 rest", "  page- 0/9"]);
    }

    #[test]
    fn hosts_are_told_apart_if_there_are_several() {
        let mut urls = pages("/x/", 5);
        urls.extend(pages("/y/", 5).iter().map(|url| url.replace("a.org", "b.org:81")));
        assert_eq!(shown(&sections(&urls)), ["a.org/x/ 0/5", "b.org:81/y/ 0/5"]);
    }

    #[test]
    fn there_are_never_too_many_and_no_page_is_lost() {
        let mut urls: Vec<String> =
            (0..60).flat_map(|n| pages(&format!("/f{n}/"), 10 + n)).collect();
        let long = "x".repeat(500);
        urls.extend(pages(&format!("/{long}/"), 100));
        let sections = sections(&urls);
        assert_eq!(sections.list().len(), MAX_SECTIONS);
        assert_eq!(sections.list().iter().map(|it| it.pages).sum::<u64>(), urls.len() as u64);
        assert!(sections.list()[1].name.len() <= MAX_NAME);
        urls.reverse();
        assert_eq!(shown(&self::sections(&urls)), shown(&sections), "in whatever order");
        let none = Tree::default().sections();
        assert!(none.list().is_empty());
        assert_eq!(none.of("http://a.org/"), u16::MAX);
    }
}
