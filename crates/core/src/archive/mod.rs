//! Image archives: reading every form there is, writing one.

mod beside;
mod decompress;
mod diff_ids;
mod digests;
mod docker;
mod explain;
mod hashing;
mod header;
mod in_place;
mod inflate;
mod kept;
mod layout;
mod legacy;
mod members;
mod packing;
mod part;
mod pieces;
mod place;
mod plan;
mod read;
mod relay;
mod scan;
mod seekable;
mod tape;
mod tar;
mod threads;
mod verify;
mod views;
mod watched;
mod write;

pub use decompress::Compression;
pub(crate) use decompress::bounded;
pub use in_place::InPlace;
pub use packing::Packing;
pub use plan::{Layout, Plan, Planned};
pub(crate) use read::name_of;
pub use read::{Archive, Forms, Found};
pub use relay::Relay;
pub use scan::{Checks, Keeper, Pass, Standing};
#[cfg(fuzzing)]
pub use tar::entries;
pub(crate) use tar::{BLOCK, begins_tar, read_through};
pub use verify::Verify;
pub use write::WriteOptions;
