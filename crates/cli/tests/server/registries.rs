//! Pulls and pushes on behalf of clients, with a real registry.

use std::sync::atomic::{AtomicBool, Ordering};

use barge_testkit::peers::{Guard, Registry, USER};
use barge_testkit::proxy::{Mishap, Proxy};
use barge_testkit::sample;
use serde_json::{Value, json};

use crate::common::{HELLO, Layout, Place, Server, wait_until};
use crate::{Maker, layer, platform};

/// `X-Registry-Auth` for somebody.
fn auth(user: &str, password: &str) -> String {
    use base64::Engine;
    let json = json!({"username": user, "password": password}).to_string();
    format!("X-Registry-Auth: {}", base64::engine::general_purpose::URL_SAFE.encode(json))
}

fn texts(lines: &[Value]) -> Vec<String> {
    let text = |line: &Value| {
        let status = line["status"].as_str()?;
        Some(line["id"].as_str().map_or(status.to_owned(), |id| format!("{id}: {status}")))
    };
    lines
        .iter()
        .filter_map(text)
        .filter(|text| !text.contains("Downloading") && !text.contains("Pushing"))
        .collect()
}

#[test]
fn pulls_and_pushes() {
    let Some(registry) = Registry::start().unwrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    sample::write(folder.path()).unwrap();
    let name = registry.push(folder.path(), HELLO, "team/hello:latest").unwrap();
    let name = name.trim_end_matches(":latest");
    let place = Place::new();
    let server = Server::start(&place);
    let riscv = Layout::hello().platform("linux/riscv64");
    let layer = &riscv[2]["sha256:".len()..][..12];
    let pull = |query: &str| {
        server.ask(&format!("POST /images/create?fromImage={name}{query}"), &["X-Registry-Auth: e30="], b"")
    };
    let pulled = pull("&tag=latest&platform=linux/riscv64");
    assert_eq!(
        texts(&pulled.lines()),
        [
            "latest: Pulling from team/hello".to_owned(),
            format!("{layer}: Pulling fs layer"),
            format!("{layer}: Download complete"),
            format!("Digest: {HELLO}"),
            format!("Status: Downloaded newer image for {name}:latest"),
        ]
    );
    let again = pull("&tag=latest&platform=linux/riscv64");
    assert_eq!(
        texts(&again.lines()).last().unwrap(),
        &format!("Status: Image is up to date for {name}:latest")
    );
    // By digest, and every tag.
    let by_digest = pull(&format!("&tag={HELLO}&platform=linux/s390x"));
    assert_eq!(texts(&by_digest.lines())[0], format!("{HELLO}: Pulling from team/hello"));
    let every = pull("&platform=linux/amd64");
    assert_eq!(texts(&every.lines())[0], "latest: Pulling from team/hello");
    // What is not there is a failure of the request, not a line in an answer.
    let (status, text) = server.fault(&format!("POST /images/create?fromImage={name}&tag=gone"));
    assert_eq!(
        (status, text),
        (404, format!("failed to resolve reference \"{name}:gone\": {name}:gone: not found"))
    );
    let (status, text) =
        server.fault(&format!("POST /images/create?fromImage={name}&tag=latest&platform=linux/mips"));
    assert_eq!(status, 404, "{text}");
    assert!(text.contains("no matching manifest for linux/mips in the manifest list entries"), "{text}");

    let told = server.json(&format!("GET /distribution/{name}:latest/json"));
    assert_eq!(
        (&told["Descriptor"]["digest"], told["Platforms"].as_array().unwrap().len()),
        (&json!(HELLO), 7)
    );
    assert_eq!(server.fault(&format!("GET /distribution/{name}:gone/json")).0, 404);

    let pushed = {
        place.ok(&format!("tag {name}:latest {name}:pushed"));
        server.call(&format!("POST /images/{name}/push?tag=pushed"))
    };
    let lines = texts(&pushed.lines());
    assert_eq!(lines[0], format!("The push refers to repository [{name}]"));
    assert!(lines.contains(&format!("{layer}: Layer already exists")), "{lines:?}");
    assert!(lines.iter().any(|l| l.starts_with("pushed: digest: sha256:")), "{lines:?}");
    let amd64 =
        server.call(&format!("POST /images/{name}/push?tag=pushed&platform={}", platform("linux", "amd64")));
    let digest = amd64.lines().last().unwrap()["aux"]["Digest"].as_str().unwrap().to_owned();
    let manifest = registry.manifest(&format!("{name}:pushed")).unwrap();
    assert_eq!(barge_oci::Digest::sha256(manifest.as_bytes()).to_string(), digest);
    let gone = server.call(&format!("POST /images/{name}/push?tag=gone"));
    assert_eq!(
        gone.lines().last().unwrap()["errorDetail"]["message"],
        format!("tag does not exist: {name}:gone")
    );
    // Events tell of both.
    let now = jiff::Timestamp::now().as_second() + 1;
    let events = server.call(&format!("GET /events?since=0&until={now}")).lines();
    let of = |action: &str| {
        let first = events.iter().find(|e| e["Action"] == action).unwrap();
        [&first["Actor"]["ID"], &first["Actor"]["Attributes"]["name"]].map(|v| v.as_str().unwrap().to_owned())
    };
    assert_eq!(of("pull"), [format!("{name}:latest"), name.to_owned()]);
    assert_eq!(of("push"), [format!("{name}:pushed"), name.to_owned()]);
}

#[test]
fn a_push_without_a_tag_is_of_every_tag() {
    let Some(registry) = Registry::start().unwrap() else { return };
    let place = Place::hello();
    let server = Server::start(&place);
    let name = format!("{}/team/hello", registry.address());
    let other = format!("{}/team/other:3", registry.address());
    for name in [&format!("{name}:1"), &format!("{name}:2"), &other] {
        place.ok(&format!("tag hello-barge {name}"));
    }
    let lines = server.call(&format!("POST /images/{name}/push")).lines();
    let mut pushed: Vec<&str> = lines.iter().filter_map(|line| line["aux"]["Tag"].as_str()).collect();
    pushed.sort_unstable();
    assert_eq!(pushed, ["1", "2"], "{lines:?}");
    let said = texts(&lines);
    assert_eq!(said[0], format!("The push refers to repository [{name}]"));
    for tag in pushed {
        let begins = format!("{tag}: digest: {HELLO} size: ");
        assert!(said.iter().any(|line| line.starts_with(&begins)), "{said:?}");
        let there = registry.manifest(&format!("{name}:{tag}")).unwrap();
        assert_eq!(barge_oci::Digest::sha256(there.as_bytes()).to_string(), HELLO);
    }
    assert!(registry.manifest(&other).is_err(), "nobody has pushed it");
}

#[test]
fn who_a_client_is_counts_and_nobody_else() {
    let Some(registry) = Registry::guarded(false, Guard::Password).unwrap() else { return };
    let address = registry.address();
    let place = Place::hello();
    // The server's own user is somebody there; that is none of the clients' business.
    let (user, password) = USER;
    let login = place.run_with(&format!("login -u {user} --password-stdin {address}"), password.as_bytes());
    assert_eq!(login.code, Some(0), "{}", login.stderr);
    let server = Server::start(&place);
    place.ok(&format!("tag hello-barge {address}/team/hello:1"));
    let push = |header: &str| {
        server.ask(&format!("POST /images/{address}/team/hello/push?tag=1"), &[header], b"").lines()
    };
    for header in ["X-Registry-Auth: e30=", "X-Registry-Auth: !", "X-Other: x", &auth(user, "wrong")] {
        let lines = push(header);
        assert!(lines.last().unwrap()["error"].is_string(), "{header}: {lines:?}");
    }
    let lines = push(&auth(user, password));
    assert!(lines.last().unwrap()["aux"]["Digest"].is_string(), "{lines:?}");
    place.ok(&format!("rmi {address}/team/hello:1"));
    let request = format!("POST /images/create?fromImage={address}/team/hello&tag=1&platform=linux/s390x");
    let refused = server.ask(&request, &["X-Registry-Auth: e30="], b"");
    let denied = format!(
        "pull access denied for {address}/team/hello, repository does not exist or may require 'docker login'"
    );
    let text = refused.json()["message"].as_str().unwrap().to_owned();
    assert_eq!((refused.status, text.lines().next()), (404, Some(denied.as_str())), "{text}");
    assert_eq!(server.ask(&request, &[&auth(user, password)], b"").status, 200);

    let told = |password: &str| {
        let body =
            json!({"username": user, "password": password, "serveraddress": format!("http://{address}/v1/")});
        server.ask("POST /auth", &["Content-Type: application/json"], body.to_string().as_bytes())
    };
    assert_eq!(told(password).json(), json!({"Status": "Login Succeeded", "IdentityToken": ""}));
    assert_eq!(told("wrong").status, 401);
    let distribution = format!("GET /distribution/{address}/team/hello:1/json");
    assert_eq!(server.ask(&distribution, &[&auth(user, password)], b"").status, 200);
    assert!([401, 404].contains(&server.ask(&distribution, &[], b"").status));
    assert!(!server.log().contains(password));
}

#[test]
fn registries_that_say_nothing_hold_up_nobody_else() {
    let place = Place::hello();
    let server = Server::start(&place);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let registry = silent.local_addr().unwrap();
    let request = format!("GET /distribution/{registry}/a/b/json");
    // More than there are threads, and nobody waits for an answer.
    for _ in 0..300 {
        drop(server.send(&request, &[], b""));
    }
    let waiting: Vec<_> = (0..32).map(|_| server.send(&request, &[], b"")).collect();
    assert_eq!(server.json("GET /images/json").as_array().unwrap().len(), 1);
    assert!(server.call("GET /images/hello-barge/get").whole);
    drop(waiting);
}

#[test]
fn a_pull_nobody_waits_for_ends_and_goes_on_later() {
    let Some(registry) = Registry::start().unwrap() else { return };
    let place = Place::new();
    let mut layout = Layout::default();
    let mut random = fastrand::Rng::with_seed(3);
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(4 << 20).collect();
    let root = layout.image(&Maker::new("linux/amd64").layer(bytes));
    let folder = tempfile::tempdir().unwrap();
    layout.name(&root, "docker.io/library/large:1");
    layout.write(folder.path());
    registry.push(folder.path(), &root.digest, "team/large:1").unwrap();
    let layer = layer(&layout, &root.digest);
    let first = AtomicBool::new(true);
    let proxy = Proxy::start(registry.address(), move |asked| {
        let stalls = asked.path.ends_with(&layer) && first.swap(false, Ordering::SeqCst);
        if stalls { Mishap::Stall(1 << 20) } else { Mishap::None }
    })
    .unwrap();
    // A registry that says nothing is waited for so long, whoever is gone.
    let server = Server::with(&place, &["--timeout", "2", "--attempts", "1"]);
    let request =
        format!("POST /images/create?fromImage={}/team/large&tag=1&platform=linux/amd64", proxy.address());
    let stream = server.send(&request, &[], b"");
    let partials = || std::fs::read_dir(place.store().join(".barge/partial/")).map_or(0, Iterator::count);
    wait_until("the first bytes", || partials() == 1);
    drop(stream);
    let leases = || std::fs::read_dir(place.store().join(".barge/leases")).map_or(0, Iterator::count);
    wait_until("the pull to end", || leases() == 0);
    assert_eq!(server.call(&request).status, 200);
    place.ok(&format!("image inspect -f '{{{{.Id}}}}' {}/team/large:1", proxy.address()));
}
