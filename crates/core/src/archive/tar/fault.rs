//! What is wrong with a tar, and at which byte.

use crate::error::{Error, Refusal};

/// Something at `offset` that no sound tar has.
pub(super) fn bad(offset: u64, what: &str) -> Error {
    Error::refused(Refusal::TarBad, format!("not a sound tar: {what}, at byte {offset}"))
}

/// The input ends at byte `at`, inside of something.
pub(super) fn truncated(at: u64, place: &str) -> Error {
    Error::refused(Refusal::TarTruncated, format!("the archive ends at byte {at}, {place}"))
}
