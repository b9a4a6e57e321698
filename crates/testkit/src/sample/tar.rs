//! Writes layers: tar archives of regular files, as POSIX.1-1988 ("ustar") draws them.
//!
//! ```text
//! 0     name 100   mode 8   uid 8   gid 8   size 12   mtime 12   checksum 8   typeflag 1
//! 157   linkname 100   magic 6   version 2   uname 32   gname 32   devmajor 8   devminor 8
//! 345   prefix 155   padding 12
//! 512   the file, padded to a multiple of 512
//! +     1024 zero bytes
//! ```

const RECORD: usize = 512;

/// The archive of one executable file, owned by root.
///
/// `name` is at most 100 bytes long; `mtime` is in seconds since 1970.
pub(crate) fn archive(name: &str, mtime: u64, contents: &[u8]) -> Vec<u8> {
    let mut bytes = entry(name, mtime, contents);
    bytes.resize(bytes.len() + 2 * RECORD, 0);
    bytes
}

/// The same without an end: others may follow.
pub(crate) fn entry(name: &str, mtime: u64, contents: &[u8]) -> Vec<u8> {
    let size = contents.len();
    let mut bytes = Vec::new();
    field(&mut bytes, name, 100);
    field(&mut bytes, "0000755", 8);
    field(&mut bytes, "0000000", 8);
    field(&mut bytes, "0000000", 8);
    field(&mut bytes, &format!("{size:011o}"), 12);
    field(&mut bytes, &format!("{mtime:011o}"), 12);
    let checksum = bytes.len();
    field(&mut bytes, "        ", 8);
    field(&mut bytes, "0", 1); // a regular file
    field(&mut bytes, "", 100);
    field(&mut bytes, "ustar", 6);
    field(&mut bytes, "00", 2);
    field(&mut bytes, "", 32);
    field(&mut bytes, "", 32);
    field(&mut bytes, "0000000", 8);
    field(&mut bytes, "0000000", 8);
    bytes.resize(RECORD, 0);

    // taken with the checksum's own field all blanks
    let sum: u32 = bytes.iter().copied().map(u32::from).sum();
    bytes.splice(checksum..checksum + 8, format!("{sum:06o}\0 ").into_bytes());

    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(RECORD), 0);
    bytes
}

fn field(bytes: &mut Vec<u8>, value: &str, width: usize) {
    assert!(value.len() <= width, "{value:?} is longer than its field");
    bytes.extend(value.bytes());
    bytes.extend(std::iter::repeat_n(0, width - value.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_readers_look() {
        let bytes = archive("hello", 0o17, b"contents");
        assert_eq!(bytes.len(), 4 * RECORD);
        assert_eq!(&bytes[..6], b"hello\0");
        assert_eq!(&bytes[124..136], b"00000000010\0");
        assert_eq!(&bytes[136..148], b"00000000017\0");
        assert_eq!(&bytes[156..158], b"0\0");
        assert_eq!(&bytes[257..265], b"ustar\x0000");
        assert_eq!(&bytes[512..520], b"contents");
    }
}
