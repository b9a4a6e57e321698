//! A containerd as a place that images come from.

use std::collections::BTreeMap;
use std::path::Path;

use barge_core::content::{Blob, Documents, Image, Provider, may_be_document, read_document};
use barge_core::error::{Error, ErrorKind, Result};
use barge_core::folder::Folder;
use barge_oci::Descriptor;

use super::client::Client;
use super::disk::{self, Via, Way};
use super::messages::content::InfoRequest;
use super::messages::images::ListImagesRequest;
use super::messages::system::{GetNamespaceRequest, ListNamespacesRequest};
use super::names::named;
use super::reader::Reader;

/// What errors call it.
const PLACE: &str = "containerd";

/// One namespace of a running containerd.
#[derive(Debug)]
pub struct Containerd {
    pub(super) client: Client,
    pub(super) namespace: String,
    via: Via,
    way: Way,
    folder: Option<Folder>,
}

impl Containerd {
    /// Where containerd listens, unless its configuration says otherwise.
    pub const SOCKET: &'static str = "/run/containerd/containerd.sock";
    /// Where the containerd listens that dockerd starts for itself.
    pub const DOCKERS_SOCKET: &'static str = "/run/docker/containerd/containerd.sock";
    /// Docker's namespace.
    pub const DOCKERS_NAMESPACE: &'static str = "moby";

    /// Connects to the containerd that listens at `socket`. A namespace that is not there has no images. `root` is where
    /// its content store is seen from here, if that is not where it says itself.
    ///
    /// # Errors
    /// `Unavailable` if nobody answers there, or not to this user; `InvalidArgument` for what can be no namespace;
    /// with [`Via::Disk`] also `Io` or `NotFound` if the content store's folder cannot be read.
    pub fn connect(socket: &Path, namespace: &str, via: Via, root: Option<&Path>) -> Result<Self> {
        let client = Client::connect(socket, namespace)?;
        let (folder, way) = disk::find(&client, via, root)?;
        Ok(Self { client, namespace: namespace.to_owned(), via, way, folder })
    }

    /// The namespaces there are, by name.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn namespaces(&self) -> Result<Vec<String>> {
        let all = self.client.ask("list of namespaces", ListNamespacesRequest::default())?.namespaces;
        let mut names: Vec<String> = all.into_iter().map(|namespace| namespace.name).collect();
        names.sort();
        Ok(names)
    }

    /// Every image: named ones by name, then nameless ones by digest.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn images(&self) -> Result<Vec<Image>> {
        let listed = self.client.ask("list of images", ListImagesRequest::default())?.images;
        Ok(named(listed))
    }

    /// How blobs are read. A blob that is not below the folder comes over the API all the same, unless
    /// [`Via::Disk`] forbids it.
    #[must_use]
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// What the namespace is labelled with; one that is not there has no labels.
    pub(super) fn namespace_labels(&self) -> Result<BTreeMap<String, String>> {
        let what = format!("namespace {}", self.namespace);
        match self.client.ask(&what, GetNamespaceRequest { name: self.namespace.clone() }) {
            Ok(answer) => Ok(answer.namespace.map(|namespace| namespace.labels).unwrap_or_default()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(e) => Err(e),
        }
    }
}

/// Whether containerd has a blob of that digest and size.
///
/// # Errors
/// `Unavailable`.
pub(super) fn has(client: &Client, blob: &Descriptor) -> Result<bool> {
    let request = InfoRequest { digest: blob.digest.to_string() };
    match client.ask(&format!("blob {}", blob.digest), request) {
        // Another size is other content: what the descriptor means is not here.
        Ok(answer) => Ok(answer.info.is_some_and(|info| u64::try_from(info.size) == Ok(blob.size))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

impl Documents for Containerd {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        has(&self.client, descriptor)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        if !self.has(descriptor)? {
            return Ok(None);
        }
        may_be_document(PLACE, descriptor)?;
        match self.open(descriptor) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            blob => read_document(PLACE, descriptor, blob?).map(Some),
        }
    }
}

impl Provider for Containerd {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        if let Some(folder) = &self.folder {
            match disk::blob(folder, &descriptor.digest) {
                Ok(file) => return Ok(Blob::File(file)),
                Err(e) if self.via == Via::Disk => return Err(no_file(descriptor, e)),
                // There may be another folder of that name here than there is for containerd.
                Err(_) => {}
            }
        }
        Ok(Blob::Stream(Box::new(Reader::open(&self.client, descriptor)?)))
    }
}

fn no_file(blob: &Descriptor, cause: std::io::Error) -> Error {
    let what = format!("blob {} of containerd", blob.digest);
    if cause.kind() == std::io::ErrorKind::NotFound {
        return Error::not_found(format!("{what}: not found"));
    }
    Error::io("open", Path::new(&what), cause)
}
