//! `barge load`

use std::io::{self, IsTerminal, stdin};
use std::path::Path;
use std::sync::Arc;

use barge_core::archive;
use barge_core::content::Provider;
use barge_core::error::{Error, printable};
use barge_core::image::shown;
use barge_core::ops::{LoadOptions, Loaded, PushOptions, Source, Staged, stage, stage_in_place};
use barge_core::referrers::{Referrers, companions};
use barge_core::select::Selection;
use barge_core::store::Store;
use barge_oci::{Platform, Reference};
use barge_sources::registry::Registry;

use super::load_engine::Outgoing;
use super::place::{Place, REGISTRY};
use super::{Failure, Outcome, note, now, platforms, print, push, reference, referrers, registry};
use crate::args::{Checks, Engine, Load, ProgressMode};
use crate::render::progress;
use crate::usage::{Arity, bad_flag, check};

/// Engines, where a registry could be named.
const ENGINES: [(&str, Engine); 3] =
    [("docker", Engine::Docker), ("containerd", Engine::Containerd), ("podman", Engine::Podman)];
/// How many absent platforms are named one by one.
const MOST_NAMED: usize = 10;

pub(crate) fn run(args: &Load, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::None, args.rest.len(), typed)?;
    let base_name = args.base_name.as_deref().map(|name| {
        Reference::parse(name)
            .map_err(|e| bad_flag(&format!("invalid argument {name:?} for \"--base-name\" flag: {e}"), typed))
    });
    let checks = match args.verify {
        Checks::DiffIds => archive::Checks::DiffIds,
        Checks::Digests => archive::Checks::Digests,
    };
    let platforms = platforms(&args.platform)?;
    let base_name = base_name.transpose()?;
    let options = LoadOptions { platforms: platforms.clone(), base_name, checks, ..LoadOptions::default() };
    let file =
        args.input.as_deref().map(Path::new).filter(|p| !p.as_os_str().is_empty() && *p != Path::new("-"));
    if file.is_none() && stdin().is_terminal() {
        return Err(Failure::Text("requested load from stdin, but stdin is empty".to_owned(), 1));
    }
    // As with docker, what was loaded is said all the same.
    let progress = progress::new(if args.quiet { ProgressMode::None } else { args.progress }, "Loading");
    let mut stdin = stdin().lock();
    let source = match file {
        Some(path) => {
            // Docker's words for a file that cannot be opened, before the store is touched.
            std::fs::metadata(path).map_err(|e| unopened(path, e))?;
            Source::Path(path)
        }
        None => Source::Stream(&mut stdin),
    };
    let referrers = referrers(args.referrers.as_deref()).unwrap_or(Referrers::All);
    let to = args.to.as_deref().filter(|to| !["", "store"].contains(to));
    if let (Some(to), Source::Path(path)) = (to, &source)
        && let Some(staged) = stage_in_place(path, &options, progress.as_ref())?
    {
        drop(progress);
        return send_to(args, &staged, platforms, &referrers, to);
    }
    let mut staged = stage(&store()?, source, &options, progress.as_ref())?;
    drop(progress);
    if let Some(to) = to {
        return send_to(args, &staged, platforms, &referrers, to);
    }
    staged.referrers.retain(|i| referrers.takes(&i.target));
    report(&staged.commit(&now())?)
}

/// The error for what cannot be opened, and if it is not there what may have been meant.
fn unopened(path: &Path, cause: io::Error) -> Error {
    let absent = cause.kind() == io::ErrorKind::NotFound;
    let error = Error::io("open", path, cause);
    match path.to_str().filter(|_| absent).and_then(meant) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What is meant by something that was typed for a file and is none.
fn meant(typed: &str) -> Option<String> {
    if ["http://", "https://"].iter().any(|scheme| typed.starts_with(scheme)) {
        return Some(format!(
            "load reads files; fetch it first: `curl -fsSL {} | barge load`",
            printable(typed)
        ));
    }
    let image = match Place::parse(typed).ok()? {
        Place::Layout(path, _) | Place::Archive(path, _) => {
            return Some(format!("load reads files: `-i {}`", printable(&path.to_string_lossy())));
        }
        Place::Registry(_) => typed.strip_prefix(REGISTRY)?,
        Place::Store(_) if Reference::parse(typed).is_ok_and(|name| !name.is_name_only()) => typed,
        Place::Store(_) | Place::Engine(..) => return None,
    };
    Some(format!("load reads files; `barge pull {}` fetches from a registry", printable(image)))
}

/// Into an engine, or a registry.
fn send_to<C: Provider + Sync>(
    args: &Load,
    staged: &Staged<C>,
    platforms: Vec<Platform>,
    referrers: &Referrers,
    to: &str,
) -> Outcome {
    let Some((_, to)) = ENGINES.iter().find(|(name, _)| *name == to) else {
        return send(args, staged, &platforms, referrers, to);
    };
    // What is loaded keeps its digest.
    let selection = Selection { platforms, keep_index: true, foreign: true };
    let outgoing = Outgoing {
        source: staged,
        images: staged.images.clone(),
        companions: staged.referrers.iter().filter(|i| referrers.takes(&i.target)).cloned().collect(),
        selection,
        parallel: args.registries.reach.parallel.into(),
        mode: if args.quiet { ProgressMode::None } else { args.progress },
    };
    outgoing.into_engine(*to, &args.engines)?;
    staged.loaded.warnings.iter().for_each(|warning| note("warning", warning));
    Ok(())
}

/// Into a registry: `docker.io/library/a:1` below `registry/prefix` is `registry/prefix/library/a:1`.
fn send<C: Provider + Sync>(
    args: &Load,
    staged: &Staged<C>,
    platforms: &[Platform],
    referrers: &Referrers,
    prefix: &str,
) -> Outcome {
    let mut named = Vec::new();
    for image in &staged.images {
        let Some(name) = &image.name else {
            let text = format!("{}: a nameless image has no place in a registry", image.target.digest);
            return Err(Failure::Text(text, 1));
        };
        let below = format!("{}/{}", prefix.trim_end_matches('/'), name.path());
        let tag = name.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
        named.push((image, reference(&format!("{below}{tag}"))?));
    }
    let settings = registry::settings(&args.registries, named.iter().map(|(_, name)| name))?;
    let Some((_, first)) = named.first() else { return Ok(()) };
    let registry = Registry::new(first.domain(), settings)?;
    for (image, name) in &named {
        let repository = registry.repository(name.path());
        let options = PushOptions {
            selection: Selection { platforms: platforms.to_vec(), ..Selection::default() },
            parallel: args.registries.reach.parallel.into(),
            siblings: Vec::new(),
            companions: companions(staged, std::slice::from_ref(*image), &staged.referrers, referrers)?,
            stop: Arc::default(),
        };
        let mode = if args.quiet { ProgressMode::None } else { args.progress };
        push::send(staged, image, &repository, name.tag(), &options, mode)?;
        print(&format!("Loaded image: {}\n", name.familiar()))?;
    }
    for warning in &staged.loaded.warnings {
        note("warning", warning);
    }
    Ok(())
}

fn report(loaded: &Loaded) -> Outcome {
    for image in &loaded.images {
        match &image.name {
            Some(name) => print(&format!("Loaded image: {}\n", name.familiar()))?,
            None => print(&format!("Loaded image ID: {}\n", image.digest))?,
        }
    }
    for warning in &loaded.warnings {
        note("warning", warning);
    }
    for image in loaded.images.iter().filter(|i| !i.absent.is_empty()).take(MOST_NAMED) {
        let name = shown(image.name.as_ref(), &image.digest);
        let more = image.absent.len().saturating_sub(MOST_NAMED);
        let named = image.absent.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        note("note", &format!("{name}: listed but not in the archive: {named}{more}"));
    }
    Ok(())
}
