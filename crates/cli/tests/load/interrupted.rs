//! What is in the way of a load: signals, other processes, full disks.

use std::fs;
use std::io::Write;
use std::process::{ChildStdin, Stdio};

use rustix::process::Signal;

use super::common::{Layout, Maker, Place, Running, wait_until};

/// Two images of a megabyte that share a layer, each as an archive.
fn pair() -> [(Layout, Vec<u8>); 2] {
    [1, 2].map(|n| {
        let mut layout = Layout::default();
        let image = layout.image(&Maker::new("linux/amd64").layer(vec![0; 1 << 20]).layer(vec![n; 1 << 20]));
        layout.name(&image, &format!("docker.io/library/pair:{n}"));
        let archive = layout.tar();
        (layout, archive)
    })
}

/// A load that has been given the beginning of an archive and waits for the rest.
fn halfway(place: &Place, archive: &[u8]) -> (Running, ChildStdin) {
    let mut command = place.command(&["load"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut load = Running::start_as_is(command);
    let mut stdin = load.child().stdin.take().unwrap();
    stdin.write_all(&archive[..archive.len() - 4096]).unwrap();
    wait_until("content to come in", || !ingested(place).is_empty());
    (load, stdin)
}

/// The files that loads at work have received so far.
fn ingested(place: &Place) -> Vec<std::path::PathBuf> {
    let Ok(folders) = fs::read_dir(place.store().join(".barge/ingest")) else { return Vec::new() };
    let files = folders.flatten().filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().flatten();
    files.map(|f| f.path()).filter(|p| p.file_name().is_some_and(|n| n != "lock")).collect()
}

#[test]
fn nothing_is_seen_before_the_end() {
    let place = Place::hello();
    let [(_, archive), _] = pair();
    let before = place.names();
    let (load, mut stdin) = halfway(&place, &archive);
    assert_eq!(place.names(), before);
    assert!(place.ok("store check").ends_with(": no faults\n"));
    stdin.write_all(&archive[archive.len() - 4096..]).unwrap();
    drop(stdin);
    let ran = load.end();
    assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), "Loaded image: pair:1\n", ""));
    assert_eq!(place.names().len(), 2);
}

#[test]
fn signals() {
    let place = Place::hello();
    let [(_, archive), _] = pair();
    let before = place.snapshot();
    for signal in [Signal::INT, Signal::TERM] {
        let (load, _stdin) = halfway(&place, &archive);
        load.signal(signal);
        let ran = load.end();
        assert_eq!((ran.signal, ran.out().as_str(), ran.stderr.as_str()), (Some(signal.as_raw()), "", ""));
        assert!(before == place.snapshot());
    }
}

#[test]
fn what_killed_loads_left_is_removed() {
    let place = Place::hello();
    let [(layout, archive), _] = pair();
    let (load, _stdin) = halfway(&place, &archive);
    load.signal(Signal::KILL);
    assert_eq!(load.end().code, None);
    assert!(!ingested(&place).is_empty());
    place.load(&layout);
    assert!(ingested(&place).is_empty());
    assert_eq!(fs::read_dir(place.store().join(".barge/ingest")).unwrap().count(), 0);

    let (load, _stdin) = halfway(&place, &pair()[1].1);
    load.signal(Signal::KILL);
    assert_eq!(load.end().code, None);
    place.ok("store gc");
    assert!(ingested(&place).is_empty());
    assert_eq!(fs::read_dir(place.store().join(".barge/leases")).unwrap().count(), 0);
}

#[test]
fn the_sender_dies() {
    let place = Place::hello();
    let [(_, archive), _] = pair();
    let before = place.snapshot();
    let (load, stdin) = halfway(&place, &archive);
    drop(stdin);
    let ran = load.end();
    assert_eq!((ran.code, ran.out().as_str()), (Some(1), ""));
    assert!(before == place.snapshot());
}

#[test]
fn garbage_is_collected_meanwhile() {
    let place = Place::hello();
    let [(_, archive), _] = pair();
    let (load, mut stdin) = halfway(&place, &archive);
    let received = ingested(&place);
    place.ok("store gc");
    place.ok("rmi hello-barge");
    assert!(received.iter().all(|file| file.exists()));
    stdin.write_all(&archive[archive.len() - 4096..]).unwrap();
    drop(stdin);
    assert_eq!(load.end().code, Some(0));
    assert!(place.ok("store check").ends_with(": no faults\n"));
    place.ok("save -o a.tar pair:1");
    place.ok("archive verify a.tar");
}

/// A layer that is in the store already is not received again; it must not go away meanwhile.
#[test]
fn the_only_other_owner_of_a_layer_is_removed_meanwhile() {
    let [(first, _), (_, archive)] = pair();
    let place = Place::with(&first);
    let shared = barge_oci::Digest::sha256(&super::tar(&[("file", vec![0; 1 << 20])])).to_string();
    let (load, mut stdin) = halfway(&place, &archive);
    wait_until("the shared layer to be held", || {
        let leases = fs::read_dir(place.store().join(".barge/leases")).unwrap().flatten();
        leases.into_iter().any(|l| fs::read_to_string(l.path()).is_ok_and(|text| text.contains(&shared)))
    });
    place.ok("rmi pair:1");
    place.ok("store gc");
    stdin.write_all(&archive[archive.len() - 4096..]).unwrap();
    drop(stdin);
    assert_eq!(load.end().code, Some(0));
    assert!(place.ok("store check").ends_with(": no faults\n"));
    place.ok("save -o a.tar pair:2");
}

#[test]
fn two_at_once() {
    let place = Place::hello();
    let [(_, first), (_, second)] = pair();
    let (one, mut one_stdin) = halfway(&place, &first);
    let (two, mut two_stdin) = halfway(&place, &second);
    let (same, mut same_stdin) = halfway(&place, &first);
    for (stdin, archive) in [(&mut two_stdin, &second), (&mut same_stdin, &first), (&mut one_stdin, &first)] {
        stdin.write_all(&archive[archive.len() - 4096..]).unwrap();
    }
    drop((one_stdin, two_stdin, same_stdin));
    for load in [one, two, same] {
        let ran = load.end();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    }
    assert_eq!(place.names().len(), 3);
    assert!(place.ok("store check").ends_with(": no faults\n"));
    assert!(ingested(&place).is_empty());
}

#[test]
fn a_disk_that_fills_up() {
    let place = Place::hello();
    let [(_, archive), _] = pair();
    place.write("a.tar", archive);
    let before = place.snapshot();
    // A limit on the size of files is met while writing, as a full disk is.
    let ran = place.shell("trap '' XFSZ; ulimit -f 256; exec \"$barge\" load -i a.tar");
    assert_eq!((ran.code, ran.out().as_str()), (Some(1), ""));
    assert!(ran.stderr.starts_with("write ") && ran.stderr.ends_with(": file too large\n"), "{}", ran.stderr);
    assert!(before == place.snapshot());
}
