//! The nouns of container images, parsed at the border and true for ever after.
//!
//! Nothing here touches a file, a socket or the environment. What parses here is bounded and
//! well-formed; what was parsed keeps its original bytes ([`Document`]), so a digest never drifts.

pub mod annotation;
mod config;
mod descriptor;
mod digest;
mod document;
mod gojson;
mod index;
mod keys;
mod manifest;
pub mod media_type;
mod platform;
mod reference;

pub use config::{Config, History, RootFs};
pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, Hasher, InvalidDigest};
pub use document::{Document, InvalidDocument, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, is_invisible};
pub use gojson::to_go_json;
pub use index::Index;
pub use keys::folded_key;
pub use manifest::Manifest;
pub use platform::{InvalidPlatform, Platform};
pub use reference::{InvalidReference, Reference};
