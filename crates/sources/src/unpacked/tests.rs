//! Whole stores, as small as they come: what is found in them and what is read.

use std::io::Read;

use barge_core::content::{Documents, Image, Provider};
use barge_core::error::{ErrorKind, Refusal, Result};
use barge_oci::{Descriptor, Digest, Document, Reference, media_type};

use super::Unpacked;
use super::images::{Listed, VIA_API};
use super::sample::{DockerStore, PodmanStore, Sample, config};

fn select(store: &Unpacked, argument: &str) -> Result<Vec<Image>> {
    store.select(&[argument.to_owned()])
}

fn read(store: &Unpacked, descriptor: &Descriptor) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.open(descriptor).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!((Digest::sha256(&bytes), bytes.len() as u64), (descriptor.digest, descriptor.size));
    bytes
}

/// Reads the whole image, everything verified, and returns its layers.
fn whole(store: &Unpacked, target: &Descriptor) -> Vec<Vec<u8>> {
    let manifest = Document::manifest(store.document(target).unwrap().unwrap()).unwrap();
    assert_eq!(read(store, target), manifest.bytes());
    let config = &manifest.parsed().config;
    assert_eq!(store.document(config).unwrap().unwrap(), read(store, config));
    assert!(manifest.parsed().is_image());
    assert!(manifest.parsed().blobs().all(|blob| store.has(blob).unwrap()));
    manifest.parsed().layers.iter().map(|layer| read(store, layer)).collect()
}

fn samples() -> (Sample, Sample) {
    (Sample::new(&[("etc/one", b"1"), ("etc/two", b"22")]), Sample::new(&[("usr/three", &[3; 5000])]))
}

#[test]
fn it_may_be_shared_by_threads() {
    fn is_sync<T: Sync + Send>() {}
    is_sync::<Unpacked>();
}

#[test]
fn docker_images_have_the_manifest_of_docker_save() {
    let (one, two) = samples();
    let mut store = DockerStore::new();
    store.image(&[&one, &two], &["busybox:1"]);
    let unpacked = Unpacked::docker(store.root()).unwrap();
    let images = select(&unpacked, "busybox:1").unwrap();
    assert_eq!(whole(&unpacked, &images[0].target), [one.tar.clone(), two.tar.clone()]);
    let config = config(&[&one, &two]);
    let expected = format!(
        concat!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"#,
            r#""mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":["#,
            r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}},"#,
            r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}]}}"#,
        ),
        Digest::sha256(config.as_bytes()),
        config.len(),
        one.diff_id(),
        one.tar.len(),
        two.diff_id(),
        two.tar.len(),
    );
    assert_eq!(String::from_utf8(read(&unpacked, &images[0].target)).unwrap(), expected);
}

#[test]
fn podman_images_are_whole() {
    let (one, two) = samples();
    let mut store = PodmanStore::new();
    store.layer("aa", None, &one);
    store.layer("bb", Some("aa"), &two);
    let id = store.image(&[&one, &two], Some("bb"), &["localhost/app:latest"]);
    let unpacked = Unpacked::podman(&[store.root()]).unwrap();
    for argument in ["localhost/app".to_owned(), id.hex(), id.short()] {
        let images = select(&unpacked, &argument).unwrap();
        assert_eq!(whole(&unpacked, &images[0].target), [one.tar.clone(), two.tar.clone()], "{argument}");
    }
}

#[test]
fn what_arguments_mean() {
    let (one, two) = samples();
    let pulled = format!("busybox@{}", Digest::sha256(b"in a registry"));
    let mut store = DockerStore::new();
    let named = store.image(&[&one], &["busybox:1", "busybox:2", &pulled]);
    let nameless = store.image(&[&two], &[]);
    let unpacked = Unpacked::docker(store.root()).unwrap();
    let listed: Vec<String> = unpacked.listed().iter().map(Listed::shown).collect();
    assert_eq!(listed, [pulled.clone(), "busybox:1".into(), "busybox:2".into(), nameless.short()]);
    let names = |argument: &str| -> Vec<String> {
        let images = select(&unpacked, argument).unwrap();
        images.iter().map(|i| i.name.as_ref().map_or_else(|| "-".to_owned(), Reference::familiar)).collect()
    };
    assert_eq!(names("busybox"), ["busybox:1", "busybox:2"]);
    assert_eq!(names("busybox:2"), ["busybox:2"]);
    for argument in [&pulled, &named.to_string(), &named.hex(), &named.short(), &nameless.short()] {
        assert_eq!(names(argument), ["-"], "{argument}");
    }
    let target = |argument: &str| select(&unpacked, argument).unwrap().remove(0).target;
    assert_eq!(target(&pulled), target("busybox:1"));
    assert_eq!(target(&named.short()), target("busybox:2"));
    assert_eq!(select(&unpacked, "gone").unwrap_err().to_string(), "No such image: gone:latest");
    let twice = unpacked.select(&["busybox:1".to_owned(), "busybox".to_owned()]).unwrap();
    assert_eq!(twice.len(), 2);
}

#[test]
fn nothing_is_read_before_it_is_asked_for() {
    let (one, _) = samples();
    let mut store = DockerStore::new();
    let id = store.image(&[&one], &["a"]);
    let unpacked = Unpacked::docker(store.root()).unwrap();
    let config = config(&[&one]);
    let descriptor = Descriptor::of(media_type::OCI_CONFIG, config.as_bytes());
    assert_eq!(descriptor.digest, id);
    assert!(!unpacked.has(&descriptor).unwrap());
    assert_eq!(unpacked.open(&descriptor).unwrap_err().kind(), ErrorKind::NotFound);
    select(&unpacked, "a").unwrap();
    assert!(unpacked.has(&descriptor).unwrap());
    let other_size = Descriptor { size: 1, ..descriptor };
    assert!(!unpacked.has(&other_size).unwrap());
}

#[test]
fn a_broken_image_is_no_obstacle() {
    let (one, two) = samples();
    let mut store = DockerStore::new();
    store.image(&[&one], &["whole"]);
    let broken = store.image(&[&two], &["damaged"]);
    store.name("dangling", Digest::sha256(b"nothing"));
    let layer = format!("image/overlay2/layerdb/sha256/{}", two.diff_id().hex());
    store.write(&format!("{layer}/cache-id"), b"../../etc");
    let unpacked = Unpacked::docker(store.root()).unwrap();
    let image = select(&unpacked, "whole").unwrap().remove(0);
    assert_eq!(whole(&unpacked, &image.target), std::slice::from_ref(&one.tar));
    assert!(select(&unpacked, "dangling").is_err());
    let error = select(&unpacked, &broken.short()).unwrap_err();
    assert_eq!(error.to_string(), "image damaged:latest: `../../etc` is no ID of a layer");
    assert_eq!(error.advice(), Some(VIA_API));
}

#[test]
fn a_config_that_is_not_its_id() {
    let (one, two) = samples();
    let mut store = DockerStore::new();
    let id = store.image(&[&one], &["a"]);
    store.write(&format!("image/overlay2/imagedb/content/sha256/{}", id.hex()), config(&[&two]).as_bytes());
    let unpacked = Unpacked::docker(store.root()).unwrap();
    assert_eq!(select(&unpacked, "a").unwrap_err().kind(), ErrorKind::Mismatch);
}

#[test]
fn a_layer_that_was_tampered_with_has_another_digest() {
    let (one, _) = samples();
    let mut store = DockerStore::new();
    store.image(&[&one], &["a"]);
    let cache_id = Digest::sha256(one.diff_id().to_string().as_bytes()).hex();
    let unpacked = Unpacked::docker(store.root()).unwrap();
    let target = select(&unpacked, "a").unwrap().remove(0).target;
    let manifest = Document::manifest(read(&unpacked, &target)).unwrap().into_parsed();
    let content = || {
        let mut bytes = Vec::new();
        let read = unpacked.open(&manifest.layers[0]).unwrap().read_to_end(&mut bytes);
        read.map(|_| Digest::sha256(&bytes)).map_err(|e| e.to_string())
    };
    assert_eq!(content().unwrap(), one.diff_id());
    store.write(&format!("overlay2/{cache_id}/diff/etc/one"), b"2");
    assert_ne!(content().unwrap(), one.diff_id());
    store.write(&format!("overlay2/{cache_id}/diff/etc/one"), b"longer");
    let text = content().unwrap_err();
    assert!(text.contains(&one.diff_id().to_string()) && text.contains("etc/one"), "{text}");
}

#[test]
fn a_manifest_list_of_podman_is_no_image() {
    let mut store = PodmanStore::new();
    let id = store.image(&[], None, &["localhost/list"]);
    let list = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media_type::OCI_INDEX);
    store.write(&format!("overlay-images/{}/manifest", id.hex()), list.as_bytes());
    let unpacked = Unpacked::podman(&[store.root()]).unwrap();
    let error = select(&unpacked, "localhost/list").unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::NotAnImage));
}
