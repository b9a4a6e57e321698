//! What every place of content promises, asked of whatever implements the traits of `barge_core::content`.
//!
//! Each suite makes the [`Given`] images, has them put into the place by whoever knows how, and asks for them in every
//! way that the contract allows. It fails by panicking. A place that is not to be had here (`None`) is passed over; who
//! looks for it has said so ([`peers`](crate::peers)).
//!
//! ```no_run
//! use barge_testkit::conformance::{Presence, provider};
//! # fn load(_: &barge_testkit::conformance::Given) -> Option<(barge_core::store::Store, ())> { None }
//!
//! provider(Presence::Known, |given| {
//!     let (store, folder) = load(given)?;
//!     Some((store, given.roots(), folder))
//! });
//! ```

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a suite fails by panicking")]

mod damaged;
mod destination;
mod given;
mod images;
mod provider;
mod reading;
mod remote;

pub use damaged::damaged;
pub use destination::destination;
pub use given::{Damage, Given};
pub use images::images;
pub use provider::{Presence, provider};
pub use remote::remote;
