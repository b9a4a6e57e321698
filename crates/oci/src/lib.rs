//! The nouns of container images, parsed at the border and true for ever after.
//!
//! Nothing here touches a file, a socket or the environment. What parses here is bounded and
//! well-formed; what was parsed keeps its original bytes ([`Document`]), so a digest never drifts.
//!
//! ```
//! use barge_oci::{Digest, Document, Platform, Reference};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let name = Reference::parse("alpine")?.or_latest();
//! assert_eq!(name.to_string(), "docker.io/library/alpine:latest");
//! assert_eq!(name.familiar(), "alpine:latest");
//!
//! assert_eq!(Platform::parse("linux/aarch64")?.to_string(), "linux/arm64");
//! assert!("sha256:../../etc/passwd".parse::<Digest>().is_err());
//!
//! let bytes = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
//! let index = Document::index(bytes.to_vec())?;
//! assert!(index.parsed().manifests.is_empty());
//! assert_eq!(index.bytes(), bytes);
//! # Ok(())
//! # }
//! ```

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

pub use config::{Config, History, RootFs, chain_ids};
pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, Hasher, InvalidDigest};
pub use document::{Document, InvalidDocument, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, is_invisible};
pub use gojson::to_go_json;
pub use index::{Index, OCI_LAYOUT};
pub use keys::folded_key;
pub use manifest::Manifest;
pub use platform::{InvalidPlatform, Platform};
pub use reference::{InvalidReference, Reference};
