//! Docker's overlay2 store: the input is what it says of a layer, its tar-split data first, then its cache ID and the list of
//! names, with zero bytes between them. Whatever they say, nothing outside of the store is read, and a layer is as long as was
//! told.
#![no_main]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::LazyLock;

use barge_core::content::{Documents, Provider};
use barge_oci::{Digest, Document};
use barge_sources::unpacked::Unpacked;
use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// What must never come out of a layer.
const OUTSIDE: &[u8] = b"what is outside";
const CACHE: &str = "0123456789abcdef";

struct Store {
    folder: TempDir,
    /// The folder of the one layer's data.
    layer: std::path::PathBuf,
    id: String,
}

static STORE: LazyLock<Store> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("docker");
    let diff_id = Digest::sha256(b"layer");
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let id = Digest::sha256(config.as_bytes()).hex();
    let (images, layers) =
        (root.join("image/overlay2/imagedb/content/sha256"), root.join("image/overlay2/layerdb/sha256"));
    fs::create_dir_all(&images).unwrap();
    fs::write(images.join(&id), config).unwrap();
    let layer = layers.join(diff_id.hex());
    fs::create_dir_all(&layer).unwrap();
    fs::write(layer.join("diff"), diff_id.to_string()).unwrap();
    let files = root.join("overlay2").join(CACHE).join("diff");
    fs::create_dir_all(files.join("folder")).unwrap();
    fs::write(files.join("file"), "file").unwrap();
    fs::write(files.join("folder/other"), "other one").unwrap();
    fs::write(folder.path().join("outside"), OUTSIDE).unwrap();
    for link in ["link", "folder/link"] {
        std::os::unix::fs::symlink(folder.path().join("outside"), files.join(link)).unwrap();
    }
    std::os::unix::fs::symlink("../..", files.join("up")).unwrap();
    Store { folder, layer, id }
});

fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
}

fuzz_target!(|input: &[u8]| {
    let store = &*STORE;
    let mut parts = input.splitn(3, |byte| *byte == 0);
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    packed.write_all(parts.next().unwrap_or_default()).unwrap();
    write(&store.layer.join("tar-split.json.gz"), &packed.finish().unwrap());
    write(
        &store.layer.join("cache-id"),
        parts.next().filter(|id| !id.is_empty()).unwrap_or(CACHE.as_bytes()),
    );
    let root = store.folder.path().join("docker");
    write(&root.join("image/overlay2/repositories.json"), parts.next().unwrap_or(br#"{"Repositories":{}}"#));
    let Ok(unpacked) = Unpacked::docker(&root) else { return };
    let Ok(images) = unpacked.select(&[store.id.clone()]) else { return };
    for image in images {
        let manifest = unpacked.document(&image.target).unwrap().unwrap();
        for layer in Document::manifest(manifest).unwrap().into_parsed().layers {
            let Ok(blob) = unpacked.open(&layer) else { continue };
            let mut bytes = Vec::new();
            // More than that is no matter of what is read, but of how long it takes.
            if blob.take(1 << 20).read_to_end(&mut bytes).is_ok() {
                assert_eq!(bytes.len() as u64, layer.size.min(1 << 20), "another length than was told");
            }
            assert!(
                !bytes.windows(OUTSIDE.len()).any(|window| window == OUTSIDE),
                "something outside was read"
            );
        }
    }
});
