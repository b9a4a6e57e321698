//! SIGKILL before every call that changes something on disk.

use barge_testkit::skip;
use barge_testkit::trace::{self, Fate};

use super::work::{LINES, Work, changes};

fn kill_everywhere(work: &Work) {
    let mut points = 0;
    loop {
        let place = work.place();
        let mut at = 0;
        let traced = trace::run(&work.command(&place), |name, _| {
            at += usize::from(changes(name));
            if at > points { Fate::Killed } else { Fate::Done }
        })
        .unwrap();
        let Some(hit) = traced.hit else {
            assert_eq!(traced.output.status.code(), Some(0), "{}", work.line);
            break;
        };
        points += 1;
        work.judge(&place, &format!("killed before change {points}, {hit}"));
    }
    eprintln!("{}: killed at {points} points", work.line);
    assert!(points > 3, "{}: {points} points", work.line);
}

fn killed(line: &str) {
    if trace::AVAILABLE {
        kill_everywhere(&Work::new(line));
    } else {
        skip("killed everywhere", "calls are traced on Linux on x86-64 only");
    }
}

#[test]
fn load() {
    killed(LINES[0]);
}

#[test]
fn load_compressed() {
    killed(LINES[1]);
}

#[test]
fn tag() {
    killed(LINES[2]);
}

#[test]
fn remove() {
    killed(LINES[3]);
}

#[test]
fn collect() {
    killed(LINES[4]);
}

#[test]
fn prune() {
    killed(LINES[5]);
}

#[test]
fn import() {
    killed(LINES[6]);
}

#[test]
fn save() {
    killed(LINES[7]);
}

#[test]
fn save_compressed() {
    killed(LINES[8]);
}

#[test]
fn pull() {
    if !trace::AVAILABLE {
        return skip("killed everywhere", "calls are traced on Linux on x86-64 only");
    }
    if let Some(work) = Work::pull() {
        kill_everywhere(&work);
    }
}
