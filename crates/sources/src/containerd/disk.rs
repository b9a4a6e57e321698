//! Where containerd keeps its content on this host, if it can be read from here.
//!
//! ```text
//! ROOT/blobs/sha256/HEX      ROOT is usually /var/lib/containerd/io.containerd.content.v1.content
//! ```
//!
//! containerd says where ROOT is. It may be another host's path, or this one's and for root only; then blobs come over
//! the API. Nothing is ever written there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use barge_core::error::{Error, Result, printable};
use barge_core::folder::Folder;
use barge_oci::Digest;

use super::client::Client;
use super::messages::system::PluginsRequest;

/// The content store in containerd, and what it calls its folder.
const STORE: &str = "type==io.containerd.content.v1,id==content";
const ROOT: &str = "root";

/// How blobs are to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Via {
    /// As files where that is possible.
    #[default]
    Auto,
    /// As files, or else not at all.
    Disk,
    /// Over the API.
    Api,
}

/// How blobs are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// As files below this folder.
    Disk(PathBuf),
    /// Over the API, for this reason.
    Grpc(String),
}

/// Finds the folder of the content store, and says how blobs are going to be read.
///
/// # Errors
/// `Io`, `NotFound` or `Unavailable` if they have to be files and cannot.
pub(super) fn find(client: &Client, via: Via, root: Option<&Path>) -> Result<(Option<Folder>, Way)> {
    if via == Via::Api {
        return Ok((None, Way::Grpc("it was asked for".to_owned())));
    }
    match open(client, root) {
        Ok((folder, root)) => Ok((Some(folder), Way::Disk(root))),
        Err(e) if via == Via::Disk => Err(e),
        Err(e) => Ok((None, Way::Grpc(e.to_string()))),
    }
}

/// The file of a blob.
///
/// # Errors
/// Those of the system; `InvalidInput` for what is no regular file, or is behind a link.
pub(super) fn blob(folder: &Folder, digest: &Digest) -> io::Result<File> {
    folder.read_below(Path::new(&digest.blob_path()))
}

fn open(client: &Client, root: Option<&Path>) -> Result<(Folder, PathBuf)> {
    if let Some(root) = root {
        let folder = Folder::open(root).map_err(|e| Error::io("open", root, e))?;
        return Ok((folder, root.to_path_buf()));
    }
    let what = "the folder of its content store";
    let answer = client.ask(what, PluginsRequest { filters: vec![STORE.to_owned()] })?;
    let root = answer.plugins.into_iter().find_map(|mut plugin| plugin.exports.remove(ROOT));
    let root = root.ok_or_else(|| Error::not_found(format!("containerd: {what}: it does not say")))?;
    if !root.starts_with('/') {
        return Err(Error::not_found(format!("containerd: {what}: {} is no path", printable(&root))));
    }
    let root = PathBuf::from(root);
    let folder = Folder::open(&root).map_err(|e| Error::io("open", &root, e))?;
    Ok((folder, root))
}
