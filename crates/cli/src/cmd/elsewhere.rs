//! Where an image is that the store does not have: a quick look at the engines of this host.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use barge_core::content::Image;
use barge_core::error::Error;
use barge_core::resolve::all_tags;
use barge_oci::Reference;
use barge_sources::containerd::{Containerd, Via};
use barge_sources::docker::Held;
use barge_sources::unpacked::Unpacked;

use super::missing::missing;
use super::{Failure, engine, podman};
use crate::args::Engines;

/// How long all of them have to answer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The flags with which one engine is asked, if it has an image.
type Look = fn(&Engines, &str) -> Result<Option<String>, Failure>;

/// The error, and if it is that the store has no such image, which engine has it and how to ask that.
pub(super) fn advise(error: Error, engines: &Engines, names: &[String], command: &str) -> Error {
    let Some(shown) = missing(&error) else { return error };
    let meant =
        |name: &&String| Reference::parse(name).is_ok_and(|parsed| parsed.or_latest().familiar() == shown);
    let found = names.iter().find(meant).and_then(|name| Some((name, find(engines, name)?)));
    match found {
        Some((name, flags)) => error.hint(format!("another place has it: `barge {command} {flags} {name}`")),
        None => error,
    }
}

/// The flags for the first engine that has an image.
fn find(engines: &Engines, name: &str) -> Option<String> {
    let looks: [Look; 3] = [in_docker, in_podman, in_containerd];
    let (sender, receiver) = channel();
    for (order, look) in looks.into_iter().enumerate() {
        let (sender, engines, name) = (sender.clone(), engines.clone(), name.to_owned());
        // Whoever does not answer in time is not waited for.
        let started = std::thread::Builder::new().spawn(move || {
            let _ = sender.send((order, look(&engines, &name).ok().flatten()));
        });
        started.ok()?;
    }
    drop(sender);
    let deadline = Instant::now() + PATIENCE;
    let mut found: Vec<(usize, String)> = Vec::new();
    while let Ok((order, flags)) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        found.extend(flags.map(|flags| (order, flags)));
    }
    found.into_iter().min().map(|(_, flags)| flags)
}

fn has(images: &[Image], name: &str) -> bool {
    all_tags(images, name).is_ok()
}

fn in_docker(engines: &Engines, name: &str) -> Result<Option<String>, Failure> {
    if !engine::address(engines)?.is_local() {
        // Nobody has asked for another host to be looked at.
        return Ok(None);
    }
    let held = engine::docker(engines)?.images(&[])?;
    Ok(has(&Held::images(&held), name).then(|| "--from docker".to_owned()))
}

fn in_podman(engines: &Engines, name: &str) -> Result<Option<String>, Failure> {
    let roots = podman::roots(engines)?;
    let images = Unpacked::names(&roots)?;
    let local = format!("localhost/{name}");
    Ok((has(&images, name) || has(&images, &local)).then(|| "--from podman".to_owned()))
}

fn in_containerd(engines: &Engines, name: &str) -> Result<Option<String>, Failure> {
    let socket = engines.address.as_deref().map_or(Path::new(Containerd::SOCKET), Path::new);
    let connect = |namespace: &str| Containerd::connect(socket, namespace, Via::Api, None);
    for namespace in
        connect(&engines.namespace)?.namespaces()?.iter().filter(|n| *n != Containerd::DOCKERS_NAMESPACE)
    {
        if has(&connect(namespace)?.images()?, name) {
            return Ok(Some(format!("--from containerd --namespace {namespace}")));
        }
    }
    Ok(None)
}
