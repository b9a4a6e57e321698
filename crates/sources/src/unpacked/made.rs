//! The manifests that are made of a store's images, and what is behind them.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use barge_core::content::{Blob, read_document};
use barge_core::error::{Error, Refusal, Result};
use barge_oci::{Descriptor, Digest, Document};

use super::layer::Layer;
use super::storage::{Storage, StoredConfig};

/// How many layers an image may have; overlay file systems end at 500, docker at 127.
const MAX_LAYERS: usize = 512;
/// How large all manifests that are made may be together; they stay in memory.
const MAX_MADE_BYTES: usize = 96 << 20;

/// A store and what was made of it so far.
pub(super) struct Made {
    storage: Box<dyn Storage>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The manifests, by image ID.
    manifests: HashMap<Digest, Descriptor>,
    /// How many bytes they have.
    bytes: usize,
    contents: HashMap<Digest, Content>,
}

/// Something that can be read.
#[derive(Clone)]
enum Content {
    Manifest(Arc<Vec<u8>>),
    /// The config of the image with this ID, so many bytes long.
    Config(Digest, u64),
    /// A layer whose tar has so many bytes.
    Layer(Arc<Layer>, u64),
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Self::Manifest(bytes) => bytes.len() as u64,
            Self::Config(_, size) | Self::Layer(_, size) => *size,
        }
    }
}

impl Made {
    pub(super) fn new(storage: impl Storage + 'static) -> Self {
        Self { storage: Box::new(storage), known: Mutex::default() }
    }

    /// The manifest of the image with this ID, made when it is asked for the first time. Its blobs are known then.
    ///
    /// # Errors
    /// `Refused`, `Mismatch` or `Io` if the image is broken.
    pub(super) fn manifest(&self, id: &Digest) -> Result<Descriptor> {
        let made = self.known().manifests.get(id).cloned();
        made.map_or_else(|| self.make(id), Ok)
    }

    fn make(&self, id: &Digest) -> Result<Descriptor> {
        let StoredConfig { digest, bytes, form } = self.config(id)?;
        let size = bytes.len() as u64;
        let config = Document::config(bytes)
            .map_err(|e| Error::refused(Refusal::JsonInvalid, format!("its config: {e}")))?
            .into_parsed();
        let diff_ids = config.rootfs.diff_ids;
        if diff_ids.len() > MAX_LAYERS {
            let message = format!("{} layers, where {MAX_LAYERS} is the limit", diff_ids.len());
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        let layers = self.storage.layers(id, &diff_ids)?.into_iter().map(|layer| self.measured(layer));
        let (target, manifest) = form.manifest((digest, size), &layers.collect::<Result<Vec<_>>>()?)?;
        let mut known = self.known();
        if known.bytes + manifest.len() > MAX_MADE_BYTES {
            let message = format!("the manifests of so many images take more than {MAX_MADE_BYTES} bytes");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        known.bytes += manifest.len();
        known.contents.insert(digest, Content::Config(*id, size));
        known.contents.insert(target.digest, Content::Manifest(Arc::new(manifest)));
        known.manifests.insert(*id, target.clone());
        Ok(target)
    }

    /// A layer's digest and size; another image may have had the same one.
    fn measured(&self, layer: Layer) -> Result<(Digest, u64)> {
        let digest = layer.diff_id;
        let known = self.known().contents.get(&digest).map(Content::size);
        if let Some(size) = known {
            return Ok((digest, size));
        }
        let size = layer.size()?;
        self.known().contents.insert(digest, Content::Layer(Arc::new(layer), size));
        Ok((digest, size))
    }

    /// The config of the image with this ID, verified.
    fn config(&self, id: &Digest) -> Result<StoredConfig> {
        let StoredConfig { digest, bytes, form } = self.storage.config(id)?;
        // Only its manifest, which is made of this, says how large it is.
        let known = Descriptor::new("", digest, bytes.len() as u64);
        let bytes = read_document("its store", &known, bytes.as_slice())?;
        Ok(StoredConfig { digest, bytes, form })
    }

    /// Whether a descriptor means something that is known; another size is other content.
    pub(super) fn has(&self, descriptor: &Descriptor) -> bool {
        self.content(descriptor).is_some()
    }

    /// The bytes of a manifest or config, verified; `None` if it is not known.
    ///
    /// # Errors
    /// As [`Self::manifest`]; `MediaTypeConfused` for a layer.
    pub(super) fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        match self.content(descriptor) {
            None => Ok(None),
            Some(Content::Manifest(bytes)) => Ok(Some(bytes.to_vec())),
            Some(Content::Config(id, _)) => {
                let config = self.config(&id)?;
                // A store that is not locked may have another image under this ID by now.
                Ok(Some(config.bytes).filter(|_| config.digest == descriptor.digest))
            }
            Some(Content::Layer(..)) => {
                let message = format!("{} is a layer and no document", descriptor.digest);
                Err(Error::refused(Refusal::MediaTypeConfused, message))
            }
        }
    }

    /// Anything that is known, a layer as the stream that rebuilds it, not verified.
    ///
    /// # Errors
    /// As [`Self::manifest`]; those of reading name the layer and the file.
    pub(super) fn open(&self, descriptor: &Descriptor) -> Result<Option<Blob>> {
        if let Some(Content::Layer(layer, _)) = self.content(descriptor) {
            return layer.open().map(|tar| Some(Blob::Stream(tar)));
        }
        Ok(self.document(descriptor)?.map(|bytes| Blob::Bytes(Cursor::new(bytes))))
    }

    fn content(&self, descriptor: &Descriptor) -> Option<Content> {
        let content = self.known().contents.get(&descriptor.digest).cloned();
        content.filter(|content| content.size() == descriptor.size)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
