//! Connections that break and registries that are busy: a real registry behind a proxy.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use barge_testkit::peers::Registry;
use barge_testkit::proxy::{Asked, Mishap, Proxy};

use super::common::{Layout, Maker, Place, wait_until};
use super::with_hello;

/// The layer's size in bytes: a tar of one file.
pub(crate) const LAYER: u64 = (3 << 20) + 3 * 512;

/// A registry with an image of one large layer, its name there and the layer's digest.
pub(crate) fn with_layer() -> Option<(Registry, String, String)> {
    let registry = Registry::start().unwrap()?;
    let mut random = fastrand::Rng::with_seed(7);
    let content: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(3 << 20).collect();
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer(content));
    let name = format!("{}/team/large:1", registry.address());
    layout.name(&image, &name);
    let place = Place::with(&layout);
    place.ok(&format!("push -q {name}"));
    let layer =
        place.ok(&format!("image inspect -f '{{{{index .RootFS.Layers 0}}}}' {name}")).trim().to_owned();
    assert_eq!(std::fs::metadata(place.blob(&layer)).unwrap().len(), LAYER);
    Some((registry, name, layer))
}

pub(crate) fn is_blob(asked: &Asked, digest: &str) -> bool {
    asked.method == "GET" && asked.path.ends_with(digest)
}

/// How many bytes of a blob went out.
pub(crate) fn sent(proxy: &Proxy, digest: &str) -> u64 {
    proxy.asked().iter().filter(|asked| is_blob(asked, digest)).map(|asked| asked.sent).sum()
}

#[test]
fn a_connection_that_breaks_is_mended() {
    let Some((registry, name, layer)) = with_layer() else { return };
    let (times, of) = (AtomicU32::new(0), layer.clone());
    let proxy = Proxy::start(registry.address(), move |asked| {
        if is_blob(asked, &of) && times.fetch_add(1, Ordering::SeqCst) < 3 {
            return Mishap::Cut(LAYER / 4);
        }
        Mishap::None
    })
    .unwrap();
    let place = Place::new();
    let through = name.replace(registry.address(), &proxy.address());
    place.ok(&format!("pull -q {through}"));
    assert!(place.ok("store check").ends_with(": no faults\n"));
    let ranges: Vec<_> = proxy
        .asked()
        .iter()
        .filter(|a| is_blob(a, &layer))
        .map(|a| a.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges.len(), 4, "{ranges:?}");
    assert_eq!(ranges[3].as_deref(), Some(format!("bytes={}-{}", LAYER / 4 * 3, LAYER - 1).as_str()));
    assert!(sent(&proxy, &layer) < LAYER * 11 / 10, "{}", sent(&proxy, &layer));
}

#[test]
fn a_pull_that_is_killed_goes_on_where_it_ended() {
    let Some((registry, name, layer)) = with_layer() else { return };
    let (half, of, first) = (LAYER / 2, layer.clone(), AtomicU32::new(0));
    let proxy = Proxy::start(registry.address(), move |asked| {
        if is_blob(asked, &of) && first.fetch_add(1, Ordering::SeqCst) == 0 {
            Mishap::Stall(half)
        } else {
            Mishap::None
        }
    })
    .unwrap();
    let place = Place::new();
    let through = name.replace(registry.address(), &proxy.address());
    let mut child = place.command(&["pull", "-q", &through]).spawn().unwrap();
    let partial = place.store().join(".barge/partial").join(layer.replace(':', "-"));
    wait_until("half of the layer", || std::fs::metadata(&partial).is_ok_and(|m| m.len() == half));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.names(), Vec::<String>::new());
    proxy.forget();
    place.ok(&format!("pull -q {through}"));
    assert_eq!(sent(&proxy, &layer), half, "only the rest is fetched");
    assert!(place.ok("store check").ends_with(": no faults\n"));
    assert!(!partial.exists());
}

#[test]
fn what_was_altered_on_this_disk_is_fetched_again() {
    let Some((registry, name, layer)) = with_layer() else { return };
    let place = Place::new();
    let folder = place.store().join(".barge/partial");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(layer.replace(':', "-")), vec![0; 1 << 20]).unwrap();
    place.ok(&format!("pull -q {name}"));
    assert!(place.ok("store check").ends_with(": no faults\n"));
    drop(registry);
}

#[test]
fn what_fails_in_passing_is_tried_again() {
    let Some((registry, name)) = with_hello() else { return };
    let times = AtomicU32::new(0);
    let proxy = Proxy::start(registry.address(), move |asked| match times.fetch_add(1, Ordering::SeqCst) {
        // The first asks whether it speaks TLS, and it does not.
        _ if !asked.path.starts_with("/v2/") => Mishap::Cut(0),
        0 | 1 => Mishap::Instead("503 Service Unavailable", String::new(), b"busy".to_vec()),
        2 => Mishap::Instead("429 Too Many Requests", "Retry-After: 2\r\n".to_owned(), Vec::new()),
        _ => Mishap::None,
    })
    .unwrap();
    let (place, began) = (Place::new(), Instant::now());
    place.ok(&format!("pull -q {}", name.replace(registry.address(), &proxy.address())));
    assert!(began.elapsed() > Duration::from_secs(2), "it did not wait as long as it was asked to");
    let always = Proxy::start(registry.address(), |asked| {
        if asked.path.starts_with("/v2/") {
            return Mishap::Instead(
                "429 Too Many Requests",
                String::new(),
                br#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#.to_vec(),
            );
        }
        Mishap::Cut(0)
    })
    .unwrap();
    let place = Place::new();
    let said =
        place.run(&format!("pull --attempts 2 {}", name.replace(registry.address(), &always.address())));
    assert!(said.stderr.contains("429 Too Many Requests: toomanyrequests\nhint: "), "{}", said.stderr);
}

#[test]
fn several_processes_fetch_a_blob_once() {
    let Some((registry, name, layer)) = with_layer() else { return };
    let of = layer.clone();
    let proxy = Proxy::start(registry.address(), move |asked| {
        if is_blob(asked, &of) { Mishap::Late(Duration::from_millis(500)) } else { Mishap::None }
    })
    .unwrap();
    let place = Place::new();
    let through = name.replace(registry.address(), &proxy.address());
    let children: Vec<_> =
        (0..4).map(|_| place.command(&["pull", "-q", &through]).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(sent(&proxy, &layer), LAYER);
    assert!(place.ok("store check").ends_with(": no faults\n"));
}

#[test]
fn an_upload_that_breaks_is_taken_up() {
    let Some((registry, name, layer)) = with_layer() else { return };
    let place = Place::new();
    place.ok(&format!("pull -q {name}"));
    let times = AtomicU32::new(0);
    let proxy = Proxy::start(registry.address(), move |asked| match asked.method.as_str() {
        "PATCH" if times.fetch_add(1, Ordering::SeqCst) < 2 => {
            Mishap::Instead("503 Service Unavailable", String::new(), Vec::new())
        }
        _ => Mishap::None,
    })
    .unwrap();
    let other = format!("{}/other/large:1", proxy.address());
    place.ok(&format!("tag {name} {other}"));
    place.ok(&format!("push -q {other}"));
    let fresh = Place::new();
    fresh.ok(&format!("pull -q {}/other/large:1", registry.address()));
    assert!(fresh.blob(&layer).exists());
}

#[test]
fn a_registry_that_says_nothing_more_is_asked_again() {
    let Some((registry, name, layer)) = with_layer() else { return };
    let (of, first) = (layer.clone(), AtomicU32::new(0));
    let proxy = Proxy::start(registry.address(), move |asked| {
        if is_blob(asked, &of) && first.fetch_add(1, Ordering::SeqCst) == 0 {
            return Mishap::Stall(LAYER / 2);
        }
        Mishap::None
    })
    .unwrap();
    let (place, through) = (Place::new(), name.replace(registry.address(), &proxy.address()));
    place.ok(&format!("pull -q --timeout 1 {through}"));
    assert_eq!(proxy.asked().iter().filter(|a| is_blob(a, &layer)).count(), 2);
    assert!(place.ok("store check").ends_with(": no faults\n"));
}

/// An image of one layer so large that it comes over several connections.
fn with_larger_layer() -> Option<(Registry, String, String)> {
    let registry = Registry::start().unwrap()?;
    let mut random = fastrand::Rng::with_seed(9);
    let content: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(40 << 20).collect();
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer(content));
    let name = format!("{}/team/larger:1", registry.address());
    layout.name(&image, &name);
    let place = Place::with(&layout);
    place.ok(&format!("push -q {name}"));
    let layer =
        place.ok(&format!("image inspect -f '{{{{index .RootFS.Layers 0}}}}' {name}")).trim().to_owned();
    Some((registry, name, layer))
}

#[test]
fn several_connections_break_one_by_one() {
    let Some((registry, name, layer)) = with_larger_layer() else { return };
    let (of, times) = (layer.clone(), AtomicU32::new(0));
    let proxy = Proxy::start(registry.address(), move |asked| {
        if is_blob(asked, &of) && times.fetch_add(1, Ordering::SeqCst) % 3 == 1 {
            Mishap::Cut(1 << 20)
        } else {
            Mishap::None
        }
    })
    .unwrap();
    let place = Place::new();
    place.ok(&format!("pull -q {}", name.replace(registry.address(), &proxy.address())));
    assert!(place.ok("store check").ends_with(": no faults\n"));
    // One that knows no ranges is asked for the whole, once.
    let (of, whole) = (layer.clone(), place.blob(&layer));
    let proxy = Proxy::start(registry.address(), move |asked| {
        if is_blob(asked, &of) {
            Mishap::Instead("200 OK", String::new(), std::fs::read(&whole).unwrap())
        } else {
            Mishap::None
        }
    })
    .unwrap();
    let other = Place::new();
    other.ok(&format!("pull -q {}", name.replace(registry.address(), &proxy.address())));
    assert!(other.ok("store check").ends_with(": no faults\n"));
}

#[test]
fn an_upload_that_is_refused_ends() {
    let Some((registry, name, _)) = with_layer() else { return };
    let place = Place::new();
    place.ok(&format!("pull -q {name}"));
    for (status, tries) in [("400 Bad Request", 1), ("503 Service Unavailable", 3)] {
        let proxy = Proxy::start(registry.address(), move |asked| {
            if asked.method == "PATCH" {
                Mishap::Instead(status, String::new(), Vec::new())
            } else {
                Mishap::None
            }
        })
        .unwrap();
        let other = format!("{}/refused/large:1", proxy.address());
        place.ok(&format!("tag {name} {other}"));
        let said = place.run(&format!("push -q --attempts 3 --parallel 1 --referrers none {other}"));
        assert!(said.stderr.contains(status), "{}", said.stderr);
        assert_eq!(proxy.asked().iter().filter(|a| a.method == "PATCH").count(), tries, "{status}");
    }
}
