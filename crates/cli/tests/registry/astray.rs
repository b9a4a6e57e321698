//! Credentials stay with the registry they are for, wherever it sends one.

use barge_testkit::peers::Guard;
use barge_testkit::proxy::{Mishap, Proxy};

use super::common::Place;
use super::guarded::{ali, guarded, with_creds};

/// A registry whose blobs are at another host.
fn sending_blobs_to(registry: &str, to: String) -> Proxy {
    Proxy::start(registry, move |asked| {
        if !asked.path.contains("/blobs/") {
            return Mishap::None;
        }
        let location = format!("Location: http://{to}{}\r\n", asked.path);
        Mishap::Instead("307 Temporary Redirect", location, Vec::new())
    })
    .unwrap()
}

#[test]
fn credentials_stay_with_their_registry() {
    let Some((registry, place, name)) = guarded(false, Guard::Password, "team/hello") else { return };
    assert_eq!(with_creds(&place, &ali(), &["push", "-q", &name]).code, Some(0));
    // Another host hears of the blobs and gets no password, whatever the registry says.
    let other = Proxy::start(registry.address(), |_| Mishap::None).unwrap();
    let to = other.address().replace("127.0.0.1", "localhost");
    let proxy = sending_blobs_to(registry.address(), to);
    let through = name.replace(registry.address(), &proxy.address());
    let ran = with_creds(&Place::new(), &ali(), &["pull", "--attempts", "1", &through]);
    assert_eq!(ran.code, Some(1), "the blobs are guarded too");
    assert!(!other.asked().is_empty());
    assert!(other.asked().iter().all(|asked| asked.header("authorization").is_none()));
    assert!(proxy.asked().iter().any(|asked| asked.header("authorization").is_some()));
}

#[test]
fn nobody_else_s_challenge_is_answered() {
    let Some((registry, place, name)) = guarded(false, Guard::Password, "team/hello") else { return };
    assert_eq!(with_creds(&place, &ali(), &["push", "-q", &name]).code, Some(0));
    let thief = Proxy::start(registry.address(), |_| Mishap::None).unwrap();
    let realm = format!("WWW-Authenticate: Bearer realm=\"http://{}/token\"\r\n", thief.address());
    let cache = Proxy::start(registry.address(), move |_| {
        Mishap::Instead("401 Unauthorized", realm.clone(), Vec::new())
    })
    .unwrap();
    let to = cache.address();
    let proxy = sending_blobs_to(registry.address(), to);
    let through = name.replace(registry.address(), &proxy.address());
    assert_eq!(with_creds(&Place::new(), &ali(), &["pull", "--attempts", "1", &through]).code, Some(1));
    assert!(!cache.asked().is_empty() && thief.asked().is_empty(), "{:?}", thief.asked());
    // And what was given for one host is not for its mirror.
    let basic = "WWW-Authenticate: Basic realm=\"x\"\r\n".to_owned();
    let mirror = Proxy::start(registry.address(), move |_| {
        Mishap::Instead("401 Unauthorized", basic.clone(), Vec::new())
    })
    .unwrap();
    let of = format!("{}=http://{}", registry.address(), mirror.address());
    let ran = with_creds(&Place::new(), &ali(), &["pull", "-q", "--mirror", &of, &name]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(mirror.asked().iter().all(|a| a.header("authorization").is_none()) && !mirror.asked().is_empty());
    let both = format!("docker://{name}");
    let ran = with_creds(&place, &ali(), &["copy", &both, "docker://other.test/a:1"]);
    assert!(ran.stderr.contains("\"--creds\" is for one registry"), "{}", ran.stderr);
}
