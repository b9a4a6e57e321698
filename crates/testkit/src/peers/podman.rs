//! podman, which needs no daemon; one serves its API nevertheless, for those who talk to that.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    Engine, LoadOpts, Seen, SeenImage,
    jail::Jail,
    seen::{sha256, text, texts},
};

const PODMAN: [&str; 13] = [
    "podman",
    "--root",
    "/peer/d",
    "--runroot",
    "/peer/x",
    "--tmpdir",
    "/peer/t",
    "--storage-driver",
    "overlay",
    "--cgroup-manager",
    "cgroupfs",
    "--events-backend",
    "file",
];

/// podman with a store of its own.
#[derive(Debug)]
pub(super) struct Podman {
    name: String,
    socket: PathBuf,
    jail: Jail,
}

impl Podman {
    pub(super) fn start(mut jail: Jail) -> Result<Self> {
        let name = format!("podman {}", jail.version("podman")?);
        let socket = jail.home().join("podman.sock");
        let service = ["system", "service", "--time=0", "unix:///peer/podman.sock"];
        jail.spawn(&[&PODMAN, &service[..]].concat())?;
        jail.ready(&name, |_| {
            std::os::unix::net::UnixStream::connect(&socket).with_context(|| socket.display().to_string())
        })?;
        Ok(Self { name, socket, jail })
    }

    fn podman(&self, args: &[&str]) -> Result<String> {
        self.jail.run(&[&PODMAN, args].concat())
    }
}

impl Engine for Podman {
    fn name(&self) -> &str {
        &self.name
    }

    fn socket(&self) -> &Path {
        &self.socket
    }

    fn load(&self, archive: &Path, opts: LoadOpts<'_>) -> Result<String> {
        ensure!(opts.platform.is_none() && !opts.all_platforms, "podman load has no --platform");
        self.podman(&["image", "load", "--input", &self.jail.path(archive)?])
    }

    fn save(&self, names: &[&str], platform: Option<&str>, out: &Path) -> Result<()> {
        ensure!(platform.is_none(), "podman save has no --platform");
        let out = self.jail.path(out)?;
        let mut args = vec!["image", "save", "--quiet", "--output", &out];
        // Without it a second name would be another name for the first image.
        args.extend((names.len() > 1).then_some("--multi-image-archive"));
        args.extend(names);
        self.podman(&args).map(drop)
    }

    fn images(&self) -> Result<Vec<SeenImage>> {
        let images = self.podman(&["image", "ls", "--all", "--format", "json"])?;
        let images: Vec<Value> = serde_json::from_str(&images)?;
        let mut seen = Vec::new();
        for image in images {
            let id = sha256(&text(&image, "/Id"));
            let names = texts(&image, "/Names").into_iter().map(Some);
            let unnamed = (names.len() == 0).then_some(None);
            seen.extend(names.chain(unnamed).map(|name| SeenImage { name, id: id.clone() }));
        }
        // It lists an image once for each of its names, each time with all of them.
        seen.sort();
        seen.dedup();
        Ok(seen)
    }

    fn inspect(&self, name: &str, platform: Option<&str>) -> Result<Seen> {
        ensure!(platform.is_none(), "podman keeps one platform of an image");
        let images: Value = serde_json::from_str(&self.podman(&["image", "inspect", name])?)?;
        let seen = Seen::from_inspect(images.get(0).context("inspect printed nothing")?);
        Ok(Seen { config: Some(seen.id.clone()), ..seen })
    }

    fn wipe(&self) -> Result<()> {
        self.podman(&["image", "rm", "--all", "--force"]).map(drop)
    }
}
