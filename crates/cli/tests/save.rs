//! `barge save`: the archive that comes of it. What is said is in `save/said.rs`, which images are taken under which
//! names in `save/tags.rs`, which platforms of them in `save/platforms.rs`, and images that are more than layers and
//! a config in `save/kinds.rs`. Where the archive goes is in `save/output.rs`, what happens when something gets in
//! the way in `save/interrupted.rs`, and `save/random.rs` tries what nobody thought of.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "save/aligned.rs"]
mod aligned;
mod common;
#[path = "save/compressed.rs"]
mod compressed;
#[path = "save/interrupted.rs"]
mod interrupted;
#[path = "save/kinds.rs"]
mod kinds;
#[path = "save/output.rs"]
mod output;
#[path = "save/plan.rs"]
mod plan;
#[path = "save/platforms.rs"]
mod platforms;
#[path = "save/random.rs"]
mod random;
#[path = "save/said.rs"]
mod said;
#[path = "save/tags.rs"]
mod tags;
#[path = "save/verified.rs"]
mod verified;

use std::collections::BTreeMap;

use common::{Layout, Maker, Place, entries};
use serde_json::Value;

/// The documents at the top of an archive, by name.
fn document(archive: &[u8], name: &str) -> Value {
    let files: BTreeMap<_, _> = entries(archive).into_iter().collect();
    serde_json::from_slice(&files[name]).unwrap()
}

/// Every tag in manifest.json, an entry after the other; a nameless one is `null`.
fn repo_tags(archive: &[u8]) -> Vec<String> {
    let items = document(archive, "manifest.json");
    items.as_array().unwrap().iter().map(|item| item["RepoTags"].to_string()).collect()
}

/// The digests that index.json lists.
fn roots(archive: &[u8]) -> Vec<String> {
    let index = document(archive, "index.json");
    let manifests = index["manifests"].as_array().unwrap();
    manifests.iter().map(|m| m["digest"].as_str().unwrap().to_owned()).collect()
}

/// The names that index.json gives, `-` where it gives none.
fn names(archive: &[u8]) -> Vec<String> {
    let index = document(archive, "index.json");
    let name = |m: &Value| m["annotations"]["io.containerd.image.name"].as_str().unwrap_or("-").to_owned();
    index["manifests"].as_array().unwrap().iter().map(name).collect()
}

/// What `archive verify` says the archive lists and does not hold.
fn absent(place: &Place, file: &str) -> Value {
    let report: Value =
        serde_json::from_str(&place.ok(&format!("archive verify --format json {file}"))).unwrap();
    assert_eq!(report["ok"], true);
    report["images"][0]["absent"].clone()
}

/// Three tags of one repository and one of another, each an image of its own.
fn shelf() -> Place {
    let mut layout = Layout::default();
    for name in ["shelf:1", "shelf:2", "shelf:3", "other:1"] {
        let image = layout.image(&Maker::new("linux/amd64").layer("base").layer(name));
        layout.name(&image, &format!("docker.io/library/{name}"));
    }
    Place::with(&layout)
}

#[test]
fn the_archive_is_dockers() {
    let place = Place::hello();
    let archive = place.saved("hello-barge");
    let names: Vec<String> = entries(&archive).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..2], ["blobs/", "blobs/sha256/"]);
    assert_eq!(names[names.len() - 3..], ["index.json", "manifest.json", "oci-layout"]);
    assert!(names.is_sorted());
    let index = String::from_utf8(entries(&archive)[names.len() - 3].1.clone()).unwrap();
    let expected = [
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#,
        r#"{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:2a4baa9d3ab90749"#,
        r#"8355d1c6664aa71f10cd912a5d4c9219d965fc8c3a641526","size":1531,"annotations":{"#,
        r#""io.containerd.image.name":"docker.io/library/hello-barge:latest","#,
        r#""org.opencontainers.image.ref.name":"latest"}}]}"#,
    ];
    assert_eq!(index, expected.concat());
    assert_eq!(repo_tags(&archive), [r#"["hello-barge:latest"]"#]);
}

#[test]
fn the_same_bytes_twice() {
    let place = shelf();
    let archive = place.saved("shelf other:1");
    assert!(archive == place.saved("shelf other:1"));
    place.ok("save -o a.tar shelf other:1");
    assert!(archive == place.read("a.tar"));
    // Nothing of the store's past shows: the same images from another store are the same archive.
    assert!(archive == shelf().saved("shelf other:1"));
}

#[test]
fn saved_loaded_and_saved_again() {
    let there = shelf();
    there.load(&Layout::hello());
    there.ok("tag shelf:1 example.org:5000/a/b:c");
    for images in ["hello-barge", "shelf other:1 hello-barge", "example.org:5000/a/b:c", "shelf:3 shelf:1"] {
        let archive = there.saved(images);
        let here = Place::new();
        here.write("a.tar", &archive);
        here.ok("load -q -i a.tar");
        assert!(archive == here.saved(images), "{images}");
    }
}

#[test]
fn shared_blobs_are_saved_once() {
    let place = shelf();
    let archive = place.saved("shelf:1 shelf:2");
    let mut names: Vec<String> = entries(&archive).into_iter().map(|(name, _)| name).collect();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    // Two folders, three documents; two manifests, two configs, three layers.
    assert_eq!(all, 12);
}

/// The sample image without one of its platforms.
fn sparse() -> Place {
    let mut layout = Layout::hello();
    for digest in layout.platform("linux/s390x") {
        layout.remove(&digest);
    }
    Place::with(&layout)
}
