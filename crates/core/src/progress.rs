//! How far long work has come, told to whoever wants to draw it.

/// Receives the progress of one operation.
pub trait Progress: Send + Sync {
    /// Work begins; `total` is the bytes to move, where they are known beforehand.
    fn start(&self, total: Option<u64>);
    /// So many more bytes were moved.
    fn add(&self, bytes: u64);
}

/// Draws nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _total: Option<u64>) {}
    fn add(&self, _bytes: u64) {}
}
