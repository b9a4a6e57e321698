//! Where a saved archive goes: a stream as it is, or a file that changes in one step or not at all.
//!
//! [`Output::open`] chooses, by what a path leads to. A stream has its bytes as they are written, one behind the other. A
//! regular file is made anew beside the one it replaces, may be written at any place, and gets its name when
//! [`Output::commit`] says that it is whole. Links and FIFOs of other users are neither followed nor written to.

mod atomic;
mod open;
mod placed;
mod sink;
mod target;

pub use atomic::AtomicFile;
pub use open::Output;
pub use placed::Placed;
pub use sink::Sink;
