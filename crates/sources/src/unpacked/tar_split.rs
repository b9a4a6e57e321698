//! Tar-split data: what is left of a layer's tar when its files are taken out, and the tar again when they are put
//! back.
//!
//! It is JSON, one entry a line, in the order of the tar, compressed with gzip:
//!
//! ```text
//! {"type":2,"payload":"<base64>","position":0}                     raw bytes: headers, padding, the end
//! {"type":1,"name":"bin/sh","size":9,"payload":"<crc>","position":1}   here were the 9 bytes of that file
//! {"type":1,"name_raw":"<base64>","size":9,...}                    the same for a name that is not UTF-8
//! ```
//!
//! It is read as a stream: a layer of millions of files takes no more memory than its longest line. Of the CRCs
//! nothing is made, as whoever receives a layer has its digest to check. For the same reason it does not matter who
//! wrote the data or the files: what they make is the layer or is refused.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Take};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use barge_core::error::printable;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::diff::Diff;
use super::folder::shown;

/// What is read of one layer's data at most. Writers cut raw bytes into pieces of 1 MiB, and a header with all its
/// extensions is not much larger; ten million small files take some 15 GiB.
const LIMITS: Limits = Limits { line: 8 << 20, bytes: 64 << 30, entries: 100_000_000 };

/// Entry types.
const FILE: u8 = 1;
const SEGMENT: u8 = 2;

/// How much may still come.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Bytes of one line.
    line: u64,
    /// Bytes, decompressed.
    bytes: u64,
    entries: u64,
}

/// A piece of the tar.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// These bytes.
    Segment(Vec<u8>),
    /// The content of a file; a size of 0 also for what is no file.
    File { path: PathBuf, size: u64 },
}

/// The pieces of a tar, in order.
pub(super) struct Entries<R> {
    input: R,
    line: Vec<u8>,
    left: Limits,
}

impl<R: Read> Entries<BufReader<MultiGzDecoder<R>>> {
    /// The pieces that compressed tar-split data tells.
    pub(super) fn gunzip(input: R) -> Self {
        Self::new(BufReader::new(MultiGzDecoder::new(input)), LIMITS)
    }
}

impl<R: BufRead> Entries<R> {
    fn new(input: R, left: Limits) -> Self {
        Self { input, line: Vec::new(), left }
    }

    fn entry(&mut self) -> io::Result<Option<Entry>> {
        let most = self.left.line.min(self.left.bytes);
        self.line.clear();
        self.input.by_ref().take(most + 1).read_until(b'\n', &mut self.line)?;
        let read = self.line.len() as u64;
        if read == 0 {
            return Ok(None);
        }
        if read > most {
            return Err(invalid(&format!("goes on where {most} bytes more are the limit")));
        }
        self.left.bytes -= read;
        self.left.entries =
            self.left.entries.checked_sub(1).ok_or_else(|| invalid("has more entries than are read"))?;
        parse(&self.line).map(Some)
    }
}

impl<R: BufRead> Iterator for Entries<R> {
    type Item = io::Result<Entry>;

    /// # Errors
    /// `InvalidData` for what is no tar-split data, or more of it than the limits allow; those of reading.
    fn next(&mut self) -> Option<Self::Item> {
        self.entry().transpose()
    }
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: u8,
    name: Option<String>,
    name_raw: Option<String>,
    size: Option<u64>,
    payload: Option<String>,
}

fn parse(line: &[u8]) -> io::Result<Entry> {
    let line: Line = serde_json::from_slice(line).map_err(|e| invalid(&printable(&e.to_string())))?;
    match line.kind {
        SEGMENT => decode(&line.payload.unwrap_or_default()).map(Entry::Segment),
        FILE => {
            let name = match line.name_raw.filter(|raw| !raw.is_empty()) {
                Some(raw) => decode(&raw)?,
                None => line.name.unwrap_or_default().into_bytes(),
            };
            Ok(Entry::File { path: OsString::from_vec(name).into(), size: line.size.unwrap_or_default() })
        }
        other => Err(invalid(&format!("has an entry of the unknown type {other}"))),
    }
}

fn decode(base64: &str) -> io::Result<Vec<u8>> {
    STANDARD.decode(base64).map_err(|e| invalid(&e.to_string()))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("tar-split data: {why}"))
}

/// How many bytes the tar has. No file is looked at.
///
/// # Errors
/// Those of the entries; `InvalidData` if it is no number.
pub(super) fn size(entries: impl Iterator<Item = io::Result<Entry>>) -> io::Result<u64> {
    let mut sum: u64 = 0;
    for entry in entries {
        let bytes = match entry? {
            Entry::Segment(bytes) => bytes.len() as u64,
            Entry::File { size, .. } => size,
        };
        sum = sum.checked_add(bytes).ok_or_else(|| invalid("sizes that are no sizes"))?;
    }
    Ok(sum)
}

/// The tar, rebuilt while it is read. Its errors name the layer and the file.
pub(super) struct Rebuilt<R> {
    entries: Entries<R>,
    diff: Diff,
    layer: String,
    part: Part,
}

/// What is being read.
enum Part {
    Segment(Cursor<Vec<u8>>),
    File(Take<File>, PathBuf),
}

impl<R: BufRead> Rebuilt<R> {
    /// The tar of these pieces; `layer` is what errors call it.
    pub(super) fn new(entries: Entries<R>, diff: Diff, layer: String) -> Self {
        Self { entries, diff, layer, part: Part::Segment(Cursor::default()) }
    }

    fn step(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.part {
                Part::Segment(bytes) => bytes.read(buffer)?,
                Part::File(file, path) => match file.read(buffer) {
                    Ok(0) if file.limit() > 0 => return Err(of_file(path, &cut())),
                    read => read.map_err(|e| of_file(path, &e))?,
                },
            };
            if read > 0 {
                return Ok(read);
            }
            self.part = match self.entries.next().transpose()? {
                None => return Ok(0),
                Some(Entry::Segment(bytes)) => Part::Segment(Cursor::new(bytes)),
                Some(Entry::File { size: 0, .. }) => continue,
                Some(Entry::File { path, size }) => {
                    let file = self.diff.open(&path, size).map_err(|e| of_file(&path, &e))?;
                    Part::File(file, path)
                }
            };
        }
    }
}

impl<R: BufRead> Read for Rebuilt<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.step(buffer).map_err(|e| io::Error::new(e.kind(), format!("layer {}: {e}", self.layer)))
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "became shorter while it was read")
}

fn of_file(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", shown(path)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::folder::Folder;
    use super::super::sample::{Sample, gzip, line};
    use super::*;

    fn entries(lines: &str) -> Entries<&[u8]> {
        Entries::new(lines.as_bytes(), LIMITS)
    }

    fn size_of(lines: &str) -> io::Result<u64> {
        size(entries(lines))
    }

    fn rebuilt(lines: &str, diff: &Path) -> io::Result<Vec<u8>> {
        let mut tar = Vec::new();
        let diff = Diff::new(Folder::open(diff).unwrap());
        Rebuilt::new(entries(lines), diff, "L".to_owned()).read_to_end(&mut tar)?;
        Ok(tar)
    }

    #[test]
    fn bit_by_bit() {
        let place = tempfile::tempdir().unwrap();
        let long = vec![7; 100_000];
        let sample = Sample::new(&[
            ("usr/bin/one", b"1"),
            ("usr/bin/two", &long),
            ("./usr/lib/three", b"333"),
            ("/etc/four", b"4444"),
            ("usr/bin/none", b""),
            ("usr/x/../bin/five", b"55555"),
        ]);
        sample.unpack(place.path());
        assert_eq!(size_of(&sample.split).unwrap(), sample.tar.len() as u64);
        assert!(rebuilt(&sample.split, place.path()).unwrap() == sample.tar);
        let gunzipped = Entries::gunzip(Cursor::new(gzip(sample.split.as_bytes())));
        assert_eq!(size(gunzipped).unwrap(), sample.tar.len() as u64);
    }

    #[test]
    fn names_that_are_not_utf8() {
        let place = tempfile::tempdir().unwrap();
        let name = OsString::from_vec(b"caf\xe9".to_vec());
        std::fs::write(place.path().join(&name), "x").unwrap();
        let lines = format!("{{\"type\":1,\"name_raw\":\"{}\",\"size\":1}}\n", STANDARD.encode(b"caf\xe9"));
        assert_eq!(rebuilt(&lines, place.path()).unwrap(), b"x");
    }

    #[test]
    fn files_that_are_not_what_they_should_be() {
        let place = tempfile::tempdir().unwrap();
        let (diff, outside) = (place.path().join("diff"), place.path().join("outside"));
        std::fs::create_dir_all(diff.join("folder")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "12345").unwrap();
        std::fs::write(diff.join("file"), "12345").unwrap();
        symlink(&outside, diff.join("links")).unwrap();
        symlink("file", diff.join("link")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(diff.join("fifo")).status().unwrap().success());
        let outside = outside.join("file");
        let outside = outside.to_str().unwrap();
        let cases = [
            ("file", 4, "is 5 bytes, where there should be 4"),
            ("file", 6, "is 5 bytes, where there should be 6"),
            ("gone", 5, "No such file"),
            ("folder", 5, "not a regular file"),
            ("fifo", 5, "not a regular file"),
            ("link", 5, "a symbolic link"),
            ("links/file", 5, "symbolic link"),
            ("../outside/file", 5, "leads out of its folder"),
            (outside, 5, "No such file"),
            ("", 5, "names no file"),
            ("fi\\u0000le", 5, "nvalid"),
        ];
        for (name, size, expected) in cases {
            let text = rebuilt(&line(name, size), &diff).unwrap_err().to_string();
            assert!(text.starts_with("layer L: ") && text.contains(expected), "{name}: {text}");
        }
        assert_eq!(rebuilt(&line("file", 5), &diff).unwrap(), b"12345");
        // What takes no bytes is not opened.
        assert_eq!(rebuilt(&line("../outside/file", 0), &diff).unwrap(), b"");
    }

    #[test]
    fn data_that_is_none() {
        let cases = [
            "x\n",
            "\n",
            "[]\n",
            "{\"type\":3}\n",
            "{\"payload\":\"\"}\n",
            "{\"type\":2,\"payload\":\"*\"}\n",
            "{\"type\":1,\"name_raw\":\"*\",\"size\":1}\n",
            "{\"type\":1,\"name\":\"a\",\"size\":-1}\n",
            "{\"type\":2,\"payload\":\"\"}{\"type\":2,\"payload\":\"\"}\n",
            "{\"type\":2,\"pay",
        ];
        for lines in cases {
            let error = size_of(lines).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{lines}: {error}");
        }
        let most = i64::MAX as u64;
        assert!(size_of(&(line("a", most) + &line("b", most) + &line("c", most))).is_err());
    }

    #[test]
    fn cut_or_endless() {
        let sample = Sample::new(&[("a", b"content")]);
        let packed = gzip(sample.split.as_bytes());
        for end in 0..packed.len() {
            let cut = size(Entries::gunzip(Cursor::new(&packed[..end])));
            assert!(end == 0 || cut.is_err(), "{end} of {} bytes: {cut:?}", packed.len());
        }
        let endless_line = BufReader::new(io::repeat(b'{'));
        assert!(size(Entries::new(endless_line, LIMITS)).is_err());
        let lines = line("a", 1).repeat(1000);
        let limits = |bytes, entries| Limits { line: 1000, bytes, entries };
        let with = |limits| size(Entries::new(lines.as_bytes(), limits));
        assert_eq!(with(limits(lines.len() as u64, 1000)).unwrap(), 1000);
        assert!(with(limits(lines.len() as u64 - 1, 1000)).is_err());
        assert!(with(limits(lines.len() as u64, 999)).is_err());
    }
}
