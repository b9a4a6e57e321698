//! PAX records: `length key=value\n`, again and again.

use super::fault::bad;
use crate::error::Result;

/// The keys and values of a PAX header's content.
///
/// # Errors
/// `TarBad`, with the offset.
pub(super) fn records(content: &[u8], offset: u64) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    parse(content).ok_or_else(|| bad(offset, "a malformed PAX record"))
}

/// The value of a `size`.
///
/// # Errors
/// `TarBad`, with the offset.
pub(super) fn size(value: &[u8], offset: u64) -> Result<u64> {
    let digits = std::str::from_utf8(value).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
    let size = digits.and_then(|v| v.parse().ok());
    size.ok_or_else(|| bad(offset, "a PAX size that is no number"))
}

/// Whether a record of this key comes in place of what the header says.
pub(super) fn overrides(key: &[u8]) -> bool {
    is_field(key) || is_sparse(key)
}

/// Whether a record of this key belongs to a sparse file.
pub(super) fn is_sparse(key: &[u8]) -> bool {
    key.starts_with(b"GNU.sparse.")
}

fn is_field(key: &[u8]) -> bool {
    matches!(key, b"path" | b"linkpath" | b"size")
}

fn parse(mut data: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut out: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    while !data.is_empty() {
        let space = data.iter().take(20).position(|b| *b == b' ')?;
        let length = std::str::from_utf8(data.get(..space)?).ok()?;
        if !length.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let length: usize = length.parse().ok()?;
        let record = data.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|b| *b == b'=')?;
        let (key, value) = (record.get(..equals)?, record.get(equals + 1..)?);
        if is_field(key) && (value.is_empty() || value.contains(&0) || out.iter().any(|(k, _)| k == key)) {
            return None;
        }
        out.push((key.to_vec(), value.to_vec()));
        data = data.get(length..)?;
    }
    Some(out)
}
