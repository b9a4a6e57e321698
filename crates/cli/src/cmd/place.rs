//! The places that `copy` knows, spelled as skopeo spells them.
//!
//! ```text
//! NAME[:TAG] or ID              the store
//! docker://NAME[:TAG|@DIGEST]   a registry
//! oci:FOLDER[:REFERENCE]        an OCI image layout
//! docker-daemon:NAME[:TAG]      Docker's daemon; containerd:NAME and containers-storage:NAME are other engines
//! oci-archive:FILE[:REFERENCE]  an archive; docker-archive:FILE[:NAME] is the same file, it has both forms
//! ```

use std::path::PathBuf;
use std::sync::Arc;

use barge_core::archive::InPlace;
use barge_core::content::{Blob, Documents, Image, Provider};
use barge_core::error::Result as CoreResult;
use barge_core::graph::{State, Tree};
use barge_core::ops::Staged;
use barge_core::referrers::{Referrers, find};
use barge_core::select::Wanted;
use barge_core::store::{Ingest, Store};
use barge_oci::{Descriptor, Reference};
use barge_sources::docker::Fetched;
use barge_sources::registry::{Gathered, Registry, Settings};

use super::Failure;
use super::local::Blobs;
use crate::args::Engine;

/// The prefix of images in registries.
pub(super) const REGISTRY: &str = "docker://";

/// The prefixes of images in engines.
const ENGINES: [(&str, Engine); 3] = [
    ("docker-daemon:", Engine::Docker),
    ("containerd:", Engine::Containerd),
    ("containers-storage:", Engine::Podman),
];

/// A place as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// An image of the store, or a name in it.
    Store(String),
    Registry(Reference),
    /// An image of an engine, or a name in it.
    Engine(Engine, String),
    Layout(PathBuf, Option<String>),
    Archive(PathBuf, Option<String>),
}

impl Place {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(name) = text.strip_prefix(REGISTRY) {
            return Ok(Self::Registry(reference(name)?));
        }
        for (prefix, engine) in ENGINES {
            if let Some(name) = text.strip_prefix(prefix) {
                return Ok(Self::Engine(engine, name.to_owned()));
            }
        }
        let split = |rest: &str| match rest.split_once(':') {
            Some((path, reference)) => {
                (PathBuf::from(path), Some(reference.to_owned()).filter(|r| !r.is_empty()))
            }
            None => (PathBuf::from(rest), None),
        };
        let place = match text.split_once(':') {
            Some(("oci", rest)) => split(rest),
            Some(("oci-archive" | "docker-archive", rest)) => split(rest),
            _ => return Ok(Self::Store(text.to_owned())),
        };
        if place.0.as_os_str().is_empty() {
            return Err(Failure::Text(format!("`{text}` names no file"), 1));
        }
        Ok(if text.starts_with("oci:") {
            Self::Layout(place.0, place.1)
        } else {
            Self::Archive(place.0, place.1)
        })
    }
}

/// A reference, or docker's words.
pub(super) fn reference(name: &str) -> Result<Reference, Failure> {
    Reference::parse(name).map_err(|e| Failure::Text(e.to_string(), 1))
}

/// Images of registries, found and not fetched.
pub(super) fn gather(
    names: &[Reference],
    settings: &Arc<Settings>,
    wanted: Wanted,
) -> Result<(Gathered, Vec<Image>), Failure> {
    let (mut gathered, mut images, mut registries) =
        (Gathered::new(wanted), Vec::new(), Vec::<(String, Registry)>::new());
    for name in names {
        let host = name.domain();
        let registry = match registries.iter().find(|(known, _)| known == host) {
            Some((_, registry)) => registry.clone(),
            None => {
                let registry = Registry::new(host, Arc::clone(settings))?;
                registries.push((host.to_owned(), registry.clone()));
                registry
            }
        };
        let (repository, name) = (registry.repository(name.path()), name.clone().or_latest());
        let root = repository.resolve(&name)?;
        gathered.add(repository, &root)?;
        // What was asked for by both is known by its tag.
        let tag = name.digest().and(name.tag()).map(|tag| format!("{}:{tag}", name.name()));
        let name = tag.map_or(Ok(name), |tagged| reference(&tagged))?;
        images.push(Image { name: Some(name), target: root });
    }
    Ok((gathered, images))
}

/// What refers to these images, in their registries.
pub(super) fn find_all(
    gathered: &Gathered,
    images: &[Image],
    wanted: &Referrers,
) -> Result<Vec<Image>, Failure> {
    let mut found = Vec::new();
    for image in images.iter().filter(|_| *wanted != Referrers::None) {
        let tree = Tree::walk(gathered, &image.target)?;
        let manifests =
            tree.manifests.iter().filter(|m| m.state != State::Absent).map(|m| m.descriptor.digest);
        let subjects: Vec<_> = tree.indexes.keys().copied().chain(manifests).collect();
        for one in find(gathered, image, subjects, wanted)? {
            if !found.contains(&one) && !images.iter().any(|i| i.name.is_some() && i.name == one.name) {
                found.push(one);
            }
        }
    }
    Ok(found)
}

/// Where images come from.
pub(super) enum Origin {
    Store(Store),
    Registry(Gathered),
    /// From a daemon, by way of the store.
    Fetched(Box<Fetched>),
    /// In an engine.
    Engine(Blobs),
    /// On its way into the store, or by way of it.
    Staged(Box<Staged<Ingest>>),
    /// Where it is.
    InPlace(Box<Staged<InPlace>>),
}

impl Documents for Origin {
    fn has(&self, descriptor: &Descriptor) -> CoreResult<bool> {
        match self {
            Self::Store(store) => store.has(descriptor),
            Self::Registry(gathered) => gathered.has(descriptor),
            Self::Fetched(fetched) => fetched.has(descriptor),
            Self::Engine(blobs) => blobs.has(descriptor),
            Self::Staged(staged) => staged.has(descriptor),
            Self::InPlace(staged) => staged.has(descriptor),
        }
    }

    fn document(&self, descriptor: &Descriptor) -> CoreResult<Option<Vec<u8>>> {
        match self {
            Self::Store(store) => store.document(descriptor),
            Self::Registry(gathered) => gathered.document(descriptor),
            Self::Fetched(fetched) => fetched.document(descriptor),
            Self::Engine(blobs) => blobs.document(descriptor),
            Self::Staged(staged) => staged.document(descriptor),
            Self::InPlace(staged) => staged.document(descriptor),
        }
    }
}

impl Provider for Origin {
    fn open(&self, descriptor: &Descriptor) -> CoreResult<Blob> {
        match self {
            Self::Store(store) => store.open(descriptor),
            Self::Registry(gathered) => gathered.open(descriptor),
            Self::Fetched(fetched) => fetched.open(descriptor),
            Self::Engine(blobs) => blobs.open(descriptor),
            Self::Staged(staged) => staged.open(descriptor),
            Self::InPlace(staged) => staged.open(descriptor),
        }
    }
}
