//! The tar container, read strictly.
//!
//! ```text
//! 0 name 100 | mode 8 | uid 8 | gid 8 | size 12 | mtime 12 | checksum 8 | type 1 | link 100
//! 257 magic 6 | version 2 | uname 32 | gname 32 | devmajor 8 | devminor 8 | prefix 155
//! ```
//!
//! The reader refuses what readers are known to disagree on (TARmageddon, CVE-2025-62518): a PAX size that
//! contradicts the header, global overrides, records that describe nothing. It knows offsets, so an error
//! can say where. It never extracts. What is written is in [`super::header`].

mod block;
#[cfg(fuzzing)]
mod entries;
mod entry;
mod input;
mod reader;
mod records;
#[cfg(test)]
mod tests;

pub(crate) use block::{BLOCK, begins_tar};
pub(super) use block::{checksum, padded};
#[cfg(fuzzing)]
pub use entries::entries;
pub(super) use entry::EntryKind;
pub(super) use input::{Input, SeekableFile, Streamed};
pub(super) use reader::Reader;
pub(crate) use reader::read_through;
