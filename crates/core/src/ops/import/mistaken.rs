//! What is said of input that is no root file system, or not a sound one.

use std::io;
use std::path::Path;

use crate::archive::{Compression, by_first_bytes};
use crate::error::{Error, Refusal};

const CUT: &str = "it was cut short: make it again, or copy it again";

/// It cannot be read.
pub(super) fn unread(e: io::Error) -> Error {
    let folder = e.kind() == io::ErrorKind::IsADirectory;
    let error = Error::io("read", Path::new("the root file system"), e);
    if folder {
        error.hint("`tar -C FOLDER -c . | barge import - NAME` makes an image of a folder")
    } else {
        error
    }
}

/// It cannot be read or decompressed.
pub(super) fn corrupt(e: io::Error) -> Error {
    if e.raw_os_error().is_some() {
        return unread(e);
    }
    let text = format!("the root file system cannot be read: {e}");
    let error = Error::refused(Refusal::StreamCorrupt, text);
    if e.kind() == io::ErrorKind::UnexpectedEof { error.hint(CUT) } else { error }
}

/// Its tar is not sound.
pub(super) fn unsound(error: Error) -> Error {
    let error = error.context("the root file system");
    if error.refusal() == Some(Refusal::TarTruncated) { error.hint(CUT) } else { error }
}

/// It begins, decompressed from `outer`, as no tar does.
pub(super) fn not_a_tar(start: &[u8], outer: Compression) -> Error {
    let what = match by_first_bytes(start, outer) {
        _ if start.is_empty() => ": the file is empty".to_owned(),
        Some((what, _)) => format!(": {what}"),
        None => String::new(),
    };
    Error::refused(Refusal::TarBad, format!("the root file system is not a tar{what}"))
        .hint("it is a tar, plain or compressed, as `docker export` writes it")
}

/// It is an archive of images.
pub(super) fn images() -> Error {
    Error::invalid("this is an image archive, not a root file system")
        .hint("`barge load -i FILE` loads the images in it")
}
