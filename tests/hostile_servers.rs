//! Whatever a server does, its page gets a row that says so, in time and within memory.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::time::Duration;

use site::raw::{Behave, Raw, Wire, drip, flood, hang};
use site::{Desk, bombs};

/// Longest time of one request in these crawls.
const TIMEOUT: &str = "1500ms";
/// Longest time of a crawl whose requests all run at once: the timeout, and room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);
/// Most memory of a crawl that meets all of them at once, in MiB.
const MEMORY: u64 = 160;
/// How long the slow ones wait between two bytes.
const DRIP: Duration = Duration::from_millis(50);

const OK: &[u8] = b"HTTP/1.1 200 X\r\nContent-Type: text/html\r\n";
/// A small page, ending with the connection.
const PAGE: &[u8] =
    b"HTTP/1.1 200 X\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<title>t</title>";

/// A name, what the server does, and the row that comes of it: status, error, whether it is cut.
type Row = (&'static str, Box<Behave>, &'static str);

fn row(
    name: &'static str,
    behave: impl Fn(&str, &mut dyn Wire) -> std::io::Result<()> + Send + Sync + 'static,
    expected: &'static str,
) -> Row {
    (name, Box::new(behave), expected)
}

/// A server that sends these bytes and hangs up.
fn says(name: &'static str, bytes: impl AsRef<[u8]>, expected: &'static str) -> Row {
    let bytes = bytes.as_ref().to_vec();
    row(name, move |_, wire| wire.write_all(&bytes), expected)
}

/// A page in a content encoding.
fn coded(name: &'static str, coding: &str, body: &[u8], expected: &'static str) -> Row {
    let head = format!("Content-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
    says(name, [OK, head.as_bytes(), body].concat(), expected)
}

fn html(text: &str) -> Vec<u8> {
    let words: String = (0..5000).map(|n| format!("{} ", n * n)).collect();
    format!("<title>{text}</title>{words}").into_bytes()
}

fn codings() -> Vec<Row> {
    let page = html("page");
    let half = |mut bytes: Vec<u8>| {
        bytes.truncate(bytes.len() / 2);
        bytes
    };
    let nested = bombs::gzip_of(&bombs::gzip(64));
    #[rustfmt::skip]
    let rows = vec![
        coded("a gzip bomb of 1 GiB",        "gzip",             &bombs::gzip(1024),                      "200||1"),
        coded("a zstd bomb of 1 GiB",        "zstd",             &bombs::zstd(1024),                      "200||1"),
        coded("a zlib bomb of 1 GiB",        "deflate",          &bombs::deflate(1024, false),            "200||1"),
        coded("a raw deflate bomb of 1 GiB", "deflate",          &bombs::deflate(1024, true),             "200||1"),
        coded("a brotli bomb of 16 MiB",     "br",               &bombs::brotli(16),                      "200||1"),
        coded("a brotli window of 1 GiB",    "br",               &bombs::brotli_with_a_large_window(63),  "200|undecodable|0"),
        coded("a zstd window of 1 GiB",      "zstd",             &bombs::zstd_with_a_large_window(1024),  "200|undecodable|0"),
        coded("a bomb in a bomb",            "gzip, gzip",       &nested,                                 "200||1"),
        coded("a bomb in zstd in gzip",      "zstd, gzip",       &bombs::gzip_of(&bombs::zstd(1024)),     "200||1"),
        coded("four codings",                "gzip,gzip,gzip,gzip", &page,                                "200|undecodable|0"),
        coded("a thousand codings",          &"gzip,".repeat(1000), &page,                                "200|undecodable|0"),
        coded("gzip that is none",           "gzip",             &page,                                   "200|undecodable|0"),
        coded("brotli that is none",         "br",               &page,                                   "200|undecodable|0"),
        coded("zstd that is none",           "zstd",             &page,                                   "200|undecodable|0"),
        coded("deflate that is none",        "deflate",          &[0xff; 100],                            "200|undecodable|0"),
        coded("a coding nobody knows",       "rot13",            &page,                                   "200|undecodable|0"),
        coded("a coding with an escape",     "x\x1b[2J",         &page,                                   "|broken|0"),
        coded("gzip cut in half",            "gzip",             &half(bombs::gzip_of(&page)),             "200||1"),
        coded("zstd cut in half",            "zstd",             &half(bombs::zstd(1)),                   "200||1"),
        coded("gzip with rubbish behind it", "gzip",             &[bombs::gzip_of(&page), vec![7; 99]].concat(), "200||1"),
        coded("an empty body in gzip",       "gzip",             b"",                                     "200||0"),
        coded("45 000 empty members",        "gzip",             &bombs::gzip_of(b"").repeat(45_000),     "200||0"),
    ];
    rows
}

fn heads() -> Vec<Row> {
    let many = |count: usize| {
        let headers: String = (0..count).map(|n| format!("X-{n}: y\r\n")).collect();
        [OK, headers.as_bytes(), b"Content-Length: 0\r\n\r\n"].concat()
    };
    let large = |kib: usize| {
        [OK, b"X: ", &vec![b'y'; kib * 1024], b"\r\nContent-Length: 0\r\n\r\n"].concat()
    };
    let cookies = "Set-Cookie: sid=hunter2; Path=/\r\n".repeat(200);
    let links = format!("Link: {}</end>\r\n", "<a>, ".repeat(60_000));
    #[rustfmt::skip]
    let rows = vec![
        row("no head at all",            |_, wire| hang(wire),                                          "|timeout|0"),
        row("a dripping head",           |_, wire| { wire.write_all(b"HTTP/1.1 200 ")?; drip(wire, b"X", DRIP) }, "|timeout|0"),
        row("headers that never end",    |_, wire| { wire.write_all(OK)?; drip(wire, b"A: b\r\n", DRIP) }, "|timeout|0"),
        row("a flood of headers",        |_, wire| { wire.write_all(OK)?; flood(wire, b"A: b\r\n") }, "|broken|0"),
        row("a header without an end",   |_, wire| { wire.write_all(b"HTTP/1.1 200 X\r\nA: ")?; flood(wire, &[b'b'; 4096]) }, "|broken|0"),
        row("a status without an end",   |_, wire| { wire.write_all(b"HTTP/1.1 200 ")?; flood(wire, &[b'b'; 4096]) }, "|broken|0"),
        row("100 without an end",        |_, wire| flood(wire, b"HTTP/1.1 100 Continue\r\n\r\n"), "|timeout|0"),
        row("a dripping 103",            |_, wire| drip(wire, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", DRIP), "|timeout|0"),
        row("a 103 and then a page",     |_, wire| { wire.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")?; wire.write_all(PAGE) }, "200||0"),
        says("200 headers",              many(200),                                                     "200||0"),
        says("300 headers",              many(300),                                                     "|broken|0"),
        says("a header of 300 KiB",      large(300),                                                    "200||0"),
        says("a header of 1 MiB",        large(1024),                                                   "|broken|0"),
        says("a flood of cookies",       [OK, cookies.as_bytes(), b"Content-Length: 0\r\n\r\n"].concat(), "200||0"),
        says("60 000 links in a header", [OK, links.as_bytes(), b"Content-Length: 0\r\n\r\n"].concat(), "200||0"),
        says("HTTP/0.9",                 "<title>t</title>",                                            "|broken|0"),
        says("garbage",                  [0x16, 0x03, 0x01, 0x00, 0xff].repeat(999),                    "|broken|0"),
        says("another protocol",         "SSH-2.0-OpenSSH_9.9\r\n",                                     "|broken|0"),
        says("nothing",                  "",                                                            "|broken|0"),
        says("status 0",                 "HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n",                 "|broken|0"),
        says("status 999",               "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",                 "999||0"),
        says("status 99999",             "HTTP/1.1 99999 X\r\nContent-Length: 0\r\n\r\n",               "|broken|0"),
        says("a control in a header",    [OK, b"X: \x1b[2J\r\n\r\n"].concat(),                          "|broken|0"),
        says("an upgrade nobody asked",  "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "101||0"),
    ];
    rows
}

fn bodies() -> Vec<Row> {
    let page = |headers: &str, body: &[u8]| [OK, headers.as_bytes(), b"\r\n", body].concat();
    let chunked = |body: &str| page("Transfer-Encoding: chunked\r\n", body.as_bytes());
    let extension = format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(1 << 20));
    let trailers = format!("1\r\nx\r\n0\r\n{}\r\n", "T: x\r\n".repeat(100_000));
    #[rustfmt::skip]
    let rows = vec![
        row("a body without an end",      |_, wire| { wire.write_all(OK)?; wire.write_all(b"\r\n")?; flood(wire, &[b'x'; 4096]) }, "200||1"),
        row("chunks without an end",      |_, wire| { wire.write_all(OK)?; wire.write_all(b"Transfer-Encoding: chunked\r\n\r\n")?; flood(wire, format!("400\r\n{:1024}\r\n", "x").as_bytes()) }, "200||1"),
        row("a dripping body",            |_, wire| { wire.write_all(OK)?; wire.write_all(b"\r\n")?; drip(wire, b"x", DRIP) }, "|timeout|0"),
        row("a body that stops",          |_, wire| { wire.write_all(OK)?; wire.write_all(b"Content-Length: 9\r\n\r\nx")?; hang(wire) }, "|timeout|0"),
        row("a 404 with a dripping body", |_, wire| { wire.write_all(b"HTTP/1.1 404 X\r\n\r\n")?; drip(wire, b"x", DRIP) }, "404||0"),
        row("an image that never comes",  |_, wire| { wire.write_all(b"HTTP/1.1 200 X\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n")?; hang(wire) }, "200||0"),
        row("a stream of events",         |_, wire| { wire.write_all(b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n")?; drip(wire, b": \n", DRIP) }, "200||0"),
        says("chunks that are none",      chunked("xyz\r\nabc\r\n0\r\n\r\n"),                       "|broken|0"),
        says("a chunk of 2^64",           chunked("10000000000000000\r\nabc\r\n0\r\n\r\n"),         "|broken|0"),
        says("a chunk too short",         chunked("9\r\nabc\r\n0\r\n\r\n"),                         "|broken|0"),
        says("chunks without a last",     chunked("3\r\nabc\r\n"),                                  "|broken|0"),
        says("a chunk extension of 1 MiB", chunked(&extension),                                     "|broken|0"),
        says("100 000 trailers",          chunked(&trailers),                                       "|broken|0"),
        says("a length too long",         page("Content-Length: 99\r\n", b"abc"),                   "|broken|0"),
        says("a length too short",        page("Content-Length: 3\r\n", b"abcdefghi"),              "200||0"),
        says("a length of 2^64",          page("Content-Length: 18446744073709551616\r\n", b"abc"), "|broken|0"),
        says("a length below 0",          page("Content-Length: -1\r\n", b"abc"),                   "|broken|0"),
        says("a length of 1 TiB",         page("Content-Length: 1099511627776\r\n", b"abc"),        "|broken|0"),
        says("two lengths",               page("Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"), "|broken|0"),
        says("length and chunks",         page("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"1\r\nx\r\n0\r\n\r\n"), "200||0"),
        says("a body behind a 204",       "HTTP/1.1 204 X\r\nContent-Length: 3\r\n\r\nabc",         "204||0"),
        says("no length",                 PAGE,                                                     "200||0"),
    ];
    rows
}

/// Crawls one page of each server at once, and compares the rows.
fn check(what: &str, rows: Vec<Row>) {
    let desk = Desk::new();
    let (mut servers, mut expected) = (Vec::new(), Vec::new());
    for (name, behave, outcome) in rows {
        servers.push((name, Raw::start(move |path, wire| behave(path, wire))));
        expected.push(outcome);
    }
    let urls: Vec<String> = servers.iter().map(|(_, server)| server.url("http", "/")).collect();
    let mut args = vec!["crawl", "-o", "x.db", "-q", "--no-sitemaps", "--retries", "0", "-c", "99"];
    args.extend(["-t", TIMEOUT, "--max-body", "1MiB", "--set", "fetch.idle_timeout=1s"]);
    args.extend(urls.iter().map(String::as_str));
    let watched = desk.watch(&args, PATIENCE);
    watched.report(&format!("{} {what}", urls.len()));
    assert_eq!(watched.ran.code, Some(0), "{}", watched.ran.err);
    assert!(watched.peak_mib <= MEMORY, "{} MiB", watched.peak_mib);
    let mut wrong = Vec::new();
    for (((name, server), url), expected) in servers.iter().zip(&urls).zip(&expected) {
        let sql = format!("SELECT status, error, is_cut FROM pages WHERE url = '{url}'");
        let found = desk.rows("x.db", &sql);
        if found != [*expected] || server.paths() != ["/"] {
            wrong.push(format!("{name}: {found:?}, asked for {:?}", server.paths()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_content_encoding_is_undone_under_a_cap() {
    check("codings", codings());
}

#[test]
fn every_head_ends_in_time() {
    check("heads", heads());
}

#[test]
fn every_body_ends_in_time_and_at_its_cap() {
    check("bodies", bodies());
}
