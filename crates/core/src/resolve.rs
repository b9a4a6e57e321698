//! What an IMAGE argument means, in docker's order of resolution.

use barge_oci::{Algorithm, Digest, Reference};

use crate::content::Image;
use crate::error::{Error, ErrorKind, Result, printable};

/// The fewest hex characters that may stand for an image ID.
const MIN_PREFIX: usize = 4;

/// What an argument was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The image; for a digest or ID the first that has it.
    pub image: Image,
    /// Whether it was asked for by digest or ID: `save` gives it no name then.
    pub by_digest: bool,
}

/// An argument, read but not looked up.
enum Query {
    Digest(Digest),
    Reference(Reference),
}

impl Query {
    fn parse(argument: &str) -> Result<Self> {
        let hex = argument.strip_prefix("sha256:").unwrap_or(argument);
        if let Some(digest) = Digest::from_hex(Algorithm::Sha256, hex) {
            return Ok(Self::Digest(digest));
        }
        if let Ok(digest) = argument.parse() {
            return Ok(Self::Digest(digest));
        }
        let invalid = |e: barge_oci::InvalidReference| Error::invalid(printable(&e.to_string()));
        Reference::parse(argument).map(Self::Reference).map_err(invalid)
    }
}

/// Finds the one image that `argument` means: a digest, a name, or a prefix of an ID.
///
/// # Errors
/// `InvalidArgument` if it can be no image; `NotFound` if there is none, or if an ID prefix fits several.
pub fn one(images: &[Image], argument: &str) -> Result<Resolved> {
    let images: Vec<&Image> = images.iter().filter(|i| !i.is_referrer()).collect();
    let found = |image: &&Image, by_digest| Resolved { image: (*image).clone(), by_digest };
    match Query::parse(argument)? {
        Query::Digest(digest) => {
            let image = images.iter().find(|i| i.target.digest == digest);
            image.map(|i| found(i, true)).ok_or_else(|| no_such_image(argument))
        }
        Query::Reference(reference) => {
            if let Some(digest) = reference.digest() {
                let same = |i: &&&Image| {
                    i.target.digest == *digest
                        && i.name.as_ref().is_some_and(|n| n.name() == reference.name())
                };
                let image = images.iter().find(same);
                return image.map(|i| found(i, true)).ok_or_else(|| no_such_image(argument));
            }
            let named = reference.clone().or_latest();
            if let Some(image) = images.iter().find(|i| i.name.as_ref() == Some(&named)) {
                return Ok(found(image, false));
            }
            by_prefix(&images, argument)?
                .map(|i| Resolved { image: i.clone(), by_digest: true })
                .ok_or_else(|| no_such_image(&named.familiar()))
        }
    }
}

/// The images `save` takes for `argument`: one, or every tag of a bare repository.
///
/// # Errors
/// As [`one`].
pub fn all_tags(images: &[Image], argument: &str) -> Result<Vec<Image>> {
    let resolved = one(images, argument);
    if let Ok(Resolved { image, by_digest: true }) = resolved {
        return Ok(vec![Image { name: None, ..image }]);
    }
    if let Query::Reference(reference) = Query::parse(argument)?
        && reference.is_name_only()
    {
        let of_it =
            |i: &&Image| i.name.as_ref().is_some_and(|n| n.name() == reference.name() && n.tag().is_some());
        let tags: Vec<Image> = images.iter().filter(of_it).cloned().collect();
        if !tags.is_empty() {
            return Ok(tags);
        }
    }
    resolved.map(|r| vec![r.image])
}

/// The image whose digest begins with what looks like a short ID.
fn by_prefix<'a>(images: &[&'a Image], argument: &str) -> Result<Option<&'a Image>> {
    let prefix = argument.strip_prefix("sha256:").unwrap_or(argument);
    let hex = prefix.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !hex || !(MIN_PREFIX..=64).contains(&prefix.len()) {
        return Ok(None);
    }
    let mut fitting = images.iter().filter(|i| i.target.digest.hex().starts_with(prefix));
    let Some(first) = fitting.next() else { return Ok(None) };
    if fitting.any(|i| i.target.digest != first.target.digest) {
        return Err(Error::new(ErrorKind::NotFound, "ambiguous reference")
            .hint(format!("several image IDs begin with {prefix}: give more of it")));
    }
    Ok(Some(first))
}

fn no_such_image(shown: &str) -> Error {
    Error::not_found(format!("No such image: {}", printable(shown)))
}

#[cfg(test)]
mod tests {
    use barge_oci::{Descriptor, media_type};

    use super::*;

    fn image(name: Option<&str>, content: &str) -> Image {
        let name = name.map(|n| Reference::parse(n).unwrap());
        Image { name, target: Descriptor::of(media_type::OCI_MANIFEST, content.as_bytes()) }
    }

    fn store() -> Vec<Image> {
        vec![
            image(Some("busybox:1"), "a"),
            image(Some("busybox:2"), "b"),
            image(Some("example.org/busybox:1"), "c"),
            image(Some("abcd:latest"), "d"),
            image(None, "e"),
        ]
    }

    #[test]
    fn a_bare_repository_means_every_tag() {
        let names: Vec<String> = all_tags(&store(), "busybox")
            .unwrap()
            .iter()
            .map(|i| i.name.as_ref().unwrap().familiar())
            .collect();
        assert_eq!(names, ["busybox:1", "busybox:2"]);
        assert_eq!(one(&store(), "busybox").unwrap_err().to_string(), "No such image: busybox:latest");
    }

    #[test]
    fn ids_and_digests_are_nameless() {
        let digest = Digest::sha256(b"a");
        for argument in [digest.to_string(), digest.hex(), digest.short(), format!("busybox@{digest}")] {
            let images = all_tags(&store(), &argument).unwrap();
            assert_eq!((images[0].name.as_ref(), images[0].target.digest), (None, digest), "{argument}");
        }
        assert!(one(&store(), &format!("other@{digest}")).is_err());
    }

    #[test]
    fn a_name_wins_over_an_id() {
        assert!(!one(&store(), "abcd").unwrap().by_digest);
    }

    #[test]
    fn errors_are_dockers() {
        let text = |argument: &str| one(&store(), argument).unwrap_err().to_string();
        assert_eq!(text("gone"), "No such image: gone:latest");
        assert_eq!(text("a//b"), "invalid reference format");
        let many: Vec<Image> = (0..3000).map(|n| image(None, &n.to_string())).collect();
        let hex = many
            .iter()
            .map(|i| i.target.digest.hex())
            .find(|h| many.iter().filter(|i| i.target.digest.hex().starts_with(&h[..4])).count() > 1);
        let text = one(&many, &hex.unwrap()[..4]).unwrap_err().to_string();
        assert_eq!(text, "ambiguous reference");
    }
}
