//! `barge store ...`

use barge_core::error::printable;
use barge_core::ops::{Usage, usage, usage_elsewhere};
use barge_core::store::{Store, Subject};
use barge_oci::Reference;
use serde_json::json;

use super::local::{self, Opened};
use super::{Failure, Outcome, list, note, print};
use crate::args::{From, PlanFormat, ProgressMode, StoreDf};
use crate::render::progress;
use crate::render::size::human_size;
use crate::render::table::Table;

/// `barge store check`
pub(crate) fn check(store: &Store) -> Outcome {
    let progress = progress::new(ProgressMode::Auto, "Checking");
    let checked = store.check(progress.as_ref())?;
    drop(progress);
    for fault in &checked.faults {
        print(&format!("{}: {}\n", printable(&fault.subject.to_string()), printable(&fault.what)))?;
    }
    let size = human_size(checked.bytes, 4);
    let s = |n: u64| if n == 1 { "" } else { "s" };
    let (images, blobs) = (checked.images, checked.blobs);
    let garbage =
        checked.garbage.filter(|n| *n > 0).map(|n| format!(" ({n} in no image)")).unwrap_or_default();
    print(&format!("{images} image{}, {blobs} blob{}{garbage}, {size} hashed: ", s(images), s(blobs)))?;
    if checked.faults.is_empty() {
        return print("no faults\n");
    }
    let count = checked.faults.len();
    print(&format!("{count} fault{}\n", if count == 1 { "" } else { "s" }))?;
    if checked.faults.iter().any(|fault| matches!(fault.subject, Subject::Image(_))) {
        // A pull takes a blob of the right size at its word.
        note("hint", "load these images again, or remove them and pull them again, then `barge store check`");
    }
    Err(Failure::Text(String::new(), 1))
}

/// `barge store gc`
pub(crate) fn gc(store: &Store) -> Outcome {
    let freed = store.gc()?;
    let lines: String = freed.blobs.iter().map(|digest| format!("deleted: {digest}\n")).collect();
    print(&format!("{lines}Total reclaimed space: {}\n", human_size(freed.bytes, 4)))
}

/// `barge store df`
pub(crate) fn df(args: &StoreDf, store: impl Fn() -> Result<Store, Failure>) -> Outcome {
    let usage = match args.of.engine() {
        Some(engine) => in_engine(&local::open(&args.engines, engine)?)?,
        None if args.of == From::Registry => return Err(list::no_list()),
        None => usage(&store()?)?,
    };
    if args.format == PlanFormat::Json {
        let images = usage.images.iter().map(|i| {
            json!({
                "name": i.name.as_ref().map(ToString::to_string),
                "digest": i.digest,
                "unique_bytes": i.unique,
                "shared_bytes": i.shared,
            })
        });
        let images: Vec<_> = images.collect();
        let all = json!({
            "images": images,
            "total_bytes": usage.total,
            "dangling_bytes": usage.dangling,
            "garbage_bytes": usage.garbage,
        });
        return print(&format!("{all}\n"));
    }
    let mut table = Table::new(&["IMAGE", "ID", "SHARED SIZE", "UNIQUE SIZE"]);
    for image in &usage.images {
        let name = image.name.as_ref().map_or_else(|| "<none>".to_owned(), Reference::familiar);
        table.row(vec![name, image.digest.short(), human_size(image.shared, 4), human_size(image.unique, 4)]);
    }
    let totals = format!("\nTotal: {}", human_size(usage.total, 4));
    let freed = match args.of {
        From::Store => {
            let (dangling, garbage) = (human_size(usage.dangling, 4), human_size(usage.garbage, 4));
            format!(", of which {dangling} with `barge image prune` and {garbage} with `barge store gc`")
        }
        _ => String::new(),
    };
    print(&format!("{table}{totals}{freed}\n"))
}

/// What images of an engine use together.
fn in_engine(opened: &Opened) -> Result<Usage, Failure> {
    let Opened::Blobs(blobs) = opened else {
        let text = "an engine's API does not tell which blobs its images have: they are seen from its disk, `--via disk`";
        return Err(Failure::Text(text.to_owned(), 1));
    };
    let mut images = Vec::new();
    for image in blobs.listed()?.iter().filter(|image| !image.is_referrer()) {
        match blobs.readable(image) {
            Ok(image) => images.push(image),
            Err(error) => note("warning", &error.to_string()),
        }
    }
    Ok(usage_elsewhere(&blobs.provider(), &images)?)
}
