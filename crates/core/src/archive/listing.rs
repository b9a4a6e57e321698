//! The images that an archive names, as its lists are read one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use barge_oci::{Descriptor, Digest, Document, Manifest, Reference, media_type};

use super::content::Content;
use super::found::Found;
use super::views::Views;
use super::{docker, legacy};
use crate::error::{Error, Refusal, Result};
use crate::graph::Tree;

/// How many images one archive may name.
pub(super) const MAX_IMAGES: usize = 25_000;
/// How large the manifests and indexes of an archive may be together; they are in memory while it is read.
const MAX_DOCUMENT_BYTES: u64 = 96 << 20;

/// What was read of the lists.
pub(super) struct Listing {
    /// The images, in the archive's own order.
    pub images: Vec<Found>,
    /// Manifests that refer to one of them.
    pub referrers: Vec<Descriptor>,
    pub forms: Forms,
    /// Oddities that are accepted.
    pub warnings: Vec<String>,
    pub content: Content,
    /// The graph below each root, by the root's digest.
    pub trees: BTreeMap<Digest, Arc<Tree>>,
    /// Bytes of the documents in them.
    document_bytes: u64,
}

/// The forms of one archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forms {
    /// An OCI image layout (`index.json`).
    pub oci: bool,
    /// How many images docker's `manifest.json` lists; zero without one.
    pub docker: usize,
    /// Only what docker before 1.10 wrote.
    pub legacy: bool,
}

impl Listing {
    /// Begins with nothing listed.
    pub(super) fn new(content: Content, warnings: Vec<String>) -> Self {
        Self {
            images: Vec::new(),
            referrers: Vec::new(),
            forms: Forms::default(),
            warnings,
            content,
            trees: BTreeMap::new(),
            document_bytes: 0,
        }
    }

    /// The images of `manifest.json`: the archive's only word, or one that has to agree with `index.json`.
    pub(super) fn manifest(&mut self, manifest: &[u8], listed: usize) -> Result<()> {
        let items = match docker::parse(manifest) {
            // Layouts of other things keep a manifest.json of their own meaning.
            Err(e) if listed > 0 && e.refusal() == Some(Refusal::NotAnImage) => {
                self.warnings.push("manifest.json is not docker's, ignored".to_owned());
                return Ok(());
            }
            items => items?,
        };
        self.forms.docker = items.len();
        let mut views = Views::of(&self.images)?;
        for item in &items {
            if listed > 0 && self.content.members.file(&item.config).is_some_and(|f| f.sha256.is_none()) {
                // Only listed, not hashed: index.json is taken at its word.
                continue;
            }
            let image = match docker::image(item, &self.content.members) {
                // With index.json a manifest.json may name layers that are foreign and absent.
                Err(e) if listed > 0 && e.refusal() == Some(Refusal::BlobMissing) => continue,
                image => image?,
            };
            if listed > 0 && views.agree(&mut self.images, &image, |d| self.content.diff_id(d))? {
                continue;
            }
            if listed > 0 {
                // Docker before 29 leaves nameless images out of its index.json.
                self.warnings.push("manifest.json has a nameless image that index.json lacks".to_owned());
            }
            self.add(image.names, &image.manifest, image.blobs)?;
        }
        Ok(())
    }

    /// The images of an archive from before manifest.json.
    pub(super) fn repositories(&mut self, repositories: &[u8]) -> Result<()> {
        self.forms.legacy = true;
        for image in legacy::images(repositories, &self.content.members)? {
            self.content.make(Digest::sha256(&image.config), image.config);
            self.add(image.names, &image.manifest, image.layers)?;
        }
        Ok(())
    }

    /// Adds an image whose manifest was made here, once for each of its names.
    fn add(
        &mut self,
        names: Vec<Reference>,
        manifest: &Document<Manifest>,
        blobs: Vec<(Digest, String)>,
    ) -> Result<()> {
        let target = Descriptor::of(media_type::DOCKER_MANIFEST, manifest.bytes());
        self.content.make(target.digest, manifest.bytes().to_vec());
        self.content.find(blobs);
        let tree = self.tree(&target)?;
        let names: Vec<_> = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        for name in names {
            self.push(Found { name, bare_tag: None, target: target.clone(), tree: Arc::clone(&tree) })?;
        }
        Ok(())
    }

    pub(super) fn push(&mut self, found: Found) -> Result<()> {
        if self.images.len() == MAX_IMAGES {
            let message = format!("the archive names more than {MAX_IMAGES} images");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        self.images.push(found);
        Ok(())
    }

    /// The graph below a root; several names of one image share it.
    pub(super) fn tree(&mut self, root: &Descriptor) -> Result<Arc<Tree>> {
        if let Some(tree) = self
            .trees
            .get(&root.digest)
            .filter(|t| t.root.media_type == root.media_type && t.root.size == root.size)
        {
            return Ok(Arc::clone(tree));
        }
        let tree = Arc::new(Tree::walk(&self.content, root)?);
        self.document_bytes += tree.document_bytes;
        if self.document_bytes > MAX_DOCUMENT_BYTES {
            let message = format!("manifests and indexes of more than {MAX_DOCUMENT_BYTES} bytes");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        self.trees.insert(root.digest, Arc::clone(&tree));
        Ok(tree)
    }
}
