//! What the path of an output means: links are followed to the file that is meant, names of open files are left alone.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, printable};

/// How many symbolic links are followed to the file that is meant.
const MAX_LINKS: usize = 40;

/// The file that a chain of symbolic links means; it need not exist. Links of other users are not followed: whoever can
/// put one where somebody saves to would choose what is overwritten.
///
/// # Errors
/// `InvalidArgument` for a link of another user, and for a chain that is too long.
pub(super) fn follow(path: &Path) -> Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        if in_proc(&path) {
            return Ok(path);
        }
        let Ok(target) = std::fs::read_link(&path) else { return Ok(path) };
        let owner = path.symlink_metadata().map(|meta| meta.uid());
        if !owner.is_ok_and(is_trusted) {
            let why = format!("invalid output path: {} is a symbolic link of another user", shown(&path));
            return Err(invalid(&why).hint("name the file that it leads to, if that is where it should go"));
        }
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(invalid("too many levels of symbolic links"))
}

/// The folder that a file is going to be in.
///
/// # Errors
/// `InvalidArgument` if there is no such folder.
pub(super) fn folder_of(target: &Path) -> Result<PathBuf> {
    let folder = match target.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    match folder.metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(no_folder(&folder, "no such file or directory")),
        Ok(meta) if !meta.is_dir() => Err(no_folder(&folder, "not a directory")),
        _ => Ok(folder),
    }
}

/// Whether what a user has put somewhere is what we mean: ourselves, and root.
pub(super) fn is_trusted(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

/// Below /dev/fd and /proc a name is an open file, not a place.
pub(super) fn in_proc(path: &Path) -> bool {
    path.starts_with("/proc") || path.starts_with("/dev/fd")
}

/// The error for a folder that nothing can be put into.
pub(super) fn no_folder(folder: &Path, why: &str) -> Error {
    invalid(&format!("invalid output path: stat {}: {why}", shown(folder)))
}

/// The error for an output that cannot be one, in docker's words.
pub(super) fn invalid(why: &str) -> Error {
    Error::invalid(format!("failed to save image: {why}"))
}

pub(super) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}
