//! `push`: an image to a place far away, several blobs at once, only what is missing there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use barge_oci::{Descriptor, Digest, Document, Reference, media_type};

use crate::content::{Blob, Destination, Image, Provider};
use crate::error::{Error, Result};
use crate::graph::{Tree, may_be_absent};
use crate::narrow::{Narrowed, narrow};
use crate::parallel::{each, stopped};
use crate::progress::Transfers;
use crate::select::Selection;

/// What is sent, and how.
#[derive(Debug, Clone)]
pub struct PushOptions {
    /// Which platforms, and in which form.
    pub selection: Selection,
    /// How many blobs at once, at least one.
    pub parallel: usize,
    /// Repositories of the same place that may have the blobs.
    pub siblings: Vec<String>,
    /// What goes along if what it refers to does, and in this order: nameless, or with a tag of its own.
    pub companions: Vec<Image>,
    /// Set, it ends the push.
    pub stop: Arc<AtomicBool>,
}

/// What was sent.
#[derive(Debug)]
pub struct Pushed {
    /// What the tag leads to now.
    pub root: Descriptor,
    /// Platforms that the image lists and the source does not have, in words.
    pub note: Option<String>,
}

/// Sends `image` and gives it `tag`; without one it can be had by its digest only.
///
/// # Errors
/// `NotFound` for a platform or a blob that is not there, before anything is sent; those of the destination.
pub fn push(
    source: &(impl Provider + Sync),
    image: &Image,
    destination: &impl Destination,
    tag: Option<&str>,
    options: &PushOptions,
    transfers: &dyn Transfers,
) -> Result<Pushed> {
    let tree = Tree::walk(source, &image.target)?;
    let narrowed = narrow(&tree, image, &options.selection)?;
    let sender = Sender { source, destination, options, transfers };
    let mut sent = sender.send(&narrowed, tag)?;
    for companion in &options.companions {
        // What refers to something that was left out stays away, too.
        if !companion.subject().is_some_and(|s| sent.contains(&s)) && !companion.is_cosign_tag_of(&sent) {
            continue;
        }
        let tree = Tree::walk(source, &companion.target)?;
        let tag = companion.name.as_ref().and_then(Reference::tag);
        sent.extend(sender.send(&narrow(&tree, companion, &Selection::default())?, tag)?);
    }
    let left_out: Vec<String> =
        narrowed.left_out.iter().filter_map(|m| m.platform.as_ref()).map(ToString::to_string).collect();
    Ok(Pushed { root: narrowed.root.clone(), note: narrowed.note(image, &left_out) })
}

/// Sends one image after the other to the same place.
struct Sender<'a, S, D> {
    source: &'a S,
    destination: &'a D,
    options: &'a PushOptions,
    transfers: &'a dyn Transfers,
}

impl<S: Provider + Sync, D: Destination> Sender<'_, S, D> {
    /// Blobs first, then documents; returns the digests of those.
    fn send(&self, narrowed: &Narrowed<'_>, tag: Option<&str>) -> Result<BTreeSet<Digest>> {
        let documents = documents(self.source, narrowed)?;
        let known: BTreeSet<Digest> = documents.iter().map(|(d, _)| d.digest).collect();
        let mut blobs: BTreeMap<Digest, &Descriptor> = BTreeMap::new();
        for blob in narrowed.present.iter().flat_map(|m| m.present_blobs()) {
            if !known.contains(&blob.digest) && (self.options.selection.foreign || !may_be_absent(blob)) {
                blobs.entry(blob.digest).or_insert(blob);
            }
        }
        let mut blobs: Vec<&Descriptor> = blobs.into_values().collect();
        blobs.sort_by_key(|b| std::cmp::Reverse(b.size));
        each(blobs, self.options.parallel, &self.options.stop, |blob, stop| self.blob(blob, stop))?;
        for (descriptor, bytes) in &documents {
            let tag = tag.filter(|_| descriptor.digest == narrowed.root.digest);
            self.destination.put_manifest(descriptor, bytes, tag)?;
        }
        Ok(known)
    }

    fn blob(&self, blob: &Descriptor, stop: &Arc<AtomicBool>) -> Result<()> {
        if self.destination.has_blob(blob)? {
            self.transfers.exists(blob);
            return Ok(());
        }
        for sibling in &self.options.siblings {
            if self.destination.mount(blob, sibling)? {
                self.transfers.mounted(blob, sibling);
                return Ok(());
            }
        }
        self.transfers.begin(blob);
        let open = |offset| {
            if stop.load(Ordering::Relaxed) {
                return Err(stopped());
            }
            let doing = |e| Error::io("read", Path::new(&format!("blob {}", blob.digest)), e);
            let content = self.source.open(blob)?.skip(offset).map_err(doing)?;
            Ok(Blob::Stream(Box::new(Stoppable { content, stop: Arc::clone(stop) })))
        };
        self.destination.put_blob(blob, &open, &|bytes| self.transfers.advance(blob, bytes))?;
        self.transfers.done(blob);
        Ok(())
    }
}

/// Content that ends with an error when something else has failed.
struct Stoppable {
    content: Blob,
    stop: Arc<AtomicBool>,
}

impl Read for Stoppable {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(std::io::Error::other(stopped().to_string()));
        }
        self.content.read(buffer)
    }
}

/// Manifests and indexes, each behind what it lists.
fn documents(source: &impl Provider, narrowed: &Narrowed<'_>) -> Result<Vec<(Descriptor, Vec<u8>)>> {
    let mut documents = Vec::new();
    let mut read = |descriptor: &Descriptor| -> Result<()> {
        let missing = || Error::no_content(&descriptor.digest);
        let bytes = source.document(descriptor)?.ok_or_else(missing)?;
        documents.push((descriptor.clone(), bytes));
        Ok(())
    };
    narrowed.present.iter().filter(|m| m.manifest.is_some()).try_for_each(|m| read(&m.descriptor))?;
    narrowed.indexes.iter().try_for_each(|descriptor| read(descriptor))?;
    documents.extend(narrowed.made.iter().cloned());
    // An index that lists another comes behind it, however deep.
    let mut sorted: Vec<(Descriptor, Vec<u8>)> = Vec::new();
    while !documents.is_empty() {
        let waiting: BTreeSet<Digest> = documents.iter().map(|(d, _)| d.digest).collect();
        let (ready, rest): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(|(d, bytes)| !lists_one_of(d, bytes, &waiting));
        if ready.is_empty() {
            sorted.extend(rest);
            break;
        }
        sorted.extend(ready);
        documents = rest;
    }
    Ok(sorted)
}

fn lists_one_of(descriptor: &Descriptor, bytes: &[u8], waiting: &BTreeSet<Digest>) -> bool {
    media_type::is_index(&descriptor.media_type)
        && Document::index(bytes.to_vec())
            .is_ok_and(|index| index.parsed().manifests.iter().any(|m| waiting.contains(&m.digest)))
}
