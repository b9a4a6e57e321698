//! Engines of this host whose content is read where it stands, or over their APIs where it cannot be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use barge_core::content::{Image, Provider};
use barge_core::error::{Error, Refusal};
use barge_core::ops::{Inspected, asked_for, inspect};
use barge_oci::{Descriptor, Digest, Platform};
use barge_sources::containerd::{self, Containerd, LeaseGuard, Way};
use barge_sources::docker::{Engine, Held};
use barge_sources::unpacked::Unpacked;

use super::{Failure, engine, note, podman};
use crate::args::{Engine as Kind, Engines, Via};

/// Where docker's files are, unless its daemon says otherwise.
const DOCKERS_ROOT: &str = "/var/lib/docker";

/// How an engine's images are had.
pub(super) enum Opened {
    /// Blob by blob.
    Blobs(Blobs),
    /// As archives, from whatever speaks docker's API.
    Archives(Engine),
}

/// An engine that hands out blobs.
pub(super) enum Blobs {
    Containerd(Box<Containerd>),
    Unpacked(Unpacked),
}

/// Opens the engine that is meant.
pub(super) fn open(args: &Engines, engine: Kind) -> Result<Opened, Failure> {
    let (opened, way) = match engine {
        Kind::Containerd => {
            let containerd = containerd(args)?;
            let way = match containerd.way() {
                Way::Disk(root) => format!("blobs are read below {}", root.display()),
                Way::Grpc(why) => format!("blobs are read over containerd's API: {why}"),
            };
            (Opened::Blobs(Blobs::Containerd(Box::new(containerd))), way)
        }
        Kind::Podman if args.via == Via::Api || (args.via == Via::Auto && podman::is_said(args)) => (
            Opened::Archives(podman::service(args)?),
            "images come over podman's API: it was asked for".to_owned(),
        ),
        Kind::Podman => {
            let roots = podman::roots(args)?;
            let way = format!("layers are put together from {}", shown(&roots));
            (Opened::Blobs(Blobs::Unpacked(Unpacked::podman(&roots)?)), way)
        }
        Kind::Docker => docker(args)?,
    };
    if args.verbose {
        note("note", &way);
    }
    Ok(opened)
}

/// The containerd that is meant, and its namespace.
pub(super) fn containerd(args: &Engines) -> Result<Containerd, Failure> {
    let socket = args.address.as_ref().map_or_else(|| PathBuf::from(Containerd::SOCKET), PathBuf::from);
    let via = match args.via {
        Via::Auto => containerd::Via::Auto,
        Via::Api => containerd::Via::Api,
        Via::Disk => containerd::Via::Disk,
    };
    let root = args.root.as_deref().map(Path::new);
    Ok(Containerd::connect(&socket, &args.namespace, via, root)?)
}

/// Docker's images: from its disk if that is here, is readable and has what the daemon says that it has.
fn docker(args: &Engines) -> Result<(Opened, String), Failure> {
    let over_api = |why: &str| format!("images come over docker's API: {why}");
    if args.via == Via::Api {
        return Ok((Opened::Archives(engine::docker(args)?), over_api("it was asked for")));
    }
    let daemon = engine::docker(args);
    if args.via == Via::Auto && daemon.as_ref().is_ok_and(|daemon| !daemon.is_local()) {
        return Ok((Opened::Archives(daemon?), over_api("the daemon is on another host")));
    }
    let (held, about) = match &daemon {
        Ok(daemon) => (Some(daemon.images(&[])?), Some(daemon.about()?)),
        // Its disk may be there when it is not running; but which one is meant has to be sure.
        Err(_) if args.via == Via::Disk && (args.root.is_some() || !engine::is_said(args)) => (None, None),
        Err(_) => return Ok((Opened::Archives(daemon?), String::new())),
    };
    let given = args.root.as_ref().map(PathBuf::from);
    let found = match about {
        Some(about) if about.containerd => dockers_containerd(args),
        about => {
            let said = about.map(|about| about.root).filter(|root| !root.is_empty());
            let root = given.or(said.map(PathBuf::from)).unwrap_or_else(|| PathBuf::from(DOCKERS_ROOT));
            Unpacked::docker(&root).map(|unpacked| {
                (Blobs::Unpacked(unpacked), format!("layers are put together from {}", root.display()))
            })
        }
    };
    let checked = found.and_then(|(blobs, way)| {
        if let Some(held) = &held {
            has_what_is_held(&blobs, held)?;
        }
        Ok((blobs, way))
    });
    match checked {
        Ok((blobs, way)) => Ok((Opened::Blobs(blobs), way)),
        Err(error) if args.via == Via::Disk => Err(error.into()),
        Err(error) => Ok((Opened::Archives(daemon?), over_api(&error.to_string()))),
    }
}

/// The containerd in which dockerd keeps its images: its own, or the system's.
fn dockers_containerd(args: &Engines) -> Result<(Blobs, String), Error> {
    let sockets = match &args.address {
        Some(address) => vec![PathBuf::from(address)],
        None => [Containerd::DOCKERS_SOCKET, Containerd::SOCKET].map(PathBuf::from).to_vec(),
    };
    let mut last = Error::not_found("there is no containerd");
    for socket in sockets {
        let root = args.root.as_deref().map(Path::new);
        match Containerd::connect(&socket, Containerd::DOCKERS_NAMESPACE, containerd::Via::Disk, root) {
            Ok(containerd) => {
                let way = match containerd.way() {
                    Way::Disk(root) => format!("blobs are read below {}", root.display()),
                    Way::Grpc(why) => why.clone(),
                };
                return Ok((Blobs::Containerd(Box::new(containerd)), way));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// That what is on this disk is what the daemon keeps, and not somebody else's: the same names lead to the same images.
fn has_what_is_held(blobs: &Blobs, held: &[Held]) -> Result<(), Error> {
    let tagged = |images: &[Image]| -> BTreeSet<(String, Digest)> {
        let tagged = images.iter().filter(|image| !image.is_referrer());
        tagged
            .filter_map(|i| {
                Some((i.name.as_ref().filter(|n| n.tag().is_some())?.to_string(), i.target.digest))
            })
            .collect()
    };
    let listed = blobs.listed()?;
    let there: BTreeSet<Digest> = listed.iter().map(|image| image.target.digest).collect();
    let said: Vec<Image> = Held::images(held);
    let same = tagged(&listed) == tagged(&said) && held.iter().all(|held| there.contains(&held.id));
    if same && !held.is_empty() {
        return Ok(());
    }
    Err(Error::not_found("what is on this disk is not what the daemon lists"))
}

fn shown(roots: &[PathBuf]) -> String {
    roots.iter().map(|root| root.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Blobs {
    /// Every image, by name, then by digest. Of what is kept unpacked only names and IDs are known.
    pub(super) fn listed(&self) -> Result<Vec<Image>, Error> {
        match self {
            Self::Containerd(containerd) => containerd.images(),
            Self::Unpacked(unpacked) => {
                let listed = unpacked.listed().iter();
                let target = |digest| Descriptor::new("", digest, 0);
                Ok(listed.map(|l| Image { name: l.name.clone(), target: target(l.id) }).collect())
            }
        }
    }

    /// One of those that are listed, to be looked at.
    pub(super) fn readable(&self, listed: &Image) -> Result<Image, Error> {
        let Self::Unpacked(unpacked) = self else { return Ok(listed.clone()) };
        let target =
            unpacked.one(&listed.target.digest.to_string())?.first().map(|image| image.target.clone());
        Ok(Image { name: listed.name.clone(), target: target.unwrap_or_else(|| listed.target.clone()) })
    }

    /// Those of `arguments` that are images, when everything is to be saved: podman keeps lists of images of other
    /// places as well. What is an image and cannot be read is an error that names all of them.
    pub(super) fn saveable(&self, arguments: Vec<String>) -> Result<Vec<String>, Error> {
        let Self::Unpacked(unpacked) = self else { return Ok(arguments) };
        let (mut kept, mut broken) = (Vec::new(), Vec::new());
        for argument in arguments {
            match unpacked.select(std::slice::from_ref(&argument)) {
                Ok(_) => kept.push(argument),
                Err(e) if e.refusal() == Some(Refusal::MediaTypeConfused) => {
                    note(
                        "note",
                        &format!("{argument} is a list that podman keeps, no image, and is not saved"),
                    );
                }
                Err(e) => broken.push(e),
            }
        }
        let texts: Vec<String> = broken.iter().map(ToString::to_string).collect();
        match broken.into_iter().next() {
            None => Ok(kept),
            Some(first) if texts.len() == 1 => Err(first),
            Some(first) => {
                Err(Error::new(first.kind(), texts.join("\n")).hint("`--exclude` leaves them out"))
            }
        }
    }

    /// The images that arguments mean; they can be read until the lease, if there is one, is dropped.
    pub(super) fn select(&self, arguments: &[String]) -> Result<(Vec<Image>, Option<LeaseGuard>), Error> {
        match self {
            Self::Unpacked(unpacked) => Ok((unpacked.select(arguments)?, None)),
            Self::Containerd(containerd) => {
                let images = asked_for(&containerd.images()?, arguments)?;
                let lease = containerd.lease()?;
                lease.hold(images.iter().map(|image| image.target.digest))?;
                Ok((images, Some(lease)))
            }
        }
    }

    /// Everything that may come along with an image. What is kept unpacked has nothing of that kind.
    pub(super) fn candidates(&self) -> Result<Vec<Image>, Error> {
        match self {
            Self::Containerd(containerd) => containerd.images(),
            Self::Unpacked(_) => Ok(Vec::new()),
        }
    }

    /// Looks at the image that an argument means.
    pub(super) fn inspect(&self, argument: &str, platform: Option<&Platform>) -> Result<Inspected, Error> {
        let Self::Unpacked(unpacked) = self else {
            return inspect(&self.provider(), &self.listed()?, argument, platform);
        };
        let images = unpacked.one(argument)?;
        let digest = images.first().map(|image| image.target.digest.to_string()).unwrap_or_default();
        inspect(&self.provider(), &images, &digest, platform)
    }

    /// What hands out the content.
    pub(super) fn provider(&self) -> &(dyn Provider + Sync) {
        match self {
            Self::Containerd(containerd) => containerd.as_ref(),
            Self::Unpacked(unpacked) => unpacked,
        }
    }
}
