//! `barge image inspect`

use std::collections::BTreeMap;

use barge_core::ops::{Inspected, inspect};
use barge_core::store::Store;
use barge_oci::{Config, Descriptor, Digest, Reference};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Failure, Outcome, platform, print, say};
use crate::args::Inspect;
use crate::render::template::{execute, parse};
use crate::usage::{Arity, check};

/// Docker's exit code for a template of `inspect` that cannot be parsed.
const TEMPLATE_ERROR: u8 = 64;

/// The Engine API's answer (1.52 and later), fields in its order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct View {
    id: Digest,
    repo_tags: Vec<String>,
    repo_digests: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    author: String,
    config: Option<Ordered>,
    architecture: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    variant: String,
    os: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    os_version: String,
    size: u64,
    #[serde(rename = "RootFS")]
    root_fs: RootFs,
    metadata: Metadata,
    descriptor: Descriptor,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RootFs {
    r#type: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<Digest>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    last_tag_time: String,
}

/// A config's `config` in the order docker's types have, unknown keys last.
struct Ordered(Map<String, Value>);

const CONFIG_ORDER: [&str; 13] = [
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

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let empty = |v: &Value| match v {
            Value::Null | Value::Bool(false) => true,
            Value::String(s) => s.is_empty(),
            Value::Array(a) => a.is_empty(),
            Value::Object(o) => o.is_empty(),
            _ => false,
        };
        let known = CONFIG_ORDER.iter().filter_map(|key| self.0.get_key_value(*key));
        let unknown = self.0.iter().filter(|(key, _)| !CONFIG_ORDER.contains(&key.as_str()));
        serializer.collect_map(known.chain(unknown).filter(|(_, value)| !empty(value)))
    }
}

/// Prints what was found even if something else was not.
pub(crate) fn run(args: &Inspect, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::AtLeast(1), args.images.len(), typed)?;
    let platform = args.platform.as_deref().map(platform).transpose()?;
    let format = args.format.as_deref().filter(|f| !f.is_empty());
    let template = format.filter(|f| *f != "json").map(|f| parse(f, TEMPLATE_ERROR)).transpose()?;
    let store = store()?;
    let (mut views, mut failed) = (Vec::new(), Vec::new());
    for image in &args.images {
        match inspect(&store, image, platform.as_ref()) {
            Ok(inspected) => views.push(View::new(inspected)),
            Err(error) => failed.push(error),
        }
    }
    match (&template, format) {
        (Some(template), _) => {
            for view in &views {
                print(&(execute(template, &view.for_template())? + "\n"))?;
            }
        }
        (None, Some(_)) => print(&(serde_json::to_string(&views).map_err(|e| unprintable(&e))? + "\n"))?,
        (None, None) => print(&pretty(&views)?)?,
    }
    let mut failed = failed.into_iter();
    let Some(first) = failed.next() else { return Ok(()) };
    let mut last = first;
    for error in failed {
        say(&last.to_string());
        last = error;
    }
    Err(last.into())
}

/// An array indented by four spaces, as docker prints it.
fn pretty(views: &[View]) -> Result<String, Failure> {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    views.serialize(&mut serializer).map_err(|e| unprintable(&e))?;
    out.push(b'\n');
    String::from_utf8(out).map_err(|e| Failure::Text(e.to_string(), 1))
}

fn unprintable(error: &serde_json::Error) -> Failure {
    Failure::Text(error.to_string(), 1)
}

impl View {
    fn new(inspected: Inspected) -> Self {
        let Inspected { mut target, root, names, config, size, tagged } = inspected;
        target.annotations = BTreeMap::new();
        let tags = names.iter().filter(|n| n.tag().is_some()).map(Reference::familiar).collect();
        let mut digests: Vec<String> =
            names.iter().map(|n| format!("{}@{root}", n.familiar_name())).collect();
        digests.dedup();
        let config = config.unwrap_or_else(nothing);
        Self {
            id: target.digest,
            repo_tags: tags,
            repo_digests: digests,
            comment: config.comment,
            created: config.created,
            author: config.author,
            config: (!config.os.is_empty()).then_some(Ordered(config.config)),
            architecture: config.architecture,
            variant: config.variant,
            os: config.os,
            os_version: config.os_version,
            size,
            root_fs: RootFs { r#type: config.rootfs.kind, layers: config.rootfs.diff_ids },
            metadata: Metadata { last_tag_time: tagged.unwrap_or_else(|| "0001-01-01T00:00:00Z".to_owned()) },
            descriptor: target,
        }
    }

    /// With every key of the config, so that templates may ask for what the image does not set.
    fn for_template(&self) -> Map<String, Value> {
        let mut object = match serde_json::to_value(self) {
            Ok(Value::Object(object)) => object,
            _ => Map::new(),
        };
        let config = object.entry("Config").or_insert(Value::Null);
        if config.is_null() {
            *config = Value::Object(Map::new());
        }
        if let Value::Object(config) = config {
            for key in CONFIG_ORDER {
                let unset = if matches!(key, "User" | "WorkingDir" | "StopSignal") {
                    Value::from("")
                } else {
                    Value::Null
                };
                config.entry(key).or_insert(unset);
            }
        }
        for key in ["Comment", "Created", "Author", "Variant", "OsVersion"] {
            object.entry(key).or_insert(Value::from(""));
        }
        object
    }
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
