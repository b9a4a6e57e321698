//! The same views of archives that are not loaded, and what `archive verify` says of them.

use serde_json::Value;

use super::common::{HELLO, Layout, Maker, Place, golden, without_column};

/// An archive of two images, one of them under two names, made by a store that is here no more.
fn archive() -> Place {
    let there = Place::hello();
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("1"));
    layout.name(&image, "example.org/team/app:v1");
    there.load(&layout);
    there.ok("tag hello-barge hello-barge:v1");
    let here = Place::new();
    here.write("a.tar", there.saved("hello-barge example.org/team/app:v1"));
    here
}

#[test]
fn lists_as_of_a_store() {
    let place = archive();
    golden("archive-ls", &without_column(&place.ok("archive ls a.tar"), "CREATED"));
    golden("archive-tree", &place.ok("archive ls --tree a.tar"));
    let short = &HELLO["sha256:".len()..][..12];
    let ids = place.ok("archive ls -q a.tar");
    assert!(ids.starts_with(&format!("{short}\n{short}\n")) && ids.lines().count() == 3, "{ids}");
    assert_eq!(
        place.ok("archive ls --format '{{.Repository}}:{{.Tag}}' a.tar"),
        "hello-barge:latest\nhello-barge:v1\nexample.org/team/app:v1\n"
    );
    assert!(!place.store().exists());
}

#[test]
fn lists_from_a_pipe_or_a_folder() {
    let place = archive();
    let table = place.ok("archive ls a.tar");
    let ran = place.run_with("archive ls -", &place.read("a.tar"));
    assert_eq!((ran.code, ran.out(), ran.stderr.as_str()), (Some(0), table, ""));
    Layout::hello().write(&place.path("layout"));
    assert_eq!(place.ok("archive ls -q layout"), format!("{}\n", &HELLO["sha256:".len()..][..12]));
}

#[test]
fn a_verdict() {
    let place = archive();
    golden("verify", &place.ok("archive verify a.tar"));
    let ran = place.run_with("archive verify -", &place.read("a.tar"));
    assert_eq!(ran.out(), place.ok("archive verify a.tar").replacen("a.tar", "-", 1));
    let mut layout = Layout::hello();
    for digest in layout.platform("linux/386") {
        layout.remove(&digest);
    }
    place.write("sparse.tar", layout.tar());
    golden("verify-sparse", &place.ok("archive verify sparse.tar"));
}

#[test]
fn a_verdict_for_machines() {
    let place = archive();
    let report: Value = serde_json::from_str(&place.ok("archive verify --format json a.tar")).unwrap();
    assert_eq!(
        (&report["ok"], &report["compression"], &report["warnings"]),
        (&true.into(), &"none".into(), &serde_json::json!([]))
    );
    assert_eq!(report["images"][0]["name"], "docker.io/library/hello-barge:latest");
    assert_eq!(report["images"][0]["platforms"].as_array().unwrap().len(), 7);
    let loaders = report["loaders"].as_array().unwrap();
    let (bad, good): (Vec<_>, Vec<_>) = loaders.iter().partition(|l| l["good"] == false);
    assert!(good.len() == 11 && good.iter().all(|l| l["good"] == true && l["problem"].is_null()));
    let crane = serde_json::json!({
        "loader": "crane (tarball)", "good": false, "problem": "its manifest.json lists several images"
    });
    assert_eq!(bad, [&crane]);
}

#[test]
fn a_refusal() {
    let place = archive();
    let mut files = Layout::hello().files();
    let layer = Layout::hello().platform("linux/386")[2].replace(':', "/");
    files.get_mut(&format!("blobs/{layer}")).unwrap()[20] ^= 1;
    place.write("bad.tar", super::common::tar(&files.into_iter().collect::<Vec<_>>()));
    let said = place.fails("archive verify bad.tar");
    assert_eq!(place.fails("load -i bad.tar"), said);
    let ran = place.run("archive verify --format json bad.tar");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!((&report["ok"], &report["refusal"]), (&false.into(), &"DIGEST_MISMATCH".into()));
    assert_eq!(report["error"], said.lines().next().unwrap());
}

#[test]
fn no_such_file() {
    let place = archive();
    for command in ["archive ls", "archive verify"] {
        assert_eq!(place.fails(&format!("{command} gone.tar")), "open gone.tar: no such file or directory\n");
    }
}
