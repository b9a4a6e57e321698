//! A block of an archive, compressed: a gzip member or a zstd frame of its own.
//!
//! What is compressed already goes in as it is, in stored or raw blocks: that costs a copy.

use std::io;

use libdeflater::{CompressionLvl, Compressor};
use zstd::zstd_safe::CParameter;

use super::decompress::MAX_RATIO;
use super::seek_table::{HEAD, skippable, small};

/// What a stored block of deflate, and a raw block of zstd, may hold.
const STORED: usize = 0xffff;
const RAW: usize = 128 << 10;
/// The header of a gzip member without a name or a time, and the start of a zstd frame that says its size in four
/// bytes and needs no window but itself.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
const ZSTD_HEADER: [u8; 5] = [0x28, 0xb5, 0x2f, 0xfd, 0xa0];

/// What a block becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Gzip,
    Zstd,
}

/// What one thread needs to compress.
pub(super) enum Lane {
    Gzip(Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Lane {
    pub(super) fn new(format: Format, level: i32) -> io::Result<Self> {
        Ok(match format {
            Format::Gzip => Self::Gzip(Compressor::new(CompressionLvl::new(level).unwrap_or_default())),
            Format::Zstd => {
                let mut compressor = zstd::bulk::Compressor::new(level)?;
                compressor.set_parameter(CParameter::ChecksumFlag(true))?;
                Self::Zstd(compressor)
            }
        })
    }

    pub(super) fn compress(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Zstd(compressor) => compressor.compress(bytes).map(|frame| reasonable(frame, bytes.len())),
            Self::Gzip(compressor) => {
                let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
                let n =
                    compressor.gzip_compress(bytes, &mut out).map_err(|e| io::Error::other(e.to_string()))?;
                out.truncate(n);
                Ok(out)
            }
        }
    }

    /// The same for what is compressed already.
    pub(super) fn wrap(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Gzip(_) => stored(bytes),
            Self::Zstd(_) => raw(bytes),
        }
    }
}

/// A frame that expands no further than readers believe, this one among them: what is too small has a frame behind it
/// that is passed over.
fn reasonable(mut frame: Vec<u8>, length: usize) -> Vec<u8> {
    let least = usize::try_from(length as u64 / (MAX_RATIO / 2)).unwrap_or(usize::MAX);
    if let Some(lacking) = least.checked_sub(frame.len() + HEAD as usize) {
        frame.extend(skippable(lacking));
        frame.resize(frame.len() + lacking, 0);
    }
    frame
}

/// A gzip member that holds bytes as they are.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / STORED * 5 + 64);
    out.extend(GZIP_HEADER);
    let mut pieces = bytes.chunks(STORED).peekable();
    while let Some(piece) = pieces.next() {
        out.push(u8::from(pieces.peek().is_none()));
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(piece);
    }
    out.extend(libdeflater::crc32(bytes).to_le_bytes());
    out.extend(small(bytes.len()).to_le_bytes());
    out
}

/// A zstd frame that holds bytes as they are.
fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / RAW * 3 + 64);
    out.extend(ZSTD_HEADER);
    out.extend(small(bytes.len()).to_le_bytes());
    let mut pieces = bytes.chunks(RAW).peekable();
    while let Some(piece) = pieces.next() {
        let header = small(piece.len()) << 3 | u32::from(pieces.peek().is_none());
        out.extend(header.to_le_bytes().iter().take(3));
        out.extend(piece);
    }
    out
}
