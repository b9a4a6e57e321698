//! `barge import`

use std::fs::File;
use std::io::{IsTerminal, Read, stdin};
use std::path::Path;

use barge_core::error::{Error, printable};
use barge_core::ops::{ImportOptions, import};
use barge_core::store::Store;
use barge_oci::Platform;

use super::{Failure, Outcome, now, platform, print, reference};
use crate::args::Import;
use crate::render::progress;
use crate::usage::{Arity, check};

/// Prints the new image's ID.
pub(crate) fn run(args: &Import, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::AtLeast(1), args.arguments.len(), typed)?;
    let (file, name) = match args.arguments.as_slice() {
        [file] => (file, None),
        [file, name] => (file, Some(reference(name)?.or_latest())),
        _ => return check(&Arity::AtMost(2), args.arguments.len(), typed),
    };
    if name.as_ref().is_some_and(|name| name.digest().is_some()) {
        return Err(Failure::Text("cannot import digest reference".to_owned(), 1));
    }
    if ["http://", "https://"].iter().any(|scheme| file.starts_with(scheme)) {
        let text = "an image is imported from a file or from STDIN";
        return Err(Error::invalid(text)
            .hint("fetch it first: `curl -fsS URL | barge import - NAME`")
            .into());
    }
    let options = ImportOptions {
        name,
        platform: args.platform.as_deref().map_or_else(|| Ok(Platform::host()), platform)?,
        message: args.message.clone(),
        changes: args.change.clone(),
        now: created()?,
    };
    let (mut open, mut standard);
    let input: &mut dyn Read = if file == "-" {
        if stdin().is_terminal() {
            return Err(Failure::Text("requested import from stdin, but stdin is empty".to_owned(), 1));
        }
        standard = stdin().lock();
        &mut standard
    } else {
        let path = Path::new(file);
        open = File::open(path).map_err(|e| Error::io("open", path, e))?;
        &mut open
    };
    let progress = progress::new(args.progress, "Importing");
    let id = import(&store()?, input, &options, progress.as_ref())?;
    drop(progress);
    print(&format!("{id}\n"))
}

/// When the image was made: now, or what SOURCE_DATE_EPOCH says, so that the same files make the same image.
fn created() -> Result<String, Failure> {
    let Some(epoch) = std::env::var("SOURCE_DATE_EPOCH").ok().filter(|value| !value.is_empty()) else {
        return Ok(now());
    };
    let time = epoch.parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map(|time| time.to_string()).ok_or_else(|| {
        Failure::Text(format!("SOURCE_DATE_EPOCH is no time in seconds: `{}`", printable(&epoch)), 1)
    })
}
