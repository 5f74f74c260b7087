//! What does a crawl look like as a web archive (WARC 1.1, ISO 28500:2017)?
//!
//! A `warcinfo` record, then a `request` and a `response` for each fetch whose
//! body is stored. Two things are not as they went over the wire, and the
//! `warcinfo` says so. Bodies are stored with their content encoding undone, so
//! the headers that would contradict that are renamed `X-Crawler-…`, as Common
//! Crawl does, and `Content-Length` is that of the body. And requests are not
//! stored: they are written as every request of the crawl was made, without the
//! headers and credentials that the user gave.
//!
//! With gzip each record is a member of its own (Annex D), so that readers can
//! jump to it.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use serde_json::{Map, Value};

use crate::canonical::CanonicalUrl;
use crate::fetch::{ACCEPT, ACCEPT_ENCODING};
use crate::store::StoredFetch;

/// What the first record says of the whole.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The name of the archive's file.
    pub filename: &'a str,
    /// When it is written, in RFC 3339.
    pub written_at: &'a str,
    /// The seeds of the crawl.
    pub seeds: &'a str,
    /// The user agent of its requests.
    pub user_agent: &'a str,
    /// Whether robots.txt was obeyed.
    pub obeyed_robots: bool,
}

/// Writes an archive, record by record.
pub struct Warc<W: Write> {
    out: W,
    gzip: bool,
    user_agent: String,
    info_id: String,
}

impl<W: Write> Warc<W> {
    /// Begins an archive with the record that describes it.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn begin(out: W, gzip: bool, about: &About<'_>) -> io::Result<Self> {
        let fields = [
            ("software", concat!("crawlite/", env!("CARGO_PKG_VERSION"))),
            ("format", "WARC File Format 1.1"),
            (
                "conformsTo",
                "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
            ),
            ("robots", if about.obeyed_robots { "obey" } else { "ignore" }),
            ("http-header-user-agent", about.user_agent),
            ("seeds", about.seeds),
            (
                "description",
                "Exported from a crawlite file. Bodies are stored with content and transfer encoding undone: \
                 Content-Encoding and Transfer-Encoding are renamed X-Crawler-Content-Encoding and \
                 X-Crawler-Transfer-Encoding, Content-Length is that of the body as it is here. Where a server answered 304, the stored answer that it confirmed stands. Names of headers \
                 are in lower case, values of cookies are cut. Request records are rebuilt from the settings of the \
                 crawl; headers that its user added are not in them.",
            ),
        ];
        let mut block = String::new();
        for (name, value) in fields {
            block.push_str(&format!("{name}: {}\r\n", one_line(value)));
        }
        let id = record_id(&["warcinfo", about.written_at, about.seeds, about.filename]);
        let mut warc =
            Self { out, gzip, user_agent: one_line(about.user_agent), info_id: id.clone() };
        let head = [
            ("WARC-Type", "warcinfo"),
            ("WARC-Record-ID", &id),
            ("WARC-Date", about.written_at),
            ("WARC-Filename", &one_line(about.filename)),
            ("Content-Type", "application/warc-fields"),
        ];
        warc.record(&head, &[block.as_bytes()])?;
        Ok(warc)
    }

    /// Writes a request and its answer.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn fetch(&mut self, fetch: &StoredFetch) -> io::Result<()> {
        let number = fetch.id.to_string();
        let id = |kind| record_id(&[kind, &fetch.url, &fetch.started_at, &number]);
        let (request_id, response_id) = (id("request"), id("response"));
        let info_id = self.info_id.clone();
        let shared = [
            ("WARC-Date", &*fetch.started_at),
            ("WARC-Target-URI", &*fetch.url),
            ("WARC-Warcinfo-ID", &*info_id),
        ];
        let ip = fetch.ip.as_deref().map(|ip| ("WARC-IP-Address", ip));
        let protocol = (fetch.http_version == "HTTP/2").then_some(("WARC-Protocol", "h2"));
        let is_cut = fetch.is_cut.then_some(("WARC-Truncated", "length"));

        let head = response_head(fetch);
        let payload_digest = sha1(&[&fetch.body]);
        let block = [head.as_bytes(), &fetch.body];
        let mut fields = vec![("WARC-Type", "response"), ("WARC-Record-ID", &*response_id)];
        fields.extend(shared);
        fields.extend(ip.into_iter().chain(protocol).chain(is_cut));
        fields.push(("WARC-Payload-Digest", &payload_digest));
        fields.push(("Content-Type", "application/http;msgtype=response"));
        self.record(&fields, &block)?;

        let request = request_head(&fetch.url, &self.user_agent);
        let mut fields = vec![("WARC-Type", "request"), ("WARC-Record-ID", &*request_id)];
        fields.extend(shared);
        fields.push(("WARC-Concurrent-To", &response_id));
        fields.extend(ip.into_iter().chain(protocol));
        fields.push(("Content-Type", "application/http;msgtype=request"));
        self.record(&fields, &[request.as_bytes()])
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// If `out` cannot be flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn record(&mut self, fields: &[(&str, &str)], block: &[&[u8]]) -> io::Result<()> {
        let length: usize = block.iter().map(|part| part.len()).sum();
        let mut head = String::from("WARC/1.1\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!(
            "WARC-Block-Digest: {}\r\nContent-Length: {length}\r\n\r\n",
            sha1(block)
        ));
        let parts = std::iter::once(head.as_bytes()).chain(block.iter().copied());
        let mut parts = parts.chain([b"\r\n\r\n".as_slice()]);
        if self.gzip {
            let mut member = GzEncoder::new(&mut self.out, Compression::default());
            parts.try_for_each(|part| member.write_all(part))?;
            member.finish()?;
            Ok(())
        } else {
            parts.try_for_each(|part| self.out.write_all(part))
        }
    }
}

/// Status line and headers of an answer, as they fit the body that is stored.
fn response_head(fetch: &StoredFetch) -> String {
    let mut head = format!("HTTP/1.1 {} {}\r\n", fetch.status, reason(fetch.status));
    let headers: Map<String, Value> = serde_json::from_str(&fetch.headers).unwrap_or_default();
    let length = fetch.body.len().to_string();
    for (name, values) in &headers {
        for value in values.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let name = match &**name {
                "content-length" if value == length => continue,
                "content-length" => "X-Crawler-Content-Length",
                "content-encoding" => "X-Crawler-Content-Encoding",
                "transfer-encoding" => "X-Crawler-Transfer-Encoding",
                name => name,
            };
            head.push_str(&format!("{}: {}\r\n", one_line(name), one_line(value)));
        }
    }
    head.push_str(&format!("Content-Length: {length}\r\n\r\n"));
    head
}

/// The request as every one of the crawl is made.
fn request_head(url: &str, user_agent: &str) -> String {
    let url = CanonicalUrl::from_stored(url);
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {user_agent}\r\nAccept: {ACCEPT}\r\n\
         Accept-Encoding: {ACCEPT_ENCODING}\r\n\r\n",
        url.path_and_query(),
        url.host(),
    )
}

/// The phrases of RFC 9110 section 15.3 for answers that have a body.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        206 => "Partial Content",
        _ => "",
    }
}

/// A line without what would end it.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }).collect()
}

/// A URN of a UUID (RFC 9562, version 8) that depends on what is recorded alone,
/// so that the same export gives the same archive.
fn record_id(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let hash = hasher.finalize();
    let mut bytes: [u8; 16] = *hash.as_bytes().first_chunk().expect("16 of 32 bytes");
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut id = String::from("<urn:uuid:");
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        id.push_str(&format!("{byte:02x}"));
    }
    id + ">"
}

/// The digest of web archives: `sha1:` and Base32 (RFC 4648 section 6).
fn sha1(parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    parts.iter().for_each(|part| context.update(part));
    format!("sha1:{}", base32(context.finish().as_ref()))
}

/// Base32 of a number of bytes that divides by five: without padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len() / 5 * 8);
    for chunk in bytes.chunks_exact(5) {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        text.extend((0..8).rev().map(|at| char::from(ALPHABET[bits >> (5 * at) & 31])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch() -> StoredFetch {
        StoredFetch {
            id: 7,
            url: "https://example.org/a?b".into(),
            started_at: "2026-11-23T20:04:55.174Z".into(),
            status: 200,
            http_version: "HTTP/2".into(),
            ip: Some("::1".into()),
            headers: r#"{"content-encoding":["gzip"],"content-length":["9"],"x":["a\r\nb","c"]}"#
                .into(),
            is_cut: false,
            body: b"hello\n".to_vec(),
        }
    }

    fn archive(gzip: bool) -> Vec<u8> {
        let about = About {
            filename: "a.warc",
            written_at: "2026-11-23T21:00:00Z",
            seeds: "https://example.org/",
            user_agent: "crawlite/9",
            obeyed_robots: true,
        };
        let mut warc = Warc::begin(Vec::new(), gzip, &about).unwrap();
        warc.fetch(&fetch()).unwrap();
        warc.finish().unwrap()
    }

    #[test]
    fn records_say_what_was_fetched_and_fit_their_bodies() {
        let text = String::from_utf8(archive(false)).unwrap();
        let records: Vec<_> = text.split("WARC/1.1\r\n").skip(1).collect();
        assert_eq!(records.len(), 3);
        for (record, expected) in [
            (0, "WARC-Type: warcinfo\r\n"),
            (0, "robots: obey\r\n"),
            (1, "WARC-Type: response\r\n"),
            (1, "WARC-Target-URI: https://example.org/a?b\r\n"),
            (1, "WARC-IP-Address: ::1\r\n"),
            (1, "WARC-Protocol: h2\r\n"),
            // printf 'hello\n' | sha1sum | xxd -r -p | base32
            (1, "WARC-Payload-Digest: sha1:6VZNHFX25EQGMKDRJ6ZM4AHXF2KPEJMP\r\n"),
            (1, "HTTP/1.1 200 OK\r\nX-Crawler-Content-Encoding: gzip\r\n"),
            (
                1,
                "X-Crawler-Content-Length: 9\r\nx: a  b\r\nx: c\r\nContent-Length: 6\r\n\r\nhello\n\r\n\r\n",
            ),
            (2, "WARC-Type: request\r\n"),
            (2, "GET /a?b HTTP/1.1\r\nHost: example.org\r\nUser-Agent: crawlite/9\r\n"),
        ] {
            assert!(records[record].contains(expected), "{expected} in {}", records[record]);
        }
        for record in records {
            let (head, block) = record.split_once("\r\n\r\n").unwrap();
            let length = head.split_once("Content-Length: ").unwrap().1;
            assert_eq!(block.len(), length.parse::<usize>().unwrap() + 4, "{head}");
        }
    }

    #[test]
    fn each_record_is_a_member_of_its_own() {
        let packed = archive(true);
        let members = packed.windows(3).filter(|bytes| *bytes == [0x1f, 0x8b, 8]).count();
        let mut all = Vec::new();
        io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&*packed), &mut all).unwrap();
        assert_eq!((members, all == archive(false)), (3, true));
    }
}
