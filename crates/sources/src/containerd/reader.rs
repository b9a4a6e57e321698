//! A blob as containerd's API hands it out: piece by piece, a megabyte each, one of which is in memory here.

use std::io::{self, Read};

use barge_core::error::Result;
use barge_oci::Descriptor;
use bytes::{Buf, Bytes};
use tonic::Streaming;

use super::client::Client;
use super::messages::content::{ReadContentRequest, ReadContentResponse};

/// A blob on its way, not verified.
pub(super) struct Reader {
    client: Client,
    what: String,
    pieces: Streaming<ReadContentResponse>,
    piece: Bytes,
    /// How much may still come: one byte more than there should be, so that the receiver notices.
    left: u64,
}

impl Reader {
    /// Begins at the first byte.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub(super) fn open(client: &Client, blob: &Descriptor) -> Result<Self> {
        let what = format!("blob {}", blob.digest);
        let request = ReadContentRequest { digest: blob.digest.to_string(), ..ReadContentRequest::default() };
        let mut pieces = client.stream(&what, request)?;
        // Only with the first piece is it known whether the blob is there.
        let first = client.next(&what, &mut pieces)?;
        let piece = first.map(|first| first.data).unwrap_or_default();
        Ok(Self { client: client.clone(), what, pieces, piece, left: blob.size.saturating_add(1) })
    }

    /// The next piece, if the one before is used up; `false` behind the last.
    fn advance(&mut self) -> io::Result<bool> {
        if self.piece.has_remaining() {
            return Ok(true);
        }
        match self.client.next(&self.what, &mut self.pieces) {
            // An answer without content would have us ask for ever.
            Ok(Some(next)) if next.data.is_empty() => {
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("{}: an empty piece", self.what)))
            }
            Ok(Some(next)) => {
                self.piece = next.data;
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(e) => Err(io::Error::other(e)),
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        if buffer.is_empty() || !self.advance()? {
            return Ok(0);
        }
        let n = (&mut self.piece).reader().read(buffer)?;
        self.left -= n as u64;
        Ok(n)
    }
}
