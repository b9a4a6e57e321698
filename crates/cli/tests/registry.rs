//! `barge pull` and `barge push`, with a real registry. What goes wrong on the way is in `registry/robust.rs`, registries
//! that lie in `registry/lies.rs`, mirrors in `registry/mirrors.rs`; passwords and tokens are in `registry/guarded.rs`, who
//! must not get them in `registry/astray.rs`, certificates in `registry/tls.rs`, and what docker says in `registry/said.rs`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "registry/astray.rs"]
mod astray;
mod common;
#[path = "registry/guarded.rs"]
mod guarded;
#[path = "registry/lies.rs"]
mod lies;
#[path = "registry/mirrors.rs"]
mod mirrors;
#[path = "registry/places.rs"]
mod places;
#[path = "registry/referrers.rs"]
mod referrers;
#[path = "registry/robust.rs"]
mod robust;
#[path = "registry/said.rs"]
mod said;
#[path = "registry/tls.rs"]
mod tls;

use barge_testkit::peers::Registry;
use barge_testkit::proxy::{Mishap, Proxy};
use barge_testkit::sample;
use common::{HELLO, Layout, Maker, Place, Terminal, on_terminal};

/// A registry with the sample image as `team/hello:latest`; `None` where there is no registry to be had.
fn with_hello() -> Option<(Registry, String)> {
    let registry = Registry::start().unwrap()?;
    let folder = tempfile::tempdir().unwrap();
    sample::write(folder.path()).unwrap();
    let name = registry.push(folder.path(), HELLO, "team/hello:latest").unwrap();
    let name = name.trim_end_matches(":latest").to_owned();
    Some((registry, name))
}

fn short(digest: &str) -> &str {
    &digest["sha256:".len()..][..12]
}

#[test]
fn the_transcript() {
    let Some((_registry, name)) = with_hello() else { return };
    let place = Place::new();
    let riscv = Layout::hello().platform("linux/riscv64");
    let layer = short(&riscv[2]);
    assert_eq!(
        place.ok(&format!("pull --platform=linux/riscv64 {name}:latest")),
        format!(
            "latest: Pulling from team/hello\n{layer}: Pulling fs layer\n{layer}: Download complete\n\
             Digest: {HELLO}\nStatus: Downloaded newer image for {name}:latest\n{name}:latest\n"
        )
    );
    assert_eq!(
        place.ok(&format!("image pull --platform linux/riscv64 {name}")),
        format!(
            "Using default tag: latest\nlatest: Pulling from team/hello\nDigest: {HELLO}\n\
             Status: Image is up to date for {name}:latest\n{name}:latest\n"
        )
    );
    assert_eq!(place.ok(&format!("pull -q --platform linux/riscv64 {name}")), format!("{name}:latest\n"));
    let tree = place.ok("image ls --tree");
    let line = |platform: &str| tree.lines().find(|l| l.contains(platform)).unwrap().to_owned();
    assert!(line("linux/amd64").contains(" 0B "), "{tree}");
    assert!(!line("linux/riscv64").contains(" 0B "), "{tree}");
    assert_eq!(place.ok("store check"), "1 image, 4 blobs, 2.524kB hashed: no faults\n");
}

#[test]
fn the_host_s_platform_alone() {
    let Some((_registry, name)) = with_hello() else { return };
    let place = Place::new();
    place.ok(&format!("pull {name}"));
    let rows =
        place.ok("image ls --tree --format '{{range .Platforms}}{{if .Bytes}}{{.Platform}} {{end}}{{end}}'");
    let host = barge_oci::Platform::host();
    assert!(rows.starts_with(&format!("{}/{}", host.os, host.architecture)), "{rows}");
    assert_eq!(rows.split_whitespace().count(), 1, "{rows}");
    // And docker's variable says otherwise.
    let place = Place::new();
    let mut command = place.command(&["pull", "-q", &name]);
    command.env("DOCKER_DEFAULT_PLATFORM", "linux/s390x");
    assert_eq!(place.run_in(command, b"").code, Some(0));
    assert_eq!(place.ok(&format!("image inspect --platform linux/s390x -f '{{{{.Os}}}}' {name}")), "linux\n");
}

#[test]
fn several_platforms() {
    let Some((_registry, name)) = with_hello() else { return };
    let place = Place::new();
    place.ok(&format!("pull --platform linux/arm64,linux/arm/v7 {name}"));
    let saved = place.run(&format!("save {name}"));
    assert!(saved.stderr.contains("not in the store and not saved"), "{}", saved.stderr);
    place.ok(&format!("pull --platform all {name}"));
    let other = Place::new();
    other.load(&Layout::hello());
    let blobs = |place: &Place| -> Vec<_> {
        let all = place.snapshot().into_iter();
        all.filter_map(|(path, bytes)| {
            Some((path.strip_prefix(place.store().join("blobs")).ok()?.to_owned(), bytes))
        })
        .collect()
    };
    assert!(blobs(&place) == blobs(&other), "other blobs than those loaded");
    let before = place.snapshot();
    let said = place.run(&format!("pull --platform linux/arm64,linux/mips {name}"));
    assert_eq!(said.code, Some(1));
    let text = format!(
        "{name}:latest: no matching manifest for linux/mips in the manifest list entries\nhint: it has: "
    );
    assert!(said.stderr.starts_with(&text), "{}", said.stderr);
    assert!(before == place.snapshot());
}

#[test]
fn by_digest() {
    let Some((_registry, name)) = with_hello() else { return };
    let place = Place::new();
    let out = place.ok(&format!("pull {name}@{HELLO}"));
    assert!(out.starts_with(&format!("{HELLO}: Pulling from team/hello\n")), "{out}");
    assert!(
        out.ends_with(&format!("Status: Downloaded newer image for {name}@{HELLO}\n{name}@{HELLO}\n")),
        "{out}"
    );
    assert_eq!(place.ok(&format!("image inspect -f '{{{{.Id}}}}' {name}@{HELLO}")), format!("{HELLO}\n"));
    // With a tag besides it is one by digest all the same, and another image may have the tag.
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("mine"));
    layout.name(&image, &format!("{name}:latest"));
    let place = Place::with(&layout);
    let out = place.ok(&format!("pull -q {name}:latest@{HELLO}"));
    assert_eq!(out, format!("{name}@{HELLO}\n"));
    assert_eq!(
        place.ok(&format!("image inspect -f '{{{{.Id}}}}' {name}:latest")),
        format!("{}\n", image.digest)
    );
    assert!(place.ok(&format!("pull {name}:latest@{HELLO}")).contains("Image is up to date"));
    place.write("a.tar", place.saved(&format!("docker://{name}:latest@{HELLO}")));
    assert!(place.ok("archive ls a.tar").contains("latest"));
}

#[test]
fn all_tags() {
    let Some((registry, name)) = with_hello() else { return };
    let place = Place::hello();
    let tag = |n: u32| format!("{}/team/many:t{n}", registry.address());
    let mut expected = Vec::new();
    for n in 0..5 {
        place.ok(&format!("tag hello-barge {}", tag(n)));
        expected.push(format!("{} {}", tag(n), short(HELLO)));
    }
    let out = place.ok(&format!("push -a {}/team/many", registry.address()));
    assert_eq!(out.lines().filter(|l| l.contains(": digest: ")).count(), 5, "{out}");
    let other = Place::new();
    let out = other.ok(&format!("pull -a {}/team/many", registry.address()));
    assert!(out.ends_with(&format!("{}/team/many\n", registry.address())), "{out}");
    assert_eq!(other.names(), expected);
    assert_eq!(other.fails(&format!("pull -a {name}:latest")), "tag can't be used with --all-tags/-a\n");
}

#[test]
fn what_is_pushed() {
    let Some((registry, _)) = with_hello() else { return };
    let place = Place::hello();
    let name = format!("{}/copies/hello:v1", registry.address());
    place.ok(&format!("tag hello-barge {name}"));
    let out = place.ok(&format!("push {name}"));
    let repository = name.trim_end_matches(":v1");
    assert!(out.starts_with(&format!("The push refers to repository [{repository}]\n")), "{out}");
    assert_eq!(out.matches(": Pushed\n").count(), 7, "{out}");
    assert!(out.ends_with(&format!("v1: digest: {HELLO} size: 1531\n")), "{out}");
    let index = registry.manifest(&name).unwrap();
    assert_eq!(barge_oci::Digest::sha256(index.as_bytes()).to_string(), HELLO);
    for platform in ["linux/amd64", "linux/arm64", "linux/s390x"] {
        registry.validate(&name, platform).unwrap();
    }
    // The second time everything is there, and from another repository it is taken over.
    let again = place.ok(&format!("push {name}"));
    assert_eq!(again.matches(": Layer already exists\n").count(), 7, "{again}");
    let other = format!("{}/mounted/hello:v2", registry.address());
    place.ok(&format!("tag hello-barge {other}"));
    let mounted = place.ok(&format!("push {other}"));
    assert_eq!(mounted.matches(": Mounted from copies/hello\n").count(), 7, "{mounted}");
    assert_eq!(place.ok(&format!("push -q {other}")), format!("{other}\n"));
    let back = Place::new();
    back.ok(&format!("pull -q --platform all {other}"));
    back.ok(&format!("tag {other} hello-barge"));
    assert_eq!(back.ok("store check"), "2 images, 22 blobs, 8.501kB hashed: no faults\n");
}

#[test]
fn pushed_platforms() {
    let Some((registry, _)) = with_hello() else { return };
    let place = Place::hello();
    let name = format!("{}/some/hello:v1", registry.address());
    place.ok(&format!("tag hello-barge {name}"));
    let one = place.ok(&format!("push --platform linux/arm64 {name}"));
    let arm64 = &Layout::hello().platform("linux/arm64/v8")[0];
    assert!(one.contains(&format!("v1: digest: {arm64} size: 401\n")), "{one}");
    let two = place.ok(&format!("push --platform linux/arm64,linux/s390x {name}"));
    assert_eq!(two.matches(": Layer already exists\n").count(), 1, "{two}");
    let index: serde_json::Value = serde_json::from_str(&registry.manifest(&name).unwrap()).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
    assert!(place.run(&format!("push --platform linux/mips {name}")).stderr.contains("(linux/mips)"));
}

#[test]
fn large_layers_go_and_come_back() {
    let Some((registry, _)) = with_hello() else { return };
    let mut random = fastrand::Rng::with_seed(1);
    let content: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(70 << 20).collect();
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer(content));
    let name = format!("{}/big/one:1", registry.address());
    layout.name(&image, &name);
    let place = Place::with(&layout);
    place.ok(&format!("push {name}"));
    let through = Proxy::start(registry.address(), |_| Mishap::None).unwrap();
    let ranges = |flags: &str| {
        through.forget();
        let other = Place::new();
        other.ok(&format!(
            "pull {flags}--platform linux/amd64 {}",
            name.replace(registry.address(), &through.address())
        ));
        assert!(other.ok("store check").ends_with(": no faults\n"));
        let asked = through.asked();
        let blobs = asked.iter().filter(|a| a.method == "GET" && a.path.contains("/blobs/"));
        let sent: u64 = blobs.clone().map(|a| a.sent).sum();
        assert!(sent < (71 << 20), "{sent}");
        blobs.filter(|a| a.header("range").is_some()).count()
    };
    // There is one large blob and a small one, so each gets half of the connections.
    assert!(ranges("") > 10);
    assert_eq!(ranges("--parallel 1 "), 0);
}

#[test]
fn what_is_not_there() {
    let Some((registry, name)) = with_hello() else { return };
    let place = Place::new();
    let not_found = |what: &str| format!("manifest for {what} not found: manifest unknown\n");
    let said = place.fails(&format!("pull {name}:gone"));
    assert_eq!(said, not_found(&format!("{name}:gone")), "what it says is in the error");
    let gone = format!("{}/gone/gone", registry.address());
    assert!(place.run(&format!("pull {gone}")).stderr.starts_with(&not_found(&format!("{gone}:latest"))));
    let said = place.fails(&format!("push {gone}:1"));
    assert!(said.starts_with(&format!("tag does not exist: {gone}:1\nhint: the store ")), "{said}");
    assert_eq!(place.fails(&format!("push {name}@{HELLO}")), "cannot push a digest reference\n");
    assert_eq!(
        place.fails("pull 127.0.0.1:1/a:b"),
        "127.0.0.1:1: a: manifest b: connection refused\n\
         hint: no registry answers there; is the name right, is it running?\n"
    );
    assert_eq!(place.fails("pull 127.0.0.1:99999/a"), "127.0.0.1:99999: invalid port\n");
    assert!(!place.store().exists());
    assert_eq!(
        place.fails("pull docker://127.0.0.1:1/a"),
        "invalid reference format\nhint: without `docker://`: `127.0.0.1:1/a`\n"
    );
    assert_eq!(
        place.fails("pull UPPER"),
        "invalid reference format: repository name (library/UPPER) must be lowercase\n"
    );
}

#[test]
fn progress() {
    let Some((_registry, name)) = with_hello() else { return };
    let place = Place::new();
    let layer = Layout::hello().platform("linux/riscv64")[2].clone();
    let on = |which: Terminal, flags: &str| {
        let place = Place::new();
        let line = format!("pull {flags}--platform linux/riscv64 {name}");
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = place.command(&words);
        command.env("TERM", "xterm");
        on_terminal(command, which, 100)
    };
    let bars = on(Terminal::Stderr, "");
    assert!(bars.stderr.contains(&format!("{}: Download complete", short(&layer))), "{:?}", bars.stderr);
    assert!(bars.out().contains(&format!("{}: Download complete\n", short(&layer))), "{}", bars.out());
    for flags in ["-q ", "--progress none ", "--progress plain "] {
        assert_eq!(on(Terminal::Stderr, flags).stderr, "", "{flags}");
    }
    let ran = place.run(&format!("pull --progress json --platform linux/riscv64 {name}"));
    let last: Vec<serde_json::Value> = ran.stderr.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let of_layer: Vec<&serde_json::Value> = last.iter().filter(|l| l["id"] == layer).collect();
    assert_eq!(of_layer[0]["status"], "Pulling fs layer");
    let done = of_layer.last().unwrap();
    assert_eq!((&done["status"], &done["current"]), (&"Download complete".into(), &done["total"]));
    assert!(!on(Terminal::Stdout, "").out().contains('\u{1b}'));
}
