//! Writes a planned archive as a folder: an OCI image layout, new or one that has images already.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use barge_oci::{Descriptor, Document, Hasher, Index, OCI_LAYOUT, annotation, to_go_json};

use super::hashing::Copier;
use super::pieces::PIECE;
use super::plan::Plan;
use super::record::Record;
use crate::cleanup::Temporary;
use crate::content::Provider;
use crate::error::{Error, Refusal, Result};
use crate::folder::make_folders;
use crate::progress::Progress;

/// The largest `index.json` of a layout that is added to.
const MAX_INDEX_BYTES: u64 = 20 << 20;

impl Plan {
    /// Adds the images to the layout at `folder`, which is made if it is not there. Blobs that are there are left
    /// alone if they are what they should be; of the names, those of this plan count. `rename` is the reference that the
    /// first image gets instead of its own.
    ///
    /// # Errors
    /// `Mismatch` for a blob that is not its digest; `Refused` if the folder has an `index.json` that is none;
    /// `Io`. The index is as before then.
    pub fn write_layout(
        &self,
        source: &impl Provider,
        folder: &Path,
        rename: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<()> {
        progress.start(Some(self.size()));
        // Each blob is right before it gets its name.
        let (mut copier, mut buffer) = (Copier::here(), Vec::new());
        for record in &self.content {
            let to = folder.join(record.path());
            match record {
                Record::Folder(_) => make_folders(&to, 0o755).map_err(|e| Error::io("create", &to, e))?,
                Record::Made(_, bytes) => replace(&to, bytes)?,
                Record::Blob(blob) if holds(&to, blob, &mut buffer)? => progress.add(blob.size),
                Record::Blob(blob) => {
                    let (temporary, mut file) = temporary(&to)?;
                    copier.copy(source.open(blob)?, blob, |bytes| {
                        file.write_all(bytes).map_err(|e| Error::io("write", &to, e))?;
                        progress.add(bytes.len() as u64);
                        Ok(())
                    })?;
                    keep(temporary, &file, &to)?;
                }
            }
        }
        // The blobs are there for good before anything names them.
        for made in self.content.iter().filter(|record| matches!(record, Record::Folder(_))) {
            sync_folder(&folder.join(made.path()))?;
        }
        self.list(folder, rename)
    }

    /// Names the images in the layout's index.
    fn list(&self, folder: &Path, rename: Option<&str>) -> Result<()> {
        // Of several that add to it, one does so at a time.
        let lock = File::open(folder).and_then(|lock| lock.lock().map(|()| lock));
        let _lock = lock.map_err(|e| Error::io("lock", folder, e))?;
        let path = folder.join("index.json");
        let mut listed = match std::fs::read(&path) {
            Ok(bytes) => Document::index_of_our_own(bytes, MAX_INDEX_BYTES)
                .map_err(|e| Error::refused(Refusal::JsonInvalid, format!("{}: {e}", path.display())))?
                .into_parsed(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Index::new(Vec::new()),
            Err(e) => return Err(Error::io("read", &path, e)),
        };
        let mut ours = self.index.clone();
        let first = self.images.first().map(|image| image.root.digest);
        let of_it = |d: &&mut Descriptor| {
            Some(d.digest) == first && !d.annotations.contains_key(annotation::MANIFEST_SUBJECT)
        };
        if let (Some(name), Some(entry)) = (rename, ours.manifests.iter_mut().find(of_it)) {
            entry.annotations.remove(annotation::IMAGE_NAME);
            entry.annotations.insert(annotation::REF_NAME.to_owned(), name.to_owned());
        }
        let replaced = |old: &Descriptor| ours.manifests.iter().any(|new| stands_for(new, old));
        listed.manifests.retain(|d| !replaced(d));
        listed.manifests.extend(ours.manifests);
        let layout = folder.join("oci-layout");
        if !layout.exists() {
            replace(&layout, OCI_LAYOUT)?;
        }
        replace(
            &path,
            &to_go_json(&listed).map_err(|e| Error::refused(Refusal::JsonInvalid, e.to_string()))?,
        )?;
        sync_folder(folder)
    }
}

/// Whether an entry takes another's place: it has its name, or both have none and are the same.
fn stands_for(new: &Descriptor, old: &Descriptor) -> bool {
    let of = |d: &Descriptor, key: &str| d.annotations.get(key).cloned();
    let (reference, name) = (of(new, annotation::REF_NAME), of(new, annotation::IMAGE_NAME));
    let same_name = match (name, of(old, annotation::IMAGE_NAME)) {
        (Some(new), Some(old)) => new == old,
        // Other tools know the reference only.
        _ => true,
    };
    match reference {
        Some(_) => reference == of(old, annotation::REF_NAME) && same_name,
        None => new.digest == old.digest && of(old, annotation::REF_NAME).is_none(),
    }
}

/// Whether the blob is there already, and is what its digest says.
fn holds(path: &Path, descriptor: &Descriptor, buffer: &mut Vec<u8>) -> Result<bool> {
    if !path.metadata().is_ok_and(|m| m.is_file() && m.len() == descriptor.size) {
        return Ok(false);
    }
    let mut file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    let mut hasher = Hasher::new(descriptor.digest.algorithm());
    buffer.resize(PIECE, 0);
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(hasher.finish() == descriptor.digest),
            Ok(n) => hasher.update(buffer.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::io("read", path, e)),
        }
    }
}

/// Makes a rename in `folder` durable.
fn sync_folder(folder: &Path) -> Result<()> {
    let synced = File::open(folder).and_then(|f| f.sync_all());
    synced.map_err(|e| Error::io("sync", folder, e))
}

/// A file beside `to`, that becomes it when it is whole.
fn temporary(to: &Path) -> Result<(Temporary, File)> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let temporary = Temporary::new(to.with_file_name(format!(".{name}.{}", crate::store::random_name())));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(temporary.path());
    let file = file.map_err(|e| Error::io("create", temporary.path(), e))?;
    Ok((temporary, file))
}

fn keep(temporary: Temporary, file: &File, to: &Path) -> Result<()> {
    let kept = file.sync_all().and_then(|()| std::fs::rename(temporary.path(), to));
    kept.map_err(|e| Error::io("write", to, e))?;
    temporary.kept();
    Ok(())
}

fn replace(to: &Path, bytes: &[u8]) -> Result<()> {
    let (temporary, mut file) = temporary(to)?;
    file.write_all(bytes).map_err(|e| Error::io("write", to, e))?;
    keep(temporary, &file, to)
}
