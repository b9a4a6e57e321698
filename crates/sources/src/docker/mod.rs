//! Docker's daemon, and whatever else answers its Engine API: as a place that images come from and go to.
//!
//! The API has no blobs, only archives. What it lists tells beforehand which manifests an image has and which of them
//! are there ([`Held`]), so that what a daemon leaves out of an archive in silence is missed; the archive itself is
//! read, and every byte of it verified, by whoever asked for it.

mod address;
mod ask;
mod context;
mod dial;
mod engine;
mod export;
mod fetched;
mod held;
mod import;
mod relay;

pub use address::{Address, TlsFiles};
pub use ask::Ask;
pub use context::Contexts;
pub use engine::{About, Engine};
pub use fetched::Fetched;
pub use held::Held;
