//! The names: `index.json`, read without a lock, replaced whole under one.

use std::collections::{BTreeMap, BTreeSet};

use barge_oci::{Digest, Document, Index, Reference, annotation, media_type, to_go_json};

use super::{Area, Store};
use crate::error::{Error, Refusal, Result};
use crate::image::{Image, TAGGED, name_of};

pub(super) const INDEX: &str = "index.json";
/// The largest `index.json` of a store: a hundred thousand names and more.
const MAX_INDEX_BYTES: u64 = 128 << 20;

/// An index without images.
pub(super) fn empty() -> Result<Vec<u8>> {
    encode(&[])
}

impl Store {
    /// Every image: named ones by name, then nameless ones by digest.
    ///
    /// # Errors
    /// `Io`, also if index.json is missing and content is there; `Refused` if it is no index.
    pub fn images(&self) -> Result<Vec<Image>> {
        let Some(root) = self.folder_if_there(Area::Root)? else { return Ok(Vec::new()) };
        let path = root.path(INDEX);
        let bytes = match root.content(INDEX, MAX_INDEX_BYTES) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                self.refuse_without_names()?;
                return Ok(Vec::new());
            }
            Err(e) => return Err(Error::io("read", &path, e)),
        };
        let index = Document::index_of_our_own(bytes, MAX_INDEX_BYTES)
            .map_err(|e| Error::refused(Refusal::JsonInvalid, format!("{}: {e}", path.display())))?;
        let mut images: Vec<Image> = index
            .parsed()
            .manifests
            .iter()
            // Another tool may have written names that are none; its images are kept nameless.
            .map(|target| Image {
                name: name_of(target).ok().and_then(|(name, _)| name),
                target: target.clone(),
            })
            .collect();
        sort(&mut images);
        Ok(images)
    }

    /// Changes the names in one step: nobody sees half of it, and no other change is lost.
    ///
    /// # Errors
    /// Those of `change`, and `Io`; nothing is changed then.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Vec<Image>) -> Result<T>) -> Result<T> {
        self.create()?;
        let _guard = self.lock("index.lock", true)?;
        let before = self.images()?;
        let mut images = before.clone();
        let outcome = change(&mut images)?;
        sort(&mut images);
        images.dedup();
        if images != before {
            let bytes = encode(&images)?;
            if bytes.len() as u64 > MAX_INDEX_BYTES {
                let message =
                    format!("the names would take {} bytes, {MAX_INDEX_BYTES} at most are read", bytes.len());
                return Err(Error::refused(Refusal::LimitExceeded, message));
            }
            self.replace(INDEX, &bytes)?;
        }
        Ok(outcome)
    }
}

/// Gives images their names, or keeps them nameless. Whatever had a name before stays as a dangling image;
/// an image that has a name is not dangling any more. Of one name given twice the last counts. `now` is when, RFC 3339.
pub(crate) fn assign(images: &mut Vec<Image>, mut new: Vec<Image>, now: &str) {
    for image in new.iter_mut().filter(|i| !i.is_referrer()) {
        image.target.annotations.insert(TAGGED.to_owned(), now.to_owned());
    }
    let mut by_name: BTreeMap<Reference, Image> = BTreeMap::new();
    let mut nameless: BTreeMap<(Digest, String), Image> = BTreeMap::new();
    let key = |i: &Image| {
        (i.target.digest, i.target.annotations.get(annotation::MANIFEST_SUBJECT).cloned().unwrap_or_default())
    };
    for image in std::mem::take(images).into_iter().chain(new) {
        match image.name.clone() {
            None => drop(nameless.entry(key(&image)).or_insert(image)),
            Some(name) => {
                if let Some(before) = by_name.insert(name, image) {
                    let before = Image { name: None, target: before.target };
                    nameless.entry(key(&before)).or_insert(before);
                }
            }
        }
    }
    let named: BTreeSet<Digest> = by_name.values().map(|i| i.target.digest).collect();
    nameless.retain(|(digest, subject), _| !subject.is_empty() || !named.contains(digest));
    images.extend(by_name.into_values().chain(nameless.into_values()));
}

fn sort(images: &mut [Image]) {
    let key = |image: &Image| (image.name.is_none(), image.name.clone(), image.target.digest);
    let ordered = |a: &Image, b: &Image| {
        (a.name.is_none(), &a.name, a.target.digest) <= (b.name.is_none(), &b.name, b.target.digest)
    };
    // What is read from disk nearly always is.
    if !images.is_sorted_by(ordered) {
        images.sort_by_cached_key(key);
    }
}

fn encode(images: &[Image]) -> Result<Vec<u8>> {
    let entries = images.iter().map(|image| {
        let mut target = image.target.clone();
        for key in [annotation::IMAGE_NAME, annotation::REF_NAME] {
            match &image.name {
                Some(name) => target.annotations.insert(key.to_owned(), name.to_string()),
                None => target.annotations.remove(key),
            };
        }
        target
    });
    let index = Index { media_type: Some(media_type::OCI_INDEX.to_owned()), ..Index::new(entries.collect()) };
    to_go_json(&index).map_err(|e| Error::refused(Refusal::JsonInvalid, format!("{INDEX}: {e}")))
}

#[cfg(test)]
mod tests {
    use barge_oci::Descriptor;

    use super::*;

    #[test]
    fn every_image_is_marked_and_no_referrer() {
        let image = |name: Option<&str>, content: &str| Image {
            name: name.map(|name| Reference::parse(name).unwrap()),
            target: Descriptor::of(media_type::OCI_MANIFEST, content.as_bytes()),
        };
        let mut referrer = image(None, "referrer");
        let subject = Digest::sha256(b"named").to_string();
        referrer.target.annotations.insert(annotation::MANIFEST_SUBJECT.to_owned(), subject);
        let mut images = vec![image(Some("old:1"), "old")];
        assign(&mut images, vec![image(Some("named:1"), "named"), image(None, "nameless"), referrer], "now");
        let marked: Vec<_> = images.iter().map(|i| (i.shown(), i.tagged())).collect();
        let digest = |content: &str| Digest::sha256(content.as_bytes()).to_string();
        for expected in [
            ("old:1".to_owned(), None),
            ("named:1".to_owned(), Some("now")),
            (digest("nameless"), Some("now")),
            (digest("referrer"), None),
        ] {
            assert!(marked.contains(&expected), "{expected:?} of {marked:?}");
        }
    }
}
