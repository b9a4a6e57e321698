//! An image as somebody keeps it: a root, and the name that it goes by.

use std::collections::BTreeSet;

use barge_oci::{Descriptor, Digest, Reference, annotation};

use crate::error::{Error, Refusal, Result, printable};
use crate::referrers::cosign_subject;

/// When an image got its name, RFC 3339; never leaves the store.
pub(crate) const TAGGED: &str = "dev.barge.tagged";

/// A root that somebody keeps, under a name or without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The full reference with its tag or digest; `None` for what is only known by its digest.
    pub name: Option<Reference>,
    /// The index or manifest, with the annotations of its place.
    pub target: Descriptor,
}

impl Image {
    /// What messages call it: its familiar name, or its digest.
    #[must_use]
    pub fn shown(&self) -> String {
        shown(self.name.as_ref(), &self.target.digest)
    }

    /// When it got its name, RFC 3339.
    #[must_use]
    pub fn tagged(&self) -> Option<&str> {
        self.target.annotations.get(TAGGED).map(String::as_str)
    }

    /// What this refers to, if it only accompanies another image.
    #[must_use]
    pub fn subject(&self) -> Option<Digest> {
        subject_of(&self.target)
    }

    /// Whether this only accompanies another image and is none itself.
    #[must_use]
    pub fn is_referrer(&self) -> bool {
        self.subject().is_some()
    }

    /// Whether its name is one that cosign made of one of these digests.
    pub(crate) fn is_cosign_tag_of(&self, subjects: &BTreeSet<Digest>) -> bool {
        let tag = self.name.as_ref().and_then(Reference::tag);
        tag.and_then(cosign_subject).is_some_and(|subject| subjects.contains(&subject))
    }
}

/// What messages call an image: its familiar name, or its digest.
#[must_use]
pub fn shown(name: Option<&Reference>, digest: &Digest) -> String {
    name.map_or_else(|| digest.to_string(), Reference::familiar)
}

/// What a descriptor of `index.json` refers to, if it only accompanies that.
pub(crate) fn subject_of(descriptor: &Descriptor) -> Option<Digest> {
    descriptor.annotations.get(annotation::MANIFEST_SUBJECT)?.parse().ok()
}

/// Whether an annotation is the store's own and must not leave it.
pub(crate) fn is_private(key: &str) -> bool {
    key == TAGGED
}

/// The name that annotations give: containerd's full one first, then a full one in OCI's, else a bare tag.
///
/// # Errors
/// `Refused` for a name of containerd's that is none, and for control characters.
pub(crate) fn name_of(descriptor: &Descriptor) -> Result<(Option<Reference>, Option<String>)> {
    let refuse = |key: &str, name: &str, why: &str| {
        Error::refused(Refusal::RefInvalid, format!("{key} `{}`: {}", printable(name), printable(why)))
    };
    if let Some(name) = descriptor.annotations.get(annotation::IMAGE_NAME) {
        let name =
            Reference::parse(name).map_err(|e| refuse(annotation::IMAGE_NAME, name, &e.to_string()))?;
        // regctl writes the tag and the digest; the tag is the name, the digest is the descriptor's.
        let tagged = name.tag().and_then(|tag| name.with_tag(tag).ok());
        return Ok((Some(tagged.unwrap_or_else(|| name.or_latest())), None));
    }
    let Some(name) = descriptor.annotations.get(annotation::REF_NAME) else { return Ok((None, None)) };
    if name.chars().any(char::is_control) {
        return Err(refuse(annotation::REF_NAME, name, "control characters"));
    }
    if !name.contains(['/', ':', '@']) {
        return Ok((None, Some(name.clone())));
    }
    // OCI allows more here than references do; what is none is carried nameless.
    Ok((Reference::parse(name).ok().map(Reference::or_latest), None))
}
