//! Class 10: content that is not what its digest, size or diffID says.

use barge_oci::Digest;
use serde_json::{Value, json};

use super::form::Form;
use super::image::{DESCRIPTORS, OCI_LAYER, Part, at, called, content, descriptor, edited, layers};
use super::old::{BASE_LAYER, CONFIG, MANIFEST, Old, TOP_LAYER, old_edited};
use super::tar::{Member, changed, pax, tar};
use super::{Cases, LOADS, Refusals};

const DIGEST: Refusals = &["DIGEST_MISMATCH"];
const DIFF_ID: Refusals = &["DIFFID_MISMATCH"];
const COUNT: Refusals = &["LAYER_COUNT_MISMATCH"];

pub(super) fn add(cases: &mut Cases) {
    of_blobs(cases);
    of_old_members(cases);
    of_strangers(cases);
    sizes(cases);
    diff_ids(cases);
    old_diff_ids(cases);
    layers_of_manifests(cases);
}

/// Bytes of a member, one of them other by one bit.
fn bent(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

/// Other content under the name of each blob.
fn of_blobs(cases: &mut Cases) {
    let members = Form::Modern.members();
    for (part, next) in Part::BLOBS.into_iter().zip(Part::BLOBS.into_iter().cycle().skip(1)) {
        let right = &members[part.at()].content;
        let (half, last) = (right.len() / 2, right.len() - 1);
        let wrong = [
            ("first-bit", bent(right, 0)),
            ("middle-bit", bent(right, half)),
            ("last-bit", bent(right, last)),
            ("zeros", vec![0; right.len()]),
            ("nothing", Vec::new()),
            ("half", right[..half].to_vec()),
            ("one-more", [right.as_slice(), b"\n"].concat()),
            (next.label(), members[next.at()].content.clone()),
        ];
        for (way, (how, bytes)) in wrong.into_iter().enumerate() {
            if !cases.takes(way, part.at(), 3) {
                continue;
            }
            let members = changed(&members, part.at(), |member| member.content = bytes);
            let place = called(&members[part.at()]);
            cases.add(10, &format!("{}-is-{how}", part.label()), tar(&members), DIGEST, &[place]);
        }
    }
}

/// Other content in docker's own form, where the config alone has a digest for its name.
fn of_old_members(cases: &mut Cases) {
    let members = Form::Classic.members();
    for (n, refusals) in [(BASE_LAYER, DIFF_ID), (TOP_LAYER, DIFF_ID), (CONFIG, DIGEST)] {
        let right = &members[n].content;
        let wrong = [
            ("first-bit", bent(right, 0)),
            ("last-bit", bent(right, right.len() - 1)),
            ("zeros", vec![0; right.len()]),
            ("nothing", Vec::new()),
        ];
        for (how, bytes) in wrong {
            let members = changed(&members, n, |member| member.content = bytes);
            let name = format!("classic-{}-is-{how}", Form::Classic.member(n));
            cases.add(10, &name, tar(&members), refusals, &[called(&members[n])]);
        }
    }
    let mut swapped = members.clone();
    swapped[BASE_LAYER].content = members[TOP_LAYER].content.clone();
    swapped[TOP_LAYER].content = members[BASE_LAYER].content.clone();
    let place = [called(&members[BASE_LAYER]), called(&members[TOP_LAYER])];
    cases.add(10, "classic-layers-swapped", tar(&swapped), DIFF_ID, &place);
    // What manifest.json calls it by is no digest of it.
    let other = format!("{}.json", "0".repeat(64));
    let mut renamed = old_edited(Form::Classic, |document, value| {
        if document == Old::ManifestJson {
            value[0]["Config"] = json!(other);
        }
    });
    renamed[CONFIG].path.clone_from(&other);
    cases.add(10, "classic-config-renamed", tar(&renamed), DIGEST, &[&other]);
    let bent = changed(&members, MANIFEST, |member| member.content = bent(&member.content, 0));
    cases.add(10, "classic-manifest.json-is-first-bit", tar(&bent), &["JSON_INVALID"], &["manifest.json"]);
}

/// Blobs that nothing refers to.
fn of_strangers(cases: &mut Cases) {
    let stranger = |path: String| Member::file("stranger", "evil").behind(pax("path", &path));
    let (right, zeros) = (Digest::sha256(b"evil").hex(), "0".repeat(64));
    let blobs = [
        ("right", stranger(format!("blobs/sha256/{right}")), LOADS),
        ("sha256", stranger(format!("blobs/sha256/{zeros}")), DIGEST),
        ("sha512", stranger(format!("blobs/sha512/{zeros}{zeros}")), DIGEST),
        ("upper", stranger(format!("blobs/sha256/{}", right.to_uppercase())), LOADS),
        ("md5", stranger(format!("blobs/md5/{}", "0".repeat(32))), LOADS),
        ("sha512-short", stranger(format!("blobs/sha512/{zeros}")), LOADS),
    ];
    for (how, member, refusals) in blobs {
        let mut members = Form::Modern.members();
        members.push(member);
        cases.add(10, &format!("stranger-{how}"), tar(&members), refusals, &[&zeros]);
    }
}

/// A size that is not that of the content.
type Size = (&'static str, fn(u64) -> u64);

const SIZES: [Size; 4] = [
    ("one-less", |size| size - 1),
    ("one-more", |size| size + 1),
    ("nothing", |_| 0),
    ("2-to-32-more", |size| size + (1 << 32)),
];

/// Every descriptor with such a size.
fn sizes(cases: &mut Cases) {
    for (place, (label, part, pointer, target)) in DESCRIPTORS.into_iter().enumerate() {
        for (way, (how, wrong)) in SIZES.into_iter().enumerate() {
            if !cases.takes(way, place, 2) {
                continue;
            }
            let members = edited(|this, value| {
                if this == part {
                    let size = &mut at(value, pointer)["size"];
                    *size = json!(wrong(size.as_u64().unwrap()));
                }
            });
            let place = called(&members[target.at()]);
            cases.add(10, &format!("{label}-size-{how}"), tar(&members), &["SIZE_MISMATCH"], &[place]);
        }
    }
}

/// A list of diffIDs that are not those of the layers.
type DiffIds = (&'static str, Refusals, fn(&Value) -> Value);

const DIFF_IDS: [DiffIds; 10] = [
    ("swapped", DIFF_ID, |ids| json!([ids[1], ids[0]])),
    ("first-twice", DIFF_ID, |ids| json!([ids[0], ids[0]])),
    ("second-twice", DIFF_ID, |ids| json!([ids[1], ids[1]])),
    ("of-nothing", DIFF_ID, |ids| json!([ids[0], Digest::sha256(b"")])),
    ("sha512", DIFF_ID, |ids| json!([ids[0], format!("sha512:{}", "0".repeat(128))])),
    ("one-more", COUNT, |ids| json!([ids[0], ids[1], ids[1]])),
    ("one-less", COUNT, |ids| json!([ids[0]])),
    ("none", COUNT, |_| json!([])),
    ("null", COUNT, |_| Value::Null),
    ("many", COUNT, |ids| json!(vec![ids[0].clone(); 1000])),
];

fn diff_ids(cases: &mut Cases) {
    let both = [
        (Part::ConfigAmd, Part::ManifestAmd, Part::LayerAmd),
        (Part::ConfigArm, Part::ManifestArm, Part::LayerArm),
    ];
    for (part, manifest, own) in both {
        let mut add = |how: &str, refusals: Refusals, edit: &dyn Fn(&mut Value)| {
            let members = edited(|this, value| {
                if this == part {
                    edit(value);
                }
            });
            let place = [manifest, own, Part::Base].map(|part| called(&members[part.at()]));
            cases.add(10, &format!("{}-diff-ids-{how}", part.label()), tar(&members), refusals, &place);
        };
        for (how, refusals, spoil) in DIFF_IDS {
            add(how, refusals, &|config| {
                let ids = at(config, "/rootfs/diff_ids");
                *ids = spoil(ids);
            });
        }
        add("of-stream", DIFF_ID, &|config| {
            let [base, ..] = layers();
            *at(config, "/rootfs/diff_ids/0") = json!(Digest::sha256(&base.bytes));
        });
        add("rootfs-null", COUNT, &|config| config["rootfs"] = Value::Null);
        add("rootfs-absent", COUNT, &|config| drop(config.as_object_mut().unwrap().remove("rootfs")));
    }
}

fn old_diff_ids(cases: &mut Cases) {
    for (way, (how, refusals, spoil)) in DIFF_IDS.into_iter().enumerate() {
        if !cases.takes(way, 0, 2) {
            continue;
        }
        let members = old_edited(Form::Classic, |document, value| {
            if document == Old::Config {
                let ids = at(value, "/rootfs/diff_ids");
                *ids = spoil(ids);
            }
        });
        // Of the manifest that is made nobody knows the digest before.
        let place = [called(&members[BASE_LAYER]), called(&members[TOP_LAYER]), "(sha256:"];
        cases.add(10, &format!("classic-diff-ids-{how}"), tar(&members), refusals, &place);
    }
}

/// What can be wrong with a manifest's layers.
fn layers_of_manifests(cases: &mut Cases) {
    let other = descriptor(OCI_LAYER, &content("other"));
    let [_, amd, arm] = layers().map(|layer| descriptor(layer.media_type, &layer.bytes));
    // manifest.json lists the layers of one of them.
    let both: [(Part, &Value, Refusals, Refusals); 2] = [
        (
            Part::ManifestAmd,
            &arm,
            &["DIFFID_MISMATCH", "VIEWS_DISAGREE"],
            &["LAYER_COUNT_MISMATCH", "VIEWS_DISAGREE"],
        ),
        (Part::ManifestArm, &amd, DIFF_ID, COUNT),
    ];
    for (part, foreign, diff_id, count) in both {
        let mut add = |how: &str, refusals: Refusals, edit: &dyn Fn(&Value) -> Value| {
            let members = edited(|this, value| {
                if this == part {
                    value["layers"] = edit(&value["layers"]);
                }
            });
            let words = [part, Part::Base, Part::LayerAmd, Part::LayerArm].map(|p| called(&members[p.at()]));
            let words = [words[0], words[1], words[2], words[3], "manifest.json", "good:1"];
            cases.add(10, &format!("{}-layers-{how}", part.label()), tar(&members), refusals, &words);
        };
        add("swapped", diff_id, &|layers| json!([layers[1], layers[0]]));
        add("first-twice", diff_id, &|layers| json!([layers[0], layers[0]]));
        add("of-the-other", diff_id, &|layers| json!([layers[0], foreign]));
        add("one-more", count, &|layers| json!([layers[0], layers[1], layers[1]]));
        add("one-less", count, &|layers| json!([layers[0]]));
        add("none", count, &|_| json!([]));
        add("null", count, &|_| Value::Null);
        if part == Part::ManifestArm {
            // It is not there, the other image is.
            add("absent", LOADS, &|layers| json!([layers[0], other]));
        }
    }
}
