//! All images of a host in one archive, and from there into another host's engine, whichever they are.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::{LoadOpts, Peer};

use crate::daemon::Daemon;

const PEERS: [Peer; 7] = [
    Peer::DockerContainerd,
    Peer::DockerOverlay2,
    Peer::Docker20,
    Peer::Containerd,
    Peer::Containerd16,
    Peer::Podman,
    Peer::Podman4,
];
const IMAGES: [&str; 2] = ["hello-barge:latest", "example.org:5000/team/hello:v1"];

/// The flags that lead to an engine, to read from its disk if `reads`: `--from ...` and `--to ...` stand before them.
fn way(peer: Peer, daemon: &Daemon, reads: bool) -> (&'static str, String) {
    let socket = daemon.engine.socket().display();
    match peer {
        Peer::Containerd | Peer::Containerd16 => ("containerd", format!("--address {socket}")),
        Peer::Podman | Peer::Podman4 if reads => ("podman", format!("--root {}", daemon.file("d").display())),
        Peer::Podman | Peer::Podman4 => ("podman", format!("--host unix://{socket}")),
        _ => ("docker", format!("--host unix://{socket}")),
    }
}

/// What an engine has: of each image its config, which has the same bytes everywhere.
fn configs(daemon: &Daemon) -> Result<BTreeSet<String>> {
    let mut configs = BTreeSet::new();
    let listed = daemon.engine.images()?;
    for name in IMAGES {
        let known =
            listed.iter().filter_map(|image| image.name.as_deref()).find(|known| known.ends_with(name));
        let known = known.with_context(|| format!("{}: no {name} in {listed:?}", daemon.engine.name()))?;
        configs.insert(daemon.engine.inspect(known, None)?.config.context("no config")?);
    }
    Ok(configs)
}

#[test]
fn in_all_directions() -> Result<()> {
    let mut daemons = Vec::new();
    for peer in PEERS {
        let Some(daemon) = Daemon::start(peer)? else { return Ok(()) };
        daemons.push((peer, daemon));
    }
    let mut failures = Vec::new();
    for (peer, from) in &daemons {
        let place = &from.place;
        place.ok("save hello-barge example.org:5000/team/hello -o both.tar");
        from.engine.load(&place.path("both.tar"), LoadOpts::default())?;
        let expected = configs(from)?;
        let (name, flags) = way(*peer, from, true);
        let ran = place.run(&format!("save --from {name} {flags} --all -o host.tar"));
        ensure!(ran.code == Some(0), "{}: {}", from.engine.name(), ran.stderr);
        place.ok("archive verify host.tar");
        for (peer, to) in daemons.iter().filter(|(other, _)| other != peer) {
            to.engine.wipe()?;
            let (name, flags) = way(*peer, to, false);
            let ran = place.run(&format!("load -q --to {name} {flags} -i host.tar"));
            let there =
                if ran.code == Some(0) { configs(to) } else { Err(anyhow::anyhow!("{}", ran.stderr)) };
            match there {
                Ok(there) if there == expected => {}
                there => failures.push(format!("{} to {}: {there:?}", from.engine.name(), to.engine.name())),
            }
            to.engine.wipe()?;
        }
        from.engine.wipe()?;
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}
