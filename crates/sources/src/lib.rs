//! Places that hold images besides the embedded store: registries, Docker's daemon, containerd, podman, and what
//! engines keep unpacked on this host's disk.
//!
//! Nothing here prints or reads the environment: whoever starts it says which files, sockets and proxies count.
//!
//! A registry's image as an archive, without a store:
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use barge_core::archive::WriteOptions;
//! use barge_core::content::Image;
//! use barge_core::ops::{SaveOptions, plan_images};
//! use barge_core::output::Output;
//! use barge_core::progress::Silent;
//! use barge_core::select::Wanted;
//! use barge_oci::Reference;
//! use barge_sources::registry::{Gathered, Registry, Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let name = Reference::parse("registry.example/team/app:1")?;
//! let registry = Registry::new(name.domain(), Arc::new(Settings::default()))?;
//! let repository = registry.repository(name.path());
//! let target = repository.resolve(&name)?;
//! let mut place = Gathered::new(Wanted::All);
//! place.add(repository, &target)?;
//! let images = vec![Image { name: Some(name), target }];
//! let plan = plan_images(&place, images, Vec::new(), &SaveOptions::default())?;
//! place.check(plan.blobs(), 4)?;
//! let mut output = Output::open(Path::new("app.tar"))?;
//! plan.write(&place, &mut output, &WriteOptions::default(), &Silent)?;
//! output.commit()?;
//! # Ok(())
//! # }
//! ```

pub mod containerd;
pub mod docker;
pub mod podman;
pub mod registry;
mod tls;
pub mod unpacked;
