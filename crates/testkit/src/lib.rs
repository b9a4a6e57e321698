//! Development only: the images barge is tested with, and the real programs it must get on with.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod hostile;
pub mod peers;
pub mod proxy;
pub mod sample;
mod skip;
pub mod trace;

pub use skip::{shared, skip};
