//! Saves and loads: what they are, how they fail, and what they hold while they last.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::json;

use crate::common::server::write_request;
use crate::common::{Answer, HELLO, Layout, Maker, Place, Server, wait_until};
use crate::{hello, layer, platform};

const MIB: usize = 1 << 20;

/// An image with one layer of so many bytes, and its manifest's digest.
fn large(size: usize) -> (Layout, String) {
    let mut layout = Layout::default();
    let mut random = fastrand::Rng::with_seed(7);
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(size).collect();
    let root = layout.image(&Maker::new("linux/amd64").layer(bytes));
    layout.name(&root, "docker.io/library/large:1");
    (layout, root.digest)
}

/// What transfers under way hold: a save a lease, a load a lease and a folder.
fn under_way(place: &Place) -> usize {
    let count = |folder: &str| {
        std::fs::read_dir(place.store().join(".barge").join(folder)).map_or(0, Iterator::count)
    };
    count("leases") + count("ingest")
}

#[test]
fn a_save_is_what_barge_saves() {
    let (place, server) = hello();
    let answer = server.call("GET /images/hello-barge/get");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-tar"));
    assert!(answer.whole && answer.header("transfer-encoding").is_empty());
    assert_eq!(answer.body, place.saved("hello-barge"));
    let (s390x, amd64) = (platform("linux", "s390x"), platform("linux", "amd64"));
    let of_one = server.call(&format!("GET /v1.48/images/get?names=hello-barge:latest&platform={s390x}"));
    assert_eq!(of_one.body, place.saved("hello-barge:latest --platform linux/s390x"));
    let of_two = server.call(&format!("GET /v1.52/images/hello-barge/get?platform={s390x}&platform={amd64}"));
    assert_eq!(of_two.body, place.saved("hello-barge --platform linux/s390x,linux/amd64"));
    place.ok("tag hello-barge other:1");
    let both = server.call(&format!("GET /images/get?names=other:1&names={HELLO}"));
    assert_eq!(both.body, place.saved(&format!("other:1 {HELLO}")));
    // Before 1.48 nobody could ask for platforms.
    let all = server.call(&format!("GET /v1.47/images/hello-barge/get?platform={s390x}"));
    assert_eq!(all.body, place.saved("hello-barge"));
}

#[test]
fn what_can_be_known_is_said_before_the_first_byte() {
    let (place, server) = hello();
    let (status, text) =
        server.fault(&format!("GET /images/hello-barge/get?platform={}", platform("linux", "mips")));
    assert_eq!(status, 404);
    assert!(text.starts_with("no suitable export target found: image with reference hello-barge:latest was found but does not provide the specified platform (linux/mips)"), "{text}");
    let layer = Layout::hello().platform("linux/s390x")[2].clone();
    std::fs::remove_file(place.blob(&layer)).unwrap();
    let (status, text) = server.fault("GET /images/hello-barge/get");
    assert_eq!(status, 404);
    assert!(text.contains(&layer), "{text}");
}

#[test]
fn what_fails_later_breaks_the_connection() {
    let place = Place::new();
    let (layout, root) = large(8 * MIB);
    place.load(&layout);
    let layer = layer(&layout, &root);
    let mut bytes = std::fs::read(place.blob(&layer)).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::remove_file(place.blob(&layer)).unwrap();
    std::fs::write(place.blob(&layer), &bytes).unwrap();
    let server = Server::start(&place);
    let answer = server.call("GET /images/large:1/get");
    assert_eq!(answer.status, 200);
    assert!(!answer.whole, "a client must not take it for an archive");
    assert!(answer.body.len() > MIB && !answer.text().contains("errorDetail"));
    assert!(server.log().contains("a save was broken off"), "{}", server.log());
    wait_until("the lease to go", || under_way(&place) == 0);
}

#[test]
fn a_load_is_all_or_nothing() {
    let place = Place::new();
    let server = Server::start(&place);
    let archive = Layout::hello().tar();
    let load = |query: &str, body: &[u8]| {
        let answer =
            server.ask(&format!("POST /images/load{query}"), &["Content-Type: application/x-tar"], body);
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        answer.lines()
    };
    let refused = load("", &archive[..archive.len() / 2]);
    let text = refused[0]["error"].as_str().unwrap();
    assert_eq!(refused[0]["errorDetail"]["message"], text, "for older clients and for newer ones");
    assert_eq!(
        load("?quiet=0", b"garbage").last().unwrap()["error"],
        "unrecognized image format: this is a text file\nhint: an image archive is a tar, plain or compressed"
    );
    assert_eq!(place.ok("store check"), "0 images, 0 blobs, 0B hashed: no faults\n");
    assert_eq!(load("?quiet=1", &archive), [json!({"stream": "Loaded image: hello-barge:latest\n"})]);
    assert_eq!(load(&format!("?platform={}", platform("linux", "s390x")), &archive).len(), 1);
    let absent = load(&format!("?platform={}", platform("linux", "mips")), &archive);
    assert!(absent[0]["error"].as_str().unwrap().contains("linux/mips"), "{absent:?}");
    let mut nameless = Layout::default();
    let root = nameless.image(&Maker::new("linux/amd64").layer("n"));
    nameless.list(&root);
    assert_eq!(load("", &nameless.tar()), [json!({"stream": format!("Loaded image ID: {}\n", root.digest)})]);
    assert_eq!(under_way(&place), 0);
}

#[test]
fn whoever_watches_is_told_how_far_a_load_is() {
    let place = Place::new();
    let server = Server::start(&place);
    let archive = large(MIB).0.tar();
    let mut stream = server.send("POST /images/load?quiet=0", &[], b"");
    drop(stream);
    stream = UnixStream::connect(server.socket()).unwrap();
    write!(
        stream,
        "POST /images/load?quiet=0 HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        archive.len()
    )
    .unwrap();
    for piece in archive.chunks(archive.len().div_ceil(4)) {
        stream.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(150));
    }
    let lines = Answer::read(&mut stream, false).lines();
    let steps: Vec<u64> =
        lines.iter().filter_map(|line| line["progressDetail"]["current"].as_u64()).collect();
    assert!(
        !steps.is_empty() && steps.is_sorted() && steps.iter().all(|n| *n <= archive.len() as u64),
        "{lines:?}"
    );
    assert_eq!(lines.last().unwrap(), &json!({"stream": "Loaded image: large:1\n"}));
}

#[test]
fn a_client_that_sends_everything_first_reads_the_answer() {
    let place = Place::new();
    let server = Server::start(&place);
    // Refused at the first block; the rest is more than any socket's buffer holds.
    let mut archive = large(16 * MIB).0.tar();
    archive[..512].fill(b'x');
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    write_request(&mut stream, "POST /images/load", &[], &archive).unwrap();
    let lines = Answer::read(&mut stream, false).lines();
    assert!(lines[0]["errorDetail"]["message"].is_string(), "{lines:?}");
}

#[test]
fn so_does_one_whose_request_makes_no_sense() {
    let (_place, server) = hello();
    let (body, linux) = (vec![7; 4 * MIB], platform("linux", "amd64"));
    for request in [
        &format!("POST /v1.51/images/load?platform={linux}&platform={linux}"),
        "POST /v1.99/images/load",
        "POST /nothing/here",
        "POST /images/create?fromSrc=http://example.org/x.tar",
        "POST /images/create?fromSrc=-&repo=A",
    ] {
        let mut stream = UnixStream::connect(server.socket()).unwrap();
        write_request(&mut stream, request, &[], &body).unwrap();
        let answer = Answer::read(&mut stream, false);
        assert!([400, 404].contains(&answer.status) && answer.json()["message"].is_string(), "{request}");
    }
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let place = Place::new();
    let (layout, _) = large(32 * MIB);
    let archive = layout.tar();
    let server = Server::start(&place);
    // In the middle of a load.
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    write!(stream, "POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\n\r\n", archive.len())
        .unwrap();
    stream.write_all(&archive[..16 * MIB]).unwrap();
    wait_until("the load", || under_way(&place) == 2);
    drop(stream);
    wait_until("the load to end", || under_way(&place) == 0);
    assert_eq!(place.ok("store check"), "0 images, 0 blobs, 0B hashed: no faults\n");
    // In the middle of a save.
    server.ask("POST /images/load", &[], &archive);
    let mut stream = server.send("GET /images/large:1/get", &[], b"");
    let mut some = vec![0; MIB];
    stream.read_exact(&mut some).unwrap();
    assert_eq!(under_way(&place), 1);
    drop(stream);
    wait_until("the save to end", || under_way(&place) == 0);
    // While it waits for events.
    let before = open_files(&server);
    let stream = server.send("GET /events", &[], b"");
    wait_until("the events", || open_files(&server) > before);
    drop(stream);
    wait_until("the events to end", || open_files(&server) == before);
}

fn open_files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count()
}

/// The most memory the server has had, in MiB.
fn peak(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() / 1024
}

#[test]
fn silent_clients_are_given_up() {
    let place = Place::new();
    place.load(&large(16 * MIB).0);
    let server = Server::with(&place, &["--idle-timeout", "1"]);
    // Takes nothing of a save.
    let taking = server.send("GET /images/large:1/get", &[], b"");
    // Sends half of a load.
    let mut sending = UnixStream::connect(server.socket()).unwrap();
    write!(sending, "POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 100000\r\n\r\n").unwrap();
    sending.write_all(&[0; 1000]).unwrap();
    wait_until("both", || under_way(&place) == 3);
    wait_until("both to end", || under_way(&place) == 0);
    let answer = Answer::read(&mut sending, false);
    assert!(answer.text().contains("nothing came for 1 seconds"), "{}", answer.text());
    drop(taking);
    assert_eq!(server.call("GET /_ping").status, 200);
}

#[test]
fn sixty_four_at_once_in_bounded_memory() {
    const EACH: usize = 32;
    /// Measured: 100 MiB in a release build, 160 in a debug build.
    const MOST: usize = 400;
    let place = Place::new();
    let (layout, _) = large(8 * MIB);
    let archive = layout.tar();
    place.load(&layout);
    let server = Server::start(&place);
    let expected = place.saved("large:1");
    std::thread::scope(|scope| {
        for n in 0..EACH {
            let (server, expected, archive) = (&server, &expected, &archive);
            scope.spawn(move || {
                let mut stream = server.send("GET /images/large:1/get", &[], b"");
                // Every fourth reads slowly at first: the server must not read ahead for it.
                if n % 4 == 0 {
                    std::thread::sleep(Duration::from_millis(300));
                }
                let answer = Answer::read(&mut stream, false);
                assert!(answer.whole && answer.body == *expected);
            });
            scope.spawn(move || {
                let answer = server.ask("POST /images/load", &[], archive);
                assert_eq!(answer.lines(), [json!({"stream": "Loaded image: large:1\n"})]);
            });
        }
    });
    let peak = peak(&server);
    assert!(peak < MOST, "{peak} MiB");
    assert_eq!(under_way(&place), 0);
    assert_eq!(place.ok("store check").split(':').nth(1), Some(" no faults\n"));
}

#[test]
fn heads_and_bodies_are_bounded() {
    let (_place, server) = hello();
    let long = "x".repeat(1 << 20);
    let mut stream = UnixStream::connect(server.socket()).unwrap();
    let _ = write!(stream, "GET /images/{long}/json HTTP/1.1\r\nHost: d\r\n\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    let body = format!("{{\"username\":\"{}\"}}", "x".repeat(100_000));
    let refused = server.ask("POST /auth", &[], body.as_bytes());
    assert_eq!((refused.status, refused.json()["message"].as_str()), (400, Some("length limit exceeded")));
    assert_eq!(server.ask("POST /auth", &[], b"{").status, 400);
}
