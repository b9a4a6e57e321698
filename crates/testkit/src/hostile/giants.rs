//! Class 5: documents that are huge, deep or broken, and too many members.

use serde_json::Value;

use super::form::Form;
use super::image::{Part, TAG, called, edited, rewritten};
use super::old::{CONFIG, Old, id, old_edited, old_json, old_layer, old_rewritten};
use super::pack::{zst, zst_of};
use super::tar::{Member, pax, tar};
use super::{Cases, LOADS, Refusals};

const LIMIT: Refusals = &["LIMIT_EXCEEDED"];
const INVALID: Refusals = &["JSON_INVALID"];
/// How large the documents at the top, manifests and configs may be.
const MOST_ROOT: usize = 20 << 20;
const MOST_DOCUMENT: usize = 4 << 20;
const MOST_CONFIG: usize = 8 << 20;
/// The documents that make up the image of today.
const DOCUMENTS: [Part; 8] = [
    Part::IndexJson,
    Part::Index,
    Part::ManifestAmd,
    Part::ManifestArm,
    Part::ConfigAmd,
    Part::ConfigArm,
    Part::ManifestJson,
    Part::OciLayout,
];

pub(super) fn add(cases: &mut Cases) {
    large(cases);
    large_of_old(cases);
    broken(cases);
    broken_of_old(cases);
    twice(cases);
    deep(cases);
    long_lists(cases);
    many_members(cases);
}

/// A document and as many blanks as make it this large.
fn filled(bytes: &[u8], size: usize) -> Vec<u8> {
    [bytes, &vec![b' '; size - bytes.len()]].concat()
}

fn large(cases: &mut Cases) {
    let sizes = [
        (Part::IndexJson, MOST_ROOT, LOADS),
        (Part::IndexJson, MOST_ROOT + 1, LIMIT),
        (Part::ManifestJson, MOST_ROOT, LOADS),
        (Part::ManifestJson, MOST_ROOT + 1, LIMIT),
        (Part::OciLayout, MOST_ROOT + 1, LIMIT),
        (Part::Repositories, MOST_ROOT + 1, LIMIT),
        (Part::Index, MOST_DOCUMENT, LOADS),
        (Part::Index, MOST_DOCUMENT + 1, LIMIT),
        (Part::Index, MOST_CONFIG + 1, LIMIT),
        (Part::ManifestAmd, MOST_DOCUMENT, LOADS),
        (Part::ManifestAmd, MOST_DOCUMENT + 1, LIMIT),
        (Part::ManifestArm, MOST_CONFIG + 1, LIMIT),
        (Part::ConfigAmd, MOST_CONFIG, LOADS),
        (Part::ConfigAmd, MOST_CONFIG + 1, LIMIT),
        (Part::ConfigArm, MOST_CONFIG + 1, LIMIT),
        (Part::ConfigArm, MOST_ROOT + 1, LIMIT),
    ];
    for (part, size, refusals) in sizes {
        let members = rewritten(|this, bytes| if this == part { filled(&bytes, size) } else { bytes });
        let word = called(&members[part.at()]);
        let name = format!("{}-of-{size}-bytes", part.label());
        cases.add(5, &name, zst(&tar(&members)), refusals, &[word]);
    }
}

fn large_of_old(cases: &mut Cases) {
    let sizes = [
        (Form::Classic, Old::Config, MOST_CONFIG, LOADS),
        (Form::Classic, Old::Config, MOST_CONFIG + 1, LIMIT),
        (Form::Classic, Old::Config, MOST_ROOT + 1, LIMIT),
        (Form::Classic, Old::ManifestJson, MOST_ROOT + 1, LIMIT),
        (Form::Legacy, Old::Repositories, MOST_ROOT + 1, LIMIT),
        (Form::Legacy, Old::TopJson, MOST_CONFIG + 1, LIMIT),
        (Form::Legacy, Old::BaseJson, MOST_CONFIG + 1, LIMIT),
    ];
    for (form, document, size, refusals) in sizes {
        let members =
            old_rewritten(form, |this, bytes| if this == document { filled(&bytes, size) } else { bytes });
        let (name, word) = match document {
            Old::BaseJson => ("base-json", id("base")),
            Old::TopJson => ("top-json", id("top")),
            Old::Config => ("config", called(&members[CONFIG]).to_owned()),
            Old::ManifestJson => ("manifest.json", "manifest.json".to_owned()),
            Old::Repositories => ("repositories", "repositories".to_owned()),
        };
        let name = format!("{}-{name}-of-{size}-bytes", form.label());
        cases.add(5, &name, zst(&tar(&members)), refusals, &[&word]);
    }
}

/// A way in which a document can be none.
type Break = (&'static str, fn(&[u8]) -> Vec<u8>);

const BREAKS: [Break; 14] = [
    ("empty", |_| Vec::new()),
    ("null", |_| b"null".to_vec()),
    ("list", |_| b"[]".to_vec()),
    ("object", |_| b"{}".to_vec()),
    ("text", |_| b"\"text\"".to_vec()),
    ("number", |_| b"2".to_vec()),
    ("half", |bytes| bytes[..bytes.len() / 2].to_vec()),
    ("one-less", |bytes| bytes[..bytes.len() - 1].to_vec()),
    ("byte-order-mark", |bytes| [&b"\xef\xbb\xbf"[..], bytes].concat()),
    ("utf-16", |bytes| bytes.iter().flat_map(|byte| [*byte, 0]).collect()),
    ("two", |bytes| [bytes, bytes].concat()),
    ("comment", |bytes| [&b"/**/"[..], bytes].concat()),
    ("program", |_| b"\x7fELF\x02\x01\x01".to_vec()),
    ("brackets", |_| [vec![b'['; 1000], vec![b']'; 1000]].concat()),
];

fn broken(cases: &mut Cases) {
    for (place, part) in DOCUMENTS.into_iter().enumerate() {
        for (way, (how, spoil)) in BREAKS.into_iter().enumerate() {
            if !cases.takes(way, place, 4) {
                continue;
            }
            let refusals: Refusals = match (part, how) {
                // A config says what it likes, but then it has no layers.
                (Part::ConfigAmd | Part::ConfigArm, "list" | "object") => {
                    &["JSON_INVALID", "LAYER_COUNT_MISMATCH"]
                }
                // index.json is there.
                (Part::ManifestJson, "list") => LOADS,
                _ => INVALID,
            };
            let members = rewritten(|this, bytes| if this == part { spoil(&bytes) } else { bytes });
            let word = |part: Part| called(&members[part.at()]);
            let place = [word(part), word(Part::ManifestAmd), word(Part::ManifestArm)];
            cases.add(5, &format!("{}-{how}", part.label()), tar(&members), refusals, &place);
        }
    }
}

fn broken_of_old(cases: &mut Cases) {
    let documents = [
        (Form::Classic, Old::Config, "config"),
        (Form::Classic, Old::ManifestJson, "manifest.json"),
        (Form::Legacy, Old::Repositories, "repositories"),
        (Form::Legacy, Old::TopJson, "top-json"),
        (Form::Legacy, Old::BaseJson, "base-json"),
    ];
    for (place, (form, document, label)) in documents.into_iter().enumerate() {
        for (way, (how, spoil)) in BREAKS.into_iter().enumerate() {
            if !cases.takes(way, place, 5) {
                continue;
            }
            let refusals: Refusals = match (document, how) {
                (Old::Config, "list" | "object") => &["JSON_INVALID", "LAYER_COUNT_MISMATCH"],
                (Old::ManifestJson, "list") | (Old::Repositories, "object") => &["NOT_AN_IMAGE"],
                // Nothing of it has to be said.
                (Old::TopJson | Old::BaseJson, "object") => LOADS,
                _ => INVALID,
            };
            let members =
                old_rewritten(form, |this, bytes| if this == document { spoil(&bytes) } else { bytes });
            let config = called(&members[CONFIG]).trim_end_matches(".json");
            let words = [config, "manifest.json", "repositories", "/json"];
            // What is JSON and empty is refused for what it lacks.
            let place: &[&str] = if matches!(how, "list" | "object") { &[] } else { &words };
            cases.add(5, &format!("{}-{label}-{how}", form.label()), tar(&members), refusals, place);
        }
    }
}

/// Keys that a document has twice.
fn twice(cases: &mut Cases) {
    let zeros = "0".repeat(64);
    let digest = format!(r#""digest":"sha256:{zeros}","digest":"#);
    let keys = [
        (Part::IndexJson, "schema-version", "{", r#"{"schemaVersion":2,"#),
        (Part::Index, "schema-version", "{", r#"{"schemaVersion":2,"#),
        (Part::ManifestAmd, "schema-version", "{", r#"{"schemaVersion":2,"#),
        (Part::ManifestArm, "layers", "{", r#"{"layers":[],"#),
        (Part::IndexJson, "manifests", "{", r#"{"manifests":[],"#),
        (Part::Index, "manifests", "{", r#"{"manifests":[],"#),
        (Part::ManifestArm, "config", "{", r#"{"config":null,"#),
        (Part::IndexJson, "media-type", "{", r#"{"mediaType":null,"#),
        (Part::IndexJson, "digest", r#""digest":"#, digest.as_str()),
        (Part::Index, "digest", r#""digest":"#, digest.as_str()),
        (Part::ManifestAmd, "digest", r#""digest":"#, digest.as_str()),
        (Part::Index, "size", r#""size":"#, r#""size":1,"size":"#),
        (Part::Index, "os", r#""os":"#, r#""os":"windows","os":"#),
        (Part::ConfigAmd, "os", r#""os":"#, r#""os":"windows","os":"#),
        (Part::ConfigAmd, "rootfs", "{", r#"{"rootfs":{},"#),
        (Part::ConfigArm, "diff-ids", r#""diff_ids":"#, r#""diff_ids":[],"diff_ids":"#),
        (Part::OciLayout, "version", "{", r#"{"imageLayoutVersion":"1.0.0","#),
        (Part::ManifestJson, "config", "{", r#"{"Config":"evil","#),
        (Part::ManifestJson, "config-in-lower-case", "{", r#"{"config":"evil","#),
        (Part::ManifestJson, "layers-in-upper-case", "{", r#"{"LAYERS":[],"#),
        (Part::ManifestJson, "repo-tags", "{", r#"{"RepoTags":["evil:1"],"#),
    ];
    for (part, what, from, to) in keys {
        let members = replaced(part, from, to);
        let name = format!("{}-twice-{what}", part.label());
        cases.add(5, &name, tar(&members), INVALID, &[called(&members[part.at()])]);
    }
}

/// The image of today with the first `from` in one of its documents replaced.
fn replaced(part: Part, from: &str, to: &str) -> Vec<Member> {
    rewritten(|this, bytes| {
        if this != part {
            return bytes;
        }
        String::from_utf8(bytes).unwrap().replacen(from, to, 1).into_bytes()
    })
}

/// Documents that nest deeper than anybody needs.
fn deep(cases: &mut Cases) {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for part in [Part::IndexJson, Part::Index, Part::ManifestAmd, Part::ConfigAmd, Part::ManifestJson] {
        for depth in [1000, 100_000] {
            let members = replaced(part, "{", &format!(r#"{{"evil":{},"#, deep(depth)));
            // Nobody reads what it means.
            cases.add(5, &format!("{}-unknown-{depth}-deep", part.label()), zst(&tar(&members)), LOADS, &[]);
        }
    }
    let known = [
        (Part::IndexJson, "annotations"),
        (Part::Index, "annotations"),
        (Part::ManifestAmd, "annotations"),
        (Part::ManifestArm, "subject"),
    ];
    for (part, key) in known {
        let members = replaced(part, "{", &format!(r#"{{"{key}":{},"#, deep(1000)));
        let name = format!("{}-{key}-deep", part.label());
        cases.add(5, &name, tar(&members), INVALID, &[called(&members[part.at()])]);
    }
    for part in [Part::ConfigAmd, Part::ConfigArm] {
        let members = replaced(part, r#""Cmd":"#, &format!(r#""Cmd":{},"Evil":"#, deep(1000)));
        let name = format!("{}-command-deep", part.label());
        cases.add(5, &name, tar(&members), INVALID, &[called(&members[part.at()])]);
    }
    for part in [Part::IndexJson, Part::ManifestJson] {
        let members = rewritten(|this, bytes| if this == part { deep(100_000).into_bytes() } else { bytes });
        let name = format!("{}-100000-deep", part.label());
        cases.add(5, &name, zst(&tar(&members)), INVALID, &[part.label()]);
    }
}

/// Lists that are longer than any archive has them.
fn long_lists(cases: &mut Cases) {
    const IMAGES: usize = 25_001;
    const LAYERS: usize = 200_001;
    let list = |item: &str, length: usize| vec![item; length].join(",");
    let items = format!("[{}]", list(r#"{"Config":"x"}"#, IMAGES));
    let tags = format!(r#"[{{"Config":"x","RepoTags":[{}]}}]"#, list(r#""good:1""#, IMAGES));
    let layers = format!(r#"[{{"Config":"x","Layers":[{}]}}]"#, list(r#""x""#, LAYERS));
    for (what, text) in [("images", items), ("tags", tags), ("layers", layers)] {
        let replace = |manifest_json: bool, bytes: Vec<u8>| {
            if manifest_json { text.clone().into_bytes() } else { bytes }
        };
        let modern = rewritten(|part, bytes| replace(part == Part::ManifestJson, bytes));
        let place = ["manifest.json"];
        cases.add(5, &format!("modern-many-{what}"), zst(&tar(&modern)), LIMIT, &place);
        let classic =
            old_rewritten(Form::Classic, |document, bytes| replace(document == Old::ManifestJson, bytes));
        cases.add(5, &format!("classic-many-{what}"), zst(&tar(&classic)), LIMIT, &place);
    }
    let index = edited(|part, value| {
        if part == Part::IndexJson {
            let entry = value["manifests"][0].clone();
            value["manifests"] = Value::from(vec![entry; IMAGES]);
        }
    });
    cases.add(5, "modern-many-descriptors", zst(&tar(&index)), LIMIT, &["index.json"]);
    let tags = (0..IMAGES).map(|n| format!(r#""t{n}":"{n:064x}""#)).collect::<Vec<_>>().join(",");
    let evil = format!(r#"{{"good":{{{tags}}}}}"#);
    let repositories = old_rewritten(Form::Legacy, |document, bytes| {
        if document == Old::Repositories { evil.clone().into_bytes() } else { bytes }
    });
    cases.add(5, "legacy-many-tags", zst(&tar(&repositories)), LIMIT, &["repositories"]);
    // One name, again and again.
    let same = old_edited(Form::Classic, |document, value| {
        if document == Old::ManifestJson {
            value[0]["RepoTags"] = Value::from(vec![TAG; 10_000]);
        }
    });
    cases.add(5, "classic-one-tag-often", zst(&tar(&same)), LOADS, &[]);
}

/// More members than are counted, and longer paths.
fn many_members(cases: &mut Cases) {
    let archive = tar(&Form::Modern.members());
    let folders = Member::folder("evil/").bytes().repeat(1000);
    let folders = std::iter::repeat_n(folders, 201).chain([archive.clone()]);
    cases.add(5, "200001-members", zst_of(folders), LIMIT, &["evil/"]);
    let path = "p".repeat(4096);
    let paths = Member::folder("evil/").behind(pax("path", &path)).bytes().repeat(100);
    let paths = std::iter::repeat_n(paths, 83).chain([archive]);
    cases.add(5, "long-paths", zst_of(paths), LIMIT, &["paths of the members"]);
    // Layers on layers on layers.
    let mut members = Vec::new();
    for n in 0..600 {
        let (id, parent) = (format!("{n:064x}"), format!("{:064x}", n + 1));
        let json = old_json(&id, (n < 599).then_some(parent.as_str())).to_string();
        members.extend(old_layer(&id, json.into_bytes(), vec![0; 1024]));
    }
    let first = "0".repeat(64);
    members.push(Member::file("repositories", format!(r#"{{"good":{{"1":"{first}"}}}}"#)));
    cases.add(18, "legacy-600-layers", zst(&tar(&members)), LIMIT, &[&first]);
}
