//! What changes the store's names: `tag`, `rmi`, `image prune`.

use super::common::{HELLO, Layout, Maker, Place};
use super::four;

const SHORT: &str = "2a4baa9d3ab9";

/// Two images in a row under one name: the first has lost it.
fn replaced() -> (Place, String) {
    let mut first = Layout::default();
    let old = first.image(&Maker::new("linux/amd64").layer("base").layer("old"));
    first.name(&old, "docker.io/library/app:1");
    let mut second = Layout::default();
    let new = second.image(&Maker::new("linux/amd64").layer("base").layer("new"));
    second.name(&new, "docker.io/library/app:1");
    let place = Place::with(&first);
    place.load(&second);
    (place, old.digest)
}

fn short(digest: &str) -> &str {
    &digest["sha256:".len()..][..12]
}

#[test]
fn another_name() {
    let place = Place::hello();
    for name in ["copy", "hello-barge:v1", "example.org:5000/team/hello:v1"] {
        assert_eq!(place.ok(&format!("tag hello-barge {name}")), "");
    }
    assert_eq!(place.ok(&format!("image tag {SHORT} by-id")), "");
    assert_eq!(place.ok(&format!("image tag hello-barge@{HELLO} by-digest:1")), "");
    let expected = [
        "by-digest:1",
        "by-id:latest",
        "copy:latest",
        "example.org:5000/team/hello:v1",
        "hello-barge:latest",
        "hello-barge:v1",
    ];
    assert_eq!(place.names(), expected.map(|n| format!("{n} {SHORT}")));
}

#[test]
fn the_same_name_again() {
    let place = Place::hello();
    place.ok("tag hello-barge hello-barge:latest");
    place.ok("tag hello-barge docker.io/library/hello-barge");
    assert_eq!(place.names(), [format!("hello-barge:latest {SHORT}")]);
}

#[test]
fn a_name_that_is_taken_away() {
    let place = four();
    let second = place.ok("images -q second");
    place.ok("tag first:1 second:1");
    let first = place.ok("images -q first");
    let names = place.names().join("\n");
    assert!(names.contains(&format!("<none>:<none> {}", second.trim())), "{names}");
    assert!(names.contains(&format!("second:1 {}", first.lines().next().unwrap())), "{names}");
}

#[test]
fn names_that_are_none() {
    let place = Place::hello();
    let before = place.snapshot();
    let parsing = |name: &str, why: &str| {
        format!("error parsing reference: \"{name}\" is not a valid repository/tag: {why}\n")
    };
    assert_eq!(place.fails("tag hello-barge a//b"), parsing("a//b", "invalid reference format"));
    assert_eq!(place.fails("tag hello-barge ''"), parsing("", "invalid reference format"));
    assert_eq!(
        place.fails("tag hello-barge Copy"),
        parsing("Copy", "invalid reference format: repository name (library/Copy) must be lowercase")
    );
    assert_eq!(place.fails("tag hello-barge a:b:c"), parsing("a:b:c", "invalid reference format"));
    let long = format!("a:{}", "x".repeat(129));
    assert_eq!(place.fails(&format!("tag hello-barge {long}")), parsing(&long, "invalid reference format"));
    assert_eq!(
        place.fails(&format!("tag hello-barge a@{HELLO}")),
        "refusing to create a tag with a digest reference\n"
    );
    assert_eq!(
        place.fails("tag hello-barge sha256:abc"),
        "refusing to create an ambiguous tag using digest algorithm as name\n"
    );
    assert_eq!(place.fails("tag gone copy"), "No such image: gone:latest\n");
    assert!(before == place.snapshot());
}

#[test]
fn the_last_name_goes_with_the_image() {
    let place = Place::hello();
    assert_eq!(place.ok("rmi hello-barge"), format!("Untagged: hello-barge:latest\nDeleted: {HELLO}\n"));
    assert_eq!(place.ok("images -aq"), "");
    assert!(std::fs::read_dir(place.store().join("blobs/sha256")).unwrap().next().is_none());
}

#[test]
fn one_name_of_several() {
    let place = Place::hello();
    place.ok("tag hello-barge copy:1");
    assert_eq!(place.ok("rmi hello-barge"), "Untagged: hello-barge:latest\n");
    assert_eq!(place.names(), [format!("copy:1 {SHORT}")]);
    assert_eq!(place.ok("image remove copy:1"), format!("Untagged: copy:1\nDeleted: {HELLO}\n"));
}

#[test]
fn by_id() {
    let place = Place::hello();
    assert_eq!(
        place.ok(&format!("image rm {SHORT}")),
        format!("Untagged: hello-barge:latest\nDeleted: {HELLO}\n")
    );
}

#[test]
fn by_id_with_several_names() {
    let place = Place::hello();
    place.ok("tag hello-barge copy:1");
    let conflict = format!(
        "conflict: unable to delete {SHORT} (must be forced) - image is referenced in multiple repositories\n"
    );
    assert_eq!(place.fails(&format!("rmi {SHORT}")), conflict);
    assert_eq!(place.fails(&format!("rmi {HELLO}")), conflict);
    assert_eq!(place.names().len(), 2);
    assert_eq!(
        place.ok(&format!("rmi -f {SHORT}")),
        format!("Untagged: copy:1\nUntagged: hello-barge:latest\nDeleted: {HELLO}\n")
    );
    assert!(place.names().is_empty());
}

#[test]
fn what_is_not_there() {
    let place = Place::hello();
    assert_eq!(place.fails("rmi gone"), "No such image: gone:latest\n");
    let ran = place.run("rmi -f gone:1 also-gone");
    assert_eq!((ran.code, ran.out().as_str()), (Some(0), ""));
    assert_eq!(ran.stderr, "No such image: gone:1\nNo such image: also-gone:latest\n");
    // The others go all the same.
    let ran = place.run("rmi gone hello-barge also:gone");
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.out(), format!("Untagged: hello-barge:latest\nDeleted: {HELLO}\n"));
    assert_eq!(ran.stderr, "No such image: gone:latest\nNo such image: also:gone\n");
    assert_eq!(place.run("rmi -f a//b").code, Some(1));
}

#[test]
fn kept_without_a_name() {
    let place = Place::hello();
    assert_eq!(place.ok("rmi --no-prune hello-barge"), "Untagged: hello-barge:latest\n");
    assert_eq!(place.names(), [format!("<none>:<none> {SHORT}")]);
    assert_eq!(place.ok("store gc"), "Total reclaimed space: 0B\n");
    place.ok(&format!("save --progress none -o a.tar {SHORT}"));
    assert_eq!(place.ok(&format!("rmi {SHORT}")), format!("Deleted: {HELLO}\n"));
    assert!(place.names().is_empty());
}

#[test]
fn shared_content_stays_with_the_other() {
    let place = four();
    let archive = place.saved("second:1");
    place.ok("rmi first:1");
    assert!(archive == place.saved("second:1"));
    assert!(place.ok("store check").ends_with(": no faults\n"));
}

#[test]
fn one_platform_only() {
    let place = Place::hello();
    let [manifest, config, layer] = &Layout::hello().platform("linux/s390x")[..] else { panic!() };
    assert_eq!(place.ok("rmi --platform linux/s390x hello-barge"), format!("Deleted: {manifest}\n"));
    assert!([manifest, config, layer].iter().all(|d| !place.blob(d).exists()));
    assert_eq!(place.names(), [format!("hello-barge:latest {SHORT}")]);
    let tree = place.ok("images --tree");
    let row = tree.lines().find(|l| l.contains("linux/s390x")).unwrap();
    assert!(row.contains(" 0B "), "{row}");
    assert!(place.ok("store check").ends_with(": no faults\n"));
    let again = "image with reference hello-barge:latest was found but does not provide the specified platform (linux/s390x)\n";
    assert_eq!(place.fails("rmi --platform linux/s390x hello-barge"), again);
    assert_eq!(place.run("rmi --platform linux/386,linux/arm64 hello-barge").out().lines().count(), 2);
}

#[test]
fn one_platform_that_is_not_there_of_two() {
    let place = Place::hello();
    let before = place.snapshot();
    let said = place.fails("rmi --platform linux/s390x,linux/mips hello-barge");
    assert!(said.ends_with("does not provide the specified platform (linux/mips)\n"), "{said}");
    assert!(before == place.snapshot());
}

#[test]
fn a_platform_that_another_image_has_too() {
    let (layout, [amd64, arm64, ..]) = Layout::sharing();
    let place = Place::with(&layout);
    assert_eq!(
        place.fails("rmi --platform linux/amd64 both:1"),
        "Content will be removed from all images referencing this variant. Use --force to force delete.\n"
    );
    assert!(place.blob(&amd64.digest).exists());
    assert_eq!(place.ok("rmi --force --platform linux/amd64 both:1"), format!("Deleted: {}\n", amd64.digest));
    assert!(!place.blob(&amd64.digest).exists() && place.blob(&arm64.digest).exists());
}

const WARNING: &str =
    "WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] ";

#[test]
fn the_question() {
    let (place, old) = replaced();
    for answer in ["", "\n", "n\n", "N\n", "no\n", "yes\n", "x\n"] {
        let ran = place.run_with("image prune", answer.as_bytes());
        assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), WARNING, ""), "{answer:?}");
    }
    assert_eq!(place.names().len(), 2);
    let ran = place.run_with("image prune", b"y\n");
    let freed = "Total reclaimed space: ";
    let expected = format!("{WARNING}Deleted Images:\ndeleted: {old}\n\n{freed}");
    assert!(ran.code == Some(0) && ran.out().starts_with(&expected), "{}", ran.out());
    assert_eq!(place.names().len(), 1);
    let ran = place.run_with("image prune -a", b"");
    let all = |which: &str| {
        let store = place.store();
        format!(
            "WARNING! This will remove all images{which} from the store {}, also those that have a name.\n\
             Are you sure you want to continue? [y/N] ",
            store.display()
        )
    };
    assert_eq!((ran.code, ran.out()), (Some(0), all("")));
    let ran = place.run_with("image prune -a --filter until=1s", b"n\n");
    assert_eq!((ran.code, ran.out()), (Some(0), all(" that the filters let through")));
    let ran = place.run_with("image prune --filter until=1s", b"n\n");
    let filtered = WARNING.replace("images.", "images that the filters let through.");
    assert_eq!((ran.code, ran.out()), (Some(0), filtered));
    assert_eq!(place.names().len(), 1);
}

#[test]
fn nothing_to_prune() {
    let place = Place::hello();
    assert_eq!(place.ok("image prune -f"), "Total reclaimed space: 0B\n");
    assert_eq!(place.names().len(), 1);
}

#[test]
fn dangling_images() {
    let (place, old) = replaced();
    let files = |place: &Place| -> u64 {
        let blobs = std::fs::read_dir(place.store().join("blobs/sha256")).unwrap();
        blobs.map(|b| b.unwrap().metadata().unwrap().len()).sum()
    };
    let before = files(&place);
    let out = place.ok("image prune -f");
    let freed = before - files(&place);
    // Its own layer, its config and its manifest; the base is another's too.
    let kilobytes = format!("{:.3}", freed as f64 / 1000.0);
    let kilobytes = kilobytes.trim_end_matches('0');
    assert_eq!(out, format!("Deleted Images:\ndeleted: {old}\n\nTotal reclaimed space: {kilobytes}kB\n"));
    assert!(!place.blob(&old).exists());
    assert!(place.ok("store check").ends_with(": no faults\n"));
}

#[test]
fn every_image() {
    let place = four();
    let out = place.ok("image prune -a -f");
    for line in
        ["untagged: first:1\ndeleted: sha256:", "untagged: example.org/team/third:1.0\ndeleted: sha256:"]
    {
        assert!(out.contains(line), "{out}");
    }
    assert_eq!(out.lines().filter(|l| l.starts_with("deleted: ")).count(), 4);
    assert!(place.names().is_empty());
    assert!(std::fs::read_dir(place.store().join("blobs/sha256")).unwrap().next().is_none());
}

#[test]
fn some_images() {
    let place = four();
    let out = place.ok("image prune -a -f --filter until=2020-02-15 --filter label=env=test");
    assert!(out.starts_with("Deleted Images:\nuntagged: second:1\ndeleted: "), "{out}");
    assert_eq!(place.names().len(), 3);
    let out = place.ok("image prune -a -f --filter label!=env");
    assert_eq!(out.lines().filter(|l| l.starts_with("deleted: ")).count(), 2, "{out}");
    assert_eq!(super::listed(&place, ""), ["first"]);
    let out = place.ok("image prune -f --filter until=1s");
    assert_eq!(out, "Total reclaimed space: 0B\n");
    assert_eq!(place.fails("image prune -f --filter color=red"), "invalid filter 'color'\n");
}

#[test]
fn a_tagged_image_is_no_dangling_one() {
    let (place, old) = replaced();
    place.ok(&format!("tag {} saved:1", short(&old)));
    assert_eq!(place.ok("image prune -f"), "Total reclaimed space: 0B\n");
    assert_eq!(place.names().len(), 2);
}

#[test]
fn what_can_be_no_platform() {
    let place = Place::hello();
    let names = place.names();
    for command in ["image rm", "rmi"] {
        let said = place.fails(&format!("{command} --platform x hello-barge"));
        assert_eq!(
            said,
            "invalid platform: \"x\": unknown operating system or architecture: invalid argument\n"
        );
    }
    assert_eq!(place.names(), names);
}
