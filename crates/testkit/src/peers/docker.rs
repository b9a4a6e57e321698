//! dockerd, with either of its stores.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    Engine, LoadOpts, Seen, SeenImage,
    jail::Jail,
    seen::{choose, text, walk},
};

const HOST: &str = "unix:///peer/docker.sock";
/// The containerd that dockerd starts for itself.
const CONTAINERD: &str = "/peer/x/containerd/containerd.sock";

/// Which of its stores dockerd uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// An image's id is the digest of its manifest or index.
    Containerd,
    /// An image's id is the digest of its config.
    Overlay2,
}

/// A running dockerd and its client.
#[derive(Debug)]
pub(super) struct Docker {
    name: String,
    socket: PathBuf,
    store: Store,
    jail: Jail,
}

impl Docker {
    pub(super) fn start(mut jail: Jail, store: Store) -> Result<Self> {
        let containerd = store == Store::Containerd;
        let config = format!(r#"{{"features":{{"containerd-snapshotter":{containerd}}}}}"#);
        std::fs::write(jail.home().join("daemon.json"), config)?;
        let version = jail.version("docker.io")?;
        let name = format!("dockerd {version} {} store", if containerd { "containerd" } else { "overlay2" });
        // No bridge, no firewall and no forwarding: the machine's network stays as it is.
        jail.spawn(&[
            "dockerd",
            "--config-file=/peer/daemon.json",
            "--data-root=/peer/d",
            "--exec-root=/peer/x",
            "--pidfile=/peer/docker.pid",
            "--host",
            HOST,
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--ip-forward=false",
        ])?;
        jail.ready(&name, |jail| jail.run(&["docker", "--host", HOST, "version"]))?;
        let socket = jail.home().join("docker.sock");
        Ok(Self { name, socket, store, jail })
    }

    fn docker(&self, args: &[&str]) -> Result<String> {
        self.jail.run(&[&["docker", "--host", HOST], args].concat())
    }

    /// The client does not tell a config's digest; the store it keeps images in does.
    fn config(&self, seen: &Seen) -> Option<String> {
        if self.store == Store::Overlay2 {
            return Some(seen.id.clone());
        }
        let blob = |digest: &str| {
            let command = ["ctr", "--address", CONTAINERD, "--namespace", "moby", "content", "get", digest];
            self.jail.run(&command).ok().map(String::into_bytes)
        };
        choose(walk(&seen.id, blob).ok()?, Some(&seen.platform())).ok()?.config
    }
}

impl Engine for Docker {
    fn name(&self) -> &str {
        &self.name
    }

    fn socket(&self) -> &Path {
        &self.socket
    }

    fn load(&self, archive: &Path, opts: LoadOpts<'_>) -> Result<String> {
        ensure!(!opts.all_platforms, "dockerd has no --all-platforms");
        let archive = self.jail.path(archive)?;
        let mut args = vec!["image", "load", "--input", &archive];
        args.extend(opts.platform.iter().flat_map(|platform| ["--platform", platform]));
        self.docker(&args)
    }

    fn save(&self, names: &[&str], platform: Option<&str>, out: &Path) -> Result<()> {
        let out = self.jail.path(out)?;
        let mut args = vec!["image", "save", "--output", &out];
        args.extend(platform.iter().flat_map(|platform| ["--platform", platform]));
        args.extend(names);
        self.docker(&args).map(drop)
    }

    fn images(&self) -> Result<Vec<SeenImage>> {
        let lines = self.docker(&["image", "ls", "--all", "--no-trunc", "--format", "{{json .}}"])?;
        let image = |line| {
            let line: Value = serde_json::from_str(line)?;
            let (repository, tag) = (text(&line, "/Repository"), text(&line, "/Tag"));
            let named = repository != "<none>" && tag != "<none>";
            Ok(SeenImage { name: named.then(|| format!("{repository}:{tag}")), id: text(&line, "/ID") })
        };
        lines.lines().map(image).collect()
    }

    fn inspect(&self, name: &str, platform: Option<&str>) -> Result<Seen> {
        let mut args = vec!["image", "inspect"];
        args.extend(platform.iter().flat_map(|platform| ["--platform", platform]));
        args.push(name);
        let images: Value = serde_json::from_str(&self.docker(&args)?)?;
        let seen = Seen::from_inspect(images.get(0).context("inspect printed nothing")?);
        Ok(Seen { config: self.config(&seen), ..seen })
    }

    fn wipe(&self) -> Result<()> {
        self.docker(&["image", "prune", "--all", "--force"]).map(drop)
    }
}
