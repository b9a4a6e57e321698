//! `barge load`: what it reads and what it says. Which names images get is in `load/names.rs`, which platforms of them
//! are taken in `load/platforms.rs`. What is no archive is in `load/refused.rs` and `load/explained.rs`, what happens when
//! something gets in the way in `load/interrupted.rs`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
#[path = "load/explained.rs"]
mod explained;
#[path = "load/interrupted.rs"]
mod interrupted;
#[path = "load/large.rs"]
mod large;
#[path = "load/names.rs"]
mod names;
#[path = "load/platforms.rs"]
mod platforms;
#[path = "load/refused.rs"]
mod refused;

use std::fs;

use common::{Layout, Maker, Place, Terminal, fifo, installed, on_terminal, tar};
use serde_json::Value;

const LOADED: &str = "Loaded image: hello-barge:latest\n";

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
    // What is no name of a file is likely to be something else.
    let pull = |image: &str| format!("load reads files; `barge pull {image}` fetches from a registry");
    let url = "https://example.org/a.tar";
    for (typed, hint) in [
        ("nginx:latest", pull("nginx:latest")),
        ("docker://nginx", pull("nginx")),
        ("oci:hello", "load reads files: `-i hello`".to_owned()),
        (url, format!("load reads files; fetch it first: `curl -fsSL {url} | barge load`")),
    ] {
        let said = place.fails(&format!("load -i {typed}"));
        assert_eq!(said, format!("open {typed}: no such file or directory\nhint: {hint}\n"));
    }
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
