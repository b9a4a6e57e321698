//! Class 16: fields without bounds, and such with control characters.

use serde_json::{Map, Value, json};

use super::form::Form;
use super::image::{Part, at, called, edited, spliced};
use super::old::{Old, old_edited};
use super::pack::zst;
use super::tar::tar;
use super::{Cases, LOADS, Refusals};

/// Text that does something to a terminal, or looks like other text.
const EVIL: [(&str, &str); 6] = [
    ("clear-screen", "\u{1b}[2J\u{1b}[H"),
    ("title", "\u{1b}]0;evil\u{7}"),
    ("newline", "good\nLoaded image: evil:1"),
    ("c1-control", "\u{9b}2J"),
    ("bidi", "\u{202e}live"),
    ("nul", "\0"),
];
/// Where text stands that is shown to people: the document and the place.
const TEXTS: [(&str, Part, &str, &str); 11] = [
    ("platform-os", Part::Index, "/manifests/0/platform", "os"),
    ("platform-architecture", Part::Index, "/manifests/1/platform", "architecture"),
    ("platform-variant", Part::Index, "/manifests/0/platform", "variant"),
    ("platform-version", Part::Index, "/manifests/1/platform", "os.version"),
    ("config-os", Part::ConfigAmd, "", "os"),
    ("config-variant", Part::ConfigArm, "", "variant"),
    ("config-author", Part::ConfigAmd, "", "author"),
    ("config-created", Part::ConfigAmd, "", "created"),
    ("config-user", Part::ConfigAmd, "/config", "User"),
    ("history", Part::ConfigAmd, "/history/0", "created_by"),
    ("root-annotation", Part::IndexJson, "/manifests/0/annotations", "evil"),
];

pub(super) fn add(cases: &mut Cases) {
    texts(cases);
    keys(cases);
    long_texts(cases);
    long_lists(cases);
    annotations(cases);
    versions(cases);
}

fn texts(cases: &mut Cases) {
    for (place, (label, part, pointer, key)) in TEXTS.into_iter().enumerate() {
        for (way, (how, text)) in EVIL.into_iter().enumerate() {
            if !cases.takes(way, place, 5) {
                continue;
            }
            let members = spliced(part, pointer, key, &json!(text).to_string());
            cases.add(16, &format!("{label}-{how}"), tar(&members), LOADS, &[]);
        }
    }
}

/// The same in keys.
fn keys(cases: &mut Cases) {
    for (how, text) in EVIL {
        let members = edited(|part, value| match part {
            Part::ConfigAmd => value["config"]["Labels"] = json!({(text): text}),
            Part::ManifestArm => value["annotations"] = json!({(text): text}),
            Part::IndexJson => value["manifests"][0]["annotations"][text] = json!(text),
            Part::Index | Part::ManifestAmd | Part::ConfigArm | Part::OciLayout => value[text] = json!(text),
            Part::ManifestJson => value[0][text] = json!(text),
            _ => {}
        });
        cases.add(16, &format!("keys-{how}"), tar(&members), LOADS, &[]);
        let old = old_edited(Form::Legacy, |document, value| match document {
            Old::TopJson => {
                value["comment"] = json!(text);
                value["container_config"]["Cmd"] = json!([text, text]);
                value[text] = json!(text);
            }
            Old::BaseJson => value["author"] = json!(text),
            _ => {}
        });
        cases.add(16, &format!("legacy-{how}"), tar(&old), LOADS, &[]);
    }
}

fn long_texts(cases: &mut Cases) {
    let long = "x".repeat(1 << 20);
    for (label, part, pointer, key) in TEXTS.into_iter().filter(|(label, ..)| !label.contains("annotation")) {
        let members = spliced(part, pointer, key, &json!(long).to_string());
        cases.add(16, &format!("{label}-of-a-mebibyte"), zst(&tar(&members)), LOADS, &[]);
    }
    let labels = edited(|part, value| {
        if part == Part::ConfigAmd {
            value["config"]["Labels"] = json!({"evil": long, (long.as_str()): ""});
        }
    });
    cases.add(16, "labels-of-a-mebibyte", zst(&tar(&labels)), LOADS, &[]);
    let manifest_json = edited(|part, value| {
        if part == Part::ManifestJson {
            value[0]["Evil"] = json!(long);
        }
    });
    cases.add(16, "manifest.json-of-a-mebibyte", zst(&tar(&manifest_json)), LOADS, &[]);
}

fn long_lists(cases: &mut Cases) {
    let text = |n: usize| format!("evil-{n}=evil");
    let many: Vec<String> = (0..50_000).map(text).collect();
    let keys: Map<String, Value> = (0..20_000).map(|n| (text(n), json!({}))).collect();
    let lists = [
        ("env", "/config", "Env", json!(many)),
        ("command", "/config", "Cmd", json!(many)),
        ("labels", "/config", "Labels", json!(keys)),
        ("ports", "/config", "ExposedPorts", json!(keys)),
        ("volumes", "/config", "Volumes", json!(keys)),
        ("features", "", "os.features", json!(many)),
        ("history", "", "history", json!(vec![json!({"created_by": "evil", "empty_layer": true}); 10_000])),
        ("history-of-nothing", "", "history", json!(vec![json!({}); 100_000])),
    ];
    for (label, pointer, key, list) in lists {
        let members = edited(|part, value| {
            if part == Part::ConfigAmd {
                at(value, pointer)[key] = list.clone();
            }
        });
        cases.add(16, &format!("many-{label}"), zst(&tar(&members)), LOADS, &[]);
    }
    let features = edited(|part, value| {
        if part == Part::Index {
            value["manifests"][0]["platform"]["os.features"] = json!(many);
        }
    });
    cases.add(16, "many-features-of-a-platform", zst(&tar(&features)), LOADS, &[]);
}

/// Annotations are kept beside the name, where they have bounds; elsewhere the document's are theirs.
fn annotations(cases: &mut Cases) {
    let places: [(&str, Part, &str, usize, Refusals); 8] = [
        ("root-below", Part::IndexJson, "/manifests/0/annotations", 60_000, LOADS),
        ("root-above", Part::IndexJson, "/manifests/0/annotations", 64 << 10, &["LIMIT_EXCEEDED"]),
        ("root-far-above", Part::IndexJson, "/manifests/0/annotations", 2 << 20, &["LIMIT_EXCEEDED"]),
        ("index.json", Part::IndexJson, "", 1 << 20, LOADS),
        ("index", Part::Index, "", 1 << 20, LOADS),
        ("entry", Part::Index, "/manifests/1", 1 << 20, LOADS),
        ("manifest", Part::ManifestAmd, "", 1 << 20, LOADS),
        ("layer", Part::ManifestAmd, "/layers/0", 1 << 20, LOADS),
    ];
    for (label, part, pointer, size, refusals) in places {
        let members = edited(|this, value| {
            if this == part {
                let place = at(value, pointer);
                let place = if pointer.ends_with("annotations") { place } else { &mut place["annotations"] };
                place["evil"] = json!("x".repeat(size));
            }
        });
        let place = called(&members[Part::Index.at()]);
        cases.add(16, &format!("annotations-of-{label}"), zst(&tar(&members)), refusals, &[place]);
    }
    let many: Map<String, Value> = (0..6000).map(|n| (format!("evil-{n}"), json!("evil"))).collect();
    let members = edited(|part, value| {
        if part == Part::IndexJson {
            value["manifests"][0]["annotations"].as_object_mut().unwrap().extend(many.clone());
        }
    });
    let place = called(&members[Part::Index.at()]);
    cases.add(16, "annotations-many-of-root", zst(&tar(&members)), &["LIMIT_EXCEEDED"], &[place]);
}

/// A version of the layout that is shown because it is wrong.
fn versions(cases: &mut Cases) {
    let long = "9".repeat(1 << 20);
    for (how, version) in EVIL.into_iter().chain([("long", long.as_str()), ("newer", "2.0.0"), ("empty", "")])
    {
        let members = spliced(Part::OciLayout, "", "imageLayoutVersion", &json!(version).to_string());
        let name = format!("layout-version-{how}");
        cases.add(16, &name, zst(&tar(&members)), &["JSON_INVALID"], &["OCI version"]);
    }
}
