//! barge with little memory and little time, and what hostile input must not do to it.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const MEMORY_KIB: u64 = 256 << 10;
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs barge with 256 MiB of address space, and not for ever.
pub(crate) fn barge(store: &Path, arguments: &[&str]) -> Output {
    let limited = format!("ulimit -v {MEMORY_KIB}; exec \"$@\"");
    let child = Command::new("sh")
        .args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_barge"), "--store"])
        .arg(store)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = Pid::from_child(&child);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let began = Instant::now();
            while !ended.load(Ordering::Relaxed) && began.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(1));
            }
            if !ended.load(Ordering::Relaxed) {
                kill_process(id, Signal::KILL).unwrap();
            }
        });
        let output = child.wait_with_output().unwrap();
        assert!(!ended.swap(true, Ordering::Relaxed));
        assert_ne!(output.status.signal(), Some(9), "{arguments:?} took more than {PATIENCE:?}");
        output
    })
}

/// Everything in the store that outlives a command, with contents.
pub(crate) fn snapshot(store: &Path) -> BTreeSet<(PathBuf, Vec<u8>)> {
    let mut all = BTreeSet::new();
    let mut pending = vec![store.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                all.insert((path.clone(), std::fs::read(&path).unwrap()));
            }
        }
    }
    all
}

/// What is wrong with a text that hostile input led to, whatever it says.
pub(crate) fn odd_text(text: &str) -> Option<String> {
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Some(format!("control characters in {text:?}"));
    }
    (text.len() > 16 << 10).then(|| format!("{} bytes of text", text.len()))
}
