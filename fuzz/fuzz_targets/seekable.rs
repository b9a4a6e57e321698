//! zstd archives with a table of their frames: whoever believes the table reads what is read without it, or an error.
//!
//! The input chooses what the table says of an archive that is cut into frames; see `lie`.
#![no_main]

use std::io::Write;
use std::sync::LazyLock;

use barge_core::archive::{Archive, Packing, Pass, WriteOptions};
use barge_core::ops::{LoadOptions, SaveOptions, Source, plan_save, stage};
use barge_core::progress::Silent;
use barge_core::store::Store;
use barge_oci::Descriptor;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// An archive with a few dozen frames, large enough to be read by its table.
static SAMPLE: LazyLock<Vec<u8>> = LazyLock::new(sample);

fn sample() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |media_type: &str, content: &[u8]| {
        let descriptor = Descriptor::of(media_type, content);
        std::fs::write(blobs.join(descriptor.digest.hex()), content).unwrap();
        descriptor
    };
    // What begins like bzip2 is stored in frames of its own, and is no layer that anybody decompresses.
    let noise =
        |n: u32| (0..100_000_u32).flat_map(move |i| (i * 7 + n).wrapping_mul(2_654_435_761).to_le_bytes());
    let contents = (0..12).map(|n| b"BZh9".iter().copied().chain(noise(n)).collect::<Vec<u8>>());
    let layers: Vec<Descriptor> =
        contents.map(|c| put("application/vnd.oci.image.layer.v1.tar", &c)).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {
        "type": "layers", "diff_ids": layers.iter().map(|l| l.digest).collect::<Vec<_>>()}});
    let config = put("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers});
    let manifest = put(kind, manifest.to_string().as_bytes());
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
    std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    stage(&store, Source::Path(&layout), &LoadOptions::default(), &Silent).unwrap().commit("").unwrap();
    let image = [manifest.digest.to_string()];
    let (plan, _lease) = plan_save(&store, &image, &SaveOptions::default()).unwrap();
    let options = WriteOptions { packing: Packing::zstd(Some(1)), ..WriteOptions::default() };
    let mut out = Vec::new();
    plan.write(&store, &mut out, &options, &Silent).unwrap();
    out
}

/// Changes a number of the table for every three bytes of the input: which, and by how much.
fn lie(input: &[u8]) -> Vec<u8> {
    let mut out = SAMPLE.clone();
    let number = |at: usize, out: &[u8]| u32::from_le_bytes(out[at..at + 4].try_into().unwrap());
    let count = number(out.len() - 9, &out) as usize;
    let table = out.len() - 9 - 8 * count;
    for change in input.chunks_exact(3) {
        let at = table + 4 * (usize::from(change[0]) % (2 * count));
        let by = i16::from_le_bytes([change[1], change[2]]);
        let value = number(at, &out).wrapping_add_signed(i32::from(by));
        out[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    out
}

fuzz_target!(|input: &[u8]| {
    let bytes = lie(input);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let expected = Archive::stream(bytes.as_slice(), Pass::Verify, &Silent).unwrap();
    if let Ok(archive) = Archive::open(file.path(), Pass::Verify, &Silent) {
        let images = |a: &Archive| a.images.iter().map(|i| i.target.digest).collect::<Vec<_>>();
        assert_eq!(images(&archive), images(&expected));
    }
    drop(Archive::open(file.path(), Pass::List, &Silent));
});
