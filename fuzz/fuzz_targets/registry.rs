//! What a registry answers, byte for byte: the input is the answers to the first requests, with zero bytes between
//! them. In each, `<port>` stands for where the registry listens, so that it can send clients to itself.
#![no_main]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use barge_core::content::{Documents, Remote};
use barge_fuzz::{ignore_broken_pipes, registries};
use barge_oci::{Descriptor, Reference};
use barge_sources::registry::{Credential, Credentials, Registry};
use libfuzzer_sys::fuzz_target;

static ANSWERS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

static PORT: LazyLock<u16> = LazyLock::new(|| {
    ignore_broken_pipes();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = BufReader::new(client.unwrap());
            let mut line = String::new();
            while client.read_line(&mut line).is_ok_and(|n| n > 2) {
                line.clear();
            }
            let answer = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner).pop();
            // Whoever has heard enough hangs up.
            let _ = client.get_mut().write_all(&answer.unwrap_or_default());
        }
    });
    port
});

fuzz_target!(|input: &[u8]| {
    let host = format!("127.0.0.1:{}", *PORT);
    let given = input.split(|b| *b == 0).take(8).map(|answer| match std::str::from_utf8(answer) {
        Ok(text) => text.replace("<port>", &PORT.to_string()).into_bytes(),
        Err(_) => answer.to_vec(),
    });
    let mut answers: Vec<Vec<u8>> = given.collect();
    answers.reverse();
    let credential = Credential::Password { username: "name".to_owned(), password: "secret".to_owned() };
    let credentials = Credentials { given: Some((host.clone(), credential)), files: Vec::new() };
    let settings = Arc::new(registries(credentials, Duration::from_millis(200)));
    let begin = || *ANSWERS.lock().unwrap_or_else(PoisonError::into_inner) = answers.clone();
    let repository = || Registry::new(&host, Arc::clone(&settings)).unwrap().repository("a/b");
    begin();
    let name = Reference::parse(&format!("{host}/a/b:1")).unwrap();
    if let Ok(found) = repository().resolve(&name) {
        drop(repository().document(&found));
    }
    begin();
    drop(repository().tags());
    let layer = Descriptor::of("application/vnd.oci.image.layer.v1.tar", b"layer");
    begin();
    drop(repository().referrers(&layer.digest));
    begin();
    if let Ok(blob) = repository().read_from(&layer, 0) {
        let mut out = Vec::new();
        let _ = blob.take(1 << 20).read_to_end(&mut out);
        // One byte too many is how whoever verifies it learns that there is more.
        assert!(out.len() as u64 <= layer.size + 1, "more than was asked for");
    }
});
