//! The locks of containers/storage, taken to read.
//!
//! They are record locks (`fcntl`), not those of `flock`, which its programs would not see. A record lock belongs to
//! the process and goes with the first descriptor of its file that is closed: who opens the same store twice in one
//! process has no lock any more once one of the two is dropped.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use barge_core::error::{Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;

use super::folder::{Folder, shown};

/// How long somebody may change the store while we wait: older podmans do it for as long as a layer takes to unpack.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often we look whether they are done.
const PAUSE: Duration = Duration::from_millis(100);

/// A lock shared with other readers; writers wait until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock; `None` if there is no such file, as in a store that nobody writes to.
    ///
    /// # Errors
    /// `Conflict` if somebody changes the store and does not come to an end; `Io`.
    pub(super) fn shared(root: &Folder, path: &str) -> Result<Option<Self>> {
        match root.file(path) {
            Ok(file) => wait(file, &root.at(path), PATIENCE).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("open", &root.at(path), e)),
        }
    }
}

/// Asks again and again, as a wait in the kernel could not be given up.
fn wait(file: File, path: &Path, patience: Duration) -> Result<Lock> {
    let begin = Instant::now();
    loop {
        match fcntl_lock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(Errno::AGAIN | Errno::ACCESS) if begin.elapsed() < patience => std::thread::sleep(PAUSE),
            Err(Errno::AGAIN | Errno::ACCESS) => {
                let message = format!("{}: another process keeps it locked to change the store", shown(path));
                return Err(Error::new(ErrorKind::Conflict, message).hint("try again when it is done"));
            }
            Err(e) => return Err(Error::io("lock", path, e.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_lock_file_it_goes_without() {
        let place = tempfile::tempdir().unwrap();
        let root = Folder::open(place.path()).unwrap();
        assert!(Lock::shared(&root, "layers.lock").unwrap().is_none());
    }

    /// Other processes are those who must see it, and the kernel lists what they see.
    #[cfg(target_os = "linux")]
    #[test]
    fn it_is_a_record_lock() {
        use std::os::unix::fs::MetadataExt;

        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("layers.lock");
        std::fs::write(&path, "").unwrap();
        let inode = format!(":{} ", std::fs::metadata(&path).unwrap().ino());
        let listed = || {
            let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
            locks.lines().any(|l| l.contains(&inode) && l.contains("POSIX") && l.contains("READ"))
        };
        let lock = Lock::shared(&Folder::open(place.path()).unwrap(), "layers.lock").unwrap();
        if std::fs::exists("/proc/locks").unwrap() {
            assert!(listed());
        }
        drop(lock);
        assert!(!listed());
    }
}
