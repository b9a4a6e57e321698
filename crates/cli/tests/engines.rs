//! Engines as places that images come from and go to: the real ones, and a daemon that misbehaves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "engines/backups.rs"]
mod backups;
mod common;
#[path = "engines/containerd.rs"]
mod containerd;
#[path = "engines/daemon.rs"]
mod daemon;
#[path = "engines/daemons.rs"]
mod daemons;
#[path = "engines/found.rs"]
mod found;
#[path = "engines/mishaps.rs"]
mod mishaps;
#[path = "engines/unpacked.rs"]
mod unpacked;
