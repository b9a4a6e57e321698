//! What to do about an archive that is damaged, or that no honest program writes.

use super::first_bytes::NO_TAR;
use crate::archive::members::Members;
use crate::error::{Error, Refusal};

pub(super) const CUT: &str = "it was cut short: the save that wrote it failed, save the image again";
const DAMAGED: &str = "it was damaged on a disk or on its way: copy it or save the image again";
const OUTSIDE: &str =
    "nothing was loaded: unpacked, it would reach out of its folder; get the image from where you trust it";
const SPECIAL: &str =
    "nothing was loaded: an archive of images has files, folders and links only; save the image again";

/// The fault with what to do about it. What is refused for what it might do is said to be refused.
pub(in crate::archive) fn with_hint(fault: Error) -> Error {
    use Refusal::{LinkUnsafe, PathUnsafe, SpecialFile, TarTruncated};
    let text = fault.to_string();
    match fault.refusal() {
        Some(TarTruncated) => fault.hint(CUT),
        Some(PathUnsafe | LinkUnsafe) => fault.context("refused").hint(OUTSIDE),
        Some(SpecialFile) => fault.context("refused").hint(SPECIAL),
        _ if text.contains("ends too early") => fault.hint(CUT),
        _ if text.ends_with("a header with a wrong checksum, at byte 0") => fault.hint(NO_TAR),
        _ if text.contains("wrong checksum") || text.contains("stream is corrupt") => fault.hint(DAMAGED),
        _ => fault,
    }
}

/// What is wrong with the tar or the compression itself, not with what is inside.
pub(super) fn container_fault(members: &Members) -> Option<Error> {
    use Refusal::{LimitExceeded, StreamCorrupt, TarBad, TarTruncated};
    let of_container = |r: Refusal| matches!(r, TarBad | TarTruncated | StreamCorrupt | LimitExceeded);
    let fault = members.faults.iter().find(|f| f.refusal().is_some_and(of_container))?;
    let refusal = fault.refusal().unwrap_or(TarBad);
    Some(with_hint(Error::refused(refusal, fault.to_string())))
}
