//! What refers to an image and stands beside it: signatures, SBOMs, attestations.
//!
//! Manifests with a `subject` (OCI 1.1) are kept nameless, with the subject's digest beside them. Cosign's older
//! way is a tag of the same repository, made of the digest: `sha256-<hex>.sig`, `.att`, `.sbom`.

use std::collections::{BTreeMap, BTreeSet};

use barge_oci::{Descriptor, Digest, Document, Reference, annotation, media_type};

use crate::content::{Documents, Image, Remote};
use crate::error::{Error, ErrorKind, Refusal, Result};
use crate::graph::Tree;

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

/// The tags that cosign would give to what it says about a digest.
fn cosign_tags(subject: &Digest) -> impl Iterator<Item = String> {
    let base = format!("{}-{}", subject.algorithm().name(), subject.hex());
    SUFFIXES.iter().map(move |suffix| format!("{base}.{suffix}"))
}

/// The digest that cosign has made a tag of.
pub(crate) fn cosign_subject(tag: &str) -> Option<Digest> {
    let (base, suffix) = tag.rsplit_once('.')?;
    SUFFIXES.contains(&suffix).then(|| base.replacen('-', ":", 1).parse().ok())?
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
        for listed in remote.referrers(&subject)?.into_iter().filter(|d| wanted.takes(d)) {
            if !seen.insert(listed.digest) {
                continue;
            }
            // A list may be behind: what is gone is no referrer any more.
            let Some(target) = verified(remote, &listed, &subject)? else { continue };
            pending.push(target.digest);
            found.push(Image { name: None, target });
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

/// A registry's list is not signed: what it lists has to say itself what it refers to, and what it is; whatever else
/// the list says is forgotten. `None` if it is not there.
fn verified(remote: &impl Remote, listed: &Descriptor, subject: &Digest) -> Result<Option<Descriptor>> {
    let Some(bytes) = remote.document(listed)? else { return Ok(None) };
    let (said, kind) = if media_type::is_index(&listed.media_type) {
        let index = Document::index(bytes).ok().map(Document::into_parsed);
        index.map_or((None, None), |index| (index.subject, index.artifact_type))
    } else {
        let manifest = Document::manifest(bytes).ok().map(Document::into_parsed);
        manifest.map_or((None, None), |m| (m.subject, m.artifact_type.or(Some(m.config.media_type))))
    };
    if said.is_none_or(|said| said.digest != *subject) {
        let place = remote.place();
        let message = format!("{place}: {} is listed as a referrer of {subject} and is none", listed.digest);
        return Err(Error::new(ErrorKind::Mismatch, message));
    }
    let mut target = Descriptor::new(&listed.media_type, listed.digest, listed.size);
    target.artifact_type = kind;
    target.annotations.insert(annotation::MANIFEST_SUBJECT.to_owned(), subject.to_string());
    Ok(Some(target))
}

/// Those of `all` that refer to one of `images` or to what refers to it, and those that have a tag of cosign's in the
/// repository of one. What `images` list is taken to be their content, whether it is there or not.
///
/// # Errors
/// As [`Tree::walk`].
pub fn companions(
    source: &impl Documents,
    images: &[Image],
    all: &[Image],
    wanted: &Referrers,
) -> Result<Vec<Image>> {
    let mut found: Vec<Image> = Vec::new();
    if *wanted == Referrers::None || all.is_empty() {
        return Ok(found);
    }
    let mut subjects = BTreeSet::new();
    for image in images {
        let tree = Tree::walk(source, &image.target)?;
        subjects
            .extend(tree.indexes.keys().copied().chain(tree.manifests.iter().map(|m| m.descriptor.digest)));
    }
    let mut of: BTreeMap<Digest, Vec<&Image>> = BTreeMap::new();
    for image in all.iter().filter(|i| wanted.takes(&i.target)) {
        if let Some(subject) = image.subject() {
            of.entry(subject).or_default().push(image);
        }
    }
    let mut pending: Vec<Digest> = subjects.iter().copied().collect();
    while let Some(subject) = pending.pop() {
        for image in of.remove(&subject).unwrap_or_default() {
            if subjects.insert(image.target.digest) {
                pending.push(image.target.digest);
            }
            found.push(image.clone());
        }
    }
    if *wanted == Referrers::All {
        let named = images.iter().filter_map(|i| i.name.as_ref());
        let repositories: BTreeSet<String> = named.map(Reference::name).collect();
        let of_them = |i: &&Image| i.name.as_ref().is_some_and(|name| repositories.contains(&name.name()));
        let cosign = |i: &&Image| i.is_cosign_tag_of(&subjects) && !images.contains(i);
        found.extend(all.iter().filter(of_them).filter(cosign).cloned());
    }
    Ok(found)
}
