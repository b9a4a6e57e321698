//! Power cuts, in a program of their own: whoever starts a process in a namespace of its own while a file system is mounted
//! keeps that file system busy.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
#[path = "survival/power.rs"]
mod cuts;
#[path = "survival/work.rs"]
mod work;
