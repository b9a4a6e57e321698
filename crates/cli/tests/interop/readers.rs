//! Readers: each finds in barge's archive what barge put there.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::{Reader, Seen, Tool, reader};

use crate::{
    cases::{CASES, Case},
    depot::{Depot, familiar},
    expect::{Quirks, known, quirk, refused},
    image::Image,
};

/// A reader's own terms.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) names: Names,
    pub(crate) reads: Reads,
    /// Where it does something else, by case.
    pub(crate) quirks: Quirks<Quirk>,
    /// What it says of an index, if it does not read any.
    pub(crate) no_index: Option<&'static str>,
}

/// How an image in an archive is named to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// By a line of `manifest.json`: `busybox:latest`, or `@` and its number.
    RepoTags,
    /// Not at all, so there must be one.
    None,
    /// By the tag, or not at all if there is none.
    Tag,
    /// By the tag, or by its digest if there is none.
    TagOrId,
}

/// What a reader takes of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// The config and layers that `manifest.json` has of it, with a manifest of its own making.
    Docker,
    /// One platform, this machine's, and all when asked to.
    OneOrAll,
    /// One platform.
    One,
    /// All there is.
    All,
}

/// What a reader does with one of the archives, other than read it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quirk {
    /// Refuses, in these words.
    Refuses(&'static str),
    /// Reads one platform, and refuses to read all, in these words.
    RefusesAll(&'static str),
    /// Reads nothing.
    Ignores,
    /// Reads it, index or not.
    Reads,
    /// Reads the first image, whichever it is asked for.
    First,
    /// Reads the last image, whichever it is asked for.
    Last,
}

/// All cases, with one reader.
pub(crate) fn read(tool: Tool, terms: &Terms) -> Result<()> {
    known(terms.quirks)?;
    let Some(reader) = reader(tool)? else { return Ok(()) };
    let depot = Depot::open()?;
    let mut failures = Vec::new();
    for case in CASES.iter().filter(|case| case.possible(&depot)) {
        if let Err(why) = terms.case(&*reader, &depot, case) {
            failures.push(format!("{}: {why:#}", case.what));
        }
    }
    ensure!(failures.is_empty(), "{}:\n{}", reader.name(), failures.join("\n"));
    Ok(())
}

impl Terms {
    fn case(&self, reader: &dyn Reader, depot: &Depot, case: &Case) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let archive = folder.path().join("barge.tar");
        let images = case.save(depot, &archive)?;
        let quirk = quirk(self.quirks, case);
        for image in &images {
            let no_index = self.no_index.filter(|_| image.is_index()).map(Quirk::Refuses);
            let quirk = quirk.or(no_index);
            let found = match quirk {
                Some(Quirk::First) => images.first().unwrap_or(image),
                Some(Quirk::Last) => images.last().unwrap_or(image),
                _ => image,
            };
            let reference = self.reference(image);
            self.image(reader, &archive, reference.as_deref(), found, quirk)
                .with_context(|| image.name.clone().unwrap_or_default())?;
        }
        Ok(())
    }

    /// Reads every image that `images` says is in the archive, and finds what is there of each.
    pub(crate) fn takes(&self, reader: &dyn Reader, archive: &Path, images: &[Image]) -> Result<()> {
        images
            .iter()
            .try_for_each(|image| self.image(reader, archive, self.reference(image).as_deref(), image, None))
    }

    fn image(
        &self,
        reader: &dyn Reader,
        archive: &Path,
        reference: Option<&str>,
        found: &Image,
        quirk: Option<Quirk>,
    ) -> Result<()> {
        let read = reader.read(archive, reference);
        if let Some(Quirk::Refuses(words)) = quirk {
            return refused(read, words);
        }
        let one: Vec<_> = found.one().cloned().into_iter().collect();
        let expected = match (quirk, self.reads) {
            (Some(Quirk::Ignores), _) => &[][..],
            (_, Reads::All) => &found.platforms,
            (_, Reads::Docker | Reads::One | Reads::OneOrAll) => &one,
        };
        self.expect(read?, expected)?;
        if self.reads != Reads::OneOrAll {
            return Ok(());
        }
        let all = reader.read_all(archive, reference);
        if let Some(Quirk::RefusesAll(words)) = quirk {
            return refused(all, words);
        }
        self.expect(all?, &found.platforms)
    }

    fn reference(&self, image: &Image) -> Option<String> {
        let name = image.name.as_deref();
        let tag = name.and_then(|name| Some(name.rsplit_once(':')?.1));
        match self.names {
            Names::RepoTags => Some(name.map_or("@0", familiar).to_owned()),
            Names::None => None,
            Names::Tag => tag.map(str::to_owned),
            Names::TagOrId => Some(tag.unwrap_or(&image.id).to_owned()),
        }
    }

    fn expect(&self, mut seen: Vec<Seen>, expected: &[Seen]) -> Result<()> {
        let mut expected = expected.to_vec();
        if self.reads == Reads::Docker {
            seen.iter_mut().chain(&mut expected).for_each(|seen| seen.id.clear());
        }
        seen.sort_by(|a, b| a.id.cmp(&b.id));
        expected.sort_by(|a, b| a.id.cmp(&b.id));
        ensure!(seen == expected, "reads {seen:#?}\nand not {expected:#?}");
        Ok(())
    }
}
