//! A peer with a store of its own.

use std::{fmt::Debug, path::Path};

use anyhow::Result;

use super::Seen;

/// A running engine. Its store was empty when it started and goes when the value is dropped.
pub trait Engine: Debug + Send + Sync {
    /// Program, version and store, such as `dockerd 28.5.2 containerd store`.
    fn name(&self) -> &str;

    /// The unix socket of its own API, as the machine sees it.
    fn socket(&self) -> &Path;

    /// Loads an archive and returns what the program printed.
    fn load(&self, archive: &Path, opts: LoadOpts<'_>) -> Result<String>;

    /// Saves images to a file that is not there yet, in the format the program writes unasked.
    fn save(&self, names: &[&str], platform: Option<&str>, out: &Path) -> Result<()>;

    /// What it lists, in its own order: an image with two names is there twice.
    fn images(&self) -> Result<Vec<SeenImage>>;

    /// One image, for `platform` or for the one it would run.
    fn inspect(&self, name: &str, platform: Option<&str>) -> Result<Seen>;

    /// Removes all images.
    fn wipe(&self) -> Result<()>;
}

/// How to load.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadOpts<'a> {
    /// Only this platform, `os/architecture[/variant]`.
    pub platform: Option<&'a str>,
    /// All that the archive has: containerd unpacks this machine's platform only unless told to. The others
    /// have no such choice and refuse.
    pub all_platforms: bool,
}

/// One line of a list of images.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenImage {
    /// The name, in the engine's own spelling.
    pub name: Option<String>,
    /// The id, `sha256:…`.
    pub id: String,
}
