//! What did a stored body say before it was packed?

use std::io::{Error, ErrorKind, Read, Result};

/// The largest window of a frame that is unpacked: 16 MiB, as a power of two.
const MAX_WINDOW_LOG: u32 = 24;

/// Whether the page version `p` is XHTML, in SQL: as its server said when it gave it.
pub(super) const IS_XHTML: &str =
    "(SELECT coalesce(max(f.content_type LIKE 'application/xhtml+xml%'), 0)
     FROM crawl c CROSS JOIN state s ON s.crawl_id = c.id AND s.url_id = p.url_id
     CROSS JOIN fetch f ON f.id = s.fetch_id AND f.page_id = p.id)";

/// Undoes `codec`, giving at most `cap` bytes; `None` if there would be more,
/// whatever the frame claims.
///
/// # Errors
/// If the codec is not known, or the bytes are none of its.
pub fn unpack(codec: &str, bytes: &[u8], cap: u64) -> Result<Option<Vec<u8>>> {
    let mut unpacked = Vec::new();
    match codec {
        "identity" => unpacked.extend_from_slice(bytes),
        "zstd" => {
            let mut decoder = zstd::stream::Decoder::with_buffer(bytes)?;
            decoder.window_log_max(MAX_WINDOW_LOG)?;
            // Stops reading one byte beyond the cap.
            decoder.take(cap.saturating_add(1)).read_to_end(&mut unpacked)?;
        }
        "gzip" => {
            let decoder = flate2::read::MultiGzDecoder::new(bytes);
            decoder.take(cap.saturating_add(1)).read_to_end(&mut unpacked)?;
        }
        _ => return Err(Error::new(ErrorKind::InvalidData, format!("codec {codec} is not known"))),
    }
    Ok((unpacked.len() as u64 <= cap).then_some(unpacked))
}
