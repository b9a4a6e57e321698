//! From one place to another: registries, archives, layouts and the store, with and without a store between.

use barge_testkit::proxy::{Mishap, Proxy};

use super::common::{HELLO, Layout, Maker, Place, entries, tar};
use super::{short, with_hello};

#[test]
fn an_archive_straight_from_a_registry() {
    let Some((_registry, name)) = with_hello() else { return };
    let place = Place::new();
    let straight = place.saved(&format!("docker://{name}:latest"));
    assert!(!place.store().exists(), "there was no need of a store");
    place.ok(&format!("pull --platform all {name}"));
    assert!(straight == place.saved(&name), "other bytes than those of pull and save");
    assert!(straight == place.saved(&format!("--from registry {name}")));
    place.ok(&format!("save --from registry -o file.tar {name}:latest"));
    assert!(straight == place.read("file.tar"));
    let one = place.saved(&format!("--platform linux/arm64 docker://{name}"));
    assert!(one == place.saved(&format!("--platform linux/arm64 {name}")));
    let said = place.run(&format!("save --platform linux/mips -o file.tar docker://{name}"));
    assert!(said.stderr.contains("(linux/mips)") && straight == place.read("file.tar"), "{}", said.stderr);
    let plan = place.ok(&format!("save --dry-run --format json docker://{name}"));
    assert!(plan.contains(&format!("\"archive_bytes\":{}", straight.len())), "{plan}");
    let said = place.fails(&format!("save docker://{name} hello-barge"));
    assert!(said.starts_with("either all images are `docker://` ones or none"), "{said}");
}

#[test]
fn several_repositories_in_one_archive() {
    let Some((registry, name)) = with_hello() else { return };
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("mine"));
    let other = format!("{}/other/repository:2", registry.address());
    layout.name(&image, &other);
    Place::with(&layout).ok(&format!("push {other}"));
    let place = Place::new();
    place.write("two.tar", place.saved(&format!("docker://{name} docker://{other}")));
    assert!(place.ok("load -i two.tar").ends_with(&format!("Loaded image: {other}\n")));
    assert_eq!(place.names().len(), 2);
}

#[test]
fn what_a_registry_lacks_is_known_before_the_first_byte() {
    let Some((registry, name)) = with_hello() else { return };
    let layer = Layout::hello().platform("linux/s390x")[2].clone();
    let of = layer.clone();
    let lacking = Proxy::start(registry.address(), move |asked| {
        if asked.path.ends_with(&of) {
            Mishap::Instead("404 Not Found", String::new(), Vec::new())
        } else {
            Mishap::None
        }
    })
    .unwrap();
    let place = Place::new();
    place.write("old.tar", "old");
    let through = name.replace(registry.address(), &lacking.address());
    let said = place.fails(&format!("save -o old.tar docker://{through}"));
    assert!(said.contains(&layer) && said.contains(&lacking.address()), "{said}");
    assert_eq!((place.read("old.tar"), place.files()), (b"old".to_vec(), vec!["old.tar".to_owned()]));
    let of = layer.clone();
    let lying = Proxy::start(registry.address(), move |asked| {
        if asked.path.ends_with(&of) && asked.method == "GET" { Mishap::Alter(7) } else { Mishap::None }
    })
    .unwrap();
    let through = name.replace(registry.address(), &lying.address());
    let said = place.fails(&format!("save -o old.tar docker://{through}"));
    assert!(said.contains(&layer), "{said}");
    assert_eq!((place.read("old.tar"), place.files()), (b"old".to_vec(), vec!["old.tar".to_owned()]));
}

#[test]
fn an_archive_straight_to_a_registry() {
    let Some((registry, _)) = with_hello() else { return };
    let place = Place::new();
    place.write("hello.tar", Place::hello().saved("hello-barge"));
    let to = format!("{}/air/gap", registry.address());
    let out = place.ok(&format!("load --to {to} -i hello.tar"));
    assert!(out.ends_with(&format!("Loaded image: {to}/library/hello-barge:latest\n")), "{out}");
    assert_eq!(out.matches(": Pushed\n").count(), 7, "{out}");
    assert!(!place.store().exists(), "a file is read where it is");
    // From a pipe or behind a compression it goes by way of the store's folder, and leaves nothing there.
    let again = place.run_with(&format!("load --to {to}"), &place.read("hello.tar"));
    assert_eq!(again.out().matches(": Layer already exists\n").count(), 7, "{}", again.out());
    assert_eq!(place.names(), Vec::<String>::new());
    assert_eq!(place.ok("store gc"), "Total reclaimed space: 0B\n", "the archive was not kept");
    let folder = Place::new();
    Layout::hello().write(&folder.path("layout"));
    let out = folder.ok(&format!("load --to {to}/folder -i layout"));
    assert!(out.contains(": Mounted from ") || out.contains(": Pushed\n"), "{out}");
    assert!(!folder.store().exists());
    let index = registry.manifest(&format!("{to}/folder/library/hello-barge:latest")).unwrap();
    assert_eq!(barge_oci::Digest::sha256(index.as_bytes()).to_string(), HELLO);
    let index = registry.manifest(&format!("{to}/library/hello-barge:latest")).unwrap();
    assert_eq!(barge_oci::Digest::sha256(index.as_bytes()).to_string(), HELLO);
    place.ok(&format!("load -q --to {to}/one --platform linux/arm64 -i hello.tar"));
    let manifest = registry.manifest(&format!("{to}/one/library/hello-barge:latest")).unwrap();
    let arm64 = Layout::hello().platform("linux/arm64/v8")[0].clone();
    assert_eq!(barge_oci::Digest::sha256(manifest.as_bytes()).to_string(), arm64);
    place.write("nameless.tar", Place::hello().saved(HELLO));
    let said = place.fails(&format!("load --to {to} -i nameless.tar"));
    assert!(said.contains("nameless"), "{said}");
    place.write("bad.tar", &place.read("hello.tar")[..6000]);
    assert!(place.fails(&format!("load --to {to}2 -i bad.tar")).contains("ends at byte"));
}

#[test]
fn every_place_to_every_other() {
    let Some((registry, name)) = with_hello() else { return };
    let place = Place::new();
    let mirror = |n: usize| format!("docker://{}/copy/n{n}:t", registry.address());
    let sources = [
        format!("docker://{name}:latest"),
        "a:1".into(),
        "oci:layout:tag".into(),
        "oci-archive:one.tar".into(),
        "docker-archive:two.tar:b:2".into(),
    ];
    place.ok(&format!("copy {} a:1", sources[0]));
    place.ok("copy a:1 oci:layout:tag");
    place.ok("copy a:1 oci-archive:one.tar");
    place.ok("copy a:1 docker-archive:two.tar:b:2");
    for (n, source) in sources.iter().enumerate() {
        for target in [
            mirror(n),
            format!("from{n}:1"),
            format!("oci:layout{n}:x"),
            format!("oci-archive:archive{n}.tar:c:{n}"),
        ] {
            let out = place.ok(&format!("copy -q {source} {target}"));
            assert!(out.ends_with(&format!("{HELLO}\n")), "{source} {target}: {out}");
        }
        let index = registry.manifest(mirror(n).trim_start_matches("docker://")).unwrap();
        assert_eq!(barge_oci::Digest::sha256(index.as_bytes()).to_string(), HELLO, "{source}");
        assert_eq!(place.ok(&format!("image inspect -f '{{{{.Id}}}}' from{n}:1")), format!("{HELLO}\n"));
        let listed = place.ok(&format!("archive ls -q archive{n}.tar"));
        assert_eq!(listed.trim(), short(HELLO));
        place.ok(&format!("archive verify layout{n}"));
    }
    // Archives of the same are the same, wherever it came from.
    place.ok("copy from2:1 oci-archive:again.tar:same:1");
    place.ok("copy oci-archive:archive3.tar oci-archive:other.tar:same:1");
    let blobs = |file: &str| -> Vec<String> {
        entries(&place.read(file)).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(blobs("again.tar"), blobs("other.tar"));
}

#[test]
fn a_layout_is_added_to() {
    let Some((_registry, name)) = with_hello() else { return };
    let place = Place::new();
    place.ok(&format!("copy --platform linux/arm64 docker://{name} oci:layout:one"));
    place.ok(&format!("copy docker://{name} oci:layout:all"));
    place.ok(&format!("copy --platform linux/s390x docker://{name} oci:layout:one"));
    let index: serde_json::Value = serde_json::from_slice(&place.read("layout/index.json")).unwrap();
    let names: Vec<&str> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["all", "one"]);
    // Two repositories may have the same tag.
    let other = Place::hello();
    for name in ["a:1.0", "b:1.0"] {
        other.ok(&format!("tag hello-barge {name}"));
        other.ok(&format!("copy -q {name} oci:both"));
        other.ok(&format!("copy -q {name} oci:both"));
    }
    assert_eq!(other.ok("archive ls --format '{{.Repository}}' both"), "a\nb\n");
    place.ok("archive verify layout");
    let said = place.fails("copy oci:layout x:1");
    assert!(said.starts_with("layout holds 2 images, say which: oci:layout:all, oci:layout:one\n"), "{said}");
    assert!(place.fails("copy oci:layout:none x:1").contains("no image `none`"));
    assert!(place.fails("copy oci:gone:none x:1").starts_with("open gone: no such file"));
    assert_eq!(place.run("copy a").code, Some(1));
    place.write("layout/index.json", "nonsense");
    assert!(place.fails(&format!("copy docker://{name} oci:layout:more")).contains("layout/index.json"));
    assert_eq!(place.read("layout/index.json"), b"nonsense");
}

#[test]
fn an_image_in_a_registry_is_listed_without_its_layers() {
    let Some((registry, name)) = with_hello() else { return };
    let proxy = Proxy::start(registry.address(), |_| Mishap::None).unwrap();
    let through = name.replace(registry.address(), &proxy.address());
    let place = Place::new();
    let remote = place.ok(&format!("image ls --tree docker://{through}:latest"));
    assert!(!place.store().exists());
    let layers = Layout::hello().platform("linux/amd64")[2..].to_vec();
    assert!(proxy.asked().iter().all(|a| layers.iter().all(|l| !a.path.ends_with(l.as_str()))));
    place.ok(&format!("pull --platform all {through}"));
    assert_eq!(remote, place.ok("image ls --tree"));
    assert_eq!(place.ok(&format!("images -q docker://{through}")), format!("{}\n", short(HELLO)));
    assert!(place.fails("images --filter dangling=true docker://a").contains("--filter"));
}

#[test]
fn foreign_layers_come_on_request_and_never_from_here() {
    let Some((registry, _)) = with_hello() else { return };
    let image = |url: &str, tag: &str| {
        let mut layout = Layout::default();
        let foreign = layout
            .put("application/vnd.oci.image.layer.nondistributable.v1.tar", tar(&[("f", url.as_bytes())]));
        let listed = foreign.with(&format!(r#""urls":["{url}"]"#));
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
            foreign.digest
        );
        let config = layout.put("application/vnd.oci.image.config.v1+json", config);
        let manifest = layout.manifest(&config, &[listed]);
        let name = format!("{}/team/foreign:{tag}", registry.address());
        layout.name(&manifest, &name);
        (Place::with(&layout), name, foreign.digest)
    };
    // The registry has it: it was sent on request, and comes on request.
    let (place, name, layer) = image("https://example.org/layer", "here");
    place.ok(&format!("push -q --include-foreign {name}"));
    let other = Place::new();
    other.ok(&format!("pull -q {name}"));
    assert!(!other.blob(&layer).exists());
    other.ok(&format!("pull -q --include-foreign {name}"));
    assert!(other.blob(&layer).exists() && other.ok("store check").ends_with(": no faults\n"));
    // It does not, and what is named is not asked.
    for (n, (url, why)) in [
        ("https://127.0.0.1:9/layer", "not at a public address"),
        ("https://localhost:9/layer", "not at a public address"),
        ("https://[::1]:9/layer", "not at a public address"),
        ("http://example.org/layer", "it is not https"),
        ("http://127.0.0.1:9/layer", "it is not https"),
    ]
    .into_iter()
    .enumerate()
    {
        let (place, name, layer) = image(url, &format!("away{n}"));
        place.ok(&format!("push -q {name}"));
        let other = Place::new();
        other.ok(&format!("pull -q {name}"));
        let said = other.fails(&format!("pull -q --include-foreign {name}"));
        assert!(said.contains(why) && said.contains(&layer), "{url}: {said}");
    }
}
