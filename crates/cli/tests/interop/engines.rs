//! Engines: each loads what barge saved and says the same of it, and barge loads what each saves.

use anyhow::{Context, Result, ensure};
use barge_testkit::peers::{Engine, LoadOpts, Peer, Seen, SeenImage, start};

use crate::{
    barge::Barge,
    cases::{CASES, Case},
    depot::{Depot, familiar, full},
    expect::{Quirks, known, quirk, refused},
    image::{Image, shown},
    tarball::expect_difference,
};

/// How many platforms an engine is asked about, as each question has it walk the whole image. The case
/// `all platforms` asks about all.
const ASKED: usize = 2;

/// An engine's own terms.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) names: Names,
    pub(crate) keeps: Keeps,
    /// Whether it tells an architecture's variant.
    pub(crate) variants: bool,
    /// Whether its `index.json` says that it is an index, as barge's does.
    pub(crate) index_type: bool,
    /// Where it does something else, by case.
    pub(crate) quirks: Quirks<Quirk>,
}

/// How an engine spells a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// `docker.io/library/busybox:latest`.
    Full,
    /// `busybox:latest`.
    Familiar,
}

/// What an engine keeps of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Everything; an ID is the digest of a manifest or an index. It saves everything again, to the byte.
    All,
    /// Everything; an ID is the digest of a manifest or an index. It saves this machine's platform only, and
    /// of the rest the index.
    AllButSavesOne,
    /// The config and the layers of one platform, this machine's or else the first; an ID is the digest of
    /// the config. It saves them with a manifest of its own making.
    One,
}

/// What an engine does with one of the archives, other than load it and save it again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quirk {
    /// Refuses to load it, in these words.
    Refuses(&'static str),
    /// Loads it and lists nothing.
    Ignores,
    /// Takes names that have no registry for its own machine's.
    Localhost,
    /// Loads it and refuses to save it, in these words.
    SavesNot(&'static str),
    /// Saves all platforms where it saves one of other images.
    SavesAll,
    /// Saves one name of a manifest that several indexes lead to in `manifest.json`, and not all of them.
    LosesTags,
    /// Saves other bytes than it loaded, and these words are in the difference.
    Changes(&'static str),
}

/// All cases, with an engine that starts once.
pub(crate) fn interop(peer: Peer, terms: &Terms) -> Result<()> {
    known(terms.quirks)?;
    let Some(engine) = start(peer)? else { return Ok(()) };
    let depot = Depot::open()?;
    let mut failures = Vec::new();
    for case in CASES.iter().filter(|case| case.possible(&depot)) {
        if let Err(why) = terms.case(&*engine, &depot, case) {
            failures.push(format!("{}: {why:#}", case.what));
        }
        engine.wipe().with_context(|| format!("after {}", case.what))?;
    }
    ensure!(failures.is_empty(), "{}:\n{}", engine.name(), failures.join("\n"));
    Ok(())
}

impl Terms {
    fn case(&self, engine: &dyn Engine, depot: &Depot, case: &Case) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (archive, saved) = (folder.path().join("barge.tar"), folder.path().join("engine.tar"));
        let images = case.save(depot, &archive)?;
        let quirk = quirk(self.quirks, case);

        let opts = LoadOpts { platform: None, all_platforms: self.keeps == Keeps::AllButSavesOne };
        let loaded = engine.load(&archive, opts);
        if let Some(Quirk::Refuses(words)) = quirk {
            return refused(loaded, words);
        }
        loaded?;
        if let Some(Quirk::Ignores) = quirk {
            let listed = engine.images()?;
            ensure!(listed.is_empty(), "lists {listed:?}");
            return Ok(());
        }
        let listed: Vec<_> = images.iter().map(|image| self.listed(image, quirk)).collect();
        expect_listed(engine, &listed)?;
        for (image, listed) in images.iter().zip(&listed) {
            let most = if case.what == "all platforms" { usize::MAX } else { ASKED };
            self.inspect(engine, image, reference(listed), most)?;
        }

        let references: Vec<_> = listed.iter().map(reference).collect();
        let result = engine.save(&references, None, &saved);
        if let Some(Quirk::SavesNot(words)) = quirk {
            return refused(result, words);
        }
        result?;
        let again = Barge::new()?;
        again.load(&saved, &[])?;
        self.expect_back(&again, &images, &listed, quirk)?;
        if self.keeps == Keeps::One || !self.index_type {
            return Ok(());
        }
        // docker leaves foreign layers out, containerd does not.
        let flags: &[_] = if self.keeps == Keeps::All { &[] } else { &["--include-foreign"] };
        let archive_again = folder.path().join("again.tar");
        again.save(&[&references, flags, &["--keep-index"]].concat(), &archive_again)?;
        let words = if let Some(Quirk::LosesTags) = quirk { "manifest.json" } else { "" };
        expect_difference(&archive_again, &saved, words).context("barge's archive of the same")?;
        match (self.keeps, quirk) {
            (Keeps::AllButSavesOne, _) | (_, Some(Quirk::LosesTags)) => Ok(()),
            (_, Some(Quirk::Changes(words))) => expect_difference(&archive, &saved, words),
            _ => expect_difference(&archive, &saved, ""),
        }
        .context("what became of barge's archive")
    }

    /// An image of barge's archive as this engine lists it.
    fn listed(&self, image: &Image, quirk: Option<Quirk>) -> SeenImage {
        let name = image.name.as_deref().map(|name| match (quirk, self.names) {
            (Some(Quirk::Localhost), _) => full(familiar(name)).replace("docker.io/library/", "localhost/"),
            (_, Names::Full) => name.to_owned(),
            (_, Names::Familiar) => familiar(name).to_owned(),
        });
        let config = image.one().and_then(|seen| seen.config.clone());
        let id = if self.keeps == Keeps::One { config } else { None };
        SeenImage { name, id: id.unwrap_or_else(|| image.id.clone()) }
    }

    fn inspect(&self, engine: &dyn Engine, image: &Image, reference: &str, most: usize) -> Result<()> {
        if self.keeps == Keeps::One {
            let expected = image.one().context("no platform")?;
            return self.expect(expected, &engine.inspect(reference, None)?);
        }
        image.platforms.iter().take(most).try_for_each(|expected| {
            self.expect(expected, &engine.inspect(reference, Some(&expected.platform()))?)
        })
    }

    /// Config, platform and diffIDs.
    fn expect(&self, expected: &Seen, seen: &Seen) -> Result<()> {
        let mut expected = Seen { id: seen.id.clone(), ..expected.clone() };
        if !self.variants {
            expected.variant.clear();
        }
        ensure!(*seen == expected, "shows {seen:#?}\nand not {expected:#?}");
        Ok(())
    }

    /// What barge has after it loaded what the engine saved.
    fn expect_back(
        &self,
        again: &Barge,
        images: &[Image],
        listed: &[SeenImage],
        quirk: Option<Quirk>,
    ) -> Result<()> {
        let mut expected = Vec::new();
        for (image, listed) in images.iter().zip(listed) {
            let name = listed.name.as_deref();
            let name =
                name.map(|name| if name.starts_with("localhost/") { name.to_owned() } else { full(name) });
            let one = image.one().cloned();
            expected.push(match (self.keeps, quirk) {
                (Keeps::All, _) | (_, Some(Quirk::SavesAll)) => image.clone(),
                (Keeps::AllButSavesOne, _) => Image { platforms: one.into_iter().collect(), ..image.clone() },
                (Keeps::One, _) => Image { name, id: String::new(), platforms: one.into_iter().collect() },
            });
        }
        expected.sort_by(|a, b| a.name.cmp(&b.name));
        let mut found = again.images()?;
        if self.keeps == Keeps::One {
            expected.iter_mut().for_each(forget_manifests);
            found.iter_mut().for_each(forget_manifests);
        }
        ensure!(found == expected, "barge loaded{}\nand not{}", shown(&found), shown(&expected));
        Ok(())
    }
}

fn reference(listed: &SeenImage) -> &str {
    listed.name.as_deref().unwrap_or(&listed.id)
}

fn expect_listed(engine: &dyn Engine, expected: &[SeenImage]) -> Result<()> {
    let (mut listed, mut expected) = (engine.images()?, expected.to_vec());
    listed.sort();
    expected.sort();
    ensure!(listed == expected, "lists {listed:#?}\nand not {expected:#?}");
    Ok(())
}

/// What an engine that makes its own manifests cannot keep.
fn forget_manifests(image: &mut Image) {
    image.id.clear();
    image.platforms.iter_mut().for_each(|seen| seen.id.clear());
}
