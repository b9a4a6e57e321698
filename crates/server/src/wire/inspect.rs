//! `ImageInspect`: everything that is told of one image.

use std::collections::BTreeMap;

use barge_core::ops::Inspected;
use barge_oci::{Config, Descriptor, Digest, Reference};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::version::ApiVersion;

/// What is always told of a config from 1.50 to 1.51.
const SINCE_50: [&str; 8] =
    ["Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "User", "Volumes", "WorkingDir"];
/// What was told of it before besides: a container's business.
const BEFORE_50: [&str; 9] = [
    "AttachStderr",
    "AttachStdin",
    "AttachStdout",
    "Domainname",
    "Hostname",
    "Image",
    "OpenStdin",
    "StdinOnce",
    "Tty",
];
/// The time of what was never tagged, in Go's words.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// The keys of an image's `Config`, in the order they are told.
pub const CONFIG_KEYS: [&str; 13] = [
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "ArgsEscaped",
    "Healthcheck",
    "OnBuild",
    "Shell",
];

/// An image as `GET /images/{name}/json` tells it, fields in docker's order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImageInspect {
    id: Digest,
    repo_tags: Vec<String>,
    repo_digests: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    docker_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    config: Option<ImageConfig>,
    architecture: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    variant: String,
    os: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    os_version: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    virtual_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    graph_driver: Option<Value>,
    #[serde(rename = "RootFS")]
    root_fs: RootFs,
    metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    descriptor: Option<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manifests: Option<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RootFs {
    r#type: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<Digest>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    last_tag_time: String,
}

/// A config's `config`: what is set, what this version always tells, unknown keys last.
#[derive(Debug)]
struct ImageConfig {
    config: Map<String, Value>,
    version: ApiVersion,
}

impl ImageConfig {
    /// What stands for a key that is not set; `None` if nothing does.
    fn unset(&self, key: &str) -> Option<Value> {
        let always = (self.version < ApiVersion(1, 52) && SINCE_50.contains(&key))
            || (self.version < ApiVersion(1, 50) && BEFORE_50.contains(&key));
        always.then(|| match key {
            "User" | "WorkingDir" | "Domainname" | "Hostname" | "Image" => json!(""),
            key if BEFORE_50.contains(&key) => json!(false),
            _ => Value::Null,
        })
    }
}

impl Serialize for ImageConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let empty = |v: &Value| match v {
            Value::Null | Value::Bool(false) => true,
            Value::String(s) => s.is_empty(),
            Value::Array(a) => a.is_empty(),
            Value::Object(o) => o.is_empty(),
            _ => false,
        };
        let keys = CONFIG_KEYS.iter().chain(&BEFORE_50).copied();
        let known = keys.clone().map(|key| (key, self.config.get(key)));
        let unknown = self.config.iter().filter(|(key, _)| keys.clone().all(|known| known != *key));
        let unknown = unknown.map(|(key, value)| (key.as_str(), Some(value)));
        serializer.collect_map(known.chain(unknown).filter_map(|(key, value)| {
            let set = value.filter(|value| !empty(value)).cloned();
            Some((key, set.or_else(|| self.unset(key))?))
        }))
    }
}

impl ImageInspect {
    /// What `inspected` is told as in this version of the API.
    #[must_use]
    pub fn new(inspected: Inspected, version: ApiVersion) -> Self {
        let Inspected { mut target, root, names, config, size, tagged } = inspected;
        target.annotations = BTreeMap::new();
        if target.digest == root {
            // What nothing lists has no platform but the config's.
            target.platform = None;
        }
        let tags = names.iter().filter(|n| n.tag().is_some()).map(Reference::familiar).collect();
        let config = config.unwrap_or_else(nothing);
        // Since 1.52 what is empty is not told.
        let legacy = version < ApiVersion(1, 52);
        let told = |text: String| (legacy || !text.is_empty()).then_some(text);
        Self {
            id: target.digest,
            repo_tags: tags,
            repo_digests: repo_digests(&names, &root),
            parent: told(String::new()),
            comment: told(config.comment),
            created: config.created,
            docker_version: legacy.then_some(config.docker_version),
            author: told(config.author),
            config: (!config.os.is_empty()).then_some(ImageConfig { config: config.config, version }),
            architecture: config.architecture,
            variant: config.variant,
            os: config.os,
            os_version: config.os_version,
            size,
            virtual_size: (version < ApiVersion(1, 44)).then_some(size),
            graph_driver: legacy.then(|| json!({"Data": null, "Name": "overlayfs"})),
            root_fs: RootFs { r#type: config.rootfs.kind, layers: config.rootfs.diff_ids },
            metadata: Metadata { last_tag_time: tagged.unwrap_or_else(|| NEVER.to_owned()) },
            descriptor: (version >= ApiVersion(1, 48)).then_some(target),
            manifests: None,
        }
    }
}

/// `name@digest` for every repository of the names.
pub(super) fn repo_digests(names: &[Reference], root: &Digest) -> Vec<String> {
    let mut digests: Vec<String> = names.iter().map(|n| format!("{}@{root}", n.familiar_name())).collect();
    // Names of one repository stand side by side.
    digests.dedup();
    digests
}

/// The config of what has none.
fn nothing() -> Config {
    Config {
        created: None,
        author: String::new(),
        architecture: String::new(),
        variant: String::new(),
        os: String::new(),
        os_version: String::new(),
        os_features: Vec::new(),
        config: Map::new(),
        rootfs: barge_oci::RootFs::default(),
        history: Vec::new(),
        comment: String::new(),
        docker_version: String::new(),
    }
}
