//! Lists, looks and changes of images, version by version.

use serde_json::{Value, json};

use crate::common::{HELLO, Layout, Maker, Place, Server};
use crate::{hello, platform};

#[test]
fn lists_of_every_version() {
    let (_place, server) = hello();
    let list = |version: u32| server.json(&format!("GET /v1.{version}/images/json"))[0].clone();
    for version in 40..=55 {
        let image = list(version);
        assert_eq!((&image["Id"], &image["RepoTags"]), (&json!(HELLO), &json!(["hello-barge:latest"])));
        assert_eq!(image["RepoDigests"], json!([format!("hello-barge@{HELLO}")]));
        assert_eq!(
            (&image["Labels"], &image["ParentId"], &image["SharedSize"]),
            (&Value::Null, &json!(""), &json!(-1))
        );
        assert_eq!(image["Containers"], if version < 51 { -1 } else { 0 }, "{version}");
        assert_eq!(image["VirtualSize"].is_null(), version >= 44, "{version}");
        assert_eq!(image["Descriptor"].is_null(), version < 48, "{version}");
        assert!(image["Manifests"].is_null());
    }
    let shared = server.json("GET /v1.42/images/json?shared-size=1");
    assert_eq!(shared[0]["SharedSize"], 0);
    assert_eq!(server.json("GET /v1.41/images/json?shared-size=1")[0]["SharedSize"], -1);
    assert_eq!(server.json("GET /v1.46/images/json?manifests=1")[0]["Manifests"], Value::Null);
    let manifests = server.json("GET /v1.47/images/json?manifests=1")[0]["Manifests"].clone();
    assert_eq!(manifests.as_array().unwrap().len(), 7);
    let first = &manifests[0];
    assert_eq!((&first["Available"], &first["Kind"]), (&json!(true), &json!("image")));
    assert_eq!(first["Size"]["Content"], first["Size"]["Total"]);
    assert_eq!(first["ImageData"]["Platform"], json!({"architecture": "amd64", "os": "linux"}));
    assert_eq!(first["ID"], first["Descriptor"]["digest"]);
    // Who signed an image is not known here, so whoever asks for it is told the same as everybody else.
    let asked = server.json("GET /v1.54/images/json?manifests=1&identity=1");
    assert_eq!(asked, server.json("GET /v1.54/images/json?manifests=1"));
    assert!(asked[0]["Manifests"][0]["ImageData"]["Identity"].is_null());
}

#[test]
fn what_is_listed_and_not_here_is_listed_all_the_same() {
    let place = Place::new();
    let (mut layout, _) = Layout::sharing();
    let amd64 = layout.image(&Maker::new("linux/amd64").layer("a"));
    let attestation = layout.attestation(&amd64);
    let index = layout.index(&[&amd64, &attestation]);
    layout.name(&index, "docker.io/library/attested:1");
    place.load(&layout);
    place.ok("rmi --platform linux/arm64 both:1");
    let server = Server::start(&place);
    let told = server.json("GET /images/both:1/json?manifests=1");
    let absent = &told["Manifests"][1];
    assert_eq!((&absent["Available"], &absent["Size"]["Total"]), (&json!(false), &json!(0)));
    assert_eq!(absent["ImageData"]["Platform"]["architecture"], "arm64");
    let told = server.json("GET /images/attested:1/json?manifests=1");
    let statement = &told["Manifests"][1];
    assert_eq!(
        (&statement["Kind"], &statement["AttestationData"]["For"]),
        (&json!("attestation"), &json!(amd64.digest))
    );
    assert!(statement["ImageData"].is_null());
}

#[test]
fn filters() {
    let place = Place::new();
    let mut layout = Layout::hello();
    let old = layout.image(
        &Maker::new("linux/amd64").layer("o").created(Some("2020-01-01T00:00:00Z")).label("env", "prod"),
    );
    let nameless = layout.image(&Maker::new("linux/amd64").layer("n"));
    layout.name(&old, "docker.io/library/old:1");
    layout.list(&nameless);
    place.load(&layout);
    let server = Server::start(&place);
    let names = |filters: Value| -> Vec<String> {
        let filters: String = filters.to_string().bytes().map(|b| format!("%{b:02x}")).collect();
        let list = server.json(&format!("GET /images/json?filters={filters}"));
        let first = |image: &Value| image["RepoTags"][0].as_str().unwrap_or("<none>").to_owned();
        list.as_array().unwrap().iter().map(first).collect()
    };
    assert_eq!(names(json!({})).len(), 3);
    assert_eq!(names(json!({"reference": ["ol*"]})), ["old:1"]);
    assert_eq!(names(json!({"reference": {"ol*": true, "hello-barge": true}})).len(), 2);
    assert_eq!(names(json!({"dangling": ["true"]})), ["<none>"]);
    assert_eq!(names(json!({"dangling": {"1": true}})), ["<none>"]);
    assert_eq!(names(json!({"label": ["env=prod"]})), ["old:1"]);
    assert_eq!(names(json!({"label!": ["env"]})).len(), 2);
    assert_eq!(names(json!({"before": ["hello-barge"]})), ["old:1"]);
    assert_eq!(names(json!({"until": ["2021-01-01"]})), ["old:1"]);
    assert_eq!(
        server.json("GET /images/json?filters=%7B%22label%22%3A%5B%22env%22%5D%7D")[0]["Labels"],
        json!({"env": "prod"})
    );
    // Older clients are told of what has no name in words.
    let old_list = server.json("GET /v1.42/images/json?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D");
    assert_eq!(
        (&old_list[0]["RepoTags"], &old_list[0]["RepoDigests"]),
        (&json!(["<none>:<none>"]), &json!(["<none>@<none>"]))
    );
    let new_list = server.json("GET /v1.43/images/json?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D");
    assert_eq!((&new_list[0]["RepoTags"], &new_list[0]["RepoDigests"]), (&json!([]), &json!([])));
}

#[test]
fn looks_of_every_version() {
    let (_place, server) = hello();
    for version in 40..=55 {
        let told = server.json(&format!("GET /v1.{version}/images/hello-barge/json?manifests=1"));
        assert_eq!((&told["Id"], &told["Os"]), (&json!(HELLO), &json!("linux")));
        assert_eq!(told["RepoDigests"], json!([format!("hello-barge@{HELLO}")]));
        for key in ["Parent", "Comment", "Author", "DockerVersion", "GraphDriver"] {
            assert_eq!(told.get(key).is_some(), version < 52, "{key} {version}");
        }
        assert_eq!(told["VirtualSize"].is_null(), version >= 44, "{version}");
        assert_eq!(told["Descriptor"].is_null(), version < 48, "{version}");
        assert_eq!(told["Manifests"].is_null(), version < 48, "{version}");
        let config = told["Config"].as_object().unwrap();
        assert_eq!(config.get("Hostname").is_some(), version < 50, "{version}");
        assert_eq!(config.get("Volumes").is_some(), version < 52, "{version}");
        assert!(config.get("Entrypoint").is_some() || config.get("Cmd").is_some());
    }
    // One platform is another image, from 1.49 on.
    let s390x = platform("linux", "s390x");
    let told = server.json(&format!("GET /v1.49/images/hello-barge/json?platform={s390x}"));
    assert_eq!((&told["Architecture"], &told["Id"]), (&json!("s390x"), &told["Descriptor"]["digest"]));
    assert_eq!(told["RepoDigests"], json!([format!("hello-barge@{HELLO}")]));
    let before = server.json(&format!("GET /v1.48/images/hello-barge/json?platform={s390x}"));
    assert_eq!(before["Id"], HELLO);
}

#[test]
fn histories() {
    let (place, server) = hello();
    let history = server.json("GET /images/hello-barge/history");
    assert_eq!((&history[0]["Id"], &history[0]["Tags"]), (&json!(HELLO), &json!(["hello-barge:latest"])));
    let of_one = server
        .json(&format!("GET /v1.48/images/hello-barge/history?platform={}", platform("linux", "s390x")));
    let layer = &Layout::hello().platform("linux/s390x")[2];
    let size = std::fs::metadata(place.blob(layer)).unwrap().len();
    assert_eq!((&of_one[0]["Id"], &of_one[0]["Size"]), (&json!(HELLO), &json!(size)));
    for step in history.as_array().unwrap().iter().skip(1) {
        assert_eq!((&step["Id"], &step["Tags"]), (&json!("<missing>"), &Value::Null));
    }
}

#[test]
fn names_come_and_go() {
    let (place, server) = hello();
    let tag = |request: &str| {
        let answer = server.call(request);
        (answer.status, answer.text())
    };
    assert_eq!(tag("POST /images/hello-barge/tag?repo=example.org:5000/a/b&tag=c"), (201, String::new()));
    assert_eq!(tag("POST /v1.40/images/hello-barge:latest/tag?repo=other"), (201, String::new()));
    assert_eq!(tag(&format!("POST /images/{HELLO}/tag?repo=third&tag=3")), (201, String::new()));
    // Without a name nothing is done, and docker calls that well.
    assert_eq!(tag("POST /images/hello-barge/tag"), (200, String::new()));
    assert_eq!(server.json("GET /images/json")[0]["RepoTags"].as_array().unwrap().len(), 4);

    let short = &HELLO[7..19];
    let conflict = format!(
        "conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories"
    );
    assert_eq!(server.fault(&format!("DELETE /images/{short}")), (409, conflict));
    assert_eq!(
        server.json("DELETE /images/example.org:5000/a/b:c"),
        json!([{"Untagged": "example.org:5000/a/b:c"}])
    );
    let gone = server.json(&format!("DELETE /images/{short}?force=1"));
    assert_eq!(gone.as_array().unwrap().last().unwrap(), &json!({"Deleted": HELLO}));
    assert_eq!(server.json("GET /images/json"), json!([]));
    assert_eq!(place.ok("store check"), "0 images, 0 blobs, 0B hashed: no faults\n");
}

#[test]
fn damage_elsewhere_is_no_reason_to_keep_a_name() {
    let place = Place::hello();
    let mut layout = Layout::default();
    let broken = layout.image(&Maker::new("linux/amd64").layer("b"));
    layout.name(&broken, "docker.io/library/broken:1");
    place.load(&layout);
    let server = Server::start(&place);
    let mut bytes = std::fs::read(place.blob(&broken.digest)).unwrap();
    bytes[10] ^= 1;
    std::fs::remove_file(place.blob(&broken.digest)).unwrap();
    std::fs::write(place.blob(&broken.digest), bytes).unwrap();
    assert_eq!(server.json("DELETE /images/hello-barge").as_array().unwrap().len(), 2);
    assert_eq!(server.call("GET /images/hello-barge/json").status, 404);
    assert!(server.log().contains("the garbage could not be collected"), "{}", server.log());
}

#[test]
fn platforms_go_alone() {
    let (_place, server) = hello();
    let s390x = platform("linux", "s390x");
    // Before 1.50 there was no such thing.
    let gone = server.json(&format!("DELETE /v1.50/images/hello-barge?force=1&platforms={s390x}"));
    assert_eq!(gone.as_array().unwrap().len(), 1);
    let left = server.json("GET /images/hello-barge/json?manifests=1");
    let available = left["Manifests"].as_array().unwrap().iter().filter(|m| m["Available"] == true).count();
    assert_eq!(available, 6);
    assert_eq!(server.json("DELETE /v1.49/images/hello-barge?platforms=%7B%7D").as_array().unwrap().len(), 2);
}

#[test]
fn what_nobody_wants_is_pruned() {
    let place = Place::hello();
    let mut layout = Layout::default();
    let nameless = layout.image(&Maker::new("linux/amd64").layer("n"));
    layout.list(&nameless);
    place.load(&layout);
    let server = Server::start(&place);
    let pruned = server.json("POST /images/prune?filters=%7B%22dangling%22%3A%7B%22true%22%3Atrue%7D%7D");
    assert_eq!(pruned["ImagesDeleted"], json!([{"Deleted": nameless.digest}]));
    assert!(pruned["SpaceReclaimed"].as_u64().unwrap() > 0);
    assert_eq!(server.json("POST /images/prune"), json!({"ImagesDeleted": null, "SpaceReclaimed": 0}));
    let all = server.json("POST /images/prune?filters=%7B%22dangling%22%3A%5B%22false%22%5D%7D");
    assert_eq!(all["ImagesDeleted"], json!([{"Untagged": "hello-barge:latest"}, {"Deleted": HELLO}]));
}
