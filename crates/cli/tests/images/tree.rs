//! Images as trees.

use serde_json::Value;

use super::common::{HELLO, Layout, Maker, Place, Terminal, golden, on_terminal};

/// Several names, several platforms, one of them absent, no name, a manifest without an index.
fn forest() -> Place {
    let mut layout = Layout::hello();
    for digest in layout.platform("linux/s390x") {
        layout.remove(&digest);
    }
    let place = Place::with(&layout);
    place.ok("tag hello-barge hello-barge:v1");
    place.ok("tag hello-barge example.org/team/hello:v1");
    let mut layout = Layout::default();
    let plain = layout.image(&Maker::new("linux/amd64").layer("plain"));
    layout.name(&plain, "docker.io/library/alone:1");
    let parts = ["linux/amd64", "linux/arm64"].map(|p| layout.image(&Maker::new(p).layer(p)));
    let statement = layout.attestation(&parts[0]);
    let nameless = layout.index(&[&parts[0], &parts[1], &statement]);
    layout.list(&nameless);
    place.load(&layout);
    place
}

#[test]
fn the_tree() {
    let place = forest();
    golden("tree", &place.ok("images --tree"));
    golden("tree-all", &place.ok("images --tree -a"));
    golden("tree-digests", &place.ok("images --tree --digests alone"));
    assert_eq!(place.ok("images --tree --no-trunc alone"), place.ok("images --tree --digests alone"));
    assert_eq!(place.ok("image ls --tree --format table"), place.ok("image ls --tree"));
}

#[test]
fn an_empty_tree() {
    let header = "IMAGE   ID             DISK USAGE   CONTENT SIZE   EXTRA\n";
    assert_eq!(Place::new().ok("images --tree"), header);
    assert_eq!(forest().ok("images --tree gone"), header);
}

#[test]
fn filters_apply() {
    let place = forest();
    let out = place.ok("images --tree alone");
    assert!(out.contains("alone:1") && !out.contains("hello"), "{out}");
    let out = place.ok("images --tree --filter dangling=true");
    assert!(out.contains("<untagged>") && !out.contains("alone"), "{out}");
}

#[test]
fn ids_of_the_tree() {
    let place = forest();
    let mut ids: Vec<String> = Layout::hello()
        .files()
        .keys()
        .filter_map(|p| Some(p.strip_prefix("blobs/sha256/")?[..12].to_owned()))
        .collect();
    ids.sort();
    let out = place.ok("images --tree -q hello-barge");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines[0], lines.len()), (&HELLO["sha256:".len()..][..12], 8));
    assert!(lines.iter().all(|l| ids.iter().any(|id| id == l)), "{out}");
    let out = place.ok("images --tree -q --no-trunc hello-barge");
    assert!(out.starts_with(&format!("{HELLO}\nsha256:")), "{out}");
}

#[test]
fn objects_of_the_tree() {
    let place = forest();
    let out = place.ok("images --tree --format json hello-barge");
    assert_eq!(out.lines().count(), 1);
    let image: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(image["Names"], serde_json::json!(["hello-barge:latest", "hello-barge:v1"]));
    assert_eq!((&image["Bytes"], &image["Size"]), (&5987.into(), &"5.99kB".into()));
    let platforms = image["Platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 7);
    assert_eq!(
        (&platforms[0]["Platform"], &platforms[0]["Available"]),
        (&"linux/amd64".into(), &true.into())
    );
    assert_eq!((&platforms[0]["Bytes"], &platforms[0]["Size"]), (&989.into(), &"989B".into()));
    assert_eq!(
        (&platforms[4]["Platform"], &platforms[4]["Available"]),
        (&"linux/s390x".into(), &false.into())
    );
    assert_eq!((&platforms[4]["Bytes"], &platforms[4]["Size"]), (&0.into(), &"0B".into()));
}

#[test]
fn templates_of_the_tree() {
    let format = "{{range .Platforms}}{{.Platform}} {{end}}";
    assert_eq!(forest().ok(&format!("images --tree --format '{format}' alone")), "linux/amd64 \n");
}

fn drawn(place: &Place, columns: u16, environment: &[(&str, &str)]) -> String {
    let mut command = place.command(&["images", "--tree", "-a"]);
    command.envs(environment.iter().copied());
    let ran = on_terminal(command, Terminal::Stdout, columns);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    ran.out()
}

#[test]
fn colours_are_only_colours() {
    let place = forest();
    let plain = place.ok("images --tree -a");
    assert!(!plain.contains('\u{1b}'));
    let coloured = drawn(&place, 200, &[]);
    let (bold, faint, end) = ("\u{1b}[1m", "\u{1b}[2m", "\u{1b}[0m");
    assert!(coloured.contains(&format!("{faint}├─ linux/s390x{end}")), "{coloured}");
    assert!(coloured.contains(&format!("{faint}<untagged>{end}")), "{coloured}");
    assert!(coloured.contains(bold), "{coloured}");
    assert_eq!(coloured.replace(bold, "").replace(faint, "").replace(end, ""), plain);
}

#[test]
fn colours_can_be_declined() {
    let place = forest();
    let plain = place.ok("images --tree -a");
    assert_eq!(drawn(&place, 200, &[("NO_COLOR", "1")]), plain);
    assert!(drawn(&place, 200, &[("NO_COLOR", "")]).contains('\u{1b}'));
    assert_eq!(drawn(&place, 200, &[("TERM", "dumb")]), plain);
}

/// No line is wider than the terminal; what does not fit goes, the names last.
#[test]
fn narrow_terminals() {
    let place = forest();
    for columns in [20, 40, 60, 76, 80] {
        let out = drawn(&place, columns, &[("NO_COLOR", "1")]);
        let names = ["hello-barge:v1", "example.org/team/hello:v1", "<untagged>"];
        assert!(names.iter().all(|n| out.contains(n)), "{columns}: {out}");
        let header = out.lines().next().unwrap();
        assert_eq!(header.contains("CONTENT SIZE"), columns >= 60, "{columns}: {out}");
        assert_eq!(header.contains("ID"), columns >= 40, "{columns}: {out}");
        let wide = out.lines().filter(|l| l.trim_end().chars().count() > usize::from(columns));
        // A name that is too long for its column stands on a line of its own, whole.
        let wide: Vec<&str> = wide.filter(|l| !names.contains(&l.trim_end())).collect();
        assert!(wide.is_empty(), "{columns}: {wide:?}");
    }
}
