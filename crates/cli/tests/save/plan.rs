//! The plan: what a dry run tells, and that it is true.

use serde_json::Value;

use super::common::{Layout, Maker, Place, Terminal, golden, on_terminal};
use super::{shelf, sparse};

#[test]
fn a_dry_run_writes_nothing() {
    let place = shelf();
    let before = place.snapshot();
    let out = place.ok("save --dry-run -o a.tar shelf");
    assert!(out.ends_with(" bytes\n"), "{out}");
    assert!(place.files().is_empty());
    assert!(before == place.snapshot());
}

#[test]
fn the_plan_as_a_table() {
    let place = shelf();
    place.load(&Layout::hello());
    let platforms = "linux/amd64,linux/s390x";
    golden("dry-run", &place.ok("save --dry-run shelf other:1"));
    golden("dry-run-platforms", &place.ok(&format!("save --dry-run --platform {platforms} hello-barge")));
}

#[test]
fn the_plan_as_json() {
    let place = shelf();
    let out = place.ok("save --dry-run --format json shelf:1 shelf:2");
    assert_eq!(out.lines().count(), 1);
    let plan: Value = serde_json::from_str(&out).unwrap();
    let images = plan["images"].as_array().unwrap();
    let names: Vec<&str> = images.iter().map(|i| i["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["docker.io/library/shelf:1", "docker.io/library/shelf:2"]);
    assert_eq!(images[0]["platforms"], serde_json::json!(["linux/amd64"]));
    assert_eq!(images[0]["left_out"], serde_json::json!([]));
    assert_eq!(images[0]["blobs"].as_array().unwrap().len(), 4);
    assert_eq!(plan["blobs"], 7);
    assert_eq!(plan["notes"], serde_json::json!([]));
    // The layer that both have.
    let sizes = |image: &Value| -> Vec<(String, u64)> {
        let blobs = image["blobs"].as_array().unwrap();
        blobs.iter().map(|b| (b["digest"].to_string(), b["size"].as_u64().unwrap())).collect()
    };
    let second = sizes(&images[1]);
    let shared: u64 = sizes(&images[0]).iter().filter(|b| second.contains(b)).map(|(_, size)| size).sum();
    assert_eq!(plan["shared_bytes"], shared);
}

#[test]
fn an_index_that_is_made_anew_is_shared_with_nobody() {
    let out = Place::hello().ok("save --dry-run --format json --platform linux/amd64,linux/386 hello-barge");
    let plan: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&plan["blobs"], &plan["shared_bytes"]), (&7.into(), &0.into()));
    let sizes = plan["images"][0]["blobs"].as_array().unwrap().iter().map(|b| b["size"].as_u64().unwrap());
    assert_eq!(plan["blob_bytes"], sizes.sum::<u64>());
}

#[test]
fn the_plan_of_what_is_not_whole() {
    let place = sparse();
    let plan: Value = serde_json::from_str(&place.ok("save --dry-run --format json hello-barge")).unwrap();
    assert_eq!(plan["images"][0]["left_out"], serde_json::json!(["linux/s390x"]));
    assert_eq!(plan["notes"].as_array().unwrap().len(), 1);
    let ran = place.run("save --dry-run hello-barge");
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.starts_with("note: hello-barge:latest: not in the store"), "{}", ran.stderr);
}

#[test]
fn a_dry_run_fails_where_the_save_would() {
    let place = shelf();
    for given in ["gone", "shelf:1 gone:1", "--platform linux/s390x shelf:1", "--platform toaster shelf:1"] {
        let said = place.fails(&format!("save --dry-run {given}"));
        assert_eq!(said, place.fails(&format!("save {given}")), "{given}");
    }
}

#[test]
fn a_format_needs_a_dry_run() {
    let ran = shelf().run("save --format json shelf:1");
    assert_eq!((ran.code, ran.out().as_str()), (Some(125), ""));
    assert!(ran.stderr.lines().next().unwrap().contains("--dry-run"), "{}", ran.stderr);
}

/// For many choices of images, platforms and forms: as many bytes are written as were planned.
#[test]
fn the_size_is_known_beforehand() {
    let mut layout = Layout::hello();
    for digest in layout.platform("linux/ppc64le") {
        layout.remove(&digest);
    }
    let place = Place::with(&layout);
    let mut layout = Layout::default();
    // Sizes around those of a block and a header field.
    for size in [0, 1, 511, 512, 513, 100_000] {
        let image = layout.image(&Maker::new("linux/amd64").layer(vec![7; size]).layer("base"));
        layout.name(&image, &format!("docker.io/library/sizes:{size}"));
    }
    place.load(&layout);
    let id = place.ok("images -q hello-barge");
    let selections = [
        "hello-barge",
        "sizes",
        "sizes hello-barge",
        "sizes:0 sizes:511 sizes:0",
        id.trim(),
        "--platform linux/amd64 sizes hello-barge",
        "--platform linux/amd64,linux/s390x hello-barge",
        "--platform linux/s390x hello-barge",
        "--keep-index hello-barge",
        "--keep-index --platform linux/amd64,linux/386 hello-barge",
        "--keep-index --platform linux/amd64 hello-barge sizes:1",
    ];
    for selection in selections {
        let plan = place.run(&format!("save --dry-run --format json {selection}"));
        let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
        let written = place.run(&format!("save {selection}"));
        assert_eq!(written.code, Some(0), "{selection}");
        assert_eq!(plan["archive_bytes"], written.stdout.len(), "{selection}");
    }
}

#[test]
fn the_plan_on_a_narrow_terminal() {
    let place = shelf();
    let plain = place.ok("save --dry-run shelf:1");
    let ran = on_terminal(place.command(&["save", "--dry-run", "shelf:1"]), Terminal::Stdout, 20);
    assert_eq!(ran.out(), plain);
}
