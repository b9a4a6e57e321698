//! Images into Docker's daemon: `barge load --to docker`, `barge copy ... docker-daemon:NAME`.

use std::collections::BTreeSet;
use std::path::Path;

use barge_core::archive::{Plan, WriteOptions};
use barge_core::content::{Image, Provider};
use barge_core::graph::Tree;
use barge_oci::{Digest, Reference};
use barge_sources::docker::{Engine, Held};

use super::{Failure, Outcome, note, print};
use crate::args::ProgressMode;
use crate::render::progress;

/// Sends a planned archive of verified content, and sees to it that the daemon has what was sent: it says so of
/// everything.
pub(super) fn send(
    engine: &Engine,
    source: &(impl Provider + Sync),
    plan: &Plan,
    mode: ProgressMode,
) -> Outcome {
    plan.notes.iter().for_each(|text| note("note", text));
    let bar = progress::new(mode, "Sending");
    let said = engine.load(|mut output| {
        let options = WriteOptions::default();
        plan.write(source, &mut output, &options, Path::new("the archive"), bar.as_ref())
    });
    drop(bar);
    for line in said?.iter().filter(|line| !line.starts_with("Loaded image")) {
        note("warning", &format!("the daemon says: {line}"));
    }
    let held = engine.images(&[])?;
    for image in &plan.images {
        let ids = ids(source, &Image { name: image.name.clone(), target: image.root.clone() })?;
        let has = |held: &Held| {
            ids.contains(&held.id) && image.name.as_ref().is_none_or(|name| held.names.contains(name))
        };
        let shown = image.name.as_ref().map_or_else(|| image.root.digest.to_string(), Reference::familiar);
        if !held.iter().any(has) {
            let text = format!("{shown}: the daemon says that it has loaded it, and does not have it");
            return Err(Failure::Text(text, 1));
        }
        match &image.name {
            Some(name) => print(&format!("Loaded image: {}\n", name.familiar()))?,
            None => print(&format!("Loaded image ID: {}\n", image.root.digest))?,
        }
    }
    Ok(())
}

/// What a daemon may call an image: by its root, by a manifest, or by a config.
fn ids(source: &impl Provider, image: &Image) -> Result<BTreeSet<Digest>, Failure> {
    let tree = Tree::walk(source, &image.target)?;
    let manifests = tree.whole().flat_map(|m| {
        let config = m.manifest.as_ref().map(|m| m.config.digest);
        std::iter::once(m.descriptor.digest).chain(config)
    });
    Ok(manifests.chain([image.target.digest]).collect())
}
