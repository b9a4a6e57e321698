//! What a prune takes, and what stays: by its filters, by `noprune`, and one prune at a time.

use std::fs::OpenOptions;

use serde_json::{Value, json};

use crate::common::{Answer, HELLO, Layout, Maker, Place, Server, wait_until};
use crate::hello;

/// A prune with these filters.
fn prune(filters: &Value) -> String {
    let filters: String = filters.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("POST /images/prune?filters={filters}")
}

#[test]
fn filters_choose_what_goes() {
    let mut layout = Layout::default();
    let nameless = |layout: &mut Layout, maker: Maker| {
        let root = layout.image(&maker);
        layout.list(&root);
        root.digest
    };
    let of = |content: &str| Maker::new("linux/amd64").layer(content);
    let old = nameless(&mut layout, of("old").created(Some("2020-01-01T00:00:00Z")));
    let plain = nameless(&mut layout, of("plain"));
    let production = nameless(&mut layout, of("production").label("env", "prod"));
    let development = nameless(&mut layout, of("development").label("env", "dev"));
    let named = layout.image(&of("named").label("env", "prod"));
    layout.name(&named, "docker.io/library/named:1");
    let place = Place::with(&layout);
    let server = Server::start(&place);
    let pruned = |filters: &Value| server.json(&prune(filters))["ImagesDeleted"].clone();
    let deleted = |digest: &str| json!([{"Deleted": digest}]);
    assert_eq!(pruned(&json!({"label": ["env=test"]})), Value::Null);
    assert_eq!(pruned(&json!({"label": ["env=prod"]})), deleted(&production));
    assert_eq!(pruned(&json!({"until": ["2019-01-01T00:00:00Z"]})), Value::Null);
    assert_eq!(pruned(&json!({"until": ["2021-01-01T00:00:00Z"]})), deleted(&old));
    assert_eq!(pruned(&json!({"label!": ["env"]})), deleted(&plain));
    // As older clients write it.
    assert_eq!(pruned(&json!({"label": {"env": true}})), deleted(&development));
    // What has a name goes if every image is meant, and only what the filters let through.
    assert_eq!(pruned(&json!({"dangling": ["false"], "label!": ["env=prod"]})), Value::Null);
    let last = json!([{"Untagged": "named:1"}, {"Deleted": named.digest}]);
    assert_eq!(pruned(&json!({"dangling": ["false"], "label": ["env=prod"]})), last);
    assert_eq!(place.ok("store check"), "0 images, 0 blobs, 0B hashed: no faults\n");
}

#[test]
fn what_is_not_to_be_pruned_stays_without_a_name() {
    let (place, server) = hello();
    let untagged = server.json("DELETE /images/hello-barge?noprune=1");
    assert_eq!(untagged, json!([{"Untagged": "hello-barge:latest"}]));
    let left = server.json("GET /images/json");
    assert_eq!((&left[0]["Id"], &left[0]["RepoTags"]), (&json!(HELLO), &json!([])));
    assert_eq!(server.json(&format!("DELETE /images/{HELLO}")), json!([{"Deleted": HELLO}]));
    assert_eq!(place.ok("store check"), "0 images, 0 blobs, 0B hashed: no faults\n");
}

#[test]
fn there_is_one_prune_at_a_time() {
    let (place, server) = hello();
    // Whoever puts content into the store holds this, and the garbage is collected when nobody does.
    let path = place.store().join(".barge/gc.lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap();
    lock.lock_shared().unwrap();
    let mut first = server.send(&prune(&json!({"dangling": ["false"]})), &[], b"");
    wait_until("the names to go", || server.json("GET /images/json") == json!([]));
    let running = (409, "a prune operation is already running".to_owned());
    assert_eq!(server.fault("POST /images/prune"), running);
    drop(lock);
    let answer = Answer::read(&mut first, false);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let went = json!([{"Untagged": "hello-barge:latest"}, {"Deleted": HELLO}]);
    assert_eq!(answer.json()["ImagesDeleted"], went);
    assert_eq!(server.json("POST /images/prune"), json!({"ImagesDeleted": null, "SpaceReclaimed": 0}));
}
