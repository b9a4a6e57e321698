//! A cache of summaries and of what is present, so that listing ten thousand images reads one file instead of
//! thirty thousand. It may be lost or deleted at any time: it is made again.
//!
//! Summaries follow from digests and never go stale. What is present holds for as long as the blob folders
//! have the modification times noted with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barge_oci::{Algorithm, Digest};
use serde::{Deserialize, Serialize};

use super::{Area, DigestSet, Store, Summary};
use crate::content::Image;
use crate::error::{Error, ErrorKind, Result};

const CACHE: &str = "summaries";
/// As much of it as is read; with more images it is made again each time.
const MAX_CACHE_BYTES: u64 = 512 << 20;
/// Changes whenever the meaning of the cached bytes does.
const VERSION: u32 = 3;
/// The file begins with the hex of the sha256 of the rest.
const SUM: usize = 64;
/// With fewer images the documents are read as quickly as the cache.
const WORTH_CACHING: usize = 64;
/// A folder changed this recently may change again without its time telling.
const SETTLED: Duration = Duration::from_secs(2);

/// Modification times of the blob folders.
type Stamp = Vec<Option<SystemTime>>;

/// What some images are made of.
pub(crate) struct Overview<'a> {
    /// One summary an image.
    pub summaries: Vec<Arc<Summary>>,
    /// Which of their blobs are here.
    pub present: Presence<'a>,
    /// Why some have nothing to show.
    pub damaged: Vec<Error>,
}

/// Which blobs of some summaries are here.
pub(crate) enum Presence<'a> {
    /// All but these.
    Except(DigestSet),
    /// Ask for each.
    Ask(&'a Store),
}

impl Presence<'_> {
    /// Whether a blob of the summaries is here.
    #[must_use]
    pub(crate) fn has(&self, digest: &Digest) -> bool {
        match self {
            Self::Except(absent) => !absent.contains(digest),
            Self::Ask(store) => store.holds(digest),
        }
    }
}

/// The cache as it was a moment ago.
pub(crate) struct Prefetched(Option<Cached<Arc<Summary>>>);

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Cached<S> {
    version: u32,
    /// `None` if the folders were changing when it was taken.
    stamp: Option<Stamp>,
    absent: Vec<Digest>,
    summaries: Vec<S>,
}

impl Store {
    /// The summaries of `images`, in their order; for those who must know everything that is referred to.
    ///
    /// # Errors
    /// `Mismatch` or `Refused` if a document is damaged.
    pub(crate) fn summaries<'a>(&self, images: impl Iterator<Item = &'a Image>) -> Result<Vec<Arc<Summary>>> {
        let overview = self.overview_from(images, || self.cached())?;
        match overview.damaged.into_iter().next() {
            Some(damage) => Err(damage),
            None => Ok(overview.summaries),
        }
    }

    /// The images, read while the cache is read beside it, and their overview.
    ///
    /// # Errors
    /// `Io`; `Refused` if index.json is no index.
    pub(crate) fn images_with_cache(&self) -> Result<(Vec<Image>, Prefetched)> {
        std::thread::scope(|scope| {
            let cache = scope.spawn(|| self.cached());
            let images = self.images()?;
            Ok((images, Prefetched(cache.join().ok().flatten())))
        })
    }

    /// The summaries of `images`, in their order, and what of them is present, with a cache that was read already.
    /// An image whose documents are damaged has nothing to show.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn overview_with<'a>(
        &self,
        images: impl Iterator<Item = &'a Image>,
        cache: Prefetched,
    ) -> Result<Overview<'_>> {
        self.overview_from(images, || cache.0)
    }

    fn overview_from<'a>(
        &self,
        images: impl Iterator<Item = &'a Image>,
        cached: impl FnOnce() -> Option<Cached<Arc<Summary>>>,
    ) -> Result<Overview<'_>> {
        let images: Vec<&Image> = images.collect();
        let mut damaged = Vec::new();
        let mut read = |image: &Image| match Summary::read(self, &image.target) {
            Err(e) if e.kind() != ErrorKind::Io => {
                damaged.push(e);
                Ok(Arc::new(Summary::unreadable(image.target.digest)))
            }
            summary => summary.map(Arc::new),
        };
        if images.len() < WORTH_CACHING {
            let summaries = images.iter().map(|i| read(i)).collect::<Result<_>>()?;
            return Ok(Overview { summaries, present: Presence::Ask(self), damaged });
        }
        let (stamp, cached) = (self.stamp(), cached());
        let current = stamp.is_some() && cached.as_ref().is_some_and(|c| c.stamp == stamp);
        let (absent, known) = cached.map_or_else(Default::default, |c| (c.absent, c.summaries));
        let mut known: HashMap<Digest, Arc<Summary>> = known.into_iter().map(|s| (s.root, s)).collect();
        let (cached_count, mut changed) = (known.len(), !current);
        let mut out = Vec::with_capacity(images.len());
        for image in images {
            let fresh = |s: &&Arc<Summary>| current || !s.unread.iter().any(|d| self.holds(d));
            if let Some(summary) = known.get(&image.target.digest).filter(fresh) {
                out.push(Arc::clone(summary));
                continue;
            }
            changed = true;
            let summary = read(image)?;
            known.insert(summary.root, Arc::clone(&summary));
            out.push(summary);
        }
        let absent = if changed {
            let here = self.blobs()?;
            let listed: DigestSet = out.iter().flat_map(|s| s.digests()).collect();
            listed.into_iter().filter(|d| !here.contains(d)).collect()
        } else {
            absent
        };
        if damaged.is_empty() && (changed || cached_count > 2 * out.len()) {
            let mut summaries: Vec<&Summary> = out.iter().map(AsRef::as_ref).collect();
            summaries.sort_by_key(|s| s.root);
            summaries.dedup_by_key(|s| s.root);
            self.cache(&Cached { version: VERSION, stamp, absent: absent.clone(), summaries });
        }
        let present = Presence::Except(absent.into_iter().collect());
        Ok(Overview { summaries: out, present, damaged })
    }

    /// The blob folders' times, if they have not changed just now.
    fn stamp(&self) -> Option<Stamp> {
        let modified = |a: Algorithm| self.try_folder(Area::of(a)).and_then(|folder| folder.modified()).ok();
        let stamp: Stamp = Algorithm::ALL.map(modified).to_vec();
        let settled = |t: &SystemTime| t.elapsed().is_ok_and(|age| age > SETTLED);
        stamp.iter().flatten().all(settled).then_some(stamp)
    }

    /// The cache; `None` if there is none, or none that this version can read.
    fn cached(&self) -> Option<Cached<Arc<Summary>>> {
        let bytes = self
            .try_folder(Area::Private)
            .and_then(|private| private.content(CACHE, MAX_CACHE_BYTES))
            .ok()?;
        // gc relies on what it says, so it must be to the bit what was written.
        let (sum, bytes) = bytes.split_at_checked(SUM)?;
        if Digest::sha256(bytes).hex().as_bytes() != sum {
            return None;
        }
        let (version, _) = postcard::take_from_bytes::<u32>(bytes).ok()?;
        if version != VERSION {
            return None;
        }
        let cached: Cached<Summary> = postcard::from_bytes(bytes).ok()?;
        let summaries = cached.summaries.into_iter().map(Arc::new).collect();
        Some(Cached { version, stamp: cached.stamp, absent: cached.absent, summaries })
    }

    /// Failing to write the cache costs time later, nothing else.
    fn cache(&self, cached: &Cached<&Summary>) {
        let Ok(bytes) = postcard::to_allocvec(cached) else { return };
        let _ = self.replace_private(CACHE, &[Digest::sha256(&bytes).hex().into_bytes(), bytes].concat());
    }
}
