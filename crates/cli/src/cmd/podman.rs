//! Where podman is: its images, as its `storage.conf` says, and its service, which answers docker's API.

use std::path::PathBuf;

use barge_sources::docker::{Address, Engine};
use serde::Deserialize;

use super::Failure;
use super::registry::{config_folder, directory};
use crate::args::Engines;

/// The usual place, if images are root's, and where below a user's folder for data.
const ROOTS: &str = "/var/lib/containers/storage";
const OWN: &str = "containers/storage";
/// What the system says, the first that is there counts.
const FILES: [&str; 2] = ["/etc/containers/storage.conf", "/usr/share/containers/storage.conf"];

/// What of `storage.conf` counts here (containers-storage.conf(5)).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    storage: Storage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Storage {
    graphroot: String,
    rootless_storage_path: String,
    options: Options,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    additionalimagestores: Vec<String>,
}

/// The folder that podman writes to, and those that it only reads.
pub(super) fn roots(args: &Engines) -> Result<Vec<PathBuf>, Failure> {
    let root = rustix::process::geteuid().is_root();
    let Storage { graphroot, rootless_storage_path, options } = configured(root);
    let said = |text: String| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
    let usual = || {
        if root {
            return Some(PathBuf::from(ROOTS));
        }
        let data = directory("XDG_DATA_HOME").or_else(|| Some(directory("HOME")?.join(".local/share")));
        Some(data?.join(OWN))
    };
    let first = match &args.root {
        Some(root) => return Ok(vec![PathBuf::from(root)]),
        None if root => said(graphroot),
        None => said(rootless_storage_path).or_else(|| said(graphroot)),
    };
    let missing =
        || Failure::Text("no place for podman's images: give `--root DIR` or set HOME".to_owned(), 1);
    let more = options.additionalimagestores.into_iter().filter_map(said);
    Ok(std::iter::once(first.or_else(usual).ok_or_else(missing)?).chain(more).collect())
}

/// What the first file says; what makes no sense says nothing, as podman would complain about it.
fn configured(root: bool) -> Storage {
    let own = (!root).then(config_folder).flatten().map(|folder| folder.join("containers/storage.conf"));
    let own = directory("CONTAINERS_STORAGE_CONF").into_iter().chain(own).map(|path| (path, true));
    let files = own.chain(FILES.map(|path| (PathBuf::from(path), false)));
    let found = files.filter_map(|(path, own)| Some((std::fs::read_to_string(path).ok()?, own))).next();
    let Some((text, own)) = found else { return Storage::default() };
    let mut storage = toml::from_str::<File>(&text).unwrap_or_default().storage;
    if !root && !own {
        // The system's file speaks of root's images.
        storage.graphroot.clear();
    }
    storage
}

/// Whether it is said which service is meant, and no folder.
pub(super) fn is_said(args: &Engines) -> bool {
    args.root.is_none() && said(args).is_some()
}

/// Whether the service runs where it usually does.
pub(super) fn is_there() -> bool {
    socket().exists()
}

/// The service: `--host`, CONTAINER_HOST, or the usual socket of this user.
pub(super) fn service(args: &Engines) -> Result<Engine, Failure> {
    let host = said(args).unwrap_or_else(|| format!("unix://{}", socket().display()));
    Ok(Engine::connect(&Address::parse(&host, None)?, None)?)
}

fn said(args: &Engines) -> Option<String> {
    let said = args.host.clone().or_else(|| std::env::var("CONTAINER_HOST").ok());
    said.filter(|host| !host.is_empty())
}

fn socket() -> PathBuf {
    let own = directory("XDG_RUNTIME_DIR").filter(|_| !rustix::process::geteuid().is_root());
    own.unwrap_or_else(|| PathBuf::from("/run")).join("podman/podman.sock")
}
