//! `barge save`

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, stdout};
use std::path::Path;

use barge_core::archive::{self, Packing, Plan, WriteOptions};
use barge_core::content::{Image, Provider};
use barge_core::ops::{SaveOptions, plan_images, plan_save, reference_matches};
use barge_core::output::Output;
use barge_core::select::{Selection, Wanted};
use barge_core::store::{Store, Verified};
use barge_oci::{Digest, Reference};
use barge_sources::registry::Gathered;
use serde_json::json;

use super::place::{Origin, REGISTRY, find_all, gather, reference};
use super::save_engine::Saving;
use super::{Failure, Outcome, elsewhere, note, platforms, print, referrers, registry};
use crate::args::{Compress, From, Layout, PlanFormat, ProgressMode, Save, Verify};
use crate::render::progress;
use crate::render::size::human_size;
use crate::render::table::Table;
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
    if let Some(engine) = from.engine() {
        return Saving { args, engine, options, packing, file }.run(output, store);
    }
    let (plan, origin, verify, _lease) = if from == From::Registry {
        let (plan, gathered) = plan_from_registry(args, &options)?;
        (plan, Origin::Registry(gathered), archive::Verify::Always, None)
    } else {
        let store = store()?;
        let planned = plan_save(&store, &arguments(args, &store.names()?)?, &options);
        let (plan, lease) =
            planned.map_err(|error| elsewhere::advise(error.into(), &args.engines, &args.images, "save"))?;
        let verify = verified(args.verify, &store);
        (plan, Origin::Store(store), verify, Some(lease))
    };
    match output {
        None => show(&plan, packing.is_some(), args.format.unwrap_or(PlanFormat::Table)),
        Some(output) => {
            let options = WriteOptions { packing, verify };
            write(&plan, &origin, output, file, &options, args.progress)
        }
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
    let excluded = |name: &Reference| args.exclude.iter().any(|pattern| reference_matches(name, pattern));
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

/// How the archive is to be compressed: as is said, else as the file is called.
fn packing(args: &Save, file: Option<&Path>) -> Option<Packing> {
    let called = || {
        // Of a link the file that is meant.
        let file = file.map(|file| file.canonicalize().unwrap_or_else(|_| file.to_path_buf()))?;
        let name = file.file_name()?.to_string_lossy().to_lowercase();
        let ends = |suffixes: [&str; 2]| suffixes.iter().any(|suffix| name.ends_with(suffix));
        if ends([".tar.gz", ".tgz"]) {
            return Packing::gzip(None);
        }
        ends([".tar.zst", ".tzst"]).then(|| Packing::zstd(None)).flatten()
    };
    let packing = match args.compress {
        Some(Compress::None) => None,
        Some(Compress::As(packing)) => Some(packing),
        None => called(),
    };
    packing.map(|packing| packing.with_threads(args.threads.map(usize::from)))
}

/// Writes a planned archive to its end.
pub(super) fn write(
    plan: &Plan,
    source: &(impl Provider + Sync),
    mut output: Output,
    file: Option<&Path>,
    options: &WriteOptions,
    mode: ProgressMode,
) -> Outcome {
    for text in &plan.notes {
        note("note", text);
    }
    let name = file.unwrap_or(Path::new("the archive"));
    if options.packing.is_none() {
        // How large it becomes when it is compressed nobody knows.
        output.reserve(plan.size(), plan.layout() == archive::Layout::Aligned)?;
    }
    let progress = progress::new(mode, "Saving");
    plan.write(source, &mut output, options, name, progress.as_ref())?;
    output.commit()?;
    Ok(())
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
    let wanted = match options.selection.platforms.as_slice() {
        [] => Wanted::All,
        these => Wanted::These(these.to_vec()),
    };
    let (gathered, images) = gather(&names, &settings, wanted)?;
    let companions = find_all(&gathered, &images, &options.referrers.clone().unwrap_or_default())?;
    let plan = plan_images(&gathered, images, companions, options)?;
    gathered.check(plan.blobs(), args.registries.reach.parallel.into())?;
    Ok((plan, gathered))
}

/// The plan, for a dry run.
pub(super) fn show(plan: &Plan, packed: bool, format: PlanFormat) -> Outcome {
    let (blobs, unique) = plan.blob_sizes().fold((0, 0), |(n, bytes), size| (n + 1, bytes + size));
    let of_images = || plan.images.iter().flat_map(|i| &i.blobs);
    let total: u64 = of_images().map(|(_, size)| size).sum();
    let once: BTreeMap<_, _> = of_images().copied().collect();
    let shared = total - once.values().sum::<u64>();
    if format == PlanFormat::Json {
        let images = plan.images.iter().map(|image| {
            json!({
                "name": image.name.as_ref().map(ToString::to_string),
                "digest": image.root.digest,
                "platforms": image.platforms,
                "left_out": image.left_out,
                "blobs": image.blobs.iter().map(|(digest, size)| json!({"digest": digest, "size": size})).collect::<Vec<_>>(),
            })
        });
        let plan = json!({
            "images": images.collect::<Vec<_>>(),
            "blobs": blobs,
            "blob_bytes": unique,
            "shared_bytes": shared,
            "archive_bytes": plan.size(),
            "notes": plan.notes,
        });
        return print(&format!("{plan}\n"));
    }
    let mut table = Table::new(&["IMAGE", "ID", "PLATFORMS", "BLOBS", "SIZE"]);
    for image in &plan.images {
        let size: u64 = image.blobs.iter().map(|(_, size)| size).sum();
        let name = image.name.as_ref().map_or_else(|| "<none>".to_owned(), Reference::familiar);
        let platforms = if image.platforms.is_empty() { "-".to_owned() } else { image.platforms.join(",") };
        table.row(vec![
            name,
            image.root.digest.short(),
            platforms,
            image.blobs.len().to_string(),
            human_size(size, 3),
        ]);
    }
    let mut text = table.to_string();
    text.push_str(&format!(
        "\n{blobs} blobs, {}; {} shared between images; the archive is {} bytes{}\n",
        human_size(unique, 3),
        human_size(shared, 3),
        plan.size(),
        if packed { " before it is compressed" } else { "" }
    ));
    print(&text)?;
    plan.notes.iter().for_each(|text| note("note", text));
    Ok(())
}
