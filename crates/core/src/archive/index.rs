//! The images of an archive's `index.json`, and the manifests that refer to them.

use std::collections::BTreeSet;

use barge_oci::{Descriptor, Digest, Document, annotation, media_type};
use serde::Deserialize;

use super::found::Found;
use super::listing::{Listing, MAX_IMAGES};
use super::spool::MAX_ROOT_BYTES;
use crate::error::{Error, Refusal, Result, printable, quoted};
use crate::graph::unreadable;
use crate::image::{name_of, subject_of};

/// How large the annotations of one image may be together; the store keeps them.
const MAX_ANNOTATION_BYTES: usize = 64 << 10;

impl Listing {
    /// The images of `index.json`; returns how many manifests it lists.
    pub(super) fn index(&mut self, bytes: Vec<u8>, layout: Option<&[u8]>) -> Result<usize> {
        match layout {
            None => self.warnings.push("the OCI layout has no oci-layout file".to_owned()),
            Some(layout) => layout_version(layout)?,
        }
        let of = Descriptor::of(media_type::OCI_INDEX, &bytes);
        let index = Document::index_up_to(bytes, MAX_ROOT_BYTES)
            .map_err(|e| unreadable(&of, &e).context("index.json"))?
            .into_parsed();
        self.forms.oci = !index.manifests.is_empty();
        let listed = index.manifests.len();
        if listed > MAX_IMAGES {
            let message = format!("index.json lists {listed} images, {MAX_IMAGES} at most are read");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        let (mut waiting, images): (Vec<_>, Vec<_>) =
            index.manifests.into_iter().partition(|d| subject_of(d).is_some());
        for descriptor in images {
            self.add_listed(descriptor)?;
        }
        let trees = self.trees.values().flat_map(|t| t.manifests.iter().map(|m| m.descriptor.digest));
        let mut held: BTreeSet<Digest> = self.trees.keys().copied().chain(trees).collect();
        loop {
            let refers = |d: &mut Descriptor| subject_of(d).is_some_and(|s| held.contains(&s));
            let now: Vec<Descriptor> = waiting.extract_if(.., refers).collect();
            if now.is_empty() {
                break;
            }
            // What refers to a referrer comes along with that.
            for referrer in now {
                check_annotations(&referrer)?;
                self.tree(&referrer)?;
                held.insert(referrer.digest);
                self.referrers.push(referrer);
            }
        }
        // What these refer to is elsewhere: they stand for themselves.
        waiting.into_iter().try_for_each(|referrer| self.add_listed(referrer))?;
        Ok(listed)
    }

    /// Adds an image as `index.json` lists it.
    fn add_listed(&mut self, descriptor: Descriptor) -> Result<()> {
        check_annotations(&descriptor)?;
        let (name, bare_tag) = name_of(&descriptor)?;
        let tree = self.tree(&descriptor)?;
        let mut target = descriptor;
        for key in [annotation::IMAGE_NAME, annotation::REF_NAME, annotation::MANIFEST_SUBJECT] {
            target.annotations.remove(key);
        }
        self.push(Found { name, bare_tag, target, tree })
    }
}

fn layout_version(layout: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Layout {
        #[serde(rename = "imageLayoutVersion")]
        version: String,
    }
    let invalid = |why: &str| Error::refused(Refusal::JsonInvalid, format!("oci-layout: {}", printable(why)));
    if !layout.trim_ascii_start().starts_with(b"{") {
        return Err(invalid("no object"));
    }
    let layout: Layout = serde_json::from_slice(layout).map_err(|e| invalid(&e.to_string()))?;
    if layout.version == "1.0.0" {
        return Ok(());
    }
    let message = format!("unsupported OCI version {}", quoted(&layout.version));
    Err(Error::refused(Refusal::JsonInvalid, message))
}

/// Refuses annotations that would make `index.json` of the store what nobody can read.
fn check_annotations(descriptor: &Descriptor) -> Result<()> {
    let annotations = descriptor.annotations.iter().map(|(key, value)| key.len() + value.len());
    if annotations.sum::<usize>() > MAX_ANNOTATION_BYTES {
        let message = format!("{}: more than {MAX_ANNOTATION_BYTES} bytes of annotations", descriptor.digest);
        return Err(Error::refused(Refusal::LimitExceeded, message));
    }
    Ok(())
}
