//! `barge save`

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};
use std::path::Path;

use barge_core::archive::Plan;
use barge_core::ops::{SaveOptions, plan_save};
use barge_core::output::Output;
use barge_core::select::Selection;
use barge_core::store::Store;
use barge_oci::Reference;
use serde_json::json;

use super::{Failure, Outcome, note, platforms, print};
use crate::args::{PlanFormat, Save};
use crate::render::progress;
use crate::render::size::human_size;
use crate::render::table::Table;
use crate::usage::{Arity, bad_flag, check};

/// Checks in docker's order: arguments, platforms, output, and only then the images.
pub(crate) fn run(args: &Save, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::AtLeast(1), args.images.len(), typed)?;
    let selection = Selection {
        platforms: platforms(&args.platform)?,
        keep_index: args.keep_index,
        foreign: args.include_foreign,
    };
    if args.format.is_some() && !args.dry_run {
        return Err(Failure::Text(
            "\"--format\" is the format of a plan, it needs \"--dry-run\"".to_owned(),
            125,
        ));
    }
    let name = args.name.as_deref().map(|name| {
        Reference::parse(name)
            .map_err(|e| bad_flag(&format!("invalid argument {name:?} for \"--name\" flag: {e}"), typed))
    });
    let options = SaveOptions { selection, name: name.transpose()? };
    let file =
        args.output.as_deref().map(Path::new).filter(|p| !p.as_os_str().is_empty() && *p != Path::new("-"));
    if file.is_none() && !args.dry_run && stdout().is_terminal() {
        let text = "cowardly refusing to save to a terminal. Use the -o flag or redirect";
        return Err(Failure::Text(text.to_owned(), 1));
    }
    if args.dry_run {
        let (plan, _lease) = plan_save(&store()?, &args.images, &options)?;
        return show(&plan, args.format.unwrap_or(PlanFormat::Table));
    }
    let mut output = match file {
        Some(path) => Output::open(path)?,
        None => Output::standard()?,
    };
    let store = store()?;
    let (plan, _lease) = plan_save(&store, &args.images, &options)?;
    for text in &plan.notes {
        note("note", text);
    }
    output.reserve(plan.size())?;
    let progress = progress::new(args.progress, "Saving");
    plan.write(&store, &mut output, file.unwrap_or(Path::new("the archive")), progress.as_ref())?;
    output.commit()?;
    Ok(())
}

/// The plan, for a dry run.
fn show(plan: &Plan, format: PlanFormat) -> Outcome {
    let (blobs, unique) = plan.blob_sizes().fold((0, 0), |(n, bytes), size| (n + 1, bytes + size));
    let of_images = || plan.images.iter().flat_map(|i| &i.blobs);
    let total: u64 = of_images().map(|b| b.size).sum();
    let once: BTreeMap<_, _> = of_images().map(|b| (b.digest, b.size)).collect();
    let shared = total - once.values().sum::<u64>();
    if format == PlanFormat::Json {
        let images = plan.images.iter().map(|image| {
            json!({
                "name": image.name.as_ref().map(ToString::to_string),
                "digest": image.root.digest,
                "platforms": image.platforms,
                "left_out": image.left_out,
                "blobs": image.blobs.iter().map(|b| json!({"digest": b.digest, "size": b.size})).collect::<Vec<_>>(),
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
        let size: u64 = image.blobs.iter().map(|b| b.size).sum();
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
        "\n{blobs} blobs, {}; {} shared between images; the archive is {} bytes\n",
        human_size(unique, 3),
        human_size(shared, 3),
        plan.size()
    ));
    print(&text)?;
    plan.notes.iter().for_each(|text| note("note", text));
    Ok(())
}
