//! An archive on its way into a daemon.

use std::io::{self, BufRead, BufReader, Read};

use barge_core::error::{Error, ErrorKind, Result, printable};
use serde::Deserialize;

use super::engine::Engine;

/// The longest line of an answer that is read, and how many.
const MAX_LINE: u64 = 64 << 10;
const MAX_LINES: usize = 1_000_000;

/// One line of the answer.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Line {
    stream: String,
    error: String,
}

impl Engine {
    /// Has the daemon load an archive, and returns what it says: a line for each image, and whatever went wrong though it
    /// calls it a success.
    ///
    /// # Errors
    /// `Refused` in the daemon's words, `Unavailable`; what it had loaded by then it keeps.
    pub fn load(&self, archive: &mut dyn Read) -> Result<Vec<String>> {
        let response = self.post("load", "images/load?quiet=1", archive)?;
        let mut lines = BufReader::new(response.into_body().into_reader());
        let mut said = Vec::new();
        for _ in 0..MAX_LINES {
            let mut bytes = Vec::new();
            let n = lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes);
            if n.map_err(|e: io::Error| self.broken("load", &e.to_string()))? == 0 {
                return Ok(said);
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_slice(&bytes)
                .map_err(|e| self.broken("load", &format!("its answer makes no sense: {e}")))?;
            if !line.error.is_empty() {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("{}: {}", self.place, printable(&line.error)),
                ));
            }
            said.extend(line.stream.lines().map(printable).filter(|line| !line.is_empty()));
        }
        Err(self.broken("load", "its answer has no end"))
    }
}
