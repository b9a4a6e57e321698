//! Many processes on one store.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::common::process::{injected, may_inject};
use super::common::{Layout, Maker, Place, Ran, Running};

const WORKERS: u64 = 8;
const WORK: Duration = Duration::from_secs(4);
/// How many images the workers load and remove under each other's hands.
const SHARED: u64 = 4;

#[test]
fn no_name_is_lost() {
    let place = Place::hello();
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let place = &place;
            scope.spawn(move || {
                for n in 0..15 {
                    place.ok(&format!("tag hello-barge worker-{worker}:{n}"));
                }
            });
        }
    });
    assert_eq!(place.names().len(), 15 * WORKERS as usize + 1);
}

#[test]
fn one_of_many_removes() {
    let place = Place::hello();
    let ran: Vec<Ran> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(|| place.run("rmi hello-barge"))).collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    assert_eq!(ran.iter().filter(|r| r.code == Some(0)).count(), 1);
    assert!(
        ran.iter().filter(|r| r.code != Some(0)).all(|r| r.stderr == "No such image: hello-barge:latest\n")
    );
}

#[test]
fn a_new_store_made_by_many() {
    let layout = Layout::hello();
    for _ in 0..8 {
        let place = Place::new();
        layout.write(&place.path("layout"));
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| assert_eq!(place.ok("load -i layout"), "Loaded image: hello-barge:latest\n"));
            }
        });
        assert_eq!(place.names().len(), 1);
        assert!(place.ok("store check").ends_with(": no faults\n"));
    }
}

/// One process looks at an empty folder, another makes a store of it, and then the first looks again.
#[test]
fn a_store_that_is_made_meanwhile() {
    if !may_inject("a store that is made meanwhile") {
        return;
    }
    let place = Place::new();
    fs::create_dir(place.store()).unwrap();
    Layout::hello().write(&place.path("layout"));
    let slowly = "getdents64:delay_enter=400000:when=1";
    let looks = Running::start_as_is(injected(&place.command(&["images", "-q"]), slowly));
    thread::sleep(Duration::from_millis(150));
    place.ok("load -i layout");
    let ran = looks.end();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

/// Loads, saves, tags, removals and garbage collections at random: every save is whole, no name is lost, the
/// names can be read at any moment, and the store is sound in the end.
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
    let over = AtomicBool::new(false);
    let kept: BTreeSet<String> = thread::scope(|scope| {
        let reader = scope.spawn(|| read_names(&place, &over));
        let worker = |n| Worker::new(&place, n).work();
        let workers: Vec<_> = (0..WORKERS).map(|n| scope.spawn(move || worker(n))).collect();
        let done: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 10);
        done.into_iter().flat_map(Result::unwrap).collect()
    });
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
        place.ok(&format!("save -o /dev/null {name}"));
    }
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
    place: &'a Place,
    number: u64,
    random: u64,
    /// Names that only this worker gives and takes, each with the ID it stands for.
    own: Vec<String>,
    given: u64,
}

impl<'a> Worker<'a> {
    fn new(place: &'a Place, number: u64) -> Self {
        Self { place, number, random: 0x9e37_79b9_7f4a_7c15 ^ (number + 1), own: Vec::new(), given: 0 }
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
        while began.elapsed() < WORK {
            let shared = self.below(SHARED);
            match self.below(12) {
                0..=2 => self.load(shared),
                3..=4 => self.tag(shared),
                5..=6 => self.save(&format!("shared:{shared}")),
                7 => self.save_own(),
                8..=9 => self.may_be_missing(&format!("rmi shared:{shared}"), shared),
                10 => self.untag(),
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
            assert_eq!(ran.stderr, format!("No such image: shared:{shared}\n"), "{line}");
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
            assert_eq!(ran.stderr, format!("No such image: shared:{shared}\n"));
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
            assert_eq!(ran.stderr, format!("No such image: {name}\n"));
            assert!(name.starts_with("shared:"), "{name}");
        }
    }
}
