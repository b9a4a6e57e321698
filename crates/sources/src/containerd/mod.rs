//! containerd, over its gRPC API: a place that images come from and go to.
//!
//! [`Containerd`] is one namespace of a running containerd, over its socket; dockerd's own containerd is one as well.
//! Names and what belongs to them come over the API. Blobs come from the content store's folder where it can be read
//! from here, so that they may be cloned or spliced, and over the API elsewhere ([`Way`]). What is to stay while it is
//! read is held by a lease ([`LeaseGuard`]).
//!
//! What goes in is verified by containerd itself, and has a name only when all of it is there ([`Containerd::put`]).
//! No process is started and no mount is made here: layers are unpacked by containerd's own snapshotter and differ.

mod client;
mod disk;
mod fault;
mod labels;
mod lease;
mod messages;
mod names;
mod reader;
mod receive;
mod source;
mod unpack;
mod writer;

pub use disk::{Via, Way};
pub use lease::LeaseGuard;
pub use receive::Put;
pub use source::Containerd;
