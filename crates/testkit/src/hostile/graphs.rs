//! Class 18: graphs that are deep, wide or circular, and sizes beyond all numbers.

use barge_oci::media_type::OCI_MANIFEST;
use serde_json::{Value, json};

use super::form::Form;
use super::image::{DESCRIPTORS, Layout, Part, called, edited, named, spliced};
use super::old::{Old, id, old_edited};
use super::pack::zst;
use super::tar::tar;
use super::{Cases, LOADS, Refusals};

/// How deep indexes may be nested.
const MOST_DEEP: usize = 8;
const SUBJECT: &str = "io.containerd.manifest.subject";

pub(super) fn add(cases: &mut Cases) {
    deep(cases);
    wide(cases);
    circular(cases);
    sizes(cases);
    circular_parents(cases);
}

/// The hex of what a descriptor describes.
fn hex(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap().trim_start_matches("sha256:")
}

/// An index in an index in an index.
fn deep(cases: &mut Cases) {
    let limit: Refusals = &["LIMIT_EXCEEDED"];
    for depth in (1..=12).chain([100]) {
        let mut layout = Layout::one();
        let mut root = layout.manifest.clone();
        for _ in 0..depth {
            root = layout.index(&[root]);
        }
        let refusals = if depth > MOST_DEEP { limit } else { LOADS };
        let bytes = layout.tar(&[named(root.clone())]);
        cases.add(18, &format!("{depth}-indexes-deep"), bytes, refusals, &[hex(&root)]);
    }
    // Each leads to the next one in two ways.
    for depth in [MOST_DEEP, MOST_DEEP + 1] {
        let mut layout = Layout::one();
        let mut root = layout.manifest.clone();
        for _ in 0..depth {
            root = layout.index(&[root.clone(), root]);
        }
        let refusals = if depth > MOST_DEEP { limit } else { LOADS };
        let bytes = layout.tar(&[named(root.clone())]);
        cases.add(18, &format!("{depth}-indexes-deep-and-2-wide"), bytes, refusals, &[hex(&root)]);
    }
}

/// Indexes that list much.
fn wide(cases: &mut Cases) {
    const MUCH: usize = 20_000;
    let mut layout = Layout::one();
    let same = vec![layout.manifest.clone(); MUCH];
    let root = layout.index(&same);
    cases.add(18, "20000-times-one-manifest", zst(&layout.tar(&[named(root)])), LOADS, &[]);

    let absent = |n: usize, size: u64| {
        let digest = format!("sha256:{n:064x}");
        json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": size})
    };
    let mut layout = Layout::one();
    let mut entries: Vec<Value> = (0..MUCH).map(|n| absent(n, 1)).collect();
    entries.push(layout.manifest.clone());
    let root = layout.index(&entries);
    cases.add(18, "20000-absent-manifests", zst(&layout.tar(&[named(root)])), LOADS, &[]);

    let mut layout = Layout::one();
    let entries = [absent(1, u64::MAX), layout.manifest.clone(), absent(2, u64::MAX)];
    let root = layout.index(&entries);
    cases.add(18, "absent-manifests-of-2-to-64", layout.tar(&[named(root)]), LOADS, &[]);

    let mut layout = Layout::one();
    let root = layout.index(&(0..50).map(|n| absent(n, 1)).collect::<Vec<_>>());
    let bytes = layout.tar(&[named(root)]);
    cases.add(18, "only-absent-manifests", bytes, &["BLOB_MISSING"], &["sha256:0000"]);

    let mut layout = Layout::one();
    let root = layout.index(&[]);
    cases.add(18, "an-index-of-nothing", layout.tar(&[named(root)]), &["BLOB_MISSING", "NOT_AN_IMAGE"], &[]);

    // A thousand images that share everything.
    let layout = Layout::one();
    let roots: Vec<Value> = (0..1000)
        .map(|n| {
            let mut root = named(layout.manifest.clone());
            root["annotations"]["io.containerd.image.name"] = json!(format!("docker.io/library/good:{n}"));
            root
        })
        .collect();
    cases.add(18, "1000-names-of-one-manifest", zst(&layout.tar(&roots)), LOADS, &[]);
}

/// What refers to what refers to it: by annotation, as digests do not allow it.
fn circular(cases: &mut Cases) {
    let layout = Layout::one();
    let manifest = &layout.manifest;
    let referring = |entry: &Value, to: &Value| {
        let mut entry = entry.clone();
        entry["annotations"][SUBJECT] = to["digest"].clone();
        entry
    };
    let itself = referring(&named(manifest.clone()), manifest);
    cases.add(18, "subject-of-itself", layout.tar(&[itself]), LOADS, &[]);

    let members = Form::Modern.members();
    let index: Value = serde_json::from_slice(&members[Part::Index.at()].content).unwrap();
    let (amd, arm) = (&index["manifests"][0], &index["manifests"][1]);
    let each_other = edited(|part, value| {
        if part == Part::IndexJson {
            value["manifests"] = json!([referring(&named(amd.clone()), arm), referring(arm, amd)]);
        }
    });
    cases.add(18, "subjects-of-each-other", tar(&each_other), LOADS, &[]);
    let beside = edited(|part, value| {
        if part == Part::IndexJson {
            let root = value["manifests"][0].clone();
            value["manifests"] = json!([root, referring(amd, arm), referring(arm, amd)]);
        }
    });
    cases.add(18, "subjects-of-each-other-beside-the-root", tar(&beside), LOADS, &[]);
    // A line of a thousand, each of which refers to the one before.
    let mut layout = Layout::one();
    let mut roots = vec![named(layout.manifest.clone())];
    for n in 0..1000 {
        let text = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": layout.manifest,
            "layers": [],
            "annotations": {"n": n.to_string()},
        });
        let next = layout.put(OCI_MANIFEST, text.to_string().as_bytes());
        roots.push(referring(&next, &roots[n]));
    }
    cases.add(18, "1000-subjects-in-a-line", zst(&layout.tar(&roots)), LOADS, &[]);
}

/// Sizes that are no numbers of 64 bits, or no sizes.
fn sizes(cases: &mut Cases) {
    let mismatch: Refusals = &["SIZE_MISMATCH"];
    let invalid: Refusals = &["JSON_INVALID"];
    let sizes = [
        ("2-to-64-less-1", "18446744073709551615", mismatch),
        ("2-to-63", "9223372036854775808", mismatch),
        ("2-to-64", "18446744073709551616", invalid),
        ("1e30", "1e30", invalid),
        ("1e999", "1e999", invalid),
        ("negative", "-1", invalid),
        ("minus-zero", "-0", invalid),
        ("fraction", "1.5", invalid),
        ("octal", "0777", invalid),
        ("hex", "0xff", invalid),
        ("text", r#""1""#, invalid),
        ("null", "null", invalid),
    ];
    for (place, (label, part, pointer, target)) in DESCRIPTORS.into_iter().enumerate() {
        for (way, (how, size, refusals)) in sizes.into_iter().enumerate() {
            if !cases.takes(way, place, 3) {
                continue;
            }
            let members = spliced(part, pointer, "size", size);
            let place = [called(&members[part.at()]), called(&members[target.at()])];
            cases.add(18, &format!("{label}-size-{how}"), tar(&members), refusals, &place);
        }
    }
}

/// Old layers that are their own ancestors.
fn circular_parents(cases: &mut Cases) {
    let top = id("top");
    for (how, document) in [("itself", Old::TopJson), ("each-other", Old::BaseJson)] {
        let members = old_edited(Form::Legacy, |this, value| {
            if this == document {
                value["parent"] = json!(top);
            }
        });
        cases.add(18, &format!("legacy-parent-{how}"), tar(&members), &["LIMIT_EXCEEDED"], &[&top]);
    }
}
