//! The two views of one archive, `index.json` and `manifest.json`: they must name the same images.

use std::collections::{BTreeMap, BTreeSet};

use barge_oci::{Digest, Reference};

use super::docker::DockerImage;
use super::found::Found;
use crate::error::{Error, Refusal, Result, quoted};
use crate::graph::Kind;

/// How many container images may have one config: each of `manifest.json` is held against all of them.
const MAX_ALIKE: usize = 1000;

/// What `index.json` says, arranged for asking.
pub(super) struct Views {
    /// The manifests with a config: the root that lists each, and its layers.
    by_config: BTreeMap<Digest, Vec<(Digest, Vec<Digest>)>>,
    /// The roots of the images with a name.
    by_name: BTreeMap<Reference, BTreeSet<Digest>>,
    /// The images without a name, by root.
    nameless: BTreeMap<Digest, Vec<usize>>,
}

impl Views {
    /// The view of what was read so far.
    ///
    /// # Errors
    /// `LimitExceeded` beyond [`MAX_ALIKE`].
    pub(super) fn of(images: &[Found]) -> Result<Self> {
        let mut views =
            Self { by_config: BTreeMap::new(), by_name: BTreeMap::new(), nameless: BTreeMap::new() };
        let mut walked = BTreeSet::new();
        for (n, found) in images.iter().enumerate() {
            let root = found.target.digest;
            match &found.name {
                Some(name) => drop(views.by_name.entry(name.clone()).or_default().insert(root)),
                None => views.nameless.entry(root).or_default().push(n),
            }
            if !walked.insert(root) {
                continue;
            }
            for listed in &found.tree.manifests {
                let Some(manifest) = &listed.manifest else { continue };
                let layers = manifest.layers.iter().map(|l| l.digest).collect();
                let alike = views.by_config.entry(manifest.config.digest).or_default();
                // Artifacts have none to speak of, so all have the same.
                if alike.len() >= MAX_ALIKE && listed.kind == Kind::Image {
                    let message =
                        format!("more than {MAX_ALIKE} images have the config {}", manifest.config.digest);
                    return Err(Error::refused(Refusal::LimitExceeded, message));
                }
                alike.push((root, layers));
            }
        }
        Ok(views)
    }

    /// Whether `index.json` has this image of `manifest.json`; names that nameless images lack are adopted,
    /// names of other images are refused. `false` for a nameless image that it does not have.
    pub(super) fn agree(
        &mut self,
        images: &mut [Found],
        image: &DockerImage,
        diff_id: impl Fn(&Digest) -> Option<Digest>,
    ) -> Result<bool> {
        let wanted = image.manifest.parsed();
        // What nobody has decompressed may be anything.
        let alike = |a: &Digest, b: &Digest| a == b || diff_id(a).is_some_and(|id| diff_id(b) == Some(id));
        let same = |layers: &Vec<Digest>| {
            let theirs = wanted.layers.iter().map(|l| l.digest);
            layers.len() == wanted.layers.len() && layers.iter().zip(theirs).all(|(a, b)| alike(a, &b))
        };
        let having = self.by_config.get(&wanted.config.digest).into_iter().flatten();
        let roots: BTreeSet<Digest> =
            having.filter(|(_, layers)| same(layers)).map(|(root, _)| *root).collect();
        if roots.is_empty() {
            if image.names.is_empty() {
                return Ok(false);
            }
            return Err(disagree(image, "names an image that index.json does not have"));
        }
        for name in &image.names {
            match self.by_name.get(name) {
                Some(named) if named.iter().any(|root| roots.contains(root)) => continue,
                Some(_) => {
                    return Err(disagree(image, "gives an image a name that index.json gives another"));
                }
                None => {}
            }
            let nameless = roots.iter().find_map(|root| Some((*root, self.nameless.get_mut(root)?.pop()?)));
            let Some((root, n)) = nameless else {
                return Err(disagree(image, "gives an image a name that index.json does not give it"));
            };
            if let Some(found) = images.get_mut(n) {
                found.name = Some(name.clone());
            }
            self.by_name.entry(name.clone()).or_default().insert(root);
        }
        Ok(true)
    }
}

fn disagree(image: &DockerImage, how: &str) -> Error {
    let name = image.names.first().map_or_else(|| "a nameless image".to_owned(), Reference::familiar);
    Error::refused(Refusal::ViewsDisagree, format!("manifest.json {how}: {}", quoted(&name)))
        .hint("readers of this archive would load different images; it was altered after it was saved")
}
