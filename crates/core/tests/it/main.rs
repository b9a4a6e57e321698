//! The library as its users see it: one program of tests, a module a subject.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
mod properties;
mod providers;
