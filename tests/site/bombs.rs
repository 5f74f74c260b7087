//! Bodies that are small on the wire and large once their encoding is undone.

use std::io::Write;

use flate2::{Compress, Compression, FlushCompress};

const MIB: usize = 1 << 20;

/// A gzip file of `mib` MiB of nothing: one member over and over.
pub(crate) fn gzip(mib: usize) -> Vec<u8> {
    gzip_of(&vec![b' '; MIB]).repeat(mib)
}

/// `bytes` as a gzip file.
pub(crate) fn gzip_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zlib (or, with `raw`, deflate) stream of `mib` MiB: one block over and over.
pub(crate) fn deflate(mib: usize, raw: bool) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), !raw);
    let mut run = |bytes: &[u8]| {
        let mut out = Vec::with_capacity(64 * 1024);
        compress.compress_vec(bytes, &mut out, FlushCompress::Full).unwrap();
        out
    };
    let head = run(b"");
    let block = run(&vec![b' '; MIB]);
    [head, block.repeat(mib)].concat()
}

/// A zstd file of `mib` MiB.
pub(crate) fn zstd(mib: usize) -> Vec<u8> {
    zstd::encode_all(&*vec![b' '; MIB], 1).unwrap().repeat(mib)
}

/// A zstd frame that asks for a window of 1 GiB (RFC 8878 section 3.1.1.1.2) and
/// fills it block by block, each of 128 KiB (section 3.1.1.2.2, RLE).
pub(crate) fn zstd_with_a_large_window(mib: usize) -> Vec<u8> {
    let head = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3];
    let size: u32 = 128 * 1024;
    let block = |is_last: u32| (size << 3 | 1 << 1 | is_last).to_le_bytes()[..3].to_vec();
    let rle = |is_last| [block(is_last), vec![b' ']].concat();
    [head.to_vec(), rle(0).repeat(mib * 8), rle(1)].concat()
}

/// A brotli stream of `mib` MiB.
pub(crate) fn brotli(mib: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 1, 22);
    let piece = vec![b' '; MIB];
    (0..mib).for_each(|_| encoder.write_all(&piece).unwrap());
    drop(encoder);
    out
}
