//! Passwords, tokens and helpers that keep them; and that nothing secret is ever said.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use barge_testkit::peers::{Guard, Registry, USER};
use barge_testkit::proxy::{Mishap, Proxy};

use super::common::{Place, Ran};

const SECRET: &str = USER.1;

/// A registry that is guarded, and the sample image under its name in a store.
pub(crate) fn guarded(tls: bool, guard: Guard, repository: &str) -> Option<(Registry, Place, String)> {
    let registry = Registry::guarded(tls, guard).unwrap()?;
    let place = Place::hello();
    let name = format!("{}/{repository}:v1", registry.address());
    place.ok(&format!("tag hello-barge {name}"));
    Some((registry, place, name))
}

/// Runs a command with `--creds`, as a word may have a space.
pub(crate) fn with_creds(place: &Place, creds: &str, arguments: &[&str]) -> Ran {
    place.run_in(place.command(&[arguments, &["--creds", creds]].concat()), b"")
}

pub(crate) fn ali() -> String {
    format!("{}:{SECRET}", USER.0)
}

/// `config.json` with a password for a host.
fn config(host: &str) -> String {
    // "ali:open sesame"
    format!(r#"{{"auths":{{"{host}":{{"auth":"YWxpOm9wZW4gc2VzYW1l"}}}}}}"#)
}

#[test]
fn passwords() {
    let Some((registry, place, name)) = guarded(false, Guard::Password, "team/hello") else { return };
    let said = place.run(&format!("push {name}")).stderr;
    let (repository, host) = (name.trim_end_matches(":v1"), registry.address());
    let denied = format!("push access denied for {repository}: 401 Unauthorized");
    assert!(said.starts_with(&denied), "{said}");
    assert!(said.ends_with(&format!("\nhint: log in with `barge login {host}`\n")), "{said}");
    let wrong = with_creds(&place, "ali:close sesame", &["push", &name]);
    assert_eq!(wrong.code, Some(1));
    assert!(!wrong.stderr.contains("sesame"), "{}", wrong.stderr);
    let pushed = with_creds(&place, &ali(), &["push", "-q", &name]);
    assert_eq!((pushed.code, pushed.stderr.as_str()), (Some(0), ""));
    let said = place.run(&format!("pull {name}")).stderr;
    let denied = format!(
        "pull access denied for {repository}, repository does not exist or may require 'docker login'\n\
         hint: the registry says: 401 Unauthorized: "
    );
    assert!(said.starts_with(&denied), "{said}");
    assert!(said.ends_with(&format!("; log in with `barge login {host}`\n")), "{said}");

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
    // What was typed has to be there, and to be JSON.
    let other = Place::new();
    let missing = other.path("missing.json").display().to_string();
    let pull = |file: &str| other.fails(&format!("pull -q --authfile {file} {name}"));
    assert_eq!(pull(&missing), format!("open {missing}: no such file or directory\n"));
    other.write("bad.json", "{\n");
    let bad = other.path("bad.json").display().to_string();
    assert_eq!(pull(&bad), format!("{bad}: invalid JSON at line 2\n"));
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
        let (code, _, said) = login("--password-stdin", "x");
        let unset = "the --password-stdin option requires --username to be set\n";
        assert_eq!((code, said.as_str()), (Some(1), unset));
        let (code, _, said) = login("-u ali -p x --password-stdin", "x");
        let both = "conflicting options: cannot specify both --password and --password-stdin\n";
        assert!(code == Some(1) && said.ends_with(both), "{said}");
        assert!(login("-u ali", "x").2.contains("non TTY device"));
        assert_eq!(login("-u ali --password-stdin", "").2, "password is empty\n");
        let (code, _, said) = login("-u ali -p wrong", "");
        let insecure = "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n";
        assert!(code == Some(1) && said.starts_with(insecure) && said.contains("401"), "{said}");
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
