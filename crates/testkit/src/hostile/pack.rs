//! Compressed streams, sound ones and such that are written by hand.

use std::io::Write;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub(super) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One frame with a checksum.
pub(super) fn zst(bytes: &[u8]) -> Vec<u8> {
    zst_of([bytes])
}

/// The same of pieces, of which there may be more than fits into memory.
pub(super) fn zst_of<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    for piece in pieces {
        encoder.write_all(piece.as_ref()).unwrap();
    }
    encoder.finish().unwrap()
}

/// A gzip stream whose header has these flags, and what belongs to them.
pub(super) fn gz_with(flags: u8, fields: &[u8], bytes: &[u8]) -> Vec<u8> {
    const HEADER: usize = 10;
    let plain = gz(bytes);
    [&[0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 5, 6][..], fields, &plain[HEADER..]].concat()
}

/// A zstd frame that holds bytes as they are, with `header` between its magic number and its blocks.
pub(super) fn frame(header: &[u8], content: &[u8]) -> Vec<u8> {
    const PIECE: usize = 64 << 10;
    let mut out = [&MAGIC[..], header].concat();
    let mut pieces = content.chunks(PIECE).peekable();
    while let Some(piece) = pieces.next() {
        let last = u32::from(pieces.peek().is_none());
        let head = ((piece.len() as u32) << 3) | last;
        out.extend_from_slice(&head.to_le_bytes()[..3]);
        out.extend_from_slice(piece);
    }
    out
}

/// A zstd frame that readers pass over, of as many bytes as it says or fewer.
pub(super) fn skippable(kind: u8, claimed: u32, content: &[u8]) -> Vec<u8> {
    [&[0x50 | kind, 0x2a, 0x4d, 0x18][..], &claimed.to_le_bytes(), content].concat()
}

/// The bytes, one of them inverted.
pub(super) fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 0xff;
    bytes
}
