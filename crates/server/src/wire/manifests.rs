//! `ImageManifestSummary`: what an image lists, and how much of it is here.

use std::collections::BTreeMap;

use barge_core::content::total;
use barge_core::graph::{Kind, Listed, State, Tree};
use serde_json::{Map, Value, json};

/// Every manifest of an image in the order listed. Nothing is unpacked here, so content is all there is.
pub(crate) fn manifests(tree: &Tree) -> Value {
    tree.manifests.iter().map(|listed| manifest(listed, tree)).collect()
}

fn manifest(listed: &Listed, tree: &Tree) -> Value {
    let mut descriptor = listed.descriptor.clone();
    if descriptor.digest == tree.root.digest {
        // The store's own notes are nobody's business, and nothing lists the root.
        (descriptor.annotations, descriptor.platform) = (BTreeMap::new(), None);
    }
    let content = total(listed.present_blobs().map(|b| b.size));
    let mut object = Map::from_iter([
        ("ID".to_owned(), json!(descriptor.digest)),
        ("Descriptor".to_owned(), json!(descriptor)),
        ("Available".to_owned(), json!(listed.state == State::Whole)),
        ("Size".to_owned(), json!({"Content": content, "Total": content})),
    ]);
    let (kind, data) = match listed.kind {
        Kind::Image => {
            let data = json!({"Platform": listed.platform, "Size": {"Unpacked": 0}, "Containers": null});
            ("image", Some(("ImageData", data)))
        }
        Kind::Attestation => {
            let of = json!({"For": listed.descriptor.attests().unwrap_or_default()});
            ("attestation", Some(("AttestationData", of)))
        }
        Kind::Artifact => ("unknown", None),
    };
    object.insert("Kind".to_owned(), kind.into());
    object.extend(data.map(|(key, value)| (key.to_owned(), value)));
    Value::Object(object)
}
