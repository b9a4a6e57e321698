//! The same requests to barge and to the real engine, in every version of the API that both speak: status, headers,
//! and every field of every answer.

use std::collections::BTreeMap;
use std::path::Path;

use barge_testkit::peers::{LoadOpts, Peer, start};
use serde_json::{Map, Value};

use crate::common::{Answer, Layout, Maker, Place, Server};
use crate::platform;

/// Where the two may differ, and why: a path of keys, `*` for any of a list, and the reason.
const DIFFERENCES: [(&str, &str); 22] = [
    ("/*/Size", "docker counts what it has unpacked, too"),
    ("/*/VirtualSize", "docker counts what it has unpacked, too"),
    ("/Images/*/Size", "docker counts what it has unpacked, too"),
    ("/Images/*/VirtualSize", "docker counts what it has unpacked, too"),
    ("/Images/*/SharedSize", "docker counts unpacked layers that are shared, barge blobs"),
    ("/LayersSize", "docker counts what it has unpacked, barge all blobs"),
    ("/*/SharedSize", "docker has worked it out for other requests and tells it unasked"),
    ("/*/Manifests/*/Size/Total", "docker counts what it has unpacked, too"),
    ("/*/Manifests/*/ImageData/Size/Unpacked", "nothing is unpacked"),
    ("/Manifests/*/Size/Total", "docker counts what it has unpacked, too"),
    ("/Manifests/*/ImageData/Size/Unpacked", "nothing is unpacked"),
    ("/*/Descriptor/annotations", "what an archive said of the name is said by RepoTags"),
    ("/*/Manifests/*/Descriptor/annotations", "what an archive said of the name is said by RepoTags"),
    ("/Manifests/*/Descriptor/annotations", "what an archive said of the name is said by RepoTags"),
    ("/Images/*/Descriptor/annotations", "what an archive said of the name is said by RepoTags"),
    ("/Descriptor/annotations", "what an archive said of the name is said by RepoTags"),
    ("/Metadata/LastTagTime", "the hour"),
    ("/*/RepoDigests", "docker lists the repository of one name only; barge of every one"),
    ("/Images/*/RepoDigests", "docker lists the repository of one name only; barge of every one"),
    ("/*/Labels", "no labels are told as none, whether the config says so or says nothing"),
    ("/Images/*/Labels", "no labels are told as none, whether the config says so or says nothing"),
    ("/message", "barge says more, behind docker's words; compared apart"),
];

/// Every value of a document by its path.
fn leaves(value: &Value, path: &str, out: &mut Map<String, Value>) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            object.iter().for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), out));
        }
        Value::Array(array) if !array.is_empty() => {
            array.iter().enumerate().for_each(|(n, value)| leaves(value, &format!("{path}/{n}"), out));
        }
        leaf => drop(out.insert(path.to_owned(), leaf.clone())),
    }
}

fn may_differ(path: &str) -> bool {
    // What is below a difference is one, too.
    let fits = |pattern: &str| {
        let mut parts = path.split('/');
        let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        pattern.split('/').all(|p| parts.next().is_some_and(|part| p == part || (p == "*" && number(part))))
    };
    DIFFERENCES.iter().any(|(pattern, _)| fits(pattern))
}

/// Lists in one order: images by ID.
fn sorted(mut value: Value) -> Value {
    let sort = |list: &mut Value| {
        if let Value::Array(list) = list {
            list.sort_by_key(|v| v["Id"].as_str().map(str::to_owned));
        }
    };
    if value.get(0).is_some_and(|first| first["Id"].is_string() && first["CreatedBy"].is_null()) {
        sort(&mut value);
    }
    if let Some(images) = value.get_mut("Images") {
        sort(images);
    }
    value
}

fn ask(socket: &Path, request: &str) -> Answer {
    let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
    crate::common::server::write_request(&mut stream, request, &[], b"").unwrap();
    Answer::read(&mut stream, request.starts_with("HEAD"))
}

#[test]
fn side_by_side_with_the_real_engine() {
    let Some(docker) = start(Peer::DockerContainerd).unwrap() else { return };
    let place = Place::hello();
    let mut layout = Layout::default();
    let amd64 = layout.image(
        &Maker::new("linux/amd64").layer("a").label("env", "prod").created(Some("2020-01-01T00:00:00Z")),
    );
    let arm64 = layout.image(&Maker::new("linux/arm64").layer("b"));
    let (attestation, one) =
        (layout.attestation(&amd64), layout.image(&Maker::new("linux/amd64").layer("c")));
    let index = layout.index(&[&amd64, &arm64, &attestation]);
    layout.name(&index, "docker.io/library/attested:1");
    layout.name(&one, "docker.io/library/single:1");
    layout.name(&one, "example.org/team/single:2");
    place.load(&layout);
    let archive = place.path("all.tar");
    place.ok("save -o all.tar hello-barge attested single example.org/team/single");
    docker.load(&archive, LoadOpts::default()).unwrap();
    let server = Server::start(&place);

    let (s390x, mips, half) =
        (platform("linux", "s390x"), platform("linux", "mips"), "%7B%22os%22%3A%22linux%22%7D");
    let mut requests: Vec<(String, u32)> = Vec::new();
    for request in [
        "GET images/json",
        "GET images/json?all=1&shared-size=0",
        "GET images/json?manifests=1",
        "GET images/json?filters=%7B%22reference%22%3A%5B%22sing*%22%5D%7D",
        "GET images/json?filters=%7B%22label%22%3A%7B%22env%22%3Atrue%7D%7D",
        "GET images/json?filters=%7B%22before%22%3A%5B%22single%3A1%22%5D%7D",
        "GET images/json?filters=%7B%22since%22%3A%5B%22attested%3A1%22%5D%7D",
        "GET images/json?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D",
        "GET images/json?filters=%7B%22dangling%22%3A%5B%22y%22%5D%7D",
        "GET images/json?filters=%7B%22nothing%22%3A%5B%22y%22%5D%7D",
        "GET images/json?filters=zz",
        "GET images/hello-barge/json",
        "GET images/hello-barge:latest/json?manifests=1",
        "GET images/attested:1/json?manifests=1",
        "GET images/attested:1/json",
        "GET images/single:1/json?manifests=1",
        "GET images/example.org/team/single:2/json",
        "GET images/gone/json",
        "GET images/hello-barge/history",
        "GET images/attested:1/history",
        "GET images/gone:x/history",
        "GET images/gone/get",
        "GET images/get?names=gone",
        "POST images/gone/tag?repo=x",
        "POST images/single:1/tag",
        "POST images/single:1/tag?repo=library/A",
        "POST images/single:1/tag?repo=sha256",
        "POST images/single:1/tag?repo=new&tag=a/b",
        "DELETE images/gone",
        "DELETE images/",
        "POST images/prune?filters=%7B%22reference%22%3A%5B%22x%22%5D%7D",
        "POST images/prune?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D",
        "POST images/create?fromImage=scratch",
        "POST images/create?fromImage=a&platform=a/b/c/d",
        "POST images/create?fromImage=A",
        "GET events?since=5&until=1",
        "GET system/df",
        "GET system/df?type=image",
        "GET system/df?type=nothing",
        "GET nothing/at/all",
        "HEAD _ping",
        "GET _ping",
    ] {
        requests.extend((40..=51).map(|version| (request.to_owned(), version)));
    }
    for request in [
        format!("GET images/hello-barge/json?platform={s390x}"),
        format!("GET images/hello-barge/json?platform={mips}"),
        format!("GET images/hello-barge/json?platform={half}"),
        format!("GET images/hello-barge/json?manifests=1&platform={s390x}"),
        format!("GET images/hello-barge/history?platform={s390x}"),
        format!("GET images/hello-barge/get?platform={half}"),
        format!("POST images/load?platform={half}"),
    ] {
        requests.extend((40..=51).map(|version| (request.clone(), version)));
    }
    let mut differences: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (request, version) in requests {
        let (method, path) = request.split_once(' ').unwrap();
        // What the version makes of a request that says nothing of platforms to it is an archive.
        if version < 48 && (path.contains("/get?platform") || path.contains("load?platform")) {
            continue;
        }
        let request = format!("{method} /v1.{version}/{path}");
        let (theirs, ours) = (ask(docker.socket(), &request), ask(server.socket(), &request));
        let mut compare = |what: &str, theirs: &Value, ours: &Value| {
            if theirs != ours {
                let difference = format!("{method} {path}: {what}: docker {theirs}, barge {ours}");
                differences.entry(difference).or_default().push(version);
            }
        };
        compare("status", &theirs.status.into(), &ours.status.into());
        // What is no route of docker's has no headers of its either.
        let of_routes =
            ["ostype", "docker-experimental", "builder-version", "swarm", "cache-control", "pragma"];
        let of_routes = of_routes.into_iter().filter(|_| path != "nothing/at/all");
        for header in of_routes.chain(["content-type"]) {
            compare(header, &theirs.header(header).into(), &ours.header(header).into());
        }
        if theirs.header("content-type") != "application/json"
            || ours.header("content-type") != "application/json"
        {
            compare("body", &theirs.text().into(), &ours.text().into());
            continue;
        }
        let (theirs, ours) = (sorted(theirs.json()), sorted(ours.json()));
        if let (Some(theirs), Some(ours)) = (theirs["message"].as_str(), ours["message"].as_str()) {
            let ours = ours.split("\nhint: ").next().unwrap();
            compare("message", &theirs.into(), &ours.into());
        }
        let (mut left, mut right) = (Map::new(), Map::new());
        leaves(&theirs, "", &mut left);
        leaves(&ours, "", &mut right);
        let paths: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for path in paths.into_iter().filter(|path| !may_differ(path)) {
            compare(path, left.get(path).unwrap_or(&Value::Null), right.get(path).unwrap_or(&Value::Null));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
