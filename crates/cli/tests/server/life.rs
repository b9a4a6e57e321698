//! How a server comes, who else may come, and how it goes.

use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Answer, Layout, Place, Server, installed, wait_until};
use crate::hello;

#[test]
fn the_socket_is_for_its_owner_and_group() {
    let place = Place::new();
    let server = Server::start(&place);
    let meta = std::fs::metadata(server.socket()).unwrap();
    assert!(meta.file_type().is_socket());
    assert_eq!(meta.permissions().mode() & 0o777, 0o660);
    assert_eq!(meta.gid(), rustix::process::getegid().as_raw());
    drop(server);
    assert!(!place.path("barge.sock").exists(), "it goes with the server");
    let socket = place.path("x").display().to_string();
    let said = place.fails(&format!("serve -H unix://{socket} --group nobody-has-this"));
    assert!(said.contains("there is no group \"nobody-has-this\""), "{said}");
}

#[test]
fn a_group_may_be_let_in() {
    if !rustix::process::geteuid().is_root() {
        barge_testkit::skip("sockets of other groups", "only root may give them away");
        return;
    }
    let place = Place::new();
    let server = Server::with(&place, &["--group", "4242"]);
    assert_eq!(std::fs::metadata(server.socket()).unwrap().gid(), 4242);
}

#[test]
fn what_a_killed_server_left_is_no_hindrance() {
    let place = Place::hello();
    let mut server = Server::start(&place);
    server.signal(Signal::KILL);
    server.end();
    assert!(place.path("barge.sock").exists());
    let server = Server::start(&place);
    assert_eq!(server.json("GET /images/json").as_array().unwrap().len(), 1);
}

#[test]
fn a_store_that_went_away_is_made_anew() {
    let (place, server) = hello();
    let archive = place.saved("hello-barge");
    let images = || server.json("GET /images/json").as_array().unwrap().len();
    assert_eq!(images(), 1);
    std::fs::rename(place.store(), place.path("elsewhere")).unwrap();
    assert_eq!(images(), 0);
    assert_eq!(server.ask("POST /images/load?quiet=1", &[], &archive).status, 200);
    assert_eq!(images(), 1);
    // Another one in its place, as after a restore.
    std::fs::remove_dir_all(place.store()).unwrap();
    std::fs::rename(place.path("elsewhere"), place.store()).unwrap();
    assert_eq!(images(), 1);
    place.ok("store check");
}

#[test]
fn nobody_is_pushed_aside() {
    let (place, server) = hello();
    // The same socket.
    let socket = server.socket().display().to_string();
    let other = Place::new();
    let said = other.fails(&format!("serve -H unix://{socket}"));
    assert!(said.contains("somebody listens there already"), "{said}");
    // The same store.
    let said = place.fails(&format!("serve -H unix://{socket}2"));
    let id = server.id();
    assert!(said.contains(&format!("is served already, by process {id}")), "{said}");
    assert!(!place.path("barge.sock2").exists());
    // Somebody else's socket, and a file.
    let _listener = UnixListener::bind(place.path("taken")).unwrap();
    let taken = place.path("taken").display().to_string();
    assert!(other.fails(&format!("serve -H unix://{taken}")).contains("somebody listens there already"));
    place.write("file", "mine");
    let file = place.path("file").display().to_string();
    assert!(other.fails(&format!("serve -H unix://{file}")).contains("what is there is no socket"));
    assert_eq!(place.read("file"), b"mine");
    // What is where the lock should be is neither followed nor waited for.
    std::os::unix::fs::symlink(place.path("target"), place.path("linked.lock")).unwrap();
    let linked = place.path("linked").display().to_string();
    assert!(!other.fails(&format!("serve -H unix://{linked}")).is_empty());
    assert!(!place.path("target").exists());
    crate::common::fifo(&place.path("piped.lock"));
    let piped = place.path("piped").display().to_string();
    assert!(!other.fails(&format!("serve -H unix://{piped}")).is_empty());
    // The first goes on as if nothing had been.
    assert_eq!(server.call("GET /images/hello-barge/get").body, place.saved("hello-barge"));
}

#[test]
fn commands_work_beside_it() {
    let (place, server) = hello();
    place.ok("tag hello-barge beside:1");
    assert_eq!(server.call("GET /images/beside:1/json").status, 200);
    server.call("DELETE /images/hello-barge");
    assert_eq!(place.names().len(), 1);
    place.ok("store gc");
    assert_eq!(server.call("GET /images/beside:1/get").status, 200);
}

/// A save that has begun and waits for its reader.
fn save_that_waits(place: &Place, flags: &[&str]) -> (Server, UnixStream, Vec<u8>) {
    let mut layout = Layout::default();
    let image = crate::Maker::new("linux/amd64").layer(vec![7; 8 << 20]);
    let root = layout.image(&image);
    layout.name(&root, "docker.io/library/large:1");
    place.load(&layout);
    let expected = place.saved("large:1");
    let server = Server::with(place, flags);
    let mut stream = server.send("GET /images/large:1/get", &[], b"");
    let mut one = [0];
    stream.read_exact(&mut one).unwrap();
    (server, stream, expected)
}

#[test]
fn it_goes_when_what_is_under_way_is_done() {
    let place = Place::new();
    let (mut server, mut stream, expected) = save_that_waits(&place, &[]);
    server.signal(Signal::TERM);
    wait_until("the socket to go", || UnixStream::connect(place.path("barge.sock")).is_err());
    std::thread::sleep(Duration::from_millis(100));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(&expected), "the save comes to its end");
    assert_eq!(server.end(), Some(0));
    assert!(server.log().contains("stopped"), "{}", server.log());
}

#[test]
fn what_takes_too_long_is_broken_off() {
    for (grace, signals) in [("0", 1), ("600", 2)] {
        let place = Place::new();
        let (mut server, mut stream, expected) = save_that_waits(&place, &["--shutdown-timeout", grace]);
        for _ in 0..signals {
            server.signal(Signal::TERM);
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(server.end(), Some(0), "{}", server.log());
        let mut rest = Vec::new();
        // Broken off is what it is.
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.len() < expected.len());
        assert!(server.log().contains("broken off"), "{}", server.log());
        assert_eq!(std::fs::read_dir(place.store().join(".barge/leases")).unwrap().count(), 0);
    }
}

#[test]
fn a_load_that_does_not_end_leaves_nothing() {
    let place = Place::new();
    let mut server = Server::with(&place, &["--shutdown-timeout", "0"]);
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    write!(stream, "POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 1000000\r\n\r\n").unwrap();
    stream.write_all(&Layout::hello().tar()[..4096]).unwrap();
    let ingests = || std::fs::read_dir(place.store().join(".barge/ingest")).unwrap().count();
    wait_until("the load", || ingests() == 1);
    server.signal(Signal::INT);
    assert_eq!(server.end(), Some(0));
    assert_eq!(ingests(), 0);
}

#[test]
fn listeners_of_events_do_not_hold_it_up() {
    let (_place, mut server) = hello();
    let mut stream = server.send("GET /events", &[], b"");
    std::thread::sleep(Duration::from_millis(100));
    server.signal(Signal::TERM);
    assert_eq!(server.end(), Some(0));
    assert!(Answer::read(&mut stream, false).whole);
}

/// A file for systemd.
fn unit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd").join(name)
}

#[test]
fn the_units_are_sound() {
    if !installed("systemd-analyze", "the units") {
        return;
    }
    let place = Place::new();
    for name in ["barge.service", "barge.socket"] {
        // The program and its manual are not installed here.
        let text = std::fs::read_to_string(unit(name)).unwrap();
        let text = text.replace("/usr/bin/barge", env!("CARGO_BIN_EXE_barge")).replace("Documentation=", "#");
        place.write(name, text);
    }
    let ran = place.shell("systemd-analyze verify ./barge.service ./barge.socket");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn sockets_of_systemd_s() {
    let place = Place::hello();
    let socket = place.path("activated.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    // What systemd does: the socket is descriptor 3, LISTEN_PID is whoever is started, and the words are the unit's.
    let mut command = std::process::Command::new("bash");
    let script = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" --store \"$@\" 3<&0 </dev/null";
    command.args(["-c", script, env!("CARGO_BIN_EXE_barge")]).arg(place.store());
    let service = std::fs::read_to_string(unit("barge.service")).unwrap();
    let words = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    command.args(words.split(' ').skip_while(|word| *word != "serve"));
    let server =
        Server::command_with_stdin(&place, command, socket.clone(), std::os::fd::OwnedFd::from(listener));
    let answer = server.call("GET /images/json");
    assert_eq!(answer.json().as_array().unwrap().len(), 1);
    drop(server);
    assert!(socket.exists(), "it is systemd's");
    let said = place.fails("serve -H fd://");
    assert!(said.contains("no sockets were handed over"), "{said}");
}

#[test]
fn readiness_is_told() {
    let place = Place::new();
    let notify = std::os::unix::net::UnixDatagram::bind(place.path("notify")).unwrap();
    notify.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let socket = place.path("barge.sock");
    let mut command = place.command(&["serve", "-H", &format!("unix://{}", socket.display())]);
    command.env("NOTIFY_SOCKET", place.path("notify"));
    let mut server = Server::command(&place, command, socket);
    let mut buffer = [0; 256];
    let mut told = || {
        let n = notify.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..n]).trim().to_owned()
    };
    assert_eq!(told(), "READY=1");
    server.signal(Signal::TERM);
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn logs_are_lines_or_objects() {
    let place = Place::hello();
    let server = Server::start(&place);
    server.call("GET /images/gone/json");
    assert!(server.log().contains("No such image: gone:latest"), "{}", server.log());
    wait_until("the log", || server.log().contains("answered"));
    // People read `took=3.1ms`, programs a number of seconds.
    let log = server.log();
    let took = log.split(" took=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let digits = took.trim_end_matches(|c: char| c.is_ascii_lowercase());
    assert!(digits.parse::<f64>().is_ok() && ["us", "ms", "s"].contains(&&took[digits.len()..]), "{log}");
    assert!(!log.contains("seconds="), "{log}");
    drop(server);
    let server = Server::with(&place, &["--log-format", "json", "--log-level", "info"]);
    server.call("GET /images/hello-barge/get");
    wait_until("the log", || server.log().contains("answered"));
    let log = server.log();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered = lines
        .iter()
        .find(|line| line["message"] == "answered" && line["path"] == "/images/hello-barge/get")
        .unwrap();
    assert_eq!((&answered["status"], &answered["whole"]), (&200.into(), &true.into()));
    assert!(
        answered["sent"].as_u64().unwrap() > 1000 && answered["peer"].as_str().unwrap().starts_with("uid=")
    );
    assert!(answered["seconds"].is_f64() && answered["took"].is_null(), "{answered}");
    drop(server);
    let server = Server::with(&place, &["-l", "error"]);
    server.call("GET /images/gone/json");
    assert_eq!(server.log(), "");
}
