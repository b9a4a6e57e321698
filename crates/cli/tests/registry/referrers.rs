//! Signatures, SBOMs and statements go where their image goes, if they are asked to.

use barge_testkit::peers::Registry;
use barge_testkit::proxy::{Mishap, Proxy};

use super::common::{Layout, Maker, Place};

const SIGNATURE: &str = "application/vnd.example.signature";
const SBOM: &str = "application/vnd.example.sbom";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

struct Signed {
    registry: Registry,
    /// A store with everything in it.
    place: Place,
    name: String,
    image: String,
    /// Refers to the image.
    signature: String,
    /// Refers to the image, too.
    sbom: String,
    /// Refers to the SBOM.
    of_sbom: String,
    /// Cosign's tag.
    tag: String,
}

/// An image with two referrers, one that refers to one of those, and a signature under cosign's tag.
fn signed() -> Option<Signed> {
    let registry = Registry::start().unwrap()?;
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("image"));
    let name = format!("{}/team/app:1", registry.address());
    layout.name(&image, &name);
    let empty = layout.put("application/vnd.oci.empty.v1+json", "{}");
    let mut refer = |to: &super::common::Descriptor, kind: &'static str, content: &str| {
        let layer = layout.put("text/plain", content);
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"{kind}","config":{},"layers":[{}],"subject":{}}}"#,
            empty.json(),
            layer.json(),
            to.json()
        );
        let manifest = layout.put(MANIFEST, manifest);
        let listed = manifest.with(&format!(r#""artifactType":"{kind}""#));
        layout.annotate(&listed, &[("io.containerd.manifest.subject", &to.digest)]);
        manifest
    };
    let signature = refer(&image, SIGNATURE, "signature");
    let sbom = refer(&image, SBOM, "sbom");
    let of_sbom = refer(&sbom, SIGNATURE, "signature of the sbom");
    let cosign = layout.image(&Maker::new("linux/amd64").layer("cosign"));
    let tag = format!("{}/team/app:{}.sig", registry.address(), image.digest.replace(':', "-"));
    layout.name(&cosign, &tag);
    let place = Place::with(&layout);
    let digests = [&image, &signature, &sbom, &of_sbom].map(|d| d.digest.clone());
    let [image, signature, sbom, of_sbom] = digests;
    Some(Signed { registry, place, name, image, signature, sbom, of_sbom, tag })
}

/// What `oras` finds, sorted.
fn found(registry: &Registry, name: &str) -> Vec<String> {
    let mut found: Vec<String> =
        registry.referrers(name).unwrap().into_iter().map(|(digest, _)| digest).collect();
    found.sort();
    found
}

fn sorted(digests: &[&String]) -> Vec<String> {
    let mut digests: Vec<String> = digests.iter().map(ToString::to_string).collect();
    digests.sort();
    digests
}

/// A registry that has another index under `tag`.
fn telling(registry: &str, tag: String, index: String) -> Proxy {
    let kind = "Content-Type: application/vnd.oci.image.index.v1+json\r\n";
    Proxy::start(registry, move |asked| {
        if asked.path.ends_with(&format!("/manifests/{tag}")) {
            return Mishap::Instead("200 OK", kind.to_owned(), index.clone().into_bytes());
        }
        Mishap::None
    })
    .unwrap()
}

#[test]
fn they_come_along() {
    let Some(all) = signed() else { return };
    let Signed { registry, place, name, .. } = &all;
    place.ok(&format!("push -q {name}"));
    let repository = name.trim_end_matches(":1");
    let of_image = sorted(&[&all.signature, &all.sbom]);
    assert!(of_image.iter().all(|d| found(registry, name).contains(d)), "{:?}", found(registry, name));
    assert!(found(registry, &format!("{repository}@{}", all.sbom)).contains(&all.of_sbom));
    registry.manifest(&all.tag).unwrap();

    // With a pull, and everything is whole.
    let other = Place::new();
    other.ok(&format!("pull -q --referrers all {name}"));
    let whole = other.ok("store check");
    assert!(whole.ends_with(": no faults\n"), "{whole}");
    for digest in [&all.image, &all.signature, &all.sbom, &all.of_sbom] {
        assert!(other.blob(digest).exists(), "{digest}");
    }
    assert_eq!(other.names().len(), 2, "{:?}", other.names());
    other.ok("store gc");
    assert!(other.blob(&all.of_sbom).exists());
    let again = other.ok(&format!("pull --referrers all {name}"));
    assert!(again.contains("Status: Image is up to date"), "{again}");

    // Straight into an archive, the same as through a store.
    let straight = place.saved(&format!("--referrers all docker://{name}"));
    assert!(straight == other.saved(&format!("--referrers all {name}")));
    let third = Place::new();
    third.write("all.tar", &straight);
    third.ok("load -i all.tar");
    assert!(third.blob(&all.of_sbom).exists() && third.names().len() == 2);
    assert!(straight == third.saved(&format!("--referrers all {name}")));

    // And on to another registry's repository, from the archive, from a store, and from a registry.
    let Some(target) = Registry::start().unwrap() else { return };
    let to = |n: u32| format!("{}/copies/n{n}:1", target.address());
    third.ok(&format!("copy -q --referrers all docker://{name} docker://{}", to(1)));
    third.ok(&format!("copy -q --referrers all {name} docker://{}", to(2)));
    third.ok(&format!("copy -q --referrers all oci-archive:all.tar:{name} docker://{}", to(3)));
    for n in 1..=3 {
        assert!(of_image.iter().all(|d| found(&target, &to(n)).contains(d)), "{n}");
        target.manifest(&to(n).replace(":1", &format!(":{}", all.tag.rsplit_once(':').unwrap().1))).unwrap();
    }
    third.ok(&format!("load -q --to {}/air -i all.tar", target.address()));
    assert!(
        of_image.iter().all(|d| found(&target, &format!("{}/air/team/app:1", target.address())).contains(d))
    );
}

#[test]
fn only_those_of_a_type_or_none() {
    let Some(all) = signed() else { return };
    let name = &all.name;
    all.place.ok(&format!("push -q {name}"));
    let has = |place: &Place| [&all.signature, &all.sbom, &all.of_sbom].map(|d| place.blob(d).exists());
    for (flags, expected) in [
        ("", [false, false, false]),
        ("--referrers none ", [false, false, false]),
        (&*format!("--referrers {SBOM} "), [false, true, false]),
        (&*format!("--referrers {SIGNATURE} "), [true, false, false]),
    ] {
        let place = Place::new();
        place.ok(&format!("pull -q {flags}{name}"));
        assert_eq!(has(&place), expected, "{flags}");
        assert_eq!(place.names().len(), 1);
    }
    let place = Place::new();
    place.write("a.tar", all.place.saved(&format!("--referrers {SBOM} {name}")));
    place.ok("load -q -i a.tar");
    assert_eq!(has(&place), [false, true, false]);
    place.write("b.tar", all.place.saved(name));
    let other = Place::new();
    other.ok(&format!("load -q --referrers none -i {}", place.path("b.tar").display()));
    other.ok("store gc");
    assert_eq!(has(&other), [false, false, false]);
    let bare = format!("{}/bare/app:1", all.registry.address());
    all.place.ok(&format!("tag {name} {bare}"));
    all.place.ok(&format!("push -q --referrers none {bare}"));
    assert!(found(&all.registry, &bare).is_empty());
}

#[test]
fn a_list_that_lies() {
    let Some(all) = signed() else { return };
    let (name, tag) = (&all.name, all.image.replace(':', "-"));
    all.place.ok(&format!("push -q {name}"));
    let size = std::fs::metadata(all.place.blob(&all.of_sbom)).unwrap().len();
    let list = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"{MANIFEST}","digest":"{}","size":{size}}}]}}"#,
        all.of_sbom
    );
    let proxy = telling(all.registry.address(), tag, list);
    let place = Place::new();
    let said = place
        .run(&format!("pull --referrers all {}", name.replace(all.registry.address(), &proxy.address())));
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr
            .contains(&format!("{} is listed as a referrer of {} and is none", all.of_sbom, all.image)),
        "{}",
        said.stderr
    );
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn other_tags_stay_away() {
    let Some(all) = signed() else { return };
    let (place, name) = (&all.place, &all.name);
    let second = name.replace(":1", ":2");
    place.ok(&format!("tag {name} {second}"));
    let file = place.path("both.tar").display().to_string();
    place.ok(&format!("save -o {file} --referrers all {name} {second}"));
    let other = Place::new();
    other.load(&Layout::hello());
    other.ok(&format!("tag hello-barge {second}"));
    let before = other.ok(&format!("images -q {second}"));
    other.ok(&format!("copy -q --referrers all oci-archive:{file}:{name} new:1"));
    assert_eq!(other.ok(&format!("images -q {second}")), before, "a name that nobody asked for was taken");
    assert!(other.names().iter().any(|n| n.starts_with("new:sha256-")), "{:?}", other.names());
    assert!(other.blob(&all.of_sbom).exists());
    assert!(
        other.fails(&format!("copy -q oci-archive:{file}:{name} new@{}", all.image)).starts_with("refusing")
    );
    assert!(other.fails("copy --platform linux/amd64 new:1 newer:1").contains("another name"));
}

#[test]
fn what_a_list_says_beyond_digests_is_forgotten() {
    let Some(all) = signed() else { return };
    let (name, tag) = (&all.name, all.image.replace(':', "-"));
    all.place.ok(&format!("push -q {name}"));
    let size = std::fs::metadata(all.place.blob(&all.signature)).unwrap().len();
    let list = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"{MANIFEST}","digest":"{}","size":{size},"annotations":{{"io.containerd.image.name":"docker.io/library/alpine:latest","org.opencontainers.image.ref.name":"latest"}}}}]}}"#,
        all.signature
    );
    let proxy = telling(all.registry.address(), tag, list);
    let place = Place::new();
    let through = name.replace(all.registry.address(), &proxy.address());
    let archive = place.saved(&format!("--referrers all docker://{through}"));
    let index =
        super::common::entries(&archive).into_iter().find(|(path, _)| path == "index.json").unwrap().1;
    let index = String::from_utf8(index).unwrap();
    assert!(index.contains(&all.signature) && !index.contains("alpine"), "{index}");
    // An API that fails is not an API that says there are none.
    let failing = Proxy::start(all.registry.address(), |asked| {
        if asked.path.contains("/referrers/") {
            return Mishap::Instead("500 Internal Server Error", String::new(), Vec::new());
        }
        Mishap::None
    })
    .unwrap();
    let through = name.replace(all.registry.address(), &failing.address());
    let said = place.run(&format!("pull --attempts 1 --referrers all {through}"));
    assert!(said.code == Some(1) && said.stderr.contains("500"), "{}", said.stderr);
}

#[test]
fn names_that_were_not_given_are_given_the_next_time() {
    let Some(all) = signed() else { return };
    all.place.ok(&format!("push -q {}", all.name));
    let place = Place::new();
    place.ok(&format!("pull -q --referrers all {}", all.name));
    let path = place.store().join("index.json");
    let whole = std::fs::read_to_string(&path).unwrap();
    let mut index: serde_json::Value = serde_json::from_str(&whole).unwrap();
    index["manifests"]
        .as_array_mut()
        .unwrap()
        .retain(|m| m["annotations"]["io.containerd.manifest.subject"].is_null());
    std::fs::write(&path, index.to_string()).unwrap();
    let out = place.ok(&format!("pull --referrers all {}", all.name));
    assert!(out.contains("Downloaded newer image"), "{out}");
    place.ok("store gc");
    assert!(place.blob(&all.of_sbom).exists());
}
