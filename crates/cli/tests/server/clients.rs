//! The clients it is for: docker's CLI with the reference page's examples, docker's library for Python, skopeo.

use std::process::Command;

use barge_testkit::peers::{Clients, Registry};
use barge_testkit::sample;
use serde_json::{Value, json};

use crate::common::{HELLO, Layout, Maker, Place, Server, installed};

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
    let made = run("docker import -c 'CMD [\"a\"]' -m made rootfs.tar imported:1");
    let told = run("docker image inspect -f '{{.Id}} {{.Config.Cmd}}' imported:1");
    assert_eq!(told, format!("{} [a]\n", made.trim()));
    assert!(run("docker image prune -af").contains("untagged: imported:1"));
    let none = "Error response from daemon: barge keeps images and runs no containers";
    assert_eq!(run("docker ps 2>&1; echo $?"), format!("{none}\n1\n"));
    assert!(
        run("docker run --rm hello-barge 2>&1; echo $?")
            .starts_with("docker: Error response from daemon: barge keeps")
    );
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
