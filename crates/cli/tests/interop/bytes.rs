//! Of the same images, barge's archive and that of docker 28's containerd store are the same file.

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::{Engine, LoadOpts, Peer, start};

use crate::{depot::Depot, tarball::expect_difference};

/// What both save.
struct Save {
    /// Images, `@` before a name for its ID.
    names: &'static [&'static str],
    platform: Option<&'static str>,
    /// Words in the difference, where docker does what barge does not do.
    difference: &'static str,
}

const SAVES: &[Save] = &[
    all(&["hello-barge:latest"]),
    all(&["hello-barge"]),
    all(&["docker.io/library/hello-barge:v1"]),
    // docker lists it twice, barge once.
    Save { difference: "index.json", ..all(&["hello-barge:latest", "hello-barge:latest"]) },
    all(&["hello-barge:latest", "hello-barge:v1"]),
    all(&["@hello-barge:latest"]),
    all(&["@hello-barge:latest", "hello-barge:latest"]),
    one(&["hello-barge:latest"], "linux/amd64"),
    one(&["hello-barge:latest"], "linux/arm64"),
    one(&["hello-barge:latest"], "linux/arm64/v8"),
    one(&["hello-barge:latest"], "linux/arm/v7"),
    one(&["hello-barge:latest"], "linux/arm"),
    one(&["hello-barge:latest"], "linux/386"),
    one(&["@hello-barge:latest"], "linux/s390x"),
    all(&["busybox:amd64"]),
    one(&["busybox:amd64"], "linux/amd64"),
    all(&["@busybox:amd64"]),
    all(&["busybox:latest"]),
    all(&["busybox:attest"]),
    one(&["busybox:attest"], "linux/amd64"),
    one(&["busybox:attest"], "linux/riscv64"),
    all(&["busybox:zstd"]),
    all(&["busybox:uncompressed"]),
    all(&["busybox:docker"]),
    one(&["busybox:docker"], "linux/ppc64le"),
    all(&["busybox:amd64", "example.org:5000/team/bb:v2", "127.0.0.1:5000/library/busybox"]),
    all(&["busybox:latest", "hello-barge:latest"]),
    all(&["hello-barge:latest", "busybox:latest"]),
    one(&["busybox:latest", "hello-barge:latest"], "linux/arm64"),
    all(&["@busybox:amd64", "@hello-barge:latest"]),
    // docker loses all but one name of a manifest that several images share.
    Save { difference: "manifest.json", ..all(&["busybox"]) },
    all(&["example.org/team/pair"]),
    // docker forgets an artifact's type when it loads it.
    Save { difference: "artifactType", ..all(&["example.org/team/tiny"]) },
    Save { difference: "artifactType", ..all(&["example.org/team/tiny:artifact"]) },
    all(&["example.org/team/tiny:foreign"]),
    all(&["example.org/team/tiny:edge"]),
    all(&["example.org/team/tiny:gzmulti"]),
    all(&["example.org/team/tiny:zstdchunk"]),
    all(&["example.org/team/tiny:nolayers"]),
    all(&["example.org/team/tiny:nested"]),
    one(&["example.org/team/tiny:nested"], "linux/amd64"),
    one(&["example.org/team/tiny:nested"], "linux/arm/v6"),
    all(&["example.org/team/tiny:variant"]),
    one(&["example.org/team/tiny:variant"], "linux/arm/v7"),
    all(&["example.org/team/tiny:annotated"]),
    one(&["example.org/team/tiny:annotated"], "linux/amd64"),
];

/// All platforms.
const fn all(names: &'static [&'static str]) -> Save {
    Save { names, platform: None, difference: "" }
}

/// One platform.
const fn one(names: &'static [&'static str], platform: &'static str) -> Save {
    Save { platform: Some(platform), ..all(names) }
}

/// docker has every image that barge has, and both save the same ones.
pub(crate) fn docker() -> Result<()> {
    let Some(docker) = start(Peer::DockerContainerd)? else { return Ok(()) };
    let depot = Depot::open()?;
    let folder = tempfile::tempdir()?;
    let everything = folder.path().join("everything.tar");
    depot.save(&depot.repositories(), "", &everything)?;
    docker.load(&everything, LoadOpts::default())?;
    let mut failures = Vec::new();
    for save in SAVES.iter().filter(|save| depot.has(save.names)) {
        if let Err(why) = save.compare(&*docker, &depot) {
            let platform = save.platform.unwrap_or("all platforms");
            failures.push(format!("{} for {platform}: {why:#}", save.names.join(" ")));
        }
    }
    ensure!(failures.is_empty(), "{}:\n{}", docker.name(), failures.join("\n"));
    Ok(())
}

impl Save {
    fn compare(&self, docker: &dyn Engine, depot: &Depot) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (ours, theirs) = (folder.path().join("barge.tar"), folder.path().join("docker.tar"));
        let flag: Vec<_> = self.platform.iter().flat_map(|platform| ["--platform", platform]).collect();
        depot.save(&[self.names, &flag].concat(), "", &ours)?;
        let names = self.names.iter().map(|name| depot.expand(name)).collect::<Result<Vec<_>>>()?;
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        docker.save(&names, self.platform, &theirs)?;
        expect_difference(&ours, &theirs, self.difference).context("barge's archive and docker's")
    }
}
