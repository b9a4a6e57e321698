//! TLS, passwords and tokens; and that nothing secret is ever said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use barge_testkit::peers::{Guard, Registry, USER};
use barge_testkit::proxy::{Mishap, Proxy};

use super::common::{Place, Ran};

const SECRET: &str = USER.1;

/// A registry that is guarded, and the sample image under its name in a store.
fn guarded(tls: bool, guard: Guard, repository: &str) -> Option<(Registry, Place, String)> {
    let registry = Registry::guarded(tls, guard).unwrap()?;
    let place = Place::hello();
    let name = format!("{}/{repository}:v1", registry.address());
    place.ok(&format!("tag hello-barge {name}"));
    Some((registry, place, name))
}

/// Runs a command with `--creds`, as a word may have a space.
fn with_creds(place: &Place, creds: &str, arguments: &[&str]) -> Ran {
    place.run_in(place.command(&[arguments, &["--creds", creds]].concat()), b"")
}

fn ali() -> String {
    format!("{}:{SECRET}", USER.0)
}

/// `config.json` with a password for a host.
fn config(host: &str) -> String {
    // "ali:open sesame"
    format!(r#"{{"auths":{{"{host}":{{"auth":"YWxpOm9wZW4gc2VzYW1l"}}}}}}"#)
}

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
fn passwords() {
    let Some((registry, place, name)) = guarded(false, Guard::Password, "team/hello") else { return };
    let said = place.run(&format!("push {name}")).stderr;
    assert!(said.contains("401 Unauthorized") && said.contains("hint: `barge login "), "{said}");
    let wrong = with_creds(&place, "ali:close sesame", &["push", &name]);
    assert_eq!(wrong.code, Some(1));
    assert!(!wrong.stderr.contains("sesame"), "{}", wrong.stderr);
    let pushed = with_creds(&place, &ali(), &["push", "-q", &name]);
    assert_eq!((pushed.code, pushed.stderr.as_str()), (Some(0), ""));
    let said = place.run(&format!("pull {name}")).stderr;
    let denied = format!(
        "pull access denied for {}, repository does not exist or may require 'docker login'\n",
        name.trim_end_matches(":v1")
    );
    assert!(said.starts_with(&denied), "{said}");

    // From docker's file, from podman's, from the only one that counts, from a helper.
    for (file, variable) in [
        (".docker/config.json", None),
        ("elsewhere/config.json", Some(("DOCKER_CONFIG", "elsewhere"))),
        (".config/containers/auth.json", None),
        ("only.json", Some(("REGISTRY_AUTH_FILE", "only.json"))),
    ] {
        let other = Place::new();
        let home = other.path("");
        let path = home.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, config(registry.address())).unwrap();
        let mut command = other.command(&["pull", "-q", &name]);
        command.env("HOME", &home).envs(variable.map(|(name, value)| (name, home.join(value))));
        let ran = other.run_in(command, b"");
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{file}");
    }
    let other = Place::new();
    let piped = other.run_with(&format!("pull -q --creds ali {name}"), format!("{SECRET}\n").as_bytes());
    assert_eq!(piped.code, Some(0), "{}", piped.stderr);
}

#[test]
fn helpers() {
    let Some((_registry, place, name)) = guarded(false, Guard::Password, "team/hello") else { return };
    assert_eq!(with_creds(&place, &ali(), &["push", "-q", &name]).code, Some(0));
    let bin = place.path("bin");
    fs::create_dir(&bin).unwrap();
    let script = format!("#!/bin/sh\nread server\necho '{{\"Username\":\"ali\",\"Secret\":\"{SECRET}\"}}'\n");
    for (helper, script) in [
        ("good", script.as_str()),
        ("none", "#!/bin/sh\necho credentials not found in native keychain\nexit 1\n"),
        ("bad", "#!/bin/sh\necho hunter2\n"),
    ] {
        let path = bin.join(format!("docker-credential-{helper}"));
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let pull = |helper: &str| {
        place.write("auth.json", format!(r#"{{"credsStore":"{helper}"}}"#));
        let other = Place::new();
        let authfile = place.path("auth.json");
        let mut command = other.command(&["pull", "-q", "--authfile", authfile.to_str().unwrap(), &name]);
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        command.env("PATH", path);
        other.run_in(command, b"")
    };
    let good = pull("good");
    assert_eq!((good.code, good.stderr.as_str()), (Some(0), ""));
    assert!(pull("none").stderr.starts_with("pull access denied"));
    for (helper, said) in
        [("bad", "its answer makes no sense"), ("missing", "No such file"), ("../bad", "slash")]
    {
        let ran = pull(helper);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains(said) && !ran.stderr.contains("hunter2"), "{}", ran.stderr);
        assert!(ran.stderr.contains("\nhint: "), "{}", ran.stderr);
    }
}

#[test]
fn certificates() {
    let Some((registry, place, name)) = guarded(true, Guard::None, "team/hello") else { return };
    let said = place.run(&format!("push --attempts 2 {name}")).stderr;
    assert!(said.contains("certificate") && said.contains("certs.d"), "{said}");
    assert_eq!(place.ok(&format!("push -q --tls-verify=false {name}")), format!("{name}\n"));
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
fn tokens() {
    let Some((registry, place, name)) = guarded(false, Guard::Token(300), "team/hello") else { return };
    let pushed = with_creds(&place, &ali(), &["push", "-q", &name]);
    assert_eq!((pushed.code, pushed.stderr.as_str()), (Some(0), ""));
    assert_eq!(registry.tokens(), ["ali repository:team/hello:pull,push"]);
    let other = Place::new();
    assert!(other.run(&format!("pull {name}")).stderr.starts_with("pull access denied"));
    assert_eq!(with_creds(&other, &ali(), &["pull", "-q", "--platform", "all", &name]).code, Some(0));
    let asked = registry.tokens();
    assert_eq!(asked.last().unwrap(), "ali repository:team/hello:pull", "one token is enough: {asked:?}");

    // Anybody may pull what is public, and a refresh token is as good as a password.
    let public = format!("{}/public/hello:v1", registry.address());
    place.ok(&format!("tag hello-barge {public}"));
    let pushed = with_creds(&place, &ali(), &["push", &public]);
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    assert!(pushed.out().contains(": Mounted from team/hello\n"), "{}", pushed.out());
    Place::new().ok(&format!("pull {public}"));
    place.write(
        "auth.json",
        format!(r#"{{"auths":{{"{}":{{"identitytoken":"token of ali"}}}}}}"#, registry.address()),
    );
    let authfile = place.path("auth.json");
    Place::new().ok(&format!("pull --authfile {} {name}", authfile.display()));
    place.write(
        "auth.json",
        format!(r#"{{"auths":{{"{}":{{"identitytoken":"hunter2"}}}}}}"#, registry.address()),
    );
    let said = Place::new().run(&format!("pull --authfile {} {name}", authfile.display())).stderr;
    assert!(said.contains("401") && said.contains("who are you?") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_token_that_runs_out() {
    // The registry takes a token for 60 seconds more than it says.
    let Some((registry, place, name)) = guarded(false, Guard::Token(-58), "team/hello") else { return };
    assert_eq!(with_creds(&place, &ali(), &["push", "-q", &name]).code, Some(0));
    let before = registry.tokens().len();
    let late = |asked: &barge_testkit::proxy::Asked| {
        let late = std::time::Duration::from_millis(2500);
        if asked.path.ends_with("/manifests/v1") { Mishap::Late(late) } else { Mishap::None }
    };
    let proxy = Proxy::start(registry.address(), late).unwrap();
    let through = name.replace(registry.address(), &proxy.address());
    let ran = with_creds(&Place::new(), &ali(), &["pull", "-q", &through]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(registry.tokens().len() >= before + 2, "{:?}", registry.tokens());
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
fn login_and_logout() {
    for guard in [Guard::Password, Guard::Token(300)] {
        let Some((registry, place, name)) = guarded(false, guard, "team/hello") else { return };
        let host = registry.address();
        let login = |line: &str, input: &str| {
            let ran = place.run_with(&format!("login {line} {host}"), input.as_bytes());
            (ran.code, ran.out(), ran.stderr)
        };
        let (code, out, said) = login("-u ali --password-stdin", "close sesame\n");
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(said.contains("401 Unauthorized") && !said.contains("sesame"), "{said}");
        let config = place.path("").parent().unwrap().join(".docker/config.json");
        assert!(!config.exists());
        fs::create_dir_all(config.parent().unwrap()).unwrap();
        fs::write(&config, r#"{"psFormat":"table","auths":{"other.org":{"auth":"YTpi"}}}"#).unwrap();
        let (code, out, said) = login("-u ali --password-stdin", &format!("{SECRET}\n"));
        assert_eq!((code, out.as_str()), (Some(0), "Login Succeeded\n"), "{said}");
        assert!(said.starts_with("WARNING! Your credentials are stored unencrypted in '"), "{said}");
        assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
        let kept: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
        assert_eq!(
            (&kept["psFormat"], &kept["auths"]["other.org"]["auth"]),
            (&"table".into(), &"YTpi".into())
        );
        place.ok(&format!("push -q {name}"));
        assert_eq!(place.ok(&format!("logout {host}")), format!("Removing login credentials for {host}\n"));
        assert_eq!(place.ok(&format!("logout {host}")), format!("Not logged in to {host}\n"));
        let kept: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
        assert_eq!(kept["auths"].as_object().unwrap().len(), 1);
        assert_eq!(place.run(&format!("pull -q {name}")).code, Some(1));
        assert!(login("--password-stdin", "x").2.contains("Must provide --username"));
        assert!(login("-u ali", "x").2.contains("non TTY device"));
        fs::write(&config, "[]").unwrap();
        assert!(login("-u ali --password-stdin", SECRET).2.contains("config.json"));
        assert_eq!(fs::read(&config).unwrap(), b"[]");
    }
}

#[test]
fn a_helper_that_keeps() {
    let Some((registry, place, name)) = guarded(false, Guard::Password, "team/hello") else { return };
    let bin = place.path("bin");
    fs::create_dir(&bin).unwrap();
    let script = "#!/bin/sh\ncase $1 in\nstore) cat >kept;;\nget) test -s kept || { echo credentials not found in native keychain; exit 1; }; cat kept;;\nerase) rm kept;;\nesac\n";
    let program = bin.join("docker-credential-file");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    place.write("auth.json", r#"{"credsStore":"file"}"#);
    let run = |line: &str, input: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = place.command(&words);
        command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
        command.env("REGISTRY_AUTH_FILE", place.path("auth.json"));
        place.run_in(command, input.as_bytes())
    };
    let host = registry.address();
    let ran = run(&format!("login -u ali --password-stdin {host}"), SECRET);
    assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), "Login Succeeded\n", ""));
    assert!(!String::from_utf8(place.read("auth.json")).unwrap().contains("auths"));
    let ran = run(&format!("push -q {name}"), "");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let ran = run(&format!("logout {host}"), "");
    assert_eq!(ran.out(), format!("Removing login credentials for {host}\n"));
    assert!(!place.path("kept").exists());
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
    assert!(!said.is_empty() && !said.contains("hunter2"), "{said}");
    let said = through(&[("HTTPS_PROXY", "::hunter2::")]).1;
    assert!(said.contains("HTTPS_PROXY") && !said.contains("hunter2"), "{said}");
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
