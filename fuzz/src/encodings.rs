//! What must hold of content encodings, whatever the bytes?
//!
//! Case: a Content-Encoding header, a line break, the body. With a `=` before it, the
//! rest is what is to be encoded so, and must come back.

use std::io::Write;
use std::time::Duration;

use crawlite::fetch::{Decoded, Undecodable, decode, gunzip};
use flate2::Compression;

use super::{Case, within};

/// Bytes that come out at most.
const CAP: usize = 256 * 1024;

/// Panics where a law is broken.
pub fn check(data: &[u8]) {
    let case = Case::of(data);
    if let Some(codings) = case.head.strip_prefix('=') {
        there_and_back(codings, &case.body);
        return;
    }
    let once = undone(&case.body, &case.head, CAP);
    assert_eq!(undone(&case.body, &case.head, CAP), once, "the same every time");
    if let (Ok(once), Ok(few)) = (&once, undone(&case.body, &case.head, 100)) {
        assert!(few.is_cut || few.bytes == once.bytes, "what is left out is said");
    }
    assert_eq!(gunzip(&case.body, CAP).ok(), gunzip(&case.body, CAP).ok());
}

fn undone(body: &[u8], codings: &str, cap: usize) -> Result<Decoded, Undecodable> {
    let decoded = within(Duration::from_secs(2), || decode(body.to_vec(), codings, cap));
    if let Ok(decoded) = &decoded {
        assert!(decoded.bytes.len() <= cap);
    }
    decoded
}

/// What is encoded comes back, and of a part of it nothing else than a beginning.
fn there_and_back(codings: &str, plain: &[u8]) {
    let known = |coding: &&str| ["gzip", "deflate", "br", "zstd"].contains(coding);
    let codings: Vec<_> = codings.split(',').map(str::trim).filter(known).take(3).collect();
    let encoded = codings.iter().fold(plain.to_vec(), |bytes, coding| encode(&bytes, coding));
    let header = codings.join(", ");
    if plain.len() > CAP || encoded.len() > CAP {
        return;
    }
    let whole = undone(&encoded, &header, CAP).expect("it was encoded so");
    assert_eq!((whole.bytes.as_slice(), whole.is_cut), (plain, false));
    if let Ok(part) = undone(&encoded[..encoded.len() / 2], &header, CAP) {
        assert!(plain.starts_with(&part.bytes), "of a part nothing else than a beginning");
    }
    if let Ok(part) = undone(&encoded, &header, plain.len() / 2) {
        assert!(plain.starts_with(&part.bytes) && (part.is_cut || part.bytes == plain));
    }
}

fn encode(bytes: &[u8], coding: &str) -> Vec<u8> {
    let level = Compression::fast();
    let mut out = Vec::new();
    let written = match coding {
        "gzip" => flate2::write::GzEncoder::new(&mut out, level).write_all(bytes),
        "deflate" => flate2::write::ZlibEncoder::new(&mut out, level).write_all(bytes),
        "br" => brotli::CompressorWriter::new(&mut out, 4096, 1, 16).write_all(bytes),
        _ => zstd::stream::copy_encode(bytes, &mut out, 1),
    };
    written.expect("memory can be written");
    out
}
