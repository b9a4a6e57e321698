//! Where the content of images comes from, and what keeps it from going away meanwhile.

use barge_core::archive::InPlace;
use barge_core::content::Provider;
use barge_core::ops::Staged;
use barge_core::store::{Ingest, Lease, Store};
use barge_sources::containerd::LeaseGuard;
use barge_sources::docker::Fetched;
use barge_sources::registry::Gathered;

use super::local::Blobs;

/// Where images come from. It can be read as long as this is kept.
pub(super) enum Origin {
    Store(Store, Lease),
    Registry(Gathered),
    /// From a daemon, by way of the store.
    Fetched(Box<Fetched>),
    /// In an engine.
    Engine(Box<Blobs>, Option<LeaseGuard>),
    /// On its way into the store, or by way of it.
    Staged(Box<Staged<Ingest>>),
    /// Where it is.
    InPlace(Box<Staged<InPlace>>),
}

impl Origin {
    /// What hands out the content.
    pub(super) fn provider(&self) -> &(dyn Provider + Sync) {
        match self {
            Self::Store(store, _) => store,
            Self::Registry(gathered) => gathered,
            Self::Fetched(fetched) => fetched.as_ref(),
            Self::Engine(blobs, _) => blobs.provider(),
            Self::Staged(staged) => staged.as_ref(),
            Self::InPlace(staged) => staged.as_ref(),
        }
    }
}
