//! Class 9: documents that another reader takes for something else.

use barge_oci::media_type::{
    DOCKER_INDEX, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST,
};
use serde_json::{Value, json};

use super::form::Form;
use super::image::{DESCRIPTORS, Part, at, called, edited, spliced};
use super::old::{MANIFEST, Old, old_edited};
use super::tar::{Member, tar};
use super::{Cases, LOADS, Refusals};

const CONFUSED: Refusals = &["MEDIATYPE_CONFUSED"];
const SCHEMA1: Refusals = &["UNSUPPORTED_SCHEMA1"];
const INVALID: Refusals = &["JSON_INVALID"];
const SCHEMA1_TYPE: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
/// A descriptor of nothing.
const NOTHING: &str = concat!(
    r#"{"mediaType":"application/vnd.oci.image.config.v1+json","size":0,"#,
    r#""digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#
);
const INDEXES: [Part; 2] = [Part::IndexJson, Part::Index];
const MANIFESTS: [Part; 2] = [Part::ManifestAmd, Part::ManifestArm];

pub(super) fn add(cases: &mut Cases) {
    two_in_one(cases);
    types_of_documents(cases);
    types_of_descriptors(cases);
    schema_versions(cases);
    spelling(cases);
    of_docker(cases);
    lists(cases);
}

/// Adds the image in which one document is odd.
fn odd(cases: &mut Cases, part: Part, how: &str, members: &[Member], refusals: Refusals) {
    let place = called(&members[part.at()]);
    cases.add(9, &format!("{}-{how}", part.label()), tar(members), refusals, &[place]);
}

/// An index that is a manifest as well (CVE-2021-41190), and the reverse.
fn two_in_one(cases: &mut Cases) {
    let in_indexes = [
        ("layers", "layers", "[]", CONFUSED),
        ("layers-null", "layers", "null", CONFUSED),
        ("config", "config", NOTHING, CONFUSED),
        ("fs-layers", "fsLayers", "[]", SCHEMA1),
        ("fs-layers-and-history", "fsLayers", r#"[{"blobSum":"sha256:00"}],"history":[]"#, SCHEMA1),
    ];
    let list = format!("[{NOTHING}]");
    let in_manifests = [
        ("manifests", "manifests", "[]", CONFUSED),
        ("manifests-null", "manifests", "null", CONFUSED),
        ("manifests-of-nothing", "manifests", list.as_str(), CONFUSED),
        ("fs-layers", "fsLayers", "[]", SCHEMA1),
        ("fs-layers-of-one", "fsLayers", r#"[{"blobSum":"sha256:00"}]"#, SCHEMA1),
    ];
    for (parts, fields) in [(INDEXES, in_indexes), (MANIFESTS, in_manifests)] {
        for (place, part) in parts.into_iter().enumerate() {
            for (way, (how, key, json, refusals)) in fields.into_iter().enumerate() {
                if !cases.takes(way, place, 2) {
                    continue;
                }
                odd(cases, part, &format!("and-{how}"), &spliced(part, "", key, json), refusals);
            }
        }
    }
}

/// A document that says it is something else.
fn types_of_documents(cases: &mut Cases) {
    let of_any = [
        ("config", OCI_CONFIG, CONFUSED),
        ("layer", OCI_LAYER_GZIP, CONFUSED),
        ("json", "application/json", CONFUSED),
        ("empty", "", CONFUSED),
        ("schema1", SCHEMA1_TYPE, SCHEMA1),
        ("escape", "\u{1b}[2Jx", CONFUSED),
    ];
    let of_indexes = [
        ("oci-manifest", OCI_MANIFEST, CONFUSED),
        ("docker-manifest", DOCKER_MANIFEST, CONFUSED),
        ("upper", "APPLICATION/VND.OCI.IMAGE.INDEX.V1+JSON", CONFUSED),
        ("docker-index", DOCKER_INDEX, LOADS),
    ];
    let of_manifests = [
        ("oci-index", OCI_INDEX, CONFUSED),
        ("docker-index", DOCKER_INDEX, CONFUSED),
        ("upper", "APPLICATION/VND.OCI.IMAGE.MANIFEST.V1+JSON", CONFUSED),
        ("docker-manifest", DOCKER_MANIFEST, LOADS),
    ];
    for (parts, types) in [(INDEXES, of_indexes), (MANIFESTS, of_manifests)] {
        for (place, part) in parts.into_iter().enumerate() {
            for (way, (how, media_type, refusals)) in of_any.into_iter().chain(types).enumerate() {
                if !cases.takes(way, place, 2) {
                    continue;
                }
                let members = spliced(part, "", "mediaType", &json!(media_type).to_string());
                odd(cases, part, &format!("type-{how}"), &members, refusals);
            }
            for (how, json, refusals) in
                [("number", "2", INVALID), ("list", "[]", INVALID), ("null", "null", LOADS)]
            {
                odd(cases, part, &format!("type-{how}"), &spliced(part, "", "mediaType", json), refusals);
            }
        }
    }
}

/// A descriptor that says its document is something else.
fn types_of_descriptors(cases: &mut Cases) {
    let of_index = [
        ("oci-manifest", OCI_MANIFEST, CONFUSED),
        ("docker-manifest", DOCKER_MANIFEST, CONFUSED),
        ("docker-index", DOCKER_INDEX, LOADS),
    ];
    let of_manifest = [
        ("oci-index", OCI_INDEX, CONFUSED),
        ("docker-index", DOCKER_INDEX, CONFUSED),
        ("docker-manifest", DOCKER_MANIFEST, LOADS),
    ];
    let schema1: Refusals = &["UNSUPPORTED_SCHEMA1", "MEDIATYPE_CONFUSED"];
    let of_any = [
        ("config", OCI_CONFIG, CONFUSED),
        ("layer", OCI_LAYER_GZIP, CONFUSED),
        ("octets", "application/octet-stream", CONFUSED),
        ("schema1", SCHEMA1_TYPE, schema1),
        ("empty", "", INVALID),
    ];
    for (label, part, pointer, target) in DESCRIPTORS.into_iter().take(3) {
        let types = if target == Part::Index { of_index } else { of_manifest };
        for (how, media_type, refusals) in of_any.into_iter().chain(types) {
            let members = spliced(part, pointer, "mediaType", &json!(media_type).to_string());
            let place = [called(&members[target.at()]), called(&members[part.at()])];
            cases.add(9, &format!("{label}-described-as-{how}"), tar(&members), refusals, &place);
        }
        let members = edited(|this, value| {
            if this == part {
                at(value, pointer).as_object_mut().unwrap().remove("mediaType");
            }
        });
        let place = [called(&members[target.at()])];
        cases.add(9, &format!("{label}-described-as-nothing"), tar(&members), INVALID, &place);
    }
}

fn schema_versions(cases: &mut Cases) {
    let versions = [
        ("1", "1", SCHEMA1),
        ("0", "0", INVALID),
        ("3", "3", INVALID),
        ("text", r#""2""#, INVALID),
        ("fraction", "2.0", INVALID),
        ("2-to-32-and-2", "4294967298", INVALID),
        ("null", "null", INVALID),
    ];
    for part in INDEXES.into_iter().chain(MANIFESTS) {
        for (way, (how, json, refusals)) in versions.into_iter().enumerate() {
            if !cases.takes(way, part.at(), 3) {
                continue;
            }
            odd(cases, part, &format!("version-{how}"), &spliced(part, "", "schemaVersion", json), refusals);
        }
    }
    let signed = |part: Part| {
        edited(|this, value| {
            if this == part {
                *value = json!({
                    "schemaVersion": 1,
                    "name": "good",
                    "tag": "1",
                    "architecture": "amd64",
                    "fsLayers": [{"blobSum": "sha256:00"}],
                    "history": [{"v1Compatibility": "{}"}],
                    "signatures": [],
                });
            }
        })
    };
    for part in INDEXES.into_iter().chain(MANIFESTS) {
        odd(cases, part, "schema1", &signed(part), SCHEMA1);
    }
}

/// Keys that Go's decoder takes for those that count, beside them.
fn spelling(cases: &mut Cases) {
    let places = [
        (Part::IndexJson, "", "Manifests", "[]"),
        (Part::IndexJson, "", "SCHEMAVERSION", "1"),
        (Part::IndexJson, "", "mediatype", r#""x""#),
        (Part::IndexJson, "/manifests/0", "Digest", r#""x""#),
        (Part::IndexJson, "/manifests/0", "SIZE", "1"),
        (Part::Index, "", "MANIFESTS", "[]"),
        (Part::Index, "", "Layers", "[]"),
        (Part::Index, "/manifests/0", "digesT", r#""x""#),
        (Part::Index, "/manifests/1", "MediaType", r#""x""#),
        (Part::Index, "/manifests/0/platform", "OS", r#""windows""#),
        (Part::ManifestAmd, "", "Layers", "[]"),
        (Part::ManifestAmd, "", "CONFIG", "{}"),
        (Part::ManifestAmd, "", "Manifests", "[]"),
        (Part::ManifestAmd, "", "FSLayers", "[]"),
        (Part::ManifestAmd, "/config", "Digest", r#""x""#),
        (Part::ManifestArm, "/layers/0", "Size", "1"),
        (Part::ManifestArm, "/layers/1", "URLs", "[]"),
        (Part::ConfigAmd, "", "RootFS", "{}"),
        (Part::ConfigAmd, "", "Architecture", r#""arm""#),
        (Part::ConfigArm, "/rootfs", "Diff_IDs", "[]"),
        // To Go the long s is an s.
        (Part::IndexJson, "", "manife\u{17f}ts", "[]"),
        (Part::IndexJson, "/manifests/0", "dige\u{17f}t", r#""x""#),
        (Part::Index, "", "manifest\u{17f}", "[]"),
        (Part::Index, "/manifests/1", "\u{17f}ize", "1"),
        (Part::ManifestAmd, "", "layer\u{17f}", "[]"),
        (Part::ManifestArm, "/layers/0", "dige\u{17f}t", r#""x""#),
        (Part::ConfigAmd, "", "rootf\u{17f}", "{}"),
        (Part::ConfigArm, "/rootfs", "diff_id\u{17f}", "[]"),
        (Part::ManifestJson, "/0", "CONFIG", r#""x""#),
        (Part::ManifestJson, "/0", "repotags", "[]"),
        (Part::ManifestJson, "/0", "Layer\u{17f}", "[]"),
        (Part::ManifestJson, "/0", "RepoTag\u{17f}", r#"["evil:1"]"#),
    ];
    for (part, pointer, key, json) in places {
        let (below, spelt) = (pointer.replace('/', "-"), key.replace('\u{17f}', "-long-s-"));
        odd(cases, part, &format!("key{below}-{spelt}"), &spliced(part, pointer, key, json), INVALID);
    }
}

/// The same in docker's own form.
fn of_docker(cases: &mut Cases) {
    for (key, json) in [("config", json!("x")), ("LAYERS", json!([])), ("repoTags", json!(["evil:1"]))] {
        let members = old_edited(Form::Classic, |document, value| {
            if document == Old::ManifestJson {
                value[0][key] = json.clone();
            }
        });
        let place = members[MANIFEST].path.as_str();
        cases.add(9, &format!("classic-key-{key}"), tar(&members), INVALID, &[place]);
    }
}

/// Objects that are written as lists of their values: serde takes them, Go and JavaScript do not.
fn lists(cases: &mut Cases) {
    let as_list = |d: &Value| {
        json!([d["mediaType"], d["digest"], d["size"], [], d["annotations"], null, d["platform"]])
    };
    let mut add = |part: Part, pointer: &str, how: &str, list: &dyn Fn(&Value) -> Value| {
        let members = edited(|this, value| {
            if this == part {
                let place = at(value, pointer);
                *place = list(place);
            }
        });
        odd(cases, part, how, &members, INVALID);
    };
    for (label, part, pointer, _) in DESCRIPTORS {
        add(part, pointer, &format!("{label}-as-list"), &as_list);
    }
    add(Part::Index, "/manifests/0/platform", "platform-as-list", &|p| json!([p["architecture"], p["os"]]));
    add(Part::OciLayout, "", "as-list", &|layout| json!([layout["imageLayoutVersion"]]));
    for part in [Part::ConfigAmd, Part::ConfigArm] {
        add(part, "/rootfs", "rootfs-as-list", &|rootfs| json!([rootfs["type"], rootfs["diff_ids"]]));
        add(part, "/history/0", "history-as-list", &|step| json!([step["created"], step["created_by"]]));
        add(part, "", "as-list", &|c| {
            let (architecture, os) = (&c["architecture"], &c["os"]);
            let (config, rootfs, history) = (&c["config"], &c["rootfs"], &c["history"]);
            json!([c["created"], "", architecture, "", os, "", [], config, rootfs, history])
        });
    }
    let old = old_edited(Form::Legacy, |document, value| {
        if document == Old::BaseJson {
            *value = json!([null, null, null, null, null]);
        }
    });
    cases.add(9, "legacy-json-as-list", tar(&old), INVALID, &["/json"]);
}
