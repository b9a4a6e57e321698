//! Layers unpacked by containerd, each on top of the one below, so that containers of an image start at once.
//!
//! ```text
//! for each layer, lowest first: prepare a snapshot on the chain below; apply the layer to its mounts;
//!                               compare the diffID; commit it under the chain ID
//! in the end: a label on the config keeps the last snapshot, and that the ones below
//! ```
//!
//! A chain ID says which layers are below each other, so what another image has unpacked is used again.

use barge_core::error::{Error, ErrorKind, Refusal, Result, printable};
use barge_core::graph::{Listed, State, Tree, read_config};
use barge_core::host::HostPreference;
use barge_oci::{Descriptor, Digest, chain_ids, media_type};

use super::Containerd;
use super::client::{Client, WORK};
use super::labels::{self, Labels};
use super::messages::diff::ApplyRequest;
use super::messages::snapshots::{
    CommitSnapshotRequest, PrepareSnapshotRequest, RemoveSnapshotRequest, StatSnapshotRequest,
};
use super::messages::types::{self, Mount};

/// What a namespace calls its snapshotter, and the one it has if it says nothing.
const SNAPSHOTTER: &str = "containerd.io/defaults/snapshotter";
const DEFAULT: &str = "overlayfs";
/// On a snapshot that is prepared: what it is going to be. containerd answers that it is there if it is.
const TARGET: &str = "containerd.io/snapshot.ref";

/// Unpacks images that containerd has, under the lease of its client.
pub(super) struct Unpacker<'a> {
    images: &'a Containerd,
    client: &'a Client,
    snapshotter: String,
}

impl<'a> Unpacker<'a> {
    /// With the namespace's own snapshotter. Whether there is one is seen by the first layer.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) fn new(images: &'a Containerd, client: &'a Client) -> Result<Self> {
        let label = images.namespace_labels()?.remove(SNAPSHOTTER);
        let snapshotter = label.unwrap_or_else(|| DEFAULT.to_owned());
        Ok(Self { images, client, snapshotter })
    }

    /// Unpacks the platform that suits this host best, if there is one that runs here.
    ///
    /// # Errors
    /// `Refused` or `Mismatch` if its layers are not what its config says; `InvalidArgument` for a snapshotter that is
    /// not there; `Unavailable`.
    pub(super) fn unpack(&self, root: &Descriptor) -> Result<()> {
        let tree = Tree::walk(self.images, root)?;
        let Some(manifest) = best(&tree).and_then(|listed| listed.manifest.as_ref()) else { return Ok(()) };
        let gone = || Error::not_found(format!("containerd: config {}: not found", manifest.config.digest));
        let config = read_config(self.images, manifest)?.ok_or_else(gone)?;
        let diff_ids = &config.parsed().rootfs.diff_ids;
        let layers: Vec<&Descriptor> =
            manifest.layers.iter().filter(|layer| media_type::is_layer(&layer.media_type)).collect();
        if layers.len() != diff_ids.len() {
            let config = &manifest.config.digest;
            let message = format!("{config}: {} diffIDs for {} layers", diff_ids.len(), layers.len());
            return Err(Error::refused(Refusal::LayerCountMismatch, message));
        }
        let mut parent = None;
        for ((layer, diff_id), chain_id) in layers.into_iter().zip(diff_ids).zip(chain_ids(diff_ids)) {
            self.layer(layer, diff_id, parent.as_ref(), &chain_id)?;
            parent = Some(chain_id);
        }
        if let Some(last) = &parent {
            let key = format!("{}{}", labels::SNAPSHOT, self.snapshotter);
            labels::add(self.client, &manifest.config.digest, Labels::from([(key, last.to_string())]))?;
        }
        Ok(())
    }

    /// One layer on top of `parent`.
    fn layer(
        &self,
        layer: &Descriptor,
        diff_id: &Digest,
        parent: Option<&Digest>,
        chain_id: &Digest,
    ) -> Result<()> {
        let key = format!("extract-{:016x} {chain_id}", fastrand::u64(..));
        let target = Labels::from([(TARGET.to_owned(), chain_id.to_string())]);
        let request = PrepareSnapshotRequest {
            snapshotter: self.snapshotter.clone(),
            key: key.clone(),
            parent: parent.map(ToString::to_string).unwrap_or_default(),
            labels: target.clone(),
        };
        let mounts = match self.client.ask_within(WORK, &format!("snapshot {chain_id}"), request) {
            Ok(prepared) => prepared.mounts,
            // The lease holds it from now on.
            Err(e) if e.kind() == ErrorKind::Conflict => return self.look(chain_id),
            Err(e) => return Err(e),
        };
        let applied = self.apply(layer, diff_id, mounts);
        if let Err(e) = applied.and_then(|()| self.commit(chain_id, &key, target)) {
            self.remove(key);
            // Somebody else was faster.
            return if e.kind() == ErrorKind::Conflict { self.look(chain_id) } else { Err(e) };
        }
        let label = (labels::UNCOMPRESSED.to_owned(), diff_id.to_string());
        labels::add(self.client, &layer.digest, Labels::from([label]))
    }

    fn apply(&self, layer: &Descriptor, diff_id: &Digest, mounts: Vec<Mount>) -> Result<()> {
        let what = format!("unpacking layer {}", layer.digest);
        let request = ApplyRequest { diff: Some(types::Descriptor::of(layer)), mounts };
        let applied = self.client.ask_within(WORK, &what, request)?.applied.unwrap_or_default();
        if applied.digest != diff_id.to_string() {
            let found = printable(&applied.digest);
            let message = format!("layer {}: its diffID is {found}, its config says {diff_id}", layer.digest);
            return Err(Error::refused(Refusal::DiffIdMismatch, message));
        }
        Ok(())
    }

    fn commit(&self, chain_id: &Digest, key: &str, labels: Labels) -> Result<()> {
        let snapshotter = self.snapshotter.clone();
        let (name, key) = (chain_id.to_string(), key.to_owned());
        let request = CommitSnapshotRequest { snapshotter, name, key, labels };
        self.client.ask_within(WORK, &format!("snapshot {chain_id}"), request).map(drop)
    }

    /// Makes sure that a snapshot is there.
    fn look(&self, chain_id: &Digest) -> Result<()> {
        let request =
            StatSnapshotRequest { snapshotter: self.snapshotter.clone(), key: chain_id.to_string() };
        self.client.ask(&format!("snapshot {chain_id}"), request).map(drop)
    }

    /// What cannot be removed now goes with the lease.
    fn remove(&self, key: String) {
        let snapshotter = self.snapshotter.clone();
        let _ = self.client.ask("snapshot", RemoveSnapshotRequest { snapshotter, key });
    }
}

/// The image that suits this host best, of those with all their layers.
fn best(tree: &Tree) -> Option<&Listed> {
    let host = HostPreference::new();
    let complete = |listed: &&Listed| listed.state == State::Whole && listed.foreign_absent.is_empty();
    tree.images()
        .filter(complete)
        .filter(|listed| host.runs(listed.platform.as_ref()))
        .min_by_key(|listed| host.rank(listed.platform.as_ref()))
}
