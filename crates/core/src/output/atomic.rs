//! A file that is written beside its target and takes its place in one step. Where the file system can, it has no name
//! until then; where not, its name is a temporary one, and its lock says that somebody is at work on it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::placed::Placed;
use super::target::folder_of;
use crate::cleanup::Temporary;
use crate::error::{Error, Result};
use crate::store::{is_random_name, random_name};

/// The mode of a saved archive, whatever the umask: images hold secrets.
const MODE: u32 = 0o600;
/// How temporary archives beside their target end.
const SUFFIX: &str = ".barge-tmp";

/// A file that replaces its target when it is complete; dropped before, it leaves no trace.
pub struct AtomicFile {
    placed: Placed,
    folder: PathBuf,
    target: PathBuf,
    /// The temporary name, where the file system has no nameless files.
    temporary: Option<Temporary>,
}

impl AtomicFile {
    /// Opens a file that is going to be `target`; `name` is what errors of writing call it.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such folder; `Io`.
    pub(super) fn new(target: PathBuf, name: &Path) -> Result<Self> {
        let folder = folder_of(&target)?;
        remove_stale(&folder, &target);
        let doing = |e: io::Error| Error::io("create", &target, e);
        let (file, temporary) = match nameless(&folder) {
            // Held while this process lives, as its name will be seen before the target has it.
            Some(file) => file.lock().map(|()| (file, None)).map_err(doing)?,
            None => named(&folder, &target)?,
        };
        file.set_permissions(std::fs::Permissions::from_mode(MODE)).map_err(doing)?;
        Ok(Self { placed: Placed::new(file, name), folder, target, temporary })
    }

    /// The file, to be written.
    pub(super) fn placed(&self) -> &Placed {
        &self.placed
    }

    /// Puts it in the place of its target, for good.
    ///
    /// # Errors
    /// `Io`; unless the last sync failed, what was there before is still there then.
    pub(super) fn commit(self) -> Result<()> {
        let doing = |e: io::Error| Error::io("write", &self.target, e);
        self.placed.sync().map_err(doing)?;
        let temporary = match self.temporary {
            Some(temporary) => temporary,
            None => {
                let temporary = Temporary::new(temporary_name(&self.folder, &self.target));
                give_name(self.placed.file(), temporary.path()).map_err(doing)?;
                temporary
            }
        };
        std::fs::rename(temporary.path(), &self.target).map_err(doing)?;
        temporary.kept();
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|e| Error::io("sync", &self.target, e))
    }
}

/// A file with a temporary name. Its lock is held while this process lives: a later save recognises by it what a killed
/// one left.
fn named(folder: &Path, target: &Path) -> Result<(File, Option<Temporary>)> {
    let doing = |e: io::Error| Error::io("create", target, e);
    loop {
        let temporary = Temporary::new(temporary_name(folder, target));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(MODE);
        let file = options.open(temporary.path()).map_err(doing)?;
        file.lock().map_err(doing)?;
        // Another save may have taken it for one that was left, before it was locked.
        if file.metadata().map_err(doing)?.nlink() > 0 {
            return Ok((file, Some(temporary)));
        }
    }
}

/// A file without a name, which no crash can leave behind.
#[cfg(target_os = "linux")]
fn nameless(folder: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    // It gets its name through here.
    if !Path::new("/proc/self/fd").exists() {
        return None;
    }
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::from_raw_mode(MODE)).ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn nameless(_folder: &Path) -> Option<File> {
    None
}

#[cfg(target_os = "linux")]
fn give_name(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    let cwd = rustix::fs::CWD;
    Ok(rustix::fs::linkat(cwd, open, cwd, path, rustix::fs::AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn give_name(_file: &File, _path: &Path) -> io::Result<()> {
    Ok(())
}

fn temporary_name(folder: &Path, target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    folder.join(format!(".{name}.{}{SUFFIX}", random_name()))
}

/// Removes what a killed save of the same target left; nobody holds its lock any more.
fn remove_stale(folder: &Path, target: &Path) {
    let prefix = format!(".{}.", target.file_name().unwrap_or_default().to_string_lossy());
    let is_temporary = |name: &str| {
        let random = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(SUFFIX));
        random.is_some_and(is_random_name)
    };
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !is_temporary(&name) {
            continue;
        }
        let path = entry.path();
        // What somebody else made to look like it, a link or a FIFO, must not be followed or waited for.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&path);
        // It stays locked until it is gone. What cannot be removed now is tried again next time.
        if let Ok(file) = opened
            && file.try_lock().is_ok()
        {
            let _ = std::fs::remove_file(&path);
        }
    }
}
