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

/// A brotli stream of `of_16_mib` meta-blocks of 16 MiB, less than 13 bytes each,
/// with a window of 1 GiB, which only "large window brotli" may have: whoever
/// accepts it holds all of it before the first byte comes out (RFC 7932 sections 4, 7, 9).
pub(crate) fn brotli_with_a_large_window(of_16_mib: usize) -> Vec<u8> {
    const INSERT_BASE: u64 = 22_594; // of insert length code 23, which has 24 extra bits
    let mut bits = Bits::default();
    bits.push(0b001_0001, 7); // WBITS: large window
    bits.push(0, 1);
    bits.push(30, 6);
    for _ in 0..of_16_mib {
        bits.push(0, 1); // not the last
        bits.push(2, 2); // six nibbles of length
        bits.push((1 << 24) - 1, 24);
        bits.push(0, 1); // compressed
        bits.push(0, 3); // one type of block of each kind
        bits.push(0, 6); // NPOSTFIX, NDIRECT
        bits.push(0, 2); // context mode
        bits.push(0, 2); // one tree of literals, one of distances
        for (symbol, width) in [(b' '.into(), 8), (504, 10), (0, 8)] {
            bits.push(1, 2); // a simple prefix code
            bits.push(0, 2); // of one symbol
            bits.push(symbol, width);
        }
        bits.push((1 << 24) - INSERT_BASE, 24);
    }
    bits.push(0b11, 2); // the last, and empty
    bits.bytes
}

/// Bits from the lowest of a byte to its highest.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn push(&mut self, value: u64, width: usize) {
        for at in 0..width {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = u8::from(value >> at & 1 == 1);
            *self.bytes.last_mut().unwrap() |= bit << (self.used % 8);
            self.used += 1;
        }
    }
}
