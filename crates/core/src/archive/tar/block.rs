//! A header block: its fields, its numbers, the sum that says it is one; and what is said of a tar that is not sound.

use crate::error::{Error, Refusal, Result};

/// The numbers of a header that say nothing about an image, where they are and how long. Other readers refuse a header
/// with one that is none.
const NUMBERS: [(&str, usize, usize); 6] = [
    ("mode", 100, 8),
    ("user", 108, 8),
    ("group", 116, 8),
    ("time", 136, 12),
    ("device", 329, 8),
    ("minor device", 337, 8),
];
/// The unit of everything in a tar.
pub(crate) const BLOCK: usize = 512;

/// `size` rounded up to whole blocks.
pub(crate) fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK as u64) * BLOCK as u64
}

/// Whether what begins with these bytes is a tar: its first block is a header, or the end of an empty one.
pub(crate) fn begins_tar(start: &[u8]) -> bool {
    start.first_chunk().is_some_and(|block| is_header(block) || *block == [0; BLOCK])
}

/// Whether a block is a header that others read, too; the size is not looked at.
///
/// # Errors
/// `TarBad`, with the offset.
pub(super) fn check(block: &[u8; BLOCK], offset: u64) -> Result<()> {
    if !is_header(block) {
        return Err(bad(offset, "a header with a wrong checksum"));
    }
    match NUMBERS.iter().find(|(_, at, len)| number(field(block, *at, *len)).is_none()) {
        Some((what, ..)) => Err(bad(offset, &format!("a {what} that is no number"))),
        None => Ok(()),
    }
}

/// The size that a header tells.
///
/// # Errors
/// `TarBad`, with the offset.
pub(super) fn content_size(header: &[u8; BLOCK], offset: u64) -> Result<u64> {
    let size = number(field(header, 124, 12)).ok_or_else(|| bad(offset, "a size that is no number"))?;
    u64::try_from(size).map_err(|_| bad(offset, "a negative size"))
}

pub(super) fn field(header: &[u8; BLOCK], at: usize, len: usize) -> &[u8] {
    header.get(at..at + len).unwrap_or_default()
}

/// Up to the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

/// Octal digits between spaces, up to the first NUL, or GNU's base-256; nothing at all is 0, and what is too large for
/// anything is the largest number. What Go and Python do not read alike is no number: digits behind nothing but a NUL,
/// and base-256 that does not begin with 0x80 or 0xff.
fn number(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    let binary = |start| {
        let shifted = |n: i64, b: &u8| n.saturating_mul(256).saturating_add(i64::from(*b));
        rest.iter().fold(start, shifted)
    };
    match first {
        0x80 => return Some(binary(0)),
        0xff => return Some(binary(-1)),
        _ => {}
    }
    let digits = text(field);
    let behind = field.get(digits.len()..).unwrap_or_default();
    let blanks = digits.iter().take_while(|b| **b == b' ').count();
    let digits = digits.get(blanks..).unwrap_or_default();
    if digits.is_empty() {
        return behind.iter().all(|b| matches!(b, 0 | b' ')).then_some(0);
    }
    let blanks = digits.iter().rev().take_while(|b| **b == b' ').count();
    let digits = digits.get(..digits.len() - blanks).unwrap_or_default();
    digits.iter().try_fold(0_i64, |n, b| match b {
        b'0'..=b'7' => n.checked_mul(8)?.checked_add(i64::from(b - b'0')),
        _ => None,
    })
}

/// Whether a block has the checksum of a header; none is not 0.
fn is_header(block: &[u8; BLOCK]) -> bool {
    if field(block, 148, 8).iter().all(|b| matches!(b, 0 | b' ')) {
        return false;
    }
    let sum = number(field(block, 148, 8));
    sum == Some(i64::from(checksum(block, u32::from))) || sum == Some(signed_checksum(block))
}

pub(crate) fn checksum(header: &[u8; BLOCK], value: impl Fn(u8) -> u32) -> u32 {
    let bytes = header.iter().enumerate();
    bytes.map(|(at, b)| if (148..156).contains(&at) { u32::from(b' ') } else { value(*b) }).sum()
}

/// As computed by historic tars whose characters were signed.
fn signed_checksum(header: &[u8; BLOCK]) -> i64 {
    let bytes = header.iter().enumerate();
    bytes
        .map(|(at, b)| if (148..156).contains(&at) { i64::from(b' ') } else { i64::from(b.cast_signed()) })
        .sum()
}

/// Something at `offset` that no sound tar has.
pub(super) fn bad(offset: u64, what: &str) -> Error {
    Error::refused(Refusal::TarBad, format!("not a sound tar: {what}, at byte {offset}"))
}

/// The input ends at byte `at`, inside of something.
pub(super) fn truncated(at: u64, place: &str) -> Error {
    Error::refused(Refusal::TarTruncated, format!("the archive ends at byte {at}, {place}"))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn base_256_and_negative_sizes() {
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x04\0"), Some(1024));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfc\0"), Some(-1024));
        assert_eq!(number(b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), Some(i64::MAX));
        for odd in [&b"\xbf\xff\xff\xff\xff\xff\xff\xff"[..], b"12\x0034", b"1 2", b"\x00\x0012", b"+7"] {
            let expected = (odd == b"12\x0034").then_some(0o12);
            assert_eq!(number(odd), expected, "{odd:?}");
        }
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"9"), None);
    }
}
