//! The digests of one content: sha256, and sha512 for what is called by that.

use barge_oci::{Algorithm, Digest, Hasher};

/// Hashes one content.
pub(super) struct Hashers {
    sha256: Hasher,
    sha512: Option<Hasher>,
}

impl Hashers {
    /// `wide` asks for sha512, too.
    pub(super) fn new(wide: bool) -> Self {
        let sha512 = wide.then(|| Hasher::new(Algorithm::Sha512));
        Self { sha256: Hasher::new(Algorithm::Sha256), sha512 }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(hasher) = &mut self.sha512 {
            hasher.update(bytes);
        }
    }

    pub(super) fn finish(self) -> (Digest, Option<Digest>) {
        (self.sha256.finish(), self.sha512.map(Hasher::finish))
    }
}
