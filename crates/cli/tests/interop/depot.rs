//! The images that the cases are about, and a store of barge's that has them all.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use barge_oci::Digest;
use barge_testkit::{peers::mirror, sample, shared};

use crate::{
    barge::Barge,
    image::{self, Image},
};

/// More names, for what has one already.
const TAGS: [(&str, &str); 5] = [
    ("busybox:amd64", "example.org:5000/team/bb:v2"),
    ("busybox:amd64", "127.0.0.1:5000/library/busybox:latest"),
    ("busybox:amd64", "example.org/team/pair:v1"),
    ("hello-barge:latest", "example.org/team/pair:v2"),
    ("hello-barge:latest", "hello-barge:v1"),
];

/// Every image of this suite, in barge's store and as the layouts it came from have it.
#[derive(Debug)]
pub(crate) struct Depot {
    pub(crate) barge: Barge,
    /// By familiar name; read from the layouts, not from barge.
    truth: BTreeMap<String, Image>,
}

impl Depot {
    /// Without `BARGE_SHARED` it has the sample image only, and says so.
    pub(crate) fn open() -> Result<Self> {
        let mut depot = Self { barge: Barge::new()?, truth: BTreeMap::new() };
        let folder = tempfile::tempdir()?;
        sample::write(folder.path())?;
        depot.load(folder.path(), None)?;
        for (image, repository) in [("busybox", "busybox"), ("tiny", "example.org/team/tiny")] {
            if let Some(layout) = generated(image)? {
                depot.load(&layout, Some(repository))?;
            }
        }
        for (name, new) in TAGS {
            if let Some(image) = depot.truth.get(name).cloned() {
                depot.barge.run(&["tag", name, new])?;
                depot.truth.insert(new.to_owned(), Image { name: Some(full(new)), ..image });
            }
        }
        Ok(depot)
    }

    fn load(&mut self, layout: &Path, repository: Option<&str>) -> Result<()> {
        let base: Vec<_> = repository.iter().flat_map(|name| ["--base-name", name]).collect();
        self.barge.load(layout, &base)?;
        for image in image::layout(layout)? {
            let name = image.name.context("an image without a name in the layout")?;
            let name = repository.map_or(name.clone(), |repository| full(&format!("{repository}:{name}")));
            self.truth.insert(familiar(&name).to_owned(), Image { name: Some(name), ..image });
        }
        Ok(())
    }

    /// Every familiar name and what the layouts have by it.
    pub(crate) fn images(&self) -> impl Iterator<Item = (&str, &Image)> {
        self.truth.iter().map(|(name, image)| (name.as_str(), image))
    }

    /// What the layouts have by this familiar name; nothing if that layout cannot be had here.
    pub(crate) fn truth(&self, name: &str) -> Option<&Image> {
        self.truth.get(name)
    }

    /// Whether it has every image that these arguments of `barge save` name, by name or by ID.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        let bare = |name: &str| name.rsplit('/').next().is_some_and(|last| !last.contains(':'));
        names.iter().map(|name| familiar(name.trim_start_matches('@'))).all(|name| {
            self.truth.keys().any(|key| key == name || bare(name) && key.starts_with(&format!("{name}:")))
        })
    }

    /// What makes `barge save` save everything there is.
    pub(crate) fn repositories(&self) -> Vec<&str> {
        let repository = |name: &'_ String| name.rfind(':').map_or(name.len(), |colon| colon);
        let mut names: Vec<_> = self.truth.keys().filter_map(|name| name.get(..repository(name))).collect();
        names.dedup();
        names
    }

    /// An archive of barge's; `args` are images and flags, and `@` before a name stands for its ID. If it is to
    /// have `only` some platforms, barge saves from a store that has only those, and only the sample.
    pub(crate) fn save(&self, args: &[&str], only: &str, archive: &Path) -> Result<()> {
        let args: Vec<_> = args.iter().map(|arg| self.expand(arg)).collect::<Result<_>>()?;
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        if only.is_empty() {
            return self.barge.save(&args, archive);
        }
        let (barge, folder) = (Barge::new()?, tempfile::tempdir()?);
        sample::write(folder.path())?;
        barge.load(folder.path(), &["--platform", only])?;
        barge.save(&args, archive)
    }

    /// An argument with `@name` replaced by the ID of that image.
    pub(crate) fn expand(&self, arg: &str) -> Result<String> {
        let Some(name) = arg.strip_prefix('@') else { return Ok(arg.to_owned()) };
        self.truth(name).map(|image| image.id.clone()).with_context(|| format!("no {name}"))
    }
}

/// A name as docker shows it.
pub(crate) fn familiar(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

/// A name with its registry.
pub(crate) fn full(name: &str) -> String {
    match name.split_once('/') {
        None => format!("docker.io/library/{name}"),
        Some((registry, _)) if registry.contains(['.', ':']) => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
    }
}

/// The layout that `gen_<image>.py` makes, made once and kept. `None`, and a line on standard error, when the
/// script is not here.
fn generated(image: &str) -> Result<Option<PathBuf>> {
    let Some(script) = shared(&format!("gen/gen_{image}.py")) else { return Ok(None) };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop");
    fs::create_dir_all(&folder)?;
    // Other tests, also those of other processes, wait here until it is made.
    let lock = File::create(folder.join(format!("{image}.lock")))?;
    lock.lock()?;
    let layout = folder.join(format!("{image}-oci"));
    let made = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    if made(&layout.join("index.json"))
        .is_ok_and(|made_at| made(&script).is_ok_and(|script| script < made_at))
    {
        return Ok(Some(layout));
    }
    let work = tempfile::tempdir_in(&folder)?;
    let pins = script.with_file_name(format!("{image}-debs.txt"));
    if pins.exists() {
        let debs = work.path().join(format!("work-{image}/debs"));
        // A script that does not find all of them asks the mirror's lists, which may be changing just now.
        if let Err(why) = pinned(&pins, &debs) {
            eprintln!("the packages for {image} are not had as they are pinned: {why:#}");
        }
    }
    let output = Command::new("python3").arg(&script).arg(work.path()).output().context("start python3")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}: {}", script.display(), output.status, said.trim());
    if layout.exists() {
        fs::remove_dir_all(&layout)?;
    }
    fs::rename(work.path().join(format!("{image}-oci")), &layout)?;
    Ok(Some(layout))
}

/// Fetches the packages that `pins` names, each line `architecture version path sha256`, from this machine's mirror.
fn pinned(pins: &Path, folder: &Path) -> Result<()> {
    let mirror = mirror()?;
    fs::create_dir_all(folder)?;
    for line in fs::read_to_string(pins)?.lines() {
        let [_, _, path, sha256] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
        let deb = folder.join(path.rsplit('/').next().unwrap_or(path));
        let url = format!("{}/{path}", mirror.trim_end_matches('/'));
        let curl = Command::new("curl").args(["-fsS", "--retry", "3", "-o"]).arg(&deb).arg(&url).output()?;
        ensure!(curl.status.success(), "{url}: {}", String::from_utf8_lossy(&curl.stderr).trim());
        if Digest::sha256(&fs::read(&deb)?).hex() != sha256 {
            fs::remove_file(&deb)?;
            anyhow::bail!("{url} is another file than the one that is pinned");
        }
    }
    Ok(())
}
