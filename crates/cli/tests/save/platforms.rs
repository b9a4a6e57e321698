//! Which platforms of an image are saved, what its index lists then, and what is said of those that are missing.

use super::common::{HELLO, Layout, Maker, Place, entries};
use super::{absent, document, names, repo_tags, roots, shelf, sparse};

const PLATFORMS: &str =
    "linux/amd64, linux/arm64/v8, linux/arm/v7, linux/riscv64, linux/s390x, linux/386, linux/ppc64le";

#[test]
fn one_platform_is_a_manifest_of_its_own() {
    let place = Place::hello();
    let manifest = &Layout::hello().platform("linux/s390x")[0];
    let archive = place.saved("--platform linux/s390x hello-barge");
    assert_eq!(roots(&archive), std::slice::from_ref(manifest));
    assert_eq!(names(&archive), ["docker.io/library/hello-barge:latest"]);
    let platform = &document(&archive, "index.json")["manifests"][0]["platform"];
    assert_eq!(platform, &serde_json::json!({"architecture": "s390x", "os": "linux"}));
    // Two folders, three documents; a manifest, a config, a layer.
    assert_eq!(entries(&archive).len(), 8);
}

#[test]
fn platforms_in_every_notation() {
    let place = Place::hello();
    let archive = place.saved("--platform linux/arm64,linux/arm/v7 hello-barge");
    for given in [
        "--platform linux/arm64 --platform linux/arm/v7",
        "--platform=linux/arm64/v8,linux/arm",
        "--platform linux/aarch64,linux/armhf",
        "--platform Linux/ARM64,linux/arm/7",
    ] {
        assert!(archive == place.saved(&format!("{given} hello-barge")), "{given}");
    }
    assert!(place.saved("--platform all hello-barge") == place.saved("hello-barge"));
    let said = place.fails("save --platform all,toaster -o never.tar hello-barge");
    assert!(said.starts_with("invalid platform: \"toaster\": "), "{said}");
}

#[test]
fn the_host_is_a_platform() {
    let place = Place::hello();
    let host = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    };
    let archive = place.saved(&format!("--platform linux/{host} hello-barge"));
    for given in ["host", "linux", host] {
        assert!(archive == place.saved(&format!("--platform {given} hello-barge")), "{given}");
    }
}

#[test]
fn several_platforms_are_a_closed_index() {
    let place = Place::hello();
    place.write("a.tar", place.saved("--platform linux/amd64,linux/s390x hello-barge"));
    assert_eq!(absent(&place, "a.tar"), serde_json::json!([]));
    let archive = place.read("a.tar");
    assert_ne!(roots(&archive), [HELLO]);
    // Two folders, three documents; the index, and a manifest, a config, a layer for each.
    assert_eq!(entries(&archive).len(), 12);
}

#[test]
fn the_original_index_on_request() {
    let place = Place::hello();
    place.write("a.tar", place.saved("--platform linux/amd64,linux/s390x --keep-index hello-barge"));
    assert_eq!(roots(&place.read("a.tar")), [HELLO]);
    let expected = ["linux/arm64/v8", "linux/arm/v7", "linux/riscv64", "linux/386", "linux/ppc64le"];
    assert_eq!(absent(&place, "a.tar"), serde_json::json!(expected));
}

#[test]
fn the_original_index_with_one_platform() {
    let place = Place::hello();
    place.write("a.tar", place.saved("--platform linux/amd64 --keep-index hello-barge"));
    assert_eq!(roots(&place.read("a.tar")), [HELLO]);
    assert_eq!(absent(&place, "a.tar").as_array().unwrap().len(), 6);
    assert_eq!(entries(&place.read("a.tar")).len(), 9);
}

#[test]
fn a_platform_that_is_not_there() {
    let place = Place::hello();
    let text = "no suitable export target found: image with reference hello-barge:latest was found \
                but does not provide the specified platform";
    let hint = format!("hint: present: {PLATFORMS}\n");
    for given in ["linux/mips64le", "linux/amd64,linux/mips64le"] {
        let said = place.fails(&format!("save -o a.tar --platform {given} hello-barge"));
        assert_eq!(said, format!("{text} (linux/mips64le)\n{hint}"), "{given}");
    }
    assert_eq!(
        place.fails("save -o a.tar --platform windows/amd64,linux/386,linux/mips64le hello-barge"),
        format!("{text}s (windows/amd64, linux/mips64le)\n{hint}")
    );
    assert!(place.files().is_empty());
}

#[test]
fn a_platform_that_one_of_two_images_lacks() {
    let place = shelf();
    place.load(&Layout::hello());
    let said = place.fails("save --platform linux/s390x hello-barge other:1");
    assert_eq!(
        said,
        "no suitable export target found: image with reference other:1 was found but does not provide \
         the specified platform (linux/s390x)\nhint: present: linux/amd64\n"
    );
}

#[test]
fn a_platform_that_is_there_twice() {
    let mut layout = Layout::default();
    let twice = ["one", "two"].map(|layer| layout.image(&Maker::new("linux/arm").layer(layer)));
    let index = layout.index(&[&twice[0], &twice[1]]);
    layout.name(&index, "docker.io/library/twice:1");
    let said = Place::with(&layout).fails("save --platform linux/arm twice:1");
    let text = "no suitable export target found: multiple manifests found for platform linux/arm";
    assert!(said.starts_with(text), "{said}");
}

/// An image of one platform is that one only, whatever else is asked for.
#[test]
fn an_image_of_one_platform_is_not_every_platform() {
    let said = shelf().fails("save --platform linux/amd64,linux/s390x other:1");
    assert!(
        said.ends_with("does not provide the specified platform (linux/s390x)\nhint: present: linux/amd64\n"),
        "{said}"
    );
}

#[test]
fn a_platform_that_is_listed_but_absent() {
    let place = sparse();
    let said = place.fails("save --platform linux/s390x hello-barge");
    let present = PLATFORMS.replace("linux/s390x, ", "");
    assert_eq!(
        said,
        format!(
            "no suitable export target found: image with reference hello-barge:latest was found but does \
             not provide the specified platform (linux/s390x)\nhint: present: {present}; the image lists \
             what is missing, but it is not in the store\n"
        )
    );
}

#[test]
fn an_absent_platform_leaves_the_index() {
    let place = sparse();
    let ran = place.run("save -o a.tar hello-barge");
    let note = "note: hello-barge:latest: not in the store and not saved: linux/s390x (the archive's index \
                lists only what it holds; `--keep-index` keeps the original)\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), note));
    assert_eq!(absent(&place, "a.tar"), serde_json::json!([]));
    let archive = place.read("a.tar");
    assert_ne!(roots(&archive), [HELLO]);
    assert_eq!(repo_tags(&archive), [r#"["hello-barge:latest"]"#]);
    // What was made stays what it is: loaded elsewhere and saved there, it is the same.
    let there = Place::new();
    there.write("a.tar", &archive);
    there.ok("load -q -i a.tar");
    assert!(archive == there.saved("hello-barge"));
}

#[test]
fn an_absent_platform_stays_in_the_original_index() {
    let place = sparse();
    let ran = place.run("save --keep-index -o a.tar hello-barge");
    let note =
        "note: hello-barge:latest: the archive's index lists platforms that are not in it: linux/s390x\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), note));
    assert_eq!(absent(&place, "a.tar"), serde_json::json!(["linux/s390x"]));
    assert_eq!(roots(&place.read("a.tar")), [HELLO]);
}

#[test]
fn the_hosts_platform_may_be_the_absent_one() {
    let mut layout = Layout::hello();
    for platform in ["linux/amd64", "linux/arm64/v8", "linux/386", "linux/riscv64"] {
        for digest in layout.platform(platform) {
            layout.remove(&digest);
        }
    }
    let place = Place::with(&layout);
    assert_eq!(place.run("save -o a.tar hello-barge").code, Some(0));
    let items = document(&place.read("a.tar"), "manifest.json");
    let config = layout.platform("linux/arm/v7")[1].replace(':', "/");
    assert_eq!(items[0]["Config"], format!("blobs/{config}"));
}

#[test]
fn an_incomplete_platform_is_said_with_its_blobs() {
    let place = Place::hello();
    let layer = &Layout::hello().platform("linux/arm64/v8")[2];
    std::fs::remove_file(place.blob(layer)).unwrap();
    let expected = format!(
        "hello-barge:latest: linux/arm64/v8 is incomplete, these blobs are not in the store: {layer}\n\
         hint: load the image again, or choose other platforms with `--platform`\n"
    );
    for given in ["", "--platform linux/arm64", "--platform linux/amd64,linux/arm64", "--keep-index"] {
        assert_eq!(place.fails(&format!("save -o a.tar {given} hello-barge")), expected, "{given}");
    }
    assert!(place.files().is_empty());
    assert_eq!(place.run("save --platform linux/amd64 hello-barge").code, Some(0));
}
