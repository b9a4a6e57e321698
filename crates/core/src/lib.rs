//! What barge does, without a terminal: content traits, the graph walk, the embedded store, the archive,
//! and the operations over them. Synchronous; never prints, reads the environment or exits.
//!
//! ```
//! use std::path::Path;
//!
//! use barge_core::archive::WriteOptions;
//! use barge_core::ops::{LoadOptions, SaveOptions, Source, plan_save, stage};
//! use barge_core::output::Output;
//! use barge_core::progress::Silent;
//! use barge_core::store::Store;
//!
//! # fn main() -> barge_core::error::Result<()> {
//! # let place = tempfile::tempdir().unwrap();
//! # let (store, file) = (place.path().join("store"), place.path().join("hello.tar"));
//! # let hello = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello");
//! let store = Store::open(&store)?;
//! // Everything is verified before anything gets its name.
//! let staged = stage(&store, Source::Path(&hello), &LoadOptions::default(), &Silent)?;
//! let loaded = staged.commit("2026-11-24T12:00:00Z")?;
//! assert_eq!(loaded.images[0].name.as_ref().unwrap().familiar(), "hello-barge:latest");
//!
//! // What an archive has is known before a byte of it is written; while the lease is held no gc takes it away.
//! let (plan, lease) = plan_save(&store, &["hello-barge".to_owned()], &SaveOptions::default())?;
//! let mut output = Output::open(&file)?;
//! plan.write(&store, &mut output, &WriteOptions::default(), &Silent)?;
//! output.commit()?;
//! assert_eq!(file.metadata().unwrap().len(), plan.size());
//! # drop(lease);
//! # Ok(())
//! # }
//! ```

pub mod archive;
mod behind;
pub mod cleanup;
pub mod content;
mod copy;
pub mod error;
pub mod folder;
pub mod graph;
pub mod host;
pub mod image;
mod narrow;
pub mod ops;
pub mod output;
pub mod parallel;
pub mod progress;
pub mod referrers;
pub mod resolve;
pub mod select;
pub mod store;
