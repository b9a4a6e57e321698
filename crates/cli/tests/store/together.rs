//! Many processes on one store.

use std::fs;
use std::thread;
use std::time::Duration;

use super::common::process::{injected, may_inject};
use super::common::{Layout, Place, Ran, Running};

const WORKERS: u64 = 8;

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
    let missing = "No such image: hello-barge:latest\n";
    assert!(ran.iter().filter(|r| r.code != Some(0)).all(|r| r.stderr.starts_with(missing)));
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
