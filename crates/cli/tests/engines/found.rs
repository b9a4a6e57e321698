//! Which daemon is meant: flags, environment and contexts, in docker's order.

use std::fs;

use crate::common::{Layout, Place, Ran, Server};

/// Runs barge with variables.
fn with(place: &Place, line: &str, variables: &[(&str, &str)]) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = place.command(&words);
    command.env("DOCKER_CONFIG", place.path("config")).envs(variables.iter().copied());
    command.output().unwrap().into()
}

#[test]
fn flags_come_first_then_variables_then_contexts() {
    let place = Place::hello();
    let server = Server::start(&place);
    let sound = format!("unix://{}", server.socket().display());
    // echo -n lab | sha256sum
    let lab = "contexts/meta/a51146d38077ff992eba84cf1d5e9b249073503eb74868699016153b031a38f7";
    fs::create_dir_all(place.path("config").join(lab)).unwrap();
    let meta = format!(r#"{{"Name":"lab","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{sound}"}}}}}}"#);
    fs::write(place.path("config").join(lab).join("meta.json"), meta).unwrap();
    let finds = |line: &str, variables: &[(&str, &str)]| {
        let ran = with(&place, line, variables);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{line} {variables:?}");
        assert!(String::from_utf8_lossy(&ran.stdout).contains("hello-barge"), "{line} {variables:?}");
    };
    let misses = |line: &str, variables: &[(&str, &str)], expected: &str| {
        let ran = with(&place, line, variables);
        assert_eq!(ran.code, Some(1), "{line} {variables:?}");
        assert!(ran.stderr.contains(expected), "{line} {variables:?}: {}", ran.stderr);
    };
    let (list, nobody) = ("images --from docker", ("DOCKER_HOST", "unix:///nobody"));
    finds(&format!("{list} --host {sound}"), &[nobody, ("DOCKER_CONTEXT", "nope")]);
    finds(&format!("{list} --context lab"), &[nobody]);
    finds(list, &[("DOCKER_HOST", &sound), ("DOCKER_CONTEXT", "nope")]);
    finds(list, &[("DOCKER_CONTEXT", "lab")]);
    fs::write(place.path("config/config.json"), r#"{"currentContext":"lab"}"#).unwrap();
    finds(list, &[]);
    finds("images", &[("BARGE_FROM", "docker")]);
    // What is spelled as a registry's image is one.
    for line in ["images docker://127.0.0.1:1/a", "save docker://127.0.0.1:1/a"] {
        misses(&format!("{line} --attempts 1"), &[("BARGE_FROM", "docker")], "127.0.0.1:1: a: manifest");
    }
    misses(
        list,
        &[nobody],
        "Cannot connect to the Docker daemon at unix:///nobody. Is the docker daemon running?\n\
         hint: `--host`, DOCKER_HOST or `--context` say where another one is\n",
    );
    misses(list, &[("DOCKER_CONTEXT", "nope")], "context \"nope\": context not found\nhint: ");
    misses(
        &format!("{list} --host {sound} --context lab"),
        &[],
        "conflicting options: cannot specify both --host and --context",
    );
    // A service that is named is meant, and not what is on this disk.
    let podman = "images --from podman --host unix:///nobody";
    misses(podman, &[], "at unix:///nobody. Is ");
    misses("images --from podman", &[("CONTAINER_HOST", "unix:///nobody")], "at unix:///nobody. Is ");
    misses(&format!("{list} --host nobody"), &[], "unable to parse docker host `nobody`");
    misses(
        list,
        &[("DOCKER_API_VERSION", "x"), ("DOCKER_HOST", &sound)],
        "DOCKER_API_VERSION: x is no version",
    );
}

#[test]
fn what_is_configured_need_not_be_typed() {
    let (place, other) = (Place::new(), Place::hello());
    let server = Server::start(&other);
    let config = place.path("config.toml");
    let variables = [("BARGE_CONFIG", config.to_str().unwrap())];
    let socket = format!("unix://{}", server.socket().display());
    fs::write(&config, format!("from = \"docker\"\n[docker]\nhost = \"{socket}\"\n")).unwrap();
    let ran = with(&place, "save hello-barge", &variables);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(ran.stdout, other.saved("hello-barge"));
    // Flags and variables come first.
    assert_eq!(with(&place, "images -q --from store", &variables).out(), "");
    assert_eq!(with(&place, "images -q", &[variables[0], ("BARGE_FROM", "store")]).out(), "");
    // What is typed is meant alone.
    let ran = with(&place, "images --context nope", &variables);
    assert!(ran.stderr.contains("context \"nope\": context not found"), "{}", ran.stderr);
    for (text, expected) in [
        ("from = \"dockre\"\n", "unknown variant `dockre`"),
        ("form = \"docker\"\n", "unknown field `form`"),
        ("from = ", "TOML parse error at line 1"),
    ] {
        fs::write(&config, text).unwrap();
        let ran = with(&place, "images", &variables);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains(expected) && ran.stderr.contains("config.toml"), "{}", ran.stderr);
    }
}

#[test]
fn nothing_is_no_backup() {
    let place = Place::hello();
    fs::write(place.path("old.tar"), "a good archive").unwrap();
    let said = place.fails("save --all --exclude hello-barge -o old.tar");
    assert_eq!(
        (said.as_str(), place.read("old.tar")),
        ("there is no image to save\n", b"a good archive".to_vec())
    );
    let said = place.fails("copy containers-storage:a containers-storage:b");
    assert!(said.contains("`podman tag`"), "{said}");
    let said = place.fails("copy hello-barge containerd:a@sha256:2a4baa9d3ab9eb9b6b8a1ff2ee0b9e7d2a4baa9d3ab9eb9b6b8a1ff2ee0b9e7d");
    assert!(said.contains("digest reference"), "{said}");
}

#[test]
fn where_else_it_is() {
    let (place, other) = (Place::new(), Place::hello());
    let server = Server::start(&other);
    let socket = format!("unix://{}", server.socket().display());
    let ran = with(&place, "save hello-barge", &[("DOCKER_HOST", &socket)]);
    let expected = "No such image: hello-barge:latest\n\
                    hint: another place has it: `barge save --from docker hello-barge`\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), expected));
    let ran = with(&place, "save gone", &[("DOCKER_HOST", &socket)]);
    assert!(ran.stderr.starts_with("No such image: gone:latest\nhint: the store "), "{}", ran.stderr);
}

/// ssh is whatever the user's path says that it is.
#[test]
fn by_ssh() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::hello();
    let server = Server::start(&place);
    let ssh = place.path("bin/ssh");
    fs::create_dir(place.path("bin")).unwrap();
    let script = format!(
        r#"#!/usr/bin/env python3
import os, select, socket, sys
open("{asked}", "a").write(" ".join(sys.argv[1:]) + "\n")
daemon = socket.socket(socket.AF_UNIX)
daemon.connect("{socket}")
ends = {{0: daemon.fileno(), daemon.fileno(): 1}}
while ends:
    for ready in select.select(list(ends), [], [])[0]:
        piece = os.read(ready, 65536)
        if not piece:
            sys.exit()
        while piece:
            piece = piece[os.write(ends[ready], piece):]
"#,
        asked = place.path("asked").display(),
        socket = server.socket().display()
    );
    fs::write(&ssh, script).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    let line = "save --from docker --host ssh://me@far:2222/run/docker.sock hello-barge";
    let ran = with(&place, line, &[("PATH", &path)]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(ran.stdout, place.saved("hello-barge"));
    let asked = String::from_utf8(place.read("asked")).unwrap();
    let expected = "-l me -p 2222 -o ConnectTimeout=30 -T -- far docker --host unix:///run/docker.sock system dial-stdio";
    assert!(asked.lines().count() >= 3 && asked.lines().all(|line| line == expected), "{asked}");
}

#[test]
fn where_to_is_a_variable_as_well() {
    let place = Place::new();
    place.write("hello.tar", Layout::hello().tar());
    let socket = format!("unix://{}", place.path("nobody.sock").display());
    let mut command = place.command(&["load", "-i", "hello.tar"]);
    command.env("BARGE_TO", "docker").env("DOCKER_HOST", &socket);
    let ran = place.run_in(command, b"");
    let absent = format!("Cannot connect to the Docker daemon at {socket}. Is the docker daemon running?\n");
    assert!(ran.code == Some(1) && ran.stderr.starts_with(&absent), "{}", ran.stderr);
    let mut command = place.command(&["load", "-q", "-i", "hello.tar", "--to", "store"]);
    command.env("BARGE_TO", "docker").env("DOCKER_HOST", &socket);
    assert_eq!(place.run_in(command, b"").code, Some(0));
    assert_eq!(place.names().len(), 1);
}
