//! What barge survives: being killed anywhere, losing what was not synced, a system that says no.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
#[path = "survival/faults.rs"]
mod faults;
#[path = "survival/hostile_store.rs"]
mod hostile_store;
#[path = "survival/kills.rs"]
mod kills;
#[path = "survival/soak.rs"]
mod soak;
#[path = "survival/work.rs"]
mod work;
