//! What a save would write: as a table, or as JSON for programs.

use std::collections::BTreeMap;

use barge_core::archive::Plan;
use barge_oci::{Digest, Reference};
use serde_json::json;

use super::size::human_size;
use super::table::Table;

/// A row for each image, and what they come to together. `packed` is whether the archive is compressed then.
pub(crate) fn table(plan: &Plan, packed: bool) -> String {
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
    let Sums { blobs, bytes, shared } = Sums::of(plan);
    format!(
        "{table}\n{blobs} blobs, {}; {} shared between images; the archive is {} bytes{}\n",
        human_size(bytes, 3),
        human_size(shared, 3),
        plan.size(),
        if packed { " before it is compressed" } else { "" }
    )
}

/// One object on a line.
pub(crate) fn object(plan: &Plan) -> String {
    let blob = |(digest, size): &(Digest, u64)| json!({"digest": digest, "size": size});
    let images = plan.images.iter().map(|image| {
        json!({
            "name": image.name.as_ref().map(ToString::to_string),
            "digest": image.root.digest,
            "platforms": image.platforms,
            "left_out": image.left_out,
            "blobs": image.blobs.iter().map(blob).collect::<Vec<_>>(),
        })
    });
    let Sums { blobs, bytes, shared } = Sums::of(plan);
    let plan = json!({
        "images": images.collect::<Vec<_>>(),
        "blobs": blobs,
        "blob_bytes": bytes,
        "shared_bytes": shared,
        "archive_bytes": plan.size(),
        "notes": plan.notes,
    });
    format!("{plan}\n")
}

/// All images together.
struct Sums {
    blobs: u64,
    /// Each blob once.
    bytes: u64,
    /// What is there once, and several images have.
    shared: u64,
}

impl Sums {
    fn of(plan: &Plan) -> Self {
        let (blobs, bytes) = plan.blob_sizes().fold((0, 0), |(n, bytes), size| (n + 1, bytes + size));
        let of_images = || plan.images.iter().flat_map(|image| &image.blobs);
        let total: u64 = of_images().map(|(_, size)| size).sum();
        let once: BTreeMap<_, _> = of_images().copied().collect();
        Self { blobs, bytes, shared: total - once.values().sum::<u64>() }
    }
}
