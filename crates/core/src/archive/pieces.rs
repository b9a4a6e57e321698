//! Reads blobs piece by piece: exactly the bytes that are meant, or an error.

use std::fs::File;
use std::io::{ErrorKind as IoKind, Read};
use std::path::Path;

use barge_oci::{Descriptor, Digest};

use crate::error::{Error, ErrorKind, Result};

/// How much is read and handed on at once.
pub(super) const PIECE: usize = 512 << 10;

/// Hands on the last `left` bytes of a blob that is trusted.
///
/// # Errors
/// `Mismatch` if there are more or less; those of `take`.
pub(super) fn copy_trusted(
    mut blob: impl Read,
    digest: &Digest,
    left: u64,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut buffer = vec![0; PIECE];
    pieces(&mut blob, digest, left, |blob| {
        let n = blob(&mut buffer)?;
        take(buffer.get(..n).unwrap_or_default()).map(|()| n)
    })
}

/// Reads exactly the `left` bytes of a blob that are meant; `piece` is given what fills a buffer, until there is
/// nothing more.
///
/// # Errors
/// `Mismatch` if there are more or less; `Io`; those of `piece`.
pub(super) fn pieces(
    blob: &mut impl Read,
    digest: &Digest,
    mut left: u64,
    mut piece: impl FnMut(&mut dyn FnMut(&mut [u8]) -> Result<usize>) -> Result<usize>,
) -> Result<()> {
    let mut fill = |buffer: &mut [u8]| -> Result<usize> {
        // One byte more than expected is asked for, so that a blob that grew is noticed.
        let most = usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        // A piece is full unless it is the last one, however little comes at a time.
        let mut n = 0;
        while n < most {
            match blob.read(buffer.get_mut(n..most).unwrap_or_default()) {
                Ok(0) => break,
                Ok(more) => n += more,
                Err(e) if e.kind() == IoKind::Interrupted => {}
                Err(e) => {
                    let what = format!("blob {digest}");
                    return Err(Error::io("read", Path::new(&what), e));
                }
            }
        }
        let n = n as u64;
        match (n, left) {
            (0, 1..) => Err(changed(digest, &format!("{left} bytes of it are missing"))),
            (n, left) if n > left => Err(changed(digest, "it is longer than its descriptor says")),
            _ => {
                left -= n;
                Ok(usize::try_from(n).unwrap_or(usize::MAX))
            }
        }
    };
    while piece(&mut fill)? > 0 {}
    Ok(())
}

/// Makes sure that a blob's file is as long as it should be.
///
/// # Errors
/// `Mismatch` if it is not.
pub(super) fn has_size(file: &File, blob: &Descriptor) -> Result<()> {
    let reading = |e| Error::io("read", Path::new(&format!("blob {}", blob.digest)), e);
    let length = file.metadata().map_err(reading)?.len();
    if length == blob.size {
        return Ok(());
    }
    Err(changed(&blob.digest, &format!("it is {length} bytes, not {}", blob.size)))
}

/// A blob that is not what it is called.
pub(super) fn changed(digest: &Digest, how: &str) -> Error {
    let message = format!("blob {digest} is damaged, {how}: the save was stopped");
    Error::new(ErrorKind::Mismatch, message)
        .hint("`barge store check` lists every fault; remove the image, then load or pull it again")
}
