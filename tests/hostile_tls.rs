//! Whatever a server does with TLS and HTTP/2, its page gets a row that says so, in time.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::io::Read;
use std::time::Duration;

use site::Desk;
use site::raw::{Raw, Wire, drip, flood, hang};

const PAGE: &[u8] =
    b"HTTP/1.1 200 X\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<title>t</title>";
const PATIENCE: Duration = Duration::from_mins(1);
/// Most memory of a crawl that meets all rows at once, in MiB.
const MEMORY: u64 = 160;

/// Crawls one page of each server at once; status, error and whether it is cut, of each.
fn outcomes(urls: &[String], more: &[&str]) -> Vec<String> {
    let desk = Desk::new();
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tls/ca.pem");
    let mut args = vec!["crawl", "-o", "x.db", "-q", "--no-sitemaps", "--ignore-robots"];
    args.extend(["--retries", "0", "-c", "99", "-t", "1500ms", "--max-body", "32KiB"]);
    args.extend(more.iter().map(|arg| if *arg == "CA" { authority } else { arg }));
    args.extend(urls.iter().map(String::as_str));
    let watched = desk.watch(&args, PATIENCE);
    watched.report(&format!("{} TLS or HTTP/2 servers", urls.len()));
    // 1 if not one of them answered.
    assert!(matches!(watched.ran.code, Some(0 | 1)), "{}", watched.ran.err);
    assert!(watched.peak_mib <= MEMORY, "{} MiB", watched.peak_mib);
    let of = |url: &String| {
        let sql = format!("SELECT status, error, is_cut FROM pages WHERE url = '{url}'");
        desk.rows("x.db", &sql).concat()
    };
    urls.iter().map(of).collect()
}

fn tls_servers() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let with =
        |certificate| Raw::tls(certificate, |_, wire| wire.write_all(PAGE)).url("https", "/");
    let plain =
        |speak: fn(&mut dyn Wire) -> std::io::Result<()>| Raw::silent(speak).url("https", "/");
    let http_over_tls = Raw::tls("good", |_, wire| wire.write_all(PAGE)).url("http", "/");
    #[rustfmt::skip]
    let rows = vec![
        // what                                   where                                               checked        with -k
        ("a good certificate",                    with("good"),                                       "200||0",      "200||0"),
        ("an expired one",                        with("expired"),                                    "|tls|0",      "200||0"),
        ("one of the future",                     with("not-yet"),                                    "|tls|0",      "200||0"),
        ("one for another host",                  with("other-host"),                                 "|tls|0",      "200||0"),
        ("one that it made itself",               with("self-signed"),                                "|tls|0",      "200||0"),
        ("plain HTTP where TLS is expected",      plain(|wire| wire.write_all(PAGE)),                 "|tls|0",      "|tls|0"),
        ("garbage instead of a handshake",        plain(|wire| wire.write_all(&[0xff; 999])),         "|tls|0",      "|tls|0"),
        ("an alert",                              plain(|wire| wire.write_all(&[21, 3, 3, 0, 2, 2, 40])), "|tls|0",  "|tls|0"),
        ("a handshake record without an end",     plain(|wire| flood(wire, &[22, 3, 3, 0x40, 0])),    "|tls|0",      "|tls|0"),
        ("no handshake",                          plain(hang),                                        "|timeout|0",  "|timeout|0"),
        ("a dripping handshake",                  plain(|wire| drip(wire, &[22], Duration::from_secs(1))), "|timeout|0", "|timeout|0"),
        ("the end of the connection",             plain(|_| Ok(())),                                  "|connect|0",  "|connect|0"),
        ("TLS where plain HTTP is expected",      http_over_tls,                                      "|broken|0",   "|broken|0"),
    ];
    rows
}

#[test]
fn a_certificate_is_believed_only_if_it_is_good() {
    let servers = tls_servers();
    let urls: Vec<String> = servers.iter().map(|(_, url, ..)| url.clone()).collect();
    let checked = outcomes(&urls, &["--cacert", "CA"]);
    let unchecked = outcomes(&urls, &["-k"]);
    let unknown = outcomes(&urls[..1], &["--limit-ok"]);
    let mut wrong = Vec::new();
    for (at, (what, _, expected, insecure)) in servers.iter().enumerate() {
        if (&*checked[at], &*unchecked[at]) != (*expected, *insecure) {
            wrong.push(format!("{what}: {}, with -k {}", checked[at], unchecked[at]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(unknown, ["|tls|0"], "an authority that nobody knows");
}

/// A frame (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` and `content-type: text/html` (RFC 7541 appendix A and section 6.2.2).
const HEAD: &[u8] = b"\x88\x0f\x10\x09text/html";

/// Greets, waits for the first request, and then writes `frames` and stays.
fn after_request(wire: &mut dyn Wire, frames: &[Vec<u8>]) -> std::io::Result<()> {
    wire.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    wire.read_exact(&mut [0; 24])?;
    loop {
        let mut head = [0; 9];
        wire.read_exact(&mut head)?;
        let length = u64::from(u32::from_be_bytes([0, head[0], head[1], head[2]]));
        std::io::copy(&mut wire.take(length), &mut std::io::sink())?;
        if head[3] == HEADERS {
            break;
        }
    }
    frames.iter().try_for_each(|frame| wire.write_all(frame))?;
    hang(wire)
}

/// A header block that names the same 4 KiB again and again (RFC 7541 section 6.1).
fn header_bomb() -> Vec<u8> {
    let long = [b"\x88\x40\x01x\x7f\xe1\x1e".as_slice(), &[b'y'; 4000]].concat();
    [long, vec![0xbe; 12_000]].concat()
}

#[test]
fn http2_may_break_off_at_any_frame() {
    let head = frame(HEADERS, END_HEADERS, 1, HEAD);
    let full = frame(DATA, 0, 1, &[b'x'; 16_384]);
    let many = |frame: &[u8], count: usize| vec![frame.repeat(count)];
    #[rustfmt::skip]
    let rows: Vec<(&str, Vec<Vec<u8>>, &str)> = vec![
        ("a page",                   vec![head.clone(), frame(DATA, END_STREAM, 1, b"<title>t</title>")], "200||0"),
        ("GOAWAY",                   vec![frame(GOAWAY, 0, 0, &[0; 8])],                    "|broken|0"),
        ("GOAWAY after the head",    vec![head.clone(), frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 2])], "|broken|0"),
        ("RST_STREAM",               vec![frame(RST_STREAM, 0, 1, &[0, 0, 0, 2])],          "|broken|0"),
        ("a refused stream",         vec![frame(RST_STREAM, 0, 1, &[0, 0, 0, 7])],          "|broken|0"),
        ("a reset after the head",   vec![head.clone(), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])], "|broken|0"),
        ("no answer",                vec![],                                                "|timeout|0"),
        ("a head without a body",    vec![head.clone()],                                    "|timeout|0"),
        ("a body beyond the cap",    [vec![head.clone()], many(&full, 3)].concat(),        "200||1"),
        ("empty frames of data",     [vec![head.clone()], many(&frame(DATA, 0, 1, b""), 100_000)].concat(), "|broken|0"),
        ("a flood of pings",         many(&frame(PING, 0, 0, &[0; 8]), 100_000),            "|timeout|0"),
        ("a flood of settings",      many(&frame(SETTINGS, 0, 0, &[]), 100_000),            "|timeout|0"),
        ("endless headers",          [vec![frame(HEADERS, 0, 1, HEAD)], many(&frame(CONTINUATION, 0, 1, &[0x88; 4096]), 4000)].concat(), "|broken|0"),
        ("a bomb of headers",        vec![frame(HEADERS, END_HEADERS, 1, &header_bomb())],  "|broken|0"),
        ("headers that are none",    vec![frame(HEADERS, END_HEADERS, 1, &[0xff; 64])],     "|broken|0"),
        ("a frame too large",        vec![frame(DATA, 0, 1, &vec![0; 1 << 20])],            "|broken|0"),
        ("data nobody asked for",    vec![frame(DATA, 0, 7, b"x")],                         "|broken|0"),
        ("HTTP/1.1",                 vec![PAGE.to_vec()],                                   "|broken|0"),
    ];
    let servers: Vec<(&str, Raw, &str)> = rows
        .into_iter()
        .map(|(what, frames, expected)| {
            let speak = move |wire: &mut dyn Wire| drop(after_request(wire, &frames));
            (what, Raw::http2(speak), expected)
        })
        .collect();
    let urls: Vec<String> = servers.iter().map(|(_, server, _)| server.url("https", "/")).collect();
    let found = outcomes(&urls, &["--cacert", "CA"]);
    let mut wrong = Vec::new();
    for ((what, server, expected), found) in servers.iter().zip(&found) {
        let connections = server.paths().len();
        if found != expected || connections > 1 {
            wrong.push(format!("{what}: {found}, {connections} connections"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
