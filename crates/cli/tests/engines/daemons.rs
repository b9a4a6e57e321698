//! The real ones: what they have is saved, listed, copied; what barge has goes into them.

use std::fs;

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::Peer;

use crate::daemon::Daemon;

/// What every daemon can: there and back, with names and configs.
fn there_and_back(daemon: &Daemon) -> Result<()> {
    let place = &daemon.place;
    place.ok("save hello-barge example.org:5000/team/hello -o both.tar");
    let said = daemon.ok("load --to docker @ -i both.tar");
    ensure!(
        said == "Loaded image: hello-barge:latest\nLoaded image: example.org:5000/team/hello:v1\n",
        "{said}"
    );
    let names: Vec<_> = daemon.engine.images()?.into_iter().filter_map(|image| image.name).collect();
    ensure!(names.len() == 2 && names.contains(&"hello-barge:latest".to_owned()), "{names:?}");
    // From a pipe as well.
    let archive = place.saved("hello-barge");
    let ran = place.run_with(&daemon.line("load --to docker @"), &archive);
    ensure!(ran.code == Some(0), "{}", ran.stderr);

    daemon.ok("save --from docker @ --all -o all.tar");
    let listed = place.ok("archive ls all.tar --format {{.Repository}}:{{.Tag}}");
    ensure!(listed == "hello-barge:latest\nexample.org:5000/team/hello:v1\n", "{listed}");
    place.ok("archive verify all.tar");
    // The same again, whatever order the daemon sends it in.
    daemon.ok("save --from docker @ --all -o again.tar");
    ensure!(place.read("all.tar") == place.read("again.tar"), "two saves differ");
    // The daemon takes back what was saved, under the same ID.
    let id = |name: &str| -> Result<String> { Ok(daemon.engine.inspect(name, None)?.id) };
    let before = id("hello-barge:latest")?;
    daemon.engine.wipe()?;
    daemon.ok("load --to docker @ -i all.tar");
    ensure!(id("hello-barge:latest")? == before, "another ID");

    let list = daemon.ok("images --from docker @ --format {{.Repository}}:{{.Tag}}");
    ensure!(
        list == "example.org:5000/team/hello:v1\nhello-barge:latest\n"
            || list == "hello-barge:latest\nexample.org:5000/team/hello:v1\n",
        "{list}"
    );
    let inspected = daemon.ok("image inspect --from docker @ hello-barge --format {{.Id}}");
    ensure!(inspected.trim() == before, "{inspected}");
    let said = daemon.fails("save --from docker @ gone -o gone.tar");
    ensure!(said == "No such image: gone:latest\n", "{said}");
    ensure!(!place.path("gone.tar").exists());

    daemon.ok("copy @ docker-daemon:hello-barge docker-daemon:example.org/copied:2");
    daemon.ok("copy @ docker-daemon:example.org/copied:2 kept:1");
    place.ok("store check");
    daemon.ok("copy @ docker-daemon:hello-barge oci:layout:x");
    ensure!(place.path("layout/index.json").exists());
    daemon.ok("copy @ kept:1 docker-daemon:back:1");
    let expected = id("example.org/copied:2")?;
    ensure!(id("back:1")? == expected, "another ID after a way round");
    Ok(())
}

#[test]
fn docker_20() -> Result<()> {
    let Some(daemon) = Daemon::start(Peer::Docker20)? else { return Ok(()) };
    there_and_back(&daemon)
}

#[test]
fn docker_overlay2() -> Result<()> {
    let Some(daemon) = Daemon::start(Peer::DockerOverlay2)? else { return Ok(()) };
    there_and_back(&daemon)
}

#[test]
fn docker_containerd() -> Result<()> {
    let Some(daemon) = Daemon::start(Peer::DockerContainerd)? else { return Ok(()) };
    there_and_back(&daemon)?;
    let place = &daemon.place;
    // All platforms come back, to the byte what the store's own save writes, and no disk is taken for it.
    fs::create_dir(place.path("empty"))?;
    for selection in [
        "hello-barge",
        "hello-barge --platform linux/amd64",
        "hello-barge --platform linux/arm64",
        "hello-barge --platform linux/amd64,linux/arm64",
        "hello-barge --keep-index --platform linux/arm64",
        "hello-barge --layout aligned",
        "hello-barge --compress zstd",
        "hello-barge example.org:5000/team/hello:v1",
    ] {
        daemon.ok(&format!("save --from docker @ {selection} -o new.tar"));
        place.ok(&format!("save {selection} -o own.tar"));
        ensure!(place.read("new.tar") == place.read("own.tar"), "{selection}: other bytes");
    }
    let said = daemon.fails("save --from docker @ hello-barge --platform linux/mips");
    ensure!(said.contains("does not provide the specified platform (linux/mips)"), "{said}");
    ensure!(said.contains("hint: the daemon has: linux/"), "{said}");
    // The host's own platform is listed and not there: docker alone fails over it.
    place.ok("save hello-barge --keep-index --platform linux/arm64 -o sparse.tar");
    daemon.engine.wipe()?;
    daemon.ok("load --to docker @ -i sparse.tar");
    let said = daemon.engine.save(&["hello-barge"], None, &place.path("by-docker.tar"));
    ensure!(said.is_err(), "docker has learned it: this test can go");
    let ran = place.run(&daemon.line("save --from docker @ hello-barge -o sparse2.tar"));
    ensure!(ran.code == Some(0), "{}", ran.stderr);
    ensure!(
        ran.stderr.contains("note: hello-barge:latest: the daemon does not have linux/amd64"),
        "{}",
        ran.stderr
    );
    let platforms = place.ok("archive ls sparse2.tar --format {{.Platforms}}");
    ensure!(platforms.trim() == "linux/arm64/v8", "{platforms}");
    let tree = daemon.ok("images --from docker @ --tree --format json");
    let tree: serde_json::Value = serde_json::from_str(&tree).context(tree)?;
    let absent =
        tree["Platforms"].as_array().context("no platforms")?.iter().filter(|p| p["Available"] == false);
    ensure!(absent.count() > 0, "{tree}");
    Ok(())
}
