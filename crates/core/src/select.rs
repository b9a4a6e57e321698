//! Which platforms of an image are meant: of one that is here, and of one that is fetched.

use barge_oci::{Descriptor, Platform};

use crate::host::HostPreference;

/// What of an image is wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// These platforms; empty means every one that is present.
    pub platforms: Vec<Platform>,
    /// Keep the original index and its digest, even where it lists what is not taken along.
    pub keep_index: bool,
    /// Take foreign layers along.
    pub foreign: bool,
}

/// Which platforms of an image are fetched.
#[derive(Debug, Clone, Default)]
pub enum Wanted {
    /// The one that suits this host best, as docker does.
    #[default]
    Host,
    /// Everything the image lists, statements about platforms included.
    All,
    /// Each of these; one that is not there is an error.
    These(Vec<Platform>),
}

impl Wanted {
    /// Whether a manifest may have to be fetched, as far as its index tells.
    #[must_use]
    pub fn may_want(&self, descriptor: &Descriptor) -> bool {
        let platform = descriptor.platform.as_deref();
        match self {
            Self::All => true,
            _ if descriptor.is_attestation() || platform.is_some_and(Platform::is_unknown) => false,
            Self::Host => platform.is_none() || HostPreference::new().runs(platform),
            Self::These(these) => platform.is_none_or(|p| these.iter().any(|wanted| wanted.matches(p))),
        }
    }
}
