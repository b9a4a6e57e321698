//! The embedded store: an OCI image layout that any tool can read, and a private folder beside it.
//!
//! ```text
//! STORE/oci-layout  index.json             the layout; index.json holds every name, as a full reference
//! STORE/blobs/<algorithm>/<hex>            content, immutable once it is there
//! STORE/.barge/index.lock                  held exclusively while index.json is replaced
//! STORE/.barge/gc.lock                     held shared while content is relied upon, exclusively by gc
//! STORE/.barge/ingest/<random>/            content on its way in, one folder a load, locked while it lives
//! STORE/.barge/partial/<algorithm>-<hex>   a blob from a registry, as far as it came; taken up by the next pull
//! STORE/.barge/leases/<random>             digests that a running process needs, locked while it lives
//! STORE/.barge/serve.lock                  held exclusively by the process that serves the store, its number inside
//! STORE/.barge/verified                    how blobs looked when they were hashed; may be deleted at any time
//! STORE/.barge/summaries                   a cache of what the documents say; may be deleted at any time
//! ```
//!
//! `docs/store.md` has the crash argument.

mod areas;
mod blobs;
mod cache;
mod check;
mod gc;
mod ingest;
mod lease;
mod names;
mod open;
mod partial;
mod serving;
mod summary;
mod verified;

use areas::Area;
pub(crate) use areas::{is_random_name, random_name};
pub(crate) use blobs::DigestSet;
pub use check::{Checked, Fault, Subject};
pub use gc::Freed;
pub use ingest::Ingest;
pub use lease::Lease;
pub(crate) use names::assign;
pub use open::Store;
pub(crate) use partial::Partial;
pub(crate) use summary::{Part, PartKind, Summary};
pub use verified::Verified;
