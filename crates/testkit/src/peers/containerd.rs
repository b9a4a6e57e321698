//! containerd by itself, through `ctr`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{
    Engine, LoadOpts, Seen, SeenImage,
    jail::Jail,
    seen::{choose, walk},
};

const SOCKET: &str = "/peer/containerd.sock";

/// The CRI plugin would listen on a TCP port; nothing here needs it.
const CONFIG: &str = r#"version = 2
root = "/peer/d"
state = "/peer/x"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/peer/containerd.sock"
[ttrpc]
address = "/peer/containerd.sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "/peer/opt"
"#;

/// A running containerd and its client.
#[derive(Debug)]
pub(super) struct Containerd {
    name: String,
    socket: PathBuf,
    /// Whether `ctr image export` would leave the copying to the daemon, as containerd 2's does, and end
    /// before that does: `--local` has it wait.
    local: bool,
    jail: Jail,
}

impl Containerd {
    pub(super) fn start(mut jail: Jail) -> Result<Self> {
        std::fs::write(jail.home().join("config.toml"), CONFIG)?;
        let version = jail.version("containerd")?;
        let (name, local) = (format!("containerd {version}"), !version.starts_with("1."));
        jail.spawn(&["containerd", "--config", "/peer/config.toml"])?;
        jail.ready(&name, |jail| jail.run(&["ctr", "--address", SOCKET, "version"]))?;
        let socket = jail.home().join("containerd.sock");
        Ok(Self { name, socket, local, jail })
    }

    fn ctr(&self, args: &[&str]) -> Result<String> {
        self.jail.run(&[&["ctr", "--address", SOCKET], args].concat())
    }

    fn list(&self, what: &str) -> Result<String> {
        self.ctr(&[what, "ls", "--quiet"])
    }
}

impl Engine for Containerd {
    fn name(&self) -> &str {
        &self.name
    }

    fn socket(&self) -> &Path {
        &self.socket
    }

    fn load(&self, archive: &Path, opts: LoadOpts<'_>) -> Result<String> {
        let archive = self.jail.path(archive)?;
        let mut args = vec!["images", "import"];
        args.extend(opts.platform.iter().flat_map(|platform| ["--platform", platform]));
        args.extend(opts.all_platforms.then_some("--all-platforms"));
        args.push(&archive);
        self.ctr(&args)
    }

    fn save(&self, names: &[&str], platform: Option<&str>, out: &Path) -> Result<()> {
        let out = self.jail.path(out)?;
        let mut args = vec!["images", "export"];
        args.extend(self.local.then_some("--local"));
        args.extend(platform.iter().flat_map(|platform| ["--platform", platform]));
        args.push(&out);
        args.extend(names);
        self.ctr(&args).map(drop)
    }

    fn images(&self) -> Result<Vec<SeenImage>> {
        // A table with a heading: name, media type, digest and more. None of the three has a space in it.
        let image = |line: &str| {
            let mut words = line.split_whitespace();
            let name = words.next().map(str::to_owned);
            Ok(SeenImage { name, id: words.nth(1).context("short line")?.to_owned() })
        };
        self.ctr(&["images", "ls"])?.lines().skip(1).map(image).collect()
    }

    fn inspect(&self, name: &str, platform: Option<&str>) -> Result<Seen> {
        let images = self.images()?;
        let image = images.iter().find(|image| image.name.as_deref() == Some(name));
        let id = &image.with_context(|| format!("no image {name}"))?.id;
        let blob = |digest: &str| self.ctr(&["content", "get", digest]).ok().map(String::into_bytes);
        let seen = choose(walk(id, blob)?, platform)?;
        Ok(Seen { id: id.clone(), ..seen })
    }

    fn wipe(&self) -> Result<()> {
        let images = self.list("images")?;
        let images: Vec<_> = images.lines().collect();
        if !images.is_empty() {
            self.ctr(&[&["images", "rm", "--sync"], &images[..]].concat())?;
        }
        // A failed import leaves blobs that no image has. Some may go by themselves meanwhile.
        let blobs = self.list("content")?;
        let blobs: Vec<_> = blobs.lines().collect();
        if !blobs.is_empty() {
            let removed = self.ctr(&[&["content", "rm"], &blobs[..]].concat());
            ensure!(self.list("content")?.is_empty(), "blobs are left: {removed:?}");
        }
        Ok(())
    }
}
