//! What docker says of pulls, pushes and logins, and of flags that ask for more than the usual.

use super::common::{HELLO, Place};
use super::with_hello;

#[test]
fn a_push_says_what_docker_says() {
    let Some((registry, _name)) = with_hello() else { return };
    let (place, to) = (Place::hello(), format!("{}/team/said", registry.address()));
    place.ok(&format!("tag hello-barge {to}"));
    let said = place.ok(&format!("image push --disable-content-trust {to}"));
    let begins = format!("Using default tag: latest\nThe push refers to repository [{to}]\n");
    assert!(said.starts_with(&begins), "{said}");
    assert!(said.contains(&format!("latest: digest: {HELLO} size: ")), "{said}");
    let said = place.fails(&format!("push -a {to}:latest"));
    assert_eq!(said, "tag can't be used with --all-tags/-a\n");
}

#[test]
fn a_pull_says_what_is_there() {
    let Some((registry, name)) = with_hello() else { return };
    let place = Place::hello();
    let said = place.ok(&format!("pull --disable-content-trust -a --platform linux/riscv64 {name}"));
    assert!(
        said.starts_with("latest: Pulling from team/hello\n") && said.contains(": Already exists\n"),
        "{said}"
    );
    assert_eq!(place.names().len(), 2);
    drop(registry);
}

/// Of an image that lacks platforms an index of what is there is sent, unless the original is asked for.
#[test]
fn the_original_index_or_none() {
    let Some((registry, _name)) = with_hello() else { return };
    let (place, to) = (Place::hello(), registry.address());
    place.ok("image rm --platform linux/riscv64 hello-barge");
    place.ok(&format!("tag hello-barge {to}/narrow"));
    let sent = |line: &str| {
        let ran = place.run(line);
        ran.out().split_whitespace().find(|word| word.starts_with("sha256:")).unwrap_or("none").to_owned()
    };
    let narrowed = sent(&format!("push {to}/narrow"));
    assert!(![HELLO, "none"].contains(&narrowed.as_str()), "{narrowed}");
    assert_eq!(sent(&format!("copy hello-barge docker://{to}/narrow:2")), narrowed);
    // A registry takes it where it has what it lists.
    let (push, copy) = ("push --keep-index", "copy --keep-index hello-barge docker://");
    assert!(place.run(&format!("{push} {to}/narrow")).stderr.contains("manifest latest: 400 Bad Request"));
    let whole = Place::hello();
    whole.ok(&format!("tag hello-barge {to}/narrow:whole"));
    whole.ok(&format!("push -q {to}/narrow:whole"));
    assert_eq!(sent(&format!("{push} {to}/narrow")), HELLO);
    assert_eq!(sent(&format!("{copy}{to}/narrow:3")), HELLO);
}

#[test]
fn every_tag_is_copied() {
    let Some((registry, name)) = with_hello() else { return };
    let (place, to) = (Place::new(), registry.address());
    for tag in ["1", "2"] {
        place.ok(&format!("copy docker://{name} docker://{name}:{tag}"));
    }
    place.ok(&format!("copy --all-tags docker://{name} there"));
    let names: Vec<String> = place.names().iter().map(|n| n.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["there:1", "there:2", "there:latest"]);
    place.ok(&format!("copy --all-tags there docker://{to}/back"));
    let back = Place::new();
    back.ok(&format!("pull -q -a {to}/back"));
    assert_eq!(back.names().len(), 3);
}
