//! What is said beside the error when there is no such image, no store to be had, or no room in it.

use super::common::{HELLO, Layout, Maker, Place, Ran};
use super::four;

/// Every command that looks for an image in the store, for one of this name.
fn seeking(name: &str) -> [String; 8] {
    [
        format!("save -o never.tar {name}"),
        format!("tag {name} another"),
        format!("rmi {name}"),
        format!("history {name}"),
        format!("images --filter before={name}"),
        format!("copy {name} another"),
        format!("copy {name} oci:never"),
        format!("image inspect {name}"),
    ]
}

#[track_caller]
fn hint_of(place: &Place, line: &str, shown: &str) -> Option<String> {
    let ran: Ran = place.run(line);
    assert_eq!(ran.code, Some(1), "{line}");
    let (first, more) = ran.stderr.split_once('\n').unwrap();
    assert_eq!(first, format!("No such image: {shown}"), "{line}");
    let hint = more.strip_prefix("hint: ").and_then(|hint| hint.strip_suffix('\n'));
    assert!(hint.is_some() || more.is_empty(), "{line}: {more}");
    hint.map(str::to_owned)
}

#[test]
fn an_empty_store() {
    let place = Place::new();
    let fills = |what: &str| {
        let store = place.store();
        format!(
            "the store {} is empty: `barge pull {what}` or `barge load -i FILE` fills it",
            store.display()
        )
    };
    for line in seeking("gone") {
        assert_eq!(hint_of(&place, &line, "gone:latest"), Some(fills("gone")), "{line}");
    }
    assert_eq!(hint_of(&place, &format!("rmi {HELLO}"), HELLO), Some(fills("NAME")));
    // One that was emptied is no other.
    place.load(&Layout::hello());
    place.ok("rmi hello-barge");
    assert_eq!(hint_of(&place, "rmi hello-barge", "hello-barge:latest"), Some(fills("hello-barge")));
}

#[test]
fn other_tags() {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("x"));
    (1..=3).for_each(|tag| layout.name(&image, &format!("example.org/app:{tag}")));
    let place = Place::with(&layout);
    let line = |tags: &str| Some(format!("the store has `example.org/app` with the tags {tags}"));
    for sought in seeking("example.org/app:9") {
        assert_eq!(hint_of(&place, &sought, "example.org/app:9"), line("1, 2, 3"), "{sought}");
    }
    for tag in 4..=7 {
        place.ok(&format!("tag example.org/app:1 example.org/app:{tag}"));
    }
    assert_eq!(
        hint_of(&place, "rmi example.org/app", "example.org/app:latest"),
        line("1, 2, 3, 4, 5 and 2 more")
    );
}

#[test]
fn a_name_that_is_near() {
    let place = four();
    for line in seeking("secnod:1") {
        assert_eq!(hint_of(&place, &line, "secnod:1").as_deref(), Some("did you mean `second:1`?"), "{line}");
    }
    assert_eq!(
        hint_of(&place, "rmi example.org/team/thrd", "example.org/team/thrd:latest").as_deref(),
        Some("did you mean `example.org/team/third:1.0`?")
    );
    for line in seeking("gone") {
        assert_eq!(hint_of(&place, &line, "gone:latest"), None, "{line}");
    }
}

#[test]
fn several_at_once() {
    let place = four();
    let expected = "No such image: frist:1\nhint: did you mean `first:1`?\nNo such image: gone:latest\n\
                    No such image: second:9\nhint: the store has `second:1`\n";
    for command in ["rmi", "image inspect"] {
        let ran = place.run(&format!("{command} frist:1 gone second:9"));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), expected), "{command}");
    }
    // With force it is no failure, and no advice is wanted.
    let ran = place.run("rmi -f frist:1");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), "No such image: frist:1\n"));
}

/// Run by root, as another user; by another user there is nobody to be denied.
#[test]
fn a_store_of_another_user() {
    let place = Place::hello();
    let script = "chmod 755 .. . ../store; test $(id -u) = 0 || exit 77\n\
                  as() { setpriv --reuid=65534 --regid=65534 --clear-groups \"$barge\" \"$@\"; }\n\
                  as --version >&2 || exit 77\n\
                  chmod 700 ../store; as images; as store check; as rmi hello-barge; as tag hello-barge x";
    let ran = place.shell(script);
    if ran.code == Some(77) {
        return barge_testkit::skip("a store of another user", "nobody else can start this program");
    }
    let hint =
        "hint: this store is another user's: run as that user, or take a store of your own, `--store DIR`";
    let said: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(said.iter().filter(|line| **line == hint).count(), 4, "{said:?}");
    let denied = format!("open store {}: permission denied", place.store().display());
    assert!(said.iter().filter(|line| **line == denied).count() == 4, "{said:?}");
}

#[test]
fn a_disk_that_is_too_small_for_the_store() {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer(vec![7; 1 << 20]));
    layout.name(&image, "docker.io/library/big:1");
    let place = Place::with(&layout);
    place.write("big.tar", place.saved("big:1"));
    std::fs::create_dir(place.path("small")).unwrap();
    let script = "mount -t tmpfs -o size=256k none small\n\
                  \"$barge\" --store small/store load -q -i big.tar || echo code $?";
    let Some(ran) = place.mounting(script) else { return };
    assert_eq!(ran.out(), "code 1\n");
    let (text, hint) = ran.stderr.split_once('\n').unwrap();
    assert_eq!(text, "write small/store: no space left on device");
    let numbers = hint.strip_prefix("hint: ").and_then(|hint| hint.strip_suffix(" are free\n"));
    assert!(numbers.is_some_and(|numbers| numbers.contains(" bytes more are needed, ")), "{hint}");
}
