//! What refers to an image and stands beside it: signatures, SBOMs, attestations.
//!
//! Manifests with a `subject` (OCI 1.1) are kept nameless, with the subject's digest beside them. Cosign's older
//! way is a tag of the same repository, made of the digest: `sha256-<hex>.sig`, `.att`, `.sbom`.

use std::collections::BTreeSet;

use barge_oci::{Descriptor, Digest, Document, Reference, annotation, media_type};

use crate::content::{Image, Remote};
use crate::error::{Error, ErrorKind, Refusal, Result};

/// How many of them one image may have, and those that refer to them in turn.
const MAX_REFERRERS: usize = 10_000;
/// What cosign puts behind a digest.
const SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// Which of them come along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Referrers {
    /// None.
    #[default]
    None,
    /// All, and what cosign has under tags.
    All,
    /// Those of this artifact type.
    OfType(String),
}

impl Referrers {
    /// Whether this one comes along.
    #[must_use]
    pub fn takes(&self, referrer: &Descriptor) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::OfType(wanted) => referrer.artifact_type.as_ref() == Some(wanted),
        }
    }
}

impl Image {
    /// What this refers to, if it only accompanies another image.
    #[must_use]
    pub fn subject(&self) -> Option<Digest> {
        self.target.annotations.get(annotation::MANIFEST_SUBJECT)?.parse().ok()
    }

    /// Whether its name is one that cosign made of one of these digests.
    pub(crate) fn is_cosign_tag_of(&self, subjects: &BTreeSet<Digest>) -> bool {
        let tag = self.name.as_ref().and_then(Reference::tag);
        tag.is_some_and(|tag| subjects.iter().any(|subject| cosign_tags(subject).any(|cosign| cosign == tag)))
    }
}

/// The tags that cosign would give to what it says about a digest.
pub(crate) fn cosign_tags(subject: &Digest) -> impl Iterator<Item = String> {
    let base = format!("{}-{}", subject.algorithm().name(), subject.hex());
    SUFFIXES.iter().map(move |suffix| format!("{base}.{suffix}"))
}

/// Everything far away that refers to one of `subjects`, and what refers to that in turn. What has a tag of
/// cosign's gets it as a name, in the repository of `image`.
///
/// # Errors
/// Those of the remote; `Mismatch` for what refers to something else; `Refused` beyond 10,000.
pub fn find(
    remote: &impl Remote,
    image: &Image,
    subjects: impl IntoIterator<Item = Digest>,
    wanted: &Referrers,
) -> Result<Vec<Image>> {
    let mut found: Vec<Image> = Vec::new();
    if *wanted == Referrers::None {
        return Ok(found);
    }
    let mut pending: Vec<Digest> = subjects.into_iter().collect();
    let mut seen: BTreeSet<Digest> = pending.iter().copied().collect();
    while let Some(subject) = pending.pop() {
        for mut referrer in remote.referrers(&subject)?.into_iter().filter(|d| wanted.takes(d)) {
            if !seen.insert(referrer.digest) {
                continue;
            }
            refers(remote, &referrer, &subject)?;
            pending.push(referrer.digest);
            referrer.annotations.insert(annotation::MANIFEST_SUBJECT.to_owned(), subject.to_string());
            found.push(Image { name: None, target: referrer });
        }
        let repository = image.name.as_ref().filter(|_| *wanted == Referrers::All);
        for (name, tag) in
            repository.into_iter().flat_map(|name| cosign_tags(&subject).map(move |t| (name, t)))
        {
            let (Ok(name), Some(target)) = (name.with_tag(&tag), remote.tagged(&subject, &tag)?) else {
                continue;
            };
            found.push(Image { name: Some(name), target });
        }
        if found.len() > MAX_REFERRERS {
            let message = format!("{}: more than {MAX_REFERRERS} referrers", remote.place());
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
    }
    Ok(found)
}

/// A registry's list is not signed: what it lists has to say so itself.
fn refers(remote: &impl Remote, referrer: &Descriptor, subject: &Digest) -> Result<()> {
    let place = remote.place();
    let Some(bytes) = remote.document(referrer)? else {
        return Err(Error::not_found(format!("{place}: referrer {}: not found", referrer.digest)));
    };
    let said = if media_type::is_index(&referrer.media_type) {
        Document::index(bytes).ok().and_then(|d| d.into_parsed().subject)
    } else {
        Document::manifest(bytes).ok().and_then(|d| d.into_parsed().subject)
    };
    if said.is_some_and(|said| said.digest == *subject) {
        return Ok(());
    }
    let message = format!("{place}: {} is listed as a referrer of {subject} and is none", referrer.digest);
    Err(Error::new(ErrorKind::Mismatch, message))
}
