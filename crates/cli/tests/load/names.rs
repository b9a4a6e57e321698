//! Which names images get: those in the archive, those that another image had, and none.

use super::common::{HELLO, Layout, Maker, Place};
use super::{LOADED, archive};

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
