//! What did the body say before it was compressed for the wire?
//!
//! Runs in the work pool, under a cap on what comes out: a megabyte on the wire
//! may be a gigabyte unpacked.

use std::io::Read;

/// Codings on top of each other that are undone.
const MAX_CODINGS: usize = 3;

/// A body whose content encoding was undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// At most the cap.
    pub bytes: Vec<u8>,
    /// Whether the cap, or an early end of the stream, cut it.
    pub is_cut: bool,
    /// The body as it came, if that is gzip of all of it and nothing else.
    pub gzip: Option<Vec<u8>>,
}

/// Why a body could not be read at all.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Undecodable {
    /// A coding that we did not ask for and do not know.
    #[error("content encoding {0} is not known")]
    Unknown(String),
    /// More codings than anybody needs.
    #[error("{0} content encodings on top of each other")]
    Nested(usize),
    /// Not what the header says.
    #[error("the body is not {0}")]
    Broken(&'static str),
}

/// Undoes `content_encoding` (RFC 9110 section 8.4), giving at most `cap` bytes.
///
/// # Errors
/// If nothing can be read. A stream that breaks off gives what came before.
pub fn decode(body: Vec<u8>, content_encoding: &str, cap: usize) -> Result<Decoded, Undecodable> {
    let codings: Vec<String> = content_encoding
        .split(',')
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    if codings.len() > MAX_CODINGS {
        return Err(Undecodable::Nested(codings.len()));
    }
    let is_cut = body.len() > cap;
    let mut decoded = Decoded { bytes: body, is_cut, gzip: None };
    decoded.bytes.truncate(cap);
    for coding in codings.iter().rev() {
        if decoded.bytes.is_empty() {
            break;
        }
        let next = undo(&decoded.bytes, coding, cap)?;
        let is_cut = decoded.is_cut || next.is_cut;
        let is_gzip = codings.len() == 1 && is_gzip(coding) && !is_cut;
        let gzip = is_gzip.then_some(decoded.bytes);
        decoded = Decoded { bytes: next.bytes, is_cut, gzip };
    }
    Ok(decoded)
}

fn is_gzip(coding: &str) -> bool {
    matches!(coding, "gzip" | "x-gzip")
}

fn undo(body: &[u8], coding: &str, cap: usize) -> Result<Decoded, Undecodable> {
    match coding {
        _ if is_gzip(coding) => read("gzip", flate2::read::MultiGzDecoder::new(body), cap),
        // Servers send both what the standard means by deflate (zlib) and what its name says.
        "deflate" if body[0] & 0x0f == 8 => {
            read("deflate", flate2::read::ZlibDecoder::new(body), cap)
        }
        "deflate" => read("deflate", flate2::read::DeflateDecoder::new(body), cap),
        // This window size is invalid (RFC 7932 section 9.1). The decoder takes it for an extension
        // with windows of up to a gigabyte, all of which it fills before the first byte comes out.
        "br" if body[0] & 0x7f == 0b001_0001 => Err(Undecodable::Broken("brotli")),
        "br" => read("brotli", brotli_decompressor::Decompressor::new(body, 16 * 1024), cap),
        "zstd" => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body)
                .map_err(|_| Undecodable::Broken("zstd"))?;
            // RFC 9659: windows above 8 MiB must not be sent.
            decoder.window_log_max(23).map_err(|_| Undecodable::Broken("zstd"))?;
            read("zstd", decoder, cap)
        }
        other => Err(Undecodable::Unknown(other.chars().take(40).collect())),
    }
}

/// Reads a gzip file of at most `cap` bytes, such as a `sitemap.xml.gz`.
///
/// # Errors
/// If it is none.
pub fn gunzip(body: &[u8], cap: usize) -> Result<Decoded, Undecodable> {
    undo(body, "gzip", cap)
}

fn read(name: &'static str, decoder: impl Read, cap: usize) -> Result<Decoded, Undecodable> {
    let mut bytes = Vec::new();
    let outcome = decoder.take(cap as u64 + 1).read_to_end(&mut bytes);
    let is_cut = bytes.len() > cap || outcome.is_err();
    bytes.truncate(cap);
    if outcome.is_err() && bytes.is_empty() {
        return Err(Undecodable::Broken(name));
    }
    Ok(Decoded { bytes, is_cut, gzip: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_coding_that_leaves_nothing_ends_the_undoing() {
        let nothing = gzip(b"");
        for codings in ["br, gzip", "deflate, gzip", "zstd, gzip"] {
            assert_eq!(decode(nothing.clone(), codings, 100).unwrap().bytes, b"", "{codings}");
        }
    }

    #[test]
    fn every_coding_is_undone_and_nested_ones_in_reverse() {
        let text = b"hello hello hello".repeat(100);
        let mut br = Vec::new();
        brotli::CompressorWriter::new(&mut br, 4096, 5, 20).write_all(&text).unwrap();
        let zlib = {
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&text).unwrap();
            encoder.finish().unwrap()
        };
        let raw = {
            let mut encoder =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&text).unwrap();
            encoder.finish().unwrap()
        };
        #[rustfmt::skip]
        let cases = [
            (text.clone(), ""), (text.clone(), "identity"), (gzip(&text), "gzip"), (gzip(&text), " X-GZIP "), (br, "br"),
            (zlib, "deflate"), (raw, "deflate"), (zstd::encode_all(&*text, 1).unwrap(), "zstd"),
            (gzip(&zstd::encode_all(&*text, 1).unwrap()), "zstd, gzip"),
        ];
        for (body, coding) in cases {
            let decoded = decode(body, coding, 1 << 20).expect(coding);
            assert_eq!((decoded.bytes == text, decoded.is_cut), (true, false), "{coding}");
        }
    }

    #[test]
    fn bombs_are_cut_at_the_cap() {
        let bomb = gzip(&vec![0; 64 << 20]);
        let decoded = decode(bomb.clone(), "gzip", 1 << 20).unwrap();
        assert_eq!((decoded.bytes.len(), decoded.is_cut), (1 << 20, true));
        let nested = decode(gzip(&bomb), "gzip, gzip", 1 << 20).unwrap();
        assert!(nested.bytes.len() <= 1 << 20 && nested.is_cut);
        assert_eq!(decode(vec![1], "gzip,gzip,gzip,gzip", 9), Err(Undecodable::Nested(4)));
    }

    #[test]
    fn broken_streams_give_what_came_before() {
        let mut half = gzip(&b"abc".repeat(100_000));
        half.truncate(half.len() / 2);
        let decoded = decode(half, "gzip", 1 << 20).unwrap();
        assert!(decoded.is_cut && decoded.bytes.starts_with(b"abcabc"));
        assert_eq!(decode(b"<html>".to_vec(), "gzip", 99), Err(Undecodable::Broken("gzip")));
        assert_eq!(decode(b"x".to_vec(), "rot13", 99), Err(Undecodable::Unknown("rot13".into())));
        assert_eq!(decode(Vec::new(), "gzip", 99).unwrap().bytes, b"");
    }
}
