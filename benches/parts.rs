//! What does each part of a visit cost alone?
//!
//! ```text
//! cargo bench --bench parts
//! CRAWLITE_PAGES=folder cargo bench --bench parts    # over real pages, .html below that folder
//! ```
//!
//! Throughput is that of all pages together. On a machine that does other work,
//! compare the ratios of parts in one run, or count instructions: docs/performance.md.

#![expect(clippy::print_stderr, reason = "says what it works on")]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use url::Url;

use crawlite::canonical::{join, split_plain_fragment};
use crawlite::engine::Known;
use crawlite::extract::{self, Extracted};
use crawlite::hash::{ContentHash, UrlHasher};
use crawlite::robots::{Rules, Verdict};

const PRODUCT_TOKEN: &str = "crawlite";
/// Real pages that are read at most.
const MAX_PAGES: usize = 300;

/// The pages to work on: real ones if a folder is named, else made-up ones of 30 KB.
fn pages() -> Vec<Vec<u8>> {
    let Some(folder) = std::env::var_os("CRAWLITE_PAGES") else {
        return (0..20).map(made_up).collect();
    };
    let mut files = Vec::new();
    collect(Path::new(&folder), &mut files);
    assert!(!files.is_empty(), "no .html below {}", folder.display());
    files.sort();
    files.truncate(MAX_PAGES);
    files.iter().map(|file| std::fs::read(file).expect("a page that can be read")).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder that can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            files.push(path);
        }
    }
}

/// A page with a menu, sections, code and 120 links.
fn made_up(n: usize) -> Vec<u8> {
    let menu: String =
        (0..30).map(|i| format!("<li><a href='/part-{i}/'>Part {i}</a></li>\n")).collect();
    let section = |i: usize| {
        format!(
            "<h2 id='s{i}'>Section {i}</h2>\n<p>Words of section {i} on page {n}, with <em>some</em> that <code>matter</code> \
             and a <a class='reference' href='../page-{i}.html#s{n}'>reference to page {i}</a>.</p>\n\
             <pre><span class='k'>let</span> <span class='n'>x{i}</span> = {n};</pre>\n"
        )
    };
    let body: String = (0..90).map(section).collect();
    let page = format!(
        "<!DOCTYPE html><html lang=en><head><title>Page {n}</title><link rel=stylesheet href=/s.css></head>\
         <body><nav><ul>{menu}</ul></nav><main><h1>Page {n}</h1>{body}</main></body></html>"
    );
    page.into_bytes()
}

fn per_page(criterion: &mut Criterion) {
    let pages = pages();
    let bytes = pages.iter().map(Vec::len).sum::<usize>() as u64;
    eprintln!("{} pages, {} bytes each on average", pages.len(), bytes / pages.len() as u64);
    let texts: Vec<String> =
        pages.iter().map(|page| extract::decode(page, None).0.into_owned()).collect();
    let extracted: Vec<Extracted> =
        texts.iter().map(|text| extract::extract(text, PRODUCT_TOKEN)).collect();
    let mut group = criterion.benchmark_group("page");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("charset", |bench| {
        bench.iter(|| pages.iter().map(|page| extract::decode(page, None).0.len()).sum::<usize>());
    });
    group.bench_function("extract", |bench| {
        let links = |text: &String| extract::extract(black_box(text), PRODUCT_TOKEN).links.len();
        bench.iter(|| texts.iter().map(links).sum::<usize>());
    });
    group.bench_function("join each link", |bench| {
        let base = Url::parse("http://example.org/library/page.html").expect("a URL");
        let joined = |page: &Extracted| {
            let hrefs = page.links.iter().map(|link| page.texts.get(link.href));
            hrefs.filter(|href| join(&base, split_plain_fragment(href).0).is_ok()).count()
        };
        bench.iter(|| extracted.iter().map(joined).sum::<usize>());
    });
    group.bench_function("content hash", |bench| {
        bench.iter(|| pages.iter().for_each(|page| _ = black_box(ContentHash::of(page))));
    });
    group.bench_function("zstd level 1", |bench| {
        let mut compressor = zstd::bulk::Compressor::new(1).expect("a level that exists");
        bench.iter(|| {
            let mut size = |page: &Vec<u8>| compressor.compress(page).expect("memory").len();
            pages.iter().map(&mut size).sum::<usize>()
        });
    });
    group.finish();
}

fn per_url(criterion: &mut Criterion) {
    const URLS: usize = 100_000;
    let urls: Vec<String> =
        (0..URLS).map(|n| format!("https://example.org/part-{}/page-{n}.html", n % 97)).collect();
    let keyed = UrlHasher::new([7; 16]);
    let hashes: Vec<_> = urls.iter().map(|url| keyed.hash(url)).collect();
    let mut group = criterion.benchmark_group("url");
    group.throughput(Throughput::Elements(URLS as u64));
    group.bench_function("hash", |bench| {
        bench.iter(|| urls.iter().for_each(|url| _ = black_box(keyed.hash(url))));
    });
    group.bench_function("meet 100 000 URLs, each twice", |bench| {
        bench.iter_batched(
            Known::default,
            |mut known| {
                for hash in hashes.iter().chain(&hashes) {
                    black_box(known.meet(*hash));
                }
                known
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("robots verdict", |bench| {
        let lines: String = (0..50).map(|n| format!("Disallow: /private-{n}/*.html$\n")).collect();
        let rules = Rules::parse(format!("User-agent: *\n{lines}").as_bytes(), PRODUCT_TOKEN);
        let path =
            |url: &String| rules.verdict(&url["https://example.org".len()..]) == Verdict::Allowed;
        bench.iter(|| urls.iter().filter(|url| path(url)).count());
    });
    group.finish();
}

criterion_group!(parts, per_page, per_url);
criterion_main!(parts);
