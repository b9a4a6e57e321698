//! Folders of a store that are held open. What is below one is reached name by name from what is open already and
//! never through a link, so that no name a store gives leads out of it.
//!
//! `barge_core::folder` has another one, which also writes and takes plain names only. This one only reads: paths as
//! files in layers are called, where `..` takes back a folder, and contents up to a limit.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use barge_core::error::{Error, Refusal, Result, printable};
use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// A file is opened never through a link, and without waiting for whoever is at a FIFO's other end.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// A folder that is open. Paths are taken from it on, whether they begin with a slash or not.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`, where links are whatever the user wants them to be.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        match rustix::fs::open(path, FOLDER, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path: path.to_path_buf() }),
            Err(e) => Err(Error::io("open", path, e.into())),
        }
    }

    /// Where it is, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where something below it is, for messages.
    pub(super) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path.join(path)
    }

    /// Whether both are the same folder, however they were reached.
    pub(super) fn is(&self, other: &Self) -> io::Result<bool> {
        let (one, two) = (rustix::fs::fstat(&self.fd)?, rustix::fs::fstat(&other.fd)?);
        Ok((one.st_dev, one.st_ino) == (two.st_dev, two.st_ino))
    }

    /// A folder below it, or itself.
    ///
    /// # Errors
    /// Those of the system; `InvalidInput` for links and for paths that lead out.
    pub(super) fn folder(&self, path: impl AsRef<Path>) -> io::Result<Self> {
        let fd = match self.walk(&names(path.as_ref())?)? {
            Some(fd) => fd,
            None => self.fd.try_clone()?,
        };
        Ok(Self { fd, path: self.at(path) })
    }

    /// A regular file below it, opened to be read.
    ///
    /// # Errors
    /// As [`Self::folder`]; `InvalidInput` also for what is no regular file.
    pub(super) fn file(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let names = names(path.as_ref())?;
        let Some((name, folders)) = names.split_last() else { return Err(refused("names no file")) };
        let parent = self.walk(folders)?;
        let parent = parent.as_ref().unwrap_or(&self.fd);
        let fd = rustix::fs::openat(parent, *name, FILE, Mode::empty()).map_err(plainly)?;
        match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
            FileType::RegularFile => Ok(File::from(fd)),
            _ => Err(refused("not a regular file")),
        }
    }

    /// The content of a file that may be `most` bytes long; `None` if it is not there.
    ///
    /// # Errors
    /// `Io`; `LimitExceeded`.
    pub(super) fn content_if_there(&self, path: impl AsRef<Path>, most: u64) -> Result<Option<Vec<u8>>> {
        let at = self.at(path.as_ref());
        let file = match self.file(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("open", &at, e)),
        };
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes).map_err(|e| Error::io("read", &at, e))?;
        if bytes.len() as u64 > most {
            let message = format!("{}: larger than {most} bytes", shown(&at));
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        Ok(Some(bytes))
    }

    /// The content of a file that has to be there.
    ///
    /// # Errors
    /// As [`Self::content_if_there`]; `BlobMissing`.
    pub(super) fn content(&self, path: impl AsRef<Path>, most: u64) -> Result<Vec<u8>> {
        let content = self.content_if_there(path.as_ref(), most)?;
        content.ok_or_else(|| {
            let message = format!("{}: not there", shown(&self.at(path)));
            Error::refused(Refusal::BlobMissing, message)
        })
    }

    /// The names of what is in it, of which there may be so many; none that is not UTF-8.
    ///
    /// # Errors
    /// Those of the system; `InvalidData` if there are more.
    pub(super) fn list(&self, most: usize) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd)? {
            let entry = entry?;
            let name = entry.file_name().to_str().ok().filter(|name| !matches!(*name, "." | ".."));
            names.extend(name.map(str::to_owned));
            if names.len() > most {
                let message = format!("holds more than {most} files");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(names)
    }

    /// Goes down these folders one by one; `None` if there are none.
    fn walk(&self, names: &[&OsStr]) -> io::Result<Option<OwnedFd>> {
        let mut below: Option<OwnedFd> = None;
        for name in names {
            let from = below.as_ref().unwrap_or(&self.fd);
            let next = rustix::fs::openat(from, *name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
            below = Some(next.map_err(plainly)?);
        }
        Ok(below)
    }
}

/// The plain names that a path is made of, `..` taken as what it takes back.
///
/// # Errors
/// `InvalidInput` if it leads out of where it begins.
pub(super) fn names(path: &Path) -> io::Result<Vec<&OsStr>> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => names.push(name),
            Component::ParentDir => {
                names.pop().ok_or_else(|| refused("leads out of its folder"))?;
            }
            _ => {}
        }
    }
    Ok(names)
}

/// A path made safe for a terminal.
pub(super) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// The system's words for links are not of much help.
fn plainly(error: Errno) -> io::Error {
    match error {
        Errno::LOOP => refused("a symbolic link, and none is followed here"),
        Errno::NOTDIR => refused("goes through something that is no folder, or through a symbolic link"),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn kind<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
        result.err().map(|e| e.kind())
    }

    #[test]
    fn nothing_leads_out() {
        let place = tempfile::tempdir().unwrap();
        let (inside, outside) = (place.path().join("inside"), place.path().join("outside"));
        std::fs::create_dir_all(inside.join("deep/er")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "precious").unwrap();
        std::fs::write(inside.join("deep/er/file"), "ours").unwrap();
        symlink(&outside, inside.join("folder")).unwrap();
        symlink(outside.join("file"), inside.join("link")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(inside.join("fifo")).status().unwrap().success());
        let folder = Folder::open(&inside).unwrap();
        let out = outside.join("file");
        let refused =
            ["link", "fifo", "deep", "folder/file", "../outside/file", "deep/../../outside/file", "", "/"];
        for path in refused {
            assert_eq!(kind(folder.file(path)), Some(io::ErrorKind::InvalidInput), "{path}");
        }
        assert_eq!(kind(folder.folder("folder")), Some(io::ErrorKind::InvalidInput));
        // An absolute path begins at the folder.
        assert_eq!(kind(folder.file(&out)), Some(io::ErrorKind::NotFound));
        for path in ["deep/er/file", "/deep/er/file", "./deep/./er/file", "deep/x/../er/file"] {
            assert_eq!(folder.content(path, 4).unwrap(), b"ours", "{path}");
        }
    }

    #[test]
    fn content_is_bounded() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), "12345").unwrap();
        let folder = Folder::open(place.path()).unwrap();
        assert_eq!(folder.content("file", 4).unwrap_err().refusal(), Some(Refusal::LimitExceeded));
        assert_eq!(folder.content("none", 4).unwrap_err().refusal(), Some(Refusal::BlobMissing));
        assert_eq!(folder.content_if_there("none", 4).unwrap(), None);
        assert_eq!(folder.list(1).unwrap(), ["file"]);
        assert_eq!(kind(folder.list(0)), Some(io::ErrorKind::InvalidData));
        assert!(folder.is(&Folder::open(&place.path().join(".")).unwrap()).unwrap());
    }
}
