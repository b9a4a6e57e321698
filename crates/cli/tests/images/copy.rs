//! `barge copy` without a registry: within the store, and between it and files.

use super::common::{HELLO, Layout, Maker, Place};

/// `a:latest` and `a:v2`.
fn two() -> Layout {
    let mut layout = Layout::default();
    for tag in ["latest", "v2"] {
        let image = layout.image(&Maker::new("linux/amd64").layer(tag));
        layout.name(&image, &format!("docker.io/library/a:{tag}"));
    }
    layout
}

#[test]
fn within_the_store_a_copy_is_a_name() {
    let place = Place::hello();
    assert_eq!(place.ok("copy hello-barge x:1"), format!("{HELLO}\n"));
    assert_eq!(place.ok("copy -q x:1 y"), format!("{HELLO}\n"));
    let names = place.names();
    assert_eq!(names.len(), 3, "{names:?}");
    for (flags, flag) in [
        ("--platform linux/mips64", "--platform"),
        ("--all-tags --platform linux/amd64", "--platform"),
        ("--keep-index", "--keep-index"),
        ("--referrers all", "--referrers"),
    ] {
        let expected = format!(
            "{flag} cannot be used within the store: a copy there is another name for the whole image\n"
        );
        assert_eq!(place.fails(&format!("copy {flags} hello-barge x:2")), expected);
    }
    assert_eq!(place.names(), names);
}

/// Of what skopeo knows and barge does not, and of what looks like a file, no name is made in the store.
#[test]
fn what_is_no_place() {
    let place = Place::hello();
    let before = place.snapshot();
    for scheme in ["dir", "ostree", "sif", "tarball"] {
        let expected = format!(
            "copy does not know \"{scheme}:\": use docker://, docker-daemon:, containerd:, containers-storage:, \
             oci:, oci-archive: or docker-archive:\n"
        );
        for line in [format!("copy hello-barge {scheme}:x"), format!("copy {scheme}:x new:1")] {
            let ran = place.run(&line);
            assert_eq!(
                (ran.code, ran.out().as_str(), ran.stderr),
                (Some(125), "", expected.clone()),
                "{line}"
            );
        }
    }
    for file in ["x.tar", "x.tgz", "./x.tar.gz", "/tmp/x.tar.zst"] {
        let expected = format!(
            "\"{file}\" is a name in the store, not a file\n\
             hint: for an archive say docker-archive:{file} or oci-archive:{file}\n"
        );
        assert_eq!(place.fails(&format!("copy hello-barge {file}")), expected);
        assert_eq!(place.fails(&format!("copy {file} new:1")), expected);
    }
    assert!(before == place.snapshot() && place.files().is_empty());
}

#[test]
fn several_images_that_may_be_meant_are_named() {
    let place = Place::with(&two());
    two().write(&place.path("lay"));
    let hint = "hint: `--all-tags` copies all of them\n";
    assert_eq!(
        place.fails("copy oci:lay new:1"),
        format!("lay holds 2 images, say which: oci:lay:latest, oci:lay:v2\n{hint}")
    );
    place.ok("save a -o two.tar");
    assert_eq!(
        place.fails("copy docker-archive:two.tar oci:new"),
        format!(
            "two.tar holds 2 images, say which: docker-archive:two.tar:latest, docker-archive:two.tar:v2\n{hint}"
        )
    );
    place.ok("copy oci:lay:v2 new:1");
    place.ok("copy --all-tags oci:lay all");
    assert_eq!(place.ok("images --format {{.Tag}} all").lines().count(), 2);
    // A tag that two have does not say which.
    place.ok("tag a:v2 b:v2");
    place.ok("save a:v2 b:v2 -o same.tar");
    assert_eq!(
        place.fails("copy oci-archive:same.tar:v2 new:2"),
        format!(
            "same.tar holds 2 images, say which: oci-archive:same.tar:a:v2, oci-archive:same.tar:b:v2\n{hint}"
        )
    );
    place.ok("copy oci-archive:same.tar:b:v2 new:2");
}
