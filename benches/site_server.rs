//! What a crawler meets at a million URLs: a web site without a file behind it.
//!
//! Every page follows from its number: host, path, title, text and 20 links. So
//! a site of any size costs the server no memory, and two runs serve the same
//! bytes. `tests/long/memory.py` crawls it; by hand:
//!
//! ```text
//! cargo bench --bench site_server -- --urls 1000000 --hosts 1000 --big 500000 --port 8200
//! ```
//!
//! Page n links to its children 4n+1 to 4n+4, so all pages are reachable from
//! page 0, which is `/` of the first host; the other links go anywhere. Host i is
//! the loopback address 127.0.0.1 + i, so no DNS is asked; the last host has the
//! `--big` pages, spread evenly over the numbers, the others share the rest.
//!
//! Only loopback peers are answered. `/robots.txt` is 404 unless `--robots` names
//! a file. Not a benchmark by itself: without `--port` it explains itself and
//! ends, so that `cargo bench` and `cargo test --all-targets` pass it by.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
site_server --port PORT [OPTIONS]

  --port PORT      listen here, on every loopback address
  --urls N         pages in all [1000000]
  --hosts H        hosts, one loopback address each, 2 to 1000000 [1000]
  --big B          pages of the last host [500000, at most half of N]
  --latency-ms MS  wait before each answer [0]
  --log FILE       append a line per request: arrival (ms since 1970), host, path, status; by tabs
  --robots FILE    answer /robots.txt with this file [404]";

const LINKS_PER_PAGE: usize = 20;
const CHILDREN: u64 = 4;
const HEAD_MAX_BYTES: usize = 16 * 1024;

const AREAS: [&str; 16] = [
    "guide",
    "reference",
    "tutorial",
    "manual",
    "articles",
    "examples",
    "library",
    "internals",
    "handbook",
    "releases",
    "concepts",
    "recipes",
    "protocols",
    "administration",
    "standard",
    "faq",
];
const TOPICS: [&str; 16] = [
    "iterators",
    "memory",
    "sockets",
    "threads",
    "collections",
    "transactions",
    "queries",
    "encoding",
    "scheduling",
    "security",
    "partitions",
    "replication",
    "extensions",
    "functions",
    "operators",
    "lifetimes",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let Some(options) = Options::parse(std::env::args().skip(1)).map_err(io::Error::other)? else {
        return say(USAGE);
    };
    let (port, latency) = (options.port, options.latency);
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
    let server = Arc::new(Server {
        log: options
            .log
            .map(|path| OpenOptions::new().create(true).append(true).open(path))
            .transpose()?,
        robots: options.robots.map(std::fs::read).transpose()?,
        site: options.site,
        port,
        latency,
        requests: AtomicU64::new(0),
        pages: AtomicU64::new(0),
    });
    let mut terminate = signal(SignalKind::terminate())?;
    let Site { urls, hosts, .. } = server.site;
    say(&format!("serving {urls} URLs on {hosts} hosts at http://127.0.0.1:{port}/"))?;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if peer.ip().is_loopback() => {
                    // Ends with its connection, or with the process: nothing is lost with it.
                    drop(tokio::spawn(Arc::clone(&server).serve(stream)));
                }
                Ok(_) => {}
                // Out of descriptors: those in use must end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            _ = tokio::signal::ctrl_c() => break,
            _ = terminate.recv() => break,
        }
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    say(&format!("{} requests, {} pages", count(&server.requests), count(&server.pages)))
}

/// One line for the reader on standard output, whole even if that is a pipe.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// The command line.
struct Options {
    site: Site,
    port: u16,
    latency: Duration,
    log: Option<String>,
    robots: Option<String>,
}

impl Options {
    /// `None` without `--port`. `--bench`, which cargo adds, means nothing here.
    fn parse(args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut urls, mut hosts, mut big, mut port, mut latency_ms) =
            (1_000_000, 1000, 500_000, None, 0);
        let (mut log, mut robots) = (None, None);
        let mut args = args.filter(|arg| arg != "--bench");
        while let Some(name) = args.next() {
            if name == "--help" {
                return Ok(None);
            }
            let value = args.next().ok_or_else(|| format!("{name} has no value"))?;
            let number =
                || value.parse::<u64>().map_err(|_| format!("{name} {value}: not a number"));
            match name.as_str() {
                "--urls" => urls = number()?,
                "--hosts" => hosts = number()?,
                "--big" => big = number()?,
                "--port" => port = Some(number()?),
                "--latency-ms" => latency_ms = number()?,
                "--log" => log = Some(value),
                "--robots" => robots = Some(value),
                _ => return Err(format!("unknown {name}, see --help")),
            }
        }
        if !(2..=1_000_000).contains(&hosts) || urls < hosts {
            return Err("--hosts must be 2 to 1000000 and no more than --urls".into());
        }
        let site = Site { urls, hosts, big: big.min(urls / 2) };
        let latency = Duration::from_millis(latency_ms);
        let port = port.map(u16::try_from).transpose().map_err(|e| format!("--port: {e}"))?;
        Ok(port.map(|port| Self { site, port, latency, log, robots }))
    }
}

/// Which pages exist, where they are and what they link to.
#[derive(Clone, Copy)]
struct Site {
    urls: u64,
    hosts: u64,
    /// Pages of the last host, at most half of `urls`.
    big: u64,
}

impl Site {
    /// The host of page `n`: the last one for every (`urls`/`big`)th page, else the others in turn.
    fn host(self, n: u64) -> u64 {
        let big_before = |n: u64| n * self.big / self.urls;
        if big_before(n + 1) > big_before(n) {
            self.hosts - 1
        } else {
            (n - big_before(n)) % (self.hosts - 1)
        }
    }

    /// The page at `path` of `host`, if there is one.
    fn find(self, host: &str, path: &str) -> Option<u64> {
        let n = match path {
            "/" => 0,
            _ => path.strip_suffix(".html")?.rsplit_once('-')?.1.parse().ok()?,
        };
        let mut real = String::with_capacity(64);
        write_path(&mut real, n).ok()?;
        (n < self.urls && real == path && address(self.host(n)).to_string() == host).then_some(n)
    }

    /// The pages that page `n` links to, with the anchor's first word.
    fn links(self, n: u64) -> impl Iterator<Item = (&'static str, u64)> {
        let nav = [("Home", 0), ("Previous", n.saturating_sub(1)), ("Next", (n + 1) % self.urls)];
        let children =
            (1..=CHILDREN).map(move |i| n * CHILDREN + i).filter(move |&child| child < self.urls);
        let random = (1..).map(move |i: u64| mix(n ^ mix(i)) % self.urls);
        nav.into_iter().chain(children.chain(random).map(|n| ("Chapter", n))).take(LINKS_PER_PAGE)
    }

    fn write_page(self, out: &mut String, n: u64, port: u16) -> fmt::Result {
        let topic = TOPICS[index(mix(n) >> 8, TOPICS.len())];
        write!(
            out,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <title>Chapter {n}: {topic}</title></head>\n<body><nav>"
        )?;
        let own_host = self.host(n);
        for (i, (word, target)) in self.links(n).enumerate() {
            if i == 3 {
                write!(out, "</nav>\n<main><h1>Chapter {n}: {topic}</h1>\n<p>")?;
                for i in 0..30 {
                    write!(out, "{} ", TOPICS[index(mix(n.wrapping_add(i << 40)), TOPICS.len())])?;
                }
                out.push_str("</p>\n<ul>\n");
            }
            out.push_str("<li><a href=\"");
            let host = self.host(target);
            if host != own_host {
                write!(out, "http://{}:{port}", address(host))?;
            }
            write_path(out, target)?;
            writeln!(out, "\">{word} {target}</a>")?;
        }
        out.write_str("</ul></main></body></html>\n")
    }
}

/// The path of page `n`, about 47 bytes: with scheme and host a URL has 70.
fn write_path(out: &mut String, n: u64) -> fmt::Result {
    if n == 0 {
        return out.write_char('/');
    }
    let random = mix(n);
    let area = AREAS[index(random, AREAS.len())];
    let topic = TOPICS[index(random >> 8, TOPICS.len())];
    let other = TOPICS[index(random >> 16, TOPICS.len())];
    write!(out, "/docs/{area}/{topic}/{other}-p-{n}.html")
}

/// Host `i` is the `i`th loopback address, 127.0.0.1 the first.
fn address(host: u64) -> Ipv4Addr {
    Ipv4Addr::from_bits(
        Ipv4Addr::LOCALHOST.to_bits() + u32::try_from(host).expect("at most a million hosts"),
    )
}

/// `SplitMix64`: evenly spread bits for any number.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn index(random: u64, len: usize) -> usize {
    usize::try_from(random & 0xff).expect("a byte") % len
}

/// One request, as far as the answer depends on it.
struct Request<'a> {
    method: &'a str,
    path: &'a str,
    /// Without the port.
    host: &'a str,
    keep_alive: bool,
}

impl<'a> Request<'a> {
    /// `None` if this is no HTTP/1 request.
    fn parse(head: &'a str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, path, version) = (first.next()?, first.next()?, first.next()?);
        let mut request = Self { method, path, host: "", keep_alive: version == "HTTP/1.1" };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("host") {
                request.host = value.trim().split(':').next()?;
            } else if name.eq_ignore_ascii_case("connection") {
                request.keep_alive = !value.trim().eq_ignore_ascii_case("close");
            }
        }
        Some(request)
    }
}

/// The site with its counters; shared by all connections.
struct Server {
    site: Site,
    port: u16,
    latency: Duration,
    log: Option<File>,
    robots: Option<Vec<u8>>,
    requests: AtomicU64,
    pages: AtomicU64,
}

impl Server {
    /// Answers one connection to its end, requests sent ahead included.
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        // Answers leave in one write; waiting for more would only add latency.
        stream.set_nodelay(true).ok();
        let (mut input, mut output) = (Vec::with_capacity(4096), Vec::with_capacity(8192));
        loop {
            let mut used = 0;
            let mut keep_alive = true;
            while keep_alive && let Some(end) = find_end(&input[used..]) {
                let request =
                    std::str::from_utf8(&input[used..used + end]).ok().and_then(Request::parse);
                used += end;
                keep_alive = request.as_ref().is_some_and(|request| request.keep_alive);
                if let Some(request) = request {
                    self.answer(&request, &mut output);
                }
                if !self.latency.is_zero() {
                    tokio::time::sleep(self.latency).await;
                }
            }
            input.drain(..used);
            if stream.write_all(&output).await.is_err()
                || !keep_alive
                || input.len() > HEAD_MAX_BYTES
            {
                return;
            }
            output.clear();
            if !matches!(stream.read_buf(&mut input).await, Ok(1..)) {
                return;
            }
        }
    }

    fn answer(&self, request: &Request, out: &mut Vec<u8>) {
        let page = self.site.find(request.host, request.path);
        let mut body = String::new();
        let (status, content_type, body) = match (page, &self.robots) {
            (Some(n), _) => {
                self.pages.fetch_add(1, Ordering::Relaxed);
                body.reserve(4096);
                self.site.write_page(&mut body, n, self.port).expect("a String takes all");
                ("200 OK", "text/html; charset=utf-8", body.as_bytes())
            }
            (None, Some(robots)) if request.path == "/robots.txt" => {
                ("200 OK", "text/plain", robots.as_slice())
            }
            _ => ("404 Not Found", "text/plain", b"not here\n".as_slice()),
        };
        self.note(request, &status[..3]);
        let length = body.len();
        let connection = if request.keep_alive { "keep-alive" } else { "close" };
        write!(
            out,
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
             Connection: {connection}\r\n\r\n"
        )
        .expect("a Vec takes all");
        if request.method != "HEAD" {
            out.extend_from_slice(body);
        }
    }

    /// Counts the request and logs it, unbuffered: whoever follows the log sees it before the
    /// crawler sees its answer.
    fn note(&self, request: &Request, status: &str) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let Some(mut log) = self.log.as_ref() else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let (ms, us) = (now.as_millis(), now.subsec_micros() % 1000);
        let (host, path) = (request.host, request.path);
        let line = format!("{ms}.{us:03}\t{host}:{}\t{path}\t{status}\n", self.port);
        log.write_all(line.as_bytes()).expect("a log that takes its lines");
    }
}

/// The length of the first complete head in `input`, its blank line included.
fn find_end(input: &[u8]) -> Option<usize> {
    input.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}
