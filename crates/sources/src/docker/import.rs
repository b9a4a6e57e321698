//! An archive on its way into a daemon, while it is written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use barge_core::error::{Error, ErrorKind, Result, io_text, printable};
use barge_core::output::Output;
use serde::Deserialize;

use super::engine::Engine;

/// The longest line of an answer that is read, how many, and how much of what they say is kept.
const MAX_LINE: u64 = 64 << 10;
const MAX_LINES: usize = 1_000_000;
const MAX_SAID: usize = 1000;

/// One line of the answer.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Line {
    stream: String,
    error: String,
}

/// What is written elsewhere; ends badly if the writing has.
struct Written<'a> {
    pipe: PipeReader,
    failed: &'a AtomicBool,
}

impl Read for Written<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.pipe.read(buffer)? {
            0 if self.failed.load(Ordering::Acquire) => Err(io::ErrorKind::UnexpectedEof.into()),
            n => Ok(n),
        }
    }
}

impl Engine {
    /// Has the daemon load the archive that `write` writes, and returns what it says: a line for each image, and whatever
    /// went wrong though it calls it a success.
    ///
    /// # Errors
    /// Those of `write`: the daemon is not sent the rest then. `Unavailable` in the daemon's words; what it had loaded
    /// by then it keeps.
    pub fn load(&self, write: impl FnOnce(Output) -> Result<()> + Send) -> Result<Vec<String>> {
        let doing = |e| Error::io("create", Path::new("a pipe"), e);
        let (pipe, writer) = io::pipe().map_err(doing)?;
        let failed = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writing = std::thread::Builder::new().name("archive".to_owned()).spawn_scoped(scope, || {
                // Whoever reads sees the end of the pipe only when this is known.
                let keeps_open = writer.try_clone();
                let written = write(Output::stream(File::from(OwnedFd::from(writer))));
                failed.store(written.is_err(), Ordering::Release);
                drop(keeps_open);
                written
            });
            let writing = writing.map_err(|e| Error::io("start", Path::new("a thread"), e))?;
            let said = self.send_archive(Written { pipe, failed: &failed });
            match (writing.join(), said) {
                (Ok(Err(error)), _) if !error.is_broken_pipe() => Err(error),
                (Err(_), _) => Err(self.broken("load", "the thread that writes the archive is gone")),
                (_, said) => said,
            }
        })
    }

    fn send_archive(&self, mut archive: Written<'_>) -> Result<Vec<String>> {
        let response = self.post("load", "images/load?quiet=1", &mut archive)?;
        drop(archive);
        let mut lines = BufReader::new(response.into_body().into_reader());
        let mut said = Vec::new();
        for _ in 0..MAX_LINES {
            let mut bytes = Vec::new();
            let n = lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes);
            if n.map_err(|e: io::Error| self.broken("load", &io_text(&e)))? == 0 {
                return Ok(said);
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_slice(&bytes)
                .map_err(|e| self.broken("load", &format!("its answer makes no sense: {e}")))?;
            if !line.error.is_empty() {
                let text = format!("{}: {}", self.place, printable(&line.error));
                return Err(Error::new(ErrorKind::Unavailable, text));
            }
            let left = MAX_SAID - said.len();
            said.extend(line.stream.lines().map(printable).filter(|line| !line.is_empty()).take(left));
        }
        Err(self.broken("load", "its answer has no end"))
    }
}
