//! Mirrors: asked first, and no harm if they have gone, break or lie.

use barge_testkit::proxy::{Mishap, Proxy};

use super::common::Place;
use super::robust::{LAYER, is_blob, sent, with_layer};

#[test]
fn mirrors_are_asked_first() {
    let Some((registry, name, layer)) = with_layer() else { return };
    let mirror = Proxy::start(registry.address(), |_| Mishap::None).unwrap();
    let origin = Proxy::start(registry.address(), |_| Mishap::None).unwrap();
    let through = name.replace(registry.address(), &origin.address());
    let pull = |mirror: &str| {
        let place = Place::new();
        place.ok(&format!("pull -q --mirror {}=http://{mirror} {through}", origin.address()));
        assert!(place.ok("store check").ends_with(": no faults\n"));
        place.names()
    };
    let names = pull(&mirror.address());
    assert_eq!(sent(&mirror, &layer), LAYER);
    assert!(origin.asked().iter().all(|a| !a.path.contains("/blobs/") && !a.path.contains("/manifests/")));
    assert!(names[0].starts_with(&through), "{names:?}");
    // One that has gone, knows nothing, or breaks off is no harm.
    assert_eq!(pull("127.0.0.1:1"), names);
    let empty =
        Proxy::start(registry.address(), |_| Mishap::Instead("404 Not Found", String::new(), Vec::new()))
            .unwrap();
    assert_eq!(pull(&empty.address()), names);
    let of = layer.clone();
    let breaks =
        Proxy::start(
            registry.address(),
            move |a| if is_blob(a, &of) { Mishap::Cut(1 << 20) } else { Mishap::None },
        )
        .unwrap();
    origin.forget();
    assert_eq!(pull(&breaks.address()), names);
    assert_eq!(sent(&origin, &layer), LAYER - (1 << 20), "the rest came from the origin");
    for none in ["nonsense", "https://", "https://127.0.0.1:99999"] {
        let said = Place::new().fails(&format!("pull --mirror {none} a"));
        assert_eq!(said, format!("\"--mirror\": `{none}` is no URL\n"));
    }
}

/// What docker's daemon makes of its own file is none of our business.
#[test]
fn a_mirror_of_docker_that_is_none() {
    let place = Place::new();
    let mirrors = r#"{"registry-mirrors": ["https://127.0.0.1:99999", "https://127.0.0.1:1"]}"#;
    std::fs::create_dir_all(place.path("config/docker")).unwrap();
    place.write("config/docker/daemon.json", mirrors);
    let mut command = place.command(&["pull", "--attempts", "1", "--timeout", "1", "docker.io/library/a:1"]);
    command.env("XDG_CONFIG_HOME", place.path("config")).env("HTTPS_PROXY", "http://127.0.0.1:1");
    let ran = place.run_in(command, b"");
    let unreached = "docker.io: library/a: manifest 1: proxy 127.0.0.1:1: connection refused\n";
    assert!(ran.code == Some(1) && ran.stderr.starts_with(unreached), "{}", ran.stderr);
}

#[test]
fn a_mirror_that_lies_is_not_asked_again() {
    let Some((registry, name, layer)) = with_layer() else { return };
    let of = layer.clone();
    let lying = Proxy::start(registry.address(), move |asked| {
        if is_blob(asked, &of) { Mishap::Alter(1000) } else { Mishap::None }
    })
    .unwrap();
    let place = Place::new();
    place.ok(&format!("pull -q --mirror {}=http://{} {name}", registry.address(), lying.address()));
    assert!(place.ok("store check").ends_with(": no faults\n"));
    assert_eq!(lying.asked().iter().filter(|a| is_blob(a, &layer)).count(), 1);
    let garbage = Proxy::start(registry.address(), |_| {
        Mishap::Instead("200 OK", "Content-Type: text/html\r\n".to_owned(), b"<html>".to_vec())
    })
    .unwrap();
    let place = Place::new();
    place.ok(&format!("pull -q --mirror {}=http://{} {name}", registry.address(), garbage.address()));
    assert!(place.ok("store check").ends_with(": no faults\n"));
}
