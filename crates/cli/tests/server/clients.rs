//! The clients it is for: docker's CLI with the reference page's examples, docker's library for Python, skopeo; and
//! the same requests to barge and to the real engine side by side.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use barge_testkit::peers::{Clients, LoadOpts, Peer, Registry, start};
use barge_testkit::sample;
use serde_json::{Map, Value, json};

use crate::common::{Answer, HELLO, Layout, Maker, Place, Server, installed};
use crate::platform;

/// `busybox:latest`, `fedora` with three tags, `ubuntu:lucid` and `ubuntu:saucy`, `myimage:latest`, made to order;
/// and the sample image as `alpine:latest`, in a registry that stands for Docker Hub.
fn the_page_s_images() -> Layout {
    let mut layout = Layout::default();
    for (n, name) in [
        "busybox:latest",
        "fedora:latest",
        "fedora:heisenbug",
        "fedora:20",
        "ubuntu:lucid",
        "ubuntu:saucy",
        "myimage:latest",
    ]
    .iter()
    .enumerate()
    {
        let root = layout.image(&Maker::new("linux/amd64").layer(vec![u8::try_from(n).unwrap(); 100_000]));
        layout.name(&root, &format!("docker.io/library/{name}"));
    }
    layout
}

/// The examples of the page, word for word but for the prompts, and what they must print.
const EXAMPLES: &str = r#"
docker save busybox > busybox.tar
ls busybox.tar
docker save --output busybox.tar busybox
ls busybox.tar
docker save -o fedora-all.tar fedora
docker save -o fedora-latest.tar fedora:latest
docker save myimage:latest | gzip > myimage_latest.tar.gz
docker save -o ubuntu.tar ubuntu:lucid ubuntu:saucy
docker pull --platform=linux/riscv64 alpine:latest
docker image save --platform=linux/riscv64 -o ./alpine-riscv.tar alpine:latest
"#;

/// Runs the examples by `run`, which is given a script and gives what it printed, and looks at what became of them.
fn examples(place: &Place, server: &Server, run: &dyn Fn(&str) -> String) {
    let layer = Layout::hello().platform("linux/riscv64")[2]["sha256:".len()..][..12].to_owned();
    let printed = run(EXAMPLES);
    let expected = format!(
        "busybox.tar\nbusybox.tar\nlatest: Pulling from library/alpine\n{layer}: Pulling fs layer\n\
         {layer}: Download complete\nDigest: {HELLO}\nStatus: Downloaded newer image for alpine:latest\n\
         docker.io/library/alpine:latest\n"
    );
    assert_eq!(printed, expected);
    for (file, images) in [
        ("busybox.tar", "busybox"),
        ("fedora-all.tar", "fedora"),
        ("fedora-latest.tar", "fedora:latest"),
        ("ubuntu.tar", "ubuntu:lucid ubuntu:saucy"),
        ("alpine-riscv.tar", "--platform linux/riscv64 alpine:latest"),
    ] {
        assert!(place.read(file) == place.saved(images), "{file}");
    }
    let names = |file: &str| {
        let listed = place.ok(&format!("archive ls {file} --format '{{{{.Repository}}}}:{{{{.Tag}}}}'"));
        listed.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("fedora-all.tar"), ["fedora:20", "fedora:heisenbug", "fedora:latest"]);
    assert_eq!(names("ubuntu.tar"), ["ubuntu:lucid", "ubuntu:saucy"]);
    assert_eq!(names("myimage_latest.tar.gz"), ["myimage:latest"]);
    // The tree: what was pulled has a size, what is absent has none.
    let tree = run("docker image ls --tree 2>/dev/null");
    let line = |what: &str| {
        tree.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{tree}")).to_owned()
    };
    assert!(line("linux/s390x").contains(" 0B "), "{tree}");
    assert!(!line("linux/riscv64").contains(" 0B "), "{tree}");
    // The save that the page lets fail, and that nothing is written then.
    let failed = run(
        "docker image save --platform=linux/s390x -o ./alpine-s390x.tar alpine:latest 2>&1; echo $?; test -e alpine-s390x.tar; echo $?",
    );
    let text = "Error response from daemon: no suitable export target found: image with reference alpine:latest was found but does not provide the specified platform (linux/s390x)";
    assert!(failed.starts_with(text) && failed.ends_with("\n1\n1\n"), "{failed}");
    // What was saved is ready for `docker load`.
    let loaded =
        run("docker rmi busybox >/dev/null; docker load < busybox.tar; docker load --input fedora-all.tar");
    assert_eq!(
        loaded,
        "Loaded image: busybox:latest\nLoaded image: fedora:20\nLoaded image: fedora:heisenbug\nLoaded image: fedora:latest\n"
    );
    assert!(server.log().contains("answered"));
}

/// A server whose Docker Hub is a registry with the sample image as `library/alpine:latest`.
fn with_hub(place: &Place) -> Option<(Registry, Server)> {
    let registry = Registry::start().unwrap()?;
    let folder = tempfile::tempdir().unwrap();
    sample::write(folder.path()).unwrap();
    registry.push(folder.path(), HELLO, "library/alpine:latest").unwrap();
    place.load(&the_page_s_images());
    let mirror = format!("http://{}", registry.address());
    let server = Server::with(place, &["--mirror", &mirror]);
    Some((registry, server))
}

#[test]
fn the_page_s_examples_with_docker_28() {
    let Some(clients) = Clients::start().unwrap() else { return };
    let place = Place::new();
    let Some((_registry, server)) = with_hub(&place) else { return };
    let run = |script: &str| clients.ok(&place.path(""), server.socket(), script).unwrap();
    assert!(run("docker --version").contains("28."));
    examples(&place, &server, &run);
}

#[test]
fn the_page_s_examples_with_this_machine_s_docker() {
    if !installed("docker", "this machine's own docker CLI") {
        return;
    }
    let place = Place::new();
    let Some((_registry, server)) = with_hub(&place) else { return };
    let run = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(place.path("")).env("HOME", place.path(""));
        let output =
            command.env("DOCKER_HOST", format!("unix://{}", server.socket().display())).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    if run("docker image save --help").contains("--platform") {
        examples(&place, &server, &run);
    } else {
        // An old one has the page's first examples only.
        run("docker save busybox > busybox.tar; docker save -o fedora-all.tar fedora");
        assert_eq!(place.read("busybox.tar"), place.saved("busybox"));
        assert_eq!(place.read("fedora-all.tar"), place.saved("fedora"));
        assert_eq!(run("docker load -i busybox.tar"), "Loaded image: busybox:latest\n");
    }
}

#[test]
fn everything_else_that_docker_does_to_images() {
    let Some(clients) = Clients::start().unwrap() else { return };
    let place = Place::hello();
    let server = Server::start(&place);
    let run = |script: &str| clients.ok(&place.path(""), server.socket(), script).unwrap();
    let short = &HELLO[7..19];
    // A context instead of a variable.
    let host = run("echo $DOCKER_HOST");
    let context = format!(
        "unset DOCKER_HOST; docker context create barge --docker host={} >/dev/null && docker --context barge image ls -q; \
         docker context use barge >/dev/null 2>&1 && docker image ls -q",
        host.trim()
    );
    assert_eq!(run(&context), format!("{short}\n{short}\n"));
    assert_eq!(run("docker version --format '{{.Server.Version}}'").trim(), env!("CARGO_PKG_VERSION"));
    assert_eq!(
        run("docker info --format '{{.Images}} {{.DriverStatus}}'"),
        "1 [[driver-type io.containerd.snapshotter.v1]]\n"
    );
    assert_eq!(
        run(
            "docker tag hello-barge example.org/a/b:c; docker image ls --format '{{.Repository}}:{{.Tag}}' | sort"
        ),
        "example.org/a/b:c\nhello-barge:latest\n"
    );
    assert_eq!(run("docker image inspect -f '{{.Id}}' example.org/a/b:c").trim(), HELLO);
    assert_eq!(
        run("docker image inspect --platform linux/s390x -f '{{.Architecture}}' hello-barge"),
        "s390x\n"
    );
    assert_eq!(run("docker history -q --no-trunc hello-barge | head -1").trim(), HELLO);
    assert_eq!(run("docker rmi example.org/a/b:c"), "Untagged: example.org/a/b:c\n");
    assert!(run("docker system df --format '{{.Type}} {{.TotalCount}}'").contains("Images 1"));
    assert_eq!(run("docker image prune -f"), "Total reclaimed space: 0B\n");
    assert_eq!(
        run("docker image inspect gone 2>&1; echo $?"),
        "[]\nError response from daemon: No such image: gone:latest\n1\n"
    );
    assert_eq!(
        run("docker rmi -f gone 2>&1; echo $?"),
        "Error response from daemon: No such image: gone:latest\n0\n"
    );
    assert_eq!(
        run("docker save hello-barge | docker load -q; echo $?"),
        "Loaded image: hello-barge:latest\n0\n"
    );
    let garbage = run("echo this is no archive at all | docker load 2>&1; echo $?");
    assert!(garbage.starts_with("unrecognized image format") && garbage.ends_with("\n1\n"), "{garbage}");
    // Importing, pruning, a platform alone, and what is not for images.
    place.write("rootfs.tar", crate::common::tar(&[("a", "b")]));
    let id = run(
        "docker import -c 'CMD [\"a\"]' -m made rootfs.tar imported:1 && docker image inspect -f '{{.Id}} {{.Config.Cmd}}' imported:1",
    );
    let mut words = id.split_whitespace();
    assert_eq!((words.next(), words.nth(1)), (id.split_whitespace().nth(1), None.or(Some("[a]"))), "{id}");
    assert!(run("docker image prune -af").contains("untagged: imported:1"));
    assert_eq!(run("docker ps 2>&1; echo $?"), "Error response from daemon: page not found\n1\n");
    let events = run(
        "docker events --since 0 --until $(($(date +%s) + 1)) --filter event=import --format '{{.Action}}'",
    );
    assert_eq!(events, "import\n");
}

/// Docker's library for Python: every call of its `images`.
const PYTHON: &str = r#"
import docker, io, json, os, sys, tarfile
client = docker.from_env()
api = client.api
assert client.ping() and client.version()["ApiVersion"] == "1.55", client.version()
hello = client.images.get("hello-barge")
assert hello.id == sys.argv[1] and hello.tags == ["hello-barge:latest"], (hello.id, hello.tags)
assert [image.id for image in client.images.list()] == [hello.id]
assert client.images.list(name="nothing") == [] and len(client.images.list(filters={"dangling": False})) == 1
assert hello.history()[0]["Id"] == hello.id
assert hello.tag("example.org/a/b", "c") and hello.tag("plain")
hello.reload()
assert sorted(hello.tags) == ["example.org/a/b:c", "hello-barge:latest", "plain:latest"], hello.tags
one = b"".join(hello.save(named=True))
small = b"".join(hello.save(chunk_size=1000, named="plain:latest"))
assert {m.name for m in tarfile.open(fileobj=io.BytesIO(small))} >= {"manifest.json", "index.json", "oci-layout"}
assert json.load(tarfile.open(fileobj=io.BytesIO(one)).extractfile("manifest.json"))[0]["RepoTags"] == ["hello-barge:latest"]
client.images.remove("plain")
client.images.remove(hello.id, force=True)
assert client.images.list() == []
loaded = client.images.load(one)
assert [image.tags for image in loaded] == [["hello-barge:latest"]], loaded
assert client.images.load(open("saved.tar", "rb"))[0].id == hello.id
try:
    client.images.load(b"x" * 10_000_000)
    sys.exit("garbage was loaded")
except docker.errors.ImageLoadError as error:
    assert "unrecognized image format" in str(error), error
try:
    client.images.get("gone")
    sys.exit("nothing was found")
except docker.errors.ImageNotFound as error:
    assert error.explanation == "No such image: gone:latest", error.explanation
name = sys.argv[2] + "/team/hello"
pulled = client.images.pull(name, tag="latest", platform="linux/riscv64")
assert pulled.id == hello.id and name + ":latest" in pulled.tags, pulled.tags
assert [i.id for i in client.images.pull(name, all_tags=True, platform="linux/s390x")] == [hello.id]
data = client.images.get_registry_data(name)
assert data.id == hello.id and data.has_platform("linux/s390x") and not data.has_platform("linux/mips")
pulled.tag(name, "again")
said = [json.loads(line) for line in client.images.push(name, tag="again").splitlines()]
assert any("digest: sha256:" in line.get("status", "") for line in said), said
try:
    client.images.pull(name, tag="gone")
    sys.exit("nothing was pulled")
except docker.errors.NotFound:
    pass
body = io.BytesIO()
with tarfile.open(fileobj=body, mode="w") as tar:
    tar.addfile(tarfile.TarInfo("file"))
made = json.loads(api.import_image_from_data(body.getvalue(), repository="made", tag="1"))
assert client.images.get("made:1").id == made["status"], made
assert client.df()["Images"]
events = [e["Action"] for e in client.events(since=0, until=int(__import__("time").time()) + 1, decode=True)]
assert {"tag", "save", "load", "pull", "push", "import", "untag", "delete"} <= set(events), events
assert client.images.prune(filters={"dangling": False})["ImagesDeleted"]
assert client.images.list() == []
print("all well")
"#;

#[test]
fn docker_s_library_for_python() {
    let Some(clients) = Clients::start().unwrap() else { return };
    let Some(registry) = Registry::start().unwrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    sample::write(folder.path()).unwrap();
    registry.push(folder.path(), HELLO, "team/hello:latest").unwrap();
    let place = Place::hello();
    place.write("saved.tar", place.saved("hello-barge"));
    place.write("calls.py", PYTHON);
    let server = Server::start(&place);
    let script = format!("python3 calls.py {HELLO} {}", registry.address());
    assert_eq!(clients.ok(&place.path(""), server.socket(), &script).unwrap(), "all well\n");
}

#[test]
fn skopeo_reads_from_it_and_writes_to_it() {
    let Some(clients) = Clients::start().unwrap() else { return };
    let place = Place::hello();
    let server = Server::start(&place);
    let run = |script: &str| clients.ok(&place.path(""), server.socket(), script).unwrap();
    let inspected = run("skopeo inspect --daemon-host $DOCKER_HOST docker-daemon:hello-barge:latest");
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!((&inspected["Os"], &inspected["Architecture"]), (&json!("linux"), &json!("amd64")));
    run(
        "skopeo copy --insecure-policy --src-daemon-host $DOCKER_HOST docker-daemon:hello-barge:latest docker-archive:there.tar:back:1",
    );
    run(
        "skopeo copy --insecure-policy --dest-daemon-host $DOCKER_HOST docker-archive:there.tar:back:1 docker-daemon:back:1",
    );
    let layers = |name: &str| {
        place.ok(&format!("image inspect --platform linux/amd64 -f '{{{{.RootFS.Layers}}}}' {name}"))
    };
    assert_eq!(layers("back:1"), layers("hello-barge"));
}

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
    let fits = |pattern: &str| {
        let mut parts = path.split('/');
        let fits = pattern.split('/').all(|p| {
            parts.next().is_some_and(|part| p == part || p == "*" && part.bytes().all(|b| b.is_ascii_digit()))
        });
        // What is below a difference is one, too.
        fits
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
        if path.contains("/get?platform") && version < 48 || path.contains("load?platform") && version < 48 {
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
