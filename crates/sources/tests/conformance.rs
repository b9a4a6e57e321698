//! What every place promises, asked of those that need somebody else: registries and engines, the real ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use barge_core::error::Result;
use barge_core::graph::Tree;
use barge_core::progress::Silent;
use barge_core::select::{Selection, Wanted};
use barge_core::store::Store;
use barge_sources::containerd::{Containerd, Via};
use barge_sources::docker::{self, Address, Held};
use barge_sources::registry::{Gathered, Registry, Repository, Settings};
use barge_sources::unpacked::Unpacked;
use barge_testkit::conformance::{Given, Presence, damaged, destination, images, provider, remote};
use barge_testkit::peers::{self, Engine, LoadOpts, Peer};

/// A repository of a registry that has nothing yet.
fn repository() -> Option<(Repository, peers::Registry)> {
    let registry = peers::Registry::start().unwrap()?;
    let settings = Settings {
        user_agent: "barge's tests".to_owned(),
        // What fails is to be seen.
        attempts: 1,
        ..Settings::default()
    };
    let here = Registry::new(registry.address(), Arc::new(settings)).unwrap();
    Some((here.repository("team/given"), registry))
}

/// One that was given everything, by oras.
fn filled(given: &Given) -> Option<(Repository, peers::Registry)> {
    let (repository, registry) = repository()?;
    let layout = tempfile::tempdir().unwrap();
    given.write(layout.path());
    for (root, tag) in given.roots().iter().zip(["index", "statement"]) {
        registry.push(layout.path(), &root.digest.to_string(), &format!("team/given:{tag}")).unwrap();
    }
    Some((repository, registry))
}

/// The same as a part of several repositories.
fn gathered(given: &Given) -> Option<(Gathered, peers::Registry)> {
    let (repository, registry) = filled(given)?;
    let mut gathered = Gathered::new(Wanted::All);
    for root in given.roots() {
        gathered.add(repository.clone(), &root).unwrap();
        // What nothing that was read lists is not there.
        Tree::walk(&gathered, &root).unwrap();
    }
    Some((gathered, registry))
}

/// An engine that has loaded the image, with all platforms if it can.
fn loaded(peer: Peer, given: &Given) -> Option<Box<dyn Engine>> {
    let engine = peers::start(peer).unwrap()?;
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().join("archive.tar");
    given.archive(&archive);
    let all_platforms = matches!(peer, Peer::Containerd | Peer::Containerd16);
    engine.load(&archive, LoadOpts { platform: None, all_platforms }).unwrap();
    Some(engine)
}

/// A file or folder of the engine's own, as this host sees it.
fn file(engine: &dyn Engine, path: &str) -> PathBuf {
    engine.socket().parent().unwrap().join(path)
}

#[test]
fn a_repository() {
    provider(Presence::Assumed, |given| {
        let (repository, registry) = filled(given)?;
        Some((repository, given.roots(), registry))
    });
}

#[test]
fn a_repository_far_away() {
    remote(filled);
}

#[test]
fn a_repository_that_takes_content() {
    destination(|_| repository());
}

#[test]
fn repositories_together() {
    provider(Presence::Assumed, |given| {
        let (gathered, registry) = gathered(given)?;
        Some((gathered, given.roots(), registry))
    });
}

#[test]
fn repositories_together_far_away() {
    remote(gathered);
}

fn containerd(peer: Peer) {
    let Some(engine) = loaded(peer, &Given::new()) else { return };
    let content = file(&*engine, "d/io.containerd.content.v1.content");
    let connect = |via| Containerd::connect(engine.socket(), "default", via, Some(&content)).unwrap();
    for via in [Via::Api, Via::Disk] {
        provider(Presence::Known, |given| Some((connect(via), vec![given.index().clone()], ())));
    }
    images(|| connect(Via::Api).images().unwrap());
    damaged(|given, how| {
        let spoilt = given.damage(&content, how);
        Some((connect(Via::Disk), spoilt, ()))
    });
}

#[test]
fn containerd_2() {
    containerd(Peer::Containerd);
}

#[test]
fn containerd_16() {
    containerd(Peer::Containerd16);
}

#[test]
fn what_docker_sends() {
    provider(Presence::Known, |given| {
        let engine = loaded(Peer::DockerContainerd, given)?;
        let address = Address::parse(&format!("unix://{}", engine.socket().display()), None).unwrap();
        let docker = docker::Engine::connect(&address, None).unwrap();
        let held = docker.images(&[]).unwrap();
        images(|| Held::images(&held));
        let ask = docker.ask(&held, &Held::images(&held), &Selection::default()).unwrap();
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(&place.path().join("store")).unwrap();
        let fetched = docker.fetch(&ask, &store, &Silent).unwrap();
        let roots = fetched.images.iter().map(|image| image.target.clone()).collect();
        Some((fetched, roots, (place, engine)))
    });
}

fn unpacked(peer: Peer, open: impl FnOnce(&Path) -> Result<Unpacked>) {
    provider(Presence::Known, |given| {
        let engine = loaded(peer, given)?;
        let store = open(&file(&*engine, "d")).unwrap();
        let ids: Vec<String> = store.listed().iter().map(|listed| listed.id.hex()).collect();
        let selected = store.select(&ids).unwrap();
        let roots = selected.into_iter().map(|image| image.target).collect();
        Some((store, roots, engine))
    });
}

#[test]
fn dockers_layers_put_together() {
    unpacked(Peer::DockerOverlay2, Unpacked::docker);
}

#[test]
fn podmans_layers_put_together() {
    unpacked(Peer::Podman, |root| Unpacked::podman(&[root.to_path_buf()]));
}
