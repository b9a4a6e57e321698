//! The names in an archive, as libarchive sees them.

use std::path::Path;

use anyhow::Result;

use super::{start::jail, suite::Suite};

/// What `bsdtar` lists, compressed or not, in the archive's order. `None` when it is not available here, as
/// with [`start`](super::start()).
pub fn entries(archive: &Path) -> Result<Option<Vec<String>>> {
    let Some(jail) = jail("bsdtar", Suite::Bookworm, &["bsdtar"])? else { return Ok(None) };
    let list = jail.run(&["bsdtar", "-tf", &jail.path(archive)?])?;
    Ok(Some(list.lines().map(str::to_owned).collect()))
}
