//! The tar reader against Python's: what barge accepts, Python reads too, entry for entry and byte for byte.
//!
//! Archives that only one of two readers understands are how content is smuggled past a check (CVE-2025-62518). Each
//! input is repaired before it is read: every block that calls itself a tar header gets the checksum it needs.
#![no_main]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;

const BLOCK: usize = 512;

struct Oracle {
    _python: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

static ORACLE: LazyLock<Mutex<Oracle>> = LazyLock::new(|| {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/oracle/tar.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let (ask, answer) = (python.stdin.take().unwrap(), BufReader::new(python.stdout.take().unwrap()));
    Mutex::new(Oracle { _python: python, ask, answer })
});

fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    for block in bytes.chunks_exact_mut(BLOCK).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

/// As [`barge_core::archive::entries`] gives them.
type Entries = Vec<(String, char, u64, u64)>;

fn python(bytes: &[u8]) -> Result<Entries, String> {
    let mut oracle = ORACLE.lock().unwrap();
    oracle.ask.write_all(&u32::try_from(bytes.len()).unwrap().to_le_bytes()).unwrap();
    oracle.ask.write_all(bytes).unwrap();
    oracle.ask.flush().unwrap();
    let mut line = String::new();
    oracle.answer.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

fuzz_target!(|input: &[u8]| {
    let bytes = repaired(input);
    let Ok(ours) = barge_core::archive::entries(&bytes) else { return };
    // Sparse files are not the same to any two readers, and no image has them.
    if !ours.iter().any(|(_, kind, ..)| *kind == 'S') {
        assert_eq!(Ok(ours), python(&bytes));
    }
});
