//! containerd: blobs from its disk and over its API, under a lease; images into it, unpacked.

use std::fs;

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::{LoadOpts, Peer};

use crate::daemon::Daemon;

fn both_ways(peer: Peer) -> Result<()> {
    let Some(daemon) = Daemon::start(peer)? else { return Ok(()) };
    let place = &daemon.place;
    let socket = format!("--address {}", daemon.engine.socket().display());
    let store = daemon.file("d/io.containerd.content.v1.content");
    place.ok("save hello-barge example.org:5000/team/hello -o both.tar");
    daemon.engine.load(&place.path("both.tar"), LoadOpts { all_platforms: true, ..LoadOpts::default() })?;
    let disk = format!("{socket} --via disk --root {}", store.display());
    for way in [format!("{socket} --via api"), disk.clone(), socket.clone()] {
        for selection in ["hello-barge", "hello-barge --platform linux/arm64", "--all"] {
            place.ok(&format!("save --from containerd {way} {selection} -o new.tar"));
            let own = selection.replace("--all", "example.org:5000/team/hello hello-barge");
            place.ok(&format!("save {own} -o own.tar"));
            let sorted = |file: &str| -> Vec<u8> { place.read(file) };
            if selection == "--all" {
                place.ok("archive verify new.tar");
            } else {
                ensure!(sorted("new.tar") == sorted("own.tar"), "{way} {selection}: other bytes");
            }
        }
        let tree = place.ok(&format!("images --from containerd {way} --tree --format json"));
        ensure!(tree.contains("hello-barge:latest") && tree.contains("linux/arm64/v8"), "{tree}");
        let of_engine = place.ok(&format!("store df --from containerd {way} --format json"));
        let of_store = place.ok("store df --format json");
        let bytes = |text: &str| -> serde_json::Value {
            serde_json::from_str::<serde_json::Value>(text).unwrap()["images"].clone()
        };
        ensure!(
            bytes(&of_engine)[0]["shared_bytes"] == bytes(&of_store)[0]["shared_bytes"],
            "{of_engine} {of_store}"
        );
        ensure!(
            bytes(&of_engine)[0]["unique_bytes"] == bytes(&of_store)[0]["unique_bytes"],
            "{of_engine} {of_store}"
        );
        let id = place.ok(&format!("image inspect --from containerd {way} hello-barge --format {{{{.Id}}}}"));
        ensure!(id == place.ok("image inspect hello-barge --format {{.Id}}"), "{id}");
    }
    let ran = place.run(&format!("save --from containerd {disk} -v hello-barge -o new.tar"));
    ensure!(ran.stderr == format!("note: blobs are read below {}\n", store.display()), "{}", ran.stderr);
    let said = place.fails(&format!("save --from containerd {socket} gone"));
    ensure!(said == "No such image: gone:latest\n", "{said}");
    let said = place.fails(&format!("images --from containerd --address {}", place.path("nobody").display()));
    ensure!(said.contains("hint:"), "{said}");

    // Into it: by barge what containerd loads itself, and unpacked.
    daemon.engine.wipe()?;
    place.ok("tag hello-barge docker.io/library/hello-barge:other");
    place.ok("save hello-barge -o all.tar");
    let said = place.ok(&format!("load -q --to containerd {socket} -i all.tar"));
    ensure!(said.contains("Loaded image: docker.io/library/hello-barge:other\n"), "{said}");
    let seen = daemon.engine.inspect("docker.io/library/hello-barge:latest", None)?;
    ensure!(seen.id == place.ok("image inspect hello-barge --format {{.Id}}").trim(), "{seen:?}");
    // Again: nothing is missing.
    place.ok(&format!("load -q --to containerd {socket} -i all.tar"));
    place.ok(&format!("copy -q {socket} containerd:hello-barge:other containerd:example.org/copied:1"));
    place.ok(&format!("copy -q {socket} containerd:example.org/copied:1 kept:1"));
    place.ok("store check");
    let ids = place.ok("images --no-trunc -q kept");
    ensure!(ids.trim() == seen.id, "{ids}");
    daemon
        .engine
        .save(&["docker.io/library/hello-barge:latest"], None, &place.path("theirs.tar"))
        .context("export")?;
    place.ok("archive verify theirs.tar");

    // What cosign has under a tag comes along only if it is asked for, as from the store.
    let tag = format!("hello-barge:{}.sig", seen.id.replace(':', "-"));
    place.ok(&format!("tag kept:1 {tag}"));
    place.ok(&format!("save hello-barge:latest {tag} -o signed.tar"));
    place.ok(&format!("load -q --to containerd {socket} -i signed.tar"));
    for (flags, signed) in [("", false), ("--referrers none", false), ("--referrers all", true)] {
        for way in [format!("--from containerd {socket}"), String::new()] {
            place.ok(&format!("save {way} {flags} hello-barge:latest -o new.tar"));
            let tags = place.ok("archive ls new.tar --format {{.Tag}}");
            ensure!(tags.contains(".sig") == signed, "{way} {flags}: {tags}");
        }
    }

    // A blob that is not what it was is found, and nothing is written.
    let manifest = place.ok("image inspect hello-barge --format {{.Id}}");
    let layer = largest(&store)?;
    let content = fs::read(&layer)?;
    let mut rotten = content.clone();
    *rotten.last_mut().context("an empty blob")? ^= 1;
    fs::write(&layer, rotten)?;
    fs::write(place.path("old.tar"), "a good archive")?;
    let said = place.fails(&format!("save --from containerd {disk} hello-barge -o old.tar"));
    ensure!(said.contains("its content is sha256:"), "{manifest}: {said}");
    ensure!(place.read("old.tar") == b"a good archive");
    Ok(())
}

fn largest(store: &std::path::Path) -> Result<std::path::PathBuf> {
    let blobs = fs::read_dir(store.join("blobs/sha256"))?.filter_map(|entry| Some(entry.ok()?.path()));
    blobs.max_by_key(|path| path.metadata().map_or(0, |meta| meta.len())).context("no blobs")
}

#[test]
fn containerd_16() -> Result<()> {
    both_ways(Peer::Containerd16)
}

#[test]
fn containerd() -> Result<()> {
    both_ways(Peer::Containerd)
}

/// Docker's images from the containerd behind it.
#[test]
fn dockers_own() -> Result<()> {
    let Some(daemon) = Daemon::start(Peer::DockerContainerd)? else { return Ok(()) };
    daemon.place.ok("save hello-barge example.org:5000/team/hello -o both.tar");
    daemon.ok("load --to docker @ -i both.tar");
    let socket = daemon.file("x/containerd/containerd.sock");
    let root = daemon.file("d/containerd/daemon/io.containerd.content.v1.content");
    let way = format!("--address {} --root {}", socket.display(), root.display());
    for via in ["disk", "auto"] {
        let ran = daemon
            .place
            .run(&daemon.line(&format!("save --from docker @ {way} --via {via} -v --all -o new.tar")));
        ensure!(ran.code == Some(0), "{}", ran.stderr);
        ensure!(ran.stderr == format!("note: blobs are read below {}\n", root.display()), "{}", ran.stderr);
        daemon.ok("save --from docker @ --via api --all -o api.tar");
        ensure!(daemon.place.read("new.tar") == daemon.place.read("api.tar"), "other bytes from disk");
    }
    // Somebody else's disk is not taken for this daemon's.
    let said =
        daemon.place.run(&daemon.line("save --from docker @ --address /nobody -v hello-barge -o new.tar"));
    ensure!(
        said.code == Some(0) && said.stderr.starts_with("note: images come over docker's API: "),
        "{}",
        said.stderr
    );
    Ok(())
}
