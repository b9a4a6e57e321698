//! Places that hold images besides the embedded store: today registries.
//!
//! Each is a [`Remote`](barge_core::content::Remote) to the operations. Nothing here prints or reads the
//! environment: whoever starts it says which files and which proxy count ([`registry::Settings`]).

pub mod registry;
