//! The programs barge must get on with, the real ones: docker, containerd, podman, skopeo, umoci,
//! oras, crane and a registry.
//!
//! Each is started with an empty store, in namespaces of its own, so that nothing of it is left on the
//! machine, whatever becomes of the test. [`install()`] fetches them once; a peer that is not there is a
//! visible skip, or a failure when `BARGE_REQUIRE_PEERS=1`.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use barge_testkit::peers::{self, LoadOpts, Peer};
//! use std::path::Path;
//!
//! let Some(docker) = peers::start(Peer::DockerContainerd)? else { return Ok(()) };
//! docker.load(Path::new("image.tar"), LoadOpts::default())?;
//! let seen = docker.inspect("busybox:latest", None)?;
//! assert_eq!(seen.platform(), "linux/amd64");
//! # Ok(())
//! # }
//! ```

mod clients;
mod containerd;
mod crane;
mod docker;
mod engine;
mod entries;
mod install;
mod jail;
mod layout;
mod podman;
mod reader;
mod registry;
mod seen;
mod skopeo;
mod start;
mod suite;
mod token;

pub use clients::Clients;
pub use engine::{Engine, LoadOpts, SeenImage};
pub use entries::entries;
pub use install::{Report, install, mirror};
pub use reader::Reader;
pub use registry::{Guard, Registry, USER};
pub use seen::Seen;
#[cfg(test)]
pub(crate) use start::emulator;
pub use start::{Peer, Tool, reader, start};
