//! For which loaders an archive is good: what each needs was seen on the real ones (`docs/archive.md`).

use std::collections::BTreeSet;

use barge_oci::media_type;

use crate::archive::{Archive, Compression};
use crate::graph::Kind;

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
    let facts = Facts::of(archive);
    let opens = |compressions: &[Compression]| -> Option<String> {
        (!compressions.contains(&archive.compression))
            .then(|| format!("it does not open {} archives", archive.compression.name()))
    };
    let sparse = || (!facts.closed).then(|| "the index lists content that is not in the archive".to_owned());
    let no_manifest = || (!archive.forms.docker).then(|| "it has no manifest.json".to_owned());
    let no_form = || (archive.forms.legacy).then(|| "its form is that of docker before 1.10".to_owned());
    let several =
        || (facts.images > 1 && !archive.forms.docker).then(|| "an OCI archive of several images".to_owned());
    let zstd = || facts.zstd.then(|| "it has zstd layers".to_owned());
    let artifact = || facts.artifacts.then(|| "it holds artifacts that are no images".to_owned());
    let verdict = |loader, problems: [Option<String>; 4]| Verdict {
        loader,
        problem: problems.into_iter().flatten().next(),
    };
    vec![
        verdict(
            "docker 25 and later, containerd store",
            [opens(&[Plain, Gzip, Bzip2, Xz, Zstd]), no_form(), None, None],
        ),
        verdict(
            "docker 25 and later, overlay2 store",
            [opens(&[Plain, Gzip, Bzip2, Xz, Zstd]), no_form(), no_manifest(), artifact()],
        ),
        verdict("docker 20.10", [opens(&[Plain, Gzip, Bzip2]), no_manifest(), zstd(), artifact()]),
        verdict("ctr image import", [opens(&[Plain]), no_form(), None, None]),
        verdict("ctr image import --all-platforms, kind", [opens(&[Plain]), no_form(), sparse(), None]),
        verdict("k3s, rke2", [opens(&[Plain, Gzip, Zstd, Bzip2]), no_form(), None, None]),
        verdict("podman load", [opens(&[Plain, Gzip, Bzip2, Xz, Zstd]), no_form(), several(), artifact()]),
        verdict(
            "skopeo docker-archive:",
            [opens(&[Plain, Gzip, Bzip2, Xz, Zstd]), no_form(), no_manifest(), artifact()],
        ),
        verdict(
            "skopeo oci-archive:",
            [no_form(), (!archive.forms.oci).then(|| "it has no index.json".to_owned()), sparse(), None],
        ),
        verdict("crane (tarball)", [opens(&[Plain]), no_form(), no_manifest(), artifact()]),
        verdict("barge load", [None, None, None, None]),
    ]
}

/// What decides.
struct Facts {
    closed: bool,
    images: usize,
    zstd: bool,
    artifacts: bool,
}

impl Facts {
    fn of(archive: &Archive) -> Self {
        let trees = || archive.images.iter().map(|i| i.tree.as_ref());
        let roots: BTreeSet<_> = archive.images.iter().map(|i| i.target.digest).collect();
        let mut layers = trees()
            .flat_map(crate::graph::Tree::whole)
            .filter_map(|m| m.manifest.as_ref())
            .flat_map(|m| &m.layers);
        Self {
            closed: trees().all(crate::graph::Tree::is_closed),
            images: roots.len(),
            zstd: layers.any(|l| l.media_type.ends_with("zstd") && media_type::is_layer(&l.media_type)),
            artifacts: trees().any(|t| t.manifests.iter().all(|m| m.kind == Kind::Artifact)),
        }
    }
}
