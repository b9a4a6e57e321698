//! What barge does, without a terminal: content traits, the graph walk, the embedded store, the archive,
//! and the operations over them. Synchronous; never prints, reads the environment or exits.

pub mod archive;
mod behind;
pub mod cleanup;
pub mod content;
mod copy;
pub mod error;
pub mod folder;
pub mod graph;
pub mod ops;
pub mod output;
pub mod parallel;
pub mod progress;
pub mod referrers;
pub mod resolve;
pub mod select;
pub mod store;
