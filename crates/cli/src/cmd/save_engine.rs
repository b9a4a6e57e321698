//! `barge save --from docker|containerd|podman`: blobs from where they stand; archives passed on as they come where that
//! can be, else by way of the store.

use std::path::Path;

use barge_core::archive::{Packing, Verify, WriteOptions};
use barge_core::ops::{SaveOptions, asked_for, plan_among, plan_images};
use barge_core::output::Output;
use barge_core::referrers::Referrers;
use barge_core::store::Store;
use barge_sources::docker::{Ask, Engine, Held};

use super::local::{self, Blobs, Opened};
use super::{Failure, Outcome, note, save};
use crate::args::{Engine as Kind, PlanFormat, Save};
use crate::render::progress;

/// What is saved, and how.
pub(super) struct Saving<'a> {
    pub(super) args: &'a Save,
    pub(super) engine: Kind,
    pub(super) options: SaveOptions,
    pub(super) packing: Option<Packing>,
    /// The file, if it is one.
    pub(super) file: Option<&'a Path>,
}

impl Saving<'_> {
    /// Saves; without an output it is a dry run.
    pub(super) fn run(&self, output: Option<Output>, store: impl Fn() -> Result<Store, Failure>) -> Outcome {
        match (local::open(&self.args.engines, self.engine)?, output) {
            (Opened::Blobs(blobs), output) => self.blobs(&blobs, output),
            (Opened::Archives(engine), Some(output)) => self.archives(&engine, output, store),
            (Opened::Archives(_), None) => {
                let text = "an engine's API shows what is in an image only in an archive: there is a dry run \
                            only of what is read from its disk, `--via disk`";
                Err(Failure::Text(text.to_owned(), 1))
            }
        }
    }

    /// Of an engine that hands out blobs.
    fn blobs(&self, blobs: &Blobs, output: Option<Output>) -> Outcome {
        let all = blobs.listed()?;
        let mut arguments = save::arguments(self.args, &all)?;
        if self.args.all {
            arguments = blobs.saveable(arguments)?;
        }
        let (images, _lease) = blobs.select(&arguments)?;
        let source = blobs.provider();
        let plan = plan_among(&source, images, &blobs.candidates()?, &self.options)?;
        let Some(output) = output else {
            let format = self.args.format.unwrap_or(PlanFormat::Table);
            return save::show(&plan, self.packing.is_some(), format);
        };
        let options = WriteOptions { packing: self.packing, verify: Verify::Always };
        save::write(&plan, source, output, &options, self.args.progress)
    }

    /// Of one that hands out archives.
    fn archives(
        &self,
        engine: &Engine,
        output: Output,
        store: impl Fn() -> Result<Store, Failure>,
    ) -> Outcome {
        if self.options.referrers.as_ref().is_some_and(|wanted| *wanted != Referrers::None) {
            let text =
                "an engine's API does not tell what refers to an image: \"--referrers\" needs `--via disk`";
            return Err(Failure::Text(text.to_owned(), 1));
        }
        let held = engine.images(&[])?;
        let all = Held::images(&held);
        let images = asked_for(&all, &save::arguments(self.args, &all)?)?;
        let ask = engine.ask(&held, &images, &self.options.selection)?;
        ask.notes.iter().for_each(|text| note("note", text));
        let Some(output) = self.pass(engine, &ask, output)? else { return Ok(()) };
        let bar = progress::new(self.args.progress, "Fetching");
        let fetched = engine.fetch(&ask, &store()?, bar.as_ref())?;
        drop(bar);
        let plan = plan_images(&fetched, fetched.images.clone(), Vec::new(), &self.options)?;
        // What the store had already was not hashed on the way.
        let options = WriteOptions { packing: self.packing, verify: Verify::Always };
        save::write(&plan, &fetched, output, &options, self.args.progress)
    }

    /// Writes what comes as it comes; gives the output back if that cannot be.
    fn pass(&self, engine: &Engine, ask: &Ask, mut output: Output) -> Result<Option<Output>, Failure> {
        let bar = progress::new(self.args.progress, "Saving");
        let passed = engine.relay(ask, &self.options, self.packing, &mut output, bar.as_ref());
        drop(bar);
        match (passed, self.file) {
            (Ok(None), _) => Ok(Some(output)),
            (Ok(Some(plan)), _) => {
                plan.notes.iter().for_each(|text| note("note", text));
                output.commit()?;
                Ok(None)
            }
            // Nobody has seen the file yet.
            (Err(broken), Some(file)) if broken.unordered && matches!(output, Output::File(_)) => {
                drop(output);
                Ok(Some(Output::open(file)?))
            }
            (Err(broken), _) if broken.unordered => {
                let hint = "into a file, `-o FILE`, it can be saved";
                Err(broken.error.hint(hint).into())
            }
            (Err(broken), _) => Err(broken.error.into()),
        }
    }
}
