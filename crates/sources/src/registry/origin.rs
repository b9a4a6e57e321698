//! Where images came from: repositories of the same registry that should have their content.

use barge_core::image::Image;
use barge_oci::{Descriptor, Reference, annotation};

/// The repositories of the registry at `host` that something came from, as far as it is known and can be true:
/// archives from anywhere may say so.
fn origin<'a>(descriptor: &'a Descriptor, host: &str) -> impl Iterator<Item = &'a str> {
    let known = descriptor.annotations.get(&format!("{}{host}", annotation::SOURCE));
    let is_path = move |path: &&str| {
        Reference::parse(&format!("{host}/{path}"))
            .is_ok_and(|name| name.is_name_only() && name.path() == *path)
    };
    let paths: Vec<&str> = known.into_iter().flat_map(|paths| paths.split(',')).filter(is_path).collect();
    paths.into_iter()
}

/// Other repositories of the registry that should have the image's content, by the names that `images` have.
#[must_use]
pub fn siblings(image: &Image, images: &[Image], name: &Reference) -> Vec<String> {
    let same_content = images.iter().filter(|i| i.target.digest == image.target.digest);
    let mut siblings: Vec<String> = same_content
        .flat_map(|i| {
            let named = i.name.iter().filter(|n| n.domain() == name.domain()).map(|n| n.path().to_owned());
            let came_from = origin(&i.target, name.domain());
            named.chain(came_from.map(str::to_owned)).collect::<Vec<_>>()
        })
        .filter(|path| path != name.path())
        .collect();
    siblings.sort();
    siblings.dedup();
    siblings
}
