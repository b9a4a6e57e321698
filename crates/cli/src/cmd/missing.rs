//! What is said beside `No such image`: which tags there are, which name is near, or that the store is empty.

use std::path::Path;

use barge_core::content::Image;
use barge_core::error::{Error, ErrorKind, printable};
use barge_core::store::Store;
use barge_oci::{Digest, Reference};

use super::Failure;
use crate::suggestion::nearest;

/// How the text begins that says that an image is not there.
const BEGINNING: &str = "No such image: ";
/// So many tags are named.
const MOST_TAGS: usize = 5;

/// The error, and if it is that `store` has no such image, what there is instead.
pub(super) fn advise(error: Error, store: &Store) -> Error {
    match missing(&error) {
        Some(shown) => advise_of(error, store, &shown),
        None => error,
    }
}

/// What is not there, as it is shown, if that is what the error says.
pub(super) fn missing(error: &Error) -> Option<String> {
    let text = (error.kind() == ErrorKind::NotFound).then(|| error.to_string())?;
    text.strip_prefix(BEGINNING).map(str::to_owned)
}

/// An error that says that `store` has not what is `shown`, with what there is instead. A hint that it has stays.
pub(super) fn advise_of(error: Error, store: &Store, shown: &str) -> Error {
    if error.advice().is_some() {
        return error;
    }
    match store.images().ok().and_then(|images| instead(&images, shown, store.root())) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Several errors as one failure, each with its hint.
pub(super) fn failure(mut failed: Vec<Error>) -> Failure {
    match failed.pop() {
        Some(only) if failed.is_empty() => Failure::Core(only),
        last => {
            failed.extend(last);
            Failure::Text(lines(&failed), 1)
        }
    }
}

/// A line an error, and behind it its hint, unless the same one was given.
pub(super) fn lines(failed: &[Error]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for error in failed {
        lines.push(error.to_string());
        let hint = error.advice().map(|hint| format!("hint: {hint}"));
        let new = hint.filter(|hint| !lines.contains(hint));
        lines.extend(new);
    }
    lines.join("\n")
}

/// What there is instead of the image that is `shown`.
fn instead(images: &[Image], shown: &str, store: &Path) -> Option<String> {
    let meant = Reference::parse(shown).ok().filter(|_| shown.parse::<Digest>().is_err());
    if images.iter().all(Image::is_referrer) {
        let name = meant.map_or("NAME", |_| shown.strip_suffix(":latest").unwrap_or(shown));
        let store = printable(&store.to_string_lossy());
        return Some(format!(
            "the store {store} is empty: `barge pull {name}` or `barge load -i FILE` fills it"
        ));
    }
    let meant = meant?;
    let names = || images.iter().filter(|image| !image.is_referrer()).filter_map(|image| image.name.as_ref());
    let tags: Vec<&str> =
        names().filter(|name| name.name() == meant.name()).filter_map(Reference::tag).collect();
    if !tags.is_empty() {
        return Some(with_tags(&meant.familiar_name(), &tags));
    }
    let typed = meant.familiar_name();
    let others: Vec<String> = names().map(Reference::familiar_name).filter(|name| *name != typed).collect();
    let near = nearest(&typed, others.iter().map(String::as_str))?;
    let near: Vec<&Reference> = names().filter(|name| name.familiar_name() == near).collect();
    let name = near.iter().find(|name| name.tag() == meant.tag()).or(near.first())?;
    Some(format!("did you mean `{}`?", name.familiar()))
}

fn with_tags(name: &str, tags: &[&str]) -> String {
    let named = tags.iter().take(MOST_TAGS).copied().collect::<Vec<_>>().join(", ");
    match (tags.len(), tags.len().saturating_sub(MOST_TAGS)) {
        (1, _) => format!("the store has `{name}:{named}`"),
        (_, 0) => format!("the store has `{name}` with the tags {named}"),
        (_, more) => format!("the store has `{name}` with the tags {named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use barge_oci::{Descriptor, media_type};

    use super::*;

    fn hint(names: &[&str], shown: &str) -> Option<String> {
        let target = Descriptor::of(media_type::OCI_MANIFEST, b"x");
        let image = |name: &&str| Image { name: Reference::parse(name).ok(), target: target.clone() };
        instead(&names.iter().map(image).collect::<Vec<_>>(), shown, Path::new("/s"))
    }

    #[test]
    fn an_empty_store() {
        let fills = |what: &str| {
            Some(format!("the store /s is empty: `barge pull {what}` or `barge load -i FILE` fills it"))
        };
        assert_eq!(hint(&[], "app:latest"), fills("app"));
        assert_eq!(hint(&[], "example.org/app:1"), fills("example.org/app:1"));
        assert_eq!(hint(&[], &Digest::sha256(b"x").to_string()), fills("NAME"));
    }

    #[test]
    fn other_tags() {
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(hint(&["app:1", "other:1"], "app:latest"), said("the store has `app:1`"));
        let many = ["app:1", "app:2", "app:3", "app:4", "app:5", "app:6", "app:7"];
        let (five, all) = (hint(&many[..5], "app:9"), hint(&many, "app:9"));
        assert_eq!(five, said("the store has `app` with the tags 1, 2, 3, 4, 5"));
        assert_eq!(all, said("the store has `app` with the tags 1, 2, 3, 4, 5 and 2 more"));
    }

    #[test]
    fn names_that_are_near() {
        let names = ["alpine:3", "busybox:1", "busybox:2", "example.org/team/app:1"];
        let meant = |name: &str| Some(format!("did you mean `{name}`?"));
        assert_eq!(hint(&names, "alpnie:latest"), meant("alpine:3"));
        assert_eq!(hint(&names, "busibox:2"), meant("busybox:2"));
        assert_eq!(hint(&names, "example.org/team/ap:1"), meant("example.org/team/app:1"));
        for far in ["gone:latest", "x:1", "debian:3", &Digest::sha256(b"x").to_string()] {
            assert_eq!(hint(&names, far), None, "{far}");
        }
    }
}
