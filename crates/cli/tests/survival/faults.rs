//! A system that says no: every call that work makes is refused once, with what the system may say to it.

use std::collections::BTreeSet;

use barge_testkit::skip;
use barge_testkit::trace::{self, Fate};
use rustix::io::Errno;

use super::work::{LINES, Work};

/// What the system may answer.
fn refusals(call: &str) -> &'static [Errno] {
    match call {
        "write" | "pwrite64" | "writev" | "pwritev" | "fallocate" => &[Errno::NOSPC, Errno::IO, Errno::DQUOT],
        "openat" | "openat2" => &[Errno::MFILE, Errno::ACCESS, Errno::NFILE],
        "mkdir" | "mkdirat" | "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
            &[Errno::NOSPC, Errno::ROFS, Errno::DQUOT]
        }
        "unlink" | "unlinkat" | "rmdir" | "fchmod" => &[Errno::ROFS, Errno::PERM],
        "flock" => &[Errno::NOLCK],
        _ => &[Errno::IO],
    }
}

/// Work that is refused one call either does all of it nevertheless, or says what was refused and where, and fails.
fn refuse_everywhere(work: &Work, every: usize) {
    let (mut point, mut refused, mut said) = (0, 0, BTreeSet::new());
    loop {
        let place = work.place();
        let mut code = None;
        let traced = trace::run(&work.command(&place), |name, at| {
            if at != point {
                return Fate::Done;
            }
            let codes = refusals(name);
            let chosen = codes[(point / every) % codes.len()];
            code = Some(chosen);
            Fate::Refused(chosen)
        })
        .unwrap();
        let Some(hit) = traced.hit else { break };
        let at = format!("{hit}, call {point}, refused with {}", code.unwrap());
        let text = String::from_utf8(traced.output.stderr).unwrap();
        let line = &work.line;
        assert!(!text.contains("panicked"), "{line}, {at}: {text}");
        match traced.output.status.code() {
            Some(0) => assert!(work.is_done(&place), "{line}, {at}: said to be done and is not\n{text}"),
            // The system's loader, which barge has no say in.
            Some(127) => {}
            Some(1) => {
                said.insert(text.replace(place.path("").parent().unwrap().to_str().unwrap(), ""));
            }
            other => panic!("{line}, {at}: {other:?}, {text}"),
        }
        work.judge(&place, &at);
        refused += 1;
        point += every;
    }
    eprintln!("{}: {refused} calls refused", work.line);
    for text in &said {
        let places = ["/", ".tar", "standard output"];
        assert!(places.iter().any(|place| text.contains(place)), "{}: {text}", work.line);
    }
    if std::env::var_os("BARGE_SHOW").is_some() {
        eprintln!("{}", said.into_iter().collect::<String>());
    }
    assert!(refused > 3);
}

/// A clock that was wrong when the store was written, or is now: files from the future and from before there were any.
#[test]
fn clocks_that_were_wrong() {
    for line in LINES {
        let work = Work::new(line);
        for date in ["1970-01-01", "2106-02-07"] {
            let place = work.place();
            let script = format!("find $BARGE_STORE . -exec touch -h -d '{date} UTC' {{}} +");
            assert_eq!(place.shell(&script).code, Some(0));
            let ran = place.run(line);
            assert_eq!(ran.code, Some(0), "{line}, {date}: {}", ran.stderr);
            assert!(work.is_done(&place), "{line}, {date}");
            work.judge(&place, date);
        }
    }
}

/// With few files to be had it fails as a whole, with many it works; in between nothing else happens.
#[test]
fn few_open_files() {
    for line in LINES {
        let work = Work::new(line);
        let mut worked = 0;
        for most in 4..24 {
            let place = work.place();
            let ran = place.shell(&format!("ulimit -n {most}; exec $barge {line}"));
            match ran.code {
                Some(0) => {
                    worked += 1;
                    assert!(work.is_done(&place), "{line}, {most} files");
                }
                // The shell or the loader had too few already.
                Some(126 | 127) => {}
                Some(1) => {
                    assert!(
                        ran.stderr.contains("too many open files"),
                        "{line}, {most} files: {}",
                        ran.stderr
                    );
                }
                other => panic!("{line}, {most} files: {other:?} {}", ran.stderr),
            }
            work.judge(&place, &format!("{most} files"));
        }
        assert!(worked > 0, "{line}");
    }
}

fn refused(line: &str) {
    if trace::AVAILABLE {
        refuse_everywhere(&Work::new(line), super::work::every(2));
    } else {
        skip("a system that says no", "calls are traced on Linux on x86-64 only");
    }
}

#[test]
fn load() {
    refused(LINES[0]);
}

#[test]
fn load_compressed() {
    refused(LINES[1]);
}

#[test]
fn tag() {
    refused(LINES[2]);
}

#[test]
fn remove() {
    refused(LINES[3]);
}

#[test]
fn collect() {
    refused(LINES[4]);
}

#[test]
fn prune() {
    refused(LINES[5]);
}

#[test]
fn import() {
    refused(LINES[6]);
}

#[test]
fn save() {
    refused(LINES[7]);
}

#[test]
fn save_compressed() {
    refused(LINES[8]);
}
