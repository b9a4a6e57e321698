//! Folders that are held open: what is in one is reached by its name in it, so that no symbolic link leads out of it,
//! whoever owns the folder and whatever they do meanwhile.
//!
//! Names have no slashes. A folder in a folder is opened from the one that is open already, and never through a link,
//! which is as good as `openat2` with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS` and there is on every Unix.
//!
//! This one also writes, and takes plain names only. `barge-sources` has another one for what engines keep unpacked,
//! which only reads: paths that may have `..` in them, as files in layers are called, and contents up to a limit.

use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// What is opened in a folder: never through a link, and never waiting for whoever is at a FIFO's other end.
const CAREFULLY: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Whoever else there is on this machine has no business in here.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Makes a folder, and those that it is in, where they are missing; a power cut does not take them away again.
///
/// # Errors
/// Those of the system.
pub(crate) fn make_folders(path: &Path, mode: u32) -> io::Result<()> {
    let above = match path.parent() {
        Some(above) if above == Path::new("") => Path::new("."),
        Some(above) => above,
        None => return Ok(()),
    };
    let make = || match DirBuilder::new().mode(mode).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        made => made.map(|()| true),
    };
    let made = match make() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => make_folders(above, mode).and_then(|()| make()),
        made => made,
    };
    match made?.then(|| File::open(above)) {
        // Who may not read a folder cannot sync it either.
        None | Some(Err(_)) => Ok(()),
        Some(Ok(above)) => above.sync_all(),
    }
}

/// A folder that is open.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`, where links are whatever the user wants them to be.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { fd: rustix::fs::open(path, FOLDER, Mode::empty())?, path: path.to_path_buf() })
    }

    /// A folder in it.
    ///
    /// # Errors
    /// Those of the system; `ErrorKind::InvalidInput` for a link.
    pub(crate) fn folder(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::openat(&self.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path: self.path(name) }),
            Err(e) => Err(self.link_or(name, e)),
        }
    }

    /// Makes a folder in it that only its owner can enter; one that is there stays.
    pub(crate) fn make_folder(&self, name: &str) -> io::Result<()> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Where something in it is, for messages.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a file to read it.
    pub(crate) fn read(&self, name: &str) -> io::Result<File> {
        self.file(name, OFlags::RDONLY)
    }

    /// The content of a file, of which no more than `most` bytes and one are read: a longer one is refused by who
    /// makes sense of it.
    pub(crate) fn content(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read(name)?.take(most + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Opens a file that is in a folder of it, or deeper; `path` is made of plain names.
    pub fn read_below(&self, path: &Path) -> io::Result<File> {
        let mut names: Vec<&str> = Vec::new();
        for part in path.components() {
            let name = match part {
                Component::Normal(name) => name.to_str(),
                _ => None,
            };
            names.push(name.ok_or(io::ErrorKind::InvalidInput)?);
        }
        let Some((file, folders)) = names.split_last() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut below: Option<Self> = None;
        for name in folders {
            below = Some(below.as_ref().unwrap_or(self).folder(name)?);
        }
        below.as_ref().unwrap_or(self).read(file)
    }

    /// Opens a file to read and write it, and makes it if it is not there. Only its owner can.
    pub(crate) fn write(&self, name: &str) -> io::Result<File> {
        self.alone(self.file(name, OFlags::RDWR | OFlags::CREATE)?)
    }

    /// The same for a file that is only ever locked, whatever other names it has.
    pub(crate) fn lock(&self, name: &str) -> io::Result<File> {
        self.file(name, OFlags::RDWR | OFlags::CREATE)
    }

    /// The same, to write behind what is there.
    pub(crate) fn append(&self, name: &str) -> io::Result<File> {
        self.alone(self.file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND)?)
    }

    fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let opened = rustix::fs::openat(&self.fd, name, flags | CAREFULLY, FILE_MODE);
        let fd = opened.map_err(|e| self.link_or(name, e))?;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode);
        if kind != FileType::RegularFile {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(File::from(fd))
    }

    /// A file that is written to has no other name: it would be written to somewhere else as well.
    fn alone(&self, file: File) -> io::Result<File> {
        if rustix::fs::fstat(&file)?.st_nlink > 1 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "has hard links"));
        }
        Ok(file)
    }

    /// How something in it looks; a link is looked at itself.
    pub(crate) fn look(&self, name: &str) -> io::Result<Stat> {
        Ok(rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// The names of everything in it that are UTF-8, as ours are.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd)? {
            let entry = entry?;
            names.extend(
                entry.file_name().to_str().ok().filter(|n| !matches!(*n, "." | "..")).map(str::to_owned),
            );
        }
        Ok(names)
    }

    /// Gives something in it another name, here or elsewhere; what had that name is replaced.
    pub(crate) fn rename(&self, name: &str, to: &Self, new: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.fd, name, &to.fd, new)?)
    }

    /// Gives a file one more name in it.
    pub(crate) fn link(&self, name: &str, new: &str) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.fd, name, &self.fd, new, AtFlags::empty())?)
    }

    /// Removes a file, or a link.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    /// Removes a folder of files.
    pub(crate) fn remove_folder(&self, name: &str) -> io::Result<()> {
        let folder = self.folder(name)?;
        for file in folder.names()? {
            folder.remove(&file)?;
        }
        Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }

    /// Makes names that came and went durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.fd)?)
    }

    /// When a name came or went the last time.
    pub(crate) fn modified(&self) -> io::Result<SystemTime> {
        File::from(self.fd.try_clone()?).metadata()?.modified()
    }

    /// How many bytes its file system has room for.
    pub(crate) fn free(&self) -> io::Result<u64> {
        let free = rustix::fs::fstatvfs(&self.fd)?;
        Ok(free.f_bavail.saturating_mul(free.f_frsize))
    }

    /// That a name is a link, where that is why it could not be opened.
    fn link_or(&self, name: &str, error: Errno) -> io::Error {
        let kind = self.look(name).map(|look| FileType::from_raw_mode(look.st_mode));
        match kind {
            Ok(FileType::Symlink) => io::Error::new(
                io::ErrorKind::InvalidInput,
                "a symbolic link, and none is followed here; only the path of the whole store may lead through links",
            ),
            _ => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_leads_out() {
        let place = tempfile::tempdir().unwrap();
        let (inside, outside) = (place.path().join("inside"), place.path().join("outside"));
        std::fs::create_dir(&inside).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "precious").unwrap();
        symlink(outside.join("file"), inside.join("link")).unwrap();
        symlink(&outside, inside.join("folder")).unwrap();
        std::fs::hard_link(outside.join("file"), inside.join("twin")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(inside.join("fifo")).status().unwrap().success());
        let folder = Folder::open(&inside).unwrap();
        let kind = |e: io::Error| e.kind();
        for name in ["link", "fifo", "twin"] {
            assert_eq!(folder.write(name).map_err(kind).unwrap_err(), io::ErrorKind::InvalidInput, "{name}");
            assert!(folder.append(name).is_err(), "{name}");
        }
        assert!(folder.read("link").is_err() && folder.read("fifo").is_err());
        assert!(folder.folder("folder").is_err() && folder.remove_folder("folder").is_err());
        folder.remove("link").unwrap();
        folder.remove("folder").unwrap();
        assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"precious");
    }

    #[test]
    fn it_stays_the_same_folder_wherever_its_path_leads() {
        let place = tempfile::tempdir().unwrap();
        let (inside, outside) = (place.path().join("inside"), place.path().join("outside"));
        std::fs::create_dir(&inside).unwrap();
        std::fs::create_dir(&outside).unwrap();
        let folder = Folder::open(&inside).unwrap();
        std::fs::rename(&inside, place.path().join("moved")).unwrap();
        symlink(&outside, &inside).unwrap();
        folder.write("file").unwrap();
        folder.make_folder("folder").unwrap();
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        assert!(place.path().join("moved/file").exists());
    }
}
