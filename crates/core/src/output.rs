//! Where a saved archive goes: a stream as it is, or a file that changes in one step or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::behind::Behind;
use crate::cleanup::Temporary;
use crate::copy;
use crate::error::{Error, Result, printable};
use crate::store::random_name;

/// The mode of a saved archive, whatever the umask: images hold secrets.
const MODE: u32 = 0o600;
/// How temporary archives beside their target end.
const SUFFIX: &str = ".barge-tmp";
/// How many symbolic links are followed to the file that is meant.
const MAX_LINKS: usize = 40;

/// What an archive is written to.
pub trait Sink: Write {
    /// The file it is, if any part of it may be written at any time.
    fn placed(&self) -> Option<&Placed> {
        None
    }

    /// Takes over up to `length` bytes of `from`, from byte `at` on, without this process seeing them; returns how
    /// many. None means that they have to be written. Whoever changes `from` before they are read changes them.
    ///
    /// # Errors
    /// Those of both files.
    fn take(&mut self, _from: &File, _at: u64, _length: u64) -> io::Result<u64> {
        Ok(0)
    }
}

impl Sink for Vec<u8> {}

/// An open target.
pub enum Output {
    /// A pipe, a device, the standard output: bytes are gone when written.
    Stream(File),
    /// A regular file, written beside its target.
    File(AtomicFile),
}

impl Output {
    /// Opens `path`; pipes, FIFOs and devices are written to as they are, links are followed.
    ///
    /// # Errors
    /// `InvalidArgument` in docker's words if nothing can be written there.
    pub fn open(path: &Path) -> Result<Self> {
        if ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|p| path == Path::new(p)) {
            return Self::standard();
        }
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") && !path.is_dir() {
            let folder = path.components().collect::<PathBuf>();
            return Err(invalid(&format!(
                "invalid output path: stat {}: no such file or directory",
                shown(&folder)
            )));
        }
        let target = follow(path)?;
        match target.metadata() {
            Ok(meta) if meta.is_dir() => Err(invalid("cannot write to a directory")),
            Ok(meta) if meta.file_type().is_socket() => Err(invalid("cannot write to a socket")),
            Ok(meta) if !meta.is_file() || in_proc(&target) => {
                // A regular file that came as an open descriptor must not keep a tail of what it held.
                let truncate = meta.is_file();
                let file = OpenOptions::new().write(true).truncate(truncate).open(&target);
                let file = file.map_err(|e| Error::io("open", path, e))?;
                // Whoever made it reads what is written to it.
                let opened = file.metadata().map_err(|e| Error::io("open", path, e))?;
                if opened.file_type().is_fifo() && !is_trusted(opened.uid()) && !in_proc(&target) {
                    return Err(invalid(&format!("{} is a FIFO of another user", shown(path))));
                }
                Ok(Self::Stream(file))
            }
            _ => AtomicFile::new(target).map(Self::File),
        }
    }

    /// The standard output.
    ///
    /// # Errors
    /// `Io` if it was closed: the runtime opens /dev/null for reading and writing in its place.
    pub fn standard() -> Result<Self> {
        use rustix::fs::OFlags;
        let null = std::fs::metadata("/dev/null").map(|m| m.rdev()).ok();
        let here = rustix::fs::fstat(io::stdout()).map(|s| s.st_rdev).ok();
        let both_ways = rustix::fs::fcntl_getfl(io::stdout()).is_ok_and(|f| f.contains(OFlags::RDWR));
        if both_ways && null.is_some() && null == here {
            let closed = io::Error::from_raw_os_error(rustix::io::Errno::BADF.raw_os_error());
            return Err(Error::io("write", Path::new("standard output"), closed));
        }
        let file = io::stdout().as_fd().try_clone_to_owned();
        let file = file.map_err(|e| Error::io("open", Path::new("standard output"), e))?;
        Ok(Self::Stream(File::from(file)))
    }

    /// Fails early if the file system cannot hold `size` more bytes. What stands where it may share them takes no room:
    /// then nobody knows.
    ///
    /// # Errors
    /// `Io` with the numbers.
    pub fn reserve(&self, size: u64, aligned: bool) -> Result<()> {
        let Self::File(file) = self else { return Ok(()) };
        if aligned && copy::may_share(&file.placed.file) {
            return Ok(());
        }
        let Ok(space) = rustix::fs::fstatvfs(&file.placed.file) else { return Ok(()) };
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        if size <= free {
            return Ok(());
        }
        let full = io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
        Err(Error::io("write", &file.target, full)
            .hint(format!("the archive takes {size} bytes, {free} are free")))
    }

    /// Everything was written and is right: gives the file its name.
    ///
    /// # Errors
    /// `Io`; the file that was there before is still there then.
    pub fn commit(self) -> Result<()> {
        match self {
            Self::Stream(mut stream) => {
                stream.flush().map_err(|e| Error::io("write", Path::new("the archive"), e))
            }
            Self::File(file) => file.commit(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.write(bytes),
            Self::File(file) => {
                file.placed.write_at(bytes, file.placed.end.load(Ordering::Relaxed))?;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.flush(),
            Self::File(_) => Ok(()),
        }
    }
}

impl Sink for Output {
    fn placed(&self) -> Option<&Placed> {
        match self {
            Self::Stream(_) => None,
            Self::File(file) => Some(&file.placed),
        }
    }

    fn take(&mut self, from: &File, at: u64, length: u64) -> io::Result<u64> {
        match self {
            Self::Stream(stream) => copy::send(from, at, stream, length),
            Self::File(_) => Ok(0),
        }
    }
}

/// A regular file that is written at any place, by any thread.
pub struct Placed {
    file: Arc<File>,
    behind: Behind,
    /// Behind everything that was written.
    end: AtomicU64,
}

impl Placed {
    /// Writes all of `bytes` from byte `at` on.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)?;
        self.wrote(at, bytes.len() as u64);
        Ok(())
    }

    fn wrote(&self, at: u64, length: u64) {
        self.end.fetch_max(at + length, Ordering::Relaxed);
        self.behind.wrote(&self.file, length);
    }

    /// Whether what stands at byte `at` may share its blocks with `from`.
    #[must_use]
    pub fn shares(&self, from: &File, at: u64) -> bool {
        at.is_multiple_of(copy::ALIGNMENT) && copy::shares_blocks(from, &self.file)
    }

    /// Makes up to `length` bytes of `from`, from byte `from_at` on, part of it, from byte `at` on; returns how many.
    /// None means that they have to be written.
    ///
    /// # Errors
    /// Those of both files.
    pub fn share(&self, from: &File, from_at: u64, at: u64, length: u64) -> io::Result<u64> {
        let n = copy::share(from, from_at, &self.file, at, length)?;
        // A file system of that kind may have copied them nevertheless.
        self.wrote(at, n);
        Ok(n)
    }

    /// The file, to be read.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }
}

/// A file that replaces its target when it is complete; dropped before, it leaves no trace.
pub struct AtomicFile {
    placed: Placed,
    folder: PathBuf,
    target: PathBuf,
    /// The temporary name, where the file system has no nameless files.
    temporary: Option<Temporary>,
}

impl AtomicFile {
    fn new(target: PathBuf) -> Result<Self> {
        let folder = match target.parent() {
            Some(parent) if parent != Path::new("") => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        match folder.metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(invalid(&format!(
                    "invalid output path: stat {}: no such file or directory",
                    shown(&folder)
                )));
            }
            Ok(meta) if !meta.is_dir() => {
                return Err(invalid(&format!(
                    "invalid output path: stat {}: not a directory",
                    shown(&folder)
                )));
            }
            _ => {}
        }
        remove_stale(&folder, &target);
        let doing = |e: io::Error| Error::io("create", &target, e);
        let (file, temporary) = match nameless(&folder) {
            Some(file) => (file, None),
            None => {
                let temporary = Temporary::new(temporary_name(&folder, &target)?);
                let file = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create_new(true)
                    .mode(MODE)
                    .open(temporary.path());
                let file = file.map_err(doing)?;
                // Held while this process lives; a later save recognises what a killed one left.
                file.lock().map_err(doing)?;
                (file, Some(temporary))
            }
        };
        file.set_permissions(std::fs::Permissions::from_mode(MODE)).map_err(doing)?;
        let placed = Placed { file: Arc::new(file), behind: Behind::default(), end: AtomicU64::new(0) };
        Ok(Self { placed, folder, target, temporary })
    }

    fn commit(self) -> Result<()> {
        let Placed { file, behind, .. } = self.placed;
        let doing = |e: io::Error| Error::io("write", &self.target, e);
        behind.end().and_then(|()| file.sync_all()).map_err(doing)?;
        let temporary = match self.temporary {
            Some(temporary) => temporary,
            None => {
                let temporary = Temporary::new(temporary_name(&self.folder, &self.target)?);
                give_name(&file, temporary.path()).map_err(doing)?;
                temporary
            }
        };
        std::fs::rename(temporary.path(), &self.target).map_err(doing)?;
        temporary.kept();
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|e| Error::io("sync", &self.target, e))
    }
}

/// The file that a chain of symbolic links means; it need not exist. Links of other users are not followed: whoever can
/// put one where somebody saves to would choose what is overwritten.
fn follow(path: &Path) -> Result<PathBuf> {
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

/// Whether what a user has put somewhere is what we mean: ourselves, and root.
fn is_trusted(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

/// Below /dev/fd and /proc a name is an open file, not a place.
fn in_proc(path: &Path) -> bool {
    path.starts_with("/proc") || path.starts_with("/dev/fd")
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

fn temporary_name(folder: &Path, target: &Path) -> Result<PathBuf> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    Ok(folder.join(format!(".{name}.{}{SUFFIX}", random_name()?)))
}

/// Removes what a killed save of the same target left; nobody holds its lock any more.
fn remove_stale(folder: &Path, target: &Path) {
    let prefix = format!(".{}.", target.file_name().unwrap_or_default().to_string_lossy());
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(&prefix) || !name.ends_with(SUFFIX) {
            continue;
        }
        let path = entry.path();
        // What somebody else made to look like it, a link or a FIFO, must not be followed or waited for.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&path);
        if opened.is_ok_and(|file| file.try_lock().is_ok()) {
            // What cannot be removed now is tried again next time.
            let _ = std::fs::remove_file(&path);
        }
    }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

fn invalid(why: &str) -> Error {
    Error::invalid(format!("failed to save image: {why}"))
}
