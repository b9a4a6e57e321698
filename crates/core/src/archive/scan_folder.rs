//! A pass over a directory: an OCI layout or an unpacked archive. Links are followed only inside it.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::decompress::Compression;
use super::keeper::Standing;
use super::pass::Pass;
use super::scan::{Origin, Scan, Scanned};
use super::scan_file::Coming;
use crate::error::{Error, Refusal, Result, quoted};
use crate::folder::Folder;
use crate::progress::Progress;

/// Reads a directory.
///
/// # Errors
/// `Io`.
pub(super) fn folder<'a>(root: &Path, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Scanned> {
    let mut scan = Scan::new(Origin::Stream, pass, progress);
    scan.members.folder = true;
    let outcome = Root::open(root).and_then(|root| root.scan(&mut scan));
    let members = scan.finish(outcome, Vec::new())?;
    Ok(Scanned { members, compression: Compression::None, start: Vec::new() })
}

/// The directory that is read.
struct Root<'p> {
    path: &'p Path,
    /// The same without links.
    canonical: PathBuf,
    within: Folder,
}

/// Something in it.
struct Child {
    /// Where it was found.
    place: PathBuf,
    /// The same as a path in the archive.
    path: String,
    /// Where it is, links followed.
    target: PathBuf,
}

impl<'p> Root<'p> {
    fn open(path: &'p Path) -> Result<Self> {
        let canonical = path.canonicalize().map_err(|e| Error::io("open", path, e))?;
        let within = Folder::open(&canonical).map_err(|e| Error::io("open", path, e))?;
        Ok(Self { path, canonical, within })
    }

    fn scan(&self, scan: &mut Scan<'_>) -> Result<()> {
        let mut pending = vec![(self.path.to_path_buf(), String::new())];
        while let Some((folder, prefix)) = pending.pop() {
            let listing = std::fs::read_dir(&folder).map_err(|e| Error::io("open", &folder, e))?;
            let mut names = Vec::new();
            for item in listing {
                names.push(item.map_err(|e| Error::io("read", &folder, e))?.file_name());
            }
            names.sort();
            for name in names {
                let (place, name) = (folder.join(&name), name.to_string_lossy().into_owned());
                let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
                scan.count(&path)?;
                let link = place.is_symlink();
                let target = match place.canonicalize() {
                    Ok(target) if target.starts_with(&self.canonical) => target,
                    Ok(target) => {
                        scan.unsafe_link(&path, &target.to_string_lossy());
                        continue;
                    }
                    // A dangling link is a member that is not there.
                    Err(_) if link => continue,
                    Err(e) => return Err(Error::io("open", &place, e)),
                };
                let meta = target.metadata().map_err(|e| Error::io("open", &place, e))?;
                if meta.is_dir() && !link {
                    scan.members.add_directory(&path);
                    pending.push((place, path));
                } else if meta.is_file() {
                    self.file(scan, &Child { place, path, target }, &meta)?;
                } else {
                    let message = format!("a special file, {}", quoted(&path));
                    scan.members.fault(Error::refused(Refusal::SpecialFile, message));
                }
            }
        }
        Ok(())
    }

    fn file(&self, scan: &mut Scan<'_>, child: &Child, meta: &Metadata) -> Result<()> {
        let Child { place, path, target } = child;
        // Whoever changes the folder meanwhile must not have a file from elsewhere read.
        let below = target.strip_prefix(&self.canonical).unwrap_or(target);
        if below.to_str().is_none() {
            // Nothing in an image has such a name.
            return Ok(());
        }
        let file = self.within.read_below(below).map_err(|e| Error::io("open", place, e))?;
        let coming = Coming { path, size: meta.len(), standing: Standing::Of(&file, target), at: 0 };
        let (mut content, progress): (&File, _) = (&file, scan.progress);
        scan.file(&coming, |buffer| {
            let n = content.read(buffer).map_err(|e| Error::io("read", place, e))?;
            progress.add(n as u64);
            Ok(n)
        })
    }
}
