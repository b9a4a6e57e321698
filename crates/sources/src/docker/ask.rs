//! What to ask a daemon for, so that nothing is left out in silence and nothing is asked for that it fails over.
//!
//! With containerd a daemon sends one image's platforms that it has, or one platform alone. It fails altogether if the
//! platform that suits the host best is listed and not there, unless another one is asked for by name (docker/cli#5476).

use std::collections::BTreeSet;

use barge_core::content::Image;
use barge_core::error::{Error, ErrorKind, Result};
use barge_core::host::HostPreference;
use barge_core::select::Selection;
use barge_oci::{Digest, Platform, media_type};

use super::engine::Engine;
use super::held::{Held, HeldManifest};

/// The requests that bring images, and what has to come.
#[derive(Debug, Default)]
pub struct Ask {
    /// The images as they will be in what comes.
    pub(super) images: Vec<Image>,
    /// Each brings an archive.
    pub(super) requests: Vec<Request>,
    /// Manifests that have to be there and whole.
    pub(super) expected: Vec<Digest>,
    /// What comes with the archive and is of no use.
    pub(super) omitted: BTreeSet<Digest>,
    /// Whether the archive that comes has the very blobs that are wanted, so that it can be passed on as it is read.
    pub(super) passes: bool,
    /// What is left out though nobody has asked for that, a sentence each.
    pub notes: Vec<String>,
}

/// One archive to ask for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The images' IDs.
    pub(super) ids: Vec<Digest>,
    /// The one platform, or all that are there.
    pub(super) platform: Option<Platform>,
}

impl Engine {
    /// How to get the selection of `images`, which are among those that the daemon holds.
    ///
    /// # Errors
    /// `NotFound` for a platform that is not there, in docker's words; `Unavailable` for what the API cannot give.
    pub fn ask(&self, held: &[Held], images: &[Image], selection: &Selection) -> Result<Ask> {
        Ask::new(held, images, selection, self.exports_platforms())
    }
}

impl Ask {
    /// `by_platform` is whether the daemon can be asked for one platform.
    fn new(held: &[Held], images: &[Image], selection: &Selection, by_platform: bool) -> Result<Self> {
        let mut ask = Self { passes: true, ..Self::default() };
        for image in images {
            let shown = image.shown();
            let held = held.iter().find(|h| h.holds(&image.target.digest));
            let held = held.ok_or_else(|| Error::not_found(format!("No such image: {shown}")))?;
            ask.add(held, image, &shown, selection, by_platform)?;
        }
        ask.passes &= ask.requests.len() == 1;
        Ok(ask)
    }

    fn add(
        &mut self,
        held: &Held,
        image: &Image,
        shown: &str,
        selection: &Selection,
        by_platform: bool,
    ) -> Result<()> {
        if held.manifests.is_empty() {
            // Only what comes will tell.
            self.passes = false;
            self.images.push(image.clone());
            self.request(held.id, None);
            return Ok(());
        }
        let kept = kept(held, shown, &selection.platforms)?;
        self.expected.extend(kept.iter().map(|m| m.descriptor.digest));
        let listed = media_type::is_index(&image.target.media_type);
        let whole = selection.platforms.is_empty() && held.is_whole();
        if let ([only], true, false) = (kept.as_slice(), listed && !whole, selection.keep_index) {
            if selection.platforms.is_empty() {
                self.note_rest(held, shown);
            }
            self.omitted.insert(image.target.digest);
            self.images.push(Image { name: image.name.clone(), target: alone(only, image) });
            match only.platform.as_ref().filter(|_| by_platform) {
                Some(platform) => self.request(held.id, Some(platform.clone())),
                None => {
                    can_send_all(held, shown)?;
                    self.passes &= held.available().count() == 1;
                    self.request(held.id, None);
                }
            }
            return Ok(());
        }
        if whole {
            // Statements about platforms come along, too.
            self.expected.extend(held.manifests.iter().map(|m| m.descriptor.digest));
        } else if listed {
            can_send_all(held, shown)?;
            self.passes &= selection.keep_index && kept.len() == held.available().count();
        }
        self.images.push(image.clone());
        self.request(held.id, None);
        Ok(())
    }

    fn request(&mut self, id: Digest, platform: Option<Platform>) {
        match self.requests.iter_mut().find(|r| r.platform == platform) {
            Some(request) if request.ids.contains(&id) => {}
            Some(request) => request.ids.push(id),
            None => self.requests.push(Request { ids: vec![id], platform }),
        }
    }

    fn note_rest(&mut self, held: &Held, shown: &str) {
        let absent = held.manifests.iter().filter(|m| !m.available).filter_map(|m| m.platform.as_ref());
        let absent: Vec<String> = absent.map(ToString::to_string).collect();
        if !absent.is_empty() {
            let note = format!(
                "{shown}: the daemon does not have {}, and they are not saved (the archive lists only what it holds; `--keep-index` keeps the original index)",
                absent.join(", ")
            );
            self.notes.push(note);
        }
    }
}

/// What is there of the platforms that are wanted.
fn kept<'a>(held: &'a Held, shown: &str, wanted: &[Platform]) -> Result<Vec<&'a HeldManifest>> {
    let present = || {
        let present: Vec<String> =
            held.available().filter_map(|m| m.platform.as_ref()).map(ToString::to_string).collect();
        if present.is_empty() { "none".to_owned() } else { present.join(", ") }
    };
    if wanted.is_empty() {
        let all: Vec<_> = held.available().collect();
        if all.is_empty() && held.manifests.iter().any(|m| m.platform.is_some()) {
            return Err(Error::not_found(format!("{shown}: the daemon has no platform of it")));
        }
        return Ok(all);
    }
    let (mut kept, mut missing) = (Vec::<&HeldManifest>::new(), Vec::new());
    for platform in wanted {
        let fits = |m: &&HeldManifest| m.platform.as_ref().is_some_and(|p| platform.matches(p));
        let mut found = held.available().filter(fits);
        match (found.next(), found.next()) {
            (None, _) => missing.push(platform.to_string()),
            (Some(one), None) if kept.iter().any(|k| k.descriptor.digest == one.descriptor.digest) => {}
            (Some(one), None) => kept.push(one),
            (Some(_), Some(_)) => {
                let text = format!(
                    "no suitable export target found: multiple manifests found for platform {platform}"
                );
                return Err(Error::new(ErrorKind::Conflict, text));
            }
        }
    }
    if missing.is_empty() {
        return Ok(kept);
    }
    let plural = if missing.len() > 1 { "s" } else { "" };
    let text = format!(
        "no suitable export target found: image with reference {shown} was found but does not provide the specified platform{plural} ({})",
        missing.join(", ")
    );
    Err(Error::not_found(text).hint(format!("the daemon has: {}", present())))
}

/// The manifest in the place of the index that lists it.
fn alone(manifest: &HeldManifest, image: &Image) -> barge_oci::Descriptor {
    let mut target = manifest.descriptor.clone();
    target.annotations.extend(image.target.sources());
    target
}

/// That a daemon does not fail over an image of which it has only a part.
fn can_send_all(held: &Held, shown: &str) -> Result<()> {
    let host = HostPreference::new();
    let images = held.manifests.iter().filter(|m| m.platform.is_some());
    match images.min_by_key(|m| host.rank(m.platform.as_ref())) {
        Some(HeldManifest { available: false, platform: Some(platform), .. }) => {
            let present: Vec<String> =
                held.available().filter_map(|m| m.platform.as_ref()).map(ToString::to_string).collect();
            let text = format!(
                "{shown}: docker cannot send it as a whole, as it does not have {platform}, which it would choose first"
            );
            let hint = format!("save one platform, `--platform {}`", present.join("` or `--platform "));
            Err(Error::new(ErrorKind::Unavailable, text).hint(hint))
        }
        _ => Ok(()),
    }
}

impl Held {
    fn holds(&self, digest: &Digest) -> bool {
        self.id == *digest || self.target.as_ref().is_some_and(|target| target.digest == *digest)
    }
}
