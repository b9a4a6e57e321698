//! What an archive is read for.

use super::keeper::Keeper;

/// What a pass over an archive is for.
pub enum Pass<'a> {
    /// Documents only; blobs are taken at their word.
    List,
    /// Everything is hashed, nothing kept.
    Verify,
    /// Everything is hashed and written to the keeper.
    Keep(&'a mut dyn Keeper, Checks),
}

/// What of an archive that is kept is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Checks {
    /// Digests, and what layers are when they are decompressed.
    #[default]
    DiffIds,
    /// Digests alone, for what has one; what has none is checked as ever.
    Digests,
}
