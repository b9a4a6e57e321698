//! A store in a folder that belongs to somebody who means harm: nothing outside of it is written to, and nothing waits
//! for them.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use barge_testkit::skip;

use super::common::{Layout, Place, fifo};
use super::work::{LINES, copy, place};

/// What is looked at by everybody, besides the lines that change something.
const LOOKS: [&str; 4] = ["images", "image inspect hello-barge", "store check", "store df"];

/// Everything in a folder and how it looks.
fn listing(folder: &Path) -> String {
    let found = Command::new("find").arg(folder).args(["-printf", "%P %m %s %T@\n"]).output().unwrap();
    String::from_utf8(found.stdout).unwrap()
}

/// Runs every line in a place that `harm` was done to; each ends by itself, and `outside` is as it was.
fn nothing_outside_changes(what: &str, harm: impl Fn(&Place, &Path)) {
    let sound = place();
    for line in LINES.iter().chain(&LOOKS) {
        let place = copy(&sound);
        let outside = place.store().parent().unwrap().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "precious").unwrap();
        harm(&place, &outside);
        let before = listing(&outside);
        let ran = place.run(line);
        assert!(matches!(ran.code, Some(0 | 1)), "{what}: {line}: {:?} {}", ran.code, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{what}: {line}: {}", ran.stderr);
        assert_eq!(listing(&outside), before, "{what}: {line} has changed what is outside");
    }
}

#[test]
fn folders_that_are_links() {
    for folder in ["blobs", "blobs/sha256", ".barge", ".barge/ingest", ".barge/leases"] {
        let harm = |place: &Place, outside: &Path| {
            let (inside, moved) = (place.store().join(folder), outside.join("moved"));
            fs::rename(&inside, &moved).unwrap();
            symlink(&moved, &inside).unwrap();
        };
        nothing_outside_changes(folder, harm);
        let place = place();
        let outside = tempfile::tempdir().unwrap();
        harm(&place, outside.path());
        let said = place.fails("load -i new.tar");
        let path = place.store().join(folder);
        let expected = format!(
            "open {}: a symbolic link, and none is followed here; only the path of the whole store may lead through links\n",
            path.display()
        );
        assert_eq!(said, expected);
    }
}

const FILES: [&str; 7] = [
    "index.json",
    "oci-layout",
    ".barge/index.lock",
    ".barge/gc.lock",
    ".barge/serve.lock",
    ".barge/verified",
    ".barge/summaries",
];

#[test]
fn files_that_are_links() {
    for file in FILES {
        nothing_outside_changes(file, |place, outside| {
            let inside = place.store().join(file);
            let _ = fs::remove_file(&inside);
            symlink(outside.join("file"), inside).unwrap();
        });
    }
}

#[test]
fn files_that_have_another_name_outside() {
    for file in FILES {
        nothing_outside_changes(file, |place, outside| {
            let inside = place.store().join(file);
            let _ = fs::remove_file(&inside);
            fs::hard_link(outside.join("file"), inside).unwrap();
        });
    }
}

#[test]
fn files_that_nobody_writes_to() {
    for file in FILES {
        nothing_outside_changes(file, |place, _| {
            let inside = place.store().join(file);
            let _ = fs::remove_file(&inside);
            fifo(&inside);
        });
    }
}

#[test]
fn blobs_that_are_links() {
    nothing_outside_changes("blobs", |place, outside| {
        let blobs = place.store().join("blobs/sha256");
        for (n, blob) in fs::read_dir(&blobs).unwrap().enumerate() {
            let blob = blob.unwrap().path();
            let elsewhere = outside.join(n.to_string());
            fs::rename(&blob, &elsewhere).unwrap();
            symlink(elsewhere, blob).unwrap();
        }
    });
}

/// Somebody exchanges folders of the store for links while commands are at work.
#[test]
fn a_race() {
    let place = place();
    let outside = place.store().parent().unwrap().join("outside");
    for folder in ["ingest", "leases", "sha256"] {
        fs::create_dir_all(outside.join(folder)).unwrap();
    }
    let (before, over) = (listing(&outside), AtomicBool::new(false));
    let folders = [".barge/ingest", ".barge/leases", "blobs/sha256"].map(|f| place.store().join(f));
    thread::scope(|scope| {
        scope.spawn(|| {
            let exchange = |folder: &PathBuf| {
                let (aside, name) = (folder.with_extension("aside"), folder.file_name().unwrap());
                if fs::rename(folder, &aside).is_ok() {
                    // A folder made meanwhile is in the way.
                    if symlink(outside.join(name), folder).is_ok() {
                        thread::yield_now();
                        fs::remove_file(folder).unwrap();
                    }
                    if fs::rename(&aside, folder).is_err() {
                        fs::remove_dir_all(&aside).unwrap();
                    }
                }
            };
            while !over.load(Ordering::Relaxed) {
                folders.iter().for_each(exchange);
            }
        });
        let lines = ["load -q -i new.tar", "tag hello-barge a:1", "store gc"];
        let ran: Vec<_> = (0..150).map(|n| place.run(lines[n % 3])).collect();
        over.store(true, Ordering::Relaxed);
        assert!(ran.iter().all(|r| matches!(r.code, Some(0 | 1))));
        assert!(ran.iter().any(|r| r.code == Some(0)));
    });
    assert_eq!(listing(&outside), before);
}

/// Everything that is made is its owner's alone, whatever the umask allows.
#[test]
fn nobody_else_can_read_it() {
    for mask in ["000", "027", "077"] {
        let place = Place::new();
        Layout::hello().write(&place.path("layout"));
        let script = format!(
            "umask {mask}; set -e; $barge load -qi layout; $barge tag hello-barge a:1; $barge save -o out.tar a:1; $barge store gc
             $barge serve -H unix://$PWD/socket 2>log & pid=$!
             for n in $(seq 200); do [ -S socket ] && break; sleep 0.02; done; kill $pid; wait $pid"
        );
        let ran = place.shell(&script);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let mut pending = vec![place.store()];
        let mut files = 0;
        while let Some(path) = pending.pop() {
            let meta = path.symlink_metadata().unwrap();
            let mode = meta.permissions().mode() & 0o7777;
            assert_eq!(mode, if meta.is_dir() { 0o700 } else { 0o600 }, "umask {mask}: {}", path.display());
            if meta.is_dir() {
                pending.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            }
            files += 1;
        }
        assert!(files > 25);
        assert_eq!(place.path("out.tar").metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    }
}

/// Where others may make files, one of them made a link of the archive's name.
#[test]
fn a_link_that_somebody_else_put_there() {
    let place = place();
    fs::write(place.path("file"), "precious").unwrap();
    symlink("file", place.path("planted.tar")).unwrap();
    place.ok("save -o planted.tar hello-barge");
    assert!(place.read("file").len() > 10_000, "the user's own link is followed");
    fs::write(place.path("file"), "precious").unwrap();
    if lchown(place.path("planted.tar"), Some(65534), Some(65534)).is_err() {
        return skip("another user's link", "only root can make one");
    }
    let said = place.fails("save -o planted.tar hello-barge");
    let expected = "failed to save image: invalid output path: planted.tar is a symbolic link of another user\n\
                    hint: name the file that it leads to, if that is where it should go\n";
    assert_eq!((said.as_str(), place.read("file")), (expected, b"precious".to_vec()));
}

/// What looks like a temporary file of ours is a FIFO that nobody is at, and the archive's name is one of somebody else.
#[test]
fn fifos_that_somebody_else_put_there() {
    let place = place();
    fifo(&place.path(".new.tar.0123456789abcdef.barge-tmp"));
    place.ok("save -o new.tar hello-barge");
    fifo(&place.path("pipe"));
    if lchown(place.path("pipe"), Some(65534), Some(65534)).is_err() {
        return skip("another user's FIFO", "only root can make one");
    }
    let mut reader = Command::new("cat").arg(place.path("pipe")).stdout(Stdio::piped()).spawn().unwrap();
    let said = place.fails("save -o pipe hello-barge");
    assert_eq!(said, "failed to save image: pipe is a FIFO of another user\n");
    let mut got = Vec::new();
    reader.stdout.take().unwrap().read_to_end(&mut got).unwrap();
    assert!(reader.wait().unwrap().success() && got.is_empty());
}

#[test]
fn sizes_that_no_disk_has() {
    // Only some file systems have files this large; one in memory does.
    let memory = Path::new("/dev/shm");
    let Ok(folder) = tempfile::tempdir_in(memory) else {
        skip("sizes that no disk has", "there is no /dev/shm");
        return;
    };
    let place = Place::at(folder.path());
    fs::create_dir(place.path("")).unwrap();
    fs::create_dir_all(place.store().join("blobs/sha256")).unwrap();
    fs::create_dir_all(place.store().join(".barge")).unwrap();
    fs::write(place.store().join("index.json"), r#"{"schemaVersion":2,"manifests":[]}"#).unwrap();
    for digit in ["a", "b", "c"] {
        let blob = fs::File::create(place.store().join("blobs/sha256").join(digit.repeat(64))).unwrap();
        if let Err(e) = blob.set_len(i64::MAX as u64) {
            skip("sizes that no disk has", &e.to_string());
            return;
        }
    }
    let said = place.ok("store df");
    assert!(said.contains("18.45EB"), "{said}");
    place.ok("store gc");
}

#[test]
fn what_is_called_like_a_temporary_file() {
    let place = place();
    let folder = place.store().join(".barge/x.0123456789abcdef");
    fs::create_dir(&folder).unwrap();
    fifo(&place.store().join(".barge/y.0123456789abcdef"));
    place.ok("store gc");
    assert!(folder.exists());
}
