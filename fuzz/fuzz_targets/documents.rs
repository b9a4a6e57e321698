//! Manifests, indexes and configs: no document is two kinds at once.
#![no_main]

use barge_oci::{Config, Document, Index, Manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let manifest = Document::<Manifest>::manifest(bytes.to_vec());
    let index = Document::<Index>::index(bytes.to_vec());
    drop(Document::<Config>::config(bytes.to_vec()));
    assert!(manifest.is_err() || index.is_err(), "a manifest and an index");
    if let Ok(manifest) = manifest {
        assert_eq!(manifest.bytes(), bytes);
        drop(barge_oci::to_go_json(manifest.parsed()));
    }
});
