//! The peers do what interoperability tests take for granted: they start empty, load and save real
//! archives, say what they see, and leave nothing behind.

use std::{
    fs,
    io::{self, Write},
    panic,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use barge_testkit::peers::{Engine, LoadOpts, Peer, Reader, Registry, Seen, Tool, entries, reader, start};

const INDEX: &str = "sha256:57bd13315162fd685a878dcd3726865102d59eddb29a4108d226a101ad99b264";
const MANIFEST: &str = "sha256:be1ef76b5192cdb36474100b0b3b62aebbcb8ea0d67909eb67f5d6355e8b29b4";
const CONFIG: &str = "sha256:26841a793f378af752ce8f84867f26fdea287b687dddbd98c85c6475024d2818";
const DIFF_ID: &str = "sha256:b115b78823f5c7b3bbe2a1b090c376e42839662de6ff485710803e1fd35a386c";
/// The manifest that containerd makes up for an archive that has none.
const MADE_UP: &str = "sha256:09a909c985882343b198d9663ccf1cfcf3ea2520dea3f2b4d023561a32ddf9d9";

const NAME: &str = "example.org:5000/team/bb:v2";
const LATEST: &str = "127.0.0.1:5000/library/busybox:latest";
/// The platforms of `docker28-ctd-allplatforms.tar`.
const PLATFORMS: [&str; 7] = [
    "linux/386",
    "linux/amd64",
    "linux/arm/v7",
    "linux/arm64/v8",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
];

/// What an engine calls the same three images, in its own terms.
struct Terms {
    /// `busybox:1.37` as it lists it.
    busybox: &'static str,
    /// The id of an image whose manifest is in the archive, and of one whose is not.
    id: &'static str,
    id_without_manifest: &'static str,
}

const DOCKER: Terms = Terms { busybox: "busybox:1.37", id: CONFIG, id_without_manifest: CONFIG };
const DOCKER_CONTAINERD: Terms =
    Terms { busybox: "busybox:1.37", id: MANIFEST, id_without_manifest: MADE_UP };
const CONTAINERD: Terms =
    Terms { busybox: "docker.io/library/busybox:1.37", id: MANIFEST, id_without_manifest: MADE_UP };
const PODMAN: Terms = Terms { busybox: "localhost/busybox:1.37", id: CONFIG, id_without_manifest: CONFIG };

#[test]
fn docker_20() -> Result<()> {
    engine(Peer::Docker20, &DOCKER)
}

#[test]
fn docker_overlay2() -> Result<()> {
    engine(Peer::DockerOverlay2, &DOCKER)
}

#[test]
fn docker_containerd() -> Result<()> {
    engine(Peer::DockerContainerd, &DOCKER_CONTAINERD)
}

#[test]
fn containerd_16() -> Result<()> {
    engine(Peer::Containerd16, &CONTAINERD)
}

#[test]
fn containerd() -> Result<()> {
    engine(Peer::Containerd, &CONTAINERD)
}

#[test]
fn podman_4() -> Result<()> {
    engine(Peer::Podman4, &PODMAN)
}

#[test]
fn podman() -> Result<()> {
    engine(Peer::Podman, &PODMAN)
}

#[test]
fn docker_containerd_keeps_platforms() -> Result<()> {
    platforms(Peer::DockerContainerd, LoadOpts::default())
}

#[test]
fn containerd_keeps_platforms() -> Result<()> {
    platforms(Peer::Containerd, LoadOpts { all_platforms: true, ..LoadOpts::default() })
}

#[test]
fn containerd_16_keeps_platforms() -> Result<()> {
    platforms(Peer::Containerd16, LoadOpts { all_platforms: true, ..LoadOpts::default() })
}

#[test]
fn skopeo_reads_docker_archives() -> Result<()> {
    for tool in [Tool::Skopeo19Docker, Tool::SkopeoDocker] {
        let Some(skopeo) = open(tool)? else { continue };
        let Some(archive) = corpus("docker28-ctd-3tags.tar") else { return Ok(()) };
        for reference in [None, Some(NAME), Some("busybox:1.37"), Some("@0")] {
            expect(&skopeo.read(&archive, reference)?)?;
        }
        assert!(skopeo.read(&archive, Some("nobody:1")).is_err());
        for name in ["docker20.10-leg-2tags.tar", "docker29-leg-amd64.tar.xz", "podman-docker-archive.tar"] {
            expect(&skopeo.read(&corpus(name).context(name)?, None)?)?;
        }
        refuses_damage(&*skopeo, None)?;
    }
    Ok(())
}

#[test]
fn skopeo_reads_oci_archives() -> Result<()> {
    for tool in [Tool::Skopeo19Oci, Tool::SkopeoOci] {
        let Some(skopeo) = open(tool)? else { continue };
        let Some(archive) = corpus("docker28-ctd-3tags.tar") else { return Ok(()) };
        let seen = skopeo.read(&archive, Some("v2"))?;
        expect(&seen)?;
        assert_eq!(seen[0].id, MANIFEST);
        assert!(skopeo.read(&archive, None).is_err(), "three images and no reference");
        let archive = corpus("docker28-ctd-allplatforms.tar").context("corpus")?;
        expect(&skopeo.read(&archive, None)?)?;
        expect_platforms(&skopeo.read_all(&archive, Some("latest"))?);
        let sparse = corpus("docker29-ctd-3platforms.tar").context("corpus")?;
        expect(&skopeo.read(&sparse, None)?)?;
        assert!(skopeo.read_all(&sparse, None).is_err(), "not all platforms are there");
        refuses_damage(&*skopeo, Some("v2"))?;
    }
    Ok(())
}

#[test]
fn umoci_04_reads_layouts() -> Result<()> {
    umoci(Tool::Umoci04)
}

#[test]
fn umoci_reads_layouts() -> Result<()> {
    umoci(Tool::Umoci)
}

#[test]
fn oras_reads_layouts() -> Result<()> {
    let Some(oras) = open(Tool::Oras)? else { return Ok(()) };
    let Some(archive) = corpus("docker28-ctd-3tags.tar") else { return Ok(()) };
    expect(&oras.read(&archive, Some("v2"))?)?;
    let archive = corpus("docker28-ctd-allplatforms.tar").context("corpus")?;
    expect_platforms(&oras.read(&archive, Some("latest"))?);
    refuses_damage(&*oras, Some("v2"))
}

#[test]
fn crane_reads_tarballs() -> Result<()> {
    let Some(crane) = open(Tool::Crane)? else { return Ok(()) };
    let Some(archive) = corpus("docker28-ctd-3tags.tar") else { return Ok(()) };
    expect(&crane.read(&archive, None)?)?;
    for name in ["docker20.10-leg-2tags.tar", "crane021-tarball.tar", "podman-docker-archive.tar"] {
        expect(&crane.read(&corpus(name).context(name)?, None)?)?;
    }
    let whole = crane.read(&archive, None)?;
    assert_eq!(crane.read(&archive, Some("busybox:1.37"))?[0].id, whole[0].id);
    assert!(crane.read(&archive, Some("nobody:1")).is_err());
    refuses_damage(&*crane, None)
}

#[test]
fn registry_keeps_digests() -> Result<()> {
    let Some(registry) = Registry::start()? else { return Ok(()) };
    let Some(archive) = corpus("docker28-ctd-allplatforms.tar") else { return Ok(()) };
    let name = registry.push(&archive, "latest", "library/busybox:latest")?;
    assert_eq!(name, format!("{}/library/busybox:latest", registry.address()));

    let mut connection = std::net::TcpStream::connect(registry.address())?;
    let request = "HEAD /v2/library/busybox/manifests/latest HTTP/1.0\r\nAccept: application/vnd.oci.image.index.v1+json\r\n\r\n";
    connection.write_all(request.as_bytes())?;
    let answer = io::read_to_string(connection)?;
    assert!(answer.contains(&format!("Docker-Content-Digest: {INDEX}")), "{answer}");
    Ok(())
}

#[test]
fn nothing_is_left_after_a_panic() -> Result<()> {
    for peer in Peer::ALL {
        let mut folder = PathBuf::new();
        let mut skipped = false;
        let unwound = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            let Some(engine) = start(peer).unwrap() else {
                skipped = true;
                return;
            };
            folder = engine.socket().parent().unwrap().parent().unwrap().to_owned();
            assert!(engine.socket().exists());
            assert!(holders(&folder).unwrap() > 0, "the processes of {peer:?} are recognised");
            panic::resume_unwind(Box::new("as a failing test would"));
        }));
        if skipped {
            continue;
        }
        assert!(unwound.is_err());
        assert!(!folder.exists(), "{peer:?} left {}", folder.display());
        assert_eq!(holders(&folder)?, 0, "{peer:?} left a process or a mount");
    }
    Ok(())
}

/// How many processes have a mount that names `folder`. Those of a jail all do, others only if one leaked.
fn holders(folder: &Path) -> Result<usize> {
    let folder = folder.to_str().context("path is not UTF-8")?;
    let mut holders = 0;
    for process in fs::read_dir("/proc")? {
        let mounts = fs::read_to_string(process?.path().join("mountinfo"));
        holders += usize::from(mounts.is_ok_and(|mounts| mounts.contains(folder)));
    }
    Ok(holders)
}

/// An archive of the corpus, if that is here.
fn corpus(name: &str) -> Option<PathBuf> {
    barge_testkit::shared(&format!("corpus/peers/{name}"))
}

fn run(peer: Peer) -> Result<Option<Box<dyn Engine>>> {
    let began = Instant::now();
    let engine = start(peer)?;
    if let Some(engine) = &engine {
        println!("{} started in {:?}", engine.name(), began.elapsed());
    }
    Ok(engine)
}

fn open(tool: Tool) -> Result<Option<Box<dyn Reader>>> {
    let began = Instant::now();
    let reader = reader(tool)?;
    if let Some(reader) = &reader {
        println!("{} ready in {:?}", reader.name(), began.elapsed());
    }
    Ok(reader)
}

fn engine(peer: Peer, terms: &Terms) -> Result<()> {
    let Some(engine) = run(peer)? else { return Ok(()) };
    let Some(archive) = corpus("docker28-ctd-3tags.tar") else { return Ok(()) };
    assert_eq!(engine.images()?, []);

    let printed = engine.load(&archive, LoadOpts::default())?;
    println!("{printed}");
    let listed = |id: &str| -> Result<Vec<String>> {
        let mut names = Vec::new();
        for image in engine.images()? {
            assert_eq!(image.id, id, "{image:?}");
            names.push(image.name.context("no name")?);
        }
        names.sort();
        Ok(names)
    };
    let mut names = [terms.busybox, NAME, LATEST];
    names.sort_unstable();
    assert_eq!(listed(terms.id)?, names);
    for name in names {
        let seen = engine.inspect(name, None)?;
        assert_eq!(seen.id, terms.id);
        expect(&[seen])?;
    }
    assert!(engine.inspect("nobody:1", None).is_err());

    let out = tempfile::tempdir()?;
    let saved = out.path().join("saved.tar");
    engine.save(&[NAME, terms.busybox], None, &saved)?;
    let Some(entries) = entries(&saved)? else { return Ok(()) };
    assert!(entries.iter().any(|name| name == "manifest.json"), "{entries:?}");

    engine.wipe()?;
    assert_eq!(engine.images()?, []);
    engine.load(&saved, LoadOpts::default())?;
    assert_eq!(listed(terms.id)?.len(), 2);

    engine.wipe()?;
    engine.load(&corpus("docker20.10-leg-2tags.tar").context("corpus")?, LoadOpts::default())?;
    assert_eq!(listed(terms.id_without_manifest)?.len(), 2);
    expect(&[engine.inspect(LATEST, None)?])
}

fn platforms(peer: Peer, opts: LoadOpts<'_>) -> Result<()> {
    let Some(engine) = run(peer)? else { return Ok(()) };
    let Some(archive) = corpus("docker28-ctd-allplatforms.tar") else { return Ok(()) };
    engine.load(&archive, opts)?;
    expect(&[engine.inspect(LATEST, None)?])?;
    let seen = PLATFORMS.map(|platform| engine.inspect(LATEST, Some(platform)));
    let seen = seen.into_iter().collect::<Result<Vec<_>>>()?;
    expect_platforms(&seen);
    assert!(seen.iter().all(|image| image.id == INDEX || peer == Peer::DockerContainerd), "{seen:#?}");
    assert!(engine.inspect(LATEST, Some("linux/mips64le")).is_err());

    let out = tempfile::tempdir()?;
    let saved = out.path().join("saved.tar");
    engine.save(&[LATEST], Some("linux/arm64"), &saved)?;
    engine.wipe()?;
    engine.load(&saved, LoadOpts { platform: Some("linux/arm64"), all_platforms: false })?;
    assert_eq!(engine.inspect(LATEST, Some("linux/arm64"))?.platform(), "linux/arm64/v8");
    Ok(())
}

fn umoci(tool: Tool) -> Result<()> {
    let Some(umoci) = open(tool)? else { return Ok(()) };
    let Some(archive) = corpus("docker28-ctd-3tags.tar") else { return Ok(()) };
    let all = umoci.read(&archive, None)?;
    assert_eq!(all.len(), 3, "one for each tag");
    all.iter().try_for_each(|image| expect(std::slice::from_ref(image)))?;
    assert!(umoci.read(&archive, Some("v3")).is_err());
    expect(&umoci.read(&corpus("podman-oci-archive.tar").context("corpus")?, Some(LATEST))?)?;
    refuses_damage(&*umoci, Some("v2"))
}

/// The one image of the corpus, for amd64.
fn expect(seen: &[Seen]) -> Result<()> {
    let [seen] = seen else { bail!("not one image: {seen:#?}") };
    assert_eq!(seen.config.as_deref(), Some(CONFIG));
    assert_eq!(seen.platform(), "linux/amd64");
    assert_eq!(seen.diff_ids, [DIFF_ID]);
    Ok(())
}

/// The image for all its platforms, each with its own config and layer.
fn expect_platforms(seen: &[Seen]) {
    let mut platforms: Vec<_> = seen.iter().map(Seen::platform).collect();
    platforms.sort();
    assert_eq!(platforms, PLATFORMS);
    let mut configs: Vec<_> = seen.iter().filter_map(|image| image.config.as_deref()).collect();
    configs.sort_unstable();
    configs.dedup();
    assert_eq!(configs.len(), PLATFORMS.len());
}

/// An archive, which `reader` reads with this reference, with one bit of its one layer turned.
fn refuses_damage(reader: &dyn Reader, reference: Option<&str>) -> Result<()> {
    let mut bytes = fs::read(corpus("docker28-ctd-3tags.tar").context("corpus")?)?;
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).context("empty")? ^= 1;
    let folder = tempfile::tempdir()?;
    let damaged = folder.path().join("damaged.tar");
    fs::write(&damaged, bytes)?;
    let Err(why) = reader.read(&damaged, reference) else { bail!("{} takes damage", reader.name()) };
    println!("{}: {why:#}", reader.name());
    Ok(())
}
