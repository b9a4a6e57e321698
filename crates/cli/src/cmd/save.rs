//! `barge save`

use std::collections::BTreeSet;
use std::io::{IsTerminal, stdout};
use std::path::Path;

use barge_core::archive::{self, Plan, WriteOptions};
use barge_core::content::{Image, Provider};
use barge_core::error::printable;
use barge_core::ops::{SaveOptions, name_matches, plan_images, plan_save};
use barge_core::output::Output;
use barge_core::select::Selection;
use barge_core::store::{Store, Verified};
use barge_oci::{Digest, Reference};
use barge_sources::registry::Gathered;

use super::origin::Origin;
use super::packing::{packing, remark};
use super::place::REGISTRY;
use super::save_engine::Saving;
use super::{
    Failure, Outcome, elsewhere, missing, note, platforms, print, reference, referrers, registry, wanted,
};
use crate::args::{From, Layout, PlanFormat, ProgressMode, Save, Verify};
use crate::render::{plan, progress};
use crate::usage::{Arity, bad_flag, check};

/// Checks in docker's order: arguments, platforms, output, and only then the images.
pub(crate) fn run(args: &Save, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&if args.all { Arity::None } else { Arity::AtLeast(1) }, args.images.len(), typed)?;
    let selection = Selection {
        platforms: platforms(&args.platform)?,
        keep_index: args.keep_index,
        foreign: args.include_foreign,
    };
    let name = args.name.as_deref().map(|name| {
        Reference::parse(name)
            .map_err(|e| bad_flag(&format!("invalid argument {name:?} for \"--name\" flag: {e}"), typed))
    });
    let referrers = referrers(args.referrers.as_deref());
    let layout = match args.layout {
        Layout::Docker => archive::Layout::Docker,
        Layout::Aligned => archive::Layout::Aligned,
    };
    let options = SaveOptions { selection, name: name.transpose()?, referrers, layout };
    let file =
        args.output.as_deref().map(Path::new).filter(|p| !p.as_os_str().is_empty() && *p != Path::new("-"));
    let packing = packing(args, file);
    let from = place(args)?;
    go_together(args, from, packing.is_some())?;
    if file.is_none() && !args.dry_run && stdout().is_terminal() {
        let text = "cowardly refusing to save to a terminal. Use the -o flag or redirect";
        return Err(Failure::Text(text.to_owned(), 1));
    }
    let output = match file {
        _ if args.dry_run => None,
        Some(path) => Some(Output::open(path)?),
        None => Some(Output::standard()?),
    };
    remark(args, file);
    if let Some(engine) = from.engine() {
        return Saving { args, engine, options, packing, file }.run(output, store);
    }
    let (plan, origin, verify) = if from == From::Registry {
        let (plan, gathered) = plan_from_registry(args, &options)?;
        (plan, Origin::Registry(gathered), archive::Verify::Always)
    } else {
        let store = store()?;
        let planned = plan_save(&store, &arguments(args, &store.images()?)?, &options);
        let (plan, lease) = planned.map_err(|error| {
            let error = elsewhere::advise(error, &args.engines, &args.images, "save");
            missing::advise(error, &store)
        })?;
        let verify = verified(args.verify, &store);
        (plan, Origin::Store(store, lease), verify)
    };
    match output {
        None => show(&plan, packing.is_some(), args.format.unwrap_or(PlanFormat::Table)),
        Some(output) => {
            if !args.all && args.progress != ProgressMode::None {
                nameless(&plan);
            }
            let options = WriteOptions { packing, verify };
            write(&plan, origin.provider(), output, &options, args.progress)
        }
    }
}

/// Says which images a load of the archive will know by their ID alone.
fn nameless(plan: &Plan) {
    let mut nameless = plan.images.iter().filter(|image| image.name.is_none());
    match (nameless.next(), nameless.count()) {
        (None, _) => {}
        (Some(image), 0) => {
            let id = image.root.digest.short();
            note("note", &format!("{id} has no name in the archive, `--name NAME:TAG` gives it one"));
        }
        (Some(_), more) => note("note", &format!("{} images have no name in the archive", more + 1)),
    }
}

/// Refuses flags that make no sense with each other.
fn go_together(args: &Save, from: From, packed: bool) -> Outcome {
    let (text, code) = if !args.exclude.is_empty() && !args.all {
        ("\"--exclude\" leaves out some of all images, it needs \"--all\"", 125)
    } else if args.all && from == From::Registry {
        ("nobody can list all images of a registry: \"--all\" is for the store and for daemons", 1)
    } else if args.format.is_some() && !args.dry_run {
        ("\"--format\" is the format of a plan, it needs \"--dry-run\"", 125)
    } else if packed && args.layout == Layout::Aligned {
        ("nothing shares blocks with what is compressed: \"--layout aligned\" is for plain archives", 1)
    } else if args.verify != Verify::Always && from != From::Store {
        ("what comes from elsewhere is always verified: \"--verify\" is for images of the store", 1)
    } else {
        return Ok(());
    };
    Err(Failure::Text(text.to_owned(), code))
}

/// The images that are meant, as arguments. Of one that has a tag its name by digest says nothing more.
pub(super) fn arguments(args: &Save, all: &[Image]) -> Result<Vec<String>, Failure> {
    if !args.all {
        return Ok(args.images.clone());
    }
    let excluded = |name: &Reference| args.exclude.iter().any(|pattern| name_matches(name, pattern));
    let names = || all.iter().filter(|image| !image.is_referrer()).filter_map(|image| image.name.as_ref());
    for idle in args.exclude.iter().filter(|pattern| !names().any(|name| name_matches(name, pattern))) {
        note("note", &format!("--exclude {} leaves out nothing", printable(idle)));
    }
    let tagged = |image: &Image| image.name.as_ref().is_some_and(|name| name.tag().is_some());
    let has_tag: BTreeSet<Digest> = all.iter().filter(|i| tagged(i)).map(|i| i.target.digest).collect();
    let kept = all.iter().filter(|image| {
        !image.is_referrer()
            && match &image.name {
                Some(name) if name.tag().is_some() => !excluded(name),
                name => !has_tag.contains(&image.target.digest) && !name.as_ref().is_some_and(excluded),
            }
    });
    let kept: Vec<String> = kept
        .map(|image| image.name.as_ref().map_or_else(|| image.target.digest.to_string(), ToString::to_string))
        .collect();
    if kept.is_empty() {
        return Err(Failure::Text("there is no image to save".to_owned(), 1));
    }
    Ok(kept)
}

fn verified(when: Verify, store: &Store) -> archive::Verify {
    match when {
        Verify::Always => archive::Verify::Always,
        Verify::Changed => archive::Verify::Changed(Verified::of(store)),
        Verify::Never => archive::Verify::Never,
    }
}

/// Writes a planned archive to its end.
pub(super) fn write(
    plan: &Plan,
    source: &(dyn Provider + Sync),
    mut output: Output,
    options: &WriteOptions,
    mode: ProgressMode,
) -> Outcome {
    plan.notes.iter().for_each(|text| note("note", text));
    let progress = progress::new(mode, "Saving");
    plan.write(&source, &mut output, options, progress.as_ref())?;
    Ok(output.commit()?)
}

/// Where the images are, which how they are spelled may say; they have to be in one place.
fn place(args: &Save) -> Result<From, Failure> {
    let spelled = args.images.iter().filter(|i| i.starts_with(REGISTRY)).count();
    match args.from {
        From::Registry => Ok(From::Registry),
        from if spelled == 0 => Ok(from),
        _ if spelled == args.images.len() => Ok(From::Registry),
        _ => {
            let text = format!("either all images are `{REGISTRY}` ones or none: one archive has one source");
            Err(Failure::Text(text, 1))
        }
    }
}

/// Asks for every blob before the first byte is written.
fn plan_from_registry(args: &Save, options: &SaveOptions) -> Result<(Plan, Gathered), Failure> {
    let names = args.images.iter().map(|name| reference(name.strip_prefix(REGISTRY).unwrap_or(name)));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let settings = registry::settings(&args.registries, &names)?;
    let wanted = wanted(options.selection.platforms.clone());
    let (gathered, images) = registry::gather(&names, &settings, wanted)?;
    let referrers = options.referrers.clone().unwrap_or_default();
    let companions = registry::find_all(&gathered, &images, &referrers)?;
    let plan = plan_images(&gathered, images, companions, options)?;
    gathered.check(plan.blobs(), args.registries.reach.parallel.into())?;
    Ok((plan, gathered))
}

/// Shows the plan, for a dry run.
pub(super) fn show(planned: &Plan, packed: bool, format: PlanFormat) -> Outcome {
    if format == PlanFormat::Json {
        return print(&plan::object(planned));
    }
    print(&plan::table(planned, packed))?;
    planned.notes.iter().for_each(|text| note("note", text));
    Ok(())
}
