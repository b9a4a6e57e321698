//! Which platforms of an image are loaded, and those that are not there.

use std::fs;

use super::common::{HELLO, Layout, Maker, Place};
use super::{LOADED, archive, archive_and_more};

const PLATFORMS: &str =
    "linux/amd64, linux/arm64/v8, linux/arm/v7, linux/riscv64, linux/s390x, linux/386, linux/ppc64le";

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
