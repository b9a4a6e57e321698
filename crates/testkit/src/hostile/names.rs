//! Class 11: names that are none, and names that belong to another image.

use barge_oci::Digest;
use serde_json::{Value, json};

use super::form::Form;
use super::image::{NAME, Part, TAG, content, edited};
use super::old::{Old, old_edited};
use super::tar::{Member, tar};
use super::{Cases, LOADS, Refusals};

const INVALID: Refusals = &["REF_INVALID"];
const DISAGREE: Refusals = &["VIEWS_DISAGREE"];
/// Keys of annotations, and how messages begin that are about one.
const IMAGE_NAME: &str = "io.containerd.image.name";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What is done to an image of `manifest.json`.
type Change = (&'static str, fn(&mut Value));

pub(super) fn add(cases: &mut Cases) {
    no_names(cases);
    no_tags(cases);
    beside_the_name(cases);
    of_other_images(cases);
    harmless(cases);
}

/// What is no name, wherever a name stands.
fn strings() -> Vec<(&'static str, String)> {
    vec![
        ("empty", String::new()),
        ("blank", " ".to_owned()),
        ("upper", "Good:1".to_owned()),
        ("bell", "good\u{7}:1".to_owned()),
        ("title", "\u{1b}]0;evil\u{7}good:1".to_owned()),
        ("clear-screen", "good\u{1b}[2J:1".to_owned()),
        ("newline", "good:1\nLoaded image: evil:1".to_owned()),
        ("carriage-return", "good:1\rLoaded image: evil:1".to_owned()),
        ("nul", "good:1\0".to_owned()),
        ("c1-control", "good\u{9b}2J:1".to_owned()),
        ("bidi", "good\u{202e}1:live".to_owned()),
        ("zero-width", "go\u{200b}od:1".to_owned()),
        ("letters-alike", "g\u{43e}od:1".to_owned()),
        ("blanks", "good one:1".to_owned()),
        ("option", "--output=/etc/passwd".to_owned()),
        ("dotdot", "../../good:1".to_owned()),
        ("absolute", "/etc/passwd".to_owned()),
        ("url", "https://good.example/good:1".to_owned()),
        ("two-slashes", "good//good:1".to_owned()),
        ("two-tags", "good:1:1".to_owned()),
        ("no-tag", "good:".to_owned()),
        ("300-characters", format!("{}:1", "g".repeat(300))),
        ("tag-of-129", format!("good:{}", "1".repeat(129))),
        ("10000-characters", "g".repeat(10_000)),
        ("id", "0123456789abcdef".repeat(4)),
        ("quotes", "good:1\"; rm -rf /".to_owned()),
    ]
}

fn no_names(cases: &mut Cases) {
    for (way, (how, evil)) in strings().into_iter().enumerate() {
        let mut add =
            |place: usize, what: &str, make: &dyn Fn() -> Vec<Member>, refusals: Refusals, word: &str| {
                if place == 0 || cases.takes(way, place, 5) {
                    cases.add(11, &format!("{what}-{how}"), tar(&make()), refusals, &[word]);
                }
            };
        let modern = || {
            edited(|part, value| {
                if part == Part::ManifestJson {
                    value[0]["RepoTags"] = json!([TAG, evil]);
                }
            })
        };
        add(0, "modern-repo-tag", &modern, INVALID, "image ref");
        let classic = || {
            old_edited(Form::Classic, |document, value| {
                if document == Old::ManifestJson {
                    value[0]["RepoTags"] = json!([evil]);
                }
            })
        };
        add(1, "classic-repo-tag", &classic, INVALID, "image ref");
        let annotated = || {
            edited(|part, value| {
                if part == Part::IndexJson {
                    value["manifests"][0]["annotations"][IMAGE_NAME] = json!(evil);
                }
            })
        };
        add(2, "image-name", &annotated, INVALID, IMAGE_NAME);
        let legacy = || {
            old_edited(Form::Legacy, |document, value| {
                if document == Old::Repositories {
                    let id = value["good"]["1"].clone();
                    *value = json!({(evil.as_str()): {"1": id}});
                }
            })
        };
        add(3, "legacy-repository", &legacy, INVALID, "repositories");
        // The full name counts; this is what others select by.
        let beside = || {
            edited(|part, value| {
                if part == Part::IndexJson {
                    value["manifests"][0]["annotations"][REF_NAME] = json!(evil);
                }
            })
        };
        add(4, "ref-name-beside", &beside, LOADS, "");
        // manifest.json has the name.
        let alone = || {
            edited(|part, value| {
                if part == Part::IndexJson {
                    value["manifests"][0]["annotations"] = json!({REF_NAME: evil});
                }
            })
        };
        let refusals = if evil.chars().any(char::is_control) { INVALID } else { LOADS };
        add(5, "ref-name-alone", &alone, refusals, REF_NAME);
    }
}

/// What is no tag, in `repositories`.
fn no_tags(cases: &mut Cases) {
    let long = "1".repeat(129);
    let tags =
        ["", " ", "a b", "../x", "-x", ".x", "a:b", "a/b", "\u{1b}[2J", "a\0", "\u{43e}", long.as_str()];
    for (n, tag) in tags.into_iter().enumerate() {
        let legacy = old_edited(Form::Legacy, |document, value| {
            if document == Old::Repositories {
                let id = value["good"]["1"].clone();
                value["good"] = json!({(tag): id});
            }
        });
        cases.add(11, &format!("legacy-tag-{n}"), tar(&legacy), INVALID, &["repositories"]);
    }
}

/// Digests where a tag should be.
fn beside_the_name(cases: &mut Cases) {
    let digest = format!("good@sha256:{}", "a".repeat(64));
    let tags = json!([digest]);
    let modern = edited(|part, value| {
        if part == Part::ManifestJson {
            value[0]["RepoTags"] = tags.clone();
        }
    });
    cases.add(11, "modern-repo-tag-digest", tar(&modern), INVALID, &["image ref"]);
    let classic = old_edited(Form::Classic, |document, value| {
        if document == Old::ManifestJson {
            value[0]["RepoTags"] = tags.clone();
        }
    });
    cases.add(11, "classic-repo-tag-digest", tar(&classic), INVALID, &["image ref"]);
}

/// Names that one view of the image gives and the other does not.
fn of_other_images(cases: &mut Cases) {
    let items: [Change; 9] = [
        ("another-name", |item| item["RepoTags"] = json!(["evil:1"])),
        ("another-tag", |item| item["RepoTags"] = json!(["good:2"])),
        ("one-more-name", |item| item["RepoTags"] = json!([TAG, "evil:1"])),
        ("another-registry", |item| item["RepoTags"] = json!(["evil.example/library/good:1"])),
        ("latest", |item| item["RepoTags"] = json!(["good"])),
        ("layers-swapped", |item| item["Layers"] = json!([item["Layers"][1], item["Layers"][0]])),
        ("one-layer-less", |item| item["Layers"] = json!([item["Layers"][0]])),
        ("no-layers", |item| item["Layers"] = Value::Null),
        ("first-layer-twice", |item| item["Layers"] = json!([item["Layers"][0], item["Layers"][0]])),
    ];
    for (how, change) in items {
        let members = edited(|part, value| {
            if part == Part::ManifestJson {
                change(&mut value[0]);
            }
        });
        cases.add(11, &format!("views-{how}"), tar(&members), DISAGREE, &["manifest.json"]);
    }
    let renamed: [(&str, Value); 2] = [
        ("image-name", json!({IMAGE_NAME: "docker.io/library/evil:1", REF_NAME: "1"})),
        ("ref-name", json!({REF_NAME: "docker.io/library/evil:1"})),
    ];
    for (how, annotations) in renamed {
        let members = edited(|part, value| {
            if part == Part::IndexJson {
                value["manifests"][0]["annotations"] = annotations.clone();
            }
        });
        cases.add(11, &format!("views-another-{how}"), tar(&members), DISAGREE, &["manifest.json"]);
    }
    // An image that index.json does not have, with its own name or the other's.
    for (how, tags, refusals) in
        [("new", json!(["evil:1"]), DISAGREE), ("same", json!([TAG]), DISAGREE), ("no", Value::Null, LOADS)]
    {
        let layer = content("evil");
        let diff_id = Digest::sha256(&layer);
        let rootfs = json!({"type": "layers", "diff_ids": [diff_id]});
        let config = json!({"os": "linux", "architecture": "amd64", "rootfs": rootfs});
        let item = json!({"Config": "evil.json", "RepoTags": tags, "Layers": ["evil.tar"]});
        let mut members = edited(|part, value| {
            if part == Part::ManifestJson {
                value.as_array_mut().unwrap().push(item.clone());
            }
        });
        members.push(Member::file("evil.json", config.to_string()));
        members.push(Member::file("evil.tar", layer));
        cases.add(
            11,
            &format!("views-another-image-of-{how}-name"),
            tar(&members),
            refusals,
            &["manifest.json"],
        );
    }
    // The other platform of the same image has its name by right.
    let members = Form::Modern.members();
    let path = |part: Part| members[part.at()].path.as_str();
    let layers = [path(Part::Base), path(Part::LayerArm)];
    let item = json!({"Config": path(Part::ConfigArm), "RepoTags": [TAG], "Layers": layers});
    let arm = edited(|part, value| {
        if part == Part::ManifestJson {
            value[0] = item.clone();
        }
    });
    cases.add(11, "views-other-platform", tar(&arm), LOADS, &[]);
}

/// Names that are written otherwise and mean the same.
fn harmless(cases: &mut Cases) {
    for (how, tags) in [
        ("full", json!([NAME])),
        ("library", json!(["library/good:1"])),
        ("old-registry", json!(["index.docker.io/good:1"])),
        ("twice", json!([TAG, TAG])),
        ("null", Value::Null),
        ("none", json!([])),
    ] {
        let members = edited(|part, value| {
            if part == Part::ManifestJson {
                value[0]["RepoTags"] = tags.clone();
            }
        });
        cases.add(11, &format!("views-same-{how}"), tar(&members), LOADS, &[]);
    }
}
