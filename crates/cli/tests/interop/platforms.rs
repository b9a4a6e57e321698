//! containerd, asked for one platform of an archive of barge's.
//!
//! docker can be asked as well, but its garbage collection then competes with its own `load` and `inspect`
//! for what it did not take, and either may fail: `content digest …: not found`.

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::{Engine, LoadOpts, Peer, start};

use crate::{
    depot::{Depot, full},
    expect::refused,
    image::{self, Image},
};

const NAME: &str = "hello-barge:latest";

/// They take it from an archive with all platforms, and from one whose index lists more than it holds.
///
/// Not asked for any, an engine takes this machine's, or refuses a sparse index in the words `refuses`.
pub(crate) fn one_of(peer: Peer, refuses: Option<&str>) -> Result<()> {
    let Some(engine) = start(peer)? else { return Ok(()) };
    let depot = Depot::open()?;
    let folder = tempfile::tempdir()?;
    let (whole, sparse) = (folder.path().join("whole.tar"), folder.path().join("sparse.tar"));
    depot.save(&[NAME], "", &whole)?;
    depot.save(&[NAME, "--keep-index"], "linux/amd64,linux/arm64", &sparse)?;
    let image = depot.truth(NAME).context(NAME)?;
    for archive in [&whole, &sparse] {
        for platform in ["linux/amd64", "linux/arm64/v8"] {
            engine.load(archive, LoadOpts { platform: Some(platform), all_platforms: false })?;
            has(&*engine, image, platform)?;
            engine.wipe()?;
        }
        let loaded = engine.load(archive, LoadOpts::default());
        match refuses.filter(|_| archive == &sparse) {
            Some(words) => refused(loaded, words)?,
            None => {
                loaded?;
                has(&*engine, image, "linux/amd64")?;
            }
        }
        engine.wipe()?;
    }
    ensure!(image::images(&sparse)?.iter().all(|image| image.platforms.len() == 2), "not sparse");
    refused(
        engine.load(&sparse, LoadOpts { platform: Some("linux/s390x"), all_platforms: false }),
        "not found",
    )
}

fn has(engine: &dyn Engine, image: &Image, platform: &str) -> Result<()> {
    let listed = engine.images()?;
    ensure!(listed.iter().all(|listed| listed.id == image.id), "lists {listed:#?}\nand not {image}");
    let seen = engine.inspect(&full(NAME), Some(platform))?;
    let expected =
        image.platforms.iter().find(|seen| seen.platform() == platform).context("no such platform")?;
    ensure!(
        seen.config == expected.config && seen.diff_ids == expected.diff_ids,
        "shows {seen:#?}\nof {image}"
    );
    Ok(())
}
