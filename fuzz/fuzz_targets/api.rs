//! The Engine API: a request line and a body, sent to a server that serves a store with an image in it.
//!
//! The first line is a method and a target, `GET /v1.51/images/json?all=1`; what follows is the body.
#![no_main]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use barge_core::ops::{LoadOptions, Source, stage};
use barge_core::progress::Silent;
use barge_core::store::Store;
use barge_fuzz::{ignore_broken_pipes, registries};
use barge_server::{Access, Address, Options, serve};
use barge_sources::registry::Credentials;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

struct Served {
    folder: TempDir,
    store: Store,
}

impl Served {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whatever requests made of it, there is an image again.
    fn fill(&self) {
        if self.store.images().unwrap().is_empty() {
            let layout = self.path("layout");
            stage(&self.store, Source::Path(&layout), &LoadOptions::default(), &Silent)
                .unwrap()
                .commit("")
                .unwrap();
        }
    }
}

static SERVED: LazyLock<Served> = LazyLock::new(|| {
    ignore_broken_pipes();
    let folder = tempfile::tempdir().unwrap();
    barge_testkit::sample::write(&folder.path().join("layout")).unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let socket = folder.path().join("socket");
    let (served, address) = (store.clone(), Address::Unix(socket.clone()));
    let options = Options {
        version: "0".to_owned(),
        registries: registries(Credentials::default(), Duration::from_millis(100)),
        parallel: 1,
        metrics: None,
        idle: Duration::from_millis(500),
        grace: Duration::from_millis(1),
    };
    std::thread::spawn(move || serve(served, &[address], &Access::default(), options));
    while !Path::exists(&socket) {
        std::thread::sleep(Duration::from_millis(1));
    }
    Served { folder, store }
});

fuzz_target!(|input: &[u8]| {
    SERVED.fill();
    let at = input.iter().position(|b| *b == b'\n').unwrap_or(input.len());
    let (line, body) = (&input[..at], input.get(at + 1..).unwrap_or_default());
    let mut socket = UnixStream::connect(SERVED.path("socket")).unwrap();
    // Streams of events have no end.
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let head = format!(" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let sent = [line, head.as_bytes(), body].iter().try_for_each(|part| socket.write_all(part));
    let mut answer = Vec::new();
    let _ = (&socket).take(1 << 20).read_to_end(&mut answer);
    let _ = socket.shutdown(Shutdown::Both);
    if sent.is_ok() && !answer.is_empty() {
        assert!(answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
        let panicked = answer.starts_with(b"HTTP/1.1 500") && answer.windows(8).any(|w| w == b"panicked");
        assert!(!panicked, "{}", String::from_utf8_lossy(&answer));
    }
});
