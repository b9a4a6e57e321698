//! From what containerd calls its images to the names that people use.
//!
//! A name in containerd is any text. Most are full references; others are not names but ways to keep content: the
//! Kubernetes plugin repeats each image under `sha256:HEX`, docker keeps what lost its tag as
//! `moby-dangling@sha256:HEX`. An image that only has such a name is nameless here.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use barge_core::content::Image;
use barge_oci::{Descriptor, Digest, Reference};

use super::messages::{images, types};

/// What docker calls an image without a name; its digest is behind it.
const DANGLING: &str = "moby-dangling@";

/// What docker would call the image of this digest if it had no name.
pub(super) fn dangling(digest: &Digest) -> String {
    format!("{DANGLING}{digest}")
}

/// The images under their names, those by name first; then those that have none, by digest.
///
/// A name that is a reference when it is completed (`busybox`) stands for that, unless another image has the full one.
/// Images whose digest is of an algorithm that is not known here are left out: nothing could be done with them.
pub(super) fn named(listed: Vec<images::Image>) -> Vec<Image> {
    let (mut named, mut nameless) = (Vec::new(), Vec::new());
    for image in listed {
        let Some(target) = image.target.and_then(types::Descriptor::parse) else { continue };
        match reference(&image.name) {
            Some(name) => {
                let is_full = name.to_string() == image.name;
                named.push((name, Reverse(is_full), target));
            }
            None => nameless.push(target),
        }
    }
    named.sort_by(|a, b| (&a.0, a.1, a.2.digest).cmp(&(&b.0, b.1, b.2.digest)));
    named.dedup_by(|a, b| a.0 == b.0);
    nameless.sort_by_key(|target| target.digest);
    nameless.dedup_by_key(|target| target.digest);
    let known: BTreeSet<Digest> = named.iter().map(|(_, _, target)| target.digest).collect();
    nameless.retain(|target| !known.contains(&target.digest));
    let image = |name: Option<Reference>, target: Descriptor| Image { name, target };
    let named = named.into_iter().map(|(name, _, target)| image(Some(name), target));
    named.chain(nameless.into_iter().map(|target| image(None, target))).collect()
}

fn reference(name: &str) -> Option<Reference> {
    // Both would pass for references: `sha256` with a tag, and `moby-dangling` with a digest.
    if name.starts_with(DANGLING) || name.parse::<Digest>().is_ok() {
        return None;
    }
    Reference::parse(name).ok().map(Reference::or_latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[(&str, &[u8])]) -> Vec<(Option<String>, Digest)> {
        let image = |(name, content): &(&str, &[u8])| images::Image {
            name: (*name).to_owned(),
            target: Some(types::Descriptor::of(&Descriptor::of("m", content))),
        };
        let images = named(names.iter().map(image).collect());
        images.into_iter().map(|i| (i.name.map(|n| n.to_string()), i.target.digest)).collect()
    }

    #[test]
    fn what_is_no_name_is_none() {
        let (a, b) = (Digest::sha256(b"a"), Digest::sha256(b"b"));
        let (id, dangling) = (a.to_string(), dangling(&b));
        let images = listed(&[
            (&id, b"a"),
            (&dangling, b"b"),
            ("<none>", b"b"),
            ("registry.k8s.io/pause:3.10", b"a"),
            ("docker.io/library/app", b"a"),
        ]);
        let named = |name: &str| (Some(name.to_owned()), a);
        assert_eq!(
            images,
            [named("docker.io/library/app:latest"), named("registry.k8s.io/pause:3.10"), (None, b)]
        );
    }

    #[test]
    fn what_only_has_an_id_is_listed_once() {
        let a = Digest::sha256(b"a");
        let (id, dangling) = (a.to_string(), dangling(&a));
        assert_eq!(listed(&[(&id, b"a"), (&dangling, b"a")]), [(None, a)]);
    }

    #[test]
    fn the_full_name_counts() {
        let full = (Some("docker.io/library/app:1".to_owned()), Digest::sha256(b"full"));
        for names in [["app:1", "docker.io/library/app:1"], ["docker.io/library/app:1", "app:1"]] {
            let content = |name: &str| if name == "app:1" { &b"short"[..] } else { &b"full"[..] };
            assert_eq!(listed(&names.map(|name| (name, content(name)))), std::slice::from_ref(&full));
        }
    }

    #[test]
    fn targets_that_are_none() {
        let target = types::Descriptor { digest: "sha384:00".to_owned(), ..types::Descriptor::default() };
        let name = "docker.io/library/app:1".to_owned();
        assert!(named(vec![images::Image { name, target: Some(target) }]).is_empty());
    }
}
