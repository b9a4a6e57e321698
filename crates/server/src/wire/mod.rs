//! The shapes of the API, each as the version asked for has it.

mod images;
mod inspect;
mod manifests;
mod words;

pub use inspect::{CONFIG_KEYS, ImageInspect};
pub use words::{PULL, PUSH, Words};

pub(crate) use images::{Sizes, summary};
pub(crate) use manifests::manifests;
