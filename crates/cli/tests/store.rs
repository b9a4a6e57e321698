//! `barge store`: what is wrong is found, what is not needed goes, and any number of processes may work on one
//! store.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
#[path = "store/killed.rs"]
mod killed;
#[path = "store/together.rs"]
mod together;

use std::fs;

use common::{HELLO, Layout, Maker, Place, golden};
use serde_json::Value;

const CLEAN: &str = "1 image, 22 blobs, 8.501kB hashed: no faults\n";

/// The lines of a check that must find something, without the last, which is returned apart.
#[track_caller]
fn faults(place: &Place) -> (Vec<String>, String) {
    let ran = place.run("store check");
    let hint =
        "hint: load these images again, or remove them and pull them again, then `barge store check`\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), hint), "{}", ran.out());
    let mut lines: Vec<String> = ran.out().lines().map(str::to_owned).collect();
    let last = lines.pop().unwrap();
    (lines, last)
}

#[test]
fn a_sound_store() {
    let place = Place::hello();
    let before = place.snapshot();
    assert_eq!(place.ok("store check"), CLEAN);
    assert!(before == place.snapshot());
    assert_eq!(Place::new().ok("store check"), "0 images, 0 blobs, 0B hashed: no faults\n");
}

#[test]
fn a_flipped_byte_in_any_blob() {
    let place = Place::hello();
    for platform in ["linux/amd64", "linux/s390x"] {
        for digest in Layout::hello().platform(platform) {
            let whole = fs::read(place.blob(&digest)).unwrap();
            let mut bytes = whole.clone();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(place.blob(&digest), &bytes).unwrap();
            let (lines, last) = faults(&place);
            let actual = barge_oci::Digest::sha256(&bytes);
            assert_eq!(lines[0], format!("{digest}: its content is {actual}"));
            // The image is named as well, once.
            assert!(lines[1].starts_with("hello-barge:latest: ") && lines[1].contains(&digest), "{lines:?}");
            assert_eq!(lines.len(), 2, "{lines:?}");
            assert!(last.starts_with("1 image, 22 blobs, 8.501kB hashed: "), "{last}");
            fs::write(place.blob(&digest), whole).unwrap();
        }
    }
    assert_eq!(place.ok("store check"), CLEAN);
}

#[test]
fn a_missing_layer() {
    let place = Place::hello();
    let layer = &Layout::hello().platform("linux/386")[2];
    fs::remove_file(place.blob(layer)).unwrap();
    let (lines, last) = faults(&place);
    assert_eq!(lines, [format!("hello-barge:latest: {layer} is not in the store")]);
    assert_eq!(last, "1 image, 21 blobs, 8.208kB hashed: 1 fault");
}

#[test]
fn a_missing_root() {
    let place = Place::hello();
    fs::remove_file(place.blob(HELLO)).unwrap();
    let (lines, last) = faults(&place);
    assert_eq!(lines, ["hello-barge:latest: nothing of it is whole"]);
    assert!(last.ends_with(": 1 fault"), "{last}");
}

#[test]
fn a_blob_that_was_cut() {
    let place = Place::hello();
    let layer = &Layout::hello().platform("linux/386")[2];
    fs::write(place.blob(layer), "short").unwrap();
    let (lines, last) = faults(&place);
    assert!(lines[0].starts_with(&format!("{layer}: its content is sha256:")), "{lines:?}");
    assert_eq!(lines[1], format!("hello-barge:latest: {layer} is not in the store"));
    assert!(last.ends_with(": 2 faults"), "{last}");
}

#[test]
fn absent_platforms_are_no_fault() {
    let mut layout = Layout::hello();
    for digest in layout.platform("linux/386") {
        layout.remove(&digest);
    }
    let place = Place::with(&layout);
    assert!(place.ok("store check").ends_with(": no faults\n"));
}

#[test]
fn names_that_cannot_be_read() {
    let place = Place::hello();
    fs::write(place.store().join("index.json"), "{\"schemaVersion\":2,\"manif").unwrap();
    for line in
        ["store check", "images", "save hello-barge", "store gc", "rmi hello-barge", "tag hello-barge a"]
    {
        let said = place.fails(line);
        assert!(
            said.starts_with(&format!("{}: ", place.store().join("index.json").display())),
            "{line}: {said}"
        );
    }
    // Nobody has taken the ruins for an empty store.
    assert_eq!(fs::read_dir(place.store().join("blobs/sha256")).unwrap().count(), 22);
}

/// A store without its list of images is not an empty one, of which all content would be garbage.
#[test]
fn names_that_are_gone() {
    let place = Place::hello();
    place.write("new.tar", Layout::hello().tar());
    fs::remove_file(place.store().join("index.json")).unwrap();
    let expected = format!(
        "open store {}: index.json is missing, but blobs are there\nhint: put index.json back from a backup, or \
         begin anew with another `--store DIR`; nothing was removed\n",
        place.store().display()
    );
    for line in [
        "store gc",
        "store check",
        "store df",
        "images",
        "image prune --force",
        "image prune --force --all",
        "save -o out.tar hello-barge",
        "load -i new.tar",
        "rmi hello-barge",
        "tag hello-barge a",
    ] {
        assert_eq!(place.fails(line), expected, "{line}");
    }
    assert_eq!(fs::read_dir(place.store().join("blobs/sha256")).unwrap().count(), 22);
    assert!(!place.store().join("index.json").exists());
}

#[test]
fn garbage() {
    let place = Place::hello();
    let waste = place.blob(&barge_oci::Digest::sha256(b"waste").to_string());
    fs::write(&waste, "waste").unwrap();
    let digest = barge_oci::Digest::sha256(b"waste");
    assert_eq!(place.ok("store check"), "1 image, 23 blobs (1 in no image), 8.506kB hashed: no faults\n");
    assert_eq!(place.ok("store gc"), format!("deleted: {digest}\nTotal reclaimed space: 5B\n"));
    assert!(!waste.exists());
    assert_eq!(place.ok("store gc"), "Total reclaimed space: 0B\n");
    assert_eq!(place.ok("store check"), CLEAN);
}

#[test]
fn what_dead_processes_left_is_garbage() {
    let place = Place::hello();
    let private = place.store().join(".barge");
    fs::create_dir(private.join("ingest/0123456789abcdef")).unwrap();
    fs::write(private.join("ingest/0123456789abcdef/lock"), "").unwrap();
    fs::write(private.join("ingest/0123456789abcdef/1"), "half").unwrap();
    fs::write(private.join("leases/0123456789abcdef"), format!("{HELLO}\n")).unwrap();
    place.ok("rmi hello-barge");
    place.ok("store gc");
    assert_eq!(fs::read_dir(private.join("ingest")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(private.join("leases")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(place.store().join("blobs/sha256")).unwrap().count(), 0);
}

/// What a damaged document refers to is not known: nothing is taken for garbage.
#[test]
fn no_garbage_is_collected_around_damage() {
    let place = Place::hello();
    let manifest = &Layout::hello().platform("linux/amd64")[0];
    let whole = fs::read(place.blob(manifest)).unwrap();
    fs::write(place.blob(manifest), vec![b'x'; whole.len()]).unwrap();
    fs::remove_file(place.store().join(".barge/summaries")).unwrap_or_default();
    let said = place.fails("store gc");
    assert!(said.contains(manifest.as_str()) && said.contains("damaged"), "{said}");
    assert_eq!(fs::read_dir(place.store().join("blobs/sha256")).unwrap().count(), 22);
}

/// Removed by its name, an image goes though it is damaged: that is how it is got rid of.
#[test]
fn a_damaged_image_can_be_removed() {
    let place = Place::hello();
    let manifest = &Layout::hello().platform("linux/amd64")[0];
    fs::write(place.blob(manifest), "x").unwrap();
    assert_eq!(place.ok("rmi hello-barge"), format!("Untagged: hello-barge:latest\nDeleted: {HELLO}\n"));
    assert_eq!(fs::read_dir(place.store().join("blobs/sha256")).unwrap().count(), 0);
    place.load(&Layout::hello());
    assert_eq!(place.ok("store check"), CLEAN);
}

/// Loaded again, a damaged image is whole.
#[test]
fn a_damaged_image_can_be_loaded_again() {
    let place = Place::hello();
    for digest in Layout::hello().platform("linux/amd64") {
        let mut bytes = fs::read(place.blob(&digest)).unwrap();
        bytes[0] ^= 1;
        fs::write(place.blob(&digest), bytes).unwrap();
    }
    fs::remove_file(place.blob(&Layout::hello().platform("linux/386")[2])).unwrap();
    place.load(&Layout::hello());
    assert_eq!(place.ok("store check"), CLEAN);
}

#[test]
fn whose_bytes_are_whose() {
    let mut layout = Layout::default();
    for name in ["shelf:1", "shelf:2", "other:1"] {
        let image = layout.image(
            &Maker::new("linux/amd64").layer("base").layer(vec![1; name.len() * 1000]).label("n", name),
        );
        layout.name(&image, &format!("docker.io/library/{name}"));
    }
    let nameless = layout.image(&Maker::new("linux/amd64").layer("alone"));
    layout.list(&nameless);
    let place = Place::with(&layout);
    place.ok("tag shelf:1 again:1");
    fs::write(place.blob(&barge_oci::Digest::sha256(b"waste").to_string()), "waste").unwrap();
    golden("df", &place.ok("store df"));

    let out = place.ok("store df --format json");
    assert_eq!(out.lines().count(), 1);
    let usage: Value = serde_json::from_str(&out).unwrap();
    let images = usage["images"].as_array().unwrap();
    let names: Vec<Value> = images.iter().map(|i| i["name"].clone()).collect();
    let expected = ["docker.io/library/again:1", "docker.io/library/other:1", "docker.io/library/shelf:2"];
    assert_eq!(names, [expected.map(Value::from).as_slice(), &[Value::Null]].concat());
    assert_eq!(
        (&images[3]["digest"], &images[3]["shared_bytes"]),
        (&nameless.digest.clone().into(), &0.into())
    );
    assert_eq!(usage["garbage_bytes"], 5);
    let files = fs::read_dir(place.store().join("blobs/sha256")).unwrap();
    assert_eq!(usage["total_bytes"], files.map(|f| f.unwrap().metadata().unwrap().len()).sum::<u64>());
    // What removing it frees is what was said.
    let unique = images[1]["unique_bytes"].as_u64().unwrap();
    place.ok("store gc");
    let before: Value = serde_json::from_str(&place.ok("store df --format json")).unwrap();
    assert_eq!(
        (&before["garbage_bytes"], &before["dangling_bytes"]),
        (&0.into(), &images[3]["unique_bytes"])
    );
    place.ok("rmi other:1");
    let after: Value = serde_json::from_str(&place.ok("store df --format json")).unwrap();
    assert_eq!(before["total_bytes"].as_u64().unwrap() - after["total_bytes"].as_u64().unwrap(), unique);
    place.ok("image prune --force");
    let last: Value = serde_json::from_str(&place.ok("store df --format json")).unwrap();
    let pruned = after["total_bytes"].as_u64().unwrap() - last["total_bytes"].as_u64().unwrap();
    assert_eq!((&after["dangling_bytes"], &last["dangling_bytes"]), (&pruned.into(), &0.into()));
}

#[test]
fn an_empty_store_uses_nothing() {
    let text = "IMAGE     ID        SHARED SIZE   UNIQUE SIZE\n\n\
                Total: 0B, of which 0B with `barge image prune` and 0B with `barge store gc`\n";
    assert_eq!(Place::new().ok("store df"), text);
}

/// The folder is an OCI image layout: what another tool put there is an image here.
#[test]
fn a_layout_is_a_store() {
    let place = Place::new();
    Layout::hello().write(&place.store());
    assert_eq!(place.ok("images --format '{{.Repository}}:{{.Tag}}'"), "hello-barge:latest\n");
    assert!(place.saved("hello-barge") == Place::hello().saved("hello-barge"));
    place.ok("tag hello-barge copy:1");
    assert_eq!(place.names().len(), 2);
    assert_eq!(place.ok("store check").replace("2 images", "1 image"), CLEAN);
}

/// A stick that was written elsewhere and must not be written to.
#[test]
fn a_store_on_a_read_only_file_system() {
    let place = Place::hello();
    let script = "mount --bind \"$BARGE_STORE\" \"$BARGE_STORE\"; mount -o remount,bind,ro \"$BARGE_STORE\"\n\
                  \"$barge\" images -q; \"$barge\" store check; \"$barge\" store df > /dev/null\n\
                  \"$barge\" save -o a.tar hello-barge; \"$barge\" archive verify a.tar > /dev/null\n\
                  \"$barge\" tag hello-barge a || echo code $?";
    let Some(ran) = place.mounting(script) else { return };
    assert!(ran.stderr.ends_with(": read-only file system\n"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let id = &HELLO["sha256:".len()..][..12];
    assert_eq!(ran.out(), format!("{id}\n{CLEAN}code 1\n"));
    assert!(place.read("a.tar") == place.saved("hello-barge"));
}

/// So many images that lists of them are worth a cache.
fn many() -> Place {
    let mut layout = Layout::hello();
    for n in 0..80 {
        let image = layout.image(&Maker::new("linux/amd64").layer(format!("{n}")));
        layout.name(&image, &format!("docker.io/library/many:{n}"));
    }
    Place::with(&layout)
}

const CACHE: &str = ".barge/summaries";

#[test]
fn a_cache_that_is_gone_or_nonsense() {
    let place = many();
    let (table, tree) = (place.ok("images"), place.ok("images --tree"));
    let whole = fs::read(place.store().join(CACHE)).unwrap();
    for nonsense in [b"".to_vec(), b"nonsense".to_vec(), vec![0xff; 4096], whole[..whole.len() / 2].to_vec()]
    {
        fs::write(place.store().join(CACHE), nonsense).unwrap();
        assert_eq!(place.ok("images"), table);
        assert_eq!(place.ok("images --tree"), tree);
    }
    fs::remove_file(place.store().join(CACHE)).unwrap();
    assert_eq!(place.ok("images"), table);
}

/// A cache is no reason to throw content away.
#[test]
fn a_cache_that_was_altered() {
    let place = many();
    place.ok("images");
    let whole = fs::read(place.store().join(CACHE)).unwrap();
    let blobs = fs::read_dir(place.store().join("blobs/sha256")).unwrap().count();
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        fs::write(place.store().join(CACHE), altered).unwrap();
        assert_eq!(place.ok("store gc"), "Total reclaimed space: 0B\n", "byte {at}");
        assert_eq!(fs::read_dir(place.store().join("blobs/sha256")).unwrap().count(), blobs);
    }
}

#[test]
fn a_cache_keeps_up_with_the_store() {
    let place = many();
    let size = || place.ok("images --format '{{.Size}}' hello-barge");
    assert_eq!((size(), size()), ("6.97kB\n".to_owned(), "6.97kB\n".to_owned()));
    place.ok("rmi --platform linux/s390x hello-barge");
    assert_eq!((size(), size()), ("5.99kB\n".to_owned(), "5.99kB\n".to_owned()));
    place.load(&Layout::hello());
    assert_eq!((size(), size()), ("6.97kB\n".to_owned(), "6.97kB\n".to_owned()));
    place.ok("rmi many:7");
    assert!(!place.ok("images --format '{{.Tag}}' many").lines().any(|tag| tag == "7"));
    assert!(place.ok("store check").ends_with(": no faults\n"));
}

#[test]
fn a_store_is_made_by_what_fills_it() {
    let place = Place::new();
    for refused in ["save -o never.tar gone", "tag gone other", "rmi gone", "rmi --platform linux/arm64 gone"]
    {
        assert!(place.fails(refused).starts_with("No such image: gone:latest\n"), "{refused}");
    }
    for nothing in ["images", "image prune --force --all", "store gc", "store check", "store df"] {
        place.ok(nothing);
    }
    assert!(!place.store().exists());
}
