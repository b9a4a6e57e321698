//! Small stores, made for tests: layers of a few files, unpacked and split as docker and podman do it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use barge_oci::{Descriptor, Digest, media_type};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::folder::names;

const BLOCK: usize = 512;

/// A layer.
pub(super) struct Sample {
    pub tar: Vec<u8>,
    /// Its tar-split data.
    pub split: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Sample {
    /// A layer of these files, in this order.
    pub(super) fn new(files: &[(&str, &[u8])]) -> Self {
        let (mut tar, mut split) = (Vec::new(), String::new());
        for (name, content) in files {
            let header = header(name, content.len());
            let padding = vec![0; content.len().next_multiple_of(BLOCK) - content.len()];
            split += &segment(&header);
            split += &line(name, content.len() as u64);
            split += &segment(&padding);
            tar.extend(header);
            tar.extend_from_slice(content);
            tar.extend(padding);
        }
        split += &segment(&[0; 2 * BLOCK]);
        tar.extend([0; 2 * BLOCK]);
        let files = files.iter().map(|(name, content)| (name.to_string(), content.to_vec())).collect();
        Self { tar, split, files }
    }

    pub(super) fn diff_id(&self) -> Digest {
        Digest::sha256(&self.tar)
    }

    /// Puts its files below a folder.
    pub(super) fn unpack(&self, folder: &Path) {
        for (name, content) in &self.files {
            let path = folder.join(names(Path::new(name)).unwrap().iter().collect::<PathBuf>());
            write(&path, content);
        }
    }
}

/// The entry of a file in tar-split data.
pub(super) fn line(name: &str, size: u64) -> String {
    format!(
        "{{\"type\":1,\"name\":\"{name}\",\"size\":{size},\"payload\":\"AAAAAAAAAAA=\",\"position\":0}}\n"
    )
}

fn segment(bytes: &[u8]) -> String {
    format!("{{\"type\":2,\"payload\":\"{}\",\"position\":0}}\n", STANDARD.encode(bytes))
}

/// Enough of a header: nobody reads it, only its bytes count.
fn header(name: &str, size: usize) -> Vec<u8> {
    let mut header = name.as_bytes().to_vec();
    header.resize(124, 0);
    header.extend(format!("{size:011o}\0").bytes());
    header.resize(257, 0);
    header.extend(b"ustar\x0000");
    header.resize(BLOCK, 0);
    header
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The config of an image with these layers.
pub(super) fn config(layers: &[&Sample]) -> String {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| layer.diff_id()).collect();
    json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}})
        .to_string()
}

fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Docker's data root.
pub(super) struct DockerStore {
    place: TempDir,
    names: Vec<(String, Digest)>,
}

impl DockerStore {
    pub(super) fn new() -> Self {
        let store = Self { place: tempfile::tempdir().unwrap(), names: Vec::new() };
        std::fs::create_dir_all(store.root().join("image/overlay2/imagedb/content/sha256")).unwrap();
        store
    }

    pub(super) fn root(&self) -> &Path {
        self.place.path()
    }

    pub(super) fn write(&self, path: &str, content: &[u8]) {
        write(&self.root().join(path), content);
    }

    /// Adds an image and returns its ID.
    pub(super) fn image(&mut self, layers: &[&Sample], names: &[&str]) -> Digest {
        let config = config(layers);
        let id = Digest::sha256(config.as_bytes());
        self.write(&format!("image/overlay2/imagedb/content/sha256/{}", id.hex()), config.as_bytes());
        let mut chain: Option<Digest> = None;
        for layer in layers {
            let diff_id = layer.diff_id();
            let chain_id = chain.map_or(diff_id, |c| Digest::sha256(format!("{c} {diff_id}").as_bytes()));
            let place = format!("image/overlay2/layerdb/sha256/{}", chain_id.hex());
            let cache_id = Digest::sha256(chain_id.to_string().as_bytes()).hex();
            self.write(&format!("{place}/diff"), diff_id.to_string().as_bytes());
            self.write(&format!("{place}/cache-id"), cache_id.as_bytes());
            self.write(&format!("{place}/tar-split.json.gz"), &gzip(layer.split.as_bytes()));
            layer.unpack(&self.root().join("overlay2").join(cache_id).join("diff"));
            chain = Some(chain_id);
        }
        names.iter().for_each(|name| self.name(name, id));
        id
    }

    /// Gives an image a name.
    pub(super) fn name(&mut self, name: &str, id: Digest) {
        self.names.push((name.to_owned(), id));
        let names: serde_json::Map<String, Value> =
            self.names.iter().map(|(name, id)| (name.clone(), json!(id))).collect();
        let list = json!({"Repositories": {"any": names}});
        self.write("image/overlay2/repositories.json", list.to_string().as_bytes());
    }
}

/// A graph root of podman.
pub(super) struct PodmanStore {
    place: TempDir,
    layers: Vec<Value>,
    images: Vec<Value>,
}

impl PodmanStore {
    pub(super) fn new() -> Self {
        let store = Self { place: tempfile::tempdir().unwrap(), layers: Vec::new(), images: Vec::new() };
        store.write("overlay-images/images.lock", b"");
        store.write("overlay-layers/layers.lock", b"");
        store
    }

    pub(super) fn root(&self) -> PathBuf {
        self.place.path().to_path_buf()
    }

    pub(super) fn write(&self, path: &str, content: &[u8]) {
        write(&self.root().join(path), content);
    }

    pub(super) fn layer(&mut self, id: &str, parent: Option<&str>, layer: &Sample) {
        self.layers.push(json!({"id": id, "parent": parent, "diff-digest": layer.diff_id()}));
        self.write("overlay-layers/layers.json", json!(self.layers).to_string().as_bytes());
        // An ID that leads out is listed and has no files.
        if !id.contains('/') {
            self.write(&format!("overlay-layers/{id}.tar-split.gz"), &gzip(layer.split.as_bytes()));
            layer.unpack(&self.root().join("overlay").join(id).join("diff"));
        }
    }

    /// Adds an image of these layers and returns its ID.
    pub(super) fn image(&mut self, layers: &[&Sample], top: Option<&str>, names: &[&str]) -> Digest {
        let config = config(layers);
        let config_of = Descriptor::of(media_type::OCI_CONFIG, config.as_bytes());
        let id = config_of.digest;
        let packed: Vec<Descriptor> = layers
            .iter()
            .map(|layer| Descriptor::of(media_type::OCI_LAYER_GZIP, &gzip(&layer.tar)))
            .collect();
        let manifest = json!({"schemaVersion": 2, "config": config_of, "layers": packed}).to_string();
        let folder = format!("overlay-images/{}", id.hex());
        self.write(&format!("{folder}/manifest"), manifest.as_bytes());
        let key = STANDARD.encode(id.to_string());
        self.write(&format!("{folder}/={key}"), config.as_bytes());
        self.images.push(json!({"id": id.hex(), "names": names, "layer": top}));
        self.write("overlay-images/images.json", json!(self.images).to_string().as_bytes());
        id
    }
}
