//! Places that hold images besides the embedded store: registries, Docker's daemon, containerd, and what engines keep
//! unpacked on this host's disk.
//!
//! Nothing here prints or reads the environment: whoever starts it says which files, sockets and proxies count.

pub mod containerd;
pub mod docker;
pub mod registry;
mod tls;
pub mod unpacked;
