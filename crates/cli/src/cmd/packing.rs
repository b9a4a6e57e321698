//! How a saved archive is compressed: as is said, else as its file is called.

use std::path::Path;

use barge_core::archive::Packing;
use barge_core::error::printable;

use super::note;
use crate::args::{Compress, Save};

const GZIP: [&str; 2] = [".tar.gz", ".tgz"];
const ZSTD: [&str; 2] = [".tar.zst", ".tzst"];
/// How files are called that nobody takes for a plain tar.
const PACKED: [&str; 9] = [".gz", ".zst", ".xz", ".txz", ".bz2", ".tbz2", ".lz4", ".zip", ".7z"];

/// `None` for a plain tar.
pub(super) fn packing(args: &Save, file: Option<&Path>) -> Option<Packing> {
    let packing = match args.compress {
        Some(Compress::None) => None,
        Some(Compress::As(packing)) => Some(packing),
        None => file.and_then(called),
    };
    packing.map(|packing| packing.with_threads(args.threads.map(usize::from)))
}

/// Says it if a plain tar gets a name that is another's, and nobody has said that this is meant.
pub(super) fn remark(args: &Save, file: Option<&Path>) {
    let Some(file) = file.filter(|_| args.compress.is_none()) else { return };
    if ends(file, &PACKED) && called(file).is_none() {
        let shown = printable(&file.to_string_lossy());
        note(
            "note",
            &format!(
                "{shown} is a plain tar: barge compresses as gzip (.tar.gz) or zstd (.tar.zst); `--compress none` says it is meant"
            ),
        );
    }
}

/// What the name says.
fn called(file: &Path) -> Option<Packing> {
    if ends(file, &GZIP) {
        return Packing::gzip(None);
    }
    ends(file, &ZSTD).then(|| Packing::zstd(None)).flatten()
}

/// Whether the file's name ends so; of a link that of the file that is meant.
fn ends(file: &Path, suffixes: &[&str]) -> bool {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    suffixes.iter().any(|suffix| name.ends_with(suffix))
}
