//! Plan first, bytes second: which records an archive has, in which order, of which size, before one is written.
//!
//! The records are docker's (containerd store) to the byte: sorted by path, `blobs/...` first, then
//! `index.json`, `manifest.json`, `oci-layout`. Same images and names, same bytes.

use std::collections::{BTreeMap, BTreeSet};

use barge_oci::{Descriptor, Digest, Index, Reference, annotation, media_type, to_go_json};

use super::docker::Item;
use super::header::{aligned_header, header, padded};
use super::tar::BLOCK;
use crate::content::{Documents, Image};
use crate::copy;
use crate::error::{Error, ErrorKind, Refusal, Result};
use crate::graph::{Kind, Listed, Tree, may_be_absent};
use crate::select::{HostPreference, Narrowed, Selection, narrow};
use crate::store::is_private;

/// An archive that is going to be written.
#[derive(Debug)]
pub struct Plan {
    /// The images, in the order asked for.
    pub images: Vec<Planned>,
    /// Everything worth telling before it is written: what the store does not have, what is left out.
    pub notes: Vec<String>,
    pub(super) records: BTreeMap<String, Record>,
    layout: Layout,
    size: u64,
}

/// Where the content of large blobs begins in an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// Right behind its header: docker's bytes.
    #[default]
    Docker,
    /// At a multiple of 4096, where file systems can share blocks: a PAX comment before it makes up the distance.
    Aligned,
}

impl Layout {
    /// The header of a record that begins at byte `at`.
    pub(super) fn header(self, path: &str, record: &Record, at: u64) -> Vec<u8> {
        let size = record.size();
        match (self, &record.body) {
            (Self::Aligned, Body::Blob(_)) if size >= copy::WORTH => {
                aligned_header(path, record.mode, size, at)
            }
            _ => header(path, record.mode, size),
        }
    }
}

/// One image of a plan.
#[derive(Debug)]
pub struct Planned {
    /// The name it gets in the archive.
    pub name: Option<Reference>,
    /// What the archive's index.json points to.
    pub root: Descriptor,
    /// The platforms that go into the archive.
    pub platforms: Vec<String>,
    /// The platforms that the image lists and the archive will not have.
    pub left_out: Vec<String>,
    /// Its blobs and their sizes in bytes, those shared with other images included.
    pub blobs: Vec<(Digest, u64)>,
}

/// One entry of the archive.
#[derive(Debug)]
pub(super) struct Record {
    pub mode: u32,
    pub body: Body,
}

/// An entry's content.
#[derive(Debug)]
pub(super) enum Body {
    Directory,
    Bytes(Vec<u8>),
    Blob(Descriptor),
}

impl Record {
    pub(super) const FOLDER: Self = Self { mode: 0o755, body: Body::Directory };

    /// Something below `blobs/`.
    pub(super) fn blob(body: Body) -> Self {
        Self { mode: 0o444, body }
    }

    pub(super) fn size(&self) -> u64 {
        match &self.body {
            Body::Directory => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Blob(descriptor) => descriptor.size,
        }
    }
}

/// Two zero blocks, as Go's writer ends an archive; no padding to tape records.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

impl Plan {
    /// Plans an archive of `images`; `companions` are referrers that come along with their subjects.
    ///
    /// # Errors
    /// `NotFound` if a platform or a blob is not there, naming it; nothing has been written then.
    pub fn new(
        source: &impl Documents,
        images: &[Image],
        companions: &[Image],
        selection: &Selection,
    ) -> Result<Self> {
        let mut plan = Self {
            images: Vec::new(),
            notes: Vec::new(),
            records: BTreeMap::new(),
            layout: Layout::Docker,
            size: 0,
        };
        let (mut entries, mut items) = (Vec::new(), Items::default());
        let (mut held, mut listed) = (BTreeSet::new(), BTreeSet::new());
        let host = HostPreference::new();
        for image in images {
            let tree = Tree::walk(source, &image.target)?;
            let narrowed = narrow(&tree, image, selection)?;
            items.add(&narrowed, image.name.as_ref(), &host);
            let entry = index_entry(image, &narrowed);
            // Of two nameless images only one may be left when both are narrowed to the same manifest.
            if listed.insert((entry.digest, image.name.clone())) {
                entries.push(entry);
            }
            held.extend(narrowed.kept.iter().map(|m| m.descriptor.digest));
            held.insert(narrowed.root.digest);
            plan.image(image, &narrowed, selection)?;
        }
        plan.companions(source, companions, &held, &mut entries)?;
        plan.documents(entries, &items)?;
        Ok(plan.laid_out(Layout::Docker))
    }

    /// The same archive, laid out like this.
    #[must_use]
    pub fn laid_out(mut self, layout: Layout) -> Self {
        self.layout = layout;
        let end = self.records.iter().fold(0, |at, (path, record)| {
            at + layout.header(path, record, at).len() as u64 + padded(record.size())
        });
        self.size = end + END.len() as u64;
        self
    }

    /// How it is laid out.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Everything below `blobs/`, in the order written. Until all of it is known to be right there is nothing that
    /// could be taken for an archive: what lists it stands behind it.
    pub(super) fn content(&self) -> impl Iterator<Item = (&String, &Record)> {
        self.records.iter().filter(|(path, _)| path.starts_with("blobs/"))
    }

    /// What stands behind it.
    pub(super) fn lists(&self) -> impl Iterator<Item = (&String, &Record)> {
        self.records.iter().filter(|(path, _)| !path.starts_with("blobs/"))
    }

    /// The archive's exact size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Every blob of the archive, each once, in the order written.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.records.values().filter_map(|r| match &r.body {
            Body::Blob(descriptor) => Some(descriptor),
            _ => None,
        })
    }

    /// The sizes in bytes of everything below `blobs/`, documents that were made for the archive included.
    pub fn blob_sizes(&self) -> impl Iterator<Item = u64> {
        self.content().filter(|(path, _)| !path.ends_with('/')).map(|(_, record)| record.size())
    }

    /// One image's blobs.
    fn image(&mut self, image: &Image, narrowed: &Narrowed<'_>, selection: &Selection) -> Result<()> {
        let mut blobs = Vec::new();
        for (descriptor, bytes) in &narrowed.made {
            self.insert(descriptor, Body::Bytes(bytes.clone()))?;
            blobs.push((descriptor.digest, descriptor.size));
        }
        let documents = narrowed.indexes.iter().copied();
        let present = narrowed.present.iter().flat_map(|m| m.present_blobs());
        for blob in documents.chain(present) {
            if may_be_absent(blob) && !selection.foreign {
                self.note(format!(
                    "foreign layer {} is left out, `--include-foreign` takes it along",
                    blob.digest
                ));
                continue;
            }
            self.insert(blob, Body::Blob(blob.clone()))?;
            blobs.push((blob.digest, blob.size));
        }
        let platforms = |listed: &[&Listed]| -> Vec<String> {
            let images = listed.iter().filter(|m| m.kind == Kind::Image);
            images.filter_map(|m| m.platform.as_ref()).map(ToString::to_string).collect()
        };
        let name = image.name.clone();
        let left_out = platforms(&narrowed.left_out);
        if let Some(note) = narrowed.note(image, &left_out) {
            self.note(note);
        }
        let platforms = platforms(&narrowed.kept);
        self.images.push(Planned { name, root: narrowed.root.clone(), platforms, left_out, blobs });
        Ok(())
    }

    /// Referrers of what the archive holds, sorted by digest.
    fn companions(
        &mut self,
        source: &impl Documents,
        companions: &[Image],
        held: &BTreeSet<Digest>,
        entries: &mut Vec<Descriptor>,
    ) -> Result<()> {
        let (mut wanted, mut held): (Vec<&Image>, _) = (Vec::new(), held.clone());
        let mut waiting: Vec<&Image> = companions.iter().collect();
        loop {
            let here = |i: &&Image| i.subject().is_some_and(|s| held.contains(&s));
            let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(here);
            waiting = later;
            if now.is_empty() {
                break;
            }
            held.extend(now.iter().map(|i| i.target.digest));
            wanted.extend(now);
        }
        wanted.sort_by_key(|i| i.target.digest);
        for image in wanted {
            let tree = Tree::walk(source, &image.target)?;
            for blob in tree.whole().flat_map(Listed::present_blobs) {
                self.insert(blob, Body::Blob(blob.clone()))?;
            }
            let mut entry = image.target.clone();
            let naming = [annotation::IMAGE_NAME, annotation::REF_NAME];
            entry.annotations.retain(|key, _| !is_private(key) && !naming.contains(&key.as_str()));
            entries.push(entry);
        }
        Ok(())
    }

    /// Everything that is no blob.
    fn documents(&mut self, entries: Vec<Descriptor>, items: &Items) -> Result<()> {
        let json = |e: serde_json::Error| Error::refused(Refusal::JsonInvalid, e.to_string());
        let index = to_go_json(&Index::new(entries)).map_err(json)?;
        let algorithms: BTreeSet<&str> =
            self.records.keys().filter_map(|path| path.strip_prefix("blobs/")?.split('/').next()).collect();
        let folders = algorithms.iter().map(|name| format!("blobs/{name}/")).collect::<Vec<_>>();
        for folder in folders.into_iter().chain(["blobs/".to_owned()]) {
            self.records.insert(folder, Record::FOLDER);
        }
        let mut put = |path: &str, mode, bytes| {
            self.records.insert(path.to_owned(), Record { mode, body: Body::Bytes(bytes) });
        };
        put("index.json", 0o644, index);
        if !items.items.is_empty() {
            put("manifest.json", 0o644, to_go_json(&items.items).map_err(json)?);
        }
        put("oci-layout", 0o444, b"{\"imageLayoutVersion\":\"1.0.0\"}".to_vec());
        Ok(())
    }

    fn insert(&mut self, descriptor: &Descriptor, body: Body) -> Result<()> {
        let record = Record::blob(body);
        let size = record.size();
        let before = self.records.entry(descriptor.digest.blob_path()).or_insert(record);
        if before.size() == size {
            return Ok(());
        }
        let message = format!("two sizes for {}: {} and {size} bytes", descriptor.digest, before.size());
        Err(Error::new(ErrorKind::Mismatch, message))
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// The entries of manifest.json.
#[derive(Default)]
struct Items {
    items: Vec<Item>,
    /// Which entry stands for which manifest.
    of: BTreeMap<Digest, usize>,
}

impl Items {
    /// One image of an index is docker's choice: the host's platform first, then the order listed.
    fn add(&mut self, narrowed: &Narrowed<'_>, name: Option<&Reference>, host: &HostPreference) {
        let images = narrowed.kept.iter().filter(|m| m.kind == Kind::Image || narrowed.kept.len() == 1);
        let rank = |m: &&&Listed| {
            let platform = m.descriptor.platform.as_deref();
            (platform.is_none(), host.rank(platform))
        };
        let Some(chosen) = images.min_by_key(rank) else { return };
        let Some(manifest) = chosen.manifest.as_ref() else { return };
        let digest = chosen.descriptor.digest;
        let tag = name.filter(|n| n.tag().is_some()).map(Reference::familiar);
        match self.of.get(&digest).and_then(|n| self.items.get_mut(*n)) {
            Some(item) => {
                if let Some(tag) = tag.filter(|t| !item.repo_tags.iter().flatten().any(|old| old == t)) {
                    item.repo_tags.get_or_insert_default().push(tag);
                }
            }
            None => {
                let layers: Vec<String> = manifest.layers.iter().map(|l| l.digest.blob_path()).collect();
                let item = Item {
                    config: manifest.config.digest.blob_path(),
                    repo_tags: tag.map(|t| vec![t]),
                    layers: (!layers.is_empty()).then_some(layers),
                };
                self.of.insert(digest, self.items.len());
                self.items.push(item);
            }
        }
    }
}

/// What index.json says of an image: its annotations, the name last given to it.
fn index_entry(image: &Image, narrowed: &Narrowed<'_>) -> Descriptor {
    let mut entry = narrowed.root.clone();
    if narrowed.root.digest == image.target.digest {
        entry.annotations.clone_from(&image.target.annotations);
    } else {
        // Where an image came from stays known when only one platform of it goes along.
        let origins = image
            .target
            .annotations
            .iter()
            .filter(|(key, _)| key.starts_with("containerd.io/distribution.source."));
        entry.annotations.extend(origins.map(|(key, value)| (key.clone(), value.clone())));
    }
    entry
        .annotations
        .retain(|key, _| !is_private(key) && key != annotation::IMAGE_NAME && key != annotation::REF_NAME);
    if let Some(name) = &image.name {
        let reference = name.tag().map_or_else(|| name.to_string(), str::to_owned);
        entry.annotations.insert(annotation::IMAGE_NAME.to_owned(), name.to_string());
        entry.annotations.insert(annotation::REF_NAME.to_owned(), reference);
    }
    if entry.media_type.is_empty() {
        media_type::OCI_MANIFEST.clone_into(&mut entry.media_type);
    }
    entry
}
