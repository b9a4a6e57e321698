//! What every [`Provider`] promises, asked of each.

use std::io::Read;

use crate::common::Memory;
use barge_core::content::{Documents, Provider};
use barge_core::error::ErrorKind;
use barge_core::ops::{LoadOptions, Source, stage};
use barge_core::progress::Silent;
use barge_core::store::Store;
use barge_oci::{Descriptor, Digest, Platform};

/// Checks a provider that has `document` (a small one) and does not have `absent`.
fn conforms(provider: &impl Provider, document: &Descriptor, content: &[u8], absent: &Descriptor) {
    assert!(provider.has(document).unwrap());
    assert_eq!(provider.document(document).unwrap().as_deref(), Some(content));
    for _ in 0..2 {
        let mut read = Vec::new();
        provider.open(document).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, content, "a blob opens any number of times");
    }
    assert!(!provider.has(absent).unwrap());
    assert_eq!(provider.document(absent).unwrap(), None);
    assert_eq!(provider.open(absent).unwrap_err().kind(), ErrorKind::NotFound);
}

fn absent() -> Descriptor {
    Descriptor::new("x", Digest::sha256(b"absent"), 6)
}

#[test]
fn memory() {
    let mut memory = Memory::default();
    let manifest = memory.image(&[b"layer".to_vec()], &Platform::new("linux", "amd64", ""));
    let content = memory.document(&manifest).unwrap().unwrap();
    conforms(&memory, &manifest, &content, &absent());
}

#[test]
fn store() {
    let place = tempfile::tempdir().unwrap();
    let (layout, store) = (place.path().join("layout"), place.path().join("store"));
    barge_testkit::sample::write(&layout).unwrap();
    let store = Store::open(&store).unwrap();
    stage(&store, Source::Path(&layout), &LoadOptions::default(), &Silent).unwrap().commit().unwrap();
    let images = store.names().unwrap();
    let target = &images.first().unwrap().target;
    let content = std::fs::read(layout.join(target.digest.blob_path())).unwrap();
    conforms(&store, target, &content, &absent());
    // A descriptor with another size means other content.
    let wrong = Descriptor { size: target.size + 1, ..target.clone() };
    assert!(!store.has(&wrong).unwrap());
}
