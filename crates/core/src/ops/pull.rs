//! `pull`: an image from afar into the store, several blobs at once, all of it or nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use barge_oci::{Descriptor, Digest, Manifest, Platform, media_type};

use super::pieces::{self, lanes};
use crate::content::{Documents, Image, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Listed, State, Tree, may_be_absent};
use crate::host::HostPreference;
use crate::parallel::{each, stopped};
use crate::progress::Transfers;
use crate::referrers::{Referrers, find};
use crate::select::Wanted;
use crate::store::{Lease, Partial, Store, assign};

const BUFFER: usize = 256 << 10;

/// What is fetched, and how.
#[derive(Debug, Clone)]
pub struct PullOptions {
    /// Which platforms.
    pub wanted: Wanted,
    /// What that refers to the image comes along.
    pub referrers: Referrers,
    /// Foreign layers, too, from where they are published if the place does not have them.
    pub foreign: bool,
    /// How many blobs at once, at least one.
    pub parallel: usize,
    /// The time to note beside the name, RFC 3339.
    pub now: String,
    /// Set, it ends the pull; what came is kept for the next one.
    pub stop: Arc<AtomicBool>,
}

/// What became of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    /// Something came, or a name changed.
    Newer,
    /// Everything was here under this name.
    UpToDate,
}

/// Fetches `image`, whose root a registry has named, and gives it its name when everything is verified.
///
/// # Errors
/// `NotFound` for a platform the image does not have; `Mismatch` for content that is not its digest; those of
/// the remote; `Io`. The names are as before then, and what came is kept for the next try.
pub fn pull(
    store: &Store,
    remote: &impl Remote,
    image: &Image,
    options: &PullOptions,
    transfers: &dyn Transfers,
) -> Result<Pulled> {
    let statements = options.referrers == Referrers::All;
    let arriving =
        Arriving { store, remote, wanted: &options.wanted, statements, fetched: RefCell::default() };
    let in_place = |e: Error| if e.refusal().is_some() { e.context(&remote.place()) } else { e };
    let tree = Tree::walk(&arriving, &image.target).map_err(in_place)?;
    let mut chosen = choose(&tree, image, &options.wanted)?;
    if statements {
        let of: Vec<String> = chosen.iter().map(|m| m.descriptor.digest.to_string()).collect();
        let said =
            |m: &&Listed| m.descriptor.attests().is_some_and(|subject| of.iter().any(|of| of == subject));
        let more: Vec<&Listed> = tree.whole().filter(said).collect();
        chosen
            .extend(more.into_iter().filter(|m| of.iter().all(|of| *of != m.descriptor.digest.to_string())));
    }
    let mut documents: Vec<&Descriptor> =
        tree.listed_indexes().into_iter().chain(chosen.iter().map(|m| &m.descriptor)).collect();
    let subjects = documents.iter().map(|d| d.digest).collect::<Vec<_>>();
    let companions = find(remote, image, subjects, &options.referrers)?;
    let everything = Arriving { wanted: &Wanted::All, ..arriving };
    let trees = companions.iter().map(|i| Tree::walk(&everything, &i.target).map_err(in_place));
    let trees = trees.collect::<Result<Vec<Tree>>>()?;
    for tree in &trees {
        documents.extend(tree.listed_indexes());
        documents.extend(tree.manifests.iter().map(|m| &m.descriptor));
        chosen.extend(&tree.manifests);
    }
    let mut blobs: BTreeMap<Digest, &Descriptor> = BTreeMap::new();
    for blob in chosen.iter().filter_map(|m| m.manifest.as_ref()).flat_map(Manifest::blobs) {
        if options.foreign || !may_be_absent(blob) {
            same_size(blobs.entry(blob.digest).or_insert(blob), blob)?;
        }
    }

    store.create()?;
    let mut lease = Lease::new(store)?;
    let digests = || documents.iter().map(|d| d.digest).chain(blobs.keys().copied()).collect();
    lease.protect(|| Ok(((), digests())))?;
    let before = store.images()?;
    let known = |image: &Image| {
        let same = |i: &Image| i.target.digest == image.target.digest && i.subject() == image.subject();
        before.iter().any(|i| i.name == image.name && same(i))
    };
    let mut newer = !known(image) || !companions.iter().all(known);
    let mut missing = Vec::new();
    for blob in blobs.into_values() {
        if !store.has(blob)? {
            missing.push(blob);
        } else if newer && media_type::is_layer(&blob.media_type) {
            transfers.exists(blob);
        }
    }
    newer |= !missing.is_empty();
    // The largest first: what takes longest should not begin last.
    missing.sort_by_key(|b| std::cmp::Reverse(b.size));
    store.room_for(missing.iter().fold(0, |sum: u64, b| sum.saturating_add(store.lacks(b))))?;
    missing.iter().for_each(|b| transfers.begin(b));
    let (blobs, connections) = (missing.len(), options.parallel);
    each(missing, connections, &options.stop, |blob, stop| {
        let fetch = Fetch { remote, blob, lanes: lanes(blob, blobs, connections), stop, transfers };
        fetch.put_into(store).map(|()| transfers.done(blob))
    })?;
    for document in documents {
        newer |= keep(store, document, &everything, &options.stop)?;
    }
    store.settle()?;
    if !newer {
        return Ok(Pulled::UpToDate);
    }
    let mut named = vec![image.clone()];
    named.extend(companions);
    store.update(|names| {
        assign(names, named, &options.now);
        Ok(())
    })?;
    Ok(Pulled::Newer)
}

/// The manifests to take.
fn choose<'a>(tree: &'a Tree, image: &Image, wanted: &Wanted) -> Result<Vec<&'a Listed>> {
    let host = HostPreference::new();
    let listed = |m: &Listed| m.platform.as_ref().map(ToString::to_string);
    let missing = |platform: &Platform| {
        let all: Vec<String> = tree.images().filter_map(listed).collect();
        let message = format!("no matching manifest for {platform} in the manifest list entries");
        Error::not_found(format!("{}: {message}", image.shown())).hint(format!("it has: {}", all.join(", ")))
    };
    match wanted {
        Wanted::All => {
            let absent =
                tree.manifests.iter().find(|m| m.state == State::Absent).map(|m| m.descriptor.digest);
            match absent.or_else(|| tree.absent_indexes.first().map(|d| d.digest)) {
                Some(digest) => {
                    Err(Error::not_found(format!("{}: manifest {digest} is not there", image.shown())))
                }
                None => Ok(tree.manifests.iter().collect()),
            }
        }
        Wanted::These(platforms) => {
            let mut chosen: Vec<&Listed> = Vec::new();
            for platform in platforms {
                let fitting = tree.images().find(|m| m.state == State::Whole && m.is_for(platform));
                let fitting = fitting.ok_or_else(|| missing(platform))?;
                if chosen.iter().all(|m| m.descriptor.digest != fitting.descriptor.digest) {
                    chosen.push(fitting);
                }
            }
            Ok(chosen)
        }
        Wanted::Host => {
            // An image without an index, and what is no image, has no choice.
            if let [only] = tree.manifests.as_slice()
                && only.descriptor.digest == tree.root.digest
            {
                return Ok(vec![only]);
            }
            let best = tree.images().filter(|m| m.state == State::Whole && host.runs(m.platform.as_ref()));
            let best = best.min_by_key(|m| host.rank(m.platform.as_ref()));
            best.map(|m| vec![m]).ok_or_else(|| missing(&Platform::host()))
        }
    }
}

fn same_size(one: &Descriptor, other: &Descriptor) -> Result<()> {
    if one.size == other.size {
        return Ok(());
    }
    let message = format!("two sizes for {}: {} and {} bytes", one.digest, one.size, other.size);
    Err(Error::new(ErrorKind::Mismatch, message))
}

/// One blob on its way.
struct Fetch<'a, R> {
    remote: &'a R,
    blob: &'a Descriptor,
    lanes: usize,
    stop: &'a AtomicBool,
    transfers: &'a dyn Transfers,
}

impl<R: Remote> Fetch<'_, R> {
    fn put_into(&self, store: &Store) -> Result<()> {
        let Some(mut partial) = store.receive(self.blob, self.stop)? else { return Ok(()) };
        self.transfers.advance(self.blob, partial.received());
        let resumed = partial.received() > 0;
        let fetched = self.rest(&mut partial).and_then(|()| partial.finish());
        match fetched {
            // What lay on this disk may be to blame, or a mirror.
            Err(e) if e.kind() == ErrorKind::Mismatch && (self.remote.distrust() || resumed) => {
                let Some(mut partial) = store.receive(self.blob, self.stop)? else { return Ok(()) };
                partial.start_over()?;
                self.rest(&mut partial).and_then(|()| partial.finish())
            }
            fetched => fetched,
        }
        .map_err(|e| if e.kind() == ErrorKind::Mismatch { e.context(&self.remote.place()) } else { e })
    }

    fn rest(&self, partial: &mut Partial<'_>) -> Result<()> {
        let Self { remote, blob, lanes, stop, transfers } = *self;
        if partial.received() == blob.size
            || (lanes > 1 && pieces::receive(partial, remote, blob, lanes, stop, transfers)?)
        {
            return Ok(());
        }
        let mut reader = remote.read_from(blob, partial.received())?;
        let mut buffer = vec![0; BUFFER];
        while !stop.load(Ordering::Relaxed) {
            let n = match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(pieces::broken(remote, blob, &e)),
            };
            partial.write(buffer.get(..n).unwrap_or_default())?;
            transfers.advance(blob, n as u64);
        }
        Err(stopped())
    }
}

/// Puts a document that was fetched into the store; whether it was not there yet.
fn keep(
    store: &Store,
    descriptor: &Descriptor,
    arriving: &Arriving<'_, impl Remote>,
    stop: &AtomicBool,
) -> Result<bool> {
    let Some(mut partial) = store.receive(descriptor, stop)? else { return Ok(false) };
    let Some(bytes) = arriving.document(descriptor)? else {
        return Err(Error::no_content(&descriptor.digest));
    };
    partial.start_over()?;
    partial.write(&bytes)?;
    partial.finish()?;
    Ok(true)
}

/// The image as it is going to be: documents come from the store or from afar, and only those of platforms
/// that may be wanted; every other blob is taken to be there, and is fetched or missed later.
struct Arriving<'a, R> {
    store: &'a Store,
    remote: &'a R,
    wanted: &'a Wanted,
    /// Whether statements in the index about a platform may be wanted, too.
    statements: bool,
    fetched: RefCell<BTreeMap<Digest, Vec<u8>>>,
}

impl<R: Remote> Documents for Arriving<'_, R> {
    fn has(&self, _descriptor: &Descriptor) -> Result<bool> {
        Ok(true)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        let may_want =
            || self.wanted.may_want(descriptor) || (self.statements && descriptor.attests().is_some());
        if media_type::is_manifest(&descriptor.media_type) && !may_want() {
            return Ok(None);
        }
        if let Some(bytes) = self.fetched.borrow().get(&descriptor.digest) {
            return Ok(Some(bytes.clone()));
        }
        if let Some(bytes) = self.store.document(descriptor)? {
            return Ok(Some(bytes));
        }
        let bytes = self.remote.document(descriptor)?;
        if let Some(bytes) = &bytes {
            self.fetched.borrow_mut().insert(descriptor.digest, bytes.clone());
        }
        Ok(bytes)
    }
}
