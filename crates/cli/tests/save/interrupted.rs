//! What is in the way of a save: damage, signals, full disks. The old file stays, the exit is not 0, and
//! nothing is left lying about.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use rustix::process::Signal;

use super::common::process::{first_bytes, injected, may_inject, reader, rest};
use super::common::{Layout, Maker, Place, Running, fifo, wait_until};

/// A store with one image of so many bytes.
fn big(bytes: usize) -> Place {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer(vec![1; bytes]));
    layout.name(&image, "docker.io/library/big:1");
    Place::with(&layout)
}

/// A blob of the sample image is not what it was: the byte in its middle is another.
fn damage(place: &Place, digest: &str) {
    let path = place.blob(digest);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, bytes).unwrap();
}

#[test]
fn a_damaged_layer() {
    let place = Place::hello();
    let layer = &Layout::hello().platform("linux/riscv64")[2];
    damage(&place, layer);
    place.write("a.tar", "old");
    let said = place.fails("save -o a.tar hello-barge");
    assert!(said.starts_with(&format!("blob {layer} is damaged, its content is sha256:")), "{said}");
    let end = ": the save was stopped\n\
               hint: `barge store check` lists every fault; remove the image, then load or pull it again\n";
    assert!(said.ends_with(end), "{said}");
    assert_eq!((place.read("a.tar"), place.files()), (b"old".to_vec(), vec!["a.tar".to_owned()]));
    assert_eq!(place.run("save --platform linux/amd64 hello-barge").code, Some(0));
}

#[test]
fn a_damaged_layer_on_a_pipe() {
    let place = Place::hello();
    damage(&place, &Layout::hello().platform("linux/riscv64")[2]);
    let ran = place.run("save hello-barge");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("the save was stopped"), "{}", ran.stderr);
    // What came before is no archive that a loader would take.
    let text = String::from_utf8_lossy(&ran.stdout);
    assert!(!text.contains("index.json") && !text.contains("manifest.json"));
    let loaded = place.run_with("load", &ran.stdout);
    assert_eq!((loaded.code, loaded.out().as_str()), (Some(1), ""));
}

#[test]
fn a_damaged_document() {
    let place = Place::hello();
    let [manifest, config, _] = &Layout::hello().platform("linux/amd64")[..] else { panic!() };
    for digest in [manifest, config] {
        let bytes = fs::read(place.blob(digest)).unwrap();
        damage(&place, digest);
        let said = place.fails("save -o a.tar hello-barge");
        assert!(said.starts_with(&format!("blob {digest} ")), "{said}");
        assert!(said.contains("damaged"), "{said}");
        fs::write(place.blob(digest), bytes).unwrap();
    }
    assert!(place.files().is_empty());
}

/// What has another size is not the content that is meant.
#[test]
fn a_blob_of_another_size() {
    let place = Place::hello();
    let layer = &Layout::hello().platform("linux/amd64")[2];
    fs::write(place.blob(layer), "short").unwrap();
    let said = place.fails("save -o a.tar hello-barge");
    assert_eq!(
        said,
        format!(
            "hello-barge:latest: linux/amd64 is incomplete, these blobs are not in the store: {layer}\n\
             hint: load the image again, or choose other platforms with `--platform`\n"
        )
    );
    assert!(place.files().is_empty());
}

#[test]
fn signals_while_a_pipe_is_full() {
    let place = big(1 << 20);
    for signal in [Signal::INT, Signal::TERM] {
        let mut save = Running::start(place.command(&["save", "big:1"]));
        let mut stdout = save.child().stdout.take().unwrap();
        std::io::Read::read_exact(&mut stdout, &mut [0; 100]).unwrap();
        save.signal(signal);
        let ran = save.end();
        assert_eq!((ran.signal, ran.stderr.as_str()), (Some(signal.as_raw()), ""));
    }
}

/// By the name of docker it ends as docker does; a shell sees no difference.
#[test]
fn signals_by_the_name_of_docker() {
    let place = big(1 << 20);
    let mut command = place.command(&["save", "big:1"]);
    command.arg0("docker");
    let mut save = Running::start(command);
    let mut stdout = save.child().stdout.take().unwrap();
    std::io::Read::read_exact(&mut stdout, &mut [0; 100]).unwrap();
    save.signal(Signal::INT);
    assert_eq!(save.end().code, Some(130));
}

#[test]
fn signals_while_a_fifo_has_no_reader() {
    let place = big(1 << 10);
    fifo(&place.path("fifo"));
    for signal in [Signal::INT, Signal::TERM] {
        let save = Running::start(place.command(&["save", "-o", "fifo", "big:1"]));
        let status = format!("/proc/{}/status", save.id());
        // The signals are looked after before anything else is done.
        wait_until("signals to be caught", || {
            let status = fs::read_to_string(&status).unwrap_or_default();
            let caught = status.lines().find_map(|l| l.strip_prefix("SigCgt:")).unwrap_or("0").trim();
            u64::from_str_radix(caught, 16).is_ok_and(|bits| bits & 0x4002 == 0x4002)
        });
        save.signal(signal);
        assert_eq!(save.end().signal, Some(signal.as_raw()));
    }
}

/// Starts a save of a large image to `a.tar` and stops it in the middle.
fn stopped_halfway(place: &Place) -> Running {
    let size = place.run("save --dry-run --format json big:1").out();
    let size: serde_json::Value = serde_json::from_str(&size).unwrap();
    for _ in 0..20 {
        place.write("a.tar", "old");
        let mut save = Running::start(place.command(&["save", "-o", "a.tar", "big:1"]));
        if save.stop_while_writing(&place.path(""), size["archive_bytes"].as_u64().unwrap()).is_some() {
            assert_eq!(place.read("a.tar"), b"old");
            return save;
        }
    }
    panic!("the save is over before it can be stopped, however often it is tried");
}

#[test]
fn signals_in_the_middle_of_a_file() {
    let place = big(32 << 20);
    for signal in [Signal::INT, Signal::TERM] {
        let save = stopped_halfway(&place);
        save.signal(signal);
        save.signal(Signal::CONT);
        let ran = save.end();
        assert_eq!((ran.signal, ran.out().as_str(), ran.stderr.as_str()), (Some(signal.as_raw()), "", ""));
        assert_eq!((place.read("a.tar"), place.files()), (b"old".to_vec(), vec!["a.tar".to_owned()]));
    }
    assert_eq!(place.ok("store gc"), "Total reclaimed space: 0B\n");
}

#[test]
fn a_save_that_is_killed() {
    let place = big(32 << 20);
    let save = stopped_halfway(&place);
    save.signal(Signal::KILL);
    assert_eq!(save.end().code, None);
    assert_eq!(place.read("a.tar"), b"old");
    place.ok("save -o a.tar big:1");
    place.ok("archive verify a.tar");
    assert_eq!(place.files(), ["a.tar"]);
    // The lease of the dead keeps nothing.
    place.ok("rmi big:1");
    assert!(fs::read_dir(place.store().join(".barge/leases")).unwrap().next().is_none());
    assert!(fs::read_dir(place.store().join("blobs/sha256")).unwrap().next().is_none());
}

#[test]
fn a_save_that_is_stopped_goes_on() {
    let place = big(32 << 20);
    let save = stopped_halfway(&place);
    save.signal(Signal::CONT);
    assert_eq!(save.end().code, Some(0));
    place.ok("archive verify a.tar");
    assert_eq!(place.files(), ["a.tar"]);
}

/// Where files without a name are not to be had, a killed save leaves one beside its target.
#[test]
fn what_killed_saves_left_is_removed() {
    let place = Place::hello();
    place.write(".a.tar.0123456789abcdef.barge-tmp", "half");
    place.write(".b.tar.0123456789abcdef.barge-tmp", "half");
    place.write(".a.tar.fedcba9876543210.barge-tmp", "half, and at work");
    let at_work = File::open(place.path(".a.tar.fedcba9876543210.barge-tmp")).unwrap();
    at_work.lock().unwrap();
    place.ok("save -o a.tar hello-barge");
    let left = [".a.tar.fedcba9876543210.barge-tmp", ".b.tar.0123456789abcdef.barge-tmp", "a.tar"];
    assert_eq!(place.files(), left);
    drop(at_work);
    place.ok("save -o a.tar hello-barge");
    assert_eq!(place.files(), left[1..]);
}

#[test]
fn a_disk_that_is_too_small_is_noticed_beforehand() {
    let place = big(1 << 20);
    fs::create_dir(place.path("full")).unwrap();
    let script = "mount -t tmpfs -o size=64k none full; echo old > full/a.tar\n\
                  \"$barge\" save -o full/a.tar big:1 || echo code $?; cat full/a.tar; ls -A full";
    let Some(ran) = place.mounting(script) else { return };
    assert_eq!(ran.out(), "code 1\nold\na.tar\n");
    let (text, hint) = ran.stderr.split_once('\n').unwrap();
    assert_eq!(text, "write full/a.tar: no space left on device");
    let size = place.saved("big:1").len();
    assert!(hint.starts_with(&format!("hint: the archive takes {size} bytes, ")), "{hint}");
    assert!(hint.ends_with(" are free\n"), "{hint}");
}

#[test]
fn a_disk_that_fills_up_meanwhile() {
    let place = big(1 << 20);
    // A limit on the size of files is met while writing, as a full disk is.
    let ran = place.shell(
        "trap '' XFSZ; echo old > a.tar; ulimit -f 256; \"$barge\" save -o a.tar big:1; echo code $?; ls -A",
    );
    assert_eq!(ran.out(), "code 1\na.tar\n");
    assert_eq!(ran.stderr, "write a.tar: file too large\n");
    assert_eq!(place.read("a.tar"), b"old\n");
}

/// Every call that makes the file what it is fails once: the save fails too and the old file stays, or it does
/// without and the new one is whole.
#[test]
fn errors_of_the_system() {
    if !may_inject("errors of the system") {
        return;
    }
    let place = Place::hello();
    let whole = place.saved("hello-barge");
    let (mut failed, mut done) = (0, 0);
    for call in [
        "open:error=EOPNOTSUPP",
        "open:error=EIO",
        "fchmod:error=EIO",
        "write:error=ENOSPC",
        "fsync:error=EIO",
        "linkat:error=EPERM",
        "rename:error=EIO",
    ] {
        for n in 1.. {
            place.write("a.tar", "old");
            let command = place.command(&["save", "-o", "a.tar", "hello-barge"]);
            let ran = Running::start_as_is(injected(&command, &format!("{call}:when={n}"))).end();
            let trace = place.read("trace");
            if !String::from_utf8_lossy(&trace).contains("INJECTED") {
                break;
            }
            // When the name is given, only the folder's own sync can fail, which takes nothing back.
            let named = ran.stderr.starts_with("sync ");
            let expected = if ran.code == Some(0) || named { &whole[..] } else { b"old" };
            assert!(place.read("a.tar") == expected, "{call} {n}: {:?} {}", ran.code, ran.stderr);
            assert_eq!(
                ran.code == Some(0),
                ran.stderr.is_empty(),
                "{call} {n}: {:?} {}",
                ran.code,
                ran.stderr
            );
            assert_eq!(place.files(), ["a.tar", "trace"], "{call} {n}");
            *(if ran.code == Some(0) { &mut done } else { &mut failed }) += 1;
        }
    }
    assert!(failed > 3 && done > 0, "{failed} failed, {done} done");
}

/// Content that a running save needs stays, though its image is removed meanwhile.
#[test]
fn the_image_is_removed_meanwhile() {
    let place = big(1 << 20);
    let whole = place.saved("big:1");
    fifo(&place.path("fifo"));
    let save = Running::start(place.command(&["save", "-o", "fifo", "big:1"]));
    let mut reader = reader(&place.path("fifo"));
    let mut archive = first_bytes(&mut reader);
    place.ok("rmi big:1");
    assert_eq!(place.ok("store gc"), "Total reclaimed space: 0B\n");
    assert!(place.fails("save big:1").starts_with("No such image: big:1\nhint: the store "));
    archive.extend(rest(&mut reader));
    let ran = save.end();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(archive == whole);
    assert_ne!(place.ok("store gc"), "Total reclaimed space: 0B\n");
    assert!(fs::read_dir(place.store().join("blobs/sha256")).unwrap().next().is_none());
}

/// The same of a copy.
#[test]
fn the_image_that_is_copied_is_removed_meanwhile() {
    let place = big(1 << 20);
    let whole = place.saved("big:1");
    fifo(&place.path("fifo"));
    let copy = Running::start(place.command(&["copy", "big:1", "docker-archive:fifo"]));
    let mut reader = reader(&place.path("fifo"));
    let mut archive = first_bytes(&mut reader);
    place.ok("rmi big:1");
    assert_eq!(place.ok("store gc"), "Total reclaimed space: 0B\n");
    archive.extend(rest(&mut reader));
    let ran = copy.end();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(archive == whole);
    assert_ne!(place.ok("store gc"), "Total reclaimed space: 0B\n");
}
