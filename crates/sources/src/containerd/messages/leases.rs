//! `containerd.services.leases.v1`: what the garbage collector leaves alone.

use std::collections::BTreeMap;

use super::types::Empty;

calls! {
    "containerd.services.leases.v1.Leases":
    Create(CreateRequest) -> Empty;
    Delete(DeleteRequest) -> Empty;
    AddResource(AddResourceRequest) -> Empty;
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CreateRequest {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeleteRequest {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
}

/// Something a lease holds: of kind `content`, its digest.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Resource {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(string, tag = "2")]
    pub(crate) kind: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AddResourceRequest {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) resource: Option<Resource>,
}
