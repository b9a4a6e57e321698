//! GNU's old sparse files, of which only the map has to be passed over.

use super::block::BLOCK;
use super::counted::Counted;
use super::fault::{bad, truncated};
use super::input::Input;
use crate::error::Result;

/// Passes over the blocks that continue the map of the header at `offset`, if it is such a file's.
///
/// # Errors
/// `TarTruncated`, or `TarBad` for a map that never ends.
pub(super) fn skip_map<R: Input>(header: &[u8; BLOCK], input: &mut Counted<R>, offset: u64) -> Result<()> {
    /// Each block maps 21 pieces of the file.
    const MOST: usize = 4096;
    if header[156] != b'S' || header[482] == 0 {
        return Ok(());
    }
    let mut block = [0; BLOCK];
    for _ in 0..MOST {
        if input.fill(&mut block)? < BLOCK {
            return Err(truncated(input.at, "inside a sparse map"));
        }
        if block[504] == 0 {
            return Ok(());
        }
    }
    Err(bad(offset, "a sparse map without end"))
}
