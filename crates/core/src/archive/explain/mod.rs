//! Says what a file is that is no image archive, and what to do about it.
//!
//! Its first bytes tell what is no tar at all (`first_bytes`), the paths of its members what else a tar is (`paths`,
//! `members`). What is wrong with an archive that was one gets its hint in `fault`.

mod fault;
mod first_bytes;
mod members;
mod paths;

pub(super) use fault::with_hint;
pub(crate) use first_bytes::by_first_bytes;
pub(super) use members::not_an_image;
pub(crate) use paths::Paths;
