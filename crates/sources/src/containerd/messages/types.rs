//! What several services share: `containerd.types`, and the two of `google.protobuf` that are needed.

use std::collections::BTreeMap;

use barge_oci as oci;

/// `google.protobuf.Empty`, and every answer of which nothing is used.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Empty {}

/// `google.protobuf.FieldMask`: what an update changes.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FieldMask {
    #[prost(string, repeated, tag = "1")]
    pub(crate) paths: Vec<String>,
}

/// A descriptor without URLs and platform.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Descriptor {
    #[prost(string, tag = "1")]
    pub(crate) media_type: String,
    #[prost(string, tag = "2")]
    pub(crate) digest: String,
    #[prost(int64, tag = "3")]
    pub(crate) size: i64,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// How a snapshot is mounted; handed from the snapshotter to the differ as it is.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Mount {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(string, tag = "2")]
    pub(crate) source: String,
    #[prost(string, tag = "3")]
    pub(crate) target: String,
    #[prost(string, repeated, tag = "4")]
    pub(crate) options: Vec<String>,
}

impl Descriptor {
    /// What names content, without annotations: those are its place's.
    pub(crate) fn of(descriptor: &oci::Descriptor) -> Self {
        Self {
            media_type: descriptor.media_type.clone(),
            digest: descriptor.digest.to_string(),
            size: length(descriptor.size),
            annotations: BTreeMap::new(),
        }
    }

    /// `None` for a digest of an algorithm that is not known here, and for a size that is none.
    pub(crate) fn parse(self) -> Option<oci::Descriptor> {
        let (digest, size) = (self.digest.parse().ok()?, u64::try_from(self.size).ok()?);
        let descriptor = oci::Descriptor::new(&self.media_type, digest, size);
        Some(oci::Descriptor { annotations: self.annotations, ..descriptor })
    }
}

/// A number of bytes as the API has it. What no number can say is refused there for its size.
pub(crate) fn length(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
