//! Labels on content, by which containerd's garbage collector knows what belongs to what.
//!
//! ```text
//! containerd.io/gc.ref.content.config               a manifest's config
//! containerd.io/gc.ref.content.l.N                  its layers
//! containerd.io/gc.ref.content.m.N                  an index's manifests
//! containerd.io/gc.ref.content.N                    whatever else is listed
//! containerd.io/gc.ref.content.referrer.sha256.HEX  what refers to it, by the first 12 digits
//! containerd.io/gc.ref.snapshot.SNAPSHOTTER         on a config: the snapshot its layers became
//! containerd.io/distribution.source.HOST            the repositories it came from
//! containerd.io/uncompressed                        on a layer: its diffID
//! ```

use std::collections::BTreeMap;

use barge_core::error::Result;
use barge_oci::{Descriptor, Digest, annotation, media_type};

use super::client::{Client, PATIENCE};
use super::messages::content::{Info, UpdateRequest};
use super::messages::types::FieldMask;

/// Labels by their keys.
pub(super) type Labels = BTreeMap<String, String>;

/// On a layer: its diffID.
pub(super) const UNCOMPRESSED: &str = "containerd.io/uncompressed";
/// On a config, before the snapshotter's name.
pub(super) const SNAPSHOT: &str = "containerd.io/gc.ref.snapshot.";

const CHILD: &str = "containerd.io/gc.ref.content.";
const REFERRER: &str = "referrer.sha256.";
/// How long a key and its value may be together; containerd refuses what is longer.
const LONGEST: usize = 4096;

/// What keeps the children of a manifest or index, in the order listed.
pub(super) fn children<'a>(listed: impl IntoIterator<Item = &'a Descriptor>) -> Labels {
    let (mut labels, mut counts) = (Labels::new(), BTreeMap::<&str, usize>::new());
    for child in listed {
        let kind = kind(child);
        let count = counts.entry(kind).or_default();
        // The first config has no number.
        let number = if kind == "config" && *count == 0 { String::new() } else { count.to_string() };
        *count += 1;
        let key =
            if kind == REFERRER { referrer_key(&child.digest) } else { format!("{CHILD}{kind}{number}") };
        labels.insert(key, child.digest.to_string());
    }
    labels
}

/// What keeps `referrer`, on the content it refers to.
pub(super) fn referrer(referrer: &Digest) -> Labels {
    Labels::from([(referrer_key(referrer), referrer.to_string())])
}

/// Where an image came from, as its annotations tell it: containerd may mount its blobs from there when it pushes them.
pub(super) fn origin(image: &Descriptor) -> Labels {
    image.sources().filter(|(key, value)| key.len() + value.len() <= LONGEST).collect()
}

/// Adds labels to content that is there; its other labels stay.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub(super) fn add(client: &Client, digest: &Digest, labels: Labels) -> Result<()> {
    if labels.is_empty() {
        return Ok(());
    }
    let paths = labels.keys().map(|key| format!("labels.{key}")).collect();
    let info = Info { digest: digest.to_string(), labels, ..Info::default() };
    let request = UpdateRequest { info: Some(info), update_mask: Some(FieldMask { paths }) };
    client.ask_within(PATIENCE, &format!("labels of {digest}"), request).map(drop)
}

fn referrer_key(digest: &Digest) -> String {
    format!("{CHILD}{REFERRER}{}", digest.short())
}

/// The part of the key that tells what a child is.
fn kind(child: &Descriptor) -> &'static str {
    let media_type = child.media_type.as_str();
    if child.annotations.contains_key(annotation::MANIFEST_SUBJECT) {
        REFERRER
    } else if media_type::is_image_config(media_type) {
        "config"
    } else if media_type::is_manifest(media_type) {
        "m."
    } else if media_type::is_layer(media_type) {
        "l."
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(media_type: &str) -> Descriptor {
        Descriptor::of(media_type, b"")
    }

    fn keys<'a>(labels: &'a Labels, prefix: &str) -> Vec<&'a str> {
        labels.keys().map(|key| key.strip_prefix(prefix).unwrap()).collect()
    }

    #[test]
    fn of_a_manifest() {
        let layer = child(media_type::OCI_LAYER_GZIP);
        let labels = children(&[child(media_type::OCI_CONFIG), layer.clone(), layer]);
        assert_eq!(keys(&labels, "containerd.io/gc.ref.content."), ["config", "l.0", "l.1"]);
        assert!(labels.values().all(|value| *value == Digest::sha256(b"").to_string()));
    }

    #[test]
    fn of_an_index() {
        let mut referrer = child(media_type::OCI_MANIFEST);
        referrer.annotations.insert(annotation::MANIFEST_SUBJECT.to_owned(), String::new());
        let manifest = child(media_type::DOCKER_MANIFEST);
        let labels = children(&[manifest.clone(), referrer, child(media_type::OCI_INDEX), manifest]);
        let expected = ["0", "m.0", "m.1", "referrer.sha256.e3b0c44298fc"];
        assert_eq!(keys(&labels, "containerd.io/gc.ref.content."), expected);
    }

    #[test]
    fn of_an_artifact() {
        let labels = children(&[child("application/vnd.oci.empty.v1+json"), child("text/plain")]);
        assert_eq!(keys(&labels, "containerd.io/gc.ref.content."), ["0", "1"]);
    }

    #[test]
    fn only_what_can_be_an_origin() {
        let mut image = child(media_type::OCI_MANIFEST);
        let told = [
            ("containerd.io/distribution.source.docker.io", "library/app".to_owned()),
            ("containerd.io/distribution.source.example.com", "x".repeat(4096)),
            ("containerd.io/gc.root", "x".to_owned()),
        ];
        image.annotations.extend(told.map(|(key, value)| (key.to_owned(), value)));
        assert_eq!(keys(&origin(&image), annotation::SOURCE), ["docker.io"]);
    }
}
