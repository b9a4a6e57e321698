//! The graph that is left when only some platforms of an image are taken.

use std::collections::{BTreeSet, HashMap};

use barge_oci::{Descriptor, Digest, Document, Index, Platform, media_type};

use crate::error::{Error, ErrorKind, Refusal, Result};
use crate::graph::{Kind, Listed, State, Tree};
use crate::image::Image;
use crate::select::Selection;

/// A graph reduced to what is wanted.
#[derive(Debug)]
pub(crate) struct Narrowed<'a> {
    /// What now stands for the image.
    pub root: Descriptor,
    /// Indexes that stay as they are.
    pub indexes: Vec<&'a Descriptor>,
    /// Indexes that were made anew.
    pub made: Vec<(Descriptor, Vec<u8>)>,
    /// The whole manifests that are wanted, in the order listed.
    pub kept: Vec<&'a Listed>,
    /// Manifests of which everything that is here goes along; more than `kept` only with the original index.
    pub present: Vec<&'a Listed>,
    /// What is listed and not wanted or not here.
    pub left_out: Vec<&'a Listed>,
    /// Whether the root is the original one.
    same_root: bool,
    /// Whether what is left out was asked to be.
    asked: bool,
}

/// Reduces `tree` to the selection.
///
/// # Errors
/// `NotFound` for a platform that is absent or incomplete, naming it, what is present, and missing blobs;
/// `Conflict` if a platform is there more than once.
pub(crate) fn narrow<'a>(tree: &'a Tree, image: &Image, selection: &Selection) -> Result<Narrowed<'a>> {
    let shown = image.shown();
    let kept = if selection.platforms.is_empty() {
        everything(tree, &shown)?
    } else {
        requested(tree, &shown, &selection.platforms)?
    };
    let one = selection.platforms.len() == 1 && kept.len() == 1 && !selection.keep_index;
    let with_attestations = || -> Vec<&'a Listed> {
        let subjects: BTreeSet<String> = kept.iter().map(|m| m.descriptor.digest.to_string()).collect();
        let belongs = |m: &&Listed| {
            subjects.contains(&m.descriptor.digest.to_string())
                || (m.state == State::Whole && m.descriptor.attests().is_some_and(|of| subjects.contains(of)))
        };
        tree.manifests.iter().filter(belongs).collect()
    };
    let kept =
        if selection.platforms.len() > 1 && !selection.keep_index { with_attestations() } else { kept };
    let digests: BTreeSet<Digest> = kept.iter().map(|m| m.descriptor.digest).collect();
    let left_out: Vec<&Listed> =
        tree.manifests.iter().filter(|m| !digests.contains(&m.descriptor.digest)).collect();
    let closed = left_out.is_empty() && tree.absent_indexes.is_empty();
    let mut narrowed = Narrowed {
        root: tree.root.clone(),
        indexes: Vec::new(),
        made: Vec::new(),
        present: kept.clone(),
        kept,
        left_out,
        same_root: true,
        asked: !selection.platforms.is_empty(),
    };
    let single = match narrowed.kept.as_slice() {
        [only] if one || (!selection.keep_index && !closed && only.kind == Kind::Image) => Some(*only),
        _ => None,
    };
    if let Some(only) = single {
        narrowed.same_root = only.descriptor.digest == tree.root.digest;
        narrowed.root = only.descriptor.clone();
    } else if closed || selection.keep_index {
        narrowed.indexes = tree.listed_indexes();
        if selection.platforms.is_empty() {
            narrowed.present = tree.manifests.iter().collect();
        }
    } else {
        let mut rest = Rest { tree, kept: &digests, made: Vec::new(), same: Vec::new() };
        let root = rest.narrow(&tree.root)?;
        narrowed.root = root.unwrap_or_else(|| tree.root.clone());
        narrowed.made = rest.made;
        narrowed.indexes = rest.same;
        narrowed.same_root = narrowed.root.digest == tree.root.digest;
    }
    Ok(narrowed)
}

impl Narrowed<'_> {
    /// What to tell about platforms that do not go along though nobody asked to leave them.
    pub(crate) fn note(&self, image: &Image, left_out: &[String]) -> Option<String> {
        let absent = self.left_out.iter().any(|m| m.state != State::Whole);
        if !absent || self.asked || left_out.is_empty() {
            return None;
        }
        let (name, list) = (image.shown(), left_out.join(", "));
        Some(if self.same_root {
            format!("{name}: the archive's index lists platforms that are not in it: {list}")
        } else {
            format!(
                "{name}: not in the store and not saved: {list} (the archive's index lists only what it holds; `--keep-index` keeps the original)"
            )
        })
    }
}

/// Every manifest that is whole.
fn everything<'a>(tree: &'a Tree, shown: &str) -> Result<Vec<&'a Listed>> {
    for listed in tree.images() {
        let State::Partial(missing) = &listed.state else { continue };
        // A manifest alone is what sparse archives have of other platforms; config without layers is damage.
        let config = listed.manifest.as_ref().map(|m| m.config.digest);
        if missing.iter().all(|m| Some(m.digest) != config) {
            return Err(incomplete(shown, listed, missing));
        }
    }
    let whole: Vec<&Listed> = tree.whole().collect();
    if whole.is_empty() {
        let mut missing = tree.manifests.iter().filter_map(|m| match &m.state {
            State::Partial(missing) => Some((m, missing)),
            _ => None,
        });
        return Err(match missing.next() {
            Some((listed, blobs)) => incomplete(shown, listed, blobs),
            None => Error::not_found(format!("{shown}: no platform of it is in the store")),
        });
    }
    Ok(whole)
}

/// One whole image for each platform asked for.
fn requested<'a>(tree: &'a Tree, shown: &str, platforms: &[Platform]) -> Result<Vec<&'a Listed>> {
    let (mut found, mut missing) = (BTreeSet::new(), Vec::new());
    for wanted in platforms {
        let candidates: Vec<&Listed> = tree.images().filter(|m| m.is_for(wanted)).collect();
        let whole: Vec<&&Listed> = candidates.iter().filter(|m| m.state == State::Whole).collect();
        match whole.as_slice() {
            [] => missing.push((wanted, candidates)),
            [one] => drop(found.insert(one.descriptor.digest)),
            _ => {
                let message = format!(
                    "no suitable export target found: multiple manifests found for platform {wanted}"
                );
                return Err(Error::new(ErrorKind::Conflict, message));
            }
        }
    }
    if missing.is_empty() {
        return Ok(tree.manifests.iter().filter(|m| found.contains(&m.descriptor.digest)).collect());
    }
    for (_, candidates) in &missing {
        if let Some((listed, blobs)) = candidates.iter().find_map(|m| match &m.state {
            State::Partial(blobs) => Some((m, blobs)),
            _ => None,
        }) {
            return Err(incomplete(shown, listed, blobs));
        }
    }
    let list: Vec<String> = missing.iter().map(|(wanted, _)| wanted.to_string()).collect();
    let plural = if list.len() > 1 { "s" } else { "" };
    let message = format!(
        "no suitable export target found: image with reference {shown} was found but does not provide the specified platform{plural} ({})",
        list.join(", ")
    );
    let present = tree.present_platforms();
    let present = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
    let listed = missing.iter().any(|(_, candidates)| !candidates.is_empty());
    let listed = if listed { "; the image lists what is missing, but it is not in the store" } else { "" };
    Err(Error::not_found(message).hint(format!("present: {present}{listed}")))
}

fn incomplete(shown: &str, listed: &Listed, missing: &[Descriptor]) -> Error {
    let platform =
        listed.platform.as_ref().map_or_else(|| listed.descriptor.digest.to_string(), ToString::to_string);
    let blobs: Vec<String> = missing.iter().map(|b| b.digest.to_string()).collect();
    let message =
        format!("{shown}: {platform} is incomplete, these blobs are not in the store: {}", blobs.join(", "));
    Error::not_found(message).hint("load the image again, or choose other platforms with `--platform`")
}

/// Rewrites indexes from the leaves up.
struct Rest<'a, 'k> {
    tree: &'a Tree,
    kept: &'k BTreeSet<Digest>,
    made: Vec<(Descriptor, Vec<u8>)>,
    same: Vec<&'a Descriptor>,
}

impl<'a> Rest<'a, '_> {
    /// What stands for the index at `descriptor`; `None` if nothing of it is kept. No deeper than the walk.
    fn narrow(&mut self, descriptor: &'a Descriptor) -> Result<Option<Descriptor>> {
        let Some(index) = self.tree.indexes.get(&descriptor.digest) else { return Ok(None) };
        let (mut nested, mut changed, mut left) = (HashMap::new(), false, 0);
        for child in &index.parsed().manifests {
            let stands = if media_type::is_index(&child.media_type) {
                let stands = self.narrow(child)?;
                nested.insert(child.digest, stands.clone());
                stands.map(|s| s.digest)
            } else {
                self.kept.contains(&child.digest).then_some(child.digest)
            };
            changed |= stands != Some(child.digest);
            left += usize::from(stands.is_some());
        }
        if left == 0 {
            return Ok(None);
        }
        if !changed {
            self.same.push(descriptor);
            return Ok(Some(descriptor.clone()));
        }
        self.rewrite(descriptor, index, &nested).map(Some)
    }

    fn rewrite(
        &mut self,
        descriptor: &Descriptor,
        index: &Document<Index>,
        nested: &HashMap<Digest, Option<Descriptor>>,
    ) -> Result<Descriptor> {
        let bytes = Index::narrow(
            index.bytes(),
            |digest| self.kept.contains(digest),
            |digest| nested.get(digest).cloned().flatten(),
        )
        .map_err(|e| Error::refused(Refusal::JsonInvalid, format!("{}: {e}", descriptor.digest)))?;
        let digest = Digest::sha256(&bytes);
        let new = Descriptor { digest, size: bytes.len() as u64, ..descriptor.clone() };
        self.made.push((new.clone(), bytes));
        Ok(new)
    }
}
