//! The tar headers that are written: byte for byte those of Go's `archive/tar`, and those that move what is behind them.

use super::tar::{BLOCK, checksum, padded};
use crate::copy::ALIGNMENT;

/// Sizes from here on do not fit into 11 octal digits and need a PAX record.
const FIRST_PAX_SIZE: u64 = 1 << 33;

/// A comment of no characters.
const LEAST_COMMENT: u64 = 12;

/// The header of a directory or file, with a PAX record before it where ustar cannot say it, byte for
/// byte as Go's `archive/tar` writes it: owner 0, time 0, no names.
pub(super) fn header(path: &str, mode: u32, size: u64) -> Vec<u8> {
    with_records(path, mode, size, &records(path, size))
}

/// The same at byte `at` of an archive, with a comment that moves the content to a multiple of [`ALIGNMENT`].
pub(super) fn aligned_header(path: &str, mode: u32, size: u64, at: u64) -> Vec<u8> {
    let plain = header(path, mode, size);
    if (at + plain.len() as u64).is_multiple_of(ALIGNMENT) {
        return plain;
    }
    let mut records = records(path, size);
    // Two headers, and between them the records.
    let least = at + 2 * BLOCK as u64 + padded(records.len() as u64 + LEAST_COMMENT);
    let room = least.next_multiple_of(ALIGNMENT) - at - 2 * BLOCK as u64 - records.len() as u64;
    // The length of a record counts its own digits.
    let frame = room.to_string().len() + " comment=\n".len();
    let spaces = usize::try_from(room).unwrap_or_default().saturating_sub(frame);
    records.extend(format!("{room} comment={}\n", " ".repeat(spaces)).into_bytes());
    with_records(path, mode, size, &records)
}

/// What ustar has no room for.
fn records(path: &str, size: u64) -> Vec<u8> {
    let mut records = Vec::new();
    if path.len() > 100 {
        records.extend(record("path", path));
    }
    if size >= FIRST_PAX_SIZE {
        records.extend(record("size", &size.to_string()));
    }
    records
}

fn with_records(path: &str, mode: u32, size: u64, records: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if !records.is_empty() {
        let (folder, file) = path.rsplit_once('/').unwrap_or_default();
        let name = format!("{folder}/PaxHeaders.0/{file}");
        let mut block = ustar(&name, 0, records.len() as u64, b'x');
        // Go leaves the device numbers of this one blank.
        block[329..345].fill(0);
        out.extend_from_slice(&sealed(block));
        out.extend_from_slice(records);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    let kind = if path.ends_with('/') { b'5' } else { b'0' };
    let octal = if size >= FIRST_PAX_SIZE { 0 } else { size };
    out.extend_from_slice(&sealed(ustar(path, mode, octal, kind)));
    out
}

/// A PAX record; its length counts its own digits.
fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n").into_bytes()
}

/// A ustar header whose checksum is still blank; a name that is too long is cut, a PAX record has it whole.
pub(super) fn ustar(name: &str, mode: u32, size: u64, kind: u8) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put =
        |at: usize, text: &[u8]| block.iter_mut().skip(at).zip(text).for_each(|(to, from)| *to = *from);
    put(0, name.as_bytes().get(..100).unwrap_or(name.as_bytes()));
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, b"00000000000");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    put(329, b"0000000");
    put(337, b"0000000");
    block
}

pub(super) fn sealed(mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    let sum = format!("{:06o}\0 ", checksum(&block, u32::from));
    block.iter_mut().skip(148).zip(sum.bytes()).for_each(|(to, from)| *to = from);
    block
}

#[cfg(test)]
mod tests {
    use barge_oci::Digest;

    use super::{aligned_header, header};
    use crate::copy::ALIGNMENT;

    /// Lengths and digests of what Go's `archive/tar` writes for the same names, modes and sizes.
    #[test]
    fn as_go_writes_them() {
        let name = |algorithm: &str, c: &str, n: usize| format!("blobs/{algorithm}/{}", c.repeat(n));
        let cases = [
            (name("sha256", "a", 64), 0o444, 9_663_676_416, GO[0]),
            (name("sha512", "b", 128), 0o444, 5, GO[1]),
            ("blobs/".to_owned(), 0o755, 0, GO[2]),
            ("index.json".to_owned(), 0o644, 90, GO[3]),
            (name("sha512", "c", 128), 0o444, 9_663_676_416, GO[4]),
        ];
        for (path, mode, size, (length, digest)) in cases {
            let bytes = header(&path, mode, size);
            assert_eq!((bytes.len(), Digest::sha256(&bytes).hex().as_str()), (length, digest), "{path}");
        }
    }

    #[test]
    fn content_begins_where_blocks_begin() {
        let sha512 = format!("blobs/sha512/{}", "c".repeat(128));
        let sha256 = format!("blobs/sha256/{}", "c".repeat(64));
        for at in (0..20_000).step_by(512) {
            for (path, size) in
                [(&sha256, 1 << 20), (&sha256, 1 << 40), (&sha512, 1 << 20), (&sha512, 1 << 40)]
            {
                let bytes = aligned_header(path, 0o444, size, at);
                assert_eq!((at + bytes.len() as u64) % ALIGNMENT, 0, "{path} at {at}");
                let mut reader =
                    crate::archive::tar::Reader::new(crate::archive::tar::Streamed(bytes.as_slice()));
                let entry = reader.next_entry().unwrap().unwrap();
                assert_eq!((&entry.path, entry.size), (path, size));
                assert_eq!(reader.position(), bytes.len() as u64);
                assert!(bytes.len() as u64 <= header(path, 0o444, size).len() as u64 + 512 + ALIGNMENT);
            }
        }
    }

    const GO: [(usize, &str); 5] = [
        (1536, "116775486685e62bc359d4980f62fa9c321e3f3887759e93c124c3dcb85916c5"),
        (1536, "4d298977a9aacd442064d6e0701ec84a03d1f2e082a3bfa8550d715552e2dc56"),
        (512, "9496e2bde6463ea163f87ae6a48dd4dc2728d9f896d38503dce3cb6d7635ff52"),
        (512, "ecb30832022c2b1deacea98f1e544a3c3832983ad4efdfcccbc178c16848ce04"),
        (1536, "b613cfa49787f4110976f5e2ec493cfe37435e117333927cfc23e985bc208683"),
    ];
}
