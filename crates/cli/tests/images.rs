//! `barge images`: tables, filters, formats. Trees are in `images/tree.rs`, one image looked at closely in
//! `images/inspect.rs`, changes in `images/change.rs`, copies in `images/copy.rs`, root file systems that become images in
//! `images/import.rs`, images and stores that are not to be had in `images/missing.rs`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "images/archive.rs"]
mod archive;
#[path = "images/change.rs"]
mod change;
mod common;
#[path = "images/copy.rs"]
mod copy;
#[path = "images/import.rs"]
mod import;
#[path = "images/inspect.rs"]
mod inspect;
#[path = "images/missing.rs"]
mod missing;
#[path = "images/tree.rs"]
mod tree;

use common::{HELLO, Layout, Maker, Place, golden, without_column};
use serde_json::Value;

/// Four images, made a month apart, the last without a name; labels on the first two.
fn four() -> Place {
    let mut layout = Layout::default();
    let maker = |month: u32| {
        let created = format!("2020-0{month}-01T00:00:00Z");
        Maker::new("linux/amd64").layer("base").layer(format!("{month}")).created(Some(&created))
    };
    let first = layout.image(&maker(1).label("env", "prod").label("team", "blue"));
    let second = layout.image(&maker(2).label("env", "test"));
    let third = layout.image(&maker(3));
    let fourth = layout.image(&maker(4));
    layout.name(&first, "docker.io/library/first:1");
    layout.name(&second, "docker.io/library/second:1");
    layout.name(&third, "example.org/team/third:1.0");
    layout.list(&fourth);
    Place::with(&layout)
}

/// The names listed, each without its tag, in order.
#[track_caller]
fn listed(place: &Place, arguments: &str) -> Vec<String> {
    let out = place.ok(&format!("images --format '{{{{.Repository}}}}' {arguments}"));
    out.lines().map(str::to_owned).collect()
}

#[test]
fn an_empty_store() {
    let place = Place::new();
    assert_eq!(place.ok("images"), "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n");
    assert_eq!(place.ok("images -q"), "");
    assert_eq!(place.ok("images --format json"), "");
    assert_eq!(place.ok("images -a"), place.ok("image ls"));
    assert_eq!(place.ok("image list"), place.ok("image ls"));
}

#[test]
fn the_table() {
    let place = four();
    place.load(&Layout::hello());
    place.ok("tag hello-barge hello-barge:v1");
    place.ok("tag hello-barge example.org/team/hello:v1");
    golden("images", &without_column(&place.ok("images"), "CREATED"));
    golden("images-all", &without_column(&place.ok("images -a"), "CREATED"));
    golden("images-digests", &without_column(&place.ok("images --digests"), "CREATED"));
    golden("images-no-trunc", &without_column(&place.ok("images -a --no-trunc"), "CREATED"));
}

#[test]
fn the_time_of_making() {
    let mut layout = Layout::default();
    let recent = layout.image(&Maker::new("linux/amd64").layer("1"));
    let never = layout.image(&Maker::new("linux/amd64").layer("2").created(None));
    let nonsense = layout.image(&Maker::new("linux/amd64").layer("3").created(Some("yesterday")));
    layout.name(&recent, "docker.io/library/recent:1");
    layout.name(&never, "docker.io/library/never:1");
    layout.name(&nonsense, "docker.io/library/nonsense:1");
    let place = Place::with(&layout);
    let out = place.ok("images --format '{{.Repository}} {{.CreatedSince}}'");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("recent ") && lines[0].ends_with(" ago"), "{out}");
    assert_eq!(lines[1..], ["never N/A", "nonsense N/A"]);
    let at = place.ok("images --format '{{.CreatedAt}}' recent");
    assert_eq!(at, "2026-01-01 00:00:00 +0000 UTC\n");
}

#[test]
fn the_time_of_making_in_the_local_zone() {
    let ran = Place::hello().shell("TZ=JST-9 \"$barge\" images --format '{{.CreatedAt}}'");
    assert_eq!(ran.out(), "2026-01-01 09:00:00 +0900 JST\n");
}

#[test]
fn ids_only() {
    let place = four();
    place.load(&Layout::hello());
    place.ok("tag hello-barge hello-barge:v1");
    let short = &HELLO["sha256:".len()..][..12];
    assert_eq!(place.ok("images -q hello-barge"), format!("{short}\n{short}\n"));
    assert_eq!(place.ok("images -q --no-trunc hello-barge:v1"), format!("{HELLO}\n"));
    assert_eq!(place.ok("images -q").lines().count(), 5);
    assert_eq!(place.ok("images -aq").lines().count(), 6);
}

#[test]
fn the_newest_comes_first() {
    let order = ["<none>", "example.org/team/third", "second", "first"];
    assert_eq!(listed(&four(), "-a"), order);
}

#[test]
fn nameless_images_are_hidden() {
    let place = four();
    assert_eq!(listed(&place, ""), ["example.org/team/third", "second", "first"]);
    assert_eq!(listed(&place, "--filter dangling=false"), ["example.org/team/third", "second", "first"]);
    assert_eq!(listed(&place, "--filter dangling=true"), ["<none>"]);
    assert_eq!(listed(&place, "-a --filter dangling=0"), ["example.org/team/third", "second", "first"]);
    assert_eq!(listed(&place, "-f dangling=1"), ["<none>"]);
}

#[test]
fn by_label() {
    let place = four();
    assert_eq!(listed(&place, "--filter label=env"), ["second", "first"]);
    assert_eq!(listed(&place, "--filter label=env=prod"), ["first"]);
    assert_eq!(listed(&place, "--filter label=env=prod --filter label=team"), ["first"]);
    assert!(listed(&place, "--filter label=env=test --filter label=team").is_empty());
    assert_eq!(listed(&place, "--filter label!=env"), ["example.org/team/third"]);
    assert_eq!(listed(&place, "-a --filter label!=env=prod"), ["<none>", "example.org/team/third", "second"]);
    assert!(listed(&place, "--filter label=en").is_empty());
}

#[test]
fn by_time() {
    let place = four();
    let id = place.ok("images -q first");
    assert_eq!(listed(&place, "--filter before=second:1"), ["first"]);
    assert_eq!(listed(&place, "--filter before=example.org/team/third:1.0"), ["second", "first"]);
    assert_eq!(listed(&place, "-a --filter since=second:1"), ["<none>", "example.org/team/third"]);
    assert_eq!(
        listed(&place, &format!("--filter since={} --filter before=example.org/team/third:1.0", id.trim())),
        ["second"]
    );
    for until in ["2020-02-15", "2020-02-15T00:00:00", "2020-02-15T00:00:00Z", "1581724800"] {
        assert_eq!(listed(&place, &format!("--filter until={until}")), ["second", "first"], "{until}");
    }
    assert!(listed(&place, "--filter until=1000000h").is_empty());
    assert_eq!(listed(&place, "--filter until=1s").len(), 3);
}

#[test]
fn by_name() {
    let place = four();
    place.ok("tag first:1 first:2");
    assert_eq!(listed(&place, "first"), ["first", "first"]);
    assert_eq!(place.ok("images --format '{{.Tag}}' first:2"), "2\n");
    assert_eq!(listed(&place, "*st"), ["first", "first"]);
    assert_eq!(listed(&place, "example.org/*/*"), ["example.org/team/third"]);
    assert_eq!(listed(&place, "docker.io/library/second"), ["second"]);
    assert_eq!(listed(&place, "--filter reference=sec* --filter reference=*/*/third:1.*").len(), 2);
    assert!(listed(&place, "third").is_empty());
    assert!(listed(&place, "fir").is_empty());
}

#[test]
fn filters_are_joined() {
    let place = four();
    assert_eq!(listed(&place, "--filter label=env --filter before=second:1"), ["first"]);
    assert_eq!(listed(&place, "--filter reference=*nd --filter label=env"), ["second"]);
}

#[test]
fn filters_that_make_no_sense() {
    let place = four();
    assert_eq!(place.fails("images --filter color=red"), "invalid filter 'color'\n");
    assert_eq!(place.fails("images --filter dangling=maybe"), "invalid filter 'dangling=[maybe]'\n");
    assert_eq!(place.fails("images --filter before=gone"), "No such image: gone:latest\n");
    assert_eq!(place.fails("images --filter since=gone"), "No such image: gone:latest\n");
    let said = place.fails("images --filter until=later");
    assert_eq!(said, "failed to parse value as time or duration: \"later\"\n");
}

#[test]
fn a_command_in_the_place_of_a_name() {
    let place = four();
    for word in ["ls", "inspect", "save"] {
        let ran = place.run(&format!("images {word}"));
        let text = format!("No images found matching \"{word}\": did you mean \"barge image {word}\"?\n");
        assert_eq!((ran.code, ran.stderr), (Some(0), text));
    }
    assert_eq!(place.run("images nothing").stderr, "");
    assert_eq!(place.run("image ls ls").stderr, "");
    place.ok("tag first:1 ls");
    assert_eq!(place.run("images ls").stderr, "");
}

#[test]
fn templates() {
    let place = four();
    let names = "first:1\nsecond:1\n";
    let sorted = |line: &str| {
        let out = place.ok(line);
        let mut lines: Vec<&str> = out.lines().filter(|l| !l.contains("third")).collect();
        lines.sort_unstable();
        lines.join("\n") + "\n"
    };
    assert_eq!(sorted("images --format '{{.Repository}}:{{.Tag}}'"), names);
    assert_eq!(sorted("images --format '{{ .Repository }}:{{.Tag}}'"), names);
    assert_eq!(sorted("images --format '{{printf \"%s:%s\" .Repository .Tag}}'"), names);
    assert_eq!(place.ok("images --format '{{upper .Repository}}' first"), "FIRST\n");
    assert_eq!(place.ok("images --format '{{.Repository}}\\t{{.Tag}}\\n' first"), "first\t1\n\n");
    assert_eq!(place.ok("images --format '{{json .Tag}}' first"), "\"1\"\n");
    assert_eq!(place.ok("images --format '{{if eq .Tag \"1\"}}one{{else}}more{{end}}' first"), "one\n");
    assert_eq!(
        place.ok("images --format '{{.Containers}} {{.SharedSize}} {{.UniqueSize}}' first"),
        "N/A N/A N/A\n"
    );
    assert_eq!(place.ok("images --format plain first"), "plain\n");
}

#[test]
fn tables_by_template() {
    let place = four();
    let expected = "REPOSITORY   TAG\nfirst        1\n";
    assert_eq!(place.ok("images --format 'table {{.Repository}}\\t{{.Tag}}' first"), expected);
    assert_eq!(place.ok("images --format 'table{{.Repository}}\\t{{.Tag}}' first"), expected);
    assert_eq!(place.ok("images --format table"), place.ok("images"));
    let digest = place.ok("images --format '{{.Digest}}' first");
    assert_eq!(
        place.ok("images --digests --format 'table {{.Tag}}' first"),
        format!("TAG       DIGEST\n1         {digest}")
    );
}

#[test]
fn the_raw_format() {
    let place = four();
    let id = place.ok("images -q first").trim().to_owned();
    let digest = place.ok("images -q --no-trunc first").trim().to_owned();
    let raw = |digest: &str| {
        format!(
            "repository: first\ntag: 1\n{digest}image_id: {id}\ncreated_at: 2020-01-01 00:00:00 +0000 UTC\n\
             virtual_size: 5.09kB\n\n"
        )
    };
    assert_eq!(place.ok("images --format raw first"), raw(""));
    assert_eq!(place.ok("images --format raw --digests first"), raw(&format!("digest: {digest}\n")));
    assert_eq!(place.ok("images --format raw -q first"), format!("image_id: {id}\n"));
}

#[test]
fn a_template_wins_over_ids_only() {
    assert_eq!(four().ok("images -q --format '{{.Repository}}' first"), "first\n");
}

#[test]
fn objects() {
    let place = Place::hello();
    place.ok("tag hello-barge example.org/team/hello:v1");
    let out = place.ok("images --format json");
    let rows: Vec<Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    let row = &rows[0];
    assert_eq!(row["Repository"], "hello-barge");
    assert_eq!((&row["Tag"], &row["ID"]), (&"latest".into(), &HELLO["sha256:".len()..][..12].into()));
    assert_eq!((&row["Digest"], &row["Size"]), (&HELLO.into(), &"6.97kB".into()));
    assert_eq!(row["CreatedAt"], "2026-01-01 00:00:00 +0000 UTC");
    assert_eq!(
        (&row["Containers"], &row["SharedSize"], &row["UniqueSize"]),
        (&"N/A".into(), &"N/A".into(), &"N/A".into())
    );
    assert!(row["CreatedSince"].as_str().unwrap().ends_with(" ago"));
    assert_eq!(rows[1]["Repository"], "example.org/team/hello");
    assert_eq!(place.ok("images --format '{{json .}}'"), out);
    let full: Value =
        serde_json::from_str(&place.ok("images --no-trunc --format json hello-barge:latest")).unwrap();
    assert_eq!(full["ID"], HELLO);
}

#[test]
fn templates_that_are_none() {
    let place = Place::hello();
    let ran = place.run("images --format '{{.ID'");
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(1), "template parsing error: template: :1: unclosed action\n")
    );
    let ran = place.run("images --format '{{nothing .ID}}'");
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(1), "template parsing error: template: :1: function \"nothing\" not defined\n")
    );
    let ran = place.run("images --format '{{.Nothing}}'");
    assert_eq!((ran.code, ran.out().as_str()), (Some(1), ""));
    assert!(
        ran.stderr.starts_with("template parsing error: template: :1:2: executing \"\" at <.Nothing>: "),
        "{}",
        ran.stderr
    );
}

#[test]
fn sizes_count_what_is_there() {
    let mut layout = Layout::hello();
    for digest in layout.platform("linux/amd64") {
        layout.remove(&digest);
    }
    let place = Place::with(&layout);
    // The whole image is 6970 bytes, 989 of them this platform's.
    assert_eq!(
        place.ok("images --format '{{.Size}} {{.Platforms}}'"),
        "5.98kB linux/arm64/v8,linux/arm/v7,linux/riscv64,linux/s390x,linux/386,linux/ppc64le\n"
    );
}

/// An image that cannot be read hides no other, and it is not passed over without a word.
#[test]
fn a_damaged_image_is_named() {
    let place = four();
    let digest = place.ok("images -q --no-trunc second").trim().to_owned();
    let size = std::fs::metadata(place.blob(&digest)).unwrap().len();
    std::fs::write(place.blob(&digest), "x".repeat(usize::try_from(size).unwrap())).unwrap();
    for line in ["images", "images --tree"] {
        let ran = place.run(line);
        assert_eq!(ran.code, Some(0), "{line}");
        assert!(
            ["first", "second", "third"].iter().all(|name| ran.out().contains(name)),
            "{line}: {}",
            ran.out()
        );
        assert!(ran.stderr.contains(&digest) && ran.stderr.contains("damaged"), "{line}: {:?}", ran.stderr);
    }
}
