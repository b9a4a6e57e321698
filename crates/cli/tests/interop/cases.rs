//! What barge saves, and what a loader should have then.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{
    depot::{Depot, full},
    image::{self, Image, shown},
};

/// One archive.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) what: &'static str,
    /// The platforms that barge ever had, as `--platform` takes them; empty for all.
    only: &'static str,
    /// Arguments of `barge save`, where `@` before a name stands for that image's ID.
    pub(crate) save: &'static [&'static str],
    has: &'static [Has],
}

/// One image in an archive.
#[derive(Debug)]
struct Has {
    /// Its familiar name there.
    name: Option<&'static str>,
    /// The image in the depot.
    image: &'static str,
    /// Only these platforms of it; empty for all it has.
    platforms: &'static [&'static str],
    /// Whether it has its own index nevertheless.
    sparse: bool,
}

pub(crate) const CASES: &[Case] = &[
    case("the sample", &["hello-barge:latest"], &[all("hello-barge:latest")]),
    case("one image", &["busybox:amd64"], &[all("busybox:amd64")]),
    case(
        "three tags",
        &["busybox:amd64", "example.org:5000/team/bb:v2", "127.0.0.1:5000/library/busybox"],
        &[
            all("busybox:amd64"),
            all("example.org:5000/team/bb:v2"),
            all("127.0.0.1:5000/library/busybox:latest"),
        ],
    ),
    case(
        "several images",
        &["busybox:amd64", "example.org/team/tiny:edge"],
        &[all("busybox:amd64"), all("example.org/team/tiny:edge")],
    ),
    case(
        "a repository",
        &["example.org/team/pair"],
        &[all("example.org/team/pair:v1"), all("example.org/team/pair:v2")],
    ),
    case("all platforms", &["busybox:latest"], &[all("busybox:latest")]),
    case(
        "the host's platform",
        &["busybox:latest", "--platform", "linux/amd64"],
        &[part("busybox:latest", &["linux/amd64"])],
    ),
    case(
        "another platform",
        &["busybox:latest", "--platform", "linux/arm64"],
        &[part("busybox:latest", &["linux/arm64/v8"])],
    ),
    case(
        "two platforms",
        &["busybox:latest", "--platform", "linux/amd64,linux/arm64"],
        &[part("busybox:latest", &["linux/amd64", "linux/arm64/v8"])],
    ),
    case(
        "two other platforms",
        &["busybox:latest", "--platform", "linux/s390x,linux/riscv64"],
        &[part("busybox:latest", &["linux/s390x", "linux/riscv64"])],
    ),
    case("by ID", &["@busybox:amd64"], &[nameless("busybox:amd64")]),
    case("an index by ID", &["@busybox:latest"], &[nameless("busybox:latest")]),
    case(
        "by ID with a name",
        &["@busybox:latest", "--name", "example.org/team/given:v1"],
        &[Has { name: Some("example.org/team/given:v1"), ..all("busybox:latest") }],
    ),
    case("attestations", &["busybox:attest"], &[all("busybox:attest")]),
    case(
        "attestations of two platforms",
        &["busybox:attest", "--platform", "linux/amd64,linux/arm64"],
        &[part("busybox:attest", &["linux/amd64", "linux/arm64/v8"])],
    ),
    case("zstd layers", &["busybox:zstd"], &[all("busybox:zstd")]),
    case("plain layers", &["busybox:uncompressed"], &[all("busybox:uncompressed")]),
    case("docker's media types", &["busybox:docker"], &[all("busybox:docker")]),
    case("many odd layers", &["example.org/team/tiny:edge"], &[all("example.org/team/tiny:edge")]),
    case("two gzip members", &["example.org/team/tiny:gzmulti"], &[all("example.org/team/tiny:gzmulti")]),
    case("two zstd frames", &["example.org/team/tiny:zstdchunk"], &[all("example.org/team/tiny:zstdchunk")]),
    case("no layers", &["example.org/team/tiny:nolayers"], &[all("example.org/team/tiny:nolayers")]),
    case("a nested index", &["example.org/team/tiny:nested"], &[all("example.org/team/tiny:nested")]),
    case("variants of arm", &["example.org/team/tiny:variant"], &[all("example.org/team/tiny:variant")]),
    case("annotations", &["example.org/team/tiny:annotated"], &[all("example.org/team/tiny:annotated")]),
    case(
        "a foreign layer",
        &["example.org/team/tiny:foreign", "--include-foreign"],
        &[all("example.org/team/tiny:foreign")],
    ),
    case(
        "one manifest in several images",
        &["busybox:amd64", "busybox:latest", "busybox:attest"],
        &[all("busybox:amd64"), all("busybox:latest"), all("busybox:attest")],
    ),
    case(
        "two images with one tag",
        &["busybox:latest", "hello-barge:latest"],
        &[all("busybox:latest"), all("hello-barge:latest")],
    ),
    few(
        "what is there of two platforms",
        "linux/amd64,linux/arm64",
        &["hello-barge:latest"],
        &[part("hello-barge:latest", &["linux/amd64", "linux/arm64/v8"])],
    ),
    few(
        "what is there of two other platforms",
        "linux/s390x,linux/arm64",
        &["hello-barge:latest"],
        &[part("hello-barge:latest", &["linux/arm64/v8", "linux/s390x"])],
    ),
    few(
        "what is there of one platform",
        "linux/amd64",
        &["hello-barge:latest"],
        &[part("hello-barge:latest", &["linux/amd64"])],
    ),
    few(
        "what is there of another platform",
        "linux/arm64",
        &["hello-barge:latest"],
        &[part("hello-barge:latest", &["linux/arm64/v8"])],
    ),
    few(
        "a sparse index with two platforms",
        "linux/amd64,linux/arm64",
        &["hello-barge:latest", "--keep-index"],
        &[sparse("hello-barge:latest", &["linux/amd64", "linux/arm64/v8"])],
    ),
    few(
        "a sparse index with two other platforms",
        "linux/s390x,linux/arm64",
        &["hello-barge:latest", "--keep-index"],
        &[sparse("hello-barge:latest", &["linux/arm64/v8", "linux/s390x"])],
    ),
    few(
        "a sparse index with one platform",
        "linux/amd64",
        &["hello-barge:latest", "--keep-index"],
        &[sparse("hello-barge:latest", &["linux/amd64"])],
    ),
    few(
        "a sparse index with another platform",
        "linux/arm64",
        &["hello-barge:latest", "--keep-index"],
        &[sparse("hello-barge:latest", &["linux/arm64/v8"])],
    ),
    case("no image at all", &["example.org/team/tiny:artifact"], &[all("example.org/team/tiny:artifact")]),
];

/// As no loader can have it unless it fetches that layer.
pub(crate) const WITHOUT_FOREIGN: Case = case(
    "without a foreign layer",
    &["example.org/team/tiny:foreign"],
    &[all("example.org/team/tiny:foreign")],
);

impl Case {
    /// Whether the depot has what it is about.
    pub(crate) fn possible(&self, depot: &Depot) -> bool {
        self.has.iter().all(|has| depot.truth(has.image).is_some())
    }

    /// Has barge save it, and returns what is in the archive: exactly what the case says.
    pub(crate) fn save(&self, depot: &Depot, archive: &Path) -> Result<Vec<Image>> {
        depot.save(self.save, self.only, archive)?;
        let found = image::images(archive)?;
        ensure!(found.len() == self.has.len(), "not {} images: {}", self.has.len(), shown(&found));
        for (found, has) in found.iter().zip(self.has) {
            let expected = has.image(depot, &found.id)?;
            ensure!(*found == expected, "saved {found} and not {expected}");
        }
        Ok(found)
    }
}

impl Has {
    /// `made` is the ID it has if barge made a new index for some of its platforms.
    fn image(&self, depot: &Depot, made: &str) -> Result<Image> {
        let whole = depot.truth(self.image).context(self.image)?;
        let name = self.name.map(full);
        if self.platforms.is_empty() {
            return Ok(Image { name, ..whole.clone() });
        }
        let wanted = |platform: &str| self.platforms.contains(&platform);
        let platforms: Vec<_> =
            whole.platforms.iter().filter(|seen| wanted(&seen.platform())).cloned().collect();
        let id = match platforms.as_slice() {
            _ if self.sparse => whole.id.clone(),
            [only] => only.id.clone(),
            _ => made.to_owned(),
        };
        Ok(Image { name, id, platforms })
    }
}

const fn case(what: &'static str, save: &'static [&'static str], has: &'static [Has]) -> Case {
    Case { what, only: "", save, has }
}

const fn few(
    what: &'static str,
    only: &'static str,
    save: &'static [&'static str],
    has: &'static [Has],
) -> Case {
    Case { what, only, save, has }
}

const fn all(name: &'static str) -> Has {
    Has { name: Some(name), image: name, platforms: &[], sparse: false }
}

const fn part(name: &'static str, platforms: &'static [&'static str]) -> Has {
    Has { platforms, ..all(name) }
}

const fn sparse(name: &'static str, platforms: &'static [&'static str]) -> Has {
    Has { platforms, sparse: true, ..all(name) }
}

const fn nameless(image: &'static str) -> Has {
    Has { name: None, ..all(image) }
}
