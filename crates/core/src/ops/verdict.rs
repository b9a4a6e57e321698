//! For which loaders an archive is good: what each needs was seen on the real ones (`docs/archive.md`).

use std::collections::BTreeSet;

use barge_oci::media_type;

use crate::archive::{Archive, Compression};
use crate::graph::{Kind, Tree};

/// What one loader would do with an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The loader.
    pub loader: &'static str,
    /// Why it would not take the archive, or not all of it.
    pub problem: Option<String>,
}

/// The verdicts on a verified archive, one a loader.
#[must_use]
pub fn verdicts(archive: &Archive) -> Vec<Verdict> {
    use Compression::{Bzip2, Gzip, None as Plain, Xz, Zstd};
    const EVERY: &[Compression] = &[Plain, Gzip, Bzip2, Xz, Zstd];
    let facts = Facts::of(archive);
    let when = |holds: bool, problem: &'static str| holds.then_some(problem);
    let legacy = when(archive.forms.legacy, "its form is that of docker before 1.10");
    let no_manifest = when(archive.forms.docker == 0 && legacy.is_none(), "it has no manifest.json");
    let no_index = when(!archive.forms.oci, "it has no index.json");
    let artifact = when(facts.artifacts, "it holds artifacts that are no images");
    let nameless = when(facts.nameless, "it lists only images that have names");
    let foreign = when(facts.foreign, "it fetches foreign layers from where they are published");
    let foreign_absent = when(facts.foreign_absent, "foreign layers were left out of it");
    let nested = when(facts.nested, "an index is nested in another");
    let several = when(archive.forms.docker > 1, "its manifest.json lists several images");
    let several_oci = when(archive.forms.docker == 0 && facts.images > 1, "an OCI archive of several images");
    let sparse = when(!facts.closed, "the index lists content that is not in the archive");
    let zstd = when(facts.zstd, "it has zstd layers");

    let verdict = |loader, opens: &[Compression], problems: &[Option<&str>]| {
        let unopened = || format!("it does not open {} archives", archive.compression.name());
        let closed = (!opens.contains(&archive.compression)).then(unopened);
        Verdict {
            loader,
            problem: closed.or_else(|| problems.iter().flatten().next().map(ToString::to_string)),
        }
    };
    vec![
        verdict("docker 25 and later, containerd store", EVERY, &[legacy, foreign_absent]),
        verdict("docker 25 and later, overlay2 store", EVERY, &[no_manifest, artifact, foreign_absent]),
        verdict("docker 20.10", &[Plain, Gzip, Bzip2], &[no_manifest, zstd, artifact, foreign_absent]),
        verdict("ctr image import", &[Plain, Gzip, Zstd], &[legacy, nameless, foreign_absent]),
        verdict(
            "ctr image import --all-platforms, kind",
            &[Plain, Gzip, Zstd],
            &[legacy, nameless, sparse, foreign_absent],
        ),
        verdict(
            "ctr image import, containerd 1.6",
            &[Plain],
            &[legacy, nameless, sparse, artifact, foreign_absent],
        ),
        verdict("k3s, rke2", &[Plain, Gzip, Zstd, Bzip2], &[legacy, nameless, foreign_absent]),
        verdict("podman load", EVERY, &[legacy, several_oci, artifact, foreign_absent]),
        verdict("skopeo docker-archive:", EVERY, &[legacy, no_manifest, artifact, foreign_absent]),
        verdict("skopeo oci-archive:", EVERY, &[legacy, no_index, sparse, nested, foreign]),
        verdict("crane (tarball)", &[Plain], &[legacy, no_manifest, several, zstd, artifact, foreign_absent]),
        verdict("barge load", EVERY, &[]),
    ]
}

/// What decides.
struct Facts {
    /// Everything listed is in the archive, foreign layers apart.
    closed: bool,
    /// How many images, whatever their names.
    images: usize,
    nameless: bool,
    nested: bool,
    zstd: bool,
    artifacts: bool,
    foreign: bool,
    foreign_absent: bool,
}

impl Facts {
    fn of(archive: &Archive) -> Self {
        let trees = || archive.images.iter().map(|i| i.tree.as_ref());
        let roots: BTreeSet<_> = archive.images.iter().map(|i| i.target.digest).collect();
        let layers = || {
            let manifests = trees().flat_map(Tree::whole).filter_map(|m| m.manifest.as_ref());
            manifests.flat_map(|m| &m.layers).map(|l| l.media_type.as_str())
        };
        Self {
            closed: trees().all(Tree::is_closed),
            images: roots.len(),
            nameless: archive.images.iter().any(|i| i.name.is_none() && i.bare_tag.is_none()),
            nested: trees().any(|t| t.indexes.len() > 1),
            zstd: layers().any(|l| l.ends_with("zstd") && media_type::is_layer(l)),
            artifacts: trees().any(|t| t.manifests.iter().all(|m| m.kind == Kind::Artifact)),
            foreign: layers().any(media_type::is_non_distributable),
            foreign_absent: trees().flat_map(Tree::whole).any(|m| !m.foreign_absent.is_empty()),
        }
    }
}
