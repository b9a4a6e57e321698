//! What a server says when it cannot begin: why, in one line, and what to do where there is one thing.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::common::Place;

#[test]
fn an_address_says_what_it_is() {
    let place = Place::new();
    let begin = "it has to begin with unix://, tcp:// or fd://";
    for (host, why) in [
        ("/run/x.sock", format!("{begin}\nhint: write `--host unix:///run/x.sock`")),
        ("127.0.0.1:2375", format!("{begin}\nhint: write `--host tcp://127.0.0.1:2375`")),
        ("localhost:2375", begin.to_owned()),
        ("npipe://x", begin.to_owned()),
        ("unix://x.sock", "a unix socket has an absolute path".to_owned()),
        ("tcp://localhost:2375", "no IP address".to_owned()),
        ("tcp://127.0.0.1:99999", "99999 is no port".to_owned()),
    ] {
        let said = place.fails(&format!("serve -H {host}"));
        assert_eq!(said, format!("invalid bind address ({host}): {why}\n"));
    }
}

/// What is said of a unix socket at `path`.
#[track_caller]
fn refused(place: &Place, path: &str) -> String {
    let said = place.fails(&format!("serve -H unix://{path}"));
    let begins = format!("listen on {path}: ");
    said.strip_prefix(&begins).unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
#[cfg(target_os = "linux")]
fn a_socket_s_path_is_short() {
    let place = Place::new();
    let folder = place.path("").display().to_string();
    let path = |length: usize| format!("{folder}{}", "x".repeat(length - folder.len()));
    assert_eq!(
        refused(&place, &path(108)),
        "the path has 108 bytes, and a socket's has 107 at most\nhint: choose a shorter path with `--host`\n"
    );
    assert_eq!(place.files(), Vec::<String>::new(), "nothing was made");
}

#[test]
fn where_somebody_listens() {
    let place = Place::new();
    let path = place.path("taken").display().to_string();
    let _listener = UnixListener::bind(&path).unwrap();
    let said = "somebody listens there already\nhint: stop it first, or choose another place with `--host`\n";
    assert_eq!(refused(&place, &path), said);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let said = |flag: &str| {
        format!(
            "listen on tcp://{address}: somebody listens there already\n\
             hint: stop it first, or choose another port with `{flag}`\n"
        )
    };
    assert_eq!(place.fails(&format!("serve -H tcp://{address} --insecure-loopback")), said("--host"));
    let metrics = format!("serve -l error -H unix://{path}2 --metrics-addr {address}");
    assert_eq!(place.fails(&metrics), said("--metrics-addr"));
    assert!(!place.path("taken2").exists(), "the socket goes with the server");
}

#[test]
fn an_address_of_another_machine() {
    let place = Place::new();
    let socket = place.path("x").display().to_string();
    // An address of documents' (RFC 5737), which no machine has.
    let said = place.fails(&format!("serve -l error -H unix://{socket} --metrics-addr 192.0.2.1:9323"));
    assert_eq!(
        said,
        "listen on tcp://192.0.2.1:9323: this machine has no such address\n\
         hint: choose one that it has with `--metrics-addr`\n"
    );
}

#[test]
fn folders_that_are_missing_or_somebody_else_s() {
    let place = Place::new();
    let folder = place.path("missing").display().to_string();
    assert_eq!(
        refused(&place, &format!("{folder}/x.sock")),
        format!("there is no folder {folder}\nhint: make it first, or choose another place with `--host`\n")
    );
    assert!(!place.path("missing").exists());
    place.write("file", "mine");
    let file = place.path("file").display().to_string();
    assert_eq!(
        refused(&place, &file),
        "what is there is no socket\nhint: choose another place with `--host`\n"
    );
    assert_eq!(place.files(), ["file"], "no lock was left beside it");
}

/// Not even root makes files there.
#[test]
#[cfg(target_os = "linux")]
fn folders_that_may_not_be_written_to() {
    assert_eq!(
        refused(&Place::new(), "/sys/barge.sock"),
        "the folder /sys may not be written to\nhint: choose another place with `--host`\n"
    );
}
