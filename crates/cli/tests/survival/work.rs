//! The work that is interrupted, and what must hold afterwards.

#![allow(dead_code, reason = "each test program uses a part of this")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use barge_testkit::peers::Registry;
use barge_testkit::sample;
use serde_json::Value;

use super::common::{HELLO, Layout, Maker, Place, words};

/// A command line, and the place as it is before and after it.
pub(crate) struct Work {
    pub(crate) line: String,
    before: Place,
    names: [Vec<String>; 2],
    /// What the archive of the place is.
    archive: [Vec<u8>; 2],
    /// Everything, once it is done and what is not needed is gone.
    end: BTreeMap<PathBuf, Vec<u8>>,
    _registry: Option<Registry>,
}

/// The lines that change a store or an archive.
pub(crate) const LINES: [&str; 9] = [
    "load -q -i new.tar",
    "load -q -i new.tar.zst",
    "tag old:1 mark:1",
    "rmi old:1",
    "store gc",
    "image prune -af",
    "import rootfs.tar imported:1",
    "save -o out.tar hello-barge old:1",
    "save --compress zstd -o out.tar hello-barge old:1",
];

/// Whether a call may leave something behind; the others only look.
pub(crate) fn changes(call: &str) -> bool {
    !["read", "pread64", "openat", "openat2"].contains(&call)
}

/// How many places are passed over for each that is tried: `usual`, or what `BARGE_EVERY` says.
pub(crate) fn every(usual: usize) -> usize {
    std::env::var("BARGE_EVERY").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// A store with two images and a blob that nobody needs, an archive of one of them, and what is to be loaded.
pub(crate) fn place() -> Place {
    let place = Place::hello();
    place.load(&image("old:1", 1));
    let mut new = image("old:1", 2);
    let more = new.image(&Maker::new("linux/amd64").layer(vec![3; 40_000]));
    new.name(&more, "docker.io/library/new:1");
    place.write("new.tar", new.tar());
    place.write("rootfs.tar", super::common::tar(&[("etc/", ""), ("etc/name", "here")]));
    place.ok("save -o out.tar hello-barge");
    assert!(place.shell("$barge load -q -i new.tar --store other && $barge save --store other --compress zstd -o new.tar.zst new:1 old:1 && rm -r other").code == Some(0));
    let unneeded = b"nobody needs this";
    let digest = barge_oci::Digest::sha256(unneeded).to_string();
    fs::write(place.blob(&digest), unneeded).unwrap();
    place
}

fn image(name: &str, content: u8) -> Layout {
    let mut layout = Layout::default();
    let manifest = layout.image(&Maker::new("linux/amd64").layer(vec![content; 150_000]).layer("both"));
    layout.name(&manifest, &format!("docker.io/library/{name}"));
    layout
}

impl Work {
    /// Does all of it once in a copy of the place, to know what is right.
    pub(crate) fn new(line: &str) -> Self {
        Self::in_place(place(), line, None)
    }

    /// Pulls an image of seven platforms; `None` where there is no registry to be had.
    pub(crate) fn pull() -> Option<Self> {
        let registry = Registry::start().unwrap()?;
        let folder = tempfile::tempdir().unwrap();
        sample::write(folder.path()).unwrap();
        let name = registry.push(folder.path(), HELLO, "team/hello:latest").unwrap();
        let place = Place::new();
        place.load(&image("old:1", 1));
        place.ok("save -o out.tar old:1");
        let line = format!("pull -q --platform all --parallel 2 {name}");
        Some(Self::in_place(place, &line, Some(registry)))
    }

    fn in_place(before: Place, line: &str, registry: Option<Registry>) -> Self {
        let after = copy(&before);
        assert_eq!(after.run(line).code, Some(0), "{line}");
        let names = [&before, &after].map(|place| names(line, place));
        let archive = [before.read("out.tar"), after.read("out.tar")];
        after.ok("store gc");
        let end = everything(&after);
        Self { line: line.to_owned(), before, names, archive, end, _registry: registry }
    }

    /// A copy of the place to do it in.
    pub(crate) fn place(&self) -> Place {
        copy(&self.before)
    }

    /// Copies the place into a folder.
    pub(crate) fn copy_to(&self, folder: &Path) {
        self.before.copy_to(folder);
    }

    /// Whether all of it is there.
    pub(crate) fn is_done(&self, place: &Place) -> bool {
        names(&self.line, place) == self.names[1] && place.read("out.tar") == self.archive[1]
    }

    pub(crate) fn command(&self, place: &Place) -> Command {
        let words = words(&self.line);
        place.command(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Holds a place in which it was interrupted `at` some point against what is promised: all or nothing happened,
    /// whatever is there is whole, and the next run leaves nothing of the first one behind.
    pub(crate) fn judge(&self, place: &Place, at: &str) {
        let line = &self.line;
        let checked = place.run("store check");
        assert!(
            checked.out().ends_with(": no faults\n"),
            "{line}, {at}: {}{}",
            checked.out(),
            checked.stderr
        );
        let names = names(line, place);
        assert!(self.names.contains(&names), "{line}, {at}: {names:?}");
        let archive = place.read("out.tar");
        assert!(self.archive.contains(&archive), "{line}, {at}: another archive, of {} bytes", archive.len());
        if !self.is_done(place) || self.names[0] == self.names[1] {
            let again = place.run(line);
            assert_eq!(again.code, Some(0), "{line}, {at}, again: {}", again.stderr);
        }
        place.ok("store gc");
        let end = everything(place);
        if line.starts_with("import") {
            assert_eq!(end.len(), self.end.len(), "{line}, {at}");
            return;
        }
        let paths = |all: &BTreeMap<PathBuf, Vec<u8>>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(paths(&end), paths(&self.end), "{line}, {at}");
        let different = end.keys().find(|path| end[*path] != self.end[*path]);
        assert!(different.is_none(), "{line}, {at}: {different:?} is another one");
    }
}

/// Another place with the same files.
pub(crate) fn copy(place: &Place) -> Place {
    let copy = Place::new();
    place.copy_to(copy.path("").parent().unwrap());
    copy
}

/// The names and what they stand for; what is imported is another image each time, for it says when it was made.
fn names(line: &str, place: &Place) -> Vec<String> {
    let mut names = place.names();
    if line.starts_with("import") {
        for name in &mut names {
            name.truncate(name.find(' ').unwrap());
        }
    }
    names
}

/// When a name was given is written with it.
fn timeless(index: &[u8]) -> Vec<u8> {
    let mut index: Value = serde_json::from_slice(index).unwrap();
    for image in index["manifests"].as_array_mut().unwrap() {
        image["annotations"].as_object_mut().unwrap().remove("dev.barge.tagged");
    }
    index.to_string().into_bytes()
}

/// Every file of the store and the folder beside it but caches and times, by the path below both.
fn everything(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let cache = |path: &Path| path.ends_with(".barge/verified") || path.ends_with(".barge/summaries");
    let (store, folder) = (place.store(), place.path(""));
    let mut all: BTreeMap<PathBuf, Vec<u8>> = place
        .snapshot()
        .into_iter()
        .filter(|(path, _)| !cache(path))
        .map(|(path, content)| (path.strip_prefix(&store).unwrap().to_owned(), content))
        .collect();
    if let Some(index) = all.get_mut(Path::new("index.json")) {
        *index = timeless(index);
    }
    for name in place.files() {
        all.insert(Path::new("work").join(&name), fs::read(folder.join(&name)).unwrap());
    }
    all
}
