//! Processes that are killed, whatever they do and however far they are.

use std::fs;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::common::{HELLO, Layout, Maker, Place, Running, words};

/// What a store's private folder may hold when nobody is at work.
const PRIVATE: [&str; 6] = ["gc.lock", "index.lock", "ingest", "leases", "summaries", "verified"];

#[test]
fn at_any_moment() {
    let place = Place::hello();
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer(vec![1; 1 << 20]));
    layout.name(&image, "docker.io/library/big:1");
    place.write("big.tar", layout.tar());
    for n in 0..75 {
        let line = match n % 5 {
            0 => "load -i big.tar".to_owned(),
            1 => format!("tag hello-barge mark:{n}"),
            2 => "rmi big:1".to_owned(),
            3 => "store gc".to_owned(),
            _ => "save -o out.tar hello-barge".to_owned(),
        };
        let words = words(&line);
        let running = Running::start(place.command(&words.iter().map(String::as_str).collect::<Vec<_>>()));
        thread::sleep(Duration::from_micros(800 * (n / 5)));
        running.signal(Signal::KILL);
        let ran = running.end();
        assert!([None, Some(0), Some(1)].contains(&ran.code), "{line}: {}", ran.stderr);
        assert!(place.names().iter().any(|name| name.starts_with("hello-barge:latest ")), "{line}");
    }
    place.ok("save -o out.tar hello-barge");
    place.ok("archive verify out.tar");
    assert_eq!(place.files(), ["big.tar", "out.tar"]);
    place.ok("load -i big.tar");
    place.ok("store gc");
    let checked = place.ok("store check");
    assert!(checked.ends_with(": no faults\n"), "{checked}");
    nothing_left(&place);
}

/// Names change in a new file that gets the old one's name; killed in between, the new file stays behind.
#[test]
fn between_writing_names_and_giving_them() {
    let place = Place::hello();
    for file in [
        "index.json.0123456789abcdef",
        "oci-layout.0123456789abcdef",
        "summaries.0123456789abcdef",
        "verified.0123456789abcdef",
    ] {
        fs::write(place.store().join(".barge").join(file), "half").unwrap();
    }
    place.ok("store gc");
    nothing_left(&place);
    assert_eq!(place.ok("image inspect -f '{{.Id}}' hello-barge"), format!("{HELLO}\n"));
}

fn nothing_left(place: &Place) {
    let list = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(place.store().join(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let private = list(".barge");
    assert!(private.iter().all(|name| PRIVATE.contains(&name.as_str())), "{private:?}");
    assert_eq!(list(".barge/ingest").len() + list(".barge/leases").len(), 0);
    assert_eq!(list(""), [".barge", "blobs", "index.json", "oci-layout"]);
}
