//! Images of every kind: with attestations and referrers, of nested indexes, with foreign layers, with digests of
//! another algorithm; and artifacts, which are no images.

use super::common::{self, Layout, Maker, Place, entries};
use super::{absent, roots};

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

/// What refers to an image may be an index; it comes along with everything below it, or not at all.
#[test]
fn a_referrer_that_is_an_index() {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("1"));
    layout.name(&image, "docker.io/library/signed:1");
    let config = layout.put("application/vnd.oci.empty.v1+json", "{}");
    let statements = ["1", "2"].map(|n| layout.put("application/vnd.in-toto+json", format!("{{\"n\":{n}}}")));
    let signatures = statements.each_ref().map(|s| layout.manifest(&config, std::slice::from_ref(s)));
    let both = layout.index(&signatures.each_ref());
    layout.annotate(&both, &[("io.containerd.manifest.subject", &image.digest)]);
    let place = Place::with(&layout);

    let archive = place.saved("signed:1");
    assert_eq!(roots(&archive), [image.digest.clone(), both.digest.clone()]);
    let here = Place::new();
    here.write("a.tar", &archive);
    here.ok("load -i a.tar");
    here.ok("store gc");
    assert!(archive == here.saved("signed:1"));
    assert!(here.ok("store check").ends_with(": no faults\n"));

    layout.remove(&statements[0].digest);
    let damaged = Place::new();
    layout.write(&damaged.path("layout"));
    let ran = damaged.run("load -i layout");
    let left = |place: &str| format!("referrer {} is left out: not all of it is in the {place}", both.digest);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.contains(&left("archive")), "{}", ran.stderr);
    assert_eq!(roots(&damaged.saved("signed:1")), std::slice::from_ref(&image.digest));
    assert!(damaged.ok("store check").ends_with(": no faults\n"));

    std::fs::remove_file(here.store().join(format!("blobs/{}", statements[0].digest.replace(':', "/"))))
        .unwrap();
    let ran = here.run("save signed:1");
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.contains(&left("store")), "{}", ran.stderr);
    assert_eq!(roots(&ran.stdout), std::slice::from_ref(&image.digest));
}
