//! An image in an archive, and how the archive calls it.

use std::sync::Arc;

use barge_oci::{Descriptor, Reference};

use crate::graph::{Listed, State, Tree};

/// An image in an archive.
pub struct Found {
    /// Its name, if it has one.
    pub name: Option<Reference>,
    /// A tag without a repository, as OCI layouts of one repository have.
    pub bare_tag: Option<String>,
    /// The index or manifest with the annotations of its place, the naming ones taken off.
    pub target: Descriptor,
    /// Everything it lists; shared by all names of the image.
    pub tree: Arc<Tree>,
}

impl Found {
    /// The platforms that are listed and not whole in the archive.
    #[must_use]
    pub fn absent(&self) -> Vec<String> {
        let absent = self.tree.images().filter(|m| m.state != State::Whole);
        let name = |m: &Listed| {
            m.platform.as_ref().map_or_else(|| m.descriptor.digest.to_string(), ToString::to_string)
        };
        let indexes = self.tree.absent_indexes.iter().map(|d| d.digest.to_string());
        absent.map(name).chain(indexes).collect()
    }
}
