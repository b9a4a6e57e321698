//! `barge image ls`, and the same views for archives.

use barge_core::content::Image;
use barge_core::ops::{Filters, Listing, list, list_remote, reference_matches};
use barge_core::select::Wanted;
use barge_core::store::Store;
use barge_oci::Reference;
use barge_sources::docker::Held;
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};

use super::local::{self, Blobs, Opened};
use super::place::REGISTRY;
use super::{Failure, Outcome, engine, missing, note, print, reference, registry, say};
use crate::args::{Engine, From, List, Via, View};
use crate::render::size::human_size;
use crate::render::table::Table;
use crate::render::template::{Row, render};
use crate::render::time::{ago, local};
use crate::render::tree::Tree;
use crate::usage::{Arity, bad_flag, check};

const HEADERS: [(&str, &str); 11] = [
    ("ID", "IMAGE ID"),
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("Digest", "DIGEST"),
    ("CreatedSince", "CREATED"),
    ("CreatedAt", "CREATED AT"),
    ("Size", "SIZE"),
    ("Containers", "CONTAINERS"),
    ("SharedSize", "SHARED SIZE"),
    ("UniqueSize", "UNIQUE SIZE"),
    ("Platforms", "PLATFORMS"),
];
const RAW: &str = "repository: {{.Repository}}\\ntag: {{.Tag}}\\nimage_id: {{.ID}}\\ncreated_at: {{.CreatedAt}}\\nvirtual_size: {{.Size}}\\n";
const RAW_DIGEST: &str = "repository: {{.Repository}}\\ntag: {{.Tag}}\\ndigest: {{.Digest}}\\nimage_id: {{.ID}}\\ncreated_at: {{.CreatedAt}}\\nvirtual_size: {{.Size}}\\n";
const RAW_ID: &str = "image_id: {{.ID}}";
/// Words that were meant as a command when typed after `images`.
const COMMANDS: [&str; 13] = [
    "build", "history", "import", "inspect", "list", "load", "ls", "prune", "pull", "push", "rm", "save",
    "tag",
];

pub(crate) fn run(args: &List, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::AtMost(1), args.reference.len(), typed)?;
    if let [name] = args.reference.as_slice()
        && let Some(name) = name.strip_prefix(REGISTRY)
    {
        return in_registry(args, &reference(name)?);
    }
    if args.from == From::Registry {
        return Err(no_list());
    }
    if let Some(engine) = args.from.engine() {
        return in_engine(args, engine, typed);
    }
    let mut filters = Filters::default();
    for filter in &args.filter {
        add_filter(&mut filters, filter, "-f, --filter", typed)?;
    }
    filters.references.extend(args.reference.iter().cloned());
    if !args.all && filters.dangling.is_none() {
        filters.dangling = Some(false);
    }
    let store = store()?;
    let (listings, damaged) = list(&store, &filters).map_err(|error| missing::advise(error, &store))?;
    damaged.iter().for_each(|damage| note("warning", &damage.to_string()));
    if let ([word], true, true) = (args.reference.as_slice(), listings.is_empty(), typed.ends_with(" images"))
        && COMMANDS.contains(&word.as_str())
    {
        let program = typed.split(' ').next().unwrap_or_default();
        say(&format!("No images found matching \"{word}\": did you mean \"{program} image {word}\"?"));
    }
    show(&listings, &args.view)
}

/// What is said where a registry is to be looked at without an image being named.
pub(super) fn no_list() -> Failure {
    Failure::Text(format!("nobody can list a registry: name an image of it, `{REGISTRY}NAME`"), 1)
}

/// Those of an engine. A daemon knows its own filters, and tells what it has without anything being read.
fn in_engine(args: &List, engine: Engine, typed: &str) -> Outcome {
    let daemon = match engine {
        Engine::Docker if args.engines.via != Via::Disk => engine::docker(&args.engines)?,
        engine => match local::open(&args.engines, engine)? {
            Opened::Archives(daemon) => daemon,
            Opened::Blobs(blobs) => return in_blobs(args, &blobs),
        },
    };
    let mut filters = Vec::new();
    for filter in &args.filter {
        filters.push(split_filter(filter, "-f, --filter", typed)?);
    }
    filters.extend(args.reference.iter().map(|name| ("reference", name.as_str())));
    let dangling = args.all || filters.iter().any(|(key, _)| *key == "dangling");
    let held = daemon.images(&filters)?;
    let shown = held.iter().filter(|held| dangling || !held.names.is_empty());
    show(&shown.map(Held::listing).collect::<Vec<_>>(), &args.view)
}

/// Those whose documents have to be read.
fn in_blobs(args: &List, blobs: &Blobs) -> Outcome {
    if !args.filter.is_empty() {
        return Err(Failure::Text(
            "\"--filter\" is for images of the store and of Docker's daemon".to_owned(),
            1,
        ));
    }
    let wanted = |image: &Image| match (&image.name, args.reference.first()) {
        (Some(name), Some(pattern)) => reference_matches(name, pattern),
        (name, None) => args.all || name.is_some(),
        (None, Some(_)) => false,
    };
    let mut listings: Vec<Listing> = Vec::new();
    for image in blobs.listed()?.iter().filter(|image| !image.is_referrer() && wanted(image)) {
        match blobs.readable(image).and_then(|image| list_remote(&blobs.provider(), &image)) {
            Ok(listing) => add_listing(&mut listings, listing),
            Err(error) => note("warning", &error.to_string()),
        }
    }
    listings.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.target.digest.cmp(&b.target.digest)));
    show(&listings, &args.view)
}

/// Adds an image, or to one that is there a name.
fn add_listing(listings: &mut Vec<Listing>, new: Listing) {
    match listings.iter_mut().find(|old| old.target.digest == new.target.digest) {
        Some(old) => old.names.extend(new.names),
        None => listings.push(new),
    }
}

/// An image that is in a registry, of which only documents are fetched.
fn in_registry(args: &List, name: &Reference) -> Outcome {
    if !args.filter.is_empty() {
        let text = format!("\"--filter\" is for images of the store, not for `{REGISTRY}` ones");
        return Err(Failure::Text(text, 1));
    }
    let settings = registry::settings(&args.registries, [name])?;
    let (gathered, images) = registry::gather(std::slice::from_ref(name), &settings, Wanted::All)?;
    let listings = images.iter().map(|image| list_remote(&gathered, image)).collect::<Result<Vec<_>, _>>()?;
    show(&listings, &args.view)
}

/// Adds a filter.
pub(crate) fn add_filter(filters: &mut Filters, filter: &str, flag: &str, typed: &str) -> Outcome {
    let (key, value) = split_filter(filter, flag, typed)?;
    Ok(filters.add(key, value, &Zoned::now())?)
}

fn split_filter<'a>(filter: &'a str, flag: &str, typed: &str) -> Result<(&'a str, &'a str), Failure> {
    filter.split_once('=').ok_or_else(|| {
        let shown = barge_core::error::printable(filter);
        let text = format!(
            "invalid argument \"{shown}\" for \"{flag}\" flag: bad format of filter (expected name=value)"
        );
        bad_flag(&text, typed)
    })
}

/// Prints images in the view asked for.
pub(crate) fn show(listings: &[Listing], view: &View) -> Outcome {
    let format = view.format.as_deref().filter(|f| !f.is_empty());
    if view.quiet && matches!(format, None | Some("table")) {
        return print(&ids(listings, view));
    }
    if view.tree && matches!(format, None | Some("table")) {
        return print(&Tree::new(view.no_trunc || view.digests).draw(listings));
    }
    let format = match format {
        None => "table",
        Some("raw") if view.quiet => RAW_ID,
        Some("raw") if view.digests => RAW_DIGEST,
        Some("raw") => RAW,
        Some(format) => format,
    };
    if view.tree {
        let rows: Vec<Row> = listings.iter().map(|l| tree_row(l, view)).collect();
        let headers =
            [("ID", "ID"), ("Names", "IMAGE"), ("Size", "CONTENT SIZE"), ("Platforms", "PLATFORMS")];
        return print(&render(format, &rows, &headers, &[])?);
    }
    let now = Timestamp::now();
    let mut default = vec!["Repository", "Tag", "ID", "CreatedSince", "Size"];
    if view.digests {
        default.insert(2, "Digest");
    }
    if format == "table" {
        let title = |name: &&str| HEADERS.iter().find(|(n, _)| n == name).map_or("", |(_, title)| *title);
        let mut table = Table::new(&default.iter().map(title).collect::<Vec<_>>());
        listings.iter().flat_map(|l| cells(l, view, now, &default)).for_each(|cells| table.row(cells));
        return print(&table.to_string());
    }
    let all: Vec<&str> = HEADERS.iter().map(|(name, _)| *name).collect();
    let named = |cells: Vec<String>| {
        all.iter().map(|n| (*n).to_owned()).zip(cells.into_iter().map(Value::from)).collect()
    };
    let rows: Vec<Row> = listings.iter().flat_map(|l| cells(l, view, now, &all)).map(named).collect();
    let with_digest = format!("{format}\\t{{{{.Digest}}}}");
    let add = view.digests && format.starts_with("table") && !format.contains(".Digest");
    print(&render(if add { &with_digest } else { format }, &rows, &HEADERS, &default)?)
}

/// One ID a row; in a tree the platforms' too.
fn ids(listings: &[Listing], view: &View) -> String {
    let id = |digest: &barge_oci::Digest| if view.no_trunc { digest.to_string() } else { digest.short() };
    let mut out = String::new();
    for listing in listings {
        if view.tree {
            out.push_str(&format!("{}\n", id(&listing.target.digest)));
            listing.platforms.iter().for_each(|p| out.push_str(&format!("{}\n", id(&p.digest))));
        } else {
            out.push_str(&format!("{}\n", id(&listing.target.digest)).repeat(listing.names.len().max(1)));
        }
    }
    out
}

/// One row a name, as docker's formatter has it, of the fields that are wanted.
fn cells(listing: &Listing, view: &View, now: Timestamp, wanted: &[&str]) -> Vec<Vec<String>> {
    let field = |name: Option<&Reference>, field: &str| match field {
        "ID" if view.no_trunc => listing.target.digest.to_string(),
        "ID" => listing.target.digest.short(),
        "Repository" => name.map_or_else(|| "<none>".to_owned(), Reference::familiar_name),
        "Tag" => name.and_then(Reference::tag).unwrap_or("<none>").to_owned(),
        "Digest" => listing.target.digest.to_string(),
        "CreatedSince" => ago(listing.created, now),
        "CreatedAt" => local(listing.created),
        "Size" => human_size(listing.size, 3),
        "Platforms" => {
            let present = listing.platforms.iter().filter(|p| p.present);
            present.map(|p| p.platform.as_str()).collect::<Vec<_>>().join(",")
        }
        // Containers and sharing are a daemon's to know.
        _ => "N/A".to_owned(),
    };
    let row = |name: Option<&Reference>| wanted.iter().map(|f| field(name, f)).collect();
    if listing.names.is_empty() {
        vec![row(None)]
    } else {
        listing.names.iter().map(|n| row(Some(n))).collect()
    }
}

/// One object an image, its platforms inside.
fn tree_row(listing: &Listing, view: &View) -> Row {
    let id = |digest: &barge_oci::Digest| {
        if view.no_trunc || view.digests { digest.to_string() } else { digest.short() }
    };
    let platforms: Vec<Value> = listing
        .platforms
        .iter()
        .map(|p| json!({"Platform": p.platform, "ID": id(&p.digest), "Available": p.present, "Bytes": p.size, "Size": human_size(p.size, 3)}))
        .collect();
    let names: Vec<String> = listing.names.iter().map(Reference::familiar).collect();
    object(json!({
        "ID": id(&listing.target.digest), "Names": names, "CreatedAt": local(listing.created),
        "Bytes": listing.size, "Size": human_size(listing.size, 3), "Platforms": platforms,
    }))
}

fn object(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        _ => Row::new(),
    }
}
