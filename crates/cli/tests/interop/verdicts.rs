//! What `barge archive verify` says an archive is good for, against what becomes of it there.

use std::{collections::BTreeMap, fs::File, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use barge_testkit::{
    peers::{Engine, LoadOpts, Peer, Tool, reader, start},
    shared, skip,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    barge::Barge,
    cases::{CASES, WITHOUT_FOREIGN},
    depot::Depot,
    image::{Image, text},
    readers::Terms,
    terms::{CRANE, SKOPEO_DOCKER, SKOPEO_OCI},
};

/// What `verify` calls an engine, how that is asked to load, and its versions, the newest first.
const ENGINES: [(&str, LoadOpts<'_>, &[Peer]); 7] = [
    ("docker 25 and later, containerd store", ONE, &[Peer::DockerContainerd]),
    ("docker 25 and later, overlay2 store", ONE, &[Peer::DockerOverlay2]),
    ("docker 20.10", ONE, &[Peer::Docker20]),
    ("ctr image import", ONE, &[Peer::Containerd]),
    ("ctr image import --all-platforms, kind", ALL, &[Peer::Containerd]),
    ("ctr image import, containerd 1.6", ONE, &[Peer::Containerd16]),
    ("podman load", ONE, &[Peer::Podman, Peer::Podman4]),
];
const ONE: LoadOpts<'_> = LoadOpts { platform: None, all_platforms: false };
const ALL: LoadOpts<'_> = LoadOpts { platform: None, all_platforms: true };

/// The same of readers.
const READERS: [(&str, Tool, &Terms); 3] = [
    ("skopeo docker-archive:", Tool::SkopeoDocker, &SKOPEO_DOCKER),
    ("skopeo oci-archive:", Tool::SkopeoOci, &SKOPEO_OCI),
    ("crane (tarball)", Tool::Crane, &CRANE),
];

/// Loaders for which an archive without anything for this machine may be good, on another machine.
const FOR_HERE: [&str; 3] = ["ctr image import", "ctr image import, containerd 1.6", "skopeo oci-archive:"];

/// What cannot be compared.
const EXEMPT: [(&str, &str); 3] = [
    // With an `xz` program beside it, and here is one.
    ("docker 20.10", "compressed with xz"),
    // It takes them, but not when it must keep the index's digest, as it must here.
    ("skopeo oci-archive:", "zstd layers"),
    // It has them by their numbers, and is asked for tags here.
    ("skopeo oci-archive:", "two images with one tag"),
];

/// Compressors, which write what they compress to standard output.
const COMPRESSORS: [&str; 4] = ["gzip", "bzip2", "xz", "zstd"];

/// The cases that are saved aligned, too.
const ALIGNED: [&str; 3] = ["one image", "several images", "all platforms"];

/// The archives of all cases, and some of them compressed.
struct Archives {
    folder: TempDir,
    list: Vec<Archive>,
}

struct Archive {
    what: String,
    path: PathBuf,
    images: Vec<Image>,
    /// Whether each image has something for this machine, or nothing for any.
    here: bool,
    /// By loader.
    good: BTreeMap<String, bool>,
}

impl Archives {
    fn new() -> Result<Self> {
        let (depot, barge) = (Depot::open()?, Barge::new()?);
        let mut archives = Self { folder: tempfile::tempdir()?, list: Vec::new() };
        let cases = CASES.iter().chain([&WITHOUT_FOREIGN]).filter(|case| case.possible(&depot));
        for case in cases {
            let path = archives.path();
            let images = case.save(&depot, &path)?;
            archives.add(&barge, case.what.to_owned(), path, images)?;
        }
        if let Some(old) = shared("corpus/real/google__go-containerregistry/no_manifest.tar") {
            let barge = Barge::new()?;
            barge.load(&old, &[])?;
            archives.add(&barge, "as docker before 1.10 saved".to_owned(), old, barge.images()?)?;
        }
        let plain = archives.list.first().context("no archive")?;
        let (plain, images) = (plain.path.clone(), plain.images.clone());
        for program in COMPRESSORS {
            let path = archives.path();
            let output =
                Command::new(program).arg("--stdout").arg(&plain).stdout(File::create(&path)?).status();
            match output {
                Ok(status) if status.success() => {
                    archives.add(&barge, format!("compressed with {program}"), path, images.clone())?;
                }
                other => skip(program, &format!("{other:?}")),
            }
        }
        let own = Barge::new()?;
        own.load(&plain, &[])?;
        let names: Vec<&str> = images.iter().filter_map(|image| image.name.as_deref()).collect();
        for format in ["gzip", "zstd"] {
            let path = archives.path();
            own.save(&[&names[..], &["--compress", format]].concat(), &path)?;
            archives.add(&barge, format!("compressed by barge, {format}"), path, images.clone())?;
        }
        for case in ALIGNED {
            let of_case = archives.list.iter().find(|archive| archive.what == case);
            let Some((packed, images)) = of_case.map(|a| (a.path.clone(), a.images.clone())) else {
                continue;
            };
            let (own, path) = (Barge::new()?, archives.path());
            own.load(&packed, &[])?;
            let names: Vec<&str> = images.iter().filter_map(|image| image.name.as_deref()).collect();
            own.save(&[&names[..], &["--layout", "aligned"]].concat(), &path)?;
            ensure!(path.metadata()?.len() > packed.metadata()?.len(), "{case}: nothing was aligned");
            archives.add(&barge, format!("{case}, aligned"), path, images)?;
        }
        Ok(archives)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(format!("{}.tar", self.list.len()))
    }

    fn add(&mut self, barge: &Barge, what: String, path: PathBuf, images: Vec<Image>) -> Result<()> {
        let file = path.to_str().context("path is not UTF-8")?;
        let report: Value =
            serde_json::from_str(&barge.run(&["archive", "verify", "--format", "json", file])?)?;
        let loaders = report.get("loaders").and_then(Value::as_array).context("no loaders")?;
        let good = |loader: &Value| loader.get("good").and_then(Value::as_bool).unwrap_or_default();
        let good = loaders.iter().map(|loader| (text(loader, "/loader"), good(loader))).collect();
        let here = images.iter().all(|image| image.platforms.is_empty() || image.runs_here());
        self.list.push(Archive { what, path, images, here, good });
        Ok(())
    }

    /// Compares what is said of a loader with what the newest version of it does; an older one may be why an
    /// archive is said not to be good.
    fn compare<'a>(
        &'a self,
        loader: &'a str,
        newest: impl Fn(&Archive) -> Result<()> + 'a,
        older: impl Fn(&Archive) -> Result<()> + 'a,
    ) -> impl Iterator<Item = String> + 'a {
        let here = move |archive: &&Archive| archive.here || !FOR_HERE.contains(&loader);
        let compared = move |archive: &&Archive| !EXEMPT.contains(&(loader, archive.what.as_str()));
        self.list.iter().filter(here).filter(compared).filter_map(move |archive| {
            let what = &archive.what;
            match (archive.good.get(loader), newest(archive)) {
                (None, _) => Some(format!("{loader}: {what}: nothing is said")),
                (Some(true), Err(why)) => Some(format!("{loader}: {what}: said to be good, but {why:#}")),
                (Some(false), Ok(())) if older(archive).is_ok() => {
                    Some(format!("{loader}: {what}: said not to be good, but it is taken"))
                }
                _ => None,
            }
        })
    }
}

/// As the engines do.
pub(crate) fn engines() -> Result<()> {
    let (archives, mut wrong) = (Archives::new()?, Vec::new());
    for (loader, opts, peers) in ENGINES {
        let engines = peers.iter().map(|peer| start(*peer)).collect::<Result<Option<Vec<_>>>>()?;
        let Some((newest, older)) = engines.as_deref().and_then(<[_]>::split_first) else { continue };
        wrong.extend(archives.compare(
            loader,
            |archive| takes(&**newest, archive, opts),
            |archive| older.iter().try_for_each(|engine| takes(&**engine, archive, opts)),
        ));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// As the readers do.
pub(crate) fn readers() -> Result<()> {
    let (archives, mut wrong) = (Archives::new()?, Vec::new());
    for (loader, tool, terms) in READERS {
        let Some(reader) = reader(tool)? else { continue };
        let takes = |archive: &Archive| terms.takes(&*reader, &archive.path, &archive.images);
        wrong.extend(archives.compare(loader, takes, |_| Ok(())));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Every image with every name, and so that it can run what is for this machine.
fn takes(engine: &dyn Engine, archive: &Archive, opts: LoadOpts<'_>) -> Result<()> {
    let taken = engine.load(&archive.path, opts).and_then(|_| {
        let (listed, all) = (engine.images()?, archive.images.len());
        ensure!(listed.len() == all, "of {all} images it lists {listed:?}");
        let runs = archive.images.iter().all(Image::runs_here);
        listed.iter().filter(|_| runs).try_for_each(|image| {
            let name = image.name.as_deref().unwrap_or(&image.id);
            let os = engine.inspect(name, None)?.os;
            ensure!(!os.is_empty(), "it has nothing to run of {name}");
            Ok(())
        })
    });
    engine.wipe()?;
    taken
}
