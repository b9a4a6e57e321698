//! Which images of an archive are meant, and what they are called where they go.

use std::path::Path;

use barge_core::content::Image;
use barge_core::error::{Error, printable};
use barge_core::ops::Staged;
use barge_oci::Reference;

use crate::cmd::Failure;

/// How many images that may be meant are named.
const MOST_NAMED: usize = 10;

/// An archive as it was typed.
pub(super) struct Archived<'a, C> {
    pub(super) staged: &'a Staged<C>,
    /// `oci`, `oci-archive`, `docker-archive`.
    pub(super) scheme: &'a str,
    pub(super) path: &'a Path,
}

impl<C> Archived<'_, C> {
    /// The images that are meant: the one that is called so, the only one, or all.
    pub(super) fn chosen(&self, wanted: Option<&str>, all: bool) -> Result<Vec<Image>, Failure> {
        let mut meant: Vec<usize> = (0..self.staged.images.len()).collect();
        if let Some(wanted) = wanted {
            meant.retain(|n| self.is_called(*n, wanted));
        }
        match (meant.len(), wanted) {
            (1, _) => {}
            (0, Some(wanted)) => {
                let text = format!("{}: no image `{}` in it", self.shown(), printable(wanted));
                return Err(Failure::Text(text, 1));
            }
            (_, None) if all => {}
            _ => return Err(self.several(&meant)),
        }
        Ok(meant.iter().filter_map(|n| self.staged.images.get(*n)).cloned().collect())
    }

    /// Whether this is what image `n` is called: by its tag, or by its whole name.
    fn is_called(&self, n: usize, wanted: &str) -> bool {
        let bare = self.staged.loaded.images.get(n).and_then(|i| i.bare_tag.as_deref());
        let name = self.staged.images.get(n).and_then(|i| i.name.as_ref());
        bare == Some(wanted)
            || name.is_some_and(|name| {
                let full = Reference::parse(wanted).map(Reference::or_latest);
                name.tag() == Some(wanted) || full.is_ok_and(|full| full == *name)
            })
    }

    /// How image `n` is asked for: by its tag, where no other has that, or by its whole name.
    fn called(&self, n: usize) -> Option<String> {
        let bare = self.staged.loaded.images.get(n).and_then(|i| i.bare_tag.clone());
        let name = self.staged.images.get(n).and_then(|i| i.name.as_ref());
        let tag = name.and_then(Reference::tag).map(str::to_owned);
        let is_one = |called: &String| {
            (0..self.staged.images.len()).filter(|other| self.is_called(*other, called)).count() == 1
        };
        bare.into_iter().chain(tag).chain(name.map(Reference::familiar)).find(is_one)
    }

    fn several(&self, meant: &[usize]) -> Failure {
        let path = self.shown();
        let spelled = |called: String| format!("{}:{path}:{}", self.scheme, printable(&called));
        let named: Vec<String> =
            meant.iter().take(MOST_NAMED).filter_map(|n| self.called(*n)).map(spelled).collect();
        let more = meant.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let which = match named.is_empty() {
            true => ", and they have no names".to_owned(),
            false => format!(", say which: {}{more}", named.join(", ")),
        };
        Error::invalid(format!("{path} holds {} images{which}", meant.len()))
            .hint("`--all-tags` copies all of them")
            .into()
    }

    fn shown(&self) -> String {
        printable(&self.path.to_string_lossy())
    }
}

/// The images with this name instead of their own, which only one can have.
pub(super) fn renamed(images: Vec<Image>, name: Option<Reference>) -> Result<Vec<Image>, Failure> {
    let Some(name) = name else { return Ok(images) };
    if images.len() > 1 {
        return Err(one_name());
    }
    let name = name.or_latest();
    Ok(images.into_iter().map(|image| Image { name: Some(name.clone()), ..image }).collect())
}

/// The images under their own tags in this repository.
pub(super) fn tagged(images: Vec<Image>, repository: &Reference) -> Result<Vec<Image>, Failure> {
    let tagged = |image: Image| {
        let tag = image.name.as_ref().and_then(Reference::tag).unwrap_or("latest");
        Ok(Image { name: Some(with_tag(repository, tag)?), ..image })
    };
    images.into_iter().map(tagged).collect()
}

/// What has a tag of its own has it in this repository now.
pub(super) fn moved(images: Vec<Image>, to: Option<&Reference>) -> Result<Vec<Image>, Failure> {
    let Some(to) = to else { return Ok(images) };
    let name =
        |image: &Image| image.name.as_ref().and_then(Reference::tag).map(|tag| with_tag(to, tag)).transpose();
    images.into_iter().map(|image| Ok(Image { name: name(&image)?, ..image })).collect()
}

fn with_tag(repository: &Reference, tag: &str) -> Result<Reference, Failure> {
    repository.with_tag(tag).map_err(|e| Failure::Text(e.to_string(), 1))
}

pub(super) fn one_name() -> Failure {
    Failure::Text("one name for several images".to_owned(), 1)
}

/// Refuses a digest as a target: that is not for anybody to choose.
pub(super) fn is_name(name: &Reference) -> Result<(), Failure> {
    match name.digest() {
        Some(_) => Err(Failure::Text("refusing to create a tag with a digest reference".to_owned(), 1)),
        None => Ok(()),
    }
}
