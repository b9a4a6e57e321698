//! How far long work has come, told to whoever wants to draw it.

use barge_oci::Descriptor;

/// Receives the progress of one operation.
pub trait Progress: Send + Sync {
    /// Work begins; `total` is the bytes to move, where they are known beforehand.
    fn start(&self, total: Option<u64>);
    /// So many more bytes were moved.
    fn add(&self, bytes: u64);
}

/// Receives what becomes of each blob that moves between two places; called from several threads.
pub trait Transfers: Sync {
    /// It is going to be moved.
    fn begin(&self, blob: &Descriptor);
    /// It is where it should be already.
    fn exists(&self, blob: &Descriptor);
    /// It is taken over from this other repository of the same place.
    fn mounted(&self, blob: &Descriptor, from: &str);
    /// So many more bytes of it were moved, in this run or in one before.
    fn advance(&self, blob: &Descriptor, bytes: u64);
    /// All of it was moved and verified.
    fn done(&self, blob: &Descriptor);
}

/// Draws nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _total: Option<u64>) {}
    fn add(&self, _bytes: u64) {}
}

impl Transfers for Silent {
    fn begin(&self, _blob: &Descriptor) {}
    fn exists(&self, _blob: &Descriptor) {}
    fn mounted(&self, _blob: &Descriptor, _from: &str) {}
    fn advance(&self, _blob: &Descriptor, _bytes: u64) {}
    fn done(&self, _blob: &Descriptor) {}
}
