//! Tries what `dist` wrote as those do who install it: the static program in a root that has nothing else, the package in
//! Debian, the plugin and the image with docker, the image in podman.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::{self, Clients, LoadOpts, Peer};

use crate::{image, root, run};

/// Tries everything.
pub(crate) fn run() -> Result<()> {
    let dist = root().join("target/dist").canonicalize().context("`cargo xtask dist` comes first")?;
    alone(&dist).context("the static program")?;
    package(&dist).context("the package")?;
    image(&dist).context("the image")
}

/// In a root with nothing but names of hosts. Names are looked up in files and, unless there are none, by DNS.
fn alone(dist: &Path) -> Result<()> {
    let place = tempfile::tempdir()?;
    let root = place.path().to_string_lossy().into_owned();
    let barge = |line: &str| {
        let words = ["--store", "/store"].into_iter().chain(line.split(' '));
        let words: Vec<&str> = [&*root, "/barge"].into_iter().chain(words).collect();
        run::output(Path::new("chroot"), &words)
    };
    fs::copy(dist.join("barge-static"), place.path().join("barge"))?;
    fs::create_dir(place.path().join("etc"))?;
    fs::write(place.path().join("etc/hosts"), "127.0.0.1 registry.test\n")?;
    fs::write(
        place.path().join("hello.tar"),
        run::output(Path::new("tar"), &["-C", "examples/hello", "-c", "."])?,
    )?;
    barge("load --input /hello.tar")?;
    barge("save --output /again.tar hello-barge")?;
    barge("archive verify /again.tar")?;
    let refused = barge("pull --attempts 1 registry.test:1/a").err().context("port 1 answered")?.to_string();
    ensure!(refused.to_lowercase().contains("connection refused"), "registry.test was not found: {refused}");
    println!("the static program works alone");
    Ok(())
}

fn package(dist: &Path) -> Result<()> {
    let (Some(docker), Some(clients)) = (peers::start(Peer::DockerContainerd)?, Clients::start()?) else {
        return Ok(());
    };
    let home = tempfile::tempdir()?;
    let sources = clients.path(&root().canonicalize()?)?;
    let script = format!("exec bash {sources}/crates/xtask/src/trial.sh {} {sources}", clients.path(dist)?);
    let said = clients.ok(home.path(), docker.socket(), &script)?;
    println!("{said}the package installs, works and leaves nothing");
    Ok(())
}

/// Docker has run it before; podman reads it, too.
fn image(dist: &Path) -> Result<()> {
    let Some(podman) = peers::start(Peer::Podman)? else { return Ok(()) };
    podman.load(&dist.join("barge-image.tar"), LoadOpts::default())?;
    podman.inspect(image::NAME, None)?;
    println!("the image runs in docker, and {} has it", podman.name());
    Ok(())
}
