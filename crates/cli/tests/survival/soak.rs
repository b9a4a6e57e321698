//! Sixteen workers on one store, each starting one process after the other, and a server with clients that vanish.
//!
//! What must hold: a name that only one worker gives and takes is there as long as that worker says; every save that
//! succeeds is a whole archive, whatever happens meanwhile; the names can be read at any moment; nobody waits for ever;
//! and in the end nothing is damaged, missing or left over. For `BARGE_SOAK` seconds, a few without it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use barge_testkit::peers::Registry;
use barge_testkit::sample;
use serde_json::Value;

use super::common::{HELLO, Layout, Maker, Place, Server};

const WORKERS: u64 = 16;
/// How many images the workers load and remove under each other's hands.
const SHARED: u64 = 4;

fn work_time() -> Duration {
    let seconds = std::env::var("BARGE_SOAK").ok().and_then(|s| s.parse().ok());
    Duration::from_secs(seconds.unwrap_or(8))
}

/// What all workers share.
struct Yard {
    place: Place,
    server: Server,
    /// The name of an image in a registry, where there is one.
    remote: Option<(Registry, String)>,
    done: AtomicU64,
}

fn registry() -> Option<(Registry, String)> {
    let registry = Registry::start().unwrap()?;
    let folder = tempfile::tempdir().unwrap();
    sample::write(folder.path()).unwrap();
    let name = registry.push(folder.path(), HELLO, "team/hello:latest").unwrap();
    Some((registry, name))
}

#[test]
fn everything_at_once() {
    let place = Place::new();
    for n in 0..SHARED {
        let mut layout = Layout::default();
        let maker =
            |platform: &str| Maker::new(platform).layer(vec![0; 200_000]).layer(vec![n as u8 + 1; 300_000]);
        let parts = ["linux/amd64", "linux/arm64"].map(|p| layout.image(&maker(p).label("platform", p)));
        let index = layout.index(&[&parts[0], &parts[1]]);
        layout.name(&index, &format!("docker.io/library/shared:{n}"));
        place.write(&format!("{n}.tar"), layout.tar());
        place.load(&layout);
    }
    let server = Server::start(&place);
    let yard = Yard { place, server, remote: registry(), done: AtomicU64::new(0) };
    let over = AtomicBool::new(false);
    let kept: BTreeSet<String> = thread::scope(|scope| {
        let reader = scope.spawn(|| read_names(&yard.place, &over));
        let worker = |n| Worker::new(&yard, n).work();
        let workers: Vec<_> = (0..WORKERS).map(|n| scope.spawn(move || worker(n))).collect();
        let done: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 10);
        done.into_iter().flat_map(Result::unwrap).collect()
    });
    let Yard { place, mut server, remote: _remote, done } = yard;
    eprintln!("{} operations by {WORKERS} workers in {:?}", done.into_inner(), work_time());
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.end(), Some(0), "{}", server.log());
    assert!(!server.log().contains("panicked"), "{}", server.log());
    let names: BTreeSet<String> = place.names().iter().filter(|n| n.starts_with("own-")).cloned().collect();
    assert_eq!(names, kept);
    place.ok("store gc");
    let checked = place.ok("store check");
    assert!(checked.ends_with(": no faults\n"), "{checked}");
    for folder in ["ingest", "leases"] {
        assert_eq!(fs::read_dir(place.store().join(".barge").join(folder)).unwrap().count(), 0, "{folder}");
    }
    // Every image that has a name can be saved.
    for name in place.names().iter().filter_map(|n| n.split(' ').next()).filter(|n| !n.starts_with('<')) {
        let ran = place.run(&format!("save -o /dev/null {name}"));
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
    }
    // No blob is there that no image leads to: once all are removed, none is left.
    place.ok("image prune -af");
    assert_eq!(fs::read_dir(place.store().join("blobs/sha256")).unwrap().count(), 0);
}

/// Reads the names over and over, as another program would; returns how often.
fn read_names(place: &Place, over: &AtomicBool) -> u64 {
    let mut times = 0;
    while !over.load(Ordering::Relaxed) {
        let bytes = fs::read(place.store().join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(index["manifests"].is_array());
        times += 1;
        thread::sleep(Duration::from_millis(1));
    }
    times
}

/// One of many who do things at random.
struct Worker<'a> {
    yard: &'a Yard,
    place: &'a Place,
    number: u64,
    random: u64,
    /// Names that only this worker gives and takes, each with the ID it stands for.
    own: Vec<String>,
    given: u64,
}

impl<'a> Worker<'a> {
    fn new(yard: &'a Yard, number: u64) -> Self {
        Self {
            yard,
            place: &yard.place,
            number,
            random: 0x9e37_79b9_7f4a_7c15 ^ (number + 1),
            own: Vec::new(),
            given: 0,
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    /// Returns the names that are left.
    fn work(mut self) -> Vec<String> {
        let began = Instant::now();
        while began.elapsed() < work_time() {
            self.yard.done.fetch_add(1, Ordering::Relaxed);
            let shared = self.below(SHARED);
            match self.below(18) {
                0..=2 => self.load(shared),
                3..=4 => self.tag(shared),
                5..=6 => self.save(&format!("shared:{shared}")),
                7 => self.save_own(),
                8..=9 => self.may_be_missing(&format!("rmi shared:{shared}"), shared),
                10 => self.untag(),
                11 => self.pull(),
                12 => self.import(),
                13 => self.load_over_the_api(shared),
                14 => self.save_over_the_api(shared),
                15..=16 => self.vanish(shared),
                _ => drop(self.place.ok(if self.below(2) == 0 { "store gc" } else { "image prune -f" })),
            }
        }
        self.own
    }

    fn load(&mut self, shared: u64) {
        assert_eq!(
            self.place.ok(&format!("load -i {shared}.tar")),
            format!("Loaded image: shared:{shared}\n")
        );
    }

    /// Runs what another worker may have made impossible; whether it was possible.
    fn may_be_missing(&self, line: &str, shared: u64) {
        let ran = self.place.run(line);
        if ran.code != Some(0) {
            let missing = format!("No such image: shared:{shared}\n");
            assert!(ran.stderr.starts_with(&missing), "{line}: {}", ran.stderr);
        }
    }

    fn tag(&mut self, shared: u64) {
        let name = format!("own-{}:{}", self.number, self.given);
        self.given += 1;
        let ran = self.place.run(&format!("tag shared:{shared} {name}"));
        if ran.code == Some(0) {
            let id = self.place.ok(&format!("image inspect -f '{{{{.Id}}}}' {name}"));
            self.own.push(format!("{name} {}", &id["sha256:".len()..][..12]));
        } else {
            let missing = format!("No such image: shared:{shared}\n");
            assert!(ran.stderr.starts_with(&missing), "{}", ran.stderr);
        }
    }

    fn untag(&mut self) {
        if self.own.len() > 3 {
            let gone = self.own.swap_remove(0);
            let name = gone.split(' ').next().unwrap();
            let out = self.place.ok(&format!("rmi {name}"));
            assert!(out.starts_with(&format!("Untagged: {name}\n")), "{out}");
        }
    }

    fn save_own(&mut self) {
        if let Some(name) = self.own.first().and_then(|n| n.split(' ').next()).map(str::to_owned) {
            self.save(&name);
            assert!(self.place.path(&format!("{}.save", self.number)).exists());
        }
    }

    /// A save either says that there is no such image or is whole.
    fn save(&mut self, name: &str) {
        let file = format!("{}.save", self.number);
        let ran = self.place.run(&format!("save -o {file} {name}"));
        if ran.code == Some(0) {
            assert_eq!(ran.stderr, "", "{name}");
            let verified = self.place.ok(&format!("archive verify {file}"));
            assert!(verified.contains(name), "{verified}");
        } else {
            assert!(ran.stderr.starts_with(&format!("No such image: {name}\n")), "{}", ran.stderr);
            assert!(name.starts_with("shared:"), "{name}");
        }
    }

    /// Two may pull at once, and others remove what was pulled.
    fn pull(&self) {
        if let Some((_, name)) = &self.yard.remote {
            let out = self.place.ok(&format!("pull -q --platform linux/amd64,linux/arm64/v8 {name}"));
            assert_eq!(out, format!("{name}\n"));
        }
    }

    fn import(&self) {
        let file = format!("{}.root", self.number);
        self.place.write(&file, super::common::tar(&[("etc/name", self.number.to_string())]));
        let id = self.place.ok(&format!("import {file}"));
        assert!(id.starts_with("sha256:"), "{id}");
    }

    fn load_over_the_api(&self, shared: u64) {
        let archive = self.place.read(&format!("{shared}.tar"));
        let answer = self.yard.server.ask("POST /images/load?quiet=1", &[], &archive);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains(&format!("Loaded image: shared:{shared}")), "{}", answer.text());
    }

    /// What comes is a whole archive, or the answer is that there is no such image.
    fn save_over_the_api(&self, shared: u64) {
        let answer = self.yard.server.call(&format!("GET /images/shared:{shared}/get"));
        if answer.status == 200 {
            assert!(answer.whole, "{} bytes of {}", answer.body.len(), answer.header("content-length"));
            let file = format!("{}.api", self.number);
            self.place.write(&file, &answer.body);
            self.place.ok(&format!("archive verify {file}"));
        } else {
            assert_eq!(answer.status, 404, "{}", answer.text());
        }
    }

    /// Hangs up in the middle of a load or a save.
    fn vanish(&mut self, shared: u64) {
        let mut stream = UnixStream::connect(self.yard.server.socket()).unwrap();
        if self.below(2) == 0 {
            let archive = self.place.read(&format!("{shared}.tar"));
            let part = self.below(archive.len() as u64) as usize;
            let head =
                format!("POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", archive.len());
            // The server may have answered and hung up first.
            let _ = stream.write_all(&[head.as_bytes(), &archive[..part]].concat());
        } else {
            stream
                .write_all(format!("GET /images/shared:{shared}/get HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
                .unwrap();
            let _ = stream.read(&mut [0; 1000]);
        }
    }
}
