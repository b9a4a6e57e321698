//! `import`: the tar of a root file system as an image of one layer.

mod changes;
mod healthcheck;
mod image;
mod layer;
mod mistaken;
mod words;

pub use image::{ImportOptions, import};
