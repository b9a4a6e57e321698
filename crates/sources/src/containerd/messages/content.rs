//! `containerd.services.content.v1`: blobs.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::types::{Empty, FieldMask};

calls! {
    "containerd.services.content.v1.Content":
    Info(InfoRequest) -> InfoResponse;
    Update(UpdateRequest) -> Empty;
    Read(ReadContentRequest) -> ReadContentResponse;
    Write(WriteContentRequest) -> WriteContentResponse;
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Info {
    #[prost(string, tag = "1")]
    pub(crate) digest: String,
    #[prost(int64, tag = "2")]
    pub(crate) size: i64,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct InfoRequest {
    #[prost(string, tag = "1")]
    pub(crate) digest: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct InfoResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) info: Option<Info>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct UpdateRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) info: Option<Info>,
    #[prost(message, optional, tag = "2")]
    pub(crate) update_mask: Option<FieldMask>,
}

/// Without a size: to the end.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ReadContentRequest {
    #[prost(string, tag = "1")]
    pub(crate) digest: String,
    #[prost(int64, tag = "2")]
    pub(crate) offset: i64,
    #[prost(int64, tag = "3")]
    pub(crate) size: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ReadContentResponse {
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) data: Bytes,
}

/// One step of writing a blob; the first one of a stream names it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WriteContentRequest {
    #[prost(int32, tag = "1")]
    pub(crate) action: i32,
    #[prost(string, tag = "2")]
    pub(crate) reference: String,
    #[prost(int64, tag = "3")]
    pub(crate) total: i64,
    #[prost(string, tag = "4")]
    pub(crate) expected: String,
    #[prost(int64, tag = "5")]
    pub(crate) offset: i64,
    #[prost(bytes = "bytes", tag = "6")]
    pub(crate) data: Bytes,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(crate) labels: BTreeMap<String, String>,
}

impl WriteContentRequest {
    /// Asks how far it is, and keeps others from writing it.
    pub(crate) const STAT: i32 = 0;
    /// Adds data.
    pub(crate) const WRITE: i32 = 1;
    /// Checks all of it and makes it a blob.
    pub(crate) const COMMIT: i32 = 2;
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WriteContentResponse {
    #[prost(int64, tag = "4")]
    pub(crate) offset: i64,
    #[prost(string, tag = "6")]
    pub(crate) digest: String,
}
