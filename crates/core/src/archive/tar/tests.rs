//! The reader against what is written here, and against bytes that are no tar.

use std::io::Cursor;

use proptest::prelude::*;

use super::entry::Entry;
use super::{BLOCK, Reader, Streamed};
use crate::archive::header::{header, sealed, ustar};
use crate::error::{Refusal, Result};

fn read(archive: &[u8]) -> Result<Vec<Entry>> {
    let mut reader = Reader::new(Streamed(archive));
    std::iter::from_fn(|| reader.next_entry().transpose()).collect()
}

fn archive(path: &str, content: &[u8]) -> Vec<u8> {
    let mut out = header(path, 0o444, content.len() as u64);
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    out
}

#[test]
fn large_sizes_and_long_names_survive() {
    let mut reader = Reader::new(Streamed(Cursor::new(header("blobs/x", 0o444, 9_663_676_416))));
    assert_eq!(reader.next_entry().unwrap().unwrap().size, 9_663_676_416);
    let long = format!("blobs/sha512/{}", "a".repeat(128));
    assert_eq!(read(&archive(&long, b"x")).unwrap()[0].path, long);
}

#[test]
fn refuses_contradicting_sizes() {
    let mut out = sealed(ustar("x", 0, 12, b'x')).to_vec();
    out.extend_from_slice(b"12 size=999\n");
    out.resize(2 * BLOCK, 0);
    out.extend_from_slice(&archive("a", b"abc"));
    assert_eq!(read(&out).unwrap_err().refusal(), Some(Refusal::TarBad));
}

proptest! {
    #[test]
    fn reads_what_it_writes(path in "[a-z]{1,40}(/[a-z0-9]{1,90}){0,2}", content: Vec<u8>) {
        let bytes = archive(&path, &content);
        let mut reader = Reader::new(Streamed(bytes.as_slice()));
        let entry = reader.next_entry().unwrap().unwrap();
        prop_assert_eq!(&entry.path, &path);
        let (mut read, mut back, mut buffer) = (0, Vec::new(), [0; 7]);
        loop {
            let n = reader.read_content(entry.size, &mut read, &mut buffer).unwrap();
            if n == 0 { break; }
            back.extend_from_slice(&buffer[..n]);
        }
        prop_assert_eq!(back, content);
        prop_assert!(reader.next_entry().unwrap().is_none());
    }

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let _ = read(&bytes);
    }
}
