//! Class 12: content that is to be had from elsewhere.

use serde_json::{Value, json};

use super::form::Form;
use super::image::{DESCRIPTORS, Part, at, called, descriptor, edited};
use super::tar::{Member, tar};
use super::{Cases, LOADS};

/// Where nobody may be sent.
const URLS: [(&str, &str); 6] = [
    ("https", "https://evil.example/layer"),
    ("metadata", "http://169.254.169.254/latest/meta-data/"),
    ("localhost", "http://user:secret@127.0.0.1:2375/images/load"),
    ("file", "file:///etc/passwd"),
    ("escape", "https://\u{1b}[2J/"),
    ("no-url", "\0"),
];
/// Layers that may be left out.
const FOREIGN: [(&str, &str); 3] = [
    ("oci", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    ("oci-plain", "application/vnd.oci.image.layer.nondistributable.v1.tar"),
    ("docker", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
];

/// What the first layer of each manifest is, and the second.
const PARTS: [&[Part]; 2] = [&[Part::Base], &[Part::LayerAmd, Part::LayerArm]];

pub(super) fn add(cases: &mut Cases) {
    of_what_is_there(cases);
    of_what_is_not(cases);
    foreign(cases);
    embedded(cases);
}

/// The image with one descriptor that has this field.
fn with(part: Part, pointer: &str, key: &str, to: &Value) -> Vec<Member> {
    edited(|this, value| {
        if this == part {
            at(value, pointer)[key] = to.clone();
        }
    })
}

fn of_what_is_there(cases: &mut Cases) {
    let no_lists = [("text", json!("https://evil.example")), ("numbers", json!([1]))];
    for (label, part, pointer, target) in DESCRIPTORS {
        for (how, url) in URLS.into_iter().filter(|(how, _)| *how == "https" || target == Part::LayerAmd) {
            let members = with(part, pointer, "urls", &json!([url]));
            cases.add(12, &format!("{label}-urls-{how}"), tar(&members), LOADS, &[]);
        }
        for (way, (how, urls)) in no_lists.iter().enumerate() {
            if !cases.takes(way, part.at(), 2) {
                continue;
            }
            let members = with(part, pointer, "urls", urls);
            let place = called(&members[part.at()]);
            cases.add(12, &format!("{label}-urls-{how}"), tar(&members), &["JSON_INVALID"], &[place]);
        }
    }
}

/// URLs do not make up for what is missing.
fn of_what_is_not(cases: &mut Cases) {
    for (label, part, pointer, target) in DESCRIPTORS {
        let mut members = with(part, pointer, "urls", &json!(["https://evil.example/"]));
        let missing = members.remove(target.at());
        let refusals = Form::Modern.lacking(&[target.at()]);
        let place = [called(&missing), "manifest.json"];
        cases.add(12, &format!("{label}-urls-and-absent"), tar(&members), refusals, &place);
    }
}

/// Layers whose type says that they may be left out.
fn foreign(cases: &mut Cases) {
    for (way, (how, media_type)) in FOREIGN.into_iter().enumerate() {
        for (label, layers) in [("base", vec![0]), ("own", vec![1]), ("all", vec![0, 1])] {
            if !cases.takes(way, layers.len() + layers[0], 2) {
                continue;
            }
            let members = edited(|part, value| {
                if matches!(part, Part::ManifestAmd | Part::ManifestArm) {
                    for n in &layers {
                        value["layers"][*n]["mediaType"] = json!(media_type);
                        value["layers"][*n]["urls"] = json!(["http://169.254.169.254/"]);
                    }
                }
            });
            cases.add(12, &format!("foreign-{how}-{label}-present"), tar(&members), LOADS, &[]);
            let gone: Vec<usize> = layers.iter().flat_map(|n| PARTS[*n]).map(|part| part.at()).collect();
            let kept = members.iter().enumerate().filter(|(n, _)| !gone.contains(n));
            let kept: Vec<Member> = kept.map(|(_, member)| member.clone()).collect();
            cases.add(12, &format!("foreign-{how}-{label}-absent"), tar(&kept), LOADS, &[]);
        }
    }
    // Absent ones have no bounds either.
    let mut huge = descriptor(FOREIGN[0].1, b"absent");
    huge["size"] = json!(u64::MAX);
    let members = edited(|part, value| match part {
        Part::ManifestAmd | Part::ManifestArm => value["layers"] = json!([huge, huge]),
        Part::ManifestJson => *value = json!([]),
        _ => {}
    });
    cases.add(12, "foreign-absent-of-2-to-64", tar(&members), &["LIMIT_EXCEEDED"], &[]);
    // What is there has to be right, whatever its type.
    let members = edited(|part, value| match part {
        Part::ManifestArm => value["layers"][1]["mediaType"] = json!(FOREIGN[1].1),
        Part::ConfigArm => *at(value, "/rootfs/diff_ids/1") = value["rootfs"]["diff_ids"][0].clone(),
        _ => {}
    });
    let place = [called(&members[Part::LayerArm.at()])];
    cases.add(12, "foreign-present-of-another-diff-id", tar(&members), &["DIFFID_MISMATCH"], &place);
}

/// Descriptors that bring their content along, and lie.
fn embedded(cases: &mut Cases) {
    for (place, (label, part, pointer, _)) in DESCRIPTORS.into_iter().enumerate() {
        for (way, (how, data)) in [("other", "ZXZpbA=="), ("no-base64", "\u{1b}[2J")].into_iter().enumerate()
        {
            if !cases.takes(way, place, 2) {
                continue;
            }
            let members = with(part, pointer, "data", &json!(data));
            cases.add(12, &format!("{label}-data-{how}"), tar(&members), LOADS, &[]);
        }
        let members = with(part, pointer, "data", &json!([101, 118, 105, 108]));
        let place = called(&members[part.at()]);
        cases.add(12, &format!("{label}-data-list"), tar(&members), &["JSON_INVALID"], &[place]);
    }
}
