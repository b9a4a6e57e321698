//! Docker's daemon as a place that images come from and go to: the real ones, and one that misbehaves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
#[path = "docker/daemons.rs"]
mod daemons;
#[path = "docker/found.rs"]
mod found;
#[path = "docker/mishaps.rs"]
mod mishaps;
