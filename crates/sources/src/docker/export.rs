//! An archive of images, as a daemon sends it.
//!
//! A daemon that fails when it has begun says why in the middle of the archive, and ends the answer as if all were well
//! (`{"errorDetail":...}` behind whatever stands before it). So the last bytes of what came are kept: where the archive
//! turns out to be broken, they may tell why.

use std::io::{self, Read};

use barge_core::error::{Error, ErrorKind, Result, printable};
use barge_oci::{Digest, Platform};
use serde::Deserialize;

use super::engine::{Engine, Version};

/// How much of the end is kept.
const TAIL: usize = 16 << 10;
/// Where the daemon's own words begin.
const WORDS: &[u8] = b"{\"errorDetail\":";
/// From this version on one platform can be asked for.
const PLATFORMS: Version = Version(1, 48);

/// An archive that is being sent.
pub(super) struct Exported {
    body: Box<dyn Read + Send>,
    place: String,
    tail: Vec<u8>,
    /// Whether the connection was.
    broken: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    error: String,
}

impl Engine {
    /// Whether one platform of an image can be asked for.
    pub(super) fn exports_platforms(&self) -> bool {
        self.version >= PLATFORMS
    }

    /// Asks for an archive of images by their IDs, with everything the daemon has of them, or one platform.
    ///
    /// # Errors
    /// `NotFound` in the daemon's words, `Unavailable`.
    pub(super) fn export(&self, ids: &[Digest], platform: Option<&Platform>) -> Result<Exported> {
        let mut query: Vec<String> = ids.iter().map(|id| format!("names={id}")).collect();
        if let Some(platform) = platform {
            query.push(self.platform(platform)?);
        }
        let response = self.get("save", &format!("images/get?{}", query.join("&")), None)?;
        let body = response.into_body().into_reader();
        Ok(Exported {
            body: Box::new(body),
            place: self.place.clone(),
            tail: Vec::with_capacity(2 * TAIL),
            broken: false,
        })
    }
}

impl Exported {
    /// The error of whoever has read this, and what the daemon has said about it.
    pub(super) fn explain(&self, error: Error) -> Error {
        if !self.broken && error.refusal().is_none() && error.kind() != ErrorKind::Mismatch {
            // It is ours.
            return error;
        }
        let at = self.tail.windows(WORDS.len()).rposition(|window| window == WORDS);
        let words = at.and_then(|at| self.tail.get(at..));
        let said = words.and_then(|words| {
            serde_json::Deserializer::from_slice(words).into_iter::<Failure>().next()?.ok()
        });
        match said {
            Some(Failure { error }) => {
                let text = format!(
                    "{}: the daemon failed in the middle of the archive: {}",
                    self.place,
                    printable(&error)
                );
                Error::new(ErrorKind::Unavailable, text)
            }
            None => error.context(&format!("{}: what the daemon sent", self.place)),
        }
    }
}

impl Read for Exported {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer);
        self.broken |= read.is_err();
        let n = read?;
        let new = buffer.get(..n).unwrap_or_default();
        if n >= TAIL {
            self.tail.clear();
        }
        self.tail.extend_from_slice(new.get(n.saturating_sub(TAIL)..).unwrap_or_default());
        if self.tail.len() > TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        Ok(n)
    }
}
