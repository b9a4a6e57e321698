//! The sample image: `docker.io/library/hello-barge:latest`, an OCI image layout small enough to be
//! kept in the repository as `examples/hello`.
//!
//! One image index leads to one manifest for each of seven platforms. Every layer holds one file,
//! `/hello`, a static executable that prints which platform it was made for, so the image can be
//! saved, loaded and run anywhere.
//!
//! Every byte, the machine code and the compression included, is made here from constants: no clock,
//! no compiler, no library whose next release could change a digest. `examples/hello` is the output
//! of [`write()`], and a test compares the two.

mod elf;
mod gzip;
mod layout;
mod program;
pub(crate) mod tar;

pub use layout::{NAME, files, write};
