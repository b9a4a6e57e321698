//! What a save hashes, and what it need not.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::common::{Layout, Maker, Place};

const LARGE: usize = 300_000;

/// `two:1` with a layer that is large and one that is not, and where its large blob is.
fn two() -> (Place, PathBuf) {
    let mut layout = Layout::default();
    let mut random = fastrand::Rng::with_seed(3);
    let large: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(LARGE).collect();
    let root = layout.image(&Maker::new("linux/amd64").layer(large).layer("small"));
    layout.name(&root, "docker.io/library/two:1");
    let place = Place::with(&layout);
    let blobs = std::fs::read_dir(place.store().join("blobs/sha256")).unwrap();
    let large =
        blobs.map(|e| e.unwrap().path()).find(|p| p.metadata().unwrap().len() >= LARGE as u64).unwrap();
    (place, large)
}

fn damage(blob: &Path) {
    let mut bytes = std::fs::read(blob).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(blob, bytes).unwrap();
}

/// The line of the store's list that vouches for a file as it is now.
fn line(blob: &Path) -> String {
    let meta = blob.metadata().unwrap();
    let time = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
    format!(
        "sha256:{} {} {} {} {} {}\n",
        blob.file_name().unwrap().to_str().unwrap(),
        meta.dev(),
        meta.ino(),
        meta.len(),
        time(meta.mtime(), meta.mtime_nsec()),
        time(meta.ctime(), meta.ctime_nsec())
    )
}

#[test]
fn the_same_bytes_whatever_is_verified() {
    let (place, _) = two();
    let expected = place.saved("two:1");
    for verify in ["always", "changed", "never"] {
        assert!(place.saved(&format!("--verify {verify} two:1")) == expected, "{verify}");
        place.ok(&format!("save --verify {verify} -o a.tar two:1"));
        assert!(place.read("a.tar") == expected, "{verify}");
        let file = format!("\"$barge\" save --verify {verify} two:1 > b.tar");
        assert_eq!(place.shell(&file).code, Some(0), "{verify}");
        assert!(place.read("b.tar") == expected, "{verify}");
        let packed = place.saved(&format!("--compress zstd --verify {verify} two:1"));
        assert!(packed == place.saved("--compress zstd two:1"), "{verify}");
    }
}

#[test]
fn what_has_changed_is_hashed() {
    let (place, blob) = two();
    assert!(std::fs::read_to_string(place.store().join(".barge/verified")).unwrap().contains(&line(&blob)));
    damage(&blob);
    for verify in ["always", "changed"] {
        for output in ["-o a.tar", "-o a.tar --layout aligned", "-o a.tar.gz"] {
            let said = place.fails(&format!("save --verify {verify} {output} two:1"));
            assert!(said.contains("is damaged, its content is sha256:"), "{verify} {output}: {said}");
        }
        assert_eq!(place.run(&format!("save --verify {verify} two:1")).code, Some(1));
    }
    assert_eq!(place.files(), Vec::<String>::new());
}

#[test]
fn what_is_vouched_for_is_not_hashed() {
    let (place, blob) = two();
    let list = place.store().join(".barge/verified");
    damage(&blob);
    std::fs::write(&list, format!("no line\nsha256:x 1 2 3 4 5\n{}sha256:cut", line(&blob))).unwrap();
    for output in ["-o a.tar", "-o a.tar --layout aligned", "-o a.tar.gz"] {
        place.ok(&format!("save --verify changed {output} two:1"));
    }
    // Nor is anything, on request; another length is noticed all the same.
    std::fs::remove_file(&list).unwrap();
    place.ok("save --verify never -o a.tar two:1");
    std::fs::write(&blob, "shorter").unwrap();
    let said = place.fails("save --verify never -o b.tar two:1");
    assert!(said.contains("these blobs are not in the store"), "{said}");
    assert!(!place.path("b.tar").exists());
}

#[test]
fn what_was_hashed_is_vouched_for_from_then_on() {
    let (place, blob) = two();
    let list = place.store().join(".barge/verified");
    std::fs::remove_file(&list).unwrap();
    place.ok("save -o a.tar two:1");
    assert!(!list.exists(), "a save that asks for nothing leaves nothing");
    place.ok("save --verify changed -o a.tar two:1");
    assert_eq!(std::fs::read_to_string(&list).unwrap(), format!("\n{}", line(&blob)));
    // What looked otherwise once is forgotten when it is most of the list.
    for _ in 0..20 {
        std::fs::File::options()
            .write(true)
            .open(&blob)
            .unwrap()
            .set_modified(std::time::SystemTime::now())
            .unwrap();
        place.ok("save --verify changed -o a.tar two:1");
    }
    assert_eq!(std::fs::read_to_string(&list).unwrap().matches("sha256:").count(), 21);
    place.ok("store gc");
    assert_eq!(std::fs::read_to_string(&list).unwrap(), line(&blob));
}

/// While a save waits for its reader, a blob is written to.
#[test]
fn what_changes_meanwhile_is_noticed() {
    let (place, blob) = two();
    let script = format!(
        "\"$barge\" save --verify changed two:1 | {{ head -c 5000; printf x | dd of={} bs=1 seek=250000 conv=notrunc status=none; cat; }} >a.tar; exit ${{PIPESTATUS[0]}}",
        blob.display()
    );
    let ran = place.shell(&script);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("is damaged"), "{}", ran.stderr);
    assert_eq!(place.run("archive ls a.tar").code, Some(1), "it has no list of images");
}

#[test]
fn flags_that_make_no_sense_together() {
    let (place, _) = two();
    for flags in ["-o a.tar.gz", "--compress zstd -o a.tar"] {
        let said = place.fails(&format!("save --layout aligned {flags} two:1"));
        assert!(said.contains("is for plain archives"), "{said}");
    }
    assert_eq!(place.files(), Vec::<String>::new());
}

#[test]
fn what_comes_from_a_registry_is_always_verified() {
    let (place, _) = two();
    for verify in ["changed", "never"] {
        let said = place.fails(&format!("save --verify {verify} -o a.tar docker://127.0.0.1:1/x/y:1"));
        assert!(said.contains("is always verified"), "{said}");
    }
}
