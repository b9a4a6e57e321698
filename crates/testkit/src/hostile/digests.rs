//! Class 8: digests that are none.

use serde_json::json;

use super::form::Form;
use super::image::{DESCRIPTORS, Part, at, called, edited, spliced};
use super::old::{CONFIG, Old, old_edited};
use super::tar::tar;
use super::{Cases, LOADS, Refusals};

const INVALID: Refusals = &["DIGEST_INVALID"];

/// A way in which a digest can be none; it is given the right one.
type Trick = (&'static str, fn(&str) -> String);

const TRICKS: [Trick; 20] = [
    ("dotdot", |_| "sha256:../../../../etc/passwd".to_owned()),
    ("dotdot-behind", |digest| format!("{digest}/../../x")),
    ("absolute", |_| "sha256:/etc/passwd".to_owned()),
    ("upper", |digest| digest.to_uppercase().replace("SHA256", "sha256")),
    ("upper-algorithm", |digest| digest.replace("sha256", "SHA256")),
    ("md5", |_| "md5:d41d8cd98f00b204e9800998ecf8427e".to_owned()),
    ("sha1", |_| "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709".to_owned()),
    ("sha384", |_| format!("sha384:{}", "a".repeat(96))),
    ("sha512-short", |digest| digest.replace("sha256", "sha512")),
    ("sha256-long", |_| format!("sha256:{}", "a".repeat(128))),
    ("63", |digest| digest[..digest.len() - 1].to_owned()),
    ("65", |digest| format!("{digest}0")),
    ("empty", |_| String::new()),
    ("no-hex", |_| "sha256:".to_owned()),
    ("no-colon", |digest| digest.replace("sha256:", "")),
    ("dash", |digest| digest.replace(':', "-")),
    ("blank-before", |digest| format!(" {digest}")),
    ("newline-behind", |digest| format!("{digest}\n")),
    ("nul-behind", |digest| format!("{digest}\0")),
    // Digits that are as wide as letters of Chinese.
    ("wide", |digest| format!("{}\u{ff10}", &digest[..digest.len() - 1])),
];

/// Every digest of the image: what it is called here, the document it is in, and where.
fn fields() -> Vec<(String, Part, String)> {
    let descriptors =
        DESCRIPTORS.map(|(label, part, at, _)| (label.to_owned(), part, format!("{at}/digest")));
    let mut fields = descriptors.to_vec();
    for (label, part) in [("amd64", Part::ConfigAmd), ("arm64", Part::ConfigArm)] {
        for n in [0, 1] {
            fields.push((format!("diff-id-{n}-{label}"), part, format!("/rootfs/diff_ids/{n}")));
        }
    }
    fields
}

pub(super) fn add(cases: &mut Cases) {
    for (place, (label, part, pointer)) in fields().into_iter().enumerate() {
        for (way, (how, trick)) in TRICKS.into_iter().enumerate() {
            if !cases.takes(way, place, 5) {
                continue;
            }
            let members = edited(|this, value| {
                if this == part {
                    let digest = at(value, &pointer);
                    *digest = json!(trick(digest.as_str().unwrap()));
                }
            });
            let place = called(&members[part.at()]);
            cases.add(8, &format!("{label}-{how}"), tar(&members), INVALID, &[place]);
        }
    }
    of_another_type(cases);
    in_older_forms(cases);
    where_nobody_looks(cases);
}

fn of_another_type(cases: &mut Cases) {
    let types = [("null", "null"), ("number", "0"), ("list", r#"["sha256"]"#), ("object", "{}")];
    for (place, (label, part, pointer, _)) in DESCRIPTORS.into_iter().enumerate() {
        for (way, (how, json)) in types.into_iter().enumerate() {
            if !cases.takes(way, place, 4) {
                continue;
            }
            let members = spliced(part, pointer, "digest", json);
            let place = called(&members[part.at()]);
            cases.add(8, &format!("{label}-{how}"), tar(&members), &["JSON_INVALID"], &[place]);
        }
        let members = edited(|this, value| {
            if this == part {
                at(value, pointer).as_object_mut().unwrap().remove("digest");
            }
        });
        let place = called(&members[part.at()]);
        cases.add(8, &format!("{label}-absent"), tar(&members), &["JSON_INVALID"], &[place]);
    }
}

/// The diffIDs of an image in docker's own form.
fn in_older_forms(cases: &mut Cases) {
    for (way, (how, trick)) in TRICKS.into_iter().enumerate() {
        if !cases.takes(way, 0, 4) {
            continue;
        }
        let members = old_edited(Form::Classic, |document, value| {
            if document == Old::Config {
                let digest = at(value, "/rootfs/diff_ids/1");
                *digest = json!(trick(digest.as_str().unwrap()));
            }
        });
        let place = called(&members[CONFIG]).trim_end_matches(".json");
        cases.add(8, &format!("classic-diff-id-{how}"), tar(&members), INVALID, &[place]);
    }
}

/// Digests that have no meaning here.
fn where_nobody_looks(cases: &mut Cases) {
    let right = format!("sha256:{}", "a".repeat(64));
    for (way, (how, trick)) in TRICKS.into_iter().enumerate() {
        if !cases.takes(way, 0, 4) {
            continue;
        }
        let evil = trick(&right);
        let sources = edited(|part, value| {
            if part == Part::ManifestJson {
                let source = json!({"mediaType": "x", "digest": evil, "size": -1});
                value[0]["LayerSources"] = json!({(evil.as_str()): source});
            }
        });
        cases.add(8, &format!("layer-sources-{how}"), tar(&sources), LOADS, &[]);
    }
    for (how, trick) in TRICKS.into_iter().take(3) {
        let evil = trick(&right);
        let annotations = edited(|part, value| {
            if part == Part::Index {
                value["manifests"][1]["annotations"] = json!({
                    "io.containerd.manifest.subject": evil,
                    "vnd.docker.reference.digest": evil,
                });
            }
        });
        cases.add(8, &format!("annotation-{how}"), tar(&annotations), LOADS, &[]);
    }
    let subject = edited(|part, value| {
        if part == Part::IndexJson {
            value["manifests"][0]["annotations"]["io.containerd.manifest.subject"] = json!("sha256:../../x");
        }
    });
    cases.add(8, "subject-of-the-root", tar(&subject), LOADS, &[]);
}
