//! `barge save`: what it says, which images and platforms it takes, and the archive that comes of it.
//! Where the archive goes is in `save/output.rs`, what happens when something gets in the way in
//! `save/interrupted.rs`, and `save/random.rs` tries what nobody thought of.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "save/aligned.rs"]
mod aligned;
mod common;
#[path = "save/compressed.rs"]
mod compressed;
#[path = "save/interrupted.rs"]
mod interrupted;
#[path = "save/output.rs"]
mod output;
#[path = "save/plan.rs"]
mod plan;
#[path = "save/random.rs"]
mod random;
#[path = "save/verified.rs"]
mod verified;

use std::collections::BTreeMap;

use common::{HELLO, Layout, Maker, Place, Terminal, entries, on_terminal};
use serde_json::Value;

const PLATFORMS: &str =
    "linux/amd64, linux/arm64/v8, linux/arm/v7, linux/riscv64, linux/s390x, linux/386, linux/ppc64le";

/// The documents at the top of an archive, by name.
fn document(archive: &[u8], name: &str) -> Value {
    let files: BTreeMap<_, _> = entries(archive).into_iter().collect();
    serde_json::from_slice(&files[name]).unwrap()
}

/// Every tag in manifest.json, an entry after the other; a nameless one is `null`.
fn repo_tags(archive: &[u8]) -> Vec<String> {
    let items = document(archive, "manifest.json");
    items.as_array().unwrap().iter().map(|item| item["RepoTags"].to_string()).collect()
}

/// The digests that index.json lists.
fn roots(archive: &[u8]) -> Vec<String> {
    let index = document(archive, "index.json");
    let manifests = index["manifests"].as_array().unwrap();
    manifests.iter().map(|m| m["digest"].as_str().unwrap().to_owned()).collect()
}

/// The names that index.json gives, `-` where it gives none.
fn names(archive: &[u8]) -> Vec<String> {
    let index = document(archive, "index.json");
    let name = |m: &Value| m["annotations"]["io.containerd.image.name"].as_str().unwrap_or("-").to_owned();
    index["manifests"].as_array().unwrap().iter().map(name).collect()
}

/// What `archive verify` says the archive lists and does not hold.
fn absent(place: &Place, file: &str) -> Value {
    let report: Value =
        serde_json::from_str(&place.ok(&format!("archive verify --format json {file}"))).unwrap();
    assert_eq!(report["ok"], true);
    report["images"][0]["absent"].clone()
}

/// Three tags of one repository and one of another, each an image of its own.
fn shelf() -> Place {
    let mut layout = Layout::default();
    for name in ["shelf:1", "shelf:2", "shelf:3", "other:1"] {
        let image = layout.image(&Maker::new("linux/amd64").layer("base").layer(name));
        layout.name(&image, &format!("docker.io/library/{name}"));
    }
    Place::with(&layout)
}

#[test]
fn without_arguments() {
    let usage = "requires at least 1 argument\n\nUsage:  barge image save [OPTIONS] IMAGE [IMAGE...]\n\n\
                 See 'barge image save --help' for more information\n";
    assert_eq!(Place::new().fails("image save"), format!("barge: 'barge image save' {usage}"));
    let usage = usage.replace("image save", "save");
    assert_eq!(Place::new().fails("save -o a.tar"), format!("barge: 'barge save' {usage}"));
}

#[test]
fn an_unknown_flag() {
    let ran = Place::new().run("image save --zzz hello-barge");
    assert_eq!(ran.code, Some(125));
    let expected = "unknown flag: --zzz\n\nUsage:  barge image save [OPTIONS] IMAGE [IMAGE...]\n\n\
                    Run 'barge image save --help' for more information\n";
    assert_eq!((ran.out().as_str(), ran.stderr.as_str()), ("", expected));
}

#[test]
fn an_image_that_is_not_there() {
    let place = Place::hello();
    assert_eq!(place.fails("save gone"), "No such image: gone:latest\n");
    assert_eq!(place.fails("save hello-barge:2"), "No such image: hello-barge:2\n");
    assert_eq!(place.fails("save example.org/a/b:1"), "No such image: example.org/a/b:1\n");
    assert_eq!(place.fails("save 2a4"), "No such image: 2a4:latest\n");
    let digest = HELLO.replace('2', "3");
    assert_eq!(place.fails(&format!("save {digest}")), format!("No such image: {digest}\n"));
}

#[test]
fn one_missing_image_of_several() {
    let place = Place::hello();
    assert_eq!(place.fails("save -o a.tar hello-barge gone:1"), "No such image: gone:1\n");
    assert!(place.files().is_empty());
}

#[test]
fn an_empty_store() {
    let place = Place::new();
    assert_eq!(place.fails("save hello-barge"), "No such image: hello-barge:latest\n");
}

#[test]
fn what_can_be_no_image() {
    let place = Place::hello();
    for bad in ["a//b", "''", "a:b:c", "hello-barge@sha256:12", "-- -a"] {
        assert_eq!(place.fails(&format!("save {bad}")), "invalid reference format\n", "{bad}");
    }
    assert_eq!(
        place.fails("save Upper"),
        "invalid reference format: repository name (library/Upper) must be lowercase\n"
    );
}

#[test]
fn an_ambiguous_id() {
    // Enough images that two IDs begin with the same four characters.
    let mut layout = Layout::default();
    let ids: Vec<String> = (0..600)
        .map(|n| {
            let image = layout.image(&Maker::new("linux/amd64").layer(n.to_string()));
            layout.list(&image);
            image.digest
        })
        .collect();
    let prefix = |id: &String| id["sha256:".len()..][..4].to_owned();
    let twice = ids.iter().map(prefix).find(|p| ids.iter().filter(|id| prefix(id) == *p).count() > 1);
    let twice = twice.unwrap();
    let text = Place::with(&layout).fails(&format!("save {twice}"));
    assert_eq!(
        text,
        format!("ambiguous reference\nhint: several image IDs begin with {twice}: give more of it\n")
    );
}

#[test]
fn what_can_be_no_platform() {
    let place = Place::hello();
    let component = "OSAndVersion specifier component must match \
                     \"^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$\": invalid argument\n";
    assert_eq!(
        place.fails("save --platform <invalid> hello-barge"),
        format!("invalid platform: \"<invalid>\" is an invalid OS component of \"<invalid>\": {component}")
    );
    assert_eq!(
        place.fails("save --platform linux/amd64,toaster hello-barge"),
        "invalid platform: \"toaster\": unknown operating system or architecture: invalid argument\n"
    );
    assert_eq!(
        place.fails("save --platform a/b/c/d hello-barge"),
        "invalid platform: \"a/b/c/d\": cannot parse platform specifier: invalid argument\n"
    );
    assert_eq!(
        place.fails("save --platform * hello-barge"),
        "invalid platform: \"*\": wildcards not yet supported: invalid argument\n"
    );
}

#[test]
fn a_terminal_is_refused() {
    let place = Place::hello();
    let refusal = "cowardly refusing to save to a terminal. Use the -o flag or redirect\n";
    for arguments in [&["save", "hello-barge"][..], &["save", "-o", "-", "hello-barge"], &["save", "gone"]] {
        let ran = on_terminal(place.command(arguments), Terminal::Stdout, 80);
        assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(1), "", refusal));
    }
}

#[test]
fn a_bad_platform_is_said_before_the_terminal() {
    let place = Place::hello();
    let command = place.command(&["save", "--platform", "toaster", "hello-barge"]);
    let ran = on_terminal(command, Terminal::Stdout, 80);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.starts_with("invalid platform: "), "{}", ran.stderr);
}

#[test]
fn a_terminal_does_not_mind_a_dry_run_or_a_file() {
    let place = Place::hello();
    let ran = on_terminal(place.command(&["save", "--dry-run", "hello-barge"]), Terminal::Stdout, 80);
    assert_eq!(ran.code, Some(0));
    let ran = on_terminal(place.command(&["save", "-o", "a.tar", "hello-barge"]), Terminal::Stdout, 80);
    assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn the_archive_is_dockers() {
    let place = Place::hello();
    let archive = place.saved("hello-barge");
    let names: Vec<String> = entries(&archive).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..2], ["blobs/", "blobs/sha256/"]);
    assert_eq!(names[names.len() - 3..], ["index.json", "manifest.json", "oci-layout"]);
    assert!(names.is_sorted());
    let index = String::from_utf8(entries(&archive)[names.len() - 3].1.clone()).unwrap();
    let expected = [
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#,
        r#"{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:2a4baa9d3ab90749"#,
        r#"8355d1c6664aa71f10cd912a5d4c9219d965fc8c3a641526","size":1531,"annotations":{"#,
        r#""io.containerd.image.name":"docker.io/library/hello-barge:latest","#,
        r#""org.opencontainers.image.ref.name":"latest"}}]}"#,
    ];
    assert_eq!(index, expected.concat());
    assert_eq!(repo_tags(&archive), [r#"["hello-barge:latest"]"#]);
}

#[test]
fn the_same_bytes_twice() {
    let place = shelf();
    let archive = place.saved("shelf other:1");
    assert!(archive == place.saved("shelf other:1"));
    place.ok("save -o a.tar shelf other:1");
    assert!(archive == place.read("a.tar"));
    // Nothing of the store's past shows: the same images from another store are the same archive.
    assert!(archive == shelf().saved("shelf other:1"));
}

#[test]
fn saved_loaded_and_saved_again() {
    let there = shelf();
    there.load(&Layout::hello());
    there.ok("tag shelf:1 example.org:5000/a/b:c");
    for images in ["hello-barge", "shelf other:1 hello-barge", "example.org:5000/a/b:c", "shelf:3 shelf:1"] {
        let archive = there.saved(images);
        let here = Place::new();
        here.write("a.tar", &archive);
        here.ok("load -q -i a.tar");
        assert!(archive == here.saved(images), "{images}");
    }
}

#[test]
fn tags_are_picked() {
    let archive = shelf().saved("shelf:3 shelf:1");
    assert_eq!(names(&archive), ["docker.io/library/shelf:3", "docker.io/library/shelf:1"]);
    assert_eq!(repo_tags(&archive), [r#"["shelf:3"]"#, r#"["shelf:1"]"#]);
}

#[test]
fn a_bare_repository_is_all_of_its_tags() {
    let archive = shelf().saved("shelf");
    let expected = ["docker.io/library/shelf:1", "docker.io/library/shelf:2", "docker.io/library/shelf:3"];
    assert_eq!(names(&archive), expected);
    assert_eq!(shelf().fails("save shelf:latest"), "No such image: shelf:latest\n");
}

#[test]
fn the_same_image_twice_is_saved_once() {
    let place = shelf();
    assert!(place.saved("shelf:1 shelf:1") == place.saved("shelf:1"));
    assert!(place.saved("shelf shelf:2") == place.saved("shelf"));
    assert!(place.saved("docker.io/library/shelf:1") == place.saved("shelf:1"));
}

#[test]
fn shared_blobs_are_saved_once() {
    let place = shelf();
    let archive = place.saved("shelf:1 shelf:2");
    let mut names: Vec<String> = entries(&archive).into_iter().map(|(name, _)| name).collect();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    // Two folders, three documents; two manifests, two configs, three layers.
    assert_eq!(all, 12);
}

#[test]
fn two_names_of_one_image() {
    let place = shelf();
    place.ok("tag shelf:1 alias:9");
    let archive = place.saved("shelf:1 alias:9");
    assert_eq!(names(&archive), ["docker.io/library/shelf:1", "docker.io/library/alias:9"]);
    assert_eq!(repo_tags(&archive), [r#"["shelf:1","alias:9"]"#]);
}

#[test]
fn two_indexes_that_share_a_manifest_keep_both_names() {
    let (layout, [.., one, both]) = Layout::sharing();
    let place = Place::with(&layout);
    let archive = place.saved("--platform linux/amd64 one:1 both:1");
    assert_eq!(repo_tags(&archive), [r#"["one:1","both:1"]"#]);
    let archive = place.saved("one:1 both:1");
    assert_eq!(roots(&archive), [one.digest, both.digest]);
    let tags = repo_tags(&archive).concat();
    assert!(tags.contains("one:1") && tags.contains("both:1"), "{tags}");
}

#[test]
fn an_id_or_digest_is_saved_without_a_name() {
    let place = Place::hello();
    let short = &HELLO["sha256:".len()..][..12];
    let nameless = place.saved(HELLO);
    assert_eq!((names(&nameless), repo_tags(&nameless)), (vec!["-".to_owned()], vec!["null".to_owned()]));
    for id in [short, &short[..4], &HELLO[..20], &HELLO["sha256:".len()..]] {
        assert!(nameless == place.saved(id), "{id}");
    }
    for name in ["hello-barge", "hello-barge:latest", "docker.io/library/hello-barge"] {
        assert!(nameless == place.saved(&format!("{name}@{HELLO}")), "{name}");
    }
    assert_eq!(place.fails(&format!("save other@{HELLO}")), format!("No such image: other@{HELLO}\n"));
}

#[test]
fn a_name_for_the_nameless() {
    let place = Place::hello();
    let archive = place.saved(&format!("--name example.org/team/app:v1 {HELLO}"));
    assert_eq!(names(&archive), ["example.org/team/app:v1"]);
    assert_eq!(repo_tags(&archive), [r#"["example.org/team/app:v1"]"#]);
    assert!(place.saved(&format!("--name hello-barge {HELLO}")) == place.saved("hello-barge"));
}

#[test]
fn a_name_for_what_has_one() {
    let place = shelf();
    place.load(&Layout::hello());
    let expected = "`--name` needs exactly one image that has no name of its own\n\
                    hint: images given by ID or digest are saved without a name\n";
    assert_eq!(place.fails("save --name x:1 hello-barge"), expected);
    let another = place.ok("images -q --no-trunc shelf:1");
    assert_eq!(place.fails(&format!("save --name x:1 {HELLO} {}", another.trim())), expected);
    assert_eq!(
        place.fails(&format!("save --name x@{HELLO} {HELLO}")),
        "refusing to create a tag with a digest reference\n"
    );
}

#[test]
fn a_name_that_is_none() {
    let ran = Place::hello().run(&format!("save --name X {HELLO}"));
    assert_eq!((ran.code, ran.out().as_str()), (Some(125), ""));
    let text = "invalid argument \"X\" for \"--name\" flag: \
                invalid reference format: repository name (library/X) must be lowercase\n";
    assert!(ran.stderr.starts_with(text), "{}", ran.stderr);
}

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

/// The sample image without one of its platforms.
fn sparse() -> Place {
    let mut layout = Layout::hello();
    for digest in layout.platform("linux/s390x") {
        layout.remove(&digest);
    }
    Place::with(&layout)
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

#[test]
fn attestations_come_along() {
    let mut layout = Layout::default();
    let platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
    let images = platforms.map(|p| layout.image(&Maker::new(p).layer(p)));
    let statements = images.each_ref().map(|image| layout.attestation(image));
    let all: Vec<_> = images.iter().chain(&statements).collect();
    let index = layout.index(&all);
    layout.name(&index, "docker.io/library/signed:1");
    let place = Place::with(&layout);
    let has = |archive: &[u8], digest: &str| {
        entries(archive).iter().any(|(name, _)| *name == format!("blobs/{}", digest.replace(':', "/")))
    };

    let archive = place.saved("signed:1");
    assert_eq!(roots(&archive), std::slice::from_ref(&index.digest));
    assert!(statements.iter().all(|s| has(&archive, &s.digest)));

    let archive = place.saved("--platform linux/amd64,linux/s390x signed:1");
    let held = statements.each_ref().map(|s| has(&archive, &s.digest));
    assert_eq!(held, [true, false, true]);

    let archive = place.saved("--platform linux/arm64 signed:1");
    assert_eq!(roots(&archive), [images[1].digest.clone()]);
    assert!(statements.iter().all(|s| !has(&archive, &s.digest)));
}

#[test]
fn an_index_of_indexes() {
    let mut layout = Layout::default();
    let images = ["linux/amd64", "linux/arm64", "linux/s390x"].map(|p| layout.image(&Maker::new(p).layer(p)));
    let inner = layout.index(&[&images[0], &images[1]]);
    let outer = layout.index(&[&inner, &images[2]]);
    layout.name(&outer, "docker.io/library/nested:1");
    let place = Place::with(&layout);

    let archive = place.saved("nested:1");
    assert_eq!(roots(&archive), std::slice::from_ref(&outer.digest));
    let here = Place::new();
    here.write("a.tar", &archive);
    here.ok("load -i a.tar");
    assert!(archive == here.saved("nested:1"));
    assert_eq!(place.ok("images --format '{{.Platforms}}'"), "linux/amd64,linux/arm64,linux/s390x\n");

    let one = place.saved("--platform linux/arm64 nested:1");
    assert_eq!(roots(&one), std::slice::from_ref(&images[1].digest));
    // What is left of the inner index stays nested, and everything that is listed is there.
    place.write("a.tar", place.saved("--platform linux/arm64,linux/s390x nested:1"));
    assert_eq!(absent(&place, "a.tar"), serde_json::json!([]));
    here.write("a.tar", place.read("a.tar"));
    here.ok("load -i a.tar");
    assert_eq!(here.ok("images --format '{{.Platforms}}' nested:1"), "linux/arm64,linux/s390x\n");
}

#[test]
fn layers_that_must_not_be_distributed() {
    let mut layout = Layout::default();
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let layer = layout.put(foreign, common::tar(&[("base", "windows")]));
    let config = format!(
        r#"{{"architecture":"amd64","os":"windows","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        layer.digest
    );
    let config = layout.put("application/vnd.oci.image.config.v1+json", config);
    let manifest = layout.manifest(&config, std::slice::from_ref(&layer));
    layout.name(&manifest, "docker.io/library/windows:1");
    let place = Place::with(&layout);
    let blob = format!("blobs/{}", layer.digest.replace(':', "/"));
    let has = |archive: &[u8]| entries(archive).iter().any(|(name, _)| *name == blob);

    let ran = place.run("save windows:1");
    let note =
        format!("note: foreign layer {} is left out, `--include-foreign` takes it along\n", layer.digest);
    assert_eq!((ran.code, ran.stderr, has(&ran.stdout)), (Some(0), note, false));
    // An archive without it is whole, and so is the image that is loaded from it.
    let here = Place::new();
    here.write("a.tar", &ran.stdout);
    assert_eq!(here.run("load -i a.tar").code, Some(0));
    assert!(ran.stdout == here.run("save windows:1").stdout);

    let archive = place.saved("--include-foreign windows:1");
    assert!(has(&archive));
    here.write("a.tar", &archive);
    here.ok("load -i a.tar");
    assert!(archive == here.saved("--include-foreign windows:1"));
}

/// What other manifests say about an image, as containerd keeps it: an entry of its own with a subject.
#[test]
fn referrers_come_along() {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("1"));
    let other = layout.image(&Maker::new("linux/amd64").layer("2"));
    layout.name(&image, "docker.io/library/signed:1");
    layout.name(&other, "docker.io/library/plain:1");
    let statement = layout.put("application/vnd.in-toto+json", "{}");
    let config = layout.put("application/vnd.oci.empty.v1+json", "{}");
    let signature = layout.manifest(&config, &[statement]);
    layout.annotate(&signature, &[("io.containerd.manifest.subject", &image.digest)]);
    let place = Place::with(&layout);
    assert_eq!(place.names().len(), 2, "{:?}", place.names());

    let archive = place.saved("signed:1");
    assert_eq!(roots(&archive), [image.digest.clone(), signature.digest.clone()]);
    let here = Place::new();
    here.write("a.tar", &archive);
    assert_eq!(here.ok("load -i a.tar"), "Loaded image: signed:1\n");
    assert!(archive == here.saved("signed:1"));
    assert_eq!(roots(&place.saved("plain:1")), std::slice::from_ref(&other.digest));
    // It goes with its subject.
    here.ok("rmi signed:1");
    assert!(std::fs::read_dir(here.store().join("blobs/sha256")).unwrap().next().is_none());
    assert!(place.ok("store check").ends_with(": no faults\n"));
}

#[test]
fn digests_of_another_algorithm() {
    let mut layout = Layout::default();
    let sha512 = barge_oci::Algorithm::Sha512;
    let content = common::tar(&[("file", "content")]);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        barge_oci::Digest::sha256(&content)
    );
    let layer = layout.put_as(sha512, "application/vnd.oci.image.layer.v1.tar", content);
    let config = layout.put_as(sha512, "application/vnd.oci.image.config.v1+json", config);
    let manifest = layout.manifest(&config, &[layer]);
    layout.name(&manifest, "docker.io/library/long:1");
    let place = Place::with(&layout);
    place.ok("save -o a.tar long:1");
    place.ok("archive verify a.tar");
    let here = Place::new();
    here.write("a.tar", place.read("a.tar"));
    assert_eq!(here.ok("load -i a.tar"), "Loaded image: long:1\n");
    assert!(place.read("a.tar") == here.saved("long:1"));
    assert!(here.ok("store check").ends_with(": no faults\n"));
}

/// Charts, models, policies: manifests that are no container images.
#[test]
fn artifacts() {
    let mut layout = Layout::default();
    let content = layout.put("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "not even gzip");
    let config = layout.put("application/vnd.cncf.helm.config.v1+json", r#"{"name":"chart"}"#);
    let chart = layout.manifest(&config, &[content]);
    layout.name(&chart, "example.org/charts/chart:1.0");
    let place = Place::with(&layout);
    assert_eq!(
        place.ok("images --format '{{.Repository}} {{.Tag}} {{.Platforms}}'"),
        "example.org/charts/chart 1.0 \n"
    );
    let archive = place.saved("example.org/charts/chart:1.0");
    let here = Place::new();
    here.write("a.tar", &archive);
    assert_eq!(here.ok("load -i a.tar"), "Loaded image: example.org/charts/chart:1.0\n");
    assert!(archive == here.saved("example.org/charts/chart:1.0"));
    let said = place.fails("save --platform linux/amd64 example.org/charts/chart:1.0");
    assert!(said.contains("does not provide the specified platform (linux/amd64)"), "{said}");
    assert!(said.ends_with("hint: present: none\n"), "{said}");
}

#[test]
fn progress_in_lines() {
    let place = Place::hello();
    let size = place.saved("hello-barge").len();
    let ran = place.run("save --progress plain hello-barge");
    assert_eq!((ran.stdout.len(), ran.stderr.as_str()), (size, "Saving 28.67kB/28.67kB 100%\n"));
    let ran = place.run("save --progress json -o a.tar hello-barge");
    let line = format!("{{\"current\":{size},\"status\":\"Saving\",\"total\":{size}}}\n");
    assert_eq!((ran.out().as_str(), ran.stderr), ("", line));
}

/// A bar that was drawn, where the work took long, is gone in the end.
#[test]
fn nothing_stays_on_a_terminal() {
    let place = Place::hello();
    let command = place.command(&["save", "-o", "a.tar", "hello-barge"]);
    let drawn = on_terminal(command, Terminal::Stderr, 80).stderr;
    assert!(!drawn.contains('\n'), "{drawn:?}");
    let command = place.command(&["save", "--progress", "none", "-o", "a.tar", "hello-barge"]);
    assert_eq!(on_terminal(command, Terminal::Stderr, 80).stderr, "");
}
