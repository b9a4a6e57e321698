//! A power cut before every change: what was not synced is lost.
//!
//! barge works on a file system of its own in a file. It is killed, and while what it wrote is still in the system's
//! memory the file is copied: the copy holds what had reached the disk, as a machine finds it that starts again. ext4
//! keeps no order between files and their names here (`data=writeback`), so that nothing but a sync protects anything.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use barge_testkit::skip;
use barge_testkit::trace::{self, Fate};
use tempfile::TempDir;

use super::common::Place;
use super::work::{LINES, Work, changes, every};

/// One at a time: what is mounted is nobody else's business.
static TURN: Mutex<()> = Mutex::new(());

/// A file system in a file.
struct Disk {
    _turn: MutexGuard<'static, ()>,
    folder: TempDir,
    kind: &'static str,
}

/// One that is mounted, until it is dropped.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Between fork and exec a child of another test has the files of this one open.
        for _ in 0..500 {
            let gone = Command::new("umount").arg(&self.0).stderr(Stdio::null()).status();
            if gone.is_ok_and(|s| s.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(std::thread::panicking(), "{} is in use", self.0.display());
    }
}

impl Disk {
    /// `None` where none can be made.
    fn new(kind: &'static str, megabytes: u64) -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let disk = Self { _turn: turn, folder: tempfile::tempdir().unwrap(), kind };
        std::fs::create_dir(disk.path("mounted")).unwrap();
        let file = std::fs::File::create(disk.path("empty")).unwrap();
        file.set_len(megabytes << 20).unwrap();
        let mkfs = Command::new(format!("mkfs.{kind}")).arg("-q").arg(disk.path("empty")).output();
        let made = mkfs.is_ok_and(|o| o.status.success()) && disk.mount("empty").is_some();
        if !made {
            skip(
                &format!("power cuts on {kind}"),
                "this user may not mount file systems, or there is no mkfs for it",
            );
        }
        made.then_some(disk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mount(&self, image: &str) -> Option<Mounted> {
        // Copies of one XFS have one name.
        let options = if self.kind == "ext4" { "loop,data=writeback" } else { "loop,nouuid" };
        let place = self.path("mounted");
        let mounted = Command::new("mount").args(["-o", options]).arg(self.path(image)).arg(&place).output();
        mounted.is_ok_and(|o| o.status.success()).then_some(Mounted(place))
    }

    fn copy(&self, from: &str, to: &str) {
        let copied = Command::new("cp").args([self.path(from), self.path(to)]).status().unwrap();
        assert!(copied.success());
    }

    /// A copy of the empty one, filled with what `fill` puts into it, all of it on the disk.
    fn filled(&self, name: &str, fill: impl FnOnce(&Path)) {
        self.copy("empty", name);
        let mounted = self.mount(name).unwrap();
        fill(&mounted.0);
    }
}

fn cut_everywhere(work: &Work, disk: &Disk, every: usize) {
    disk.filled("before", |folder| work.copy_to(folder));
    let (mut point, mut cuts) = (0, 0);
    loop {
        disk.copy("before", "disk");
        let mounted = disk.mount("disk").unwrap();
        let mut at = 0;
        let traced = trace::run(&work.command(&Place::at(&mounted.0)), |name, _| {
            at += usize::from(changes(name));
            if at > point { Fate::Killed } else { Fate::Done }
        })
        .unwrap();
        disk.copy("disk", "cut");
        drop(mounted);
        let mounted = disk.mount("cut").unwrap();
        let place = Place::at(&mounted.0);
        let Some(hit) = traced.hit else {
            assert_eq!(traced.output.status.code(), Some(0), "{}", work.line);
            assert!(work.is_done(&place), "{}: it was said to be done and is not", work.line);
            work.judge(&place, "power cut after the end");
            break;
        };
        work.judge(&place, &format!("power cut before change {}, {hit}, on {}", point + 1, disk.kind));
        point += every;
        cuts += 1;
    }
    eprintln!("{}: {cuts} power cuts on {}", work.line, disk.kind);
    assert!(cuts > 3, "{}: {cuts} cuts", work.line);
}

fn cut(kind: &'static str, megabytes: u64, lines: &[&str]) {
    if !trace::AVAILABLE {
        return skip("power cuts", "calls are traced on Linux on x86-64 only");
    }
    let Some(disk) = Disk::new(kind, megabytes) else { return };
    for line in lines {
        cut_everywhere(&Work::new(line), &disk, every(1));
    }
}

/// That these tests can fail: if the system only says that it syncs, nothing is there after a power cut.
#[test]
fn without_syncs_all_is_lost() {
    let Some(disk) = Disk::new("ext4", 32).filter(|_| trace::AVAILABLE) else { return };
    for line in [LINES[0], LINES[7]] {
        let work = Work::new(line);
        disk.filled("before", |folder| work.copy_to(folder));
        disk.copy("before", "disk");
        let mounted = disk.mount("disk").unwrap();
        let feign = |name: &str, _| match name {
            "fsync" | "fdatasync" | "syncfs" | "sync_file_range" => Fate::Feigned,
            _ => Fate::Done,
        };
        let traced = trace::run(&work.command(&Place::at(&mounted.0)), feign).unwrap();
        assert_eq!(traced.output.status.code(), Some(0), "{line}");
        disk.copy("disk", "cut");
        drop(mounted);
        let mounted = disk.mount("cut").unwrap();
        assert!(!work.is_done(&Place::at(&mounted.0)), "{line}");
    }
}

#[test]
fn ext4() {
    cut("ext4", 32, &LINES);
}

#[test]
fn xfs() {
    cut("xfs", 300, &[LINES[0], LINES[2], LINES[3], LINES[7]]);
}

#[test]
fn ext4_pull() {
    if !trace::AVAILABLE {
        return skip("power cuts", "calls are traced on Linux on x86-64 only");
    }
    let (Some(disk), Some(work)) = (Disk::new("ext4", 32), Work::pull()) else { return };
    cut_everywhere(&work, &disk, every(5));
}
