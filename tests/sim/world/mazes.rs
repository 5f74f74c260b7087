//! Which parts of the web never end?
//!
//! One for each kind of trap that a crawl looks for. All of them end here, but only
//! after many more pages than it takes to see what they are, so that a crawl that
//! does not look for traps ends, too.

use hashbrown::HashMap;

use super::{Answer, How, Link, Node};
use crate::dice::Dice;

#[derive(Clone, Debug)]
pub(crate) struct Maze {
    /// What its URLs begin with.
    pub(crate) start: String,
    pub(crate) entry: String,
    /// Pages of it that are fetched at most where traps are looked for.
    pub(crate) bound: u64,
}

/// Puts a maze at `origin`; its first page is linked from nowhere yet.
pub(super) fn add(
    dice: &mut Dice,
    origin: &str,
    number: usize,
    nodes: &mut HashMap<String, Node>,
) -> Maze {
    let start = format!("{origin}/maze{number}/");
    let (entry, pages, bound) = match dice.below(6) {
        0 => repeated(&start),
        1 => growing(&start),
        2 => calendar(&start),
        3 => sessions(&start),
        4 => orders(&start),
        _ => same_content(&start),
    };
    for (content, (url, links, says)) in (1_u64..).zip(pages) {
        let links = links.into_iter().map(|to| Link { to, how: How::Follow }).collect();
        let content = says.unwrap_or(content << 8) | 1 << 60;
        nodes.insert(url, Node::new(Answer::Page { links, nofollow: false }, content));
    }
    Maze { start, entry, bound }
}

/// URL, where it leads, and what it says if that is not its own.
type Pages = Vec<(String, Vec<String>, Option<u64>)>;

fn chain(urls: Vec<String>, says: Option<u64>) -> Pages {
    let next = urls.clone().into_iter().skip(1).map(|url| vec![url]);
    let next: Vec<_> = next.chain([Vec::new()]).collect();
    urls.into_iter().zip(next).map(|(url, next)| (url, next, says)).collect()
}

/// A link that is resolved once too often.
fn repeated(start: &str) -> (String, Pages, u64) {
    let urls: Vec<_> = (1..25).map(|count| format!("{start}{}", "x/".repeat(count))).collect();
    (urls[0].clone(), chain(urls, None), 3)
}

/// Two links that are resolved once too often: a hundred paths of the same words.
fn growing(start: &str) -> (String, Pages, u64) {
    let mut pages = vec![(start.to_owned(), Vec::new(), None)];
    let mut at = 0;
    while at < pages.len() {
        let url = pages[at].0.clone();
        if url.len() < start.len() + 7 * "about/".len() {
            for word in ["about/", "other/"] {
                let next = format!("{url}{word}");
                pages[at].1.push(next.clone());
                pages.push((next, Vec::new(), None));
            }
        }
        at += 1;
    }
    (start.to_owned(), pages, 180)
}

/// A month has a next month.
fn calendar(start: &str) -> (String, Pages, u64) {
    let month = |number: u32| format!("{start}{}/{:02}/", 2028 + number / 12, number % 12 + 1);
    let urls: Vec<_> = (6..60).map(month).collect();
    (urls[0].clone(), chain(urls, None), 24)
}

/// Every page gives its links another session id.
fn sessions(start: &str) -> (String, Pages, u64) {
    let url = |page: u64, session: u64| format!("{start}p{page}?phpsessid=a{session}b");
    let mut pages = Vec::new();
    for session in 0..12 {
        for page in 0..4 {
            let next = (0..4).map(|next| url(next, session + 1));
            let links = if session == 11 { Vec::new() } else { next.collect() };
            pages.push((url(page, session), links, None));
        }
    }
    (url(0, 0), pages, 4)
}

/// The same parameters in every order.
fn orders(start: &str) -> (String, Pages, u64) {
    let mut urls = Vec::new();
    for value in 0..4 {
        let pairs = [format!("a={value}"), "b=2".to_owned(), "c=3".to_owned()];
        for [first, second, third] in
            [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
        {
            let query = [&*pairs[first], &pairs[second], &pairs[third]].join("&");
            urls.push(format!("{start}list?{query}"));
        }
    }
    let mut pages = vec![(start.to_owned(), urls.clone(), None)];
    pages.extend(urls.into_iter().map(|url| (url, Vec::new(), None)));
    (start.to_owned(), pages, 1 + 4 + 4)
}

/// A list goes on, and its pages all show the same.
fn same_content(start: &str) -> (String, Pages, u64) {
    let urls: Vec<_> = (1..75).map(|page| format!("{start}list?page={page}")).collect();
    (urls[0].clone(), chain(urls, Some(77)), 50)
}
