//! `containerd.services.snapshots.v1`: unpacked layers.

use std::collections::BTreeMap;

use super::types::{Empty, Mount};

calls! {
    "containerd.services.snapshots.v1.Snapshots":
    Prepare(PrepareSnapshotRequest) -> PrepareSnapshotResponse;
    Commit(CommitSnapshotRequest) -> Empty;
    Remove(RemoveSnapshotRequest) -> Empty;
    Stat(StatSnapshotRequest) -> Empty;
}

/// Begins a snapshot under `key`, on top of `parent` if that is not empty.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PrepareSnapshotRequest {
    #[prost(string, tag = "1")]
    pub(crate) snapshotter: String,
    #[prost(string, tag = "2")]
    pub(crate) key: String,
    #[prost(string, tag = "3")]
    pub(crate) parent: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PrepareSnapshotResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) mounts: Vec<Mount>,
}

/// Makes what is under `key` the snapshot `name`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CommitSnapshotRequest {
    #[prost(string, tag = "1")]
    pub(crate) snapshotter: String,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(string, tag = "3")]
    pub(crate) key: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RemoveSnapshotRequest {
    #[prost(string, tag = "1")]
    pub(crate) snapshotter: String,
    #[prost(string, tag = "2")]
    pub(crate) key: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StatSnapshotRequest {
    #[prost(string, tag = "1")]
    pub(crate) snapshotter: String,
    #[prost(string, tag = "2")]
    pub(crate) key: String,
}
