//! `barge image inspect` and docker's, of the same images: every field and every platform.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::{LoadOpts, Peer, start};
use serde_json::Value;

use crate::depot::Depot;

/// What is compared; the rest depends on the store or the hour.
const FIELDS: [&str; 13] = [
    "Id",
    "RepoTags",
    "RepoDigests",
    "Comment",
    "Created",
    "Author",
    "Config",
    "Architecture",
    "Variant",
    "Os",
    "Size",
    "RootFS",
    "Descriptor",
];

/// docker takes every platform of a nested index for as large as the first.
const NESTED: (&str, &str) = ("example.org/team/tiny:nested", "Size");

/// Of every image in the depot, as a whole and one platform after the other.
pub(crate) fn same() -> Result<()> {
    let Some(docker) = start(Peer::DockerContainerd)? else { return Ok(()) };
    let (depot, folder) = (Depot::open()?, tempfile::tempdir()?);
    let archive = folder.path().join("all.tar");
    depot.save(&[&depot.repositories()[..], &["--include-foreign"]].concat(), "", &archive)?;
    docker.load(&archive, LoadOpts::default())?;

    let mut differences = Vec::new();
    for (name, image) in depot.images() {
        let platforms = image.platforms.iter().map(|seen| Some(seen.platform()));
        for platform in std::iter::once(None).chain(platforms) {
            let platform = platform.as_deref();
            let (ours, theirs) = (depot.barge.told(name, platform)?, ask(docker.socket(), name, platform)?);
            for field in FIELDS {
                let (ours, theirs) = (told(&ours, field), told(&theirs, field));
                if ours != theirs && (name, field) != NESTED {
                    differences.push(format!("{name} {platform:?} {field}: {ours} and not {theirs}"));
                }
            }
        }
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

/// A field without what is empty in it, as versions of docker differ in what they leave out.
fn told(image: &Value, field: &str) -> Value {
    let mut value = image.get(field).cloned().unwrap_or_default();
    if let (true, Some(descriptor)) = (field == "Descriptor", value.as_object_mut()) {
        // The names it had in the archive, of which docker keeps one, and what docker forgets.
        descriptor.remove("annotations");
        descriptor.remove("artifactType");
    }
    prune(&mut value);
    if let (true, Value::Array(names)) = (field.starts_with("Repo"), &mut value) {
        names.sort_by_key(ToString::to_string);
    }
    value
}

fn prune(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.values_mut().for_each(prune);
        fields.retain(|_, value| !value.is_null());
    }
    let empty = match value {
        Value::Bool(value) => !*value,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    if empty {
        *value = Value::Null;
    }
}

/// docker's answer, over its socket.
fn ask(socket: &Path, name: &str, platform: Option<&str>) -> Result<Value> {
    let mut path = format!("/v1.49/images/{name}/json");
    if let Some(platform) = platform {
        let [os, architecture, variant] = {
            let mut words = platform.split('/');
            [(); 3].map(|()| words.next().unwrap_or_default())
        };
        let json = format!(r#"{{"os":"{os}","architecture":"{architecture}","variant":"{variant}"}}"#);
        path = format!("{path}?platform={}", json.replace('"', "%22"));
    }
    let mut stream = UnixStream::connect(socket)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.split_whitespace().nth(1) == Some("200"), "{path}: {head}: {body}");
    Ok(serde_json::from_str(body)?)
}
