//! Places that hold images besides the embedded store: registries and Docker's daemon.
//!
//! Nothing here prints or reads the
//! environment: whoever starts it says which files and which proxy count ([`registry::Settings`]).

pub mod containerd;
pub mod docker;
pub mod registry;
mod tls;
pub mod unpacked;
