//! Registries that lie.

use barge_testkit::proxy::{Mishap, Proxy};
use serde_json::{Value, json};

use super::common::Place;
use super::robust::with_layer;

/// Each lie is an error that names the registry and, where there is one, the digest; nothing is named, and after
/// gc the store is as it was.
#[test]
fn lies() {
    let Some((registry, name, layer)) = with_layer() else { return };
    let place = Place::hello();
    place.ok("store gc");
    let seen = || {
        let mut all = place.snapshot();
        // What came and was right was noted, too.
        all.retain(|path, _| !path.ends_with("partial") && !path.ends_with("verified"));
        (all, place.names())
    };
    let before = seen();
    let json = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
    let manifest = |body: &[u8]| Mishap::Instead("200 OK", json.to_owned(), body.to_vec());
    let whole = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
    let lies: Vec<(&str, &str, Mishap, &str)> = vec![
        ("another byte in a blob", layer.as_str(), Mishap::Alter(1000), layer.as_str()),
        (
            "a page instead of a blob",
            layer.as_str(),
            Mishap::Instead("200 OK", String::new(), b"<html>".to_vec()),
            layer.as_str(),
        ),
        (
            "a blob without an end",
            layer.as_str(),
            Mishap::Instead("200 OK", format!("Content-Length: {}\r\n", 64 << 20), vec![7; 8 << 20]),
            layer.as_str(),
        ),
        (
            "no blob",
            layer.as_str(),
            Mishap::Instead("404 Not Found", String::new(), Vec::new()),
            layer.as_str(),
        ),
        (
            "redirects without an end",
            layer.as_str(),
            Mishap::Instead(
                "307 Temporary Redirect",
                format!("Location: /v2/team/large/blobs/{layer}\r\n"),
                Vec::new(),
            ),
            layer.as_str(),
        ),
        (
            "another manifest than was told",
            "/manifests/1",
            Mishap::Instead("200 OK", format!("{json}Docker-Content-Digest: {layer}\r\n"), whole.into()),
            layer.as_str(),
        ),
        ("broken JSON", "/manifests/1", manifest(b"{\"schemaVersion\":2,"), "manifest 1"),
        (
            "a page",
            "/manifests/1",
            Mishap::Instead(
                "200 OK",
                "Content-Type: text/html\r\n".to_owned(),
                b"<html>hello</html>".to_vec(),
            ),
            "answers with a web page (text/html), not with an image: is it a registry?",
        ),
        (
            "an index that is a manifest",
            "/manifests/1",
            Mishap::Instead(
                "200 OK",
                "Content-Type: application/vnd.oci.image.index.v1+json\r\n".to_owned(),
                br#"{"schemaVersion":2,"config":{},"layers":[]}"#.to_vec(),
            ),
            "sha256:",
        ),
        (
            "schema 1",
            "/manifests/1",
            Mishap::Instead(
                "200 OK",
                "Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws\r\n".to_owned(),
                br#"{"schemaVersion":1,"fsLayers":[]}"#.to_vec(),
            ),
            "schema 1",
        ),
        ("a huge manifest", "/manifests/1", manifest(&vec![b' '; 5 << 20]), "more than 4194304 bytes"),
        (
            "a manifest without an end",
            "/manifests/1",
            Mishap::Instead("200 OK", format!("{json}Content-Length: 99999999\r\n"), vec![b' '; 1 << 20]),
            "manifest 1",
        ),
        (
            "control characters",
            "/manifests/1",
            Mishap::Instead(
                "400 Bad Request",
                String::new(),
                b"{\"errors\":[{\"code\":\"X\",\"message\":\"\\u001b[31mred\"}]}".to_vec(),
            ),
            "\\u{1b}[31mred",
        ),
    ];
    for (lie, about, mishap, named) in lies {
        let about = about.to_owned();
        let proxy = Proxy::start(registry.address(), move |asked| {
            if asked.path.ends_with(&about) { mishap.clone() } else { Mishap::None }
        })
        .unwrap();
        let through = name.replace(registry.address(), &proxy.address());
        let ran = place.run(&format!("pull --attempts 2 {through}"));
        assert_eq!(ran.code, Some(1), "{lie}: {}", ran.out());
        assert!(ran.stderr.contains(named), "{lie}: {}", ran.stderr);
        assert!(ran.stderr.contains(&proxy.address()), "{lie}: {}", ran.stderr);
        assert!(!ran.stderr.contains('\u{1b}'), "{lie}");
        assert!(place.ok("store check").ends_with(": no faults\n"), "{lie}");
        place.ok("store gc");
        assert!(seen() == before, "{lie}: the store has changed");
    }
}

/// The index is wrong about it, and it is what its digest says: nobody on the way is blamed.
#[test]
fn a_wrong_size_in_an_index() {
    let Some((registry, name, _)) = with_layer() else { return };
    let place = Place::new();
    place.ok(&format!("pull -q {name}"));
    let kept: Value =
        serde_json::from_slice(&std::fs::read(place.store().join("index.json")).unwrap()).unwrap();
    let (digest, size) = (&kept["manifests"][0]["digest"], kept["manifests"][0]["size"].as_u64().unwrap());
    let index = json!({"schemaVersion": 2, "manifests": [{
        "mediaType": kept["manifests"][0]["mediaType"], "digest": digest, "size": size + 1,
    }]});
    let media_type = "Content-Type: application/vnd.oci.image.index.v1+json\r\n";
    let proxy = Proxy::start(registry.address(), move |asked| match asked.path.ends_with("/manifests/1") {
        true => Mishap::Instead("200 OK", media_type.to_owned(), index.to_string().into()),
        false => Mishap::None,
    })
    .unwrap();
    let place = Place::new();
    let ran = place.run(&format!("pull {}", name.replace(registry.address(), &proxy.address())));
    let (wrong, said) = (format!("it is {size} bytes, its descriptor says {}\n", size + 1), &ran.stderr);
    assert!(
        ran.code == Some(1) && said.contains(digest.as_str().unwrap()) && said.ends_with(&wrong),
        "{said}"
    );
    assert_eq!(place.names(), Vec::<String>::new());
}
