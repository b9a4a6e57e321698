//! TLS: certificates of registries and our own, and the way there through a proxy.

use std::fs;
use std::process::Command;

use barge_testkit::peers::Guard;
use barge_testkit::proxy::{Mishap, Proxy};

use super::common::Place;
use super::guarded::{ali, guarded, with_creds};

#[test]
fn certificates() {
    let Some((registry, place, name)) = guarded(true, Guard::None, "team/hello") else { return };
    let said = place.run(&format!("push --attempts 2 {name}")).stderr;
    assert!(said.contains("certificate") && said.contains("certs.d"), "{said}");
    assert_eq!(place.ok(&format!("push -q --tls-verify=false {name}")), format!("{name}\n"));
    let login = |flag: &str| {
        let line = format!("login {flag}-u ali --password-stdin {}", registry.address());
        Place::new().run_with(&line, b"secret")
    };
    assert!(login("").stderr.contains("certificate"));
    let ran = login("--tls-verify=false ");
    assert_eq!((ran.code, ran.out().as_str()), (Some(0), "Login Succeeded\n"), "{}", ran.stderr);
    let folder = place.path(&format!(".config/docker/certs.d/{}", registry.address()));
    fs::create_dir_all(&folder).unwrap();
    fs::copy(registry.authority(), folder.join("ca.crt")).unwrap();
    let pull = |place: &Place, tell: &dyn Fn(&mut Command)| {
        let other = Place::new();
        let mut command = other.command(&["pull", "-q", &name]);
        command.env("HOME", place.path(""));
        tell(&mut command);
        let ran = other.run_in(command, b"");
        (ran.code, ran.stderr)
    };
    assert_eq!(pull(&place, &|_| {}), (Some(0), String::new()));
    let elsewhere = Place::new();
    assert_eq!(
        pull(&elsewhere, &|command| {
            command.env("SSL_CERT_FILE", registry.authority());
        })
        .0,
        Some(0)
    );
    assert_eq!(pull(&elsewhere, &|_| {}).0, Some(1));
    // A certificate that is none is said with its path.
    fs::write(folder.join("ca.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    fs::write(folder.join("client.cert"), "nothing").unwrap();
    let said = pull(&place, &|_| {}).1;
    assert!(said.contains("client.key"), "{said}");
}

#[test]
fn proxies() {
    let Some((registry, place, name)) = guarded(true, Guard::Password, "team/hello") else { return };
    let pushed = with_creds(&place, &ali(), &["push", "-q", "--tls-verify=false", &name]);
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    let proxy = Proxy::start(registry.address(), |_| Mishap::Tunnel).unwrap();
    let through = |variables: &[(&str, &str)]| {
        let other = Place::new();
        let name = "registry.test/team/hello:v1";
        let mut command = other.command(&["pull", "-q", "--attempts", "1", "--creds", &ali(), name]);
        command.env("SSL_CERT_FILE", registry.authority()).envs(variables.iter().copied());
        let ran = other.run_in(command, b"");
        (ran.code, ran.stderr)
    };
    let (url, with_password) =
        (format!("http://{}", proxy.address()), format!("http://me:hunter2@{}", proxy.address()));
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        assert_eq!(through(&[(variable, &url)]), (Some(0), String::new()), "{variable}");
    }
    assert!(proxy.asked().iter().all(|a| a.method == "CONNECT" && a.path == "registry.test:443"));
    assert!(proxy.asked().iter().all(|a| a.header("authorization").is_none()), "that is for the registry");
    proxy.forget();
    assert_eq!(through(&[("HTTPS_PROXY", &with_password)]).0, Some(0));
    assert!(proxy.asked().iter().all(|a| a.header("proxy-authorization").is_some()));
    proxy.forget();
    for except in ["registry.test", ".test", "test", "other.org, registry.test", "*"] {
        let (code, said) = through(&[("HTTPS_PROXY", &with_password), ("NO_PROXY", except)]);
        assert_eq!(code, Some(1), "{except}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert!(proxy.asked().is_empty());
    let said = through(&[("HTTPS_PROXY", "http://me:hunter2@127.0.0.1:1")]).1;
    assert!(said.contains(": proxy 127.0.0.1:1: connection refused\nhint: "), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let said = through(&[("HTTPS_PROXY", "::hunter2::")]).1;
    assert!(said.contains("HTTPS_PROXY") && !said.contains("hunter2"), "{said}");
}

#[test]
fn certificates_of_our_own() {
    let Some((registry, place, name)) = guarded(true, Guard::Certificate, "team/hello") else { return };
    let folder = place.path(&format!(".config/docker/certs.d/{}", registry.address()));
    fs::create_dir_all(&folder).unwrap();
    fs::copy(registry.authority(), folder.join("ca.crt")).unwrap();
    let push = || {
        let mut command = place.command(&["push", "-q", "--attempts", "1", &name]);
        command.env("HOME", place.path(""));
        place.run_in(command, b"")
    };
    assert_eq!(push().code, Some(1), "nobody was let in without one");
    for (from, to) in [("client.crt", "client.cert"), ("client.key", "client.key")] {
        fs::copy(registry.authority().with_file_name(from), folder.join(to)).unwrap();
    }
    let ran = push();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}
