//! Hostile archives by the hundred, made by `barge_testkit::hostile`: each with its documented outcome, within 256 MiB and
//! a time limit, with nothing on the terminal that moves its cursor, and nothing changed in the store or beside it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use barge_testkit::hostile::{self, Hostile};
use common::limited::{barge, odd_text, snapshot};
use common::{Layout, Place, tar};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

/// What is wrong with the outcome; empty if nothing is.
fn judge(hostile: &Hostile, place: &Place) -> Vec<String> {
    let store = place.store();
    place.write("archive", &hostile.bytes);
    let path = place.path("archive");
    let path = path.to_str().unwrap();
    let before = snapshot(&store);
    let loaded = barge(&store, &["load", "-i", path]);
    let (code, stderr) = (loaded.status.code(), String::from_utf8_lossy(&loaded.stderr).into_owned());
    let text = format!("{}{stderr}", String::from_utf8_lossy(&loaded.stdout));
    // What was loaded may be long.
    let mut wrong: Vec<String> =
        odd_text(if code == Some(0) { &stderr } else { &text }).into_iter().collect();
    if code == Some(1) && snapshot(&store) != before {
        wrong.push("refused, and the store has changed".to_owned());
    }
    let verified = barge(&store, &["archive", "verify", "--format", "json", path]);
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap_or_default();
    let refusal = report["refusal"].as_str().unwrap_or("none");
    if hostile.refusals.is_empty() {
        if code != Some(0) {
            wrong.push(format!("harmless, and refused as {refusal}: {}", text.trim()));
        }
    } else if code != Some(1) || verified.status.code() != Some(1) {
        wrong.push(format!("exit codes {code:?} and {:?}: {}", verified.status.code(), text.trim()));
    } else {
        if !hostile.refusals.contains(&refusal) {
            wrong.push(format!("refused as {refusal}: {}", text.trim()));
        }
        // That a disk has no room for what is announced is known before anything else.
        let full = stderr.contains("no space left on device");
        let told = full || stderr.contains(", at byte ") || hostile.place.iter().any(|p| stderr.contains(p));
        if !hostile.place.is_empty() && !told {
            wrong.push(format!("does not say where ({:?}): {}", hostile.place, text.trim()));
        }
    }
    let listed = barge(&store, &["archive", "ls", path]);
    wrong.extend(odd_text(&String::from_utf8_lossy(&listed.stderr)));
    if String::from_utf8_lossy(&listed.stdout).chars().any(|c| c.is_control() && c != '\n') {
        wrong.push("control characters in a list".to_owned());
    }
    if !matches!(listed.status.code(), Some(0 | 1)) {
        wrong.push(format!("archive ls: {:?}", listed.status));
    }
    wrong
}

#[test]
fn each_has_its_outcome() {
    let all = hostile::all();
    let mut by_class: BTreeMap<u8, usize> = BTreeMap::new();
    for hostile in &all {
        *by_class.entry(hostile.class).or_default() += 1;
    }
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut place = Place::hello();
                while let Some(hostile) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for what in judge(hostile, &place) {
                        let failure = format!("class {}, {}: {what}", hostile.class, hostile.name);
                        failures.lock().unwrap().push(failure);
                    }
                    if place.files() != ["archive"] {
                        failures.lock().unwrap().push(format!("{}: left {:?}", hostile.name, place.files()));
                        place = Place::hello();
                    }
                    if hostile.refusals.is_empty() {
                        place = Place::hello();
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let refused = all.iter().filter(|h| !h.refusals.is_empty()).count();
    eprintln!(
        "{} archives, {refused} to be refused, by class {by_class:?}; {} failures",
        all.len(),
        failures.len()
    );
    assert!(all.len() > 500, "{} archives", all.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for written in ["/tmp/barge-was-here", "/barge-was-here"] {
        assert!(!Path::new(written).exists(), "{written} was written");
    }
}

/// The store that hostile archives are held against can be changed by an archive that is sound.
#[test]
fn a_sound_one_changes_it() {
    let place = Place::new();
    let before = place.snapshot();
    place.load(&Layout::hello());
    assert!(before != place.snapshot());
}

/// A gzip of a tar of many files that are alike.
fn compressed(files: usize, path: impl Fn(usize) -> String, content: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    for n in 0..files {
        let one = tar(&[(path(n), content(n))]);
        packer.write_all(&one[..one.len() - 1024]).unwrap();
    }
    packer.write_all(&[0; 1024]).unwrap();
    packer.finish().unwrap()
}

/// That it is refused for a limit, with 256 MiB and in time, and what is said.
#[track_caller]
fn beyond_a_limit(archive: &[u8]) -> String {
    let place = Place::hello();
    place.write("archive", archive);
    let path = place.path("archive");
    let before = snapshot(&place.store());
    let ran = barge(&place.store(), &["load", "-i", path.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(snapshot(&place.store()) == before);
    said
}

/// Images of 2014 whose layers tell megabytes of history each.
#[test]
fn history_without_end() {
    let id = |n: usize| format!("{n:064x}");
    let comment = "x".repeat(7 << 20);
    let json = |n: usize| {
        format!(
            r#"{{"id":"{}","parent":"{}","comment":"{comment}"}}"#,
            id(n),
            if n == 0 { String::new() } else { id(n - 1) }
        )
    };
    let archive = compressed(
        41,
        |n| match n {
            0 => "repositories".to_owned(),
            n if n % 2 == 1 => format!("{}/json", id(n / 2)),
            n => format!("{}/layer.tar", id(n / 2 - 1)),
        },
        |n| match n {
            0 => format!(r#"{{"a":{{"latest":"{}"}}}}"#, id(19)).into_bytes(),
            n if n % 2 == 1 => json(n / 2).into_bytes(),
            _ => vec![0; 1024],
        },
    );
    let said = beyond_a_limit(&archive);
    assert!(
        said.starts_with("the history up to ") && said.contains("takes more than 16777216 bytes"),
        "{said}"
    );
}

/// Gigabytes of what could be documents, none of which anybody refers to.
#[test]
fn documents_without_end() {
    let blanks = vec![b' '; 8 << 20];
    let archive = compressed(136, |n| format!("junk/{n}"), |_| blanks.clone());
    assert!(archive.len() < 16 << 20);
    let said = beyond_a_limit(&archive);
    assert!(said.starts_with("more than 1073741824 bytes of what may be documents"), "{said}");
}

/// Thousands of images of one config, in both lists.
#[test]
fn one_config_for_all() {
    let mut layout = Layout::default();
    let config = layout.put(
        "application/vnd.oci.image.config.v1+json",
        r#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}"#,
    );
    let mut items = Vec::new();
    for n in 0..1001 {
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[],"annotations":{{"n":"{n}"}}}}"#,
            config.json()
        );
        let manifest = layout.put("application/vnd.oci.image.manifest.v1+json", manifest);
        layout.name(&manifest, &format!("docker.io/library/a:{n}"));
        items.push(format!(
            r#"{{"Config":"blobs/{}","RepoTags":["a:{n}"],"Layers":[]}}"#,
            config.digest.replace(':', "/")
        ));
    }
    let mut files = layout.files();
    files.insert("manifest.json".to_owned(), format!("[{}]", items.join(",")).into_bytes());
    let said = beyond_a_limit(&tar(&files.into_iter().collect::<Vec<_>>()));
    assert!(said.starts_with("more than 1000 images have the config sha256:"), "{said}");
}
