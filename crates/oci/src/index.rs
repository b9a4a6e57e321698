//! Image indexes and Docker manifest lists; and what makes a folder with an `index.json` a layout.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::media_type;
use crate::{Descriptor, Digest, to_go_json};

/// What the file `oci-layout` says, beside the `index.json` of a layout (OCI image spec, image-layout.md); there is one
/// version.
pub const OCI_LAYOUT: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";

/// A list of manifests, one a platform (OCI image spec, image-index.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// The index's own media type; older OCI writers leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The kind of artifact, where this is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The children; `null` in archives that docker 25.0 saved by ID.
    pub manifests: Vec<Descriptor>,
    /// The manifest this index refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free-form facts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Index {
    /// An OCI index of `manifests`.
    #[must_use]
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type::OCI_INDEX.to_owned()),
            artifact_type: None,
            manifests,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// The bytes of an index with only those children of `original` that `keep` says yes to.
    ///
    /// Every other field and every kept child stays as it was written, in the same order. `replace` gives
    /// the JSON of a child that has to change itself (a nested index that was narrowed too).
    ///
    /// # Errors
    /// If `original` is not a JSON object with a `manifests` array of descriptors.
    pub fn narrow(
        original: &[u8],
        keep: impl Fn(&Digest) -> bool,
        replace: impl Fn(&Digest) -> Option<Descriptor>,
    ) -> serde_json::Result<Vec<u8>> {
        #[derive(Deserialize)]
        struct Child {
            digest: Digest,
        }
        let fields: Fields<'_> = serde_json::from_slice(original)?;
        let mut out = Vec::with_capacity(original.len());
        for (key, value) in &fields.0 {
            out.push(if out.is_empty() { b'{' } else { b',' });
            out.extend_from_slice(&to_go_json(key)?);
            out.push(b':');
            if key != "manifests" {
                out.extend_from_slice(value.get().as_bytes());
                continue;
            }
            let mut kept = Vec::new();
            for raw in serde_json::from_str::<Vec<&RawValue>>(value.get())? {
                let child: Child = serde_json::from_str(raw.get())?;
                match replace(&child.digest) {
                    Some(changed) => kept.push(String::from_utf8_lossy(&to_go_json(&changed)?).into_owned()),
                    None if keep(&child.digest) => kept.push(raw.get().to_owned()),
                    None => {}
                }
            }
            out.extend_from_slice(format!("[{}]", kept.join(",")).as_bytes());
        }
        out.push(b'}');
        Ok(out)
    }
}

/// The fields of a JSON object, in the order written.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_keeps_everything_else_as_written() {
        let (a, b) = (Digest::sha256(b"a"), Digest::sha256(b"b"));
        let child = |d: &Digest| format!(r#"{{"size":1,"digest":"{d}","x":{{ }}}}"#);
        let original =
            format!(r#"{{"schemaVersion":2,"manifests":[{},{}],"extra":[1, 2]}}"#, child(&a), child(&b));
        let narrowed = Index::narrow(original.as_bytes(), |d| *d == b, |_| None).unwrap();
        let expected = format!(r#"{{"schemaVersion":2,"manifests":[{}],"extra":[1, 2]}}"#, child(&b));
        assert_eq!(String::from_utf8(narrowed).unwrap(), expected);
    }
}
