//! Tags, IDs and digests: which images are saved, and the names they have in the archive.

use super::common::{HELLO, Layout, Place};
use super::{names, repo_tags, roots, shelf};

#[test]
fn tags_are_picked() {
    let archive = shelf().saved("shelf:3 shelf:1");
    assert_eq!(names(&archive), ["docker.io/library/shelf:3", "docker.io/library/shelf:1"]);
    assert_eq!(repo_tags(&archive), [r#"["shelf:3"]"#, r#"["shelf:1"]"#]);
}

#[test]
fn a_bare_repository_is_all_of_its_tags() {
    let archive = shelf().saved("shelf");
    let expected = ["docker.io/library/shelf:1", "docker.io/library/shelf:2", "docker.io/library/shelf:3"];
    assert_eq!(names(&archive), expected);
    let expected = "No such image: shelf:latest\nhint: the store has `shelf` with the tags 1, 2, 3\n";
    assert_eq!(shelf().fails("save shelf:latest"), expected);
}

#[test]
fn the_same_image_twice_is_saved_once() {
    let place = shelf();
    assert!(place.saved("shelf:1 shelf:1") == place.saved("shelf:1"));
    assert!(place.saved("shelf shelf:2") == place.saved("shelf"));
    assert!(place.saved("docker.io/library/shelf:1") == place.saved("shelf:1"));
}

#[test]
fn two_names_of_one_image() {
    let place = shelf();
    place.ok("tag shelf:1 alias:9");
    let archive = place.saved("shelf:1 alias:9");
    assert_eq!(names(&archive), ["docker.io/library/shelf:1", "docker.io/library/alias:9"]);
    assert_eq!(repo_tags(&archive), [r#"["shelf:1","alias:9"]"#]);
}

#[test]
fn two_indexes_that_share_a_manifest_keep_both_names() {
    let (layout, [.., one, both]) = Layout::sharing();
    let place = Place::with(&layout);
    let archive = place.saved("--platform linux/amd64 one:1 both:1");
    assert_eq!(repo_tags(&archive), [r#"["one:1","both:1"]"#]);
    let archive = place.saved("one:1 both:1");
    assert_eq!(roots(&archive), [one.digest, both.digest]);
    let tags = repo_tags(&archive).concat();
    assert!(tags.contains("one:1") && tags.contains("both:1"), "{tags}");
}

#[test]
fn an_id_or_digest_is_saved_without_a_name() {
    let place = Place::hello();
    let short = &HELLO["sha256:".len()..][..12];
    let nameless = place.saved(HELLO);
    assert_eq!((names(&nameless), repo_tags(&nameless)), (vec!["-".to_owned()], vec!["null".to_owned()]));
    for id in [short, &short[..4], &HELLO[..20], &HELLO["sha256:".len()..]] {
        assert!(nameless == place.saved(id), "{id}");
    }
    for name in ["hello-barge", "hello-barge:latest", "docker.io/library/hello-barge"] {
        assert!(nameless == place.saved(&format!("{name}@{HELLO}")), "{name}");
    }
    assert_eq!(place.fails(&format!("save other@{HELLO}")), format!("No such image: other@{HELLO}\n"));
}

#[test]
fn what_has_no_name_in_the_archive_is_said() {
    let place = shelf();
    place.load(&Layout::hello());
    let said = |line: &str| {
        let ran = place.run(&format!("save {line} -o a.tar"));
        assert_eq!(ran.code, Some(0), "{line}");
        ran.stderr
    };
    let note = format!(
        "note: {} has no name in the archive, `--name NAME:TAG` gives it one\n",
        &HELLO["sha256:".len()..][..12]
    );
    assert_eq!(said(HELLO), note);
    assert_eq!(said(&format!("shelf:1 hello-barge@{HELLO}")), note);
    let another = place.ok("images -q --no-trunc shelf:1");
    let both = format!("{HELLO} {}", another.trim());
    assert_eq!(said(&both), "note: 2 images have no name in the archive\n");
    let (given, quiet) = (format!("--name x:1 {HELLO}"), format!("--progress none {HELLO}"));
    for named in ["hello-barge", &given, &quiet, "--all"] {
        assert_eq!(said(named), "", "{named}");
    }
}

#[test]
fn a_name_for_the_nameless() {
    let place = Place::hello();
    let archive = place.saved(&format!("--name example.org/team/app:v1 {HELLO}"));
    assert_eq!(names(&archive), ["example.org/team/app:v1"]);
    assert_eq!(repo_tags(&archive), [r#"["example.org/team/app:v1"]"#]);
    assert!(place.saved(&format!("--name hello-barge {HELLO}")) == place.saved("hello-barge"));
}

#[test]
fn a_name_for_what_has_one() {
    let place = shelf();
    place.load(&Layout::hello());
    let expected = "`--name` needs exactly one image that has no name of its own\n\
                    hint: images given by ID or digest are saved without a name\n";
    assert_eq!(place.fails("save --name x:1 hello-barge"), expected);
    let another = place.ok("images -q --no-trunc shelf:1");
    assert_eq!(place.fails(&format!("save --name x:1 {HELLO} {}", another.trim())), expected);
    assert_eq!(
        place.fails(&format!("save --name x@{HELLO} {HELLO}")),
        "refusing to create a tag with a digest reference\n"
    );
}

#[test]
fn a_name_that_is_none() {
    let ran = Place::hello().run(&format!("save --name X {HELLO}"));
    assert_eq!((ran.code, ran.out().as_str()), (Some(125), ""));
    let text = "invalid argument \"X\" for \"--name\" flag: \
                invalid reference format: repository name (library/X) must be lowercase\n";
    assert!(ran.stderr.starts_with(text), "{}", ran.stderr);
}
