//! How the kernel moves bytes from one open file to another, past this process: the only place that chooses.
//!
//! - Between two files of a file system that shares blocks (XFS, btrfs, ZFS, bcachefs), where both places are at the
//!   beginning of a block, nothing is copied at all: `copy_file_range` makes both files own the same blocks.
//! - Into a pipe or a socket `sendfile` hands over pages of the page cache. Whoever changes the file before they are
//!   read changes what is read, so this is for content that is trusted.
//! - Everywhere else reading and writing large pieces is as fast as anything the kernel offers, and what is read can
//!   be hashed: these functions move nothing then, and the caller goes on with what is left.
//!
//! macOS has neither call in this form; there all bytes are read and written.

use std::fs::File;
use std::io;

/// Blocks are shared from multiples of this on.
pub(crate) const ALIGNMENT: u64 = 4096;

/// What is smaller is read and written, wherever it stands: it is not worth a place of its own.
pub(crate) const WORTH: u64 = 64 << 10;
/// How much the kernel is asked to move at once: whoever waits is told in between.
const STEP: u64 = 16 << 20;

/// Has `step` move bytes, telling it how many were moved before and how many it may move, until there are `length` or
/// it moves none; returns how many.
///
/// # Errors
/// Those of `step`.
pub(crate) fn all<E>(length: u64, mut step: impl FnMut(u64, u64) -> Result<u64, E>) -> Result<u64, E> {
    let mut moved = 0;
    while moved < length {
        match step(moved, STEP.min(length - moved))? {
            0 => break,
            n => moved += n,
        }
    }
    Ok(moved)
}

/// Whether the file system that `file` is on may share blocks.
#[cfg(target_os = "linux")]
pub(crate) fn may_share(file: &File) -> bool {
    const XFS: u64 = 0x5846_5342;
    const BTRFS: u64 = 0x9123_683e;
    const ZFS: u64 = 0x2fc1_2fc1;
    const BCACHEFS: u64 = 0xca45_1a4e;
    let kind = rustix::fs::fstatfs(file).map(|s| u64::try_from(s.f_type).unwrap_or_default() & 0xffff_ffff);
    kind.is_ok_and(|kind| [XFS, BTRFS, ZFS, BCACHEFS].contains(&kind))
}

/// Whether blocks of `from` may become blocks of `to`, from multiples of [`ALIGNMENT`] on.
#[cfg(target_os = "linux")]
pub(crate) fn shares_blocks(from: &File, to: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |file: &File| file.metadata().map(|m| (m.dev(), m.is_file())).ok();
    may_share(to) && device(from).is_some_and(|(_, regular)| regular) && device(from) == device(to)
}

/// Gives `to`, from byte `to_at` on, up to `length` bytes of `from`, from byte `at` on; returns how many. None means
/// that the kernel will not.
///
/// # Errors
/// `ENOSPC`, `EDQUOT`, `EFBIG`.
#[cfg(target_os = "linux")]
pub(crate) fn share(from: &File, mut at: u64, to: &File, mut to_at: u64, length: u64) -> io::Result<u64> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    moved(rustix::io::retry_on_intr(|| {
        rustix::fs::copy_file_range(from, Some(&mut at), to, Some(&mut to_at), length)
    }))
}

/// Sends up to `length` bytes of `from`, from byte `at` on, into a pipe or socket; returns how many. None means that
/// the kernel will not.
///
/// # Errors
/// `EPIPE`.
#[cfg(target_os = "linux")]
pub(crate) fn send(from: &File, mut at: u64, to: &File, length: u64) -> io::Result<u64> {
    use std::os::unix::fs::FileTypeExt;
    let kind = to.metadata()?.file_type();
    if !kind.is_fifo() && !kind.is_socket() {
        return Ok(0);
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    moved(rustix::io::retry_on_intr(|| rustix::fs::sendfile(to, from, Some(&mut at), length)))
}

/// What the kernel moved, or nothing where another way will do. Whatever is wrong with the content, or with the way
/// (another file system, O_APPEND, an old kernel, a filter of system calls), is found again by whoever reads and writes,
/// who can say which of the two it was.
#[cfg(target_os = "linux")]
fn moved(outcome: rustix::io::Result<usize>) -> io::Result<u64> {
    use rustix::io::Errno;
    match outcome {
        Ok(n) => Ok(n as u64),
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::PIPE)) => Err(error.into()),
        Err(_) => Ok(0),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn may_share(_file: &File) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn shares_blocks(_from: &File, _to: &File) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn share(_from: &File, _at: u64, _to: &File, _to_at: u64, _length: u64) -> io::Result<u64> {
    Ok(0)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn send(_from: &File, _at: u64, _to: &File, _length: u64) -> io::Result<u64> {
    Ok(0)
}
