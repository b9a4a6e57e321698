//! `save` of what comes as an archive already: each blob is hashed and written while it is read.

use std::collections::BTreeSet;
use std::io::Read;

use barge_oci::Digest;

use super::save::{SaveOptions, plan_images};
use crate::archive::{Archive, Checks, Pass, Plan, Relay};
use crate::content::Image;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;

/// Reads an archive to its end and writes another one of `images`, each of which is in it as its descriptor says;
/// `expected` are the manifests that have to be whole. Returns what was written.
///
/// # Errors
/// `Refused` if what comes is no sound archive that ends as one, `NotFound` or `Mismatch` if it is not what was asked
/// for; `Io`. What was written is no archive then.
pub fn relay(
    stream: &mut dyn Read,
    images: &[Image],
    expected: &[Digest],
    options: &SaveOptions,
    mut relay: Relay<'_>,
    progress: &dyn Progress,
) -> std::result::Result<Plan, Broken> {
    progress.start(None);
    let read = Archive::stream(stream, Pass::Keep(&mut relay, Checks::Digests), progress);
    let unordered = relay.is_unordered();
    let planned = || {
        let archive = read?;
        archive.ends_well()?;
        let came = archive.images.iter().flat_map(|found| found.tree.whole()).map(|m| m.descriptor.digest);
        has_all(&came.collect(), expected)?;
        let plan = plan_images(&archive, images.to_vec(), Vec::new(), options)?;
        relay.finish(&plan)?;
        Ok(plan)
    };
    planned().map_err(|error| Broken { error, unordered })
}

/// Why nothing could be passed on.
#[derive(Debug)]
pub struct Broken {
    /// What is wrong.
    pub error: Error,
    /// Whether it is only the order: by way of a store it can be had.
    pub unordered: bool,
}

/// That all of these manifests came whole: whoever sends them may leave some out and say nothing.
///
/// # Errors
/// `Mismatch` for what is missing.
pub fn has_all(came: &BTreeSet<Digest>, expected: &[Digest]) -> Result<()> {
    let Some(missing) = expected.iter().find(|digest| !came.contains(digest)) else { return Ok(()) };
    let text = format!("manifest {missing} is not in what came, or not all of it, though it was asked for");
    Err(Error::new(ErrorKind::Mismatch, text))
}
