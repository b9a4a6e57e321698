//! The names: `index.json`, read without a lock, replaced whole under one.

use barge_oci::{Document, Index, annotation, media_type, to_go_json};

use super::Store;
use crate::archive::name_of;
use crate::content::Image;
use crate::error::{Error, Refusal, Result};

/// The largest `index.json` of a store: a hundred thousand names and more.
const MAX_INDEX_BYTES: u64 = 128 << 20;
/// When an image got its name, RFC 3339; never leaves the store.
pub(crate) const TAGGED: &str = "dev.barge.tagged";

/// Whether an annotation is the store's own and must not leave it.
pub(crate) fn is_private(key: &str) -> bool {
    key == TAGGED
}

/// An index without images.
pub(super) fn empty() -> Result<Vec<u8>> {
    encode(&[])
}

impl Store {
    /// Every image: named ones by name, then nameless ones by digest.
    ///
    /// # Errors
    /// `Io`; `Refused` if index.json is no index.
    pub fn names(&self) -> Result<Vec<Image>> {
        let path = self.path("index.json");
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io("read", &path, e)),
        };
        let index = Document::index_up_to(bytes, MAX_INDEX_BYTES)
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
    pub fn update<T>(&self, change: impl FnOnce(&mut Vec<Image>) -> Result<T>) -> Result<T> {
        self.create()?;
        let _guard = self.lock("index.lock", true)?;
        let before = self.names()?;
        let mut images = before.clone();
        let outcome = change(&mut images)?;
        sort(&mut images);
        images.dedup();
        if images != before {
            self.replace("index.json", &encode(&images)?)?;
        }
        Ok(outcome)
    }
}

impl Image {
    /// Whether this only accompanies another image and is none itself.
    #[must_use]
    pub fn is_referrer(&self) -> bool {
        self.target.annotations.contains_key(annotation::MANIFEST_SUBJECT)
    }

    /// When it got its name, RFC 3339.
    #[must_use]
    pub fn tagged(&self) -> Option<&str> {
        self.target.annotations.get(TAGGED).map(String::as_str)
    }
}

/// Gives an image its name, or keeps it nameless. Whatever had the name before stays as a dangling image;
/// an image that has a name is not dangling any more.
pub(crate) fn assign(images: &mut Vec<Image>, image: Image) {
    let digest = image.target.digest;
    if image.name.is_none() {
        if images.iter().all(|i| i.target.digest != digest) {
            images.push(image);
        }
        return;
    }
    let same_name = |i: &Image| i.name == image.name;
    let before = images.iter().position(same_name).map(|n| images.swap_remove(n));
    images.retain(|i| i.name.is_some() || i.target.digest != digest);
    if let Some(before) = before.filter(|b| b.target.digest != digest) {
        assign(images, Image { name: None, target: before.target });
    }
    images.push(image);
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
    to_go_json(&index).map_err(|e| Error::refused(Refusal::JsonInvalid, format!("index.json: {e}")))
}
