//! The path of a unix socket, taken with a lock beside it, so that no two servers listen there and what a killed one
//! left is replaced. A file of somebody else's is never removed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use barge_core::error::{Error, ErrorKind, Result, printable};
use rustix::fs::OFlags;

/// How many bytes the path of a socket may have: `sun_path` of `sockaddr_un` without the zero behind it.
const LONGEST: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// What to do about a place that cannot be had.
const ELSEWHERE: &str = "choose another place with `--host`";

/// The path of a unix socket, ours as long as its lock is held.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    /// The socket that was made there.
    made: Option<(u64, u64)>,
    _lock: File,
}

impl Place {
    /// Takes the path; a socket that a killed server left behind is removed.
    ///
    /// # Errors
    /// `InvalidArgument` if no socket can have such a path; `NotFound` if its folder is not there; `Conflict` if
    /// somebody listens there; `Io`.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let length = path.as_os_str().len();
        if length > LONGEST {
            let text = format!("the path has {length} bytes, and a socket's has {LONGEST} at most");
            return Err(
                refused(ErrorKind::InvalidArgument, path, &text).hint("choose a shorter path with `--host`")
            );
        }
        let busy = || {
            refused(ErrorKind::Conflict, path, "somebody listens there already")
                .hint(format!("stop it first, or {ELSEWHERE}"))
        };
        let lock = lock(path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(busy()),
            Err(std::fs::TryLockError::Error(e)) => return Err(Error::io("listen on", path, e)),
        }
        match std::fs::symlink_metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("listen on", path, e)),
            Ok(meta) if !meta.file_type().is_socket() => return Err(no_socket(path)),
            Ok(_) => match UnixStream::connect(path) {
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path).map_err(|e| Error::io("listen on", path, e))?;
                }
                _ => return Err(busy()),
            },
        }
        Ok(Self { path: path.to_owned(), made: None, _lock: lock })
    }

    /// The same with the socket that is there now as ours.
    pub(crate) fn bound(mut self) -> Result<Self> {
        let meta =
            std::fs::symlink_metadata(&self.path).map_err(|e| Error::io("listen on", &self.path, e))?;
        self.made = Some((meta.dev(), meta.ino()));
        Ok(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Somebody else's socket is left alone, and so is the lock's file: another may be about to take it.
        let here = std::fs::symlink_metadata(&self.path).ok().map(|meta| (meta.dev(), meta.ino()));
        if here.is_some() && here == self.made {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Opens the lock of a path, and makes it if it is not there.
fn lock(path: &Path) -> Result<File> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    let there = || std::fs::symlink_metadata(&beside).ok();
    if there().is_none() && std::fs::symlink_metadata(path).is_ok_and(|meta| !meta.file_type().is_socket()) {
        return Err(no_socket(path));
    }
    // Neither a link is followed nor a FIFO waited for.
    let careful = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut open = OpenOptions::new();
    open.write(true).create(true).truncate(false).mode(0o600).custom_flags(careful);
    let opened = open.open(&beside);
    let is_file = match &opened {
        Ok(lock) => lock.metadata().is_ok_and(|meta| meta.is_file()),
        Err(_) => there().is_none_or(|meta| meta.is_file()),
    };
    if !is_file {
        let text = format!("its lock, {}, is no file", printable(&beside.to_string_lossy()));
        return Err(refused(ErrorKind::Conflict, path, &text).hint(ELSEWHERE));
    }
    opened.map_err(|e| unlockable(path, there().is_some(), e))
}

/// Why the lock of a path cannot be opened, which may be `there`.
fn unlockable(path: &Path, there: bool, error: io::Error) -> Error {
    let folder = path.parent().unwrap_or(path);
    let shown = printable(&folder.to_string_lossy());
    match error.kind() {
        io::ErrorKind::NotFound => refused(ErrorKind::NotFound, path, &format!("there is no folder {shown}"))
            .hint(format!("make it first, or {ELSEWHERE}")),
        io::ErrorKind::PermissionDenied if there => {
            refused(ErrorKind::Io, path, "its lock is somebody else's").hint(ELSEWHERE)
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            refused(ErrorKind::Io, path, &format!("the folder {shown} may not be written to")).hint(ELSEWHERE)
        }
        _ => Error::io("listen on", path, error),
    }
}

fn no_socket(path: &Path) -> Error {
    refused(ErrorKind::Conflict, path, "what is there is no socket").hint(ELSEWHERE)
}

fn refused(kind: ErrorKind, path: &Path, why: &str) -> Error {
    Error::new(kind, format!("listen on {}: {why}", printable(&path.to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::SocketAddr;

    use super::*;

    #[test]
    fn the_longest_path_is_the_system_s() {
        let path = |length: usize| format!("/{}", "a".repeat(length - 1));
        assert!(SocketAddr::from_pathname(path(LONGEST)).is_ok());
        assert!(SocketAddr::from_pathname(path(LONGEST + 1)).is_err());
    }

    #[test]
    fn a_lock_that_cannot_be_opened_is_explained() {
        let said = |there, kind: io::ErrorKind| {
            let error = unlockable(Path::new("/a/b.sock"), there, kind.into());
            (error.to_string(), error.advice().is_some())
        };
        let text = |why: &str| (format!("listen on /a/b.sock: {why}"), true);
        assert_eq!(said(false, io::ErrorKind::NotFound), text("there is no folder /a"));
        let unwritable = text("the folder /a may not be written to");
        assert_eq!(said(false, io::ErrorKind::PermissionDenied), unwritable);
        assert_eq!(said(false, io::ErrorKind::ReadOnlyFilesystem), unwritable);
        assert_eq!(said(true, io::ErrorKind::PermissionDenied), text("its lock is somebody else's"));
    }
}
