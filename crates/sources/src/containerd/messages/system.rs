//! What containerd tells of itself: `containerd.services.introspection.v1` and `.namespaces.v1`.

use std::collections::BTreeMap;

calls! {
    "containerd.services.introspection.v1.Introspection":
    Plugins(PluginsRequest) -> PluginsResponse;
}

calls! {
    "containerd.services.namespaces.v1.Namespaces":
    Get(GetNamespaceRequest) -> GetNamespaceResponse;
    List(ListNamespacesRequest) -> ListNamespacesResponse;
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PluginsRequest {
    #[prost(string, repeated, tag = "1")]
    pub(crate) filters: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PluginsResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) plugins: Vec<Plugin>,
}

/// A part of containerd, and what it says of itself in `exports`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Plugin {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(string, tag = "2")]
    pub(crate) id: String,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) exports: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Namespace {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GetNamespaceRequest {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GetNamespaceResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) namespace: Option<Namespace>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListNamespacesRequest {
    #[prost(string, tag = "1")]
    pub(crate) filter: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListNamespacesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) namespaces: Vec<Namespace>,
}
