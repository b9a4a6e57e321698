//! The graph below an image: which manifests it lists, which of them are here, whole or in part.

use std::collections::{BTreeMap, BTreeSet};

use barge_oci::{
    Config, Descriptor, Digest, Document, Index, InvalidDocument, MAX_MANIFEST_BYTES, Manifest, Platform,
    media_type,
};

use crate::content::Documents;
use crate::error::{Error, Refusal, Result};

/// How deep indexes may be nested; containerd's own images nest once.
pub const MAX_DEPTH: usize = 8;
/// How large one image may be, whether all of it is here or not, 256 TiB: sums over all images that can be read are numbers then.
pub(crate) const MAX_IMAGE_BYTES: u64 = 1 << 48;
/// How many manifests and indexes one image may list.
pub(crate) const MAX_NODES: usize = 200_000;

/// How large the documents of one image may be together; they are in memory while it is handled.
pub(crate) const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

/// An image and everything it lists, in the order listed.
#[derive(Debug, Clone)]
pub struct Tree {
    /// What was asked for: an index or a manifest.
    pub root: Descriptor,
    /// Every index that was read, by digest.
    pub indexes: BTreeMap<Digest, Box<Document<Index>>>,
    /// Every manifest listed, present or not, each digest once.
    pub manifests: Vec<Listed>,
    /// Nested indexes that are listed but not here.
    pub absent_indexes: Vec<Descriptor>,
    /// Bytes of the documents that were read.
    pub document_bytes: u64,
}

/// A manifest as its index lists it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The descriptor, with the index's platform and annotations.
    pub descriptor: Descriptor,
    /// What it runs on: the index's word, or the config's where there is no index.
    pub platform: Option<Platform>,
    /// What it is.
    pub kind: Kind,
    /// How much of it is here.
    pub state: State,
    /// The manifest, if it is here and of a kind that is known.
    pub manifest: Option<Manifest>,
    /// Layers that may be absent, and are.
    pub foreign_absent: Vec<Digest>,
}

/// What a manifest is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A container image.
    Image,
    /// A statement about another manifest of the same index.
    Attestation,
    /// Anything else that is kept in manifests: charts, signatures, SBOMs.
    Artifact,
}

/// How much of a manifest's content is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The manifest, its config and every layer that has to be.
    Whole,
    /// The manifest is here, these blobs are not.
    Partial(Vec<Descriptor>),
    /// The manifest itself is not here.
    Absent,
}

impl Tree {
    /// Walks the graph below `root`, reading documents only; layers are asked after, not opened.
    ///
    /// # Errors
    /// `Mismatch` or `Refused` if anything that is here is not what it should be; `LimitExceeded` beyond
    /// [`MAX_DEPTH`], 200,000 manifests, 64 MiB of documents or 2⁴⁸ bytes.
    pub fn walk(source: &impl Documents, root: &Descriptor) -> Result<Self> {
        let mut tree = Self {
            root: root.clone(),
            indexes: BTreeMap::new(),
            manifests: Vec::new(),
            absent_indexes: Vec::new(),
            document_bytes: 0,
        };
        let mut bytes: u64 = 0;
        let mut seen = BTreeSet::new();
        let mut pending = vec![(root.clone(), 0)];
        while let Some((descriptor, depth)) = pending.pop() {
            if !seen.insert(descriptor.digest) {
                continue;
            }
            if seen.len() > MAX_NODES {
                return Err(limit(root, &format!("lists more than {MAX_NODES} manifests")));
            }
            if !media_type::is_index(&descriptor.media_type) {
                let listed = listed(source, descriptor)?;
                if listed.manifest.is_some() {
                    tree.count(listed.descriptor.size)?;
                }
                let listed_blobs = listed.manifest.iter().flat_map(Manifest::blobs);
                bytes = listed_blobs.fold(bytes, |sum, blob| sum.saturating_add(blob.size));
                if bytes > MAX_IMAGE_BYTES {
                    return Err(limit(root, &format!("is larger than {MAX_IMAGE_BYTES} bytes")));
                }
                tree.manifests.push(listed);
                continue;
            }
            if depth == MAX_DEPTH {
                return Err(limit(root, &format!("nests indexes more than {MAX_DEPTH} deep")));
            }
            let Some(bytes) = source.document(&descriptor)? else {
                tree.absent_indexes.push(descriptor);
                continue;
            };
            tree.count(descriptor.size)?;
            let index = Document::index(bytes).map_err(|e| unreadable(&descriptor, &e))?;
            let children = index.parsed().manifests.iter().rev();
            pending.extend(children.map(|child| (child.clone(), depth + 1)));
            tree.indexes.insert(descriptor.digest, Box::new(index));
        }
        Ok(tree)
    }

    fn count(&mut self, bytes: u64) -> Result<()> {
        self.document_bytes += bytes;
        if self.document_bytes > MAX_DOCUMENT_BYTES {
            return Err(limit(&self.root, &format!("has documents of more than {MAX_DOCUMENT_BYTES} bytes")));
        }
        Ok(())
    }

    /// Every index that was read, with the descriptor it is listed by.
    #[must_use]
    pub(crate) fn listed_indexes(&self) -> Vec<&Descriptor> {
        let nested = self.indexes.values().flat_map(|i| &i.parsed().manifests);
        let all = std::iter::once(&self.root).chain(nested);
        let mut seen = BTreeSet::new();
        all.filter(|d| self.indexes.contains_key(&d.digest) && seen.insert(d.digest)).collect()
    }

    /// The container images among the manifests.
    pub fn images(&self) -> impl Iterator<Item = &Listed> {
        self.manifests.iter().filter(|m| m.kind == Kind::Image)
    }

    /// The manifests of which everything is here.
    pub fn whole(&self) -> impl Iterator<Item = &Listed> {
        self.manifests.iter().filter(|m| m.state == State::Whole)
    }

    /// Whether everything the image lists is here.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.absent_indexes.is_empty() && self.manifests.iter().all(|m| m.state == State::Whole)
    }

    /// The platforms of which everything is here, in the order listed.
    #[must_use]
    pub fn present_platforms(&self) -> Vec<String> {
        let images = self.images().filter(|m| m.state == State::Whole);
        images.filter_map(|m| m.platform.as_ref()).map(ToString::to_string).collect()
    }
}

impl Listed {
    /// Whether it is for this platform.
    #[must_use]
    pub(crate) fn is_for(&self, wanted: &Platform) -> bool {
        self.platform.as_ref().is_some_and(|platform| wanted.matches(platform))
    }

    /// Every blob of the manifest that is here, the manifest included.
    pub fn present_blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let missing: &[Descriptor] = match &self.state {
            State::Partial(missing) => missing,
            _ => &[],
        };
        let here = |b: &&Descriptor| {
            !self.foreign_absent.contains(&b.digest) && missing.iter().all(|m| m.digest != b.digest)
        };
        let children = self.manifest.iter().flat_map(Manifest::blobs).filter(here);
        (self.state != State::Absent).then_some(&self.descriptor).into_iter().chain(children)
    }
}

/// Whether a layer may be absent from a whole image: it is fetched from elsewhere and never shipped.
#[must_use]
pub fn may_be_absent(layer: &Descriptor) -> bool {
    media_type::is_non_distributable(&layer.media_type)
}

fn listed(source: &impl Documents, descriptor: Descriptor) -> Result<Listed> {
    let attestation = descriptor.is_attestation();
    let platform = descriptor.platform.as_deref().cloned();
    if descriptor.media_type.is_empty() {
        let message = format!("the descriptor of {} has no mediaType", descriptor.digest);
        return Err(Error::refused(Refusal::JsonInvalid, message));
    }
    if !descriptor.has_children() {
        // Content of a kind nobody has to know is carried, never interpreted.
        let state = if source.has(&descriptor)? { State::Whole } else { State::Absent };
        refuse_disguise(source, &descriptor)?;
        return Ok(Listed {
            descriptor,
            platform,
            kind: Kind::Artifact,
            state,
            manifest: None,
            foreign_absent: Vec::new(),
        });
    }
    let Some(bytes) = source.document(&descriptor)? else {
        let kind = if attestation { Kind::Attestation } else { Kind::Image };
        let state = State::Absent;
        return Ok(Listed { descriptor, platform, kind, state, manifest: None, foreign_absent: Vec::new() });
    };
    let manifest = Document::manifest(bytes).map_err(|e| unreadable(&descriptor, &e))?.into_parsed();
    if media_type::is_schema1(&descriptor.media_type) {
        let message = format!("media-type: {} is no manifest of schema 1", descriptor.digest);
        return Err(Error::refused(Refusal::MediaTypeConfused, message));
    }
    let kind = match (attestation, manifest.is_image()) {
        (true, _) => Kind::Attestation,
        (false, true) => Kind::Image,
        (false, false) => Kind::Artifact,
    };
    let (mut missing, mut foreign_absent) = (Vec::new(), Vec::new());
    for blob in manifest.blobs() {
        match source.has(blob)? {
            true => {}
            false if may_be_absent(blob) => foreign_absent.push(blob.digest),
            false => missing.push(blob.clone()),
        }
    }
    let state = if missing.is_empty() { State::Whole } else { State::Partial(missing) };
    let platform = match platform {
        None if kind == Kind::Image => read_config(source, &manifest)?.map(|c| c.parsed().platform()),
        given => given,
    };
    Ok(Listed { descriptor, platform, kind, state, manifest: Some(manifest), foreign_absent })
}

/// Content of an unknown kind must not be a document that others would walk: what its children are would
/// depend on who asks.
fn refuse_disguise(source: &impl Documents, descriptor: &Descriptor) -> Result<()> {
    if descriptor.size > MAX_MANIFEST_BYTES {
        return Ok(());
    }
    let bytes = match source.document(descriptor) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(()),
        // Not even JSON.
        Err(e) if e.refusal() == Some(Refusal::JsonInvalid) => return Ok(()),
        Err(e) => return Err(e),
    };
    if Document::manifest(bytes.clone()).is_err() && Document::index(bytes).is_err() {
        return Ok(());
    }
    let message =
        format!("media-type: {} is a manifest or index, its descriptor says otherwise", descriptor.digest);
    Err(Error::refused(Refusal::MediaTypeConfused, message))
}

/// The config of an image manifest, if it is here.
///
/// # Errors
/// `Refused` if it is here and is no config.
pub fn read_config(source: &impl Documents, manifest: &Manifest) -> Result<Option<Document<Config>>> {
    let config = &manifest.config;
    let Some(bytes) = source.document(config)? else { return Ok(None) };
    Document::config(bytes).map(Some).map_err(|e| unreadable(config, &e))
}

/// The error for a document that is there but is not what its descriptor says.
pub(crate) fn unreadable(descriptor: &Descriptor, why: &InvalidDocument) -> Error {
    let refusal = match why {
        InvalidDocument::Json(text) if text.contains("invalid digest") => Refusal::DigestInvalid,
        InvalidDocument::Json(_) => Refusal::JsonInvalid,
        InvalidDocument::Confused { .. } => Refusal::MediaTypeConfused,
        InvalidDocument::Schema1 => Refusal::UnsupportedSchema1,
        InvalidDocument::TooLarge { .. } => Refusal::LimitExceeded,
    };
    Error::refused(refusal, format!("{}: {why}", descriptor.digest))
}

fn limit(root: &Descriptor, why: &str) -> Error {
    Error::refused(Refusal::LimitExceeded, format!("{}: {why}", root.digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place that has every blob, and these documents.
    struct Everything(BTreeMap<Digest, Vec<u8>>);

    impl Documents for Everything {
        fn has(&self, _: &Descriptor) -> Result<bool> {
            Ok(true)
        }

        fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
            Ok(self.0.get(&descriptor.digest).cloned())
        }
    }

    #[test]
    fn sizes_that_are_no_sizes() {
        let walk = |size: u64| {
            let layer = Descriptor::new("application/vnd.oci.image.layer.v1.tar", Digest::sha256(b""), size);
            let config = Descriptor::of("application/vnd.oci.image.config.v1+json", b"{}");
            let manifest = serde_json::json!({
                "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": [layer, layer]});
            let bytes = manifest.to_string().into_bytes();
            let root = Descriptor::of(media_type::OCI_MANIFEST, &bytes);
            let everything = Everything(BTreeMap::from([(root.digest, bytes)]));
            Tree::walk(&everything, &root).map(drop).map_err(|e| e.refusal())
        };
        assert_eq!(walk(1 << 40), Ok(()));
        for size in [1 << 48, i64::MAX as u64, u64::MAX] {
            assert_eq!(walk(size), Err(Some(Refusal::LimitExceeded)), "{size}");
        }
    }
}
