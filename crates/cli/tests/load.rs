//! `barge load`: what it says, which images it takes under which names. What is no archive is in
//! `load/refused.rs`, what happens when something gets in the way in `load/interrupted.rs`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
#[path = "load/interrupted.rs"]
mod interrupted;
#[path = "load/large.rs"]
mod large;
#[path = "load/refused.rs"]
mod refused;

use std::fs;

use common::{HELLO, Layout, Maker, Place, Terminal, fifo, installed, on_terminal, tar};
use serde_json::Value;

const LOADED: &str = "Loaded image: hello-barge:latest\n";
const PLATFORMS: &str =
    "linux/amd64, linux/arm64/v8, linux/arm/v7, linux/riscv64, linux/s390x, linux/386, linux/ppc64le";

/// An empty store and `hello.tar`, the sample image as barge saves it, beside it.
fn archive() -> Place {
    let place = Place::new();
    place.write("hello.tar", Place::hello().saved("hello-barge"));
    place
}

/// A store with one image and `hello.tar` beside it.
fn archive_and_more() -> Place {
    let place = archive();
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("other"));
    layout.name(&image, "docker.io/library/other:1");
    place.load(&layout);
    place
}

#[test]
fn from_everywhere() {
    let place = archive();
    assert_eq!(place.ok("load -i hello.tar"), LOADED);
    assert_eq!(place.ok("image load --input hello.tar"), LOADED);
    let bytes = place.read("hello.tar");
    for line in ["load", "load -i -", "load -i ''", "load -i /dev/stdin", "load -i /dev/fd/0"] {
        let here = Place::new();
        let ran = here.run_with(line, &bytes);
        assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), LOADED, ""), "{line}");
        assert!(bytes == here.saved("hello-barge"), "{line}");
    }
    let ran = place.shell("\"$barge\" load < hello.tar");
    assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), LOADED, ""));
}

#[test]
fn from_a_directory() {
    let place = Place::new();
    Layout::hello().write(&place.path("layout"));
    assert_eq!(place.ok("load -i layout"), LOADED);
    assert!(place.saved("hello-barge") == Place::hello().saved("hello-barge"));
}

#[test]
fn from_another_store() {
    let there = Place::hello();
    let here = Place::new();
    let store = there.store();
    assert_eq!(here.ok(&format!("load -i {}", store.display())), LOADED);
    assert!(here.saved("hello-barge") == there.saved("hello-barge"));
}

#[test]
fn from_a_fifo() {
    let place = archive();
    fifo(&place.path("fifo"));
    let ran = place.shell("cat hello.tar > fifo & exec \"$barge\" load -i fifo");
    assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), LOADED, ""));
}

#[test]
fn from_a_save() {
    let there = Place::hello();
    let here = Place::new();
    let script = format!(
        "set -o pipefail; \"$barge\" --store {} save hello-barge | \"$barge\" load",
        there.store().display()
    );
    let ran = here.shell(&script);
    assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), LOADED, ""));
}

#[test]
fn a_file_that_is_not_there() {
    let place = Place::new();
    assert_eq!(place.fails("load -i gone.tar"), "open gone.tar: no such file or directory\n");
    place.write("file", "");
    assert_eq!(place.fails("load -i file/a.tar"), "open file/a.tar: not a directory\n");
    assert!(!place.store().exists());
}

#[test]
fn a_terminal_is_refused() {
    let place = Place::new();
    for arguments in [&["load"][..], &["load", "-q"], &["load", "-i", "-"]] {
        let ran = on_terminal(place.command(arguments), Terminal::Stdin, 80);
        let text = "requested load from stdin, but stdin is empty\n";
        assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(1), "", text));
    }
    assert!(!place.store().exists());
}

/// As docker has it, the names are told: scripts read them.
#[test]
fn quietly() {
    let place = archive();
    assert_eq!(place.ok("load -q -i hello.tar"), LOADED);
    let ran = on_terminal(place.command(&["load", "-q", "-i", "hello.tar"]), Terminal::Stderr, 80);
    assert_eq!((ran.out().as_str(), ran.stderr.as_str()), (LOADED, ""));
}

#[test]
fn again() {
    let place = archive();
    place.ok("load -i hello.tar");
    let before = place.snapshot();
    assert_eq!(place.ok("load -i hello.tar"), LOADED);
    let blobs =
        |s: &std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>| s.keys().cloned().collect::<Vec<_>>();
    assert_eq!(blobs(&before), blobs(&place.snapshot()));
    assert_eq!(place.names().len(), 1);
}

#[test]
fn several_images_in_their_order() {
    let mut layout = Layout::hello();
    let image = layout.image(&Maker::new("linux/amd64").layer("1"));
    let nameless = layout.image(&Maker::new("linux/amd64").layer("2"));
    layout.name(&image, "example.org:5000/team/app:v1");
    layout.name(&image, "docker.io/library/app:v1");
    layout.list(&nameless);
    let place = Place::new();
    place.write("a.tar", layout.tar());
    let expected = format!(
        "{LOADED}Loaded image: example.org:5000/team/app:v1\nLoaded image: app:v1\nLoaded image ID: {}\n",
        nameless.digest
    );
    assert_eq!(place.ok("load -i a.tar"), expected);
    assert_eq!(place.names().len(), 4);
}

#[test]
fn a_name_that_another_image_had() {
    let mut layout = Layout::default();
    let old = layout.image(&Maker::new("linux/amd64").layer("old"));
    layout.name(&old, "docker.io/library/hello-barge:latest");
    layout.name(&old, "docker.io/library/kept:1");
    let place = archive();
    place.load(&layout);
    assert_eq!(place.ok("load -i hello.tar"), LOADED);
    let short = |digest: &str| digest["sha256:".len()..][..12].to_owned();
    // It has another name: only that is left of it.
    assert_eq!(
        place.names(),
        [format!("hello-barge:latest {}", short(HELLO)), format!("kept:1 {}", short(&old.digest))]
    );

    let place = archive();
    let mut layout = Layout::default();
    let old = layout.image(&Maker::new("linux/amd64").layer("old"));
    layout.name(&old, "docker.io/library/hello-barge:latest");
    place.load(&layout);
    place.ok("load -i hello.tar");
    // It has none: it stays, without a name.
    assert_eq!(
        place.names(),
        [format!("<none>:<none> {}", short(&old.digest)), format!("hello-barge:latest {}", short(HELLO))]
    );
    place.ok("store gc");
    assert!(place.blob(&old.digest).exists());
}

#[test]
fn without_a_name() {
    let place = Place::hello();
    place.write("a.tar", place.saved(HELLO));
    let here = Place::new();
    here.write("a.tar", place.read("a.tar"));
    assert_eq!(here.ok("load -i a.tar"), format!("Loaded image ID: {HELLO}\n"));
    assert_eq!(here.names(), [format!("<none>:<none> {}", &HELLO["sha256:".len()..][..12])]);
    // Where it has a name already, it keeps it.
    place.ok("load -i a.tar");
    assert_eq!(place.names(), [format!("hello-barge:latest {}", &HELLO["sha256:".len()..][..12])]);
}

#[test]
fn names_with_digests() {
    let load = |name: &str| {
        let mut layout = Layout::default();
        let image = layout.image(&Maker::new("linux/amd64").layer("1"));
        layout.name(&image, &name.replace("ID", &image.digest));
        let place = Place::new();
        place.write("a.tar", layout.tar());
        let said = place.ok("load -i a.tar").replace(&image.digest, "ID");
        (
            said,
            place.ok("images --format '{{.Repository}} {{.Tag}} {{.Digest}}'").replace(&image.digest, "ID"),
        )
    };
    let strings = |said: &str, listed: &str| (said.to_owned(), listed.to_owned());
    let said = "Loaded image: app@ID\n";
    assert_eq!(load("docker.io/library/app@ID"), strings(said, "app <none> ID\n"));
    // A tag is the name, as docker lists it.
    assert_eq!(load("docker.io/library/app:v1@ID"), strings("Loaded image: app:v1\n", "app v1 ID\n"));
    assert_eq!(load("app"), strings("Loaded image: app:latest\n", "app latest ID\n"));
}

/// A layout as skopeo and oras write it: the annotation is a tag alone.
fn tag_alone(tag: &str) -> (Place, String) {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("1"));
    layout.annotate(&image, &[("org.opencontainers.image.ref.name", tag)]);
    let place = Place::new();
    place.write("a.tar", layout.tar());
    (place, image.digest)
}

#[test]
fn a_tag_without_a_repository() {
    let (place, digest) = tag_alone("v1");
    let ran = place.run("load -i a.tar");
    assert_eq!((ran.code, ran.out()), (Some(0), format!("Loaded image ID: {digest}\n")));
    assert_eq!(
        ran.stderr,
        "warning: `v1` is a tag without a repository, the image stays nameless; \
         `--base-name NAME` names it NAME:v1\n"
    );
}

#[test]
fn a_repository_for_tags() {
    let (place, _) = tag_alone("v1");
    assert_eq!(
        place.ok("load -i a.tar --base-name example.org/team/app"),
        "Loaded image: example.org/team/app:v1\n"
    );
    assert_eq!(place.ok("load -i a.tar --base-name app"), "Loaded image: app:v1\n");
    // Names that are whole are none of its business.
    let place = archive();
    assert_eq!(place.ok("load -i hello.tar --base-name app"), LOADED);
}

#[test]
fn a_repository_that_is_none() {
    let (place, _) = tag_alone("v1");
    for bad in ["X", "a//b"] {
        let ran = place.run(&format!("load -i a.tar --base-name {bad}"));
        assert_eq!((ran.code, ran.out().as_str()), (Some(125), ""), "{bad}: {}", ran.stderr);
        assert!(
            ran.stderr.starts_with(&format!("invalid argument \"{bad}\" for \"--base-name\" flag: ")),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn one_platform_of_several() {
    let place = archive();
    assert_eq!(place.ok("load --platform linux/s390x -i hello.tar"), LOADED);
    let out = place.ok("images --format '{{.Platforms}} {{.ID}}'");
    assert_eq!(out, format!("linux/s390x {}\n", &HELLO["sha256:".len()..][..12]));
    let held = fs::read_dir(place.store().join("blobs/sha256")).unwrap().count();
    // The index, and a manifest, a config and a layer.
    assert_eq!(held, 4);
    assert!(place.ok("store check").ends_with(": no faults\n"));
    // The others may follow.
    place.ok("load --platform linux/386,linux/arm64 -i hello.tar");
    let out = place.ok("images --format '{{.Platforms}}'");
    assert_eq!(out, "linux/arm64/v8,linux/s390x,linux/386\n");
    place.ok("load --platform all -i hello.tar");
    assert!(place.saved("hello-barge") == place.read("hello.tar"));
}

#[test]
fn a_platform_that_is_not_there() {
    let place = archive_and_more();
    let before = place.snapshot();
    let hint = format!("hint: the archive has: {PLATFORMS}; nothing was loaded\n");
    for given in ["linux/mips", "linux/amd64,linux/mips"] {
        assert_eq!(
            place.fails(&format!("load -i hello.tar --platform {given}")),
            format!("requested platform(s) ([linux/mips]) not found: hello-barge:latest\n{hint}")
        );
    }
    assert!(before == place.snapshot());
    let said = place.fails("load -i hello.tar --platform toaster");
    assert_eq!(
        said,
        "invalid platform: \"toaster\": unknown operating system or architecture: invalid argument\n"
    );
}

#[test]
fn a_platform_that_one_of_two_images_lacks() {
    let mut layout = Layout::hello();
    let image = layout.image(&Maker::new("linux/amd64").layer("1"));
    layout.name(&image, "docker.io/library/app:1");
    let place = archive_and_more();
    place.write("a.tar", layout.tar());
    let before = place.snapshot();
    assert_eq!(
        place.fails("load -i a.tar --platform linux/s390x"),
        "requested platform(s) ([linux/s390x]) not found: app:1\n\
         hint: the archive has: linux/amd64; nothing was loaded\n"
    );
    assert!(before == place.snapshot());
}

#[test]
fn a_platform_of_which_something_is_missing() {
    let mut layout = Layout::hello();
    layout.remove(&layout.platform("linux/s390x")[2].clone());
    let place = archive_and_more();
    place.write("a.tar", layout.tar());
    let before = place.snapshot();
    let said = place.fails("load -i a.tar --platform linux/s390x");
    assert!(
        said.starts_with(
            "requested platform(s) ([linux/s390x]) found, but some content is missing: hello-barge:latest\n"
        ),
        "{said}"
    );
    assert!(before == place.snapshot());
}

#[test]
fn an_archive_without_some_platforms() {
    let mut layout = Layout::hello();
    for platform in ["linux/s390x", "linux/386"] {
        for digest in layout.platform(platform) {
            layout.remove(&digest);
        }
    }
    let place = Place::new();
    place.write("a.tar", layout.tar());
    let ran = place.run("load -i a.tar");
    let note = "note: hello-barge:latest: listed but not in the archive: linux/s390x, linux/386\n";
    assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), LOADED, note));
    assert!(place.ok("store check").ends_with(": no faults\n"));
}

#[test]
fn attestations_come_along() {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("1"));
    let statement = layout.attestation(&image);
    let index = layout.index(&[&image, &statement]);
    layout.name(&index, "docker.io/library/signed:1");
    let place = Place::new();
    place.write("a.tar", layout.tar());
    assert_eq!(place.ok("load -i a.tar"), "Loaded image: signed:1\n");
    assert!(place.blob(&statement.digest).exists());
    let place = Place::new();
    place.write("a.tar", layout.tar());
    assert_eq!(place.ok("load --platform linux/amd64 -i a.tar"), "Loaded image: signed:1\n");
    assert!(place.blob(&statement.digest).exists());
}

#[test]
fn what_docker_wrote_before_layouts() {
    let layer = tar(&[("file", "content")]);
    let digest = |bytes: &[u8]| barge_oci::Digest::sha256(bytes).hex();
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["sha256:{}"]}}}}"#,
        digest(&layer)
    );
    let name = format!("{}.json", digest(config.as_bytes()));
    let manifest = format!(r#"[{{"Config":"{name}","RepoTags":["old:1"],"Layers":["abc/layer.tar"]}}]"#);
    let place = Place::new();
    place.write(
        "a.tar",
        tar(&[
            ("abc/layer.tar", layer.as_slice()),
            (&name, config.as_bytes()),
            ("manifest.json", manifest.as_bytes()),
        ]),
    );
    assert_eq!(place.ok("load -i a.tar"), "Loaded image: old:1\n");
    assert_eq!(place.ok("images --format '{{.Repository}}:{{.Tag}} {{.Platforms}}'"), "old:1 linux/amd64\n");
    place.ok("save -o b.tar old:1");
    place.ok("archive verify b.tar");
}

#[test]
fn compressed_archives() {
    for (program, name) in [
        ("gzip", "hello.tar.gz"),
        ("bzip2", "hello.tar.bz2"),
        ("xz", "hello.tar.xz"),
        ("zstd", "hello.tar.zst"),
    ] {
        if !installed(program, &format!("loading {name}")) {
            continue;
        }
        let place = archive();
        let ran = place.shell(&format!("{program} -c < hello.tar > {name}"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(place.ok(&format!("load -i {name}")), LOADED, "{name}");
        assert!(place.saved("hello-barge") == place.read("hello.tar"), "{name}");
        let here = Place::new();
        let ran = here.run_with("load", &place.read(name));
        assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), LOADED, ""), "{name}");
    }
}

#[test]
fn compressed_in_several_parts() {
    for (program, name) in [
        ("gzip", "hello.tar.gz"),
        ("bzip2", "hello.tar.bz2"),
        ("xz", "hello.tar.xz"),
        ("zstd", "hello.tar.zst"),
    ] {
        if !installed(program, &format!("loading {name} of two parts")) {
            continue;
        }
        let place = archive();
        let script = format!(
            "(head -c 5000 hello.tar | {program} -c; tail -c +5001 hello.tar | {program} -c) > {name}"
        );
        assert_eq!(place.shell(&script).code, Some(0));
        assert_eq!(place.ok(&format!("load -i {name}")), LOADED, "{name}");
    }
}

#[test]
fn progress_in_lines() {
    let place = archive();
    let ran = place.run("load --progress plain -i hello.tar");
    assert_eq!((ran.out().as_str(), ran.stderr.as_str()), (LOADED, "Loading 28.67kB/28.67kB 100%\n"));
    let ran = place.run("load --progress json -i hello.tar");
    let line: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(
        (ran.out().as_str(), &line["current"], &line["total"]),
        (LOADED, &28672.into(), &28672.into())
    );
    let ran = place.run_with("load --progress plain", &place.read("hello.tar"));
    assert_eq!((ran.out().as_str(), ran.stderr.as_str()), (LOADED, "Loading 28.67kB\n"));
}

#[test]
fn the_store_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let place = archive();
    let ran = place.shell("umask 0; exec \"$barge\" load -i hello.tar");
    assert_eq!(ran.code, Some(0));
    for path in place.snapshot().keys() {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
    assert_eq!(fs::metadata(place.store()).unwrap().permissions().mode() & 0o077, 0);
}
