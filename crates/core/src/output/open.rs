//! An open output: chosen by what a path leads to, written, and given its name at the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::atomic::AtomicFile;
use super::placed::Placed;
use super::sink::{NAMELESS, Sink};
use super::target::{follow, in_proc, invalid, is_trusted, no_folder, shown};
use crate::copy;
use crate::error::{Error, Result};

/// The names of the standard output.
const STANDARD: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// An open target.
pub enum Output {
    /// A pipe, a device, the standard output: bytes are gone when written.
    Stream {
        /// Where they go.
        file: File,
        /// What errors call it.
        name: PathBuf,
    },
    /// A regular file, written beside its target.
    File(AtomicFile),
}

impl Output {
    /// Opens `path`, which is what errors call it; pipes, FIFOs and devices are written to as they are, links are
    /// followed.
    ///
    /// # Errors
    /// `InvalidArgument` in docker's words if nothing can be written there.
    pub fn open(path: &Path) -> Result<Self> {
        let stream = |file| Self::Stream { file, name: path.to_path_buf() };
        if STANDARD.iter().any(|name| path == Path::new(name)) {
            return standard().map(stream);
        }
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") && !path.is_dir() {
            let folder = path.components().collect::<PathBuf>();
            return Err(no_folder(&folder, "no such file or directory"));
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
                Ok(stream(file))
            }
            _ => AtomicFile::new(target, path).map(Self::File),
        }
    }

    /// The standard output.
    ///
    /// # Errors
    /// `Io` if it was closed: the runtime opens /dev/null for reading and writing in its place.
    pub fn standard() -> Result<Self> {
        standard().map(Self::stream)
    }

    /// A pipe that is open already.
    #[must_use]
    pub fn stream(file: File) -> Self {
        Self::Stream { file, name: PathBuf::from(NAMELESS) }
    }

    /// Everything was written and is right: gives the file its name.
    ///
    /// # Errors
    /// `Io`; the file that was there before is still there then.
    pub fn commit(self) -> Result<()> {
        match self {
            Self::Stream { mut file, name } => file.flush().map_err(|e| Error::io("write", &name, e)),
            Self::File(file) => file.commit(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stream { file, .. } => file.write(bytes),
            Self::File(file) => file.placed().append(bytes).map(|()| bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stream { file, .. } => file.flush(),
            Self::File(_) => Ok(()),
        }
    }
}

impl Sink for Output {
    fn name(&self) -> &Path {
        match self {
            Self::Stream { name, .. } => name,
            Self::File(file) => file.placed().name(),
        }
    }

    fn placed(&self) -> Option<&Placed> {
        match self {
            Self::Stream { .. } => None,
            Self::File(file) => Some(file.placed()),
        }
    }

    fn take(&mut self, from: &File, at: u64, length: u64) -> io::Result<u64> {
        match self {
            Self::Stream { file, .. } => copy::send(from, at, file, length),
            Self::File(_) => Ok(0),
        }
    }
}

/// The standard output, if it is one.
fn standard() -> Result<File> {
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
    Ok(File::from(file))
}
