//! Stores that keep layers unpacked: docker's overlay2 and podman's, put together from their disks.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::{LoadOpts, Peer};

use crate::daemon::Daemon;

fn diff_ids(daemon: &Daemon, archive: &str) -> Vec<String> {
    let archive = daemon.place.read(archive);
    let mut blobs: Vec<String> = crate::common::entries(&archive)
        .into_iter()
        .map(|(path, _)| path)
        .filter(|p| p.starts_with("blobs/"))
        .collect();
    blobs.sort();
    blobs
}

fn overlay2(peer: Peer) -> Result<()> {
    let Some(daemon) = Daemon::start(peer)? else { return Ok(()) };
    let place = &daemon.place;
    place.ok("save hello-barge example.org:5000/team/hello -o both.tar");
    daemon.ok("load --to docker @ -i both.tar");
    let root = daemon.file("d");
    let way = format!("--root {}", root.display());
    for via in ["disk", "auto"] {
        let ran =
            place.run(&daemon.line(&format!("save --from docker @ {way} --via {via} -v --all -o disk.tar")));
        ensure!(ran.code == Some(0), "{}", ran.stderr);
        ensure!(
            ran.stderr == format!("note: layers are put together from {}\n", root.display()),
            "{}",
            ran.stderr
        );
    }
    place.ok("archive verify disk.tar");
    daemon.ok("save --from docker @ --via api --all -o api.tar");
    let list = |file: &str| place.ok(&format!("archive ls {file} --format {{{{.Repository}}}}:{{{{.Tag}}}}"));
    ensure!(list("disk.tar") == list("api.tar"));
    // The layers and the config are the same; a manifest has the types of whoever made it.
    let (disk, api) = (diff_ids(&daemon, "disk.tar"), diff_ids(&daemon, "api.tar"));
    let common = disk.iter().filter(|blob| api.contains(blob)).count();
    ensure!(common >= 4, "{disk:?} {api:?}");
    // The daemon need not run, nor be there.
    let listed = place.ok(&format!("images --from docker --host unix:///nobody {way} --via disk"));
    ensure!(listed.contains("example.org:5000/team/hello"), "{listed}");
    daemon.ok("load --to docker @ -i disk.tar");
    let plan = daemon.ok(&format!("save --from docker @ {way} --via disk --all --dry-run"));
    ensure!(plan.contains("hello-barge:latest") && plan.contains(" blobs, "), "{plan}");
    let said = daemon.fails("save --from docker @ --via api --all --dry-run");
    ensure!(said.contains("`--via disk`"), "{said}");

    // A file of a layer that is another one.
    let changed = corrupt(&root.join("overlay2"))?;
    fs::write(place.path("old.tar"), "a good archive")?;
    let said =
        place.fails(&daemon.line(&format!("save --from docker @ {way} --via disk hello-barge -o old.tar")));
    ensure!(said.contains("its content is sha256:"), "{}: {said}", changed.display());
    ensure!(place.read("old.tar") == b"a good archive");
    fs::remove_file(&changed)?;
    let said =
        place.fails(&daemon.line(&format!("save --from docker @ {way} --via disk hello-barge -o old.tar")));
    ensure!(said.contains(changed.file_name().context("no name")?.to_str().context("no text")?), "{said}");
    ensure!(place.read("old.tar") == b"a good archive");
    Ok(())
}

/// Turns a bit of a file in a layer, and says which.
fn corrupt(layers: &std::path::Path) -> Result<std::path::PathBuf> {
    for layer in fs::read_dir(layers)? {
        let mut folders = vec![layer?.path().join("diff")];
        while let Some(folder) = folders.pop() {
            let Ok(listed) = fs::read_dir(&folder) else { continue };
            for entry in listed {
                let path = entry?.path();
                let meta = path.symlink_metadata()?;
                if meta.is_dir() {
                    folders.push(path);
                } else if meta.is_file() && meta.len() > 0 {
                    let mut content = fs::read(&path)?;
                    *content.last_mut().context("empty")? ^= 1;
                    fs::write(&path, content)?;
                    return Ok(path);
                }
            }
        }
    }
    anyhow::bail!("no file in any layer")
}

#[test]
fn docker_20() -> Result<()> {
    overlay2(Peer::Docker20)
}

#[test]
fn docker_28() -> Result<()> {
    overlay2(Peer::DockerOverlay2)
}

fn podman(peer: Peer) -> Result<()> {
    let Some(daemon) = Daemon::start(peer)? else { return Ok(()) };
    let place = &daemon.place;
    let service = format!("--host unix://{}", daemon.engine.socket().display());
    place.ok("save hello-barge example.org:5000/team/hello --platform linux/amd64 -o both.tar");
    daemon.engine.load(&place.path("both.tar"), LoadOpts::default())?;
    let way = format!("--root {}", daemon.file("d").display());
    let ran = place.run(&format!("save --from podman {way} -v --all -o disk.tar"));
    ensure!(ran.code == Some(0), "{}", ran.stderr);
    ensure!(ran.stderr.starts_with("note: layers are put together from "), "{}", ran.stderr);
    place.ok("archive verify disk.tar");
    place.ok(&format!("save --from podman --via api {service} --all -o api.tar"));
    let list = |file: &str| place.ok(&format!("archive ls {file} --format {{{{.Repository}}}}:{{{{.Tag}}}}"));
    ensure!(list("disk.tar") == list("api.tar"), "{} {}", list("disk.tar"), list("api.tar"));
    ensure!(list("disk.tar").contains("hello-barge:latest"));
    let listed = place.ok(&format!("images --from podman {way}"));
    ensure!(listed.contains("example.org:5000/team/hello"), "{listed}");
    let config = place.ok(&format!("image inspect --from podman {way} hello-barge --format {{{{.Os}}}}"));
    ensure!(config == "linux\n", "{config}");
    waits_for_podman(&daemon, &way)?;
    // podman takes it back, and knows it as the same.
    let before = daemon.engine.images()?;
    daemon.engine.wipe()?;
    place.ok(&format!("load -q --to podman {service} -i disk.tar"));
    let after = daemon.engine.images()?;
    let ids = |images: &[barge_testkit::peers::SeenImage]| -> Vec<String> {
        let mut ids: Vec<String> = images.iter().map(|image| image.id.clone()).collect();
        ids.sort();
        ids
    };
    ensure!(ids(&before) == ids(&after), "{before:?} {after:?}");
    place.ok(&format!("copy -q {way} containers-storage:hello-barge kept:1"));
    place.ok("store check");
    Ok(())
}

/// Whoever changes the store holds its locks, which are fcntl's.
fn waits_for_podman(daemon: &Daemon, way: &str) -> Result<()> {
    const HOLD: &str = "import fcntl, sys, time\n\
        f = open(sys.argv[1], 'r+')\n\
        fcntl.lockf(f, fcntl.LOCK_EX)\n\
        print('held', flush=True)\n\
        time.sleep(1)\n\
        open(sys.argv[2], 'w').close()\n";
    let place = &daemon.place;
    let mut holder = Command::new("python3")
        .args(["-c", HOLD])
        .args([daemon.file("d/overlay-layers/layers.lock"), place.path("done")])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = [0; 5];
    holder.stdout.take().context("no stdout")?.read_exact(&mut said)?;
    place.ok(&format!("save --from podman {way} hello-barge -o waited.tar"));
    ensure!(place.path("done").exists(), "it did not wait");
    ensure!(holder.wait()?.success());
    Ok(())
}

#[test]
fn podman_4() -> Result<()> {
    podman(Peer::Podman4)
}

#[test]
fn podman_5() -> Result<()> {
    podman(Peer::Podman)
}
