//! A peer that reads archives and keeps nothing.

use std::{fmt::Debug, path::Path};

use anyhow::Result;

use super::Seen;

/// A tool that reads an archive as its users would.
pub trait Reader: Debug + Send + Sync {
    /// Program, version and what it takes the archive for, such as `skopeo 1.22.0 oci-archive`.
    fn name(&self) -> &str;

    /// Reads one image, or without a reference what the tool then takes, layers included: content that does
    /// not have its digest is an error. `reference` is in the tool's own terms.
    fn read(&self, archive: &Path, reference: Option<&str>) -> Result<Vec<Seen>>;

    /// As `read`, but every platform, and all of them must be there. Tools without that choice read as ever.
    fn read_all(&self, archive: &Path, reference: Option<&str>) -> Result<Vec<Seen>> {
        self.read(archive, reference)
    }
}
