//! `containerd.services.diff.v1`: layers put onto mounts.

use super::types::{Descriptor, Mount};

calls! {
    "containerd.services.diff.v1.Diff":
    Apply(ApplyRequest) -> ApplyResponse;
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ApplyRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) diff: Option<Descriptor>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) mounts: Vec<Mount>,
}

/// What was applied: the layer without its compression.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ApplyResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) applied: Option<Descriptor>,
}
