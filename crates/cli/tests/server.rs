//! `barge serve`: docker's Engine API, request by request; below this how transfers end, how the server lives, and
//! the clients it is for.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "server/clients.rs"]
mod clients;
mod common;
#[path = "server/images.rs"]
mod images;
#[path = "server/life.rs"]
mod life;
#[path = "server/pruned.rs"]
mod pruned;
#[path = "server/reach.rs"]
mod reach;
#[path = "server/refusals.rs"]
mod refusals;
#[path = "server/registries.rs"]
mod registries;
#[path = "server/side_by_side.rs"]
mod side_by_side;
#[path = "server/transfers.rs"]
mod transfers;

use common::{Layout, Maker, Place, Server};
use serde_json::{Value, json};

/// A server over a store with the sample image.
fn hello() -> (Place, Server) {
    let place = Place::hello();
    let server = Server::start(&place);
    (place, server)
}

/// The one layer of an image.
fn layer(layout: &Layout, manifest: &str) -> String {
    let bytes = &layout.files()[&format!("blobs/{}", manifest.replace(':', "/"))];
    let manifest: Value = serde_json::from_slice(bytes).unwrap();
    manifest["layers"][0]["digest"].as_str().unwrap().to_owned()
}

/// A platform as clients send it.
fn platform(os: &str, architecture: &str) -> String {
    format!("%7B%22os%22%3A%22{os}%22%2C%22architecture%22%3A%22{architecture}%22%7D")
}

#[test]
fn who_answers() {
    let (_place, server) = hello();
    for (request, body) in [("HEAD /_ping", ""), ("GET /_ping", "OK"), ("GET /v1.40/_ping", "OK")] {
        let answer = server.call(request);
        assert_eq!((answer.status, answer.text().as_str()), (200, body), "{request}");
        let headers = ["api-version", "ostype", "docker-experimental", "builder-version", "swarm"];
        let values = headers.map(|name| answer.header(name));
        assert_eq!(values, ["1.55", std::env::consts::OS, "false", "2", "inactive"], "{request}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        let length = if request.starts_with("HEAD") { "0" } else { "2" };
        assert_eq!(answer.header("content-length"), length, "{request}");
        assert_eq!(answer.header("cache-control"), "no-cache, no-store, must-revalidate");
    }
    let version = server.json("GET /version");
    assert_eq!((&version["ApiVersion"], &version["MinAPIVersion"]), (&json!("1.55"), &json!("1.40")));
    assert_eq!(version["Version"], env!("CARGO_PKG_VERSION"));
    let info = server.json("GET /v1.47/info");
    assert_eq!(info["Images"], 1);
    assert_eq!(info["DriverStatus"], json!([["driver-type", "io.containerd.snapshotter.v1"]]));
}

#[test]
fn versions_that_are_not_spoken() {
    let (_place, server) = hello();
    let old = "client version 1.39 is too old. Minimum supported API version is 1.40, please upgrade your client to a newer version";
    assert_eq!(server.fault("GET /v1.39/images/json"), (400, old.to_owned()));
    let new = "client version 1.56 is too new. Maximum supported API version is 1.55";
    assert_eq!(server.fault("GET /v1.56/images/json"), (400, new.to_owned()));
    let attestations = "GET /v1.55/images/hello-barge/attestations";
    for request in ["GET /nothing", "POST /images/json", "GET /v1.x/info", attestations] {
        assert_eq!(server.fault(request), (404, "page not found".to_owned()), "{request}");
    }
}

/// With 404 `docker run` believes that there is no such image, and pulls another.
#[test]
fn what_docker_has_and_barge_has_not() {
    let (_place, server) = hello();
    for (request, words) in [
        ("POST /v1.44/containers/create", "barge keeps images and runs no containers"),
        ("GET /containers/json", "barge keeps images and runs no containers"),
        ("POST /commit", "barge keeps images and runs no containers"),
        ("POST /build", "barge keeps images and builds none"),
        ("POST /build/prune", "barge keeps images and builds none"),
        ("POST /build/cancel", "barge keeps images and builds none"),
        ("POST /session", "barge keeps images and builds none"),
        ("POST /v1.44/grpc", "barge keeps images and builds none"),
        ("GET /v1.44/images/search", "barge keeps images and searches no registry"),
        ("GET /networks", "barge keeps images and has no volumes, networks or plugins"),
        ("GET /v1.44/swarm", "barge keeps images and is no part of a swarm"),
    ] {
        assert_eq!(server.fault(request), (501, words.to_owned()), "{request}");
    }
}

#[test]
fn what_makes_no_sense() {
    let (_place, server) = hello();
    let none = || "No such image: gone:latest".to_owned();
    let bad = |text: &str| (400, text.to_owned());
    let both = "conflicting options: manifests and platform options cannot both be set";
    let incomplete = "both OS and Architecture must be provided";
    let linux = platform("linux", "amd64");
    for (request, fault) in [
        ("GET /images/gone/json", (404, none())),
        ("GET /images/gone/history", (404, none())),
        ("GET /images/gone/get", (404, none())),
        ("GET /images/get?names=gone", (404, none())),
        ("GET /images/get", bad("no images were named\nhint: name them by `names`, once for each")),
        ("DELETE /images/gone", (404, none())),
        ("POST /images/gone/tag?repo=a", (404, none())),
        ("GET /images/json?filters=%7B%22x%22%3A%5B%22y%22%5D%7D", bad("invalid filter 'x'")),
        ("GET /images/json?filters=zz", bad("invalid filter")),
        (
            "GET /images/json?filters=%7B%22dangling%22%3A%5B%22y%22%5D%7D",
            bad("invalid filter 'dangling=[y]'"),
        ),
        // `until` came with 1.44.
        ("GET /v1.43/images/json?filters=%7B%22until%22%3A%5B%221%22%5D%7D", bad("invalid filter 'until'")),
        (
            "POST /images/prune?filters=%7B%22reference%22%3A%5B%22y%22%5D%7D",
            bad("invalid filter 'reference'"),
        ),
        ("GET /images/json?identity=1", bad("conflicting options: identity requires manifests=1")),
        (&format!("GET /images/hello-barge/json?manifests=1&platform={linux}"), bad(both)),
        ("GET /images/hello-barge/json?platform=%7B%7D", bad(incomplete)),
        ("GET /images/hello-barge/get?platform=%7B%22os%22%3A%22linux%22%7D", bad(incomplete)),
        ("POST /images/load?platform=%7B%7D", bad(incomplete)),
        ("DELETE /images/", bad("image name cannot be blank")),
        (
            "POST /images/hello-barge/tag?repo=library/A",
            bad("invalid reference format: repository name (library/A) must be lowercase"),
        ),
        (
            "POST /images/hello-barge/tag?repo=sha256",
            bad("refusing to create an ambiguous tag using digest algorithm as name"),
        ),
        ("GET /system/df?type=x", bad("unknown object type: x")),
        ("GET /events?since=5&until=1", bad("`since` time (5) cannot be after `until` time (1)")),
        ("GET /events?since=x", bad("failed to parse value as time or duration: \"x\"")),
        ("POST /images/create?fromImage=scratch:latest", (403, "'scratch' is a reserved name".to_owned())),
        ("POST /images/create?fromImage=scratch", (403, "'scratch' is a reserved name".to_owned())),
        (
            "POST /images/create?fromImage=a&platform=a/b/c/d",
            bad("\"a/b/c/d\": cannot parse platform specifier: invalid argument"),
        ),
        (
            "POST /images/create?fromSrc=-&repo=a@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            bad("cannot import digest reference"),
        ),
    ] {
        assert_eq!(server.fault(request), fault, "{request}");
    }
    let several =
        server.fault(&format!("GET /v1.51/images/hello-barge/get?platform={linux}&platform={linux}"));
    assert!(several.1.ends_with("use API version 1.52 or later"), "{}", several.1);
    let broken = server.fault("GET /images/hello-barge/json?platform=zz");
    assert!(broken.0 == 400 && broken.1.starts_with("failed to parse platform: "), "{}", broken.1);
    let absent =
        server.fault(&format!("GET /images/hello-barge/json?platform={}", platform("linux", "mips")));
    assert_eq!(absent.0, 404);
    let text =
        "image with reference hello-barge was found but does not provide the specified platform (linux/mips)";
    assert!(absent.1.starts_with(text), "{}", absent.1);
}

#[test]
fn how_the_store_is_used() {
    let (_place, server) = hello();
    let old = server.json("GET /v1.51/system/df");
    assert!(old["ImageUsage"].is_null());
    assert_eq!(old["Images"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&old["Containers"], &old["Volumes"], &old["BuildCache"]),
        (&json!([]), &json!([]), &json!([]))
    );
    assert!(old["LayersSize"].as_u64().unwrap() > 0);
    assert_eq!(old["Images"][0]["SharedSize"], 0);
    let of_images = server.json("GET /v1.51/system/df?type=image");
    assert!(of_images["Containers"].is_null() && of_images["Images"].is_array());
    let of_others = server.json("GET /v1.51/system/df?type=container&type=volume");
    assert!(of_others["Images"].is_null() && of_others["Volumes"].is_array());
    let new = server.json("GET /v1.52/system/df");
    assert_eq!((&new["ImageUsage"]["TotalCount"], &new["ContainerUsage"]), (&json!(1), &json!({})));
    assert!(new["ImageUsage"]["Items"].is_null() && new["Images"].is_array());
    let verbose = server.json("GET /v1.52/system/df?verbose=1");
    assert_eq!(verbose["ImageUsage"]["Items"].as_array().unwrap().len(), 1);
    assert!(verbose["Images"].is_null());
}

#[test]
fn events_that_are_past() {
    let place = Place::with(&labelled());
    let server = Server::start(&place);
    let id = place.ok("image inspect -f '{{.Id}}' named:1").trim().to_owned();
    assert_eq!(server.call("POST /images/named:1/tag?repo=other&tag=1").status, 201);
    assert_eq!(server.call("GET /images/other:1/get").status, 200);
    let archive = place.saved("other:1");
    assert_eq!(server.ask("POST /images/load", &[], &archive).status, 200);
    assert_eq!(server.call("DELETE /images/other:1").status, 200);
    assert_eq!(server.call("DELETE /images/named:1").status, 200);
    assert_eq!(server.call("POST /images/prune").status, 200);
    let now = jiff::Timestamp::now().as_second() + 1;
    let told = |more: &str| {
        let answer = server.call(&format!("GET /v1.51/events?since=0&until={now}{more}"));
        (answer.header("content-type").to_owned(), answer.lines())
    };
    let (content_type, events) = told("");
    assert_eq!(content_type, "application/json");
    let seen: Vec<[&str; 3]> = events
        .iter()
        .map(|e| {
            [&e["Action"], &e["Actor"]["ID"], &e["Actor"]["Attributes"]["name"]]
                .map(|v| v.as_str().unwrap_or(""))
        })
        .collect();
    let id = id.as_str();
    assert_eq!(
        seen,
        [
            ["tag", id, "other:1"],
            ["save", id, id],
            ["load", id, id],
            ["untag", id, "other:1"],
            ["untag", id, "named:1"],
            ["delete", id, "named:1"],
            ["prune", "", ""],
        ]
    );
    for event in &events {
        assert_eq!((&event["Type"], &event["scope"]), (&json!("image"), &json!("local")));
        assert_eq!(event["status"], event["Action"], "what older clients read");
        assert!(event["timeNano"].as_i64().unwrap() / 1_000_000_000 == event["time"].as_i64().unwrap());
    }
    assert_eq!(events[0]["Actor"]["Attributes"]["env"], "prod");
    assert_eq!(
        events[6]["Actor"]["Attributes"]["reclaimed"].as_str().map(|r| r.parse::<u64>().is_ok()),
        Some(true)
    );
    let count = |filter: &str| told(&format!("&filters={filter}")).1.len();
    assert_eq!(count("%7B%22event%22%3A%5B%22untag%22%5D%7D"), 2);
    assert_eq!(count("%7B%22image%22%3A%7B%22other%3A1%22%3Atrue%7D%7D"), 2);
    assert_eq!(count("%7B%22image%22%3A%5B%22other%22%5D%7D"), 2);
    assert_eq!(count("%7B%22label%22%3A%5B%22env%3Dprod%22%5D%7D"), 4);
    assert_eq!(count("%7B%22type%22%3A%5B%22container%22%5D%7D"), 0);
    assert_eq!(count("%7B%22type%22%3A%5B%22image%22%5D%7D"), 7);
}

#[test]
fn events_as_they_come_and_in_other_notations() {
    let (_place, server) = hello();
    let until = format!("{}.9", jiff::Timestamp::now().as_second() + 1);
    for (accept, version, content_type, start) in [
        ("application/json", "1.52", "application/json", "{"),
        ("application/json-seq", "1.52", "application/json-seq", "\u{1e}{"),
        ("application/x-ndjson", "1.52", "application/x-ndjson", "{"),
        ("application/jsonl", "1.53", "application/jsonl", "{"),
        ("application/jsonl", "1.52", "application/json", "{"),
        ("application/json-seq", "1.51", "application/json", "{"),
    ] {
        let path = format!("GET /v{version}/events?since=0&until={until}");
        let mut stream = server.send(&path, &[&format!("Accept: {accept}")], b"");
        server.call("POST /images/hello-barge/tag?repo=other");
        let answer = common::Answer::read(&mut stream, false);
        assert_eq!(answer.header("content-type"), content_type, "{accept} {version}");
        let text = answer.text();
        let first = text.lines().next().unwrap();
        assert!(first.starts_with(start), "{accept} {version}: {first:?}");
        let event: Value = serde_json::from_str(first.trim_start_matches('\u{1e}')).unwrap();
        assert_eq!(event["Action"], "tag");
        assert_eq!(event["status"].is_null(), version != "1.51", "{accept} {version}");
    }
}

/// `named:1`, labelled env=prod.
fn labelled() -> Layout {
    let mut layout = Layout::default();
    let root = layout.image(&Maker::new("linux/amd64").layer("x").label("env", "prod"));
    layout.name(&root, "docker.io/library/named:1");
    layout
}

#[test]
fn a_root_file_system_is_imported() {
    let place = Place::new();
    let server = Server::start(&place);
    let tar = common::tar(&[("hello", b"hello".as_slice())]);
    let request = "POST /images/create?fromSrc=-&repo=made&tag=1&message=by%20hand&changes=CMD%20%5B%22sh%22%5D&changes=ENV%20A%3Db&platform=linux/arm64";
    let answer = server.ask(request, &[], &tar);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.lines()[0]["status"].as_str().unwrap().to_owned();
    let told = server.json("GET /images/made:1/json");
    assert_eq!(told["Id"], id.as_str());
    assert_eq!((&told["Config"]["Cmd"], &told["Config"]["Env"]), (&json!(["sh"]), &json!(["A=b"])));
    assert_eq!((&told["Architecture"], &told["Os"]), (&json!("arm64"), &json!("linux")));
    assert_eq!(server.json("GET /images/made:1/history")[0]["Comment"], "by hand");
    // From the command line it is the same.
    place.write("rootfs.tar", &tar);
    let line = "import -c 'CMD [\"sh\"]' -m 'by hand' --platform linux/arm64 rootfs.tar other:1";
    let other = place.ok(line);
    assert!(other.starts_with("sha256:"), "{other}");
    let layers = |name: &str| place.ok(&format!("image inspect -f '{{{{.RootFS.Layers}}}}' {name}"));
    assert_eq!(layers("made:1"), layers("other:1"));
    assert_eq!(place.ok("store check").split(':').nth(1), Some(" no faults\n"));
    // What is no tar, and what is elsewhere, is none.
    let fault =
        server.ask("POST /images/create?fromSrc=-", &[], b"no tar at all, but a text that is long enough");
    assert_eq!(
        (fault.status, fault.json()["message"].as_str()),
        (
            400,
            Some(
                "the root file system is not a tar: this is a text file\n\
                 hint: it is a tar, plain or compressed, as `docker export` writes it"
            )
        )
    );
    let longer = common::tar(&[("long", vec![b'x'; 5000])]);
    for length in [700, 5000] {
        let cut = server.ask("POST /images/create?fromSrc=-", &[], &longer[..length]);
        assert_eq!(cut.status, 400, "{length}");
        let text = cut.json()["message"].as_str().unwrap().to_owned();
        assert!(text.contains("the archive ends at byte"), "{text}");
    }
    let (status, text) = server.fault("POST /images/create?fromSrc=http://127.0.0.1:1/x.tar");
    assert!(status == 400 && text.contains("request's body only"), "{text}");
    assert_eq!(place.names().len(), 2);
}

#[test]
fn nothing_that_is_sent_makes_a_line_of_the_log() {
    let (_place, server) = hello();
    let auth = |body: &str| server.ask("POST /auth", &[], body.as_bytes());
    let forged = auth("{\"username\":\"u\",\"serveraddress\":\"a\\nFAKE \\u001b[31mline\"}");
    assert_eq!(forged.status, 400, "{}", forged.text());
    for server in ["me:secret@example.org", "..", "a b", "exa\u{e9}mple.org"] {
        let refused = auth(&json!({"username": "u", "serveraddress": server}).to_string());
        assert_eq!((refused.status, refused.text().contains("secret")), (400, false), "{server}");
    }
    // A password that is no text is a mistake that is not repeated.
    let number = auth("{\"username\":\"u\",\"password\":12345678}");
    assert!(number.status == 400 && !number.text().contains("12345678"), "{}", number.text());
    server.call("GET /images/a%0aFAKE%1b[31m/json");
    let log = server.log();
    assert!(!log.contains("12345678") && !log.contains("secret") && !log.contains('\u{1b}'), "{log}");
    assert!(log.lines().all(|line| line.starts_with("20")), "{log}");
}
