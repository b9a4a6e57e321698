//! Plan first, bytes second: which records an archive has, in which order, of which size, before one is written.
//!
//! The records are docker's (containerd store) to the byte: sorted by path, `blobs/...` first, then
//! `index.json`, `manifest.json`, `oci-layout`. Same images and names, same bytes.

use std::collections::{BTreeMap, BTreeSet};

use barge_oci::{Algorithm, Descriptor, Digest, Index, Reference};

use super::lists::{Items, List, index_entry, nameless};
use super::record::{END, Layout, Record};
use super::tar::padded;
use crate::content::{Documents, Image};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Kind, Listed, Tree, may_be_absent};
use crate::narrow::{Narrowed, narrow};
use crate::select::Selection;

/// An archive that is going to be written.
#[derive(Debug)]
pub struct Plan {
    /// The images, in the order asked for.
    pub images: Vec<Planned>,
    /// Everything worth telling before it is written: what the store does not have, what is left out.
    pub notes: Vec<String>,
    /// Everything below `blobs/`, in the order written. Until all of it is known to be right there is nothing that
    /// could be taken for an archive: what lists it stands behind it.
    pub(super) content: Vec<Record>,
    /// What stands behind it, in the order written.
    pub(super) lists: Vec<List>,
    /// What `index.json` says.
    pub(super) index: Index,
    /// How it is laid out.
    pub(super) layout: Layout,
    size: u64,
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
        layout: Layout,
    ) -> Result<Self> {
        let (mut draft, mut items) = (Draft::default(), Items::default());
        let (mut held, mut listed) = (BTreeSet::new(), BTreeSet::new());
        for image in images {
            let tree = Tree::walk(source, &image.target)?;
            let narrowed = narrow(&tree, image, selection)?;
            items.add(&narrowed, image.name.as_ref());
            let entry = index_entry(image, &narrowed);
            // Of two nameless images only one may be left when both are narrowed to the same manifest.
            if listed.insert((entry.digest, image.name.clone())) {
                draft.entries.push(entry);
            }
            held.extend(narrowed.kept.iter().map(|m| m.descriptor.digest));
            held.insert(narrowed.root.digest);
            draft.image(image, &narrowed, selection)?;
        }
        draft.companions(source, companions, held, selection)?;
        draft.plan(&items, layout)
    }

    /// The archive's exact size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Every blob of the archive, each once, in the order written.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.content.iter().filter_map(|record| match record {
            Record::Blob(descriptor) => Some(descriptor),
            Record::Folder(_) | Record::Made(..) => None,
        })
    }

    /// The sizes in bytes of everything below `blobs/`, documents that were made for the archive included.
    pub fn blob_sizes(&self) -> impl Iterator<Item = u64> {
        self.content.iter().filter(|record| !matches!(record, Record::Folder(_))).map(Record::size)
    }
}

/// What goes into an archive, as far as it is known.
#[derive(Default)]
struct Draft {
    images: Vec<Planned>,
    notes: Vec<String>,
    content: BTreeMap<Digest, Record>,
    /// Those of `index.json`.
    entries: Vec<Descriptor>,
}

impl Draft {
    /// One image's blobs.
    fn image(&mut self, image: &Image, narrowed: &Narrowed<'_>, selection: &Selection) -> Result<()> {
        let mut blobs = Vec::new();
        for (descriptor, bytes) in &narrowed.made {
            self.insert(descriptor.digest, Record::Made(descriptor.digest, bytes.clone()))?;
            blobs.push((descriptor.digest, descriptor.size));
        }
        let documents = narrowed.indexes.iter().copied();
        let present = narrowed.present.iter().flat_map(|m| m.present_blobs());
        for blob in documents.chain(present) {
            if self.blob(blob, selection)? {
                blobs.push((blob.digest, blob.size));
            }
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

    /// Referrers of what the archive holds, sorted by digest. Nothing lists one that is not whole.
    fn companions(
        &mut self,
        source: &impl Documents,
        companions: &[Image],
        mut held: BTreeSet<Digest>,
        selection: &Selection,
    ) -> Result<()> {
        let mut taken = BTreeMap::new();
        let mut waiting: Vec<&Image> = companions.iter().collect();
        loop {
            let refers = |i: &mut &Image| i.subject().is_some_and(|s| held.contains(&s));
            let now: Vec<&Image> = waiting.extract_if(.., refers).collect();
            if now.is_empty() {
                break;
            }
            for image in now {
                let digest = image.target.digest;
                let tree = Tree::walk(source, &image.target)?;
                if !tree.is_closed() {
                    self.note(format!("referrer {digest} is left out: not all of it is in the store"));
                    continue;
                }
                let documents = tree.listed_indexes().into_iter();
                for blob in documents.chain(tree.whole().flat_map(Listed::present_blobs)) {
                    self.blob(blob, selection)?;
                }
                held.insert(digest);
                taken.insert(digest, nameless(image.target.clone()));
            }
        }
        self.entries.extend(taken.into_values());
        Ok(())
    }

    /// A blob that is there; whether it goes along.
    fn blob(&mut self, blob: &Descriptor, selection: &Selection) -> Result<bool> {
        if may_be_absent(blob) && !selection.foreign {
            self.note(format!(
                "foreign layer {} is left out, `--include-foreign` takes it along",
                blob.digest
            ));
            return Ok(false);
        }
        self.insert(blob.digest, Record::Blob(blob.clone()))?;
        Ok(true)
    }

    fn insert(&mut self, digest: Digest, record: Record) -> Result<()> {
        let size = record.size();
        let before = self.content.entry(digest).or_insert(record).size();
        if before == size {
            return Ok(());
        }
        let message = format!("two sizes for {digest}: {before} and {size} bytes");
        Err(Error::new(ErrorKind::Mismatch, message))
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// All of it in order, with what lists it.
    fn plan(self, items: &Items, layout: Layout) -> Result<Plan> {
        let algorithms: BTreeSet<Algorithm> = self.content.keys().map(Digest::algorithm).collect();
        let mut content: Vec<Record> = self.content.into_values().collect();
        content.push(Record::root());
        content.extend(algorithms.into_iter().map(Record::folder));
        content.sort_by_cached_key(Record::path);
        let index = Index::new(self.entries);
        let lists = List::all(&index, items)?;
        let behind = content
            .iter()
            .fold(0, |at, record| at + layout.header(record, at).len() as u64 + padded(record.size()));
        let end = lists.iter().fold(behind, |at, list| at + list.header().len() as u64 + padded(list.size()));
        let (images, notes, size) = (self.images, self.notes, end + END.len() as u64);
        Ok(Plan { images, notes, content, lists, index, layout, size })
    }
}
