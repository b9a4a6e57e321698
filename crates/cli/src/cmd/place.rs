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

use barge_core::error::{Error, printable};
use barge_oci::Reference;

use super::{Failure, reference};
use crate::args::Engine;

/// The prefix of images in registries.
pub(super) const REGISTRY: &str = "docker://";

/// The prefixes of images in engines.
const ENGINES: [(&str, Engine); 3] = [
    ("docker-daemon:", Engine::Docker),
    ("containerd:", Engine::Containerd),
    ("containers-storage:", Engine::Podman),
];
/// What skopeo knows besides.
const UNKNOWN: [&str; 4] = ["dir", "ostree", "sif", "tarball"];
/// How files are called that nobody would call an image.
const ARCHIVES: [&str; 5] = [".tar", ".tgz", ".tar.gz", ".tar.zst", ".tzst"];
/// The exit code for what cannot be parsed, docker's.
const UNPARSED: u8 = 125;

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
            Some(("oci" | "oci-archive" | "docker-archive", rest)) => split(rest),
            Some((scheme, _)) if UNKNOWN.contains(&scheme) => return Err(unknown(scheme)),
            // A tag may look like that, too.
            None if ARCHIVES.iter().any(|ending| text.ends_with(ending)) => return Err(no_file(text)),
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

fn unknown(scheme: &str) -> Failure {
    let engines = ENGINES.map(|(prefix, _)| prefix).join(", ");
    let text = format!(
        "copy does not know \"{scheme}:\": use {REGISTRY}, {engines}, oci:, oci-archive: or docker-archive:"
    );
    Failure::Text(text, UNPARSED)
}

/// A file was meant, and a name in the store would be made.
fn no_file(text: &str) -> Failure {
    let text = printable(text);
    Error::invalid(format!("\"{text}\" is a name in the store, not a file"))
        .hint(format!("for an archive say docker-archive:{text} or oci-archive:{text}"))
        .into()
}
