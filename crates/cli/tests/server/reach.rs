//! TCP, certificates, and the listener for metrics.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use barge_testkit::peers::Clients;

use crate::common::server::write_request;
use crate::common::{Answer, HELLO, Place, Server, wait_until};

/// An address nobody else has at the moment.
fn free() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn over_tcp(address: &str, request: &str, headers: &[&str]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write_request(&mut stream, request, headers, b"").unwrap();
    Answer::read(&mut stream, false)
}

#[test]
fn tcp_without_certificates_is_refused() {
    let place = Place::new();
    for host in ["tcp://127.0.0.1:0", "tcp://0.0.0.0:0", "tcp://[::]:0"] {
        let said = place.fails(&format!("serve -H {host}"));
        assert!(said.starts_with(&format!("refusing to listen on {host} without TLS")), "{said}");
    }
    let said = place.fails("serve -H tcp://0.0.0.0:0 --insecure-loopback");
    assert!(said.starts_with("refusing to listen on tcp://0.0.0.0:0 without TLS"), "{said}");
    let said = place.run("serve -H tcp://127.0.0.1:0 --tlsverify --tlscacert a");
    assert!(said.stderr.contains("`--tlscert` and `--tlskey` together"), "{}", said.stderr);
    let said = place.fails("serve -H tcp://127.0.0.1:0 --tlsverify --tlscacert a --tlscert b --tlskey c");
    assert!(said.starts_with("a cannot be used for TLS"), "{said}");
    for host in ["npipe://x", "/run/x.sock", "unix://x.sock"] {
        assert!(place.fails(&format!("serve -H {host}")).starts_with("invalid bind address"), "{host}");
    }
}

#[test]
fn loopback_is_for_programs_and_not_for_pages() {
    let place = Place::hello();
    let address = free();
    let server = Server::with(&place, &["-H", &format!("tcp://{address}"), "--insecure-loopback"]);
    assert_eq!(over_tcp(&address, "GET /images/json", &[]).status, 200);
    // A page that a browser shows may send requests, too; it cannot hide that it is one.
    for (request, header) in [
        ("POST /images/prune", "Origin: https://example.org"),
        ("GET /images/get?names=hello-barge", "Sec-Fetch-Site: cross-site"),
        ("GET /images/json", "Referer: https://example.org/"),
    ] {
        assert_eq!(over_tcp(&address, request, &[header]).status, 403, "{request} {header}");
    }
    // Nor under which name it found us.
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /images/json HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Answer::read(&mut stream, false).status, 403);
    drop(server);
}

#[test]
fn with_certificates_on_both_sides() {
    let Some(clients) = Clients::start().unwrap() else { return };
    let place = Place::hello();
    let folder = clients.certificates().unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let address = free();
    let host = format!("tcp://{address}");
    let server = Server::with(
        &place,
        &[
            "-H",
            &host,
            "--tlsverify",
            "--tlscacert",
            &file("ca.crt"),
            "--tlscert",
            &file("server.crt"),
            "--tlskey",
            &file("server.key"),
        ],
    );
    let run = |script: &str| {
        let script = format!("export DOCKER_HOST={host}\n{script}");
        clients.run(&place.path(""), server.socket(), &script).unwrap()
    };
    let tls = "--tlsverify --tlscacert /peer/ca.crt --tlscert /peer/client.crt --tlskey /peer/client.key";
    let listed = run(&format!("docker {tls} image ls --no-trunc -q"));
    assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), HELLO, "{listed:?}");
    let saved = run(&format!("docker {tls} save -o over-tls.tar hello-barge"));
    assert!(saved.status.success(), "{saved:?}");
    assert_eq!(place.read("over-tls.tar"), place.saved("hello-barge"));
    // The other way round: barge as a client.
    let save =
        format!("save --from docker --host {host} hello-barge --tlsverify --tlscacert {}", file("ca.crt"));
    let identity = format!("--tlscert {} --tlskey {}", file("client.crt"), file("client.key"));
    assert_eq!(place.run(&format!("{save} {identity}")).stdout, place.saved("hello-barge"));
    assert_eq!(place.run(&save).code, Some(1), "it has shown no certificate");
    let strangers = format!("save --from docker --host {host} hello-barge --tlsverify {identity}");
    assert_eq!(place.run(&strangers).code, Some(1), "it has believed an authority that nobody knows");
    // Who shows no certificate, or one of another authority, is not let in.
    assert!(!run(&format!("curl -sS --cacert /peer/ca.crt https://{address}/_ping")).status.success());
    let other = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout o.key -out o.crt -days 1 -subj /CN=x 2>&1";
    assert!(run(other).status.success());
    assert!(
        !run(&format!("curl -sS --cacert /peer/ca.crt --cert o.crt --key o.key https://{address}/_ping"))
            .status
            .success()
    );
    // And neither is who speaks no TLS.
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /_ping HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
    wait_until("the log", || server.log().matches("was not let in").count() >= 2);
}

#[test]
fn metrics() {
    let place = Place::hello();
    let address = free();
    let server = Server::with(&place, &["--metrics-addr", &address]);
    let size = server.call("GET /images/hello-barge/get").body.len();
    server.call("GET /images/gone/json");
    server.ask("POST /images/load", &[], &place.saved("hello-barge"));
    let stream = server.send("GET /events", &[], b"");
    let metrics = || {
        let answer = over_tcp(&address, "GET /metrics", &[]);
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/plain; version=0.0.4"));
        answer.text()
    };
    let blobs: u64 = std::fs::read_dir(place.store().join("blobs/sha256"))
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap().len())
        .sum();
    wait_until("all of it", || metrics().contains("barge_connections 1"));
    let text = metrics();
    for line in [
        "barge_requests_total{code=\"200\",route=\"save\"} 1".to_owned(),
        "barge_requests_total{code=\"404\",route=\"inspect\"} 1".to_owned(),
        format!("barge_sent_bytes_total{{route=\"save\"}} {size}"),
        format!("barge_received_bytes_total{{route=\"load\"}} {size}"),
        "barge_request_duration_seconds_count{route=\"save\"} 1".to_owned(),
        "barge_transfers 0".to_owned(),
        "barge_store_images 1".to_owned(),
        format!("barge_store_bytes {blobs}"),
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    drop(stream);
    wait_until("the connection to go", || metrics().contains("barge_connections 0"));
    // It is no way to the images, and the images are no way to it.
    assert_eq!(over_tcp(&address, "GET /images/json", &[]).status, 404);
    assert_eq!(over_tcp(&address, "POST /metrics", &[]).status, 405);
    assert_eq!(over_tcp(&address, "GET /metrics", &["Origin: https://example.org"]).status, 403);
    assert_eq!(server.call("GET /metrics").status, 404);
}
